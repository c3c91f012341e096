"""Numba kernels that walk over floating-point values once, a block in the first-level cache at a time; NaN is missing in all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["add_to_bins", "find_within", "least_and_greatest", "number_nearest"]

_BLOCK = 1024


@kernel(reorder=True)
def least_and_greatest(values: NDArray[Any]) -> tuple[float, float]:
    """Return the ends of what is not NaN; (inf, -inf) where all is."""
    low, high = np.inf, -np.inf
    for value in values:
        if value == value:  # noqa: PLR0124 - false for NaN alone
            low, high = min(low, value), max(high, value)
    return low, high


@kernel()
def add_to_bins(
    values: NDArray[Any], weights: NDArray[np.float64], origin: float, scale: float, sums: NDArray[np.float64]
) -> tuple[float, float]:
    """Add to the sums (whose last row takes rubbish) and return the least and greatest place beyond the bins."""
    number = sums.shape[0] - 1
    low, high = 0.0, float(number)
    rests, bins = np.empty(_BLOCK), np.empty(_BLOCK, np.int32)
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        beyond = 0
        for i in range(block.size):
            place = (np.float64(block[i]) - origin) * scale
            inside = (place >= 0.0) & (place < number)
            where = np.int32(place if inside else 0.0)
            bins[i] = where if inside else number
            rests[i] = place - where if inside else 0.0
            beyond += not inside
        _add(bins, rests, weights[start : start + _BLOCK], block.size, sums)
        if beyond:
            for i in range(block.size):
                if bins[i] == number and block[i] == block[i]:
                    place = (np.float64(block[i]) - origin) * scale
                    low, high = min(low, place), max(high, place)
                    last = 0 if place < 0.0 else number - 1
                    weight = weights[start + i] if weights.size else 1.0
                    sums[last, 0] += weight
                    sums[last, 1] += weight * (place - last)
    return low, high


@kernel()
def _add(
    bins: NDArray[np.int32], rests: NDArray[np.float64], weights: NDArray[np.float64], size: int, sums: NDArray[np.float64]
) -> None:
    """Add weights and weighted rests to their bins; two loops, as asking each time for the weights takes a third longer."""
    if weights.size:
        for i in range(size):
            sums[bins[i], 0] += weights[i]
            sums[bins[i], 1] += weights[i] * rests[i]
        return
    for i in range(size):
        place = bins[i]
        sums[place, 0] += 1.0
        sums[place, 1] += rests[i]


@kernel()
def find_within(values: NDArray[Any], starts: NDArray[Any], stops: NDArray[Any], where: NDArray[np.int32]) -> int:
    """Write the indices of values that lie in any of the ranges, both ends included, and return their number."""
    found = 0
    marks = np.zeros(_BLOCK, np.uint8)
    eights = marks.view(np.uint64)
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        marks[:] = 0
        for j in range(starts.size):
            low, high = starts[j], stops[j]
            for i in range(block.size):
                marks[i] |= (block[i] >= low) & (block[i] <= high)
        for eight in range(eights.size):
            if eights[eight]:
                for i in range(8 * eight, 8 * eight + 8):
                    if marks[i]:
                        where[found] = start + i
                        found += 1
    return found


@kernel(reorder=True)
def number_nearest(  # noqa: PLR0917 - kernels take arrays by position
    values: NDArray[Any],
    weights: NDArray[np.float64],
    thresholds: NDArray[Any],
    centers: NDArray[np.float64],
    out: NDArray[Any],
    missing: int,
) -> float:
    """Number each value by its nearest center, ``missing`` for NaN; return the weighted squared error."""
    total = 0.0
    nearby = np.empty(_BLOCK)
    for start in range(0, values.size, _BLOCK):
        block, labels = values[start : start + _BLOCK], out[start : start + _BLOCK]
        for i in range(block.size):
            labels[i] = 0 if block[i] == block[i] else missing
            nearby[i] = centers[0]
        for j in range(thresholds.size):
            threshold, center = thresholds[j], centers[j + 1]  # read once: the arrays written might overlap them
            for i in range(block.size):
                above = block[i] > threshold
                labels[i] += above
                nearby[i] = center if above else nearby[i]
        for i in range(block.size):
            distance = np.float64(block[i]) - nearby[i]
            error = distance * distance * (weights[start + i] if weights.size else 1.0)
            total += error if distance == distance else 0.0  # noqa: PLR0124 - false for NaN alone
    return total
