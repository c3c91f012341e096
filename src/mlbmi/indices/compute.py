"""Indices of arrays: undefined stays undefined, lazy stays lazy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from mlbmi.errors import InputError
from mlbmi.indices.catalogue import get_index

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.indices.index import Index

__all__ = ["compute", "out_of_bounds"]

T = TypeVar("T", "xr.DataArray", "NDArray[Any]")


_ROUNDING = 1e-6
"""By how much float32 rounding may carry a legal value over its bound: tanh(1), the top of
kNDVI, is 0.7615942 there and 0.7615941… in truth."""


def compute(index: Index | str, reflectance: Mapping[str, T], *, dtype: type[np.floating[Any]] = np.float32) -> T:
    """Compute an index.

    Parameters
    ----------
    index : Index or str
        The index or its name.
    reflectance : mapping of str to array
        Surface reflectance (0–1, float, NaN = missing) by canonical band name; NumPy, Dask or xarray, of one shape. Bands that
        the index does not need are ignored.
    dtype : float32 or float64
        Type in which it is computed and returned. float32 is good to about 1e-7, of an NDVI; float64, from reflectance in
        float64, rounds to the same step of a stored index as exact arithmetic.

    Returns
    -------
    array of dtype
        Of the kind given. NaN where an input is missing or the formula has no value (a denominator of 0, the root of a negative
        number): never 0, which is a legal value. Values out of bounds stay: see :func:`out_of_bounds`.

    Raises
    ------
    ConfigError
        If there is no such index.
    InputError
        If a band that it needs is not given.

    Examples
    --------
    >>> nir, red = np.float32([0.4, 0.0, np.nan]), np.float32([0.1, 0.0, 0.1])
    >>> compute("ndvi", {"nir": nir, "red": red}).round(6).tolist()
    [0.6..., nan, nan]
    """
    index = get_index(index) if isinstance(index, str) else index
    missing = [band for band in index.bands if band not in reflectance]
    if missing:
        raise InputError(f"index {index.name!r} needs {', '.join(index.bands)}; not given: {', '.join(missing)}")

    def finite(*bands: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = index.formula(*(band.astype(dtype, copy=False) for band in bands)).astype(dtype, copy=False)
        return np.where(np.isfinite(values), values, dtype(np.nan))

    return _map(finite, [reflectance[band] for band in index.bands], dtype)


def _map(function: Callable[..., NDArray[Any]], arrays: list[T], dtype: type[np.floating[Any]]) -> T:
    """Apply a function of NumPy arrays to arrays of any kind, pixel by pixel."""
    first: Any = arrays[0]
    result: Any
    if isinstance(first, np.ndarray):
        result = function(*arrays)
    elif hasattr(first, "dims"):
        import xarray as xr

        result = xr.apply_ufunc(function, *arrays, dask="parallelized", output_dtypes=[dtype])
    else:  # a bare Dask array
        result = first.map_blocks(function, *arrays[1:], dtype=dtype, meta=np.empty((0,) * first.ndim, dtype=dtype))
    return cast("T", result)


def out_of_bounds(index: Index | str, values: T) -> T:
    """Say where an index is outside its legal range.

    Parameters
    ----------
    index : Index or str
        The index or its name.
    values : array of float
        Its values; NumPy, Dask or xarray.

    Returns
    -------
    array of bool
        Of the kind given; True outside by more than rounding (1e-6), False where missing.

    Examples
    --------
    >>> out_of_bounds("ndvi", np.array([-1.0, 1.0, 1.01, np.nan])).tolist()
    [False, False, True, False]
    """
    low, high = (get_index(index) if isinstance(index, str) else index).bounds
    outside: T = (values < low - _ROUNDING) | (values > high + _ROUNDING)
    return outside
