"""Lloyd's iteration on partial data, from given centers until nothing moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_passes import DOUBTED, Assignment, Doubt, Pixels, Sums, assign_all, assign_uncertain, distances, take

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Descent", "descend", "next_centers"]

_FAR = 0.25
"""Mean squared step away from the anchor, as a share of the mean squared distance to it, beyond which sums are taken anew: well
before the residuals' rounding in float32 could be felt, and where most bounds have failed anyway."""

_STEPS = 4
"""Steps as long as the present one that a horizon must hold for pixels to be set aside once more: as each step is some share of
the one before, that is then likely to be the last time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Descent:
    """Where an iteration got to.

    Attributes
    ----------
    centers : ndarray of float64, shape (n_clusters, n_dates)
    labels : ndarray of int32, shape (n_pixels,)
        Nearest of ``centers``; −1 for too few observations.
    members : ndarray of int64, shape (n_clusters,)
        Pixels with a positive weight by cluster.
    objective : float
        At these centers and labels, float64.
    path : tuple of float
        The objective after each assignment: the start's, then one per update of the centers. It never rises but by rounding.
    converged : bool
        No label changed, or the centers moved less than asked.
    """

    centers: NDArray[np.float64]
    labels: NDArray[np.int32]
    members: NDArray[np.int64]
    objective: float
    path: tuple[float, ...]
    converged: bool


def next_centers(sums: Sums) -> NDArray[np.float64]:
    """Return the centers that are best for the present labels: weighted means over the members observed on each date.

    A date on which no member of a cluster is observed does not enter the objective; the center gets that date's mean over all
    clusters. An empty cluster keeps its center.
    """
    mass = sums.mass
    # What is left of a sum after its last member went is rounding, not a member.
    there = mass > 1e-12 * mass.max()
    if there.all():
        means: NDArray[np.float64] = sums.anchor + sums.residual / mass
        return means
    safe = np.where(there, mass, 1.0)
    centers = sums.anchor + np.where(there, sums.residual / safe, 0.0)
    total = np.where(there, mass, 0.0).sum(axis=0)
    overall = np.where(there, mass * centers, 0.0).sum(axis=0) / np.where(total > 0, total, 1.0)
    filled: NDArray[np.float64] = np.where(there | (sums.members == 0)[:, None], centers, overall)
    return filled


def descend(
    pixels: Pixels, start: NDArray[np.float64], *, max_iter: int, tol: float, sample: Pixels | None = None, share: float = 0.0
) -> Descent:
    """Alternate update and assignment from ``start`` until no label changes, Σ‖step‖² ≤ ``tol``, or ``max_iter`` is reached.

    Parameters
    ----------
    pixels : Pixels
    start : ndarray of float64, shape (n_clusters, n_dates)
    max_iter : int
    tol : float
        In squared units of the data.
    sample : Pixels, optional
        Some of ``pixels``, where ``start`` is near an optimum of theirs. They tell how far centers may drift until ``share`` of
        all pixels is in doubt; that share is copied during the first pass, which mostly stays the only one over everything.
    share : float
    """
    state = _State(pixels, start, _horizon(sample, start, share))
    converged = False
    while not converged and len(state.path) <= max_iter:
        moved, changed = state.step()
        converged = changed == 0 or moved <= tol
    state.settle()
    return Descent(
        centers=state.centers,
        labels=state.assignment.labels,
        members=state.sums.members,
        objective=state.path[-1],
        path=tuple(state.path),
        converged=converged,
    )


def _horizon(sample: Pixels | None, centers: NDArray[np.float64], share: float) -> float | None:
    """Return the drift that puts a share of the sample in doubt."""
    if sample is None or not sample.count:
        return None
    found = Assignment.empty(sample.count)
    assign_all(sample, centers, found, learn=False)
    rank = int(share * sample.count)
    limit = float(np.partition(found.limits, rank)[rank])
    return limit if limit > 0 else None


@dataclass(slots=True)
class _Few:
    """The pixels in doubt, as a table of their own with labels and limits of their own."""

    horizon: float
    pixels: Pixels
    places: NDArray[np.int64]
    assignment: Assignment

    @classmethod
    def of(cls, horizon: float, places: NDArray[np.int64], values: NDArray[Any], pixels: Pixels, found: Assignment) -> _Few:
        weights = pixels.weights[places] if pixels.weights.size else pixels.weights
        return cls(horizon, pixels.like(values, weights), places, Assignment(found.labels[places], found.limits[places]))


class _State:
    """The centers, the labels that follow from them, and the sums that follow from both."""

    def __init__(self, pixels: Pixels, start: NDArray[np.float64], horizon: float | None) -> None:
        self.pixels = pixels
        self.assignment = Assignment.empty(pixels.count)
        self.path: list[float] = []
        self._few: _Few | None = None
        self._horizon = horizon
        self._restart(start, aside=True)

    def _restart(self, centers: NDArray[np.float64], *, aside: bool) -> None:
        """Assign all, with ``centers`` as anchor, and set ``aside`` what will be in doubt; fill empty clusters."""
        doubt = Doubt(self._horizon) if aside and self._horizon is not None else None
        self.centers = centers
        self.sums = assign_all(self.pixels, centers, self.assignment, doubt=doubt)
        self.drift = 0.0
        self._few = None
        if doubt is not None and doubt.complete:
            places, values = np.concatenate(doubt.places), np.concatenate(doubt.values, axis=1)
            self._few = _Few.of(doubt.horizon, places, values, self.pixels, self.assignment)
        elif doubt is not None:
            self._horizon = None
        if (self.sums.members == 0).any():
            self._fill_empty()
        self.path.append(self.sums.objective(self.centers))

    def _fill_empty(self) -> None:
        """Put the centers of empty clusters onto the pixels that cost most: no member is lost, and the objective falls."""
        filled = _relocated(self.pixels, self.centers, self.sums.members == 0)
        if filled is not None:
            self._few, self.drift = None, 0.0
            self.centers = filled
            self.sums = assign_all(self.pixels, filled, self.assignment)

    def settle(self) -> None:
        """Write what was found for the few pixels in doubt to where all pixels are; from here on all are looked at."""
        if self._few is not None:
            self.assignment.labels[self._few.places] = self._few.assignment.labels
            self.assignment.limits[self._few.places] = self._few.assignment.limits
            self._few = None

    def step(self) -> tuple[float, int]:
        """Update the centers, then the labels; return Σ‖step‖² and how many labels changed."""
        centers = next_centers(self.sums)
        moved = float(((centers - self.centers) ** 2).sum())
        kind = self.pixels.kind
        drift = _drift(self.centers.astype(kind), centers.astype(kind))
        short = self._horizon is not None and drift < self._horizon / _STEPS
        if self._far(centers):
            self.settle()
            before = self.assignment.labels.copy()
            self._restart(centers, aside=short)
            return moved, int((before != self.assignment.labels).sum())
        changed = self._update(centers, drift)
        if short and changed and self._few is None:
            self._set_aside()
        if changed and (self.sums.members == 0).any():
            self._fill_empty()
        self.path.append(self.sums.objective(self.centers))
        return moved, changed

    def _set_aside(self) -> None:
        """Look at few pixels from here on: those that one more horizon will put in doubt."""
        reach = self.drift + (self._horizon or 0.0)
        places = np.flatnonzero(self.assignment.limits <= reach)
        if places.size > self.pixels.count // DOUBTED:
            self._horizon = None
            return
        self._few = _Few.of(reach, places, take(self.pixels, places), self.pixels, self.assignment)

    def _update(self, centers: NDArray[np.float64], drift: float) -> int:
        self.centers = centers
        self.drift += drift
        if self._few is not None and not self.drift < self._few.horizon:
            self.settle()
        pixels, found = (self.pixels, self.assignment) if self._few is None else (self._few.pixels, self._few.assignment)
        return assign_uncertain(pixels, centers.astype(pixels.kind), found, self.sums, drift=self.drift)

    def _far(self, centers: NDArray[np.float64]) -> bool:
        step = (self.sums.mass * (centers - self.sums.anchor) ** 2).sum()
        return bool(step > _FAR * self.sums.square)


def _drift(old: NDArray[Any], new: NDArray[Any]) -> float:
    """Return the sum of the two largest moves: the most by which the gap between two distances can have shrunk."""
    step = new.astype(np.float64) - old
    moves = np.sqrt(np.einsum("kt,kt->k", step, step))
    moves.sort()
    return float(moves[-2:].sum()) * (1 + 1e-6)


def _relocated(pixels: Pixels, centers: NDArray[np.float64], empty: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return centers with the empty ones on the costliest pixels, one after another; None where every pixel costs nothing."""
    cost = np.nan_to_num(distances(pixels, centers).min(axis=0), nan=0.0)
    filled = centers.copy()
    done = 0
    for cluster in np.flatnonzero(empty):
        farthest = int(cost.argmax())
        values = take(pixels, np.array([farthest]))[:, 0].astype(np.float64)
        if cost[farthest] <= _rounding(values, pixels):
            break
        filled[cluster] = np.where(np.isnan(values), centers.mean(axis=0), values)
        np.fmin(cost, distances(pixels, filled[cluster][None])[0], out=cost)
        done += 1
    return filled if done else None


def _rounding(values: NDArray[np.float64], pixels: Pixels) -> float:
    """Return the squared distance that rounding alone may put between a pixel and a center that equals it."""
    step = 8 * float(np.finfo(pixels.kind).eps) * float(np.nanmax(np.abs(values)))
    return pixels.dates**2 * step**2 * float(pixels.weights.max(initial=1.0))
