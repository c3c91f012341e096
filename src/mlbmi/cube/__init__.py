"""The cube of an index over time: its schema, its coding as int16, and the resumable Zarr store."""

from mlbmi.cube.coding import decode, encode
from mlbmi.cube.schema import assemble, check_schema
from mlbmi.cube.store import CubeStore

__all__ = ["CubeStore", "assemble", "check_schema", "decode", "encode"]
