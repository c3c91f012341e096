"""Labels by the nearest of ascending centers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._exact_passes import nearest
from mlbmi.cluster._exact_solve import midpoints
from mlbmi.cluster._histogram import LEVEL_TYPES, level_index, levels_of, look_up
from mlbmi.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["label", "label_table"]


def label(
    values: NDArray[Any],
    centers: NDArray[np.float64],
    *,
    out: NDArray[Any] | None = None,
    nodata: int | None = None,
    nodata_label: int = 255,
) -> NDArray[Any]:
    """Number each value by its nearest center, over all threads; a value halfway between two gets the lower number.

    Parameters
    ----------
    values : ndarray of int16, uint16, int8, uint8, float32 or float64, any shape
        Never copied whole. NaN is missing.
    centers : ndarray of float, shape (k,)
        Ascending, in units of ``values`` (for an index stored as int16: of its steps).
    out : ndarray of integers, same shape, optional
        Written and returned; by default a new array of uint8.
    nodata : int, optional
        Level that means "missing"; for integers only.
    nodata_label : int
        Label of missing values.

    Returns
    -------
    ndarray
        Labels 0 … k - 1, or ``nodata_label``.

    Raises
    ------
    InputError
        If the type is another one, shapes differ, centers are not ascending or the labels do not fit into ``out``.

    Examples
    --------
    >>> import numpy as np
    >>> label(np.array([-32768, 10, 4000, 9000], np.int16), np.array([100.0, 8000.0]), nodata=-32768)
    array([255,   0,   0,   1], dtype=uint8)
    >>> label(np.array([0.2, np.nan, 0.9]), np.array([0.0, 1.0]))
    array([  0, 255,   1], dtype=uint8)
    """
    centers = np.asarray(centers, np.float64)
    if out is None:
        out = np.empty_like(values, dtype=np.uint8)
    _check_labels(centers, out, nodata_label)
    if values.dtype.newbyteorder("=") in LEVEL_TYPES:
        look_up(values, label_table(values.dtype.newbyteorder("="), centers, out.dtype, nodata, nodata_label), out)
        return out
    if values.dtype not in (np.float32, np.float64) or nodata is not None:
        raise InputError(
            f"values are {values.dtype} and nodata is {nodata}; label takes integers of 8 or 16 bits, with or without nodata, "
            "and float32 or float64, where NaN is missing"
        )
    nearest(values, None, centers, out, nodata_label)
    return out


def label_table(
    dtype: np.dtype[Any],
    centers: NDArray[np.float64],
    out_dtype: np.dtype[Any],
    nodata: int | None = None,
    nodata_label: int = 255,
) -> NDArray[Any]:
    """Return the label of every level of an integer type."""
    table = np.searchsorted(midpoints(centers), levels_of(dtype)).astype(out_dtype)
    if nodata is not None:
        table[level_index(dtype, nodata)] = nodata_label
    return table


def _check_labels(centers: NDArray[np.float64], out: NDArray[Any], nodata_label: int) -> None:
    if centers.ndim != 1 or not centers.size or not np.isfinite(centers).all() or (np.diff(centers) < 0).any():
        raise InputError(f"centers are {centers}; they must be one line of finite, ascending values")
    limits = np.iinfo(out.dtype)
    if centers.size - 1 > limits.max or not limits.min <= nodata_label <= limits.max or 0 <= nodata_label < centers.size:
        raise InputError(
            f"{centers.size} clusters and the label {nodata_label} for missing values do not fit into {out.dtype} side by side",
            remedy="Give `out` in a wider type of integers.",
        )
