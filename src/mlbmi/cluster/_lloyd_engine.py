"""Lloyd's iteration on partial data, from given centers until nothing moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_passes import Assignment, Pixels, Sums, assign_all, assign_uncertain, distances, take

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Descent", "descend", "next_centers"]

_FAR = 0.25
"""Mean squared step away from the anchor, as a share of the mean squared distance to it, beyond which sums are taken anew: well
before the residuals' rounding in float32 could be felt, and where most bounds have failed anyway."""


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


def descend(pixels: Pixels, start: NDArray[np.float64], *, max_iter: int, tol: float) -> Descent:
    """Alternate update and assignment from ``start`` until no label changes, Σ‖step‖² ≤ ``tol``, or ``max_iter`` is reached.

    Parameters
    ----------
    pixels : Pixels
    start : ndarray of float64, shape (n_clusters, n_dates)
    max_iter : int
    tol : float
        In squared units of the data.
    """
    state = _State(pixels, start)
    converged = False
    while not converged and len(state.path) <= max_iter:
        moved, changed = state.step()
        converged = changed == 0 or moved <= tol
    return Descent(
        centers=state.centers,
        labels=state.assignment.labels,
        members=state.sums.members,
        objective=state.path[-1],
        path=tuple(state.path),
        converged=converged,
    )


class _State:
    """The centers, the labels that follow from them, and the sums that follow from both."""

    def __init__(self, pixels: Pixels, start: NDArray[np.float64]) -> None:
        self.pixels = pixels
        self.assignment = Assignment.empty(pixels.count)
        self.path: list[float] = []
        self._restart(start)

    def _restart(self, centers: NDArray[np.float64]) -> None:
        """Assign all, with ``centers`` as anchor; fill empty clusters."""
        self.centers = centers
        self.sums = assign_all(self.pixels, centers, self.assignment)
        self.drift = 0.0
        if (self.sums.members == 0).any():
            self._fill_empty()
        self.path.append(self.sums.objective(self.centers))

    def _fill_empty(self) -> None:
        """Put the centers of empty clusters onto the pixels that cost most: no member is lost, and the objective falls."""
        filled = _relocated(self.pixels, self.centers, self.sums.members == 0)
        if filled is not None:
            self.centers = filled
            self.sums = assign_all(self.pixels, filled, self.assignment)

    def step(self) -> tuple[float, int]:
        """Update the centers, then the labels; return Σ‖step‖² and how many labels changed."""
        centers = next_centers(self.sums)
        moved = float(((centers - self.centers) ** 2).sum())
        if self._far(centers):
            before = self.assignment.labels.copy()
            self._restart(centers)
            return moved, int((before != self.assignment.labels).sum())
        kind = self.pixels.kind
        rounded = centers.astype(kind)
        self.drift += _drift(self.centers.astype(kind), rounded)
        self.centers = centers
        changed = assign_uncertain(self.pixels, rounded, self.assignment, self.sums, drift=self.drift)
        if changed and (self.sums.members == 0).any():
            self._fill_empty()
            self.drift = 0.0
        self.path.append(self.sums.objective(self.centers))
        return moved, changed

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
