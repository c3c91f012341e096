"""Where Lloyd's iteration starts: several searches for the best optimum on a few thousand pixels, the best few compared on more.

Lloyd's iteration ends in the nearest local optimum, so one start is not enough; but which valley is deepest, a sample shows as
well as all the data. All searches together cost no more than a few passes over a large image, and the full data start so near
their optimum that few updates follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_engine import Descent, descend
from mlbmi.cluster._lloyd_passes import Pixels, take
from mlbmi.cluster._lloyd_search import random_numbers, search
from mlbmi.cluster.numbering import canonical_order
from mlbmi.threads import map_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAMPLE", "best_start", "date_variance", "doubtful_share", "on_dates", "pooled", "sample", "sample_size"]

SAMPLE = 1 << 14
"""Pixels on which the optima found are compared first; data of up to twice as many are used whole."""

_SCREEN = 1 << 12
"""Pixels on which optima are searched."""

_LARGER = 1 << 17
"""Pixels on which the finalists are compared, if there are several; with large data a single one goes on there, too."""

_LARGE = 1 << 22
"""Pixels from which on that is worth its time, as the full data then start nearer their optimum."""

_FLOOR = 64
"""Least pixels of a sample per cluster."""

_SWAPS, _PATIENCE = 48, 12
"""Swaps of a search, at most, and at most without success one after another."""

_ROUGH, _ROUGH_ITER = 1e-3, 15
"""Tolerance and updates of a descent on the screen: enough to tell one valley from another."""

_FINALISTS, _SAME, _HOPELESS = 3, 1e-3, 1.01
"""How many optima go on; squared distance, in variances of a date, below which two are one; ratio to the best that excludes."""


def sample_size(k: int) -> int:
    """Return how many pixels the restarts work on for ``k`` clusters."""
    return max(SAMPLE, _FLOOR * k)


def sample(pixels: Pixels, size: int, random: np.random.RandomState) -> Pixels:
    """Draw about ``size`` usable pixels, one from each of as many equal stretches; all, if there are not twice as many.

    Stretches spread the sample over the image, and sorted places are read nearly at the speed of memory.
    """
    count = pixels.count
    wanted = size
    while True:
        if 2 * wanted >= count:
            chosen = np.arange(count, dtype=np.int64)
        else:
            chosen = ((np.arange(wanted) + random.random_sample(wanted)) * (count / wanted)).astype(np.int64)
        drawn = _usable(pixels, chosen)
        if drawn.count >= 0.75 * size or chosen.size == count:
            return drawn
        wanted = int(1.2 * wanted * size / max(drawn.count, size // 64))


def _usable(pixels: Pixels, chosen: NDArray[np.int64]) -> Pixels:
    """Copy pixels with enough observations and a positive weight into a date-major table; by pieces, as few may be usable."""
    pieces = [_usable_piece(pixels, chosen[at : at + _LARGER]) for at in range(0, chosen.size, _LARGER)]
    values = np.concatenate([piece[0] for piece in pieces], axis=1) if len(pieces) > 1 else pieces[0][0]
    return pixels.like(values, np.concatenate([piece[1] for piece in pieces]))


def _usable_piece(pixels: Pixels, chosen: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    values = take(pixels, chosen)
    keep = (~np.isnan(values)).sum(axis=0) >= pixels.least
    weights = pixels.weights[chosen] if pixels.weights.size else pixels.weights
    if weights.size:
        keep &= weights > 0
        weights = weights[keep]
    return values[:, keep], weights


def on_dates(small: Pixels, dates: NDArray[np.int64]) -> Pixels:
    """Return a sample on some of its dates."""
    return small.like(small.flat.reshape(small.dates, small.count)[dates], small.weights)


def pooled(small: Pixels) -> Pixels:
    """Return the distinct pixels in sorted order with summed weights: neither order nor repetition can then change the answer."""
    rows = small.flat.reshape(small.dates, small.count).T
    distinct, place = np.unique(rows, axis=0, return_inverse=True, equal_nan=True)
    weights = np.bincount(place.reshape(-1), weights=small.weights if small.weights.size else None)
    return small.like(distinct.T, weights.astype(small.kind))


def date_variance(small: Pixels) -> float:
    """Return the mean over dates of the variance of what is observed: the unit of the tolerance."""
    values = small.flat.reshape(small.dates, small.count).astype(np.float64)
    there = ~np.isnan(values)
    n = np.maximum(there.sum(axis=1), 1)
    mean = np.where(there, values, 0).sum(axis=1) / n
    square = np.where(there, values - mean[:, None], 0) ** 2
    return float((square.sum(axis=1) / n).mean())


def best_start(
    pixels: Pixels, small: Pixels, k: int, *, n_init: int, max_iter: int, tol: float, random: np.random.RandomState
) -> NDArray[np.float64]:
    """Return centers to start from: of ``n_init`` searches on a part of ``small``, what is best on ``small``, then on more.

    Parameters
    ----------
    pixels, small : Pixels
        All the data, and the sample of them.
    k, n_init : int
    max_iter, tol : int, float
        Of the descents on ``small`` and the larger sample.
    random : RandomState
    """
    seeds = random.randint(np.iinfo(np.int32).max, size=n_init)
    screen = _thinned(small, max(_SCREEN, _FLOOR * k))

    def searched(at: int, _stop: int) -> Descent:
        return descend(small, _searched(screen, k, seeds[at]), max_iter=max_iter, tol=tol)

    found = _finalists(list(map_chunks(searched, n_init, 1)), date_variance(screen))
    if pixels.count <= small.count or (len(found) == 1 and pixels.count < _LARGE):
        return found[0].centers
    larger = sample(pixels, _LARGER, random)

    def compare(at: int, _stop: int) -> Descent:
        return descend(larger, found[at].centers, max_iter=max_iter, tol=tol)

    return min(map_chunks(compare, len(found), 1), key=lambda d: d.objective).centers


def doubtful_share(pixels: Pixels) -> float:
    """Return the share of the pixels that a descent from :func:`best_start` is likely to put in doubt.

    Centers are off by the inverse root of the pixels that they were found on, and the labels in doubt are about as many.
    """
    return 1 / 16 if pixels.count < _LARGE else 1 / 48


def _thinned(small: Pixels, size: int) -> Pixels:
    """Return about ``size`` of the pixels, evenly spaced."""
    step = max(1, small.count // size)
    values = small.flat.reshape(small.dates, small.count)[:, ::step]
    return small.like(values, small.weights[::step])


def _searched(screen: Pixels, k: int, seed: int) -> NDArray[np.float64]:
    """Return the centers of one search."""
    numbers = np.random.RandomState(seed).random_sample(random_numbers(k, _SWAPS))
    means, tol = _date_means(screen).astype(screen.kind), _ROUGH * date_variance(screen)
    found = search(*screen.layout, screen.count, means, k, _SWAPS, _PATIENCE, _ROUGH_ITER, tol, numbers)
    return found.astype(np.float64)


def _finalists(descents: list[Descent], variance: float) -> list[Descent]:
    """Return the best few optima, each once: one whose centers all but coincide with a better one's is the same."""
    kept: list[Descent] = []
    for descent in sorted(descents, key=lambda d: d.objective):
        ordered = [(d.centers[canonical_order(d.centers)], descent.centers[canonical_order(descent.centers)]) for d in kept]
        if all(float(((a - b) ** 2).sum()) > _SAME * variance for a, b in ordered):
            kept.append(descent)
    return [descent for descent in kept if descent.objective <= _HOPELESS * kept[0].objective][:_FINALISTS]


def _date_means(small: Pixels) -> NDArray[np.float64]:
    values = small.flat.reshape(small.dates, small.count)
    there = ~np.isnan(values)
    total = np.where(there, values, 0).sum(axis=1, dtype=np.float64)
    means: NDArray[np.float64] = total / np.maximum(there.sum(axis=1), 1)
    return means
