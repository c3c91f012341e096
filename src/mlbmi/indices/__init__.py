"""Vegetation and water indices: their catalogue, and how they are computed without inventing a value."""

from mlbmi.indices.catalogue import INDICES, get_index
from mlbmi.indices.compute import compute, out_of_bounds
from mlbmi.indices.index import Index
from mlbmi.indices.library import library_names

__all__ = ["INDICES", "Index", "compute", "get_index", "library_names", "out_of_bounds"]
