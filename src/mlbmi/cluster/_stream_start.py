"""What stands in for a cube that is not held: some of its pixels, the same ones however the cube is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.cluster._stream_blocks import Blocks, Window

__all__ = ["StandIn", "draw_stand_in", "least_observations"]

_PIECE = 1 << 17
"""Pixels whose ranks are taken at once: they fit into the second-level cache."""

_SLACK = 1.25
"""How many times what is wanted may be held before the higher ranks are dropped."""

_LAST = np.uint64(2**64 - 1)


class StandIn:
    """The pixels of lowest rank, of those with enough observations; all pixels, observed or not, if there are no more than that.

    A pixel's rank is a hash of its place alone (bottom-k sampling; Cohen & Kaplan 2007, PODC, 225-234): whatever the windows and
    their order, the same pixels are drawn, each set equally likely as far as the landscape is concerned.

    Parameters
    ----------
    size : int
        Pixels to keep.
    nodata : int or None
        Missing value of integers; NaN else.
    least : int
        Observations needed; 0 takes pixels without any.

    Attributes
    ----------
    seen : ndarray of bool, shape (n_dates,)
        Whether anything was observed, on any pixel.
    """

    def __init__(self, size: int, dates: int, nodata: int | None, least: int) -> None:
        self.seen = np.zeros(dates, bool)
        self._size, self._nodata, self._least = size, nodata, least
        self._bound = _LAST
        self._ranks: list[NDArray[np.uint64]] = []
        self._places: list[NDArray[np.int64]] = []
        self._values: list[NDArray[Any]] = []

    def add(self, places: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Look at some pixels: ``values`` of shape (dates, pixels)."""
        for date in np.flatnonzero(~self.seen):
            self.seen[date] = self.observed(values[date]).any()
        for start in range(0, places.size, _PIECE):
            self._add_piece(places[start : start + _PIECE], values[:, start : start + _PIECE])

    def _add_piece(self, places: NDArray[np.int64], values: NDArray[Any]) -> None:
        ranks = _ranks(places)
        low = np.flatnonzero(ranks <= self._bound)
        chosen = values[:, low]
        enough = self.observed(chosen).sum(axis=0) >= self._least
        low = low[enough]
        self._ranks.append(ranks[low])
        self._places.append(places[low])
        self._values.append(chosen[:, enough])
        if sum(part.size for part in self._ranks) > _SLACK * self._size:
            self.finish()

    def observed(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Say which values are not missing."""
        there: NDArray[np.bool_] = ~np.isnan(values) if self._nodata is None else values != self._nodata
        return there

    def finish(self) -> None:
        """Keep no more than was asked for."""
        ranks = np.concatenate(self._ranks)
        if ranks.size <= self._size:
            return
        self._bound = np.partition(ranks, self._size - 1)[self._size - 1]
        # Part by part, so that the values are not held twice.
        for at, part in enumerate(self._ranks):
            kept = part <= self._bound
            self._ranks[at], self._places[at], self._values[at] = part[kept], self._places[at][kept], self._values[at][:, kept]

    @property
    def population(self) -> int:
        """Pixels that might have been drawn: counted, or as many as the rank of the last one drawn tells."""
        held = sum(part.size for part in self._ranks)
        return held if self._bound == _LAST else round(held * 2.0**64 / float(self._bound))

    def usable(self, least: int) -> int:
        """Count those drawn that have so many observations."""
        return sum(int((self.observed(part).sum(axis=0) >= least).sum()) for part in self._values)

    def table(self) -> NDArray[Any]:
        """Return the values drawn, (pixels, dates), date-major in memory, in order of place."""
        position = np.concatenate(self._places).argsort().argsort()
        values = np.empty((self.seen.size, position.size), self._values[0].dtype)
        done = 0
        for part in self._values:
            values[:, position[done : done + part.shape[1]]] = part
            done += part.shape[1]
        return values.T


def _ranks(places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hash places (the finaliser of SplitMix64; Steele, Lea & Flood 2014, OOPSLA, 453-472), one-to-one."""
    rank = (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    rank ^= rank >> np.uint64(30)
    rank *= np.uint64(0xBF58476D1CE4E5B9)
    rank ^= rank >> np.uint64(27)
    rank *= np.uint64(0x94D049BB133111EB)
    rank ^= rank >> np.uint64(31)
    return rank


def draw_stand_in(blocks: Blocks, size: int, least: int) -> StandIn:
    """Read a cube once and draw from it; windows in which nothing was observed are not read again."""
    whole = blocks.height * blocks.width <= size
    drawn = StandIn(size, blocks.dates, blocks.cube.nodata, 0 if whole else least)
    blank: list[Window] = []

    def look(window: Window, values: NDArray[Any]) -> None:
        drawn.add(window.places(blocks.width), values)
        if not any(drawn.observed(image).any() for image in values):
            blank.append(window)

    blocks.visit(look)
    blocks.leave_out(blank)
    drawn.finish()
    return drawn


def least_observations(seen: int) -> int:
    """Return the observations that a pixel needs by default: a quarter of the dates with any value, rounded up, at least 2.

    Parameters
    ----------
    seen : int
        Dates with any value.

    Examples
    --------
    >>> [least_observations(dates) for dates in (0, 1, 2, 5, 12, 33)]
    [1, 1, 2, 2, 3, 9]
    """
    return max(min(seen, 2), -(-seen // 4), 1)
