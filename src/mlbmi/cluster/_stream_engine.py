"""Lloyd's iteration over a cube that is not held: few readings, because only pixels in doubt are looked at between them.

A reading assigns all pixels, and tells for each how far the centers may drift before its label could change (Hamerly 2010; see
:class:`._lloyd_passes.Assignment`). The pixels with the shortest reach, as many as the memory allows, are kept, values and all;
the *horizon* is the reach of the first that was not. While the drift stays below the horizon, every other label is certain, so
updates need the kept pixels alone and nothing is read. Beyond it the cube is read again. Labels are those of plain Lloyd.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_engine import next_centers
from mlbmi.cluster._lloyd_passes import Assignment, Pixels, Sums, assign_all, assign_uncertain, distances, take
from mlbmi.compiling import read_only
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.cluster._stream_blocks import Blocks, Window

__all__ = ["Frame", "Streamed"]

_FAR = 0.25
"""As in memory: the mean squared step from the anchor, as a share of that of the pixels, beyond which sums are taken anew."""

_FILLED = 0.8
"""Share of the room for pixels in doubt that the stand-in should predict: the rest is for its error."""

_TABLE = 1 << 22
"""Distances held at once while the costliest pixel is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """How a table of numbers is to be understood: missing value, observations needed, scaling, the dates that count.

    Attributes
    ----------
    nodata : int or None
    least : int
    scaled : bool
    dates : ndarray of int64
        Places of the dates on which anything was observed.
    """

    nodata: int | None
    least: int
    scaled: bool
    dates: NDArray[np.int64]

    def pixels(self, table: NDArray[Any]) -> Pixels:
        """Describe a table (n_pixels, all dates)."""
        whole = Pixels.of(table, nodata=self.nodata, weights=None, least=self.least, scaled=self.scaled)
        return replace(whole, offsets=read_only(whole.offsets[self.dates]))


class _Doubt:
    """Pixels whose label may change before the next reading: their values, places, labels and limits, in a room of fixed size."""

    def __init__(self, dates: int, room: int, kind: np.dtype[Any], horizon: float) -> None:
        self.horizon = horizon
        self.count = 0
        self._values = np.empty((dates, room), kind)
        self._places = np.empty(room, np.int64)
        self._all = Assignment.empty(room)

    def add(self, values: NDArray[Any], places: NDArray[np.int64], found: Assignment) -> None:
        """Keep what is within the horizon; where there is no room for all, the horizon draws nearer."""
        chosen = np.flatnonzero(found.limits < self.horizon)
        room = self._places.size - self.count
        if chosen.size > room:
            by_limit = chosen[np.argpartition(found.limits[chosen], room)]
            self.horizon = float(found.limits[by_limit[room]])
            chosen = np.sort(by_limit[:room])
        kept = slice(self.count, self.count + chosen.size)
        self._values[:, kept] = values[:, chosen]
        self._places[kept] = places[chosen]
        self._all.labels[kept], self._all.limits[kept] = found.labels[chosen], found.limits[chosen]
        self.count = kept.stop

    def pixels(self, frame: Frame) -> Pixels:
        """Describe the pixels kept."""
        return replace(frame.pixels(self._values.T), count=self.count)

    @property
    def assignment(self) -> Assignment:
        """Labels and limits of the pixels kept, to be read and written."""
        return Assignment(self._all.labels[: self.count], self._all.limits[: self.count])

    def settle(self, labels: NDArray[np.uint8]) -> None:
        """Write the labels onto a map, flat."""
        labels[self._places[: self.count]] = self._all.labels[: self.count]


