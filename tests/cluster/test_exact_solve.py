"""The optimum on weighted levels against every partition there is, in exact fractions, and against a plain O(n²k) programme."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.cluster.exact import solve
from mlbmi.errors import InputError


def exact_cost(levels, weights) -> Fraction:
    total = sum(weights)
    mean = sum(w * x for w, x in zip(weights, levels, strict=True)) / total
    return sum(w * (x - mean) ** 2 for w, x in zip(weights, levels, strict=True))


def cost_of_groups(x, w, boundaries) -> Fraction:
    """Return the error of the groups between boundaries about their own means, without rounding."""
    group = np.searchsorted(boundaries, x)
    members = (group == j for j in range(len(boundaries) + 1))
    return sum(exact_cost([Fraction(v) for v in x[m]], [Fraction(v) for v in w[m]]) for m in members)


def least_by_trying_all(levels, weights, k: int) -> Fraction:
    """Return the least error over every cut of the sorted levels into k groups, without rounding."""
    pairs = sorted(zip(levels, weights, strict=True))
    x, w = [Fraction(float(v)) for v, _ in pairs], [Fraction(float(v)) for _, v in pairs]
    costs = {(a, b): exact_cost(x[a:b], w[a:b]) for a in range(len(x)) for b in range(a + 1, len(x) + 1)}
    cuts = (np.array([0, *inner, len(x)]) for inner in combinations(range(1, len(x)), k - 1))
    return min(sum(costs[int(a), int(b)] for a, b in pairwise(cut)) for cut in cuts)


def oracle(x, w, k_max: int) -> np.ndarray:
    """Return the least error for 1 … k_max groups: the textbook programme, each cost by a running mean (Welford)."""
    n = x.size
    cost = np.zeros((n, n + 1))
    for a in range(n):
        total = mean = error = 0.0
        for b in range(a, n):
            total += w[b]
            step = x[b] - mean
            mean += step * w[b] / total
            error += w[b] * step * (x[b] - mean)
            cost[a, b + 1] = error
    best = [cost[0]]
    for k in range(1, k_max):
        last = best[-1]
        row = np.full(n + 1, np.inf)
        for b in range(k + 1, n + 1):
            row[b] = min(last[a] + cost[a, b] for a in range(k, b))
        best.append(row)
    return np.array([row[n] for row in best])


def sse(x, w, centers) -> float:
    return float((w * ((x[:, None] - np.asarray(centers)) ** 2).min(axis=1)).sum())


DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "duplicates": lambda rng, n: rng.integers(0, 5, n).astype(float),
    "heavy tail": lambda rng, n: rng.standard_cauchy(n) * 1e3,
    "tight groups far apart": lambda rng, n: rng.integers(0, 3, n) * 1e6 + rng.normal(0, 1e-6, n),
    "near ties": lambda rng, n: np.arange(n) + rng.normal(0, 1e-9, n),
    "one value": lambda rng, n: np.full(n, rng.normal()),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("weighted", [False, True])
def test_every_partition_of_small_cases_costs_at_least_as_much(name, weighted):
    rng = np.random.default_rng(sorted(DRAWS).index(name))
    for _ in range(25):
        n = int(rng.integers(1, 9))
        x = DRAWS[name](rng, n)
        w = rng.exponential(size=n) ** 3 if weighted else np.ones(n)
        solutions = solve(x, w, n)
        assert solutions.distinct == np.unique(x).size == solutions.k_max
        for k, solution in enumerate(solutions, 1):
            least = least_by_trying_all(x, w, k)
            assert cost_of_groups(x, w, solution.boundaries) <= least * (1 + Fraction(1, 10**20))
            # Centers are float64: each may lie half a unit in the last place from its mean.
            rounding = w.sum() * (np.spacing(np.abs(x).max())) ** 2
            assert solution.sse == pytest.approx(float(least), rel=1e-9, abs=rounding)
            assert solution.sse == pytest.approx(sse(x, w, solution.centers), rel=1e-9, abs=rounding)


def test_groups_narrower_than_float64_prefix_sums_can_see_are_still_cut_right():
    # Prefix sums of squares reach 1e24 here; the groups differ by 1e-14: one float64 sum keeps 16 digits, the answer needs 38.
    x = np.array([0.0, 1e-7, 3e-7, 1.0, 1.0 + 2e-7, 1.0 + 3e-7, 1e12])
    w = np.array([2.0, 1.0, 1.0, 5.0, 1.0, 2.0, 1.0])
    for k in range(3, 8):
        assert solve(x, w, k)[k].sse == pytest.approx(float(least_by_trying_all(x, w, k)), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_textbook_programme_on_hundreds_of_levels(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(100, 250))
    x = np.sort(rng.choice([rng.normal(size=n), rng.exponential(size=n) ** 2, rng.uniform(size=n)]))
    w = rng.integers(1, 1000, n).astype(float)
    k_max = 12
    np.testing.assert_allclose([s.sse for s in solve(x, w, k_max)], oracle(x, w, k_max), rtol=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 5)), min_size=1, max_size=9), st.integers(1, 4))
def test_whole_numbers_drawn_by_hypothesis(pairs, k):
    x, w = (np.array(column, float) for column in zip(*pairs, strict=True))
    k = min(k, np.unique(x).size)
    assert solve(x, w, k)[k].sse == pytest.approx(float(least_by_trying_all(x, w, k)), rel=1e-12, abs=1e-12)


def test_weights_are_repetitions():
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=40), rng.integers(0, 6, 40)
    for one, other in zip(solve(x, w, 7), solve(np.repeat(x, w), np.ones(w.sum()), 7), strict=True):
        np.testing.assert_allclose(one.centers, other.centers, rtol=1e-12)
        assert one.sse == pytest.approx(other.sse, rel=1e-12)


@pytest.mark.parametrize("factor", [2.0**-900, 1e-30, 3.7, 2.0**900])
def test_scaled_weights_scale_the_error_and_nothing_else(factor):
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=300), rng.integers(1, 6, 300).astype(float)
    for one, other in zip(solve(x, w, 6), solve(x, w * factor, 6), strict=True):
        np.testing.assert_allclose(one.centers, other.centers, rtol=1e-13)
        assert one.sse * factor == pytest.approx(other.sse, rel=1e-12)


@pytest.mark.parametrize(("scale", "shift"), [(1e-160, 0.0), (1e140, 0.0), (1.0, 1e9), (-3.0, 5.0)])
def test_scaled_and_shifted_levels_have_the_same_clusters(scale, shift):
    rng = np.random.default_rng(3)
    x = rng.integers(-1000, 1000, 200) / 1000
    y = x * scale + shift
    for one, other in zip(solve(x, np.ones(200), 6), solve(y, np.ones(200), 6), strict=True):
        expected = np.sort(one.centers * scale + shift)
        np.testing.assert_allclose(other.centers, expected, rtol=1e-12, atol=1e-13 * abs(scale))


def test_what_a_solution_holds_by_hand():
    solutions = solve(np.array([10.0, 0.0, 1.0]), np.array([2, 3, 1]), k_max=2)
    assert len(solutions) == 2
    two = solutions[2]
    assert two.centers.tolist() == [0.25, 10.0]
    assert two.weights.tolist() == [4.0, 2.0]
    assert two.boundaries.tolist() == [5.125]
    assert two.sse == 0.75
    assert solutions[1].sse == 127.5
    assert solutions[1].boundaries.size == 0


def test_more_clusters_than_distinct_levels_are_an_error_that_says_so():
    solutions = solve(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0, 0.0]), 5)
    assert solutions.k_max == solutions.distinct == 2
    assert solutions[2].sse == 0
    with pytest.raises(InputError, match=r"3 clusters were asked for, but only 2 distinct values have weight.* at most 2"):
        solutions[3]
    with pytest.raises(InputError, match="k = 0"):
        solutions[0]
    with pytest.raises(InputError, match=r"k = 2 .* 1 to 1"):
        solve(np.arange(5.0), np.ones(5), 1)[2]


def test_no_cluster_is_ever_empty():
    # The middle level has next to no weight, so that rounding cannot tell a cluster of its own from none.
    for light in (1e-12, 1e-40, 1e-300):
        solution = solve(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, light, light, 1.0]), 4)[4]
        assert solution.centers.tolist() == [0.0, 1.0, 2.0, 3.0]
        assert solution.sse == 0


def test_the_error_never_rises_with_k():
    rng = np.random.default_rng(4)
    errors = [s.sse for s in solve(rng.normal(size=500), np.ones(500), 60)]
    assert (np.diff(errors) < 0).all()


@pytest.mark.parametrize(
    ("levels", "weights", "message"),
    [
        ([1.0, 2.0], [1.0, -1.0], "between -1 and 1"),
        ([1.0, 2.0], [1.0, np.nan], "finite and not negative"),
        ([1.0, 2.0], [1.0, np.inf], "finite and not negative"),
        ([1.0, np.inf], [1.0, 1.0], "a level is inf"),
        ([1.0, np.nan], [1.0, 1.0], "a level is nan"),
        ([1.0, 2.0], [0.0, 0.0], "nothing to cluster"),
        ([], [], "nothing to cluster"),
        ([1.0, 2.0], [1.0], "same length"),
        ([[1.0]], [[1.0]], "one line"),
    ],
)
def test_what_cannot_be_clustered_is_refused(levels, weights, message):
    with pytest.raises(InputError, match=message):
        solve(np.array(levels), np.array(weights), 1)


def test_k_max_below_one_is_refused():
    with pytest.raises(InputError, match="k_max is 0"):
        solve(np.array([1.0]), np.array([1.0]), 0)


def test_input_is_not_changed_and_may_be_read_only():
    levels, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 0.0])
    levels.flags.writeable = weights.flags.writeable = False
    solve(levels, weights, 2)
    assert levels.tolist() == [3.0, 1.0, 2.0]
    assert weights.tolist() == [1.0, 2.0, 0.0]
