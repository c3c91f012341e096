"""Features made comparable before clustering, and centers brought back to the units of the features."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import xarray as xr

from mlbmi.cluster._coded import coded_cube
from mlbmi.cluster._spread import infinite, line_spread
from mlbmi.cluster._table import Table
from mlbmi.errors import ClusterError
from mlbmi.threads import map_chunks
from mlbmi.types import INDEX_NODATA, Scaling, ScalingMethod

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = [
    "check_scaling",
    "fit_columns",
    "fit_scaling",
    "scale",
    "scale_centers",
    "scaled_into",
    "scaled_table",
    "spread_scaling",
    "unscale_centers",
]

_CHUNK = 1 << 16


def fit_scaling(
    data: NDArray[Any] | xr.DataArray,
    method: ScalingMethod,
    quantile_range: tuple[float, float] = (25.0, 75.0),
    *,
    nodata: int | None = INDEX_NODATA,
) -> Scaling:
    """Learn from data how to scale their features.

    Parameters
    ----------
    data : ndarray, shape (n_pixels, n_features), or xarray.DataArray over (time, y, x) or (y, x)
        float32, float64 or int16. Of a DataArray the dates are the features, in units of its values; if it is chunked, no more
        than a date is read at once.
    method : {"none", "robust", "standard", "profile"}
        none : nothing.
        robust : minus the median, over the range between two quantiles, by feature; what scikit-learn's ``RobustScaler`` does.
        standard : minus the mean, over the (population) standard deviation, by feature; as ``StandardScaler``.
        profile : each pixel minus its own mean over what was observed of it, over its own standard deviation. There is nothing to
        learn for it.
    quantile_range : tuple of float
        Lower and upper quantile for ``robust``, in per cent.
    nodata : int, optional
        Missing value of an int16 ndarray (a DataArray says itself). Floats have NaN.

    Returns
    -------
    Scaling
        Missing values count nowhere. A feature that does not spread (constant, or with equal quantiles) has scale 1, one that was
        never observed shift 0 and scale 1: both are finite for all features.

    Raises
    ------
    ClusterError
        If the method is unknown, the quantiles do not rise within 0-100, or a value is infinite.

    Notes
    -----
    Sums are in float64. Quantiles of int16 are taken from the histogram, exactly.

    Examples
    --------
    >>> import numpy as np
    >>> learned = fit_scaling(np.array([[1.0, 7.0], [2.0, 7.0], [np.nan, 7.0], [6.0, 7.0]]), "robust")
    >>> learned.shift, learned.scale
    (array([2., 7.]), array([2.5, 1. ]))
    """
    check_scaling(method, quantile_range)
    if isinstance(data, xr.DataArray):
        cube = coded_cube(data)
        dates = (np.asarray(date.data).reshape(-1) for date in cube.data)
        coding = Table(numbers=np.empty((0, 0), data.dtype), nodata=cube.nodata, step=cube.scale, offset=cube.offset)
        return fit_columns(dates, coding, method, quantile_range)
    coding = Table(numbers=np.asarray(data).T, nodata=nodata if data.dtype == np.int16 else None)
    return fit_columns(coding.numbers, coding, method, quantile_range)


def check_scaling(method: str, quantile_range: tuple[float, float]) -> None:
    """Raise a :class:`ClusterError` unless there is such a method and the quantiles rise within 0-100."""
    if method not in get_args(ScalingMethod):
        raise ClusterError(f"scaling is {method!r}; it must be one of {', '.join(get_args(ScalingMethod))}")
    ends = tuple(quantile_range)
    fits = len(ends) == 2 and all(isinstance(end, Real) and not isinstance(end, bool) for end in ends)
    if not fits or not 0 <= ends[0] < ends[1] <= 100:
        raise ClusterError(f"quantile_range is {quantile_range!r}; it must be two rising numbers within 0-100, in per cent")


def fit_columns(
    columns: Iterable[NDArray[Any]], coding: Table, method: ScalingMethod, quantile_range: tuple[float, float]
) -> Scaling:
    """Do what :func:`fit_scaling` does, for features that come one after another; ``coding`` says what their numbers mean."""
    if method in {"none", "profile"}:
        return Scaling(method=method)
    quantiles = None
    if method == "robust":
        quantiles = float(quantile_range[0]), float(quantile_range[1])
    found = np.array([line_spread(np.ascontiguousarray(column), quantiles, coding.nodata) for column in columns])
    return spread_scaling(found, coding, quantiles)


def spread_scaling(found: NDArray[np.float64], coding: Table, quantiles: tuple[float, float] | None) -> Scaling:
    """Make a Scaling of what was found of stored numbers, (n_features, 2): where they lie and how far they spread."""
    shift, spread = np.nan_to_num(coding.values(found[:, 0])), found[:, 1] * abs(coding.step)
    scale = np.where(spread > 0, spread, 1.0)
    if quantiles is None:
        return Scaling(method="standard", shift=shift, scale=scale)
    return Scaling(method="robust", quantile_range=quantiles, shift=shift, scale=scale)


def scale(table: NDArray[Any], scaling: Scaling, *, nodata: int | None = INDEX_NODATA, places: int = 0) -> NDArray[Any]:
    """Scale features.

    Parameters
    ----------
    table : ndarray, shape (n_pixels, n_features)
        int16, float32 or float64, as for :func:`fit_scaling`.
    scaling : Scaling
    nodata : int, optional
        Missing value of int16. Floats have NaN.
    places : int
        How many of the last features are coordinates: they are no part of a pixel's profile.

    Returns
    -------
    ndarray, shape (n_pixels, n_features)
        float64 for float64, float32 for all else; NaN where missing. A new array, feature after feature in memory. With
        ``profile`` a pixel whose observed values are all alike (one of them is enough) becomes zeros.

    Raises
    ------
    ClusterError
        If the number of features is another one, or, with ``profile``, a value is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> scale(np.array([[1.0, 2.0, 3.0], [5.0, np.nan, 5.0]]), Scaling(method="profile")).round(3)
    array([[-1.225,  0.   ,  1.225],
           [ 0.   ,    nan,  0.   ]])
    """
    numbers = np.asarray(table).T
    coding = Table(numbers=numbers, nodata=nodata if numbers.dtype == np.int16 else None)
    out = np.empty(numbers.shape, coding.kind)
    split = len(numbers) - places
    _fill(coding, _part(scaling, slice(None, split)), slice(None, split), out)
    _fill(coding, replace(_part(scaling, slice(split, None)), method="none"), slice(split, None), out)
    return out.T


def _part(scaling: Scaling, features: slice) -> Scaling:
    return replace(scaling, shift=scaling.shift[features], scale=scaling.scale[features])


def _fill(table: Table, scaling: Scaling, features: slice, out: NDArray[Any]) -> None:
    scaled_into(replace(table, numbers=table.numbers[features]), scaling, out[features])


def scaled_table(table: Table, scaling: Scaling) -> Table:
    """Return a table scaled; itself where nothing is to be done, so that int16 is clustered as it lies in memory."""
    if scaling.method == "none" and not scaling.shift.size:
        return table
    out = np.empty(table.numbers.shape, table.kind)
    scaled_into(table, scaling, out)
    return Table(numbers=out)


def scaled_into(table: Table, scaling: Scaling, out: NDArray[Any]) -> None:
    """Write scaled values into ``out``, shape (n_features, n_pixels), float; in float64 by blocks, rounded once."""
    features, count = table.numbers.shape
    if scaling.shift.size not in {0, features}:
        raise ClusterError(f"there are {features} features, but the scaling was learned from {scaling.shift.size}")

    def work(start: int, stop: int) -> None:
        block = table.decoded(table.numbers[:, start:stop])
        if scaling.method == "profile":
            block = _profile(block)
        out[:, start:stop] = scale_centers(block.T, scaling).T

    deque(map_chunks(work, count, max(1, _CHUNK // max(features, 1))), maxlen=0)


def _profile(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the z-score of each column, (n_features, n_pixels), over what is observed; sums about the first observed value.

    About that value, a constant has a deviation of exactly 0 whatever it is, and does not become noise blown up.
    """
    if np.isinf(block).any():
        raise infinite()
    seen = ~np.isnan(block)
    count = np.maximum(seen.sum(axis=0), 1)
    first = np.take_along_axis(block, seen.argmax(axis=0)[None], axis=0)
    rest = np.where(seen, block - first, 0.0)
    deviation = np.where(seen, rest - rest.sum(axis=0) / count, 0.0)
    spread = np.sqrt((deviation**2).sum(axis=0) / count)
    return np.where(seen, deviation / np.where(spread > 0, spread, 1.0), np.nan)


def scale_centers(centers: NDArray[np.float64], scaling: Scaling) -> NDArray[np.float64]:
    """Shift and scale rows that are profiles already, where profiles are clustered: centers, for distances to scaled pixels.

    Examples
    --------
    >>> import numpy as np
    >>> learned = Scaling(method="robust", shift=np.array([2.0, 7.0]), scale=np.array([2.5, 1.0]))
    >>> scale_centers(np.array([[4.5, 8.0]]), learned)
    array([[1., 1.]])
    """
    return (centers - scaling.shift) / scaling.scale if scaling.shift.size else centers


def unscale_centers(centers: NDArray[np.float64], scaling: Scaling) -> NDArray[np.float64]:
    """Undo :func:`scale_centers`: centers in units of the features; with ``profile`` in a pixel's own standard deviations.

    Examples
    --------
    >>> import numpy as np
    >>> learned = Scaling(method="robust", shift=np.array([2.0, 7.0]), scale=np.array([2.5, 1.0]))
    >>> unscale_centers(np.array([[1.0, 1.0]]), learned)
    array([[4.5, 8. ]])
    """
    return centers * scaling.scale + scaling.shift if scaling.shift.size else centers
