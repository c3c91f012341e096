"""The cube of an index over time: its schema, the resumable Zarr store, and how often each pixel was seen."""

from mlbmi.cube.coverage import coverage
from mlbmi.cube.schema import assemble, check_schema
from mlbmi.cube.store import CubeStore

__all__ = ["CubeStore", "assemble", "check_schema", "coverage"]
