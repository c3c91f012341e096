"""Where the values of a feature lie and how far they spread: mean and standard deviation, median and interquantile range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster.exact import histogram
from mlbmi.errors import ClusterError
from mlbmi.threads import map_chunks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["infinite", "level_spread", "line_moments", "line_spread", "weighted_quantiles"]

_CHUNK = 1 << 18


def line_spread(numbers: NDArray[Any], quantile_range: tuple[float, float] | None, nodata: int | None) -> tuple[float, float]:
    """Return where the observed numbers of a feature lie and how far they spread: 0 for a constant, NaN and 0 for none.

    Parameters
    ----------
    numbers : ndarray of int16, float32 or float64, shape (n,)
    quantile_range : tuple of float or None
        In per cent: median and the range between these quantiles. None: mean and (population) standard deviation.
    nodata : int or None
        Missing value of int16; floats have NaN.

    Raises
    ------
    ClusterError
        If a value is infinite.
    """
    if numbers.dtype == np.int16:
        return level_spread(*histogram(numbers, nodata=nodata), quantile_range)
    shift, spread = line_moments(numbers) if quantile_range is None else _quantiles(numbers, quantile_range)
    if not np.isfinite(spread):
        raise infinite()
    return shift, spread


def infinite() -> ClusterError:
    """Make the error for infinite values."""
    return ClusterError("data holds infinity; only finite values and NaN (missing) can be scaled and clustered")


def level_spread(
    levels: NDArray[np.float64], counts: NDArray[Any], quantile_range: tuple[float, float] | None
) -> tuple[float, float]:
    """Return what :func:`line_spread` does, exactly, for levels (rising) with the number of pixels on each."""
    there = counts > 0
    x, w = levels[there], counts[there]
    if not x.size:
        return float("nan"), 0.0
    if quantile_range is None:
        heavy = w / w.sum()
        mean = float(x[0] + (heavy * (x - x[0])).sum())
        return mean, float(np.sqrt((heavy * (x - mean) ** 2).sum()))
    low, middle, high = weighted_quantiles(x, w, np.array([quantile_range[0], 50.0, quantile_range[1]]))
    return float(middle), float(high - low)


def weighted_quantiles(values: NDArray[np.float64], counts: NDArray[Any], percent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantiles of values, rising, each repeated ``counts`` times: as ``numpy.percentile``, interpolated linearly."""
    ends = np.cumsum(counts)
    place = percent / 100 * (ends[-1] - 1)
    below = np.floor(place)
    low = values[np.searchsorted(ends, below, side="right")]
    high = values[np.searchsorted(ends, np.minimum(below + 1, ends[-1] - 1), side="right")]
    between: NDArray[np.float64] = low + (high - low) * (place - below)
    return between


def _quantiles(numbers: NDArray[Any], quantile_range: tuple[float, float]) -> tuple[float, float]:
    seen = numbers[~np.isnan(numbers)]
    if not seen.size:
        return float("nan"), 0.0
    # An infinity need not show in any quantile.
    if np.isinf(seen).any():
        return float("inf"), float("inf")
    low, middle, high = np.percentile(seen, (quantile_range[0], 50.0, quantile_range[1]), overwrite_input=True)
    return float(middle), float(high) - float(low)


def line_moments(numbers: NDArray[Any]) -> tuple[float, float]:
    """Return mean and (population) standard deviation of floats, NaN and 0 of none; a spread that is not finite tells infinity.

    Summed in float64 by chunks, about the first value: a constant has a deviation of exactly 0.
    """
    first = _first(numbers)
    if first is None:
        return float("nan"), 0.0

    def sums(shift: float) -> Callable[[int, int], NDArray[np.float64]]:
        def work(start: int, stop: int) -> NDArray[np.float64]:
            part = numbers[start:stop]
            rest = part[~np.isnan(part)].astype(np.float64) - shift
            return np.array([rest.size, rest.sum(), (rest * rest).sum()])

        return work

    with np.errstate(invalid="ignore", over="ignore"):
        count, total, _ = sum(map_chunks(sums(first), numbers.size, _CHUNK), start=np.zeros(3))
        mean = float(first + total / count)
        _, rest, square = sum(map_chunks(sums(mean), numbers.size, _CHUNK), start=np.zeros(3))
        spread = float(np.sqrt(np.maximum(square / count - (rest / count) ** 2, 0.0)))
    return mean, spread


def _first(numbers: NDArray[Any]) -> float | None:
    for start in range(0, numbers.size, _CHUNK):
        part = numbers[start : start + _CHUNK]
        seen = part[~np.isnan(part)]
        if seen.size:
            return float(seen[0])
    return None
