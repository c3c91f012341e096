"""Exact 1-D K-means on weighted levels: for every number of clusters at once, or for one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._exact_passes import VALUES, Bins, pooled
from mlbmi.cluster._exact_search import Levels, Partition, Search, best_within
from mlbmi.cluster._histogram import check_weights
from mlbmi.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Fit", "Solution", "Solutions", "check_range", "fit_levels", "fit_search", "midpoints", "search", "solve"]

_FEW_LEVELS, _PLAIN, _FEW_CLUSTERS = 8_192, 65_536, 8
"""Levels up to which the plain dynamic programme is used: the first for up to ``_FEW_CLUSTERS`` clusters, the second for more."""

_WIDEST = 1e150

_FIRST_ROUND = 512
"""Atoms in the first round of a search for few thresholds."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The optimum for one number of clusters.

    Attributes
    ----------
    centers : ndarray of float64, shape (k,)
        Weighted means of the clusters, ascending, in units of the levels.
    weights : ndarray of float64, shape (k,)
        Weight (count) in each cluster.
    sse : float
        Weighted sum of squared distances to the centers, float64: the least possible for k clusters.
    boundaries : ndarray of float64, shape (k - 1,)
        Midpoints between neighbouring centers: a level above boundary j lies in cluster j + 1 or higher.
    """

    centers: NDArray[np.float64]
    weights: NDArray[np.float64]
    sse: float
    boundaries: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Solutions:
    """The optima for 1, 2, … clusters: ``solutions[k]``; iterating yields them in order of k.

    Attributes
    ----------
    distinct : int
        Distinct levels with weight. There is no solution for more clusters than that.
    """

    distinct: int
    _by_k: tuple[Solution, ...]

    @property
    def k_max(self) -> int:
        """The largest number of clusters solved for: as asked, but at most ``distinct``."""
        return len(self._by_k)

    def __getitem__(self, k: int) -> Solution:
        """Return the optimum for k clusters."""
        if 1 <= k <= self.k_max:
            return self._by_k[k - 1]
        if k > self.distinct:
            raise too_many_clusters(k, self.distinct)
        raise InputError(f"k = {k} was asked for; solutions are there for 1 to {self.k_max}")

    def __len__(self) -> int:
        return self.k_max

    def __iter__(self) -> Iterator[Solution]:
        return iter(self._by_k)


def solve(levels: NDArray[np.float64], weights: NDArray[Any], k_max: int) -> Solutions:
    """Find the global optimum of 1-D K-means on weighted levels for every k up to ``k_max``, in one run.

    Parameters
    ----------
    levels : ndarray of float, shape (n,)
        In any order; equal ones are pooled.
    weights : ndarray of int or float, shape (n,)
        Counts or weights, finite and not negative; levels without weight are left out.
    k_max : int
        Largest number of clusters, at least 1. Above the number of distinct levels with weight it is cut to that.

    Returns
    -------
    Solutions

    Raises
    ------
    InputError
        If no level has weight, a level or weight is not finite, a weight is negative, shapes differ or ``k_max`` is below 1.

    Notes
    -----
    Optimal clusters on a line are intervals, which dynamic programming finds without a start, a seed or a tolerance (Wang & Song
    2011, The R Journal 3(2), 29-33), here in O(k n log n) (Grønlund et al. 2017, arXiv:1701.07204). Costs are compared with about
    106 bits, so narrow clusters far apart are told apart as well; centers and SSE are then summed from the levels themselves.

    Examples
    --------
    >>> import numpy as np
    >>> solutions = solve(np.array([0.0, 1.0, 10.0]), np.array([3, 1, 2]), k_max=5)
    >>> [solution.sse for solution in solutions]
    [127.5, 0.75, 0.0]
    >>> solutions[2].centers
    array([ 0.25, 10.  ])
    """
    x, w = _checked(levels, weights)
    if k_max < 1:
        raise InputError(f"k_max is {k_max}; it must be at least 1")
    most = min(k_max, x.size)
    engine = search(Levels.of_values(x, w), most)
    return Solutions(x.size, tuple(_solution(x, w, engine.partition(k)) for k in range(1, most + 1)))


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The optimum for one k: centers, ascending, and how far at most its squared error lies above the least (0: proven least)."""

    centers: NDArray[np.float64]
    excess: float


