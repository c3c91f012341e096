"""The cube of an index over time: its schema and the resumable Zarr store."""

from mlbmi.cube.schema import assemble, check_schema
from mlbmi.cube.store import CubeStore

__all__ = ["CubeStore", "assemble", "check_schema"]
