"""Vegetation and water indices: their catalogue, and how they are computed without inventing a value."""

from mlbmi.indices.catalogue import INDICES, Index, get_index
from mlbmi.indices.compute import compute, out_of_bounds

__all__ = ["INDICES", "Index", "compute", "get_index", "out_of_bounds"]
