"""Passes over floating-point pixels: their range, their bins, those in chosen bins, their labels. NaN is missing in all.

Each pass works in fixed pieces over all threads and takes the results in order, so that sums do not depend on the threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._exact_blocks import flat, rows_per_chunk, straighten
from mlbmi.cluster._exact_scans import add_to_bins, find_within, least_and_greatest, number_nearest
from mlbmi.compiling import read_only
from mlbmi.threads import map_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["VALUES", "Bins", "Pixels", "nearest", "pooled"]

_CHUNK = 1 << 19
_SAMPLE = 4096


@dataclass(frozen=True, slots=True)
class Bins:
    """Equal bins: value x lies at place f = (x - origin) · scale, in bin ⌊f⌋. Rounded as it is, f never falls where x rises.

    Attributes
    ----------
    origin : float
        Where bin 0 begins.
    scale : float
        Bins per unit of value, a power of two.
    number : int
        Bins; the first and the last one take what lies beyond them, too.
    """

    origin: float
    scale: float
    number: int

    @classmethod
    def spanning(cls, low: float, high: float, number: int) -> Bins:
        """Make ``number`` bins of which the values between ``low`` and ``high`` use between a half and all."""
        return cls(low, float(2.0 ** (np.frexp(number / (high - low))[1] - 1)), number)

    def place(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return f of values."""
        return np.asarray((values.astype(np.float64) - self.origin) * self.scale)

    def value(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return x from f."""
        return np.asarray(self.origin + places / self.scale)


VALUES = Bins(0.0, 1.0, 1)
"""Places that are the values themselves."""


class Pixels:
    """Values with their weights, walked in pieces.

    Parameters
    ----------
    values : ndarray of float32 or float64, any shape
    weights : ndarray of float64, same shape, optional
    """

    def __init__(self, values: NDArray[Any], weights: NDArray[np.float64] | None = None) -> None:
        lines = straighten(values) if weights is None else straighten(values, weights)
        self._values, self._weights = lines[0], lines[1] if weights is not None else None
        self._rows = rows_per_chunk(self._values, _CHUNK)
        self.size = self._values.size

    def piece(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return some rows as lines; without weights the second one is empty."""
        weights = np.empty(0) if self._weights is None else flat(self._weights[start:stop])
        return read_only(flat(self._values[start:stop])), read_only(weights)

    def span(self) -> tuple[float, float]:
        """Return the least and greatest value; (inf, -inf) where all are missing."""

        def work(start: int, stop: int) -> tuple[float, float]:
            return least_and_greatest(self.piece(start, stop)[0])

        ends = list(map_chunks(work, len(self._values), self._rows))
        return min((low for low, _ in ends), default=np.inf), max((high for _, high in ends), default=-np.inf)

    def pooled(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the distinct values, ascending, and their weights: for few pixels."""
        values, weights = self.piece(0, len(self._values))
        there = ~np.isnan(values)
        return pooled(values[there].astype(np.float64), weights[there] if weights.size else None)

    def sample(self) -> NDArray[np.float64]:
        """Return some thousands of values, evenly spread over the array, without the missing ones."""
        side = int(np.ceil(_SAMPLE ** (1 / self._values.ndim)))
        some = self._values[tuple(slice(None, None, max(1, length // side)) for length in self._values.shape)]
        sample: NDArray[np.float64] = some[~np.isnan(some)].astype(np.float64)
        return sample

    def binned(self, bins: Bins) -> tuple[NDArray[np.float64], float, float]:
        """Return for each bin its weight and the weighted sum of f - number, shape (number, 2), and the least and greatest f.

        The last two only where they lie beyond the bins: else the ends of those.
        """
        total, low, high = np.zeros((bins.number, 2)), 0.0, float(bins.number)

        def work(start: int, stop: int) -> tuple[NDArray[np.float64], float, float]:
            sums = np.zeros((bins.number + 1, 2))
            return sums[:-1], *add_to_bins(*self.piece(start, stop), bins.origin, bins.scale, sums)

        for sums, least, greatest in map_chunks(work, len(self._values), self._rows):
            total += sums
            low, high = min(low, least), max(high, greatest)
        return total, low, high

    def within(self, bins: Bins, ranges: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Yield, piece by piece, places and weights of the values in given ranges, sorted and with equal ones pooled.

        Parameters
        ----------
        bins : Bins
        ranges : ndarray of float64, shape (n, 2)
            Least and greatest place of each range; a few values just outside may be found as well.
        """
        starts, stops = self._around(bins, ranges)

        def work(start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            values, weights = self.piece(start, stop)
            where = np.empty(values.size, np.int32)
            where = where[: find_within(values, starts, stops, where)]
            return pooled(bins.place(values[where]), weights[where] if weights.size else None)

        return map_chunks(work, len(self._values), self._rows)

    def _around(self, bins: Bins, ranges: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return ranges of values that hold the ranges of places, in the type of the values, whichever way these are rounded."""
        ends = bins.value(ranges)
        room = 4 * (np.spacing(np.abs(ends)) + np.spacing(abs(bins.origin)) + np.spacing(np.abs(ranges)) / bins.scale)
        starts, stops = (ends[:, 0] - room[:, 0]).astype(self._values.dtype), (ends[:, 1] + room[:, 1]).astype(self._values.dtype)
        low, high = starts.dtype.type(-np.inf), starts.dtype.type(np.inf)
        return read_only(np.nextafter(starts, low)), read_only(np.nextafter(stops, high))


def pooled(places: NDArray[np.float64], weights: NDArray[np.float64] | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sort places and pool the weights of equal ones (without weights: count them); those without weight are left out.

    Examples
    --------
    >>> import numpy as np
    >>> pooled(np.array([2.0, 1.0, 2.0, 0.0]), np.array([1.0, 1.0, 3.0, 0.0]))
    (array([1., 2.]), array([1., 4.]))
    """
    if weights is None:
        distinct, counts = np.unique(places, return_counts=True)
        return distinct, counts.astype(np.float64)
    if not places.size:
        return places, weights
    order = np.argsort(places)
    places, weights = places[order], weights[order]
    starts = np.flatnonzero(np.append(True, places[1:] != places[:-1]))
    sums = np.add.reduceat(weights, starts)
    return places[starts][sums > 0], sums[sums > 0]


def nearest(
    values: NDArray[Any], weights: NDArray[np.float64] | None, centers: NDArray[np.float64], out: NDArray[Any], missing: int
) -> float:
    """Write for each value the number of the nearest of the ascending centers, the lower of two; return the squared error.

    Parameters
    ----------
    values : ndarray of float32 or float64
    weights : ndarray of float64, same shape, or None
    centers : ndarray of float64, shape (k,)
    out : ndarray of integers, same shape as ``values``
        Written; ``missing`` for NaN.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.empty(4, np.uint8)
    >>> nearest(np.array([0.0, 1.0, np.nan, 5.0]), None, np.array([0.0, 2.0]), labels, 255), labels
    (10.0, array([  0,   0, 255,   1], dtype=uint8))
    """
    source, target, *heavy = straighten(values, out, *([] if weights is None else [weights]))
    thresholds = _thresholds(centers, source.dtype)

    def work(start: int, stop: int) -> float:
        line, piece = read_only(flat(source[start:stop])), target[start:stop]
        labels = piece.reshape(-1) if piece.flags.c_contiguous else np.empty(line.size, piece.dtype)
        error = number_nearest(
            line, read_only(flat(heavy[0][start:stop]) if heavy else np.empty(0)), thresholds, centers, labels, missing
        )
        if not piece.flags.c_contiguous:
            piece[...] = labels.reshape(piece.shape)
        return error

    return float(sum(map_chunks(work, len(source), rows_per_chunk(source, _CHUNK))))


def _thresholds(centers: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the midpoints of centers, rounded down to the type of the values: v > midpoint means the same for both."""
    middles = centers[:-1] + (centers[1:] - centers[:-1]) / 2
    rounded = middles.astype(dtype)
    return np.where(rounded > middles, np.nextafter(rounded, dtype.type(-np.inf)), rounded)
