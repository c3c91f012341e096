"""One search for a start, from k-means++ to the last swap, in one kernel.

It makes a hundred small steps on a few thousand pixels, each of some ten microseconds: as many calls from Python would take
longer than the steps. The pixels are laid out in blocks once, missing values and weights settled, and stay in the cache.
"""

# ruff: noqa: PLR0917 - kernels take arrays by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_blocks import BLOCK, aligned, load_run, split_missing, weigh
from mlbmi.cluster._lloyd_nearest import distance, nearest
from mlbmi.cluster._lloyd_sums import accumulate
from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Blocks = tuple[NDArray[Any], NDArray[np.bool_], NDArray[Any]]

__all__ = ["random_numbers", "search"]

_AHEAD = 4.0
"""How much more than its last update a descent may still gain, in multiples of that: what could not win even so is given up."""

_SPARED = 0.6
"""Chance that a swap moves the center that can best be spared; else the second or third best."""


def random_numbers(k: int, swaps: int) -> int:
    """Return how many random numbers :func:`search` takes."""
    return (2 + int(np.log(k))) * k + 3 * swaps


@kernel()
def search(
    flat: NDArray[Any],
    stride: int,
    offsets: NDArray[np.int64],
    nodata: Any,
    weights: NDArray[Any],
    least: int,
    scaled: bool,  # noqa: FBT001
    count: int,
    means: NDArray[Any],
    k: int,
    swaps: int,
    patience: int,
    rounds: int,
    tol: float,
    numbers: NDArray[np.float64],
) -> NDArray[Any]:
    """Descend from k-means++, then try to move one center elsewhere and descend again, and again; keep what is better.

    A bad optimum of K-means has two centers where one belongs and one where two belong. Moving a center mends just that
    (Fränti 2018, "Efficiency of random swap clustering", Journal of Big Data 5:13); a new start has to be lucky everywhere.

    Parameters
    ----------
    flat, stride, offsets, nodata, weights, least, scaled
        As for :func:`mlbmi.cluster._lloyd_kernels.full_pass`.
    count : int
        Pixels.
    means : ndarray (d,)
        Of each date, in the type of the arithmetic: where a pixel that becomes a center is not observed.
    k : int
    swaps, patience : int
        Swaps tried, at most, and without success one after another.
    rounds, tol : int, float
        Updates of a descent, at most; squared steps of the centers at which it ends.
    numbers : ndarray (:func:`random_numbers`,)
        Uniform in [0, 1).

    Returns
    -------
    ndarray (k, d)
    """
    blocks = _laid_out(flat, stride, offsets, nodata, weights, least, scaled, count, means)
    draws = 2 + int(np.log(k))
    best = _plus_plus(blocks, means, k, draws, numbers[: draws * k])
    other = best.copy()
    size = blocks[0].shape[0]
    near, second, other_near, other_second = (
        aligned(size, means), aligned(size, means), aligned(size, means), aligned(size, means)
    )  # fmt: skip
    label, other_label = np.empty((size, BLOCK), np.int32), np.empty((size, BLOCK), np.int32)
    cost = _descend(blocks, best, rounds, tol, np.inf, near, second, label)
    swap = failed = 0
    while k > 1 and swap < swaps and failed < patience:
        at = draws * k + 3 * swap
        other[:] = best
        _swap(blocks, means, other, near, second, label, numbers[at : at + 3])
        other_cost = _descend(blocks, other, rounds, tol, cost, other_near, other_second, other_label)
        swap, failed = swap + 1, failed + 1
        if other_cost < cost:
            failed = 0
            cost, best, other = other_cost, other, best
            near, other_near, second, other_second = other_near, near, other_second, second
            label, other_label = other_label, label
    return best


@kernel()
def _laid_out(
    flat: NDArray[Any],
    stride: int,
    offsets: NDArray[np.int64],
    nodata: Any,
    weights: NDArray[Any],
    least: int,
    scaled: bool,  # noqa: FBT001
    count: int,
    like: NDArray[Any],
) -> _Blocks:
    """Return values (blocks, d, BLOCK), which blocks have gaps, and weights (blocks, BLOCK), 0 for padding."""
    d, size = offsets.size, (count + BLOCK - 1) // BLOCK
    x, weight = aligned(size * d, like).reshape(size, d, BLOCK), aligned(size, like)
    gappy, chosen, observed = np.empty(size, np.bool_), np.empty(0, np.int64), np.empty(BLOCK, like.dtype)
    for b in range(size):
        start = b * BLOCK
        width = min(BLOCK, count - start)
        gappy[b] = load_run(flat, stride, offsets, start, width, nodata, x[b])
        if gappy[b]:
            split_missing(x[b], nodata, observed)
        weigh(weights, start, chosen, False, width, gappy[b], observed, d, scaled, least, weight[b])
    return x, gappy, weight