def fit_levels(levels: NDArray[np.float64], weights: NDArray[Any], k: int) -> Fit:
    """Find the optimum on weighted levels for one k."""
    x, w = _checked(levels, weights)
    return fit_search(Levels.of_values(x, w), k, VALUES)


def too_many_clusters(k: int, distinct: int) -> InputError:
    """Make the error for more clusters than distinct values."""
    return InputError(
        f"{k} clusters were asked for, but only {distinct} distinct values have weight; each cluster needs one of its own",
        remedy=f"Ask for at most {distinct}.",
    )


def fit_search(levels: Levels, k: int, bins: Bins, windows: list[tuple[float, float]] | None = None) -> Fit:
    """Find the optimum on levels given as places in bins; windows tell where its thresholds are known to lie."""
    if not levels.x.size:
        raise InputError("there is nothing to cluster: every value is missing or has no weight")
    if levels.x.size < k:
        raise too_many_clusters(k, levels.x.size)
    partition = search(levels, k).partition(k) if windows is None else best_within(levels, windows)
    solution = _solution(levels.x, levels.w, partition)
    return Fit(bins.value(solution.centers), partition.excess * solution.sse / bins.scale / bins.scale)


def search(levels: Levels, k_max: int) -> Search:
    """Search from coarse to fine, or by the plain programme alone where that is faster.

    The plain one serves every k at once, about 0.1 µs for each level and k. Coarse rounds are run for each k, and leave many
    edges alive where there are many thresholds.
    """
    plain = _PLAIN if k_max > _FEW_CLUSTERS else _FEW_LEVELS
    return Search(levels, k_max, coarse=plain if levels.x.size <= plain else _FIRST_ROUND)


def _solution(x: NDArray[np.float64], w: NDArray[np.float64], partition: Partition) -> Solution:
    """Sum centers and squared error of a partition from its levels."""
    centers, weights, sse = [], [], 0.0
    for start, stop in pairwise(partition.edges):
        values, heavy = x[start:stop], w[start:stop]
        weight = heavy.sum()
        center = values[0] + (heavy * (values - values[0])).sum() / weight
        centers.append(center)
        weights.append(weight)
        sse += float((heavy * (values - center) ** 2).sum())
    return Solution(np.array(centers), np.array(weights), sse, midpoints(np.array(centers)))


def midpoints(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values halfway between neighbouring centers."""
    return centers[:-1] + (centers[1:] - centers[:-1]) / 2


def _checked(levels: NDArray[np.float64], weights: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return levels with weight, ascending and distinct."""
    x, w = np.asarray(levels, np.float64), np.asarray(weights, np.float64)
    if x.ndim != 1 or x.shape != w.shape:
        raise InputError(f"levels have shape {x.shape} and weights {w.shape}; both must be one line of the same length")
    check_weights(w)
    heavy = w > 0
    x, w = x[heavy], w[heavy]
    if not x.size:
        raise InputError("there is nothing to cluster: no level has weight")
    if not np.isfinite(x).all():
        raise InputError(f"a level is {x[~np.isfinite(x)][0]}; levels must be finite")
    check_range(float(x.min()), float(x.max()))
    return (x, w) if (np.diff(x) > 0).all() else pooled(x, w)


def check_range(low: float, high: float) -> None:
    """Refuse values so far apart that squared distances leave float64."""
    if high / 2 - low / 2 > _WIDEST / 2:
        raise InputError(f"values reach from {low:g} to {high:g}; squared distances of more than {_WIDEST:g} overflow")
