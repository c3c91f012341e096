"""The search from coarse to fine: the same optimum as the plain programme, and bounds that hold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mlbmi.cluster._exact_kernels import interval_costs, prefix_sums
from mlbmi.cluster._exact_search import Levels, Search
from mlbmi.cluster.exact import solve

PLAIN = 10**9


def draw(rng, n: int) -> np.ndarray:
    kinds = (
        rng.normal(size=n),
        rng.exponential(size=n) ** 3,
        np.concatenate([rng.normal(size=n // 2), 50 + rng.normal(size=n - n // 2)]),
        np.round(rng.normal(size=n), 1),
        np.append(rng.normal(size=n - 1), 1e7),
    )
    return kinds[int(rng.integers(len(kinds)))]


def error_of(x, w, edges) -> float:
    pieces = (slice(a, b) for a, b in pairwise(edges))
    return sum(float((w[p] * (x[p] - np.average(x[p], weights=w[p])) ** 2).sum()) for p in pieces)


@pytest.mark.parametrize("seed", range(60))
def test_rounds_from_coarse_to_fine_end_at_the_plain_optimum(seed):
    rng = np.random.default_rng(seed)
    x = np.unique(draw(rng, int(rng.integers(8, 400))))
    w = rng.integers(1, 100, x.size).astype(float)
    k_max = min(x.size, 9)
    levels = Levels.of_values(x, w)
    plain = Search(levels, k_max, coarse=PLAIN)
    rounds = Search(levels, k_max, coarse=int(rng.integers(1, 30)))
    for k in range(1, k_max + 1):
        expected = error_of(x, w, plain.partition(k).edges)
        assert error_of(x, w, rounds.partition(k).edges) == pytest.approx(expected, rel=1e-11, abs=1e-300)


def binned(x, w, width: float) -> Levels:
    number = np.floor(x / width)
    bins, member = np.unique(number, return_inverse=True)
    weight = np.bincount(member, w)
    return Levels(np.bincount(member, w * x) / weight, weight, bins * width, (bins + 1) * width)


@pytest.mark.parametrize("seed", range(60))
def test_bounds_on_bins_hold_for_the_values_in_them(seed):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.permutation(draw(rng, int(rng.integers(50, 400)))))
    w = rng.integers(1, 5, x.size).astype(float)
    levels = binned(x, w, float(np.ptp(x)) / int(rng.integers(8, 120)))
    k = int(rng.integers(2, min(levels.x.size, 7)))
    partition = Search(levels, k, coarse=int(rng.integers(4, 200))).partition(k)

    best = solve(x, w, k)[k]
    between = error_of(levels.x, levels.w, partition.edges)
    within = sum(float((w[m] * (x[m] - level) ** 2).sum()) for level, m in _members(x, levels))
    assert between + within - best.sse <= partition.excess * between * (1 + 1e-9) + 1e-9 * best.sse

    for threshold in best.boundaries:
        inside = (levels.lower < threshold) & (threshold < levels.upper)
        values = x[(x >= levels.lower[inside][0]) & (x < levels.upper[inside][0])] if inside.any() else np.empty(0)
        if values.size and values.min() < threshold < values.max():
            assert partition.undecided[inside].all(), "a threshold of the optimum cuts a bin that was called decided"


def _members(x, levels: Levels):
    place = np.searchsorted(levels.lower, x, side="right") - 1
    return ((level, place == i) for i, level in enumerate(levels.x))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("left", "share"), [(0.5, 0.5), (0.9, 0.9), (0.1, 0.1), (0.7, 0.2), (0.02, 0.6)])
def test_the_bound_holds_where_a_bin_is_cut_in_the_worst_place(left, share, mirrored):
    # Two heavy values at -1 and 1, so the threshold is near 0; around it one bin of width h, its members at both of its ends.
    h, weight = 1e-3, 1e-6
    x = np.array([-1.0, -left * h, (1 - left) * h, 1.0])
    w = np.array([1.0, share * weight, (1 - share) * weight, 1.0])
    if mirrored:
        x, w = -x[::-1], w[::-1]
    mean = np.average(x[1:3], weights=w[1:3])
    bins = Levels(*(np.array(c) for c in ([-1.0, mean, 1.0], [1.0, weight, 1.0], [-1.0, x[1], 1.0], [-1.0, x[2], 1.0])))
    partition = Search(bins, 2, coarse=512).partition(2)
    between = error_of(bins.x, bins.w, partition.edges)
    within = float((w[1:3] * (x[1:3] - mean) ** 2).sum())
    above = between + within - solve(x, w, 2)[2].sse
    assert above > 1e-13
    assert above <= partition.excess * between
    assert partition.undecided.tolist() == [False, True, False]
    assert partition.windows.min() <= 1 <= partition.windows.max()


def test_nothing_is_undecided_between_single_values():
    partition = Search(Levels.of_values(np.arange(1000.0), np.ones(1000)), 4, coarse=16).partition(4)
    assert partition.edges.tolist() == [0, 250, 500, 750, 1000]
    assert partition.excess == 0
    assert not partition.undecided.any()


def test_most_of_many_bins_is_decided():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(m, 0.05, 20_000) for m in (0.0, 0.3, 0.7)])
    levels = binned(x, np.ones(x.size), float(np.ptp(x)) / 4096)
    partition = Search(levels, 3, coarse=512).partition(3)
    assert 0 < partition.undecided.sum() < 0.05 * levels.x.size


def test_costs_keep_their_digits_far_from_zero():
    # Σ(x - 0.5)² over 0 and 1e-8 beside a level at 1: 5e-17, from sums of squares near 1.
    x = np.array([-1.0, 1.0, 1.0 - 2.0**-40])
    costs = interval_costs(prefix_sums(x, np.array([1e8, 1.0, 1.0])), np.array([0, 1, 3]))
    assert costs.tolist() == [0.0, 2.0**-81]