@kernel(reorder=True)
def _descend(
    blocks: _Blocks,
    centers: NDArray[Any],
    rounds: int,
    tol: float,
    goal: float,
    near: NDArray[Any],
    second: NDArray[Any],
    label: NDArray[np.int32],
) -> float:
    """Run Lloyd's iteration, changing ``centers``; return the cost at the last assignment, which is to the last centers.

    It ends early where it is not going to come below ``goal``.

    ``near`` and ``second`` are weighted squared distances then. An empty cluster keeps its center, a date without an observed
    member its value.
    """
    x, gappy, weight = blocks
    k, d = centers.shape
    work = aligned(2, centers)
    before = np.inf
    for turn in range(rounds + 1):
        residual, mass, members = np.zeros((k, d)), np.zeros((k, d)), np.zeros(k, np.int64)
        cost = 0.0
        for b in range(x.shape[0]):
            near_here, second_here, heavy = near[b], second[b], weight[b]
            nearest(x[b], gappy[b], centers, near_here, second_here, label[b], work)
            part = centers.dtype.type(0)
            for p in range(BLOCK):
                near_here[p] *= heavy[p]
                part += near_here[p]
            for p in range(BLOCK):
                second_here[p] = second_here[p] * heavy[p] if heavy[p] > 0 else 0
            cost += part
            if turn < rounds:
                accumulate(x[b], gappy[b], centers, label[b], heavy, work, residual, mass, members)
        if turn == rounds or cost - _AHEAD * (before - cost) > goal or not _updated(centers, residual, mass, tol):
            break
        before = cost
    return cost


@kernel()
def _updated(centers: NDArray[Any], residual: NDArray[np.float64], mass: NDArray[np.float64], tol: float) -> bool:
    """Move the centers to the means of their members, unless their squared steps sum to no more than ``tol``; say whether."""
    moved = 0.0
    for j in range(centers.shape[0]):
        for t in range(centers.shape[1]):
            residual[j, t] = residual[j, t] / mass[j, t] if mass[j, t] > 0 else 0.0
            moved += residual[j, t] * residual[j, t]
    if moved <= tol:
        return False
    for j in range(centers.shape[0]):
        for t in range(centers.shape[1]):
            centers[j, t] += residual[j, t]
    return True


@kernel()
def _drawn(cost: NDArray[Any], number: float) -> int:
    """Return the pixel at which the running sum of the cost passes a share ``number`` of its whole; any, where nothing costs."""
    sums = np.empty(cost.shape[0])
    for b in range(cost.shape[0]):
        sums[b] = cost[b].sum()
    left = number * sums.sum()
    b = 0
    while b < sums.size - 1 and left >= sums[b]:
        left -= sums[b]
        b += 1
    last = b * BLOCK
    for p in range(BLOCK):
        if cost[b, p] > 0:
            last = b * BLOCK + p
            left -= cost[b, p]
            if left < 0:
                break
    return last


@kernel()
def _put(blocks: _Blocks, means: NDArray[Any], pixel: int, center: NDArray[Any]) -> None:
    """Write a pixel into a center, with the dates' means where it is missing."""
    values = blocks[0][pixel // BLOCK, :, pixel % BLOCK]
    for t in range(center.size):
        center[t] = means[t] if np.isnan(values[t]) else values[t]


@kernel(reorder=True)
def _reach(blocks: _Blocks, center: NDArray[Any], most: NDArray[Any], out: NDArray[Any]) -> float:
    """Write the lesser of ``most`` and the weighted squared distance of each pixel to a center; return the sum."""
    x, gappy, weight = blocks
    total = 0.0
    for b in range(x.shape[0]):
        here, cap, heavy = out[b], most[b], weight[b]
        distance(x[b], gappy[b], center, here)
        part = center.dtype.type(0)
        for p in range(BLOCK):
            here[p] = min(here[p] * heavy[p], cap[p])
            part += here[p]
        total += part
    return total


@kernel()
def _plus_plus(blocks: _Blocks, means: NDArray[Any], k: int, draws: int, numbers: NDArray[np.float64]) -> NDArray[Any]:
    """Choose k pixels by greedy k-means++ (Arthur & Vassilvitskii 2007; of 2 + ln k draws each time the one that helps most)."""
    weight = blocks[2]
    centers, candidate = np.empty((k, means.size), means.dtype), np.empty(means.size, means.dtype)
    cost, closest, reach = weight.copy(), np.full(weight.shape, np.inf, weight.dtype), np.empty_like(weight)
    kept = np.empty_like(weight)
    for place in range(k):
        least = np.inf
        for draw in range(draws if place else 1):
            _put(blocks, means, _drawn(cost, numbers[place * draws + draw]), candidate)
            total = _reach(blocks, candidate, closest, reach)
            if total < least or draw == 0:
                least = total
                centers[place] = candidate
                kept, reach = reach, kept
        closest[:] = kept
        cost = closest
    return centers


@kernel()
def _swap(
    blocks: _Blocks,
    means: NDArray[Any],
    centers: NDArray[Any],
    near: NDArray[Any],
    second: NDArray[Any],
    label: NDArray[np.int32],
    numbers: NDArray[np.float64],
) -> None:
    """Move one center that can well be spared to a pixel drawn in proportion to its cost.

    Without center j and with the new one, members of j fall back to the second nearest or to the new: what that costs decides.
    """
    k, d = centers.shape
    target, reach, loss = np.empty(d, means.dtype), np.empty_like(near), np.zeros(k)
    _put(blocks, means, _drawn(near, numbers[0]), target)
    _reach(blocks, target, second, reach)
    for b in range(near.shape[0]):
        for p in range(BLOCK):
            loss[label[b, p]] += reach[b, p] - min(reach[b, p], near[b, p])
    rank = 0 if numbers[1] < _SPARED else min(k - 1, 1 + int(2 * numbers[2]))
    centers[np.argsort(loss)[rank]] = target
