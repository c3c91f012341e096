"""The layout of a cube on disk: groups, arrays and attributes, in Zarr 2 with consolidated metadata."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from mlbmi.cube.schema import DIMS, days_as_time
from mlbmi.errors import CubeError
from mlbmi.types import INDEX_NODATA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from odc.geo.geobox import GeoBox

__all__ = ["VERSION", "check_plan", "stored_days", "stored_geobox", "write_skeleton"]

VERSION = 1
"""Of this layout; written as ``mlbmi:cube`` at the root."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def check_plan(grids: Mapping[str, tuple[GeoBox, Sequence[dt.date]]], indices: Mapping[str, float]) -> None:
    """Raise a :class:`CubeError` unless a cube can be made of these grids, days and indices."""
    if not grids or not indices:
        raise CubeError(f"a cube needs a grid and an index; there are {len(grids)} grids and {len(indices)} indices")
    for name in (*grids, *indices):
        if not _NAME.fullmatch(name):
            raise CubeError(f"{name!r} cannot name a grid or an index; letters, digits, _ and - can")
    for name, (_, days) in grids.items():
        if not days or list(days) != sorted(set(days)):
            raise CubeError(f"the days of grid {name!r} are {[str(day) for day in days]}; there must be one, and they must rise")


def write_skeleton(
    path: Path,
    grids: Mapping[str, tuple[GeoBox, Sequence[dt.date]]],
    indices: Mapping[str, float],
    chunk: tuple[int, int],
    long_names: Mapping[str, str],
) -> None:
    """Write a whole store in which every value is missing."""
    import zarr

    attrs = {"mlbmi:cube": VERSION, "grids": list(grids), "scales": dict(indices), "chunk": list(chunk)}
    zarr.create_group(path, zarr_format=2, attributes=attrs)
    for grid, (geobox, days) in grids.items():
        _write_coords(path, grid, geobox, list(days))
        group = zarr.open_group(path / grid, mode="r+", zarr_format=2)
        group.attrs.update(_grid_attrs(geobox))
        for index, scale in indices.items():
            index_attrs = {**_index_attrs(scale), "long_name": long_names.get(index, index)}
            _add_array(group, index, (len(days), *geobox.shape), chunk, index_attrs)
        zarr.consolidate_metadata(path / grid, zarr_format=2)
    zarr.consolidate_metadata(path, zarr_format=2)


def _write_coords(path: Path, grid: str, geobox: GeoBox, days: list[dt.date]) -> None:
    """Let xarray write the coordinates: it knows CF."""
    import xarray as xr
    from odc.geo.xr import xr_coords

    ds = xr.Dataset(coords={"time": days_as_time(days), **xr_coords(geobox)})
    ds["time"].attrs.update(standard_name="time", long_name="UTC day of acquisition")
    encoding: dict[str, dict[str, Any]] = {
        "time": {"units": "days since 1970-01-01", "calendar": "proleptic_gregorian", "dtype": "int64"},
        "y": {"_FillValue": None},
        "x": {"_FillValue": None},
    }
    ds.to_zarr(path, group=grid, mode="a", zarr_format=2, consolidated=False, encoding=encoding)


def _grid_attrs(geobox: GeoBox) -> dict[str, Any]:
    """Return attributes after CF, and after the GeoZarr proposals' ``proj:`` and ``spatial:`` conventions."""
    crs: Any = geobox.crs
    return {
        "Conventions": "CF-1.11",
        "proj:code": f"EPSG:{crs.epsg}" if crs.epsg else None,
        "proj:wkt2": crs.to_wkt(),
        "spatial:dimensions": list(DIMS[1:]),
        "spatial:shape": list(geobox.shape),
        "spatial:transform": list(geobox.affine)[:6],
    }


def _index_attrs(scale: float) -> dict[str, Any]:
    return {
        "_ARRAY_DIMENSIONS": list(DIMS),
        "_FillValue": INDEX_NODATA,
        "scale_factor": scale,
        "units": "1",
        "grid_mapping": "spatial_ref",
        "coordinates": "spatial_ref",
    }


def _add_array(group: Any, name: str, shape: tuple[int, ...], chunk: tuple[int, int], attrs: dict[str, Any]) -> None:
    """Add an array whose chunks each hold one day, each day in a folder of its own."""
    chunks = (1, min(chunk[0], shape[1]), min(chunk[1], shape[2]))
    group.create_array(
        name,
        shape=shape,
        chunks=chunks,
        dtype="int16",
        fill_value=INDEX_NODATA,
        attributes=attrs,
        # With a checksum: of the default, Blosc, damage comes back as numbers. Here it is smaller and faster besides.
        compressors=[{"id": "zstd", "level": 1, "checksum": True}],
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )


def stored_geobox(attrs: Any) -> GeoBox:
    """Return the grid that a group's attributes describe, exactly as it was given."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    height, width = attrs["spatial:shape"]
    return GeoBox((height, width), Affine(*attrs["spatial:transform"]), attrs["proj:code"] or attrs["proj:wkt2"])


def stored_days(time: Any) -> list[dt.date]:
    """Return the days of a stored ``time``."""
    first = dt.date(1970, 1, 1)
    return [first + dt.timedelta(days=int(number)) for number in time[:]]
