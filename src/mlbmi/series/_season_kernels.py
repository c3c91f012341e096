"""The kernel behind :mod:`mlbmi.series.seasons`: one walk along a series finds its seasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["END", "MEASURES", "PEAK", "START", "season_rows"]

MEASURES = ("start", "peak", "end", "length", "base", "peak_value", "amplitude", "integral", "integral_above_base")
"""What is measured, in the order of the kernel's columns."""

START, PEAK, END = 0, 1, 2


@kernel()
def _peaks(  # noqa: PLR0917 - Numba takes arguments by position
    row: NDArray[np.float64], first: int, stop: int, least: float, found: NDArray[np.int64], bases: NDArray[np.float64]
) -> int:
    """Find the peaks of a stretch without gap that rise and fall by at least ``least``; return how many.

    ``found`` takes their places, ``bases`` the lowest values before and after each, (peaks, 2).
    """
    count = 0
    low, high, top = row[first], -np.inf, first
    rising = False
    for i in range(first + 1, stop):
        if not rising:
            low = min(low, row[i])
            if row[i] - low >= least:
                if count:
                    bases[count - 1, 1] = low
                rising, high, top = True, row[i], i
        elif row[i] > high:
            high, top = row[i], i
        elif high - row[i] >= least:
            found[count] = top
            bases[count, 0] = low
            count += 1
            rising, low = False, row[i]
            bases[count - 1, 1] = low
        if not rising and count:
            bases[count - 1, 1] = low
    return count


@kernel()
def _crossing(row: NDArray[np.float64], days: NDArray[np.float64], peak: int, step: int, level: float) -> float:
    """Return the day on which the curve passes a level, going from the peak backwards (step −1) or forwards (1)."""
    i = peak
    while row[i] >= level:
        i += step
    inner = i - step
    return float(days[inner] + (days[i] - days[inner]) * ((row[inner] - level) / (row[inner] - row[i])))


@kernel()
def _summit(row: NDArray[np.float64], days: NDArray[np.float64], peak: int) -> float:
    """Return the day at the vertex of the parabola through the peak and its neighbours; it lies between these."""
    before, after = days[peak - 1] - days[peak], days[peak + 1] - days[peak]
    fall, drop = (row[peak - 1] - row[peak]) / before, (row[peak + 1] - row[peak]) / after
    bend = (drop - fall) / (after - before)
    if bend >= 0.0:
        return float(days[peak])
    slope = fall - bend * before
    return float(days[peak] + min(max(-slope / (2.0 * bend), before / 2), after / 2))


@kernel()
def _area(  # noqa: PLR0917 - as above
    row: NDArray[np.float64], days: NDArray[np.float64], start: float, end: float, left: float, right: float
) -> float:
    """Return the area below the curve from one day, where its value is ``left``, to another, where it is ``right``."""
    total, at, value = 0.0, start, left
    for i in range(days.size):
        if start < days[i] < end:
            total += (days[i] - at) * (row[i] + value) / 2.0
            at, value = days[i], row[i]
    return total + (end - at) * (right + value) / 2.0


@kernel()
def season_rows(  # noqa: PLR0917 - as above
    rows: NDArray[np.float64],
    days: NDArray[np.float64],
    edges: NDArray[np.float64],
    slots: int,
    threshold: float,
    least: float,
) -> NDArray[np.float64]:
    """Measure the seasons of each row, (pixels, slots, measures); NaN where there is none.

    Parameters
    ----------
    rows : ndarray of float64, shape (pixels, dates)
        NaN where missing: no season reaches over a gap.
    days : ndarray of float64, shape (dates,)
    edges : ndarray of float64
        Where years begin, and the end of the last: of each year's peaks the highest has the year's slot. Empty: slots are
        filled in order of time.
    slots : int
    threshold : float
        Share of the way up from the base at which a season starts and ends.
    least : float
        Rise and fall that make a peak.
    """
    pixels, dates = rows.shape
    out = np.full((pixels, slots, 9), np.nan)
    found, bases = np.empty(dates, np.int64), np.empty((dates, 2))
    for pixel in range(pixels):
        row = rows[pixel]
        first, place = 0, 0
        while first < dates:
            if np.isnan(row[first]):
                first += 1
                continue
            stop = first
            while stop < dates and not np.isnan(row[stop]):
                stop += 1
            for number in range(_peaks(row, first, stop, least, found, bases)):
                peak = found[number]
                slot = np.searchsorted(edges, days[peak], side="right") - 1 if edges.size else place
                place += 1
                if slot < 0 or slot >= slots or row[peak] <= out[pixel, slot, 5]:
                    continue
                left = bases[number, 0] + threshold * (row[peak] - bases[number, 0])
                right = bases[number, 1] + threshold * (row[peak] - bases[number, 1])
                start = _crossing(row, days, peak, -1, left)
                end = _crossing(row, days, peak, 1, right)
                base = (bases[number, 0] + bases[number, 1]) / 2.0
                area = _area(row, days, start, end, left, right)
                out[pixel, slot, 0], out[pixel, slot, 1] = start, _summit(row, days, peak)
                out[pixel, slot, 2], out[pixel, slot, 3] = end, end - start
                out[pixel, slot, 4], out[pixel, slot, 5] = base, row[peak]
                out[pixel, slot, 6] = row[peak] - base
                out[pixel, slot, 7], out[pixel, slot, 8] = area, area - base * (end - start)
            first = stop
    return out