class Streamed:
    """The centers, the map of labels that follows from them, and the sums that follow from both.

    Parameters
    ----------
    blocks : Blocks
    frame : Frame
    stand_in : Pixels
        By which the number of pixels in doubt is foreseen.
    population : int
        Pixels for which it stands.
    room : int
        Pixels in doubt that may be kept.
    start : ndarray of float64, shape (n_clusters, n_dates that count)

    Attributes
    ----------
    labels : ndarray of uint8, shape (rows, columns)
        True after :meth:`settle`.
    centers : ndarray of float64
    sums : Sums
    path : list of float
        The objective after the start and after each update.
    """

    def __init__(
        self, blocks: Blocks, frame: Frame, stand_in: Pixels, start: NDArray[np.float64], *, population: int, room: int
    ) -> None:
        self.labels = np.full((blocks.height, blocks.width), LABEL_NODATA, np.uint8)
        self.path: list[float] = []
        self._blocks, self._frame, self._stand_in = blocks, frame, stand_in
        self._population, self._room = population, min(room, blocks.height * blocks.width)
        self._doubt = self._no_doubt(0, 0.0)
        self._restart(start)

    def _no_doubt(self, room: int, horizon: float) -> _Doubt:
        return _Doubt(self._blocks.dates, room, self._blocks.cube.data.dtype, horizon)

    def _restart(self, centers: NDArray[np.float64]) -> int:
        """Read and assign all, with ``centers`` as anchor; fill empty clusters; return how many labels changed."""
        changed = self._assign(centers)
        if (self.sums.members == 0).any():
            changed += self._fill_empty()
        self.path.append(self.sums.objective(self.centers))
        return changed

    def _assign(self, centers: NDArray[np.float64]) -> int:
        self.settle()
        self._doubt = self._no_doubt(0, 0.0)  # frees the room before it is taken anew
        doubt = self._no_doubt(self._room, self._horizon(centers))
        shape, changed = centers.shape, 0
        anchor = np.ascontiguousarray(centers, self._stand_in.kind)
        sums = Sums(anchor, np.zeros(shape), np.zeros(shape), np.zeros(shape[0], np.int64), 0.0)

        def work(window: Window, values: NDArray[Any]) -> None:
            nonlocal changed
            pixels = self._frame.pixels(values.T)
            found = Assignment.empty(pixels.count)
            part = assign_all(pixels, centers, found)
            sums.add((part.residual, part.mass, part.members, part.square, 0))
            labels = found.labels.astype(np.uint8).reshape(window.shape)  # −1, missing, becomes 255 by the rules of C
            changed += int((self.labels[window.rows, window.columns] != labels).sum())
            self.labels[window.rows, window.columns] = labels
            doubt.add(values, window.places(self._blocks.width), found)

        self._blocks.visit(work)
        self.centers, self.sums, self.drift, self._doubt = centers, sums, 0.0, doubt
        return changed

    def _horizon(self, centers: NDArray[np.float64]) -> float:
        """Foresee the drift within which as many pixels are in doubt as there is room for."""
        found = Assignment.empty(self._stand_in.count)
        assign_all(self._stand_in, centers, found, learn=False)
        limits = np.sort(found.limits[found.labels >= 0])
        rank = int(_FILLED * self._room / max(self._population, 1) * limits.size)
        return float(limits[rank]) if rank < limits.size else np.inf

    def step(self) -> tuple[float, int]:
        """Update the centers, then the labels; return Σ‖step‖² and how many labels changed."""
        centers = next_centers(self.sums)
        moved = float(((centers - self.centers) ** 2).sum())
        kind = self._stand_in.kind
        rounded = centers.astype(kind)
        drift = self.drift + _largest_two(rounded.astype(np.float64) - self.centers.astype(kind))
        if drift >= self._doubt.horizon or self._far(centers):
            return moved, self._restart(centers)
        self.centers, self.drift = centers, drift
        doubt = self._doubt
        changed = assign_uncertain(doubt.pixels(self._frame), rounded, doubt.assignment, self.sums, drift=drift)
        if changed and (self.sums.members == 0).any():
            self._fill_empty()
        self.path.append(self.sums.objective(self.centers))
        return moved, changed

    def _far(self, centers: NDArray[np.float64]) -> bool:
        step = (self.sums.mass * (centers - self.sums.anchor) ** 2).sum()
        return bool(step > _FAR * self.sums.square)

    def settle(self) -> None:
        """Bring the map up to date with what was decided since the last reading."""
        self._doubt.settle(self.labels.reshape(-1))

    def _fill_empty(self) -> int:
        """Put the centers of empty clusters onto the pixels that cost most, a reading for each; assign anew if any was moved."""
        filled, moved = self.centers.copy(), False
        for cluster in np.flatnonzero(self.sums.members == 0):
            costliest = _Costliest(filled)
            self._blocks.visit(lambda _, values, look=costliest: look.among(self._frame.pixels(values.T)))  # type: ignore[misc]
            if costliest.cost <= costliest.rounding:
                break
            filled[cluster] = np.where(np.isnan(costliest.values), self.centers.mean(axis=0), costliest.values)
            moved = True
        return self._assign(filled) if moved else 0


class _Costliest:
    """The pixel farthest from all centers, found piece by piece."""

    def __init__(self, centers: NDArray[np.float64]) -> None:
        self.cost = self.rounding = 0.0
        self.values: NDArray[np.float64] = np.empty(0)
        self._centers = centers

    def among(self, pixels: Pixels) -> None:
        step = max(1024, _TABLE // len(self._centers))
        for start in range(0, pixels.count, step):
            offsets = read_only(pixels.offsets + start * pixels.stride)
            self._within(replace(pixels, count=min(step, pixels.count - start), offsets=offsets))

    def _within(self, pixels: Pixels) -> None:
        cost = np.nan_to_num(distances(pixels, self._centers).min(axis=0), nan=0.0)
        farthest = int(cost.argmax())
        if cost[farthest] <= self.cost:
            return
        self.cost = float(cost[farthest])
        self.values = take(pixels, np.array([farthest]))[:, 0].astype(np.float64)
        # What rounding alone may put between a pixel and a center that equals it.
        unit = 8 * float(np.finfo(pixels.kind).eps) * float(np.nanmax(np.abs(self.values)))
        self.rounding = (pixels.dates * unit) ** 2


def _largest_two(step: NDArray[np.float64]) -> float:
    """Return the sum of the two largest moves: the most by which the gap between two distances can have shrunk."""
    moves = np.sort(np.sqrt(np.einsum("kt,kt->k", step, step)))
    return float(moves[-2:].sum()) * (1 + 1e-6)
