"""STAC-GeoParquet (its specification 1.x): one item a row, properties as columns of their own, the footprint as WKB.

pyarrow reads it. It is large and nothing else here needs it, so it is no dependency: who has such a file will have pyarrow.
"""

from __future__ import annotations

import datetime as dt
import importlib
from typing import TYPE_CHECKING, Any

import shapely

from mlbmi.errors import SearchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["SUFFIXES", "items_of_parquet"]

SUFFIXES = frozenset({".parquet", ".geoparquet", ".pq"})

_ROWS = 500
"""Rows taken at a time: the dictionaries of an item need about 50 kB."""

_TOP_LEVEL = frozenset({"id", "type", "stac_version", "stac_extensions", "geometry", "bbox", "links", "assets", "collection"})


def items_of_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """Read the items of a STAC-GeoParquet file, as the JSON that they were made from.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    dict
        Unchecked, as any foreign item.

    Raises
    ------
    SearchError
        If pyarrow is not installed, or the file is not STAC-GeoParquet.
    """
    pyarrow, parquet = _pyarrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            if lacking := sorted({"id", "geometry", "assets"} - set(file.schema_arrow.names)):
                raise SearchError(
                    f"catalog {str(path)!r} is Parquet, but not of STAC items: it has no column {', '.join(lacking)}"
                )
            for batch in file.iter_batches(batch_size=_ROWS):
                yield from (_item(row) for row in batch.to_pylist())
    except (pyarrow.ArrowException, OSError) as error:
        raise SearchError(f"catalog {str(path)!r} cannot be read as Parquet: {error}") from error


def _pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise SearchError(
            f"catalog {str(path)!r} is Parquet, and pyarrow, which reads it, is not installed",
            remedy="Install it (`pip install pyarrow`), or give the items as JSON.",
        ) from error


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    top = {name: _json(value) for name, value in row.items() if name in _TOP_LEVEL and name != "geometry" and value is not None}
    properties = {name: _json(value) for name, value in row.items() if name not in _TOP_LEVEL and value is not None}
    return {**top, "type": "Feature", "geometry": _geometry(row["geometry"]), "properties": properties}


def _geometry(value: object) -> object:
    """Return GeoJSON; what is no WKB comes back as it is, for the check of footprints to refuse."""
    if not isinstance(value, bytes):
        return value
    try:
        return dict(shapely.geometry.mapping(shapely.from_wkb(value)))
    except shapely.errors.ShapelyError:
        return {"type": "broken WKB"}


def _json(value: Any) -> Any:
    """Undo what a table does to JSON: members that only other rows have are null there, times are no texts."""
    if isinstance(value, dict):
        return {name: _json(member) for name, member in value.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [_json(member) for member in value]
    return value.isoformat() if isinstance(value, (dt.datetime, dt.date)) else value
