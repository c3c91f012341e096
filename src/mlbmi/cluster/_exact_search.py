"""The least squared error of k consecutive groups, proven: a dynamic programme from coarse to fine that drops what cannot win.

Optimal clusters on a line are intervals, so k clusters are k - 1 thresholds. The plain dynamic programme (Wang & Song 2011, The R
Journal 3(2), 29-33) tries every edge between two levels for each. Here it runs first on few edges, far apart, and gives for each
edge and each m

- an *upper* bound U of the optimum: the best partition whose thresholds all lie on these edges, and
- a *lower* bound of everything that has its m-th threshold next to that edge.

Where the lower bound is above U the threshold cannot lie, and only the neighbourhoods of the other edges are looked at more
closely. At the last round the edges are all those between neighbouring levels that are left, and the best partition is the
optimum.

**The lower bound.** Let t be a threshold of an optimal partition: the midpoint of two of its centres, d apart. Between two edges
that enclose it lies an *atom* of weight W, whose values spread over h. Move the thresholds in that atom all to its left edge, or
all to its right edge, and keep the centres. A value x that changes sides of t then costs (x - c)² - (x - c')² = 2d |x - t| more;
over both ways together that is at most 2dWh for each threshold, so for one of the two at most dWh. Hence

    optimum ≥ min over partitions along the edges of (squared error - sum of the d·W·h of the larger atom next to each edge),

which is the same programme with a credit for each edge. With atoms half as wide the credit is a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster._exact_kernels import interval_costs, prefix_sums, run_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Levels", "Partition", "Search", "best_within"]

_FACTOR = 8


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Weighted values in increasing order.

    Attributes
    ----------
    x : ndarray of float64, shape (n,)
        The values; for a bin the mean of its members.
    w : ndarray of float64, shape (n,)
        Positive weights.
    lower, upper : ndarray of float64, shape (n,)
        Bounds of the members of each level: equal to ``x`` where a level is one value.
    """

    x: NDArray[np.float64]
    w: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    @classmethod
    def of_values(cls, x: NDArray[np.float64], w: NDArray[np.float64]) -> Levels:
        """Make levels that are one value each."""
        return cls(x, w, x, x)

    def scaled(self) -> Levels:
        """Return the same levels with x within ±1 and w below 1: shifted once, else only multiplied by powers of two (exact)."""
        middle = self.x[self.x.size // 2]
        reach = max(self.upper[-1] - middle, middle - self.lower[0])
        x_exponent, w_exponent = -np.frexp(reach)[1], -np.frexp(self.w.max())[1]
        x, lower, upper = (np.ldexp(values - middle, x_exponent) for values in (self.x, self.lower, self.upper))
        return Levels(x, np.ldexp(self.w, w_exponent), lower, upper)


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """The best partition into k groups along the edges between levels.

    Attributes
    ----------
    edges : ndarray of int64, shape (k + 1,)
        From 0 to n; group j holds levels ``edges[j]`` to ``edges[j + 1]`` (exclusive), never none.
    excess : float
        Upper bound of what the squared error lies above the least one possible, as a share of the squared error *between* levels
        (a lower share of the whole one); 0 where each level is one value.
    undecided : ndarray of bool, shape (n,)
        Levels of several values in which a better partition might have a threshold.
    windows : ndarray of int64, shape (k - 1, 2)
        First and last level in which a better partition might have its thresholds 1, 2, …; of no rows where each level is one
        value.
    """

    edges: NDArray[np.int64]
    excess: float
    undecided: NDArray[np.bool_]
    windows: NDArray[np.int64]


class Search:
    """Exact partitions of weighted levels into every number of groups up to ``k_max``.

    The first round serves all k at once; the finer ones, far smaller, are run for a k when it is asked for.

    Parameters
    ----------
    levels : Levels
        At least one.
    k_max : int
        From 1 to the number of levels.
    coarse : int
        Most atoms in the first round. At least as many as levels: the plain dynamic programme, and no other round.
    """

    def __init__(self, levels: Levels, k_max: int, *, coarse: int) -> None:
        self._line = _Line.of(levels)
        self._stride = 1
        while self._line.atoms(self._stride) > coarse:
            self._stride *= _FACTOR
        everywhere = np.arange(self._line.atoms(self._stride) + 1)
        self._first = _Round(self._line, self._stride, [np.array([0]), *[everywhere] * k_max])

    def partition(self, k: int) -> Partition:
        """Return the best partition into ``k`` groups, 1 to ``k_max``."""
        line, stride, latest = self._line, self._stride, self._first
        while stride > 1:
            alive = latest.alive(k)
            stride //= _FACTOR
            atoms = line.atoms(stride)
            latest = _Round(line, stride, [np.array([0]), *(_children(layer, atoms) for layer in alive), np.array([atoms])])
        edges = _without_empty(latest.edges(k), line.sums)
        if line.single:
            return _proven(edges, line)
        cost, alive = float(interval_costs(line.sums, edges).sum()), latest.alive(k)
        windows = np.array([(max(layer[0] - 1, 0), min(layer[-1], line.n - 1)) for layer in alive], np.int64).reshape(-1, 2)
        return Partition(edges, latest.excess(k) / cost if cost > 0 else 0.0, line.neighbours(alive), windows)


def best_within(levels: Levels, windows: Sequence[tuple[float, float]]) -> Partition:
    """Return the best partition of levels of one value each whose thresholds lie in given windows (least and greatest value)."""
    line = _Line.of(levels)
    starts = np.searchsorted(levels.x, [least for least, _ in windows], "left")
    stops = np.searchsorted(levels.x, [greatest for _, greatest in windows], "right")
    inner = (np.arange(start, stop + 1) for start, stop in zip(starts, stops, strict=True))
    edges = _Round(line, 1, [np.array([0]), *inner, np.array([line.n])]).edges(len(windows) + 1)
    return _proven(_without_empty(edges, line.sums), line)


def _proven(edges: NDArray[np.int64], line: _Line) -> Partition:
    return Partition(edges, 0.0, np.zeros(line.n, np.bool_), np.empty((0, 2), np.int64))


def _children(layer: NDArray[np.int64], atoms: int) -> NDArray[np.int64]:
    """Return the edges of the next round within one atom of those of the last; both are numbered 0 … number of atoms."""
    around = np.arange(-_FACTOR, _FACTOR + 1)
    return np.unique(np.minimum(np.maximum(layer[:, None] * _FACTOR + around, 0), atoms))


def _without_empty(edges: NDArray[np.int64], sums: NDArray[np.float64]) -> NDArray[np.int64]:
    """Split the costliest groups in half where others are empty: only rounding makes an empty group as good as a full one."""
    kept = np.unique(edges)
    while kept.size < edges.size:
        cost = np.where(np.diff(kept) > 1, interval_costs(sums, kept), -1.0)
        widest = int(np.argmax(cost))
        kept = np.insert(kept, widest + 1, (kept[widest] + kept[widest + 1]) // 2)
    return kept


@dataclass(frozen=True, eq=False)
class _Line:
    """The scaled levels with their prefix sums, forwards and mirrored (-x, from the last to the first)."""

    levels: Levels
    sums: NDArray[np.float64]
    single: bool

    @classmethod
    def of(cls, levels: Levels) -> _Line:
        scaled = levels.scaled()
        return cls(scaled, prefix_sums(scaled.x, scaled.w), bool(np.array_equal(levels.lower, levels.upper)))

    @cached_property
    def mirrored(self) -> NDArray[np.float64]:
        return prefix_sums(-self.levels.x[::-1], self.levels.w[::-1])

    @property
    def n(self) -> int:
        return int(self.levels.x.size)

    def atoms(self, stride: int) -> int:
        """Return how many atoms of ``stride`` levels there are; their edges are numbered 0 … this."""
        return -(-self.n // stride)

    def neighbours(self, layers: Sequence[NDArray[np.int64]]) -> NDArray[np.bool_]:
        """Mark the levels of several values next to any of the edges."""
        edges = np.concatenate([np.empty(0, np.int64), *layers])
        near = np.zeros(self.n, np.bool_)
        near[edges[edges > 0] - 1] = True
        near[edges[edges < self.n]] = True
        return near & (self.levels.upper > self.levels.lower)

    def burdens(self, stride: int) -> NDArray[np.float64]:
        """Return weight x spread of the larger atom next to each edge."""
        ends = np.minimum(np.arange(self.atoms(stride) + 1) * stride, self.n)
        weight = np.diff(self.sums[ends, 0])
        burden = weight * (self.levels.upper[ends[1:] - 1] - self.levels.lower[ends[:-1]])
        larger: NDArray[np.float64] = np.maximum(np.append(burden, 0.0), np.append(0.0, burden))
        return larger

    def reaches(self, stride: int, layers: Sequence[NDArray[np.int64]]) -> list[float]:
        """Return for each layer a bound on the distance of the centres on both sides of its threshold."""
        starts = [max(int(layer[0]) - 1, 0) * stride for layer in layers]
        stops = [min((int(layer[-1]) + 1) * stride, self.n) for layer in layers]
        lower, upper = self.levels.lower, self.levels.upper
        inner = [float(upper[stop - 1] - lower[start]) for start, stop in zip(starts, stops[2:], strict=False)]
        return [0.0, *inner, 0.0]


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """What one dynamic programme found, an array per layer."""

    best: list[NDArray[np.float64]]
    previous: list[NDArray[np.int64]]

    @classmethod
    def of(cls, sums: NDArray[np.float64], layers: Sequence[NDArray[np.int64]], credit: Sequence[NDArray[np.float64]]) -> _Tables:
        edges = np.concatenate(layers)
        first = np.cumsum([0, *(layer.size for layer in layers)])
        best, previous = np.empty(edges.size), np.empty(edges.size, np.int64)
        run_layers(sums, edges, first, np.concatenate(credit), best, previous)
        layers_of = [slice(start, stop) for start, stop in pairwise(first.tolist())]  # np.split takes as long as the programme
        return cls([best[layer] for layer in layers_of], [previous[layer] for layer in layers_of])


class _Round:
    """One round: for each layer m the numbers of the edges where threshold m may lie; layer 0 is edge 0, the last ends at n."""

    def __init__(self, line: _Line, stride: int, layers: Sequence[NDArray[np.int64]]) -> None:
        self._line, self._stride, self._layers = line, stride, layers
        self._places = [np.minimum(layer * stride, line.n) for layer in layers]
        self._plain = _Tables.of(line.sums, self._places, [np.zeros(layer.size) for layer in layers])

    def edges(self, k: int) -> NDArray[np.int64]:
        """Return the best partition into k groups along the edges of this round: shape (k + 1,), groups may be empty."""
        at, edges = -1, [self._line.n]
        for layer in range(k, 0, -1):
            at = int(self._plain.previous[layer][at])
            edges.append(int(self._places[layer - 1][at]))
        return np.array(edges[::-1])

    def alive(self, k: int) -> list[NDArray[np.int64]]:
        """Return the edges, layer by layer, next to which an optimal partition may have its thresholds 1 … k - 1."""
        forward, backward, credit = self._bounded
        # Rounding: a few units in the last place of the sums that the bounds are made of, and the floor of the paired sums.
        rounding = 1e-13 * sum(float(c.max()) for c in credit[1:k]) + 1e-26 * float(self._line.sums[-1, 4])
        limit = float(self._plain.best[k][-1]) * (1 + 1e-10) + rounding
        bounds = [forward.best[m] + backward.best[k - m][::-1] - credit[m] for m in range(1, k)]
        return [layer[bound <= limit] for layer, bound in zip(self._layers[1:k], bounds, strict=True)]

    def excess(self, k: int) -> float:
        """Return how far, at most, the best partition along these edges lies above the optimum."""
        return max(float(self._plain.best[k][-1] - self._bounded[0].best[k][-1]), 0.0)

    @cached_property
    def _bounded(self) -> tuple[_Tables, _Tables, list[NDArray[np.float64]]]:
        """The programme with credits, forwards and backwards, and the credits."""
        line = self._line
        burdens = line.burdens(self._stride)
        reaches = line.reaches(self._stride, self._layers)
        credit = [reach * burdens[layer] for reach, layer in zip(reaches, self._layers, strict=True)]
        turned = [np.array([0]), *(line.n - places[::-1] for places in self._places[-2:0:-1]), np.array([line.n])]
        turned_credit = [np.zeros(1), *(c[::-1] for c in credit[-2:0:-1]), np.zeros(1)]
        return _Tables.of(line.sums, self._places, credit), _Tables.of(line.mirrored, turned, turned_credit), credit
