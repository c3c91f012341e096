"""Kernels of composites. A period is a stretch of dates: the first, and the one after the last, are neighbours in ``edges``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["counted", "dates_of_greatest", "dates_of_medoid", "middles"]


@kernel()
def counted(seen: NDArray[np.bool_], edges: NDArray[np.int64]) -> NDArray[np.int32]:
    """Count the dates seen in each period, (pixels, periods)."""
    counts = np.zeros((seen.shape[0], edges.size - 1), np.int32)
    for pixel in range(seen.shape[0]):
        for period in range(edges.size - 1):
            for i in range(edges[period], edges[period + 1]):
                counts[pixel, period] += seen[pixel, i]
    return counts


@kernel()
def middles(
    rows: NDArray[np.float64],
    seen: NDArray[np.bool_],
    edges: NDArray[np.int64],
    median: bool,  # noqa: FBT001 - Numba takes arguments by position
) -> NDArray[np.float64]:
    """Return the median, or the mean, of the dates seen in each period; NaN where none was."""
    out = np.full((rows.shape[0], edges.size - 1), np.nan)
    some = np.empty(rows.shape[1])
    for pixel in range(rows.shape[0]):
        for period in range(edges.size - 1):
            count, total = 0, 0.0
            for i in range(edges[period], edges[period + 1]):
                if seen[pixel, i]:
                    some[count] = rows[pixel, i]
                    total += rows[pixel, i]
                    count += 1
            if count:
                out[pixel, period] = np.median(some[:count]) if median else total / count
    return out


@kernel()
def dates_of_greatest(rows: NDArray[np.float64], seen: NDArray[np.bool_], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the date of the greatest value in each period, the first of equals; −1 where none was seen."""
    out = np.full((rows.shape[0], edges.size - 1), -1, np.int64)
    for pixel in range(rows.shape[0]):
        for period in range(edges.size - 1):
            best = -1
            for i in range(edges[period], edges[period + 1]):
                if seen[pixel, i] and (best < 0 or rows[pixel, i] > rows[pixel, best]):
                    best = i
            out[pixel, period] = best
    return out


@kernel()
def dates_of_medoid(stack: NDArray[np.float64], seen: NDArray[np.bool_], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the date in each period whose Euclidean distances to the others have the least sum, the first of equals.

    Parameters
    ----------
    stack : ndarray of float64, shape (variables, pixels, dates)
    seen : ndarray of bool, shape (pixels, dates)
    edges : ndarray of int64

    Returns
    -------
    ndarray of int64, shape (pixels, periods)
        −1 where no date was seen.
    """
    out = np.full((stack.shape[1], edges.size - 1), -1, np.int64)
    for pixel in range(stack.shape[1]):
        for period in range(edges.size - 1):
            least = np.inf
            for i in range(edges[period], edges[period + 1]):
                if not seen[pixel, i]:
                    continue
                total = 0.0
                for j in range(edges[period], edges[period + 1]):
                    if seen[pixel, j]:
                        square = 0.0
                        for variable in range(stack.shape[0]):
                            square += (stack[variable, pixel, i] - stack[variable, pixel, j]) ** 2
                        total += np.sqrt(square)
                if total < least:
                    least = total
                    out[pixel, period] = i
    return out
