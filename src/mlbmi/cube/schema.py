"""What a cube is: the one check of its schema, and the assembly that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import CubeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Hashable, Mapping

    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["DIMS", "assemble", "check_schema", "days_as_time"]

DIMS = ("time", "y", "x")
"""Dimensions of every variable of a cube, in this order."""

_ATTRS = ("long_name", "units")
"""Attributes that every variable has."""


def check_schema(ds: xr.Dataset) -> None:
    """Check that a data set is a cube.

    A cube has variables of float32 over ``(time, y, x)``, NaN = missing, each with ``long_name`` and ``units``; ``time`` in
    datetime64[ns], midnight of UTC days, each later than the one before; ``x`` rising and ``y`` falling by equal steps, centres
    of pixels; and a projected CRS, in ``spatial_ref``.

    Parameters
    ----------
    ds : xarray.Dataset
        What to check. No data are computed.

    Raises
    ------
    CubeError
        If it is none: says what was found and what is wanted.
    """
    if not ds.data_vars:
        raise CubeError("the cube has no variable; it must have one for each index")
    for name, variable in ds.data_vars.items():
        _check_variable(name, variable)
    _check_time(ds["time"])
    _check_axis(ds, "x", rising=True)
    _check_axis(ds, "y", rising=False)
    _check_crs(ds)


def _check_variable(name: Hashable, variable: xr.DataArray) -> None:
    if variable.dims != DIMS:
        raise CubeError(f"variable {name!r} has the dimensions {variable.dims}; they must be {DIMS}")
    if variable.dtype != np.float32:
        raise CubeError(f"variable {name!r} is {variable.dtype}; it must be float32", remedy="Decode it, or use astype.")
    absent = [key for key in _ATTRS if key not in variable.attrs]
    if absent:
        raise CubeError(f"variable {name!r} lacks the attributes {', '.join(absent)}")


def _check_time(time: xr.DataArray) -> None:
    if time.dtype != np.dtype("datetime64[ns]"):
        raise CubeError(f"time is {time.dtype}; it must be datetime64[ns]")
    values = time.values
    if np.isnat(values).any() or (values != values.astype("datetime64[D]")).any():
        raise CubeError("time holds a value that is not midnight of a day; an acquisition counts for its UTC day")
    if (np.diff(values) <= np.timedelta64(0)).any():
        later = int(np.argmax(np.diff(values) <= np.timedelta64(0))) + 1
        day = np.datetime_as_string(values[later], "D")
        raise CubeError(f"time does not rise at position {later} ({day}); days must rise, each once")


def _check_axis(ds: xr.Dataset, name: str, *, rising: bool) -> None:
    if name not in ds.coords:
        raise CubeError(f"the cube has no coordinate {name!r}; it must hold the centres of pixels")
    steps = np.diff(ds[name].values)
    sign, word = (1, "rise") if rising else (-1, "fall")
    if steps.size and (sign * steps[0] <= 0 or not np.allclose(steps, steps[0], rtol=1e-6, atol=0)):
        span = f"from {steps.min():g} to {steps.max():g}"
        raise CubeError(f"coordinate {name!r} must {word} by equal steps; its steps are {span}")


def _check_crs(ds: xr.Dataset) -> None:
    import odc.geo.xr  # noqa: F401 — registers the accessor

    crs = ds.odc.crs
    if crs is None or not crs.projected:
        raise CubeError(f"the cube's CRS is {crs}; it must be a projected one, written as `spatial_ref`")


def assemble(days: Mapping[dt.date, Mapping[str, xr.DataArray]], geobox: GeoBox) -> xr.Dataset:
    """Stack the images of single days into a cube.

    Parameters
    ----------
    days : mapping of datetime.date to mapping of str to DataArray
        By UTC day, in any order, then by variable: images of float, dimensions (y, x), NaN = missing. All days have the same
        variables. Images of Dask chunks give a lazy cube.
    geobox : GeoBox
        The grid that they all lie on.

    Returns
    -------
    xarray.Dataset
        A cube in the sense of :func:`check_schema`.

    Raises
    ------
    CubeError
        If there is no day, days differ in their variables, or an image is not of the grid's shape.
    """
    import xarray as xr
    from odc.geo.xr import xr_coords

    ordered = sorted(days)
    names = _common_names(days)
    coords = {"time": days_as_time(ordered), **xr_coords(geobox)}
    variables = {}
    for name in names:
        images = [days[day][name] for day in ordered]
        _check_shapes(name, images, geobox)
        attrs = {"long_name": name, "units": "1"} | images[0].attrs
        variables[name] = xr.DataArray(_stack(images), dims=DIMS, attrs=attrs)
        variables[name].encoding["grid_mapping"] = "spatial_ref"
    ds = xr.Dataset(variables, coords=coords)
    check_schema(ds)
    return ds


def days_as_time(days: list[dt.date]) -> NDArray[np.datetime64]:
    """Return days as the values of a cube's ``time``."""
    return np.array(days, dtype="datetime64[D]").astype("datetime64[ns]")


def _common_names(days: Mapping[dt.date, Mapping[str, xr.DataArray]]) -> list[str]:
    if not days:
        raise CubeError("there is no day to make a cube of")
    first = min(days)
    wanted = set(days[first])
    for day, images in days.items():
        if set(images) != wanted:
            raise CubeError(f"{day} has the variables {sorted(images)}, but {first} has {sorted(wanted)}; all days have the same")
    return list(days[first])


def _check_shapes(name: str, images: list[xr.DataArray], geobox: GeoBox) -> None:
    for image in images:
        if image.dims != DIMS[1:] or image.shape != tuple(geobox.shape):
            found = dict(zip(image.dims, image.shape, strict=True))
            raise CubeError(f"an image of {name!r} has {found}; the grid has y {geobox.shape[0]}, x {geobox.shape[1]}")


def _stack(images: list[xr.DataArray]) -> Any:
    arrays = [image.data.astype(np.float32) for image in images]
    if any(image.chunks is not None for image in images):
        import dask.array as da

        stack: Any = da.stack
        return stack(arrays)
    return np.stack(arrays)
