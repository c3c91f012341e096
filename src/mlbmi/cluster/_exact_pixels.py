"""Exact 1-D K-means on floating-point pixels.

Pixels are counted into fine bins; :class:`mlbmi.cluster._exact_search.Search` finds the best partition along the bins and tells
in which few bins a better one might have a threshold; the values in those are taken one by one, and the search over bins and
values together has the optimum of the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._exact_passes import VALUES, Bins, Pixels, pooled
from mlbmi.cluster._exact_search import Levels
from mlbmi.cluster._exact_solve import Fit, check_range, fit_search, search
from mlbmi.cluster._histogram import check_weights
from mlbmi.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Limits", "fit_pixels"]


@dataclass(frozen=True, slots=True)
class Limits:
    """When pixels are treated how.

    Attributes
    ----------
    few_pixels : int
        Pixels that are sorted rather than binned.
    most_values : int
        Undecided values that are searched one by one; where there are more, their bins are divided.
    rounds : int
        Divisions, at most. Each multiplies the bins where it matters; real data need none.
    """

    few_pixels: int = 1 << 15
    most_values: int = 1 << 20
    rounds: int = 4


DEFAULT_LIMITS = Limits()

_MOST_RANGES = 16
"""Ranges of values that one pass looks for."""

_LIGHT = 2.0**-12
"""Share of the whole weight that is rather found and left aside than kept out by a range more: each is one more comparison for
every value."""

_WIDE = 1e140
"""Range, the room on both sides counted, from which on the values themselves are looked at: an infinite one may be among them."""


def fit_pixels(
    values: NDArray[Any],
    weights: NDArray[np.float64] | None,
    k: int,
    limits: Limits = DEFAULT_LIMITS,
) -> Fit:
    """Find the optimum on floating-point values for one k; NaN and values without weight do not count.

    Parameters
    ----------
    values : ndarray of float32 or float64, any shape
    weights : ndarray of float64, same shape, or None
    k : int
    limits : Limits

    Raises
    ------
    InputError
        If a value is infinite, a weight negative or not finite, nothing is left, or there are fewer distinct values than ``k``.
    """
    if weights is not None:
        check_weights(weights)
    pixels = Pixels(values, weights)
    if pixels.size <= limits.few_pixels:
        _check_ends(*pixels.span())
        return fit_search(Levels.of_values(*pixels.pooled()), k, VALUES)
    low, high = _usual_range(pixels)
    if low == high:
        bins = Bins(low, 1.0, 1)
        return fit_search(_closed(_levels_of_bins(pixels, bins)), k, bins)
    bins = Bins.spanning(low, high, _number_of_bins(pixels.size))
    levels, windows = _decided(_levels_of_bins(pixels, bins), pixels, bins, k, limits)
    return fit_search(levels, k, bins, windows)


def _number_of_bins(size: int) -> int:
    """Return a number of bins: finer ones take longer to fill, and leave fewer values to be searched one by one."""
    return 1 << (14 if size <= 1 << 21 else 15 if size <= 1 << 24 else 16)


def _usual_range(pixels: Pixels) -> tuple[float, float]:
    """Return a range that holds nearly all values, from a sample of them and some room; the true one where the sample has none.

    What lies beyond goes into the outermost bins.
    """
    sample = pixels.sample()
    low, high = float(sample.min(initial=np.inf)), float(sample.max(initial=-np.inf))
    if not -np.inf < low < high < np.inf:
        return _check_ends(*pixels.span())
    low, high = _check_ends(low, high)
    room = (high - low) / 16
    return low - room, high + room


def _levels_of_bins(pixels: Pixels, bins: Bins) -> Levels:
    sums, low, high = pixels.binned(bins)
    if not (high - low) / bins.scale < _WIDE:
        _check_ends(*pixels.span())
    numbers = np.flatnonzero(sums[:, 0])
    weight, first = sums[numbers].T
    lower, upper = numbers.astype(np.float64), numbers.astype(np.float64) + 1
    # The outermost bins hold what lies beyond them, too.
    lower[numbers == 0] = min(low, 0.0)
    upper[numbers == bins.number - 1] = max(np.nextafter(high, np.inf), bins.number)
    return Levels(np.clip(numbers + first / weight, lower, upper), weight.copy(), lower, upper)


def _decided(
    levels: Levels, pixels: Pixels, bins: Bins, k: int, limits: Limits
) -> tuple[Levels, list[tuple[float, float]] | None]:
    """Replace bins by their values, or by smaller bins, until a better threshold may lie in none of them, or rounds run out.

    Return the levels and, where they are known, the windows in which the thresholds of the optimum lie.
    """
    windows = None
    for _ in range(limits.rounds):
        undecided = levels.upper > levels.lower
        if levels.x.size >= k:
            partition = search(levels, k).partition(k)
            undecided = partition.undecided
            windows = [(float(levels.lower[first]), float(levels.upper[last])) for first, last in partition.windows]
        if not undecided.any():
            return _closed(levels), windows
        values = _values_in(pixels, bins, levels, undecided, limits.most_values)
        if values is not None:
            return _joined(levels, ~undecided, Levels.of_values(*values)), windows
        levels = _joined(levels, ~undecided, _divided(pixels, bins, levels, undecided))
    return levels, None


def _values_in(
    pixels: Pixels, bins: Bins, levels: Levels, undecided: NDArray[np.bool_], most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return places and weights of the values in undecided levels; None where they are more than ``most``."""
    pieces, number = [(np.empty(0), np.empty(0))], 0
    for places, weights in _in_levels(pixels, bins, levels, undecided):
        number += places.size
        if number > most:
            return None
        pieces.append((places, weights))
    return pooled(np.concatenate([places for places, _ in pieces]), np.concatenate([weights for _, weights in pieces]))


