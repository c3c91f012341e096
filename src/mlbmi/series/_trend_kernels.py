"""Kernels of trends: the median of slopes between all pairs of dates (Theil 1950, Sen 1968), and Mann & Kendall's test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["trend_rows"]


@kernel()
def _ties(values: NDArray[np.float64]) -> float:
    """Return what equal values take from 18 times the variance of S: Σ t (t − 1) (2t + 5)."""
    ordered = np.sort(values)
    total, run = 0.0, 1
    for i in range(1, ordered.size + 1):
        if i < ordered.size and ordered[i] == ordered[i - 1]:
            run += 1
        else:
            total += run * (run - 1.0) * (2.0 * run + 5.0)
            run = 1
    return total


@kernel()
def trend_rows(
    rows: NDArray[np.float64], years: NDArray[np.float64], seasons: NDArray[np.int64], least: int
) -> NDArray[np.float64]:
    """Return slope a year, p, Kendall's τ and the number of values of each row, (pixels, 4).

    Parameters
    ----------
    rows : ndarray of float64, shape (pixels, dates)
        NaN where missing.
    years : ndarray of float64, shape (dates,)
        Dates, rising.
    seasons : ndarray of int64, shape (dates,)
        From 0 on; only dates of one season are compared, and S and its variance summed over them (Hirsch, Slack & Smith 1982).
    least : int
        Values that a row needs.
    """
    pixels, dates = rows.shape
    out = np.full((pixels, 4), np.nan)
    slopes = np.empty(max(dates * (dates - 1) // 2, 1))
    values, times = np.empty(dates), np.empty(dates)
    last = seasons.max() + 1
    for pixel in range(pixels):
        pairs, seen = 0, 0
        s = variance = comparable = 0.0
        for season in range(last):
            n = 0
            for i in range(dates):
                if seasons[i] == season and not np.isnan(rows[pixel, i]):
                    values[n], times[n] = rows[pixel, i], years[i]
                    n += 1
            seen += n
            ties_of_pairs = 0
            for i in range(n):
                for j in range(i + 1, n):
                    slopes[pairs] = (values[j] - values[i]) / (times[j] - times[i])
                    s += (values[j] > values[i]) - np.int64(values[j] < values[i])
                    ties_of_pairs += values[j] == values[i]
                    pairs += 1
            variance += (n * (n - 1.0) * (2.0 * n + 5.0) - _ties(values[:n])) / 18.0
            whole = n * (n - 1.0) / 2.0
            comparable += math.sqrt(whole * (whole - ties_of_pairs))
        out[pixel, 3] = seen
        if seen < least or pairs == 0:
            continue
        out[pixel, 0] = np.median(slopes[:pairs])
        shifted = s - np.sign(s)  # S goes by steps: the correction for continuity
        out[pixel, 1] = math.erfc(abs(shifted) / math.sqrt(2.0 * variance)) if variance > 0.0 else 1.0
        out[pixel, 2] = s / comparable if comparable > 0.0 else 0.0
    return out
