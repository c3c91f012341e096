"""Index values ⇄ int16 steps, as the stored cube and the index maps hold them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from mlbmi.errors import CubeError
from mlbmi.types import INDEX_NODATA, INDEX_SCALE

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["decode", "encode"]

T = TypeVar("T", "xr.DataArray", "NDArray[Any]")

_LARGEST = 32767
"""Largest step, either sign; −32768 is missing."""

_CODING_ATTRS = ("scale_factor", "add_offset", "_FillValue")


def encode(values: NDArray[np.floating[Any]], *, scale: float = INDEX_SCALE) -> NDArray[np.int16]:
    """Turn index values into whole steps of ``scale``.

    Parameters
    ----------
    values : ndarray of float
        Index values, NaN = missing.
    scale : float
        Value of a step.

    Returns
    -------
    ndarray of int16
        Nearest step, a tie going to the even one; at most half a step off. −32768 where missing.

    Raises
    ------
    CubeError
        If a value lies beyond ±32767 steps or is infinite: it would wrap round to another.

    Examples
    --------
    >>> encode(np.array([0.12345678, -1.0, np.nan])).tolist()
    [1235, -10000, -32768]
    """
    # float64: in float32 the division alone can be off by a step in 16 million, enough to break the promise of half a step.
    steps = np.rint(values.astype(np.float64) / scale)
    missing = np.isnan(steps)
    wrong = np.abs(steps) > _LARGEST
    if wrong.any():
        first = f"{np.count_nonzero(wrong)} values, the first {values[wrong].flat[0]:g},"
        raise CubeError(
            f"{first} cannot be stored as int16 in steps of {scale:g}; they must lie within ±{_LARGEST * scale:g}",
            remedy="Take out what is outside the index's legal range first.",
        )
    steps[missing] = INDEX_NODATA
    return steps.astype(np.int16)


def decode(codes: T, scale: float | None = None) -> T:
    """Turn whole steps back into index values.

    Parameters
    ----------
    codes : ndarray or DataArray of int16
        Steps, −32768 = missing; a chunked DataArray stays lazy. Floats count as decoded already.
    scale : float, optional
        Value of a step; by default a DataArray's own ``scale_factor``, else 0.0001.

    Returns
    -------
    ndarray or DataArray of float32
        Index values, NaN = missing; without the attributes that describe the coding.

    Examples
    --------
    >>> decode(np.array([5000, -32768], dtype=np.int16)).tolist()
    [0.5, nan]
    """
    if isinstance(codes, np.ndarray):
        return cast("T", _lookup(codes, INDEX_SCALE if scale is None else scale))
    import xarray as xr

    step = codes.attrs.get("scale_factor", INDEX_SCALE) if scale is None else scale
    result: Any = xr.apply_ufunc(_lookup, codes, kwargs={"scale": step}, dask="parallelized", output_dtypes=[np.float32])
    result.attrs = {key: value for key, value in codes.attrs.items() if key not in _CODING_ATTRS}
    return cast("T", result)


def _lookup(codes: NDArray[Any], scale: float) -> NDArray[np.float32]:
    if codes.dtype.kind == "f":
        return codes.astype(np.float32, copy=False)
    return _table(float(scale))[codes.astype(np.int16, copy=False).view(np.uint16)]


@functools.lru_cache(maxsize=8)
def _table(scale: float) -> NDArray[np.float32]:
    """Return the value of every code, by its bits read as unsigned: one rounding each, and faster than arithmetic."""
    codes = np.arange(2**16, dtype=np.uint16).view(np.int16)
    table = (codes * np.float64(scale)).astype(np.float32)
    table[codes == INDEX_NODATA] = np.nan
    return table