def _divided(pixels: Pixels, bins: Bins, levels: Levels, undecided: NDArray[np.bool_]) -> Levels:
    """Divide undecided levels into equal parts and count anew."""
    lower, upper = levels.lower[undecided], levels.upper[undecided]
    parts = int(np.clip((1 << 16) // lower.size, 2, 1 << 12))
    edges = lower[:, None] + (upper - lower)[:, None] * (np.arange(parts + 1) / parts)
    starts, stops = edges[:, :-1].ravel(), edges[:, 1:].ravel()
    weight, first = np.zeros(starts.size), np.zeros(starts.size)
    for places, weights in _in_levels(pixels, bins, levels, undecided):
        part = np.searchsorted(starts, places, side="right") - 1
        weight += np.bincount(part, weights, starts.size)
        first += np.bincount(part, weights * (places - starts[part]), starts.size)
    full = weight > 0
    lower, upper = starts[full], stops[full]
    return Levels(np.clip(lower + first[full] / weight[full], lower, upper), weight[full], lower, upper)


def _in_levels(
    pixels: Pixels, bins: Bins, levels: Levels, undecided: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield, piece by piece, places and weights of the values in undecided levels."""
    for places, weights in pixels.within(bins, _ranges(levels, undecided)):
        level = np.maximum(np.searchsorted(levels.lower, places, side="right") - 1, 0)
        inside = undecided[level] & (places < levels.upper[level])
        yield places[inside], weights[inside]


def _ranges(levels: Levels, undecided: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the places that undecided levels span, together with what lies between neighbours where that weighs little."""
    places = np.flatnonzero(undecided)
    before = np.append(0.0, np.cumsum(levels.w))
    between = before[places[1:]] - before[places[:-1] + 1]
    heaviest = np.sort(np.argsort(-between, kind="stable")[: _MOST_RANGES - 1])
    heaviest = heaviest[between[heaviest] > _LIGHT * before[-1]]
    lower, upper = levels.lower[places], levels.upper[places]
    return np.stack([lower[np.append(0, heaviest + 1)], upper[np.append(heaviest, -1)]], axis=1)


def _closed(levels: Levels) -> Levels:
    """Take each level for one value, its mean: right where no optimal threshold lies inside."""
    return Levels.of_values(levels.x, levels.w)


def _joined(levels: Levels, keep: NDArray[np.bool_], more: Levels) -> Levels:
    """Put new levels in the place of those not kept; the ones kept are closed."""
    x = levels.x[keep]
    order = np.argsort(np.concatenate([x, more.x]), kind="stable")
    parts = ((x, more.x), (levels.w[keep], more.w), (x, more.lower), (x, more.upper))
    return Levels(*(np.concatenate(part)[order] for part in parts))


def _check_ends(low: float, high: float) -> tuple[float, float]:
    """Return the least and greatest value, or refuse them."""
    if low > high:
        raise InputError("there is nothing to cluster: every value is missing (NaN)")
    if not np.isfinite(low) or not np.isfinite(high):
        raise InputError("Input X contains infinity: only finite values and NaN (missing) can be clustered")
    check_range(low, high)
    return low, high
