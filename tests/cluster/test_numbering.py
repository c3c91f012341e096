"""Numbers of clusters."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlbmi.cluster.numbering import canonical_order, new_numbers


def test_order_is_by_mean():
    np.testing.assert_array_equal(canonical_order(np.array([[0.9, 0.1, 0.2], [0.1, 0.1, 0.1], [0.3, 0.3, 0.3]])), [1, 2, 0])


def test_equal_means_go_by_the_date_of_the_peak():
    centers = np.array([[0.2, 0.3, 0.7], [0.7, 0.2, 0.3], [0.3, 0.7, 0.2]])
    np.testing.assert_array_equal(canonical_order(centers), [1, 2, 0])


def test_rounding_does_not_break_a_tie():
    """0.1 + 0.2 is not 0.3, yet the means are the same: the earlier peak goes first."""
    np.testing.assert_array_equal(canonical_order(np.array([[0.0, 0.3], [0.1 + 0.2, 0.0]])), [1, 0])


def test_equal_means_and_peaks_go_by_the_values():
    np.testing.assert_array_equal(canonical_order(np.array([[0.9, 0.2, 0.1], [0.9, 0.1, 0.2]])), [1, 0])


def test_empty_dates_are_passed_over():
    nan = np.nan
    np.testing.assert_array_equal(canonical_order(np.array([[0.9, nan, 0.8], [0.1, nan, 0.2]])), [1, 0])
    np.testing.assert_array_equal(canonical_order(np.full((2, 2), nan)), [0, 1])


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 6))
def test_order_does_not_depend_on_the_numbers_before(seed, clusters, dates):
    random = np.random.default_rng(seed)
    centers = random.integers(0, 4, (clusters, dates)) / 4
    shuffled = centers[random.permutation(clusters)]
    np.testing.assert_array_equal(centers[canonical_order(centers)], shuffled[canonical_order(shuffled)])


@given(st.permutations(range(7)))
def test_new_numbers_invert_the_order(order):
    numbers = new_numbers(np.array(order))
    np.testing.assert_array_equal(numbers[np.array(order)], np.arange(7))
