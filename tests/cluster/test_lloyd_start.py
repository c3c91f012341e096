"""The search for a start, and the pixels in doubt that a fit keeps to after its first pass."""

from __future__ import annotations

import numpy as np
import pytest

from mlbmi.cluster import _lloyd_engine
from mlbmi.cluster._lloyd_engine import descend
from mlbmi.cluster._lloyd_passes import Assignment, Doubt, Pixels, assign_all, assign_uncertain
from mlbmi.cluster._lloyd_search import random_numbers, search
from mlbmi.cluster._lloyd_start import sample


def _pixels(x: np.ndarray, weights: np.ndarray | None = None) -> Pixels:
    return Pixels.of(x, nodata=None, weights=weights, least=1, scaled=True)


def _search(x: np.ndarray, k: int, seed: int, *, swaps: int = 30, weights: np.ndarray | None = None) -> np.ndarray:
    pixels = _pixels(x, weights)
    means = np.nanmean(x, axis=0).astype(pixels.kind)
    numbers = np.random.default_rng(seed).random(random_numbers(k, swaps))
    return search(*pixels.layout, pixels.count, means, k, swaps, 10, 20, 1e-6, numbers)


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_search_finds_the_clusters_that_were_put_there(plain, share, kind):
    for seed in range(10):
        x, truth = plain.mixture(seed=seed, pixels=1500, dates=6, clusters=6, sd=0.05)
        centers = _search(plain.with_gaps(x, share).astype(kind), 6, seed)
        means = np.array([x[truth == k].mean(axis=0) for k in range(6)])
        gaps = np.abs(centers[:, None] - means[None]).max(axis=2)
        assert sorted(gaps.argmin(axis=0)) == list(range(6)), seed
        assert gaps.min(axis=0).max() < 0.03, seed


def test_swaps_help_where_a_start_alone_fails(plain):
    """Clusters that overlap: there are many optima, and k-means++ with one descent ends in a poor one."""
    costs = {swaps: [] for swaps in (0, 60)}
    for seed in range(8):
        x = plain.mixture(seed=seed, pixels=2000, dates=3, clusters=12, sd=0.2)[0]
        for swaps, found in costs.items():
            centers = _search(x, 12, seed, swaps=swaps)
            found.append(plain.squares(x, centers).min(axis=1).sum())
    assert (np.array(costs[60]) <= costs[0]).all()
    assert np.mean(costs[60]) < 0.99 * np.mean(costs[0])


def test_a_search_is_decided_by_its_numbers_and_weights_are_repetitions(plain):
    x = plain.mixture(seed=3, pixels=500, dates=4, clusters=3, sd=0.05)[0]
    np.testing.assert_array_equal(_search(x, 3, 7), _search(x, 3, 7))
    times = np.random.default_rng(0).integers(1, 4, len(x))
    weighted, repeated = _search(x, 3, 7, weights=times), _search(np.repeat(x, times, axis=0), 3, 7)
    np.testing.assert_allclose(weighted, repeated, atol=1e-3)


def test_fewer_distinct_pixels_than_clusters_are_no_trouble():
    x = np.repeat(np.array([[0.0, 1.0], [1.0, 0.0]]), 300, axis=0)
    centers = _search(x, 5, 0)
    assert np.isfinite(centers).all()
    assert {tuple(center) for center in centers} == {(0.0, 1.0), (1.0, 0.0)}


@pytest.fixture(scope="module")
def overlapping(plain):
    x = plain.mixture(seed=9, pixels=300_000, dates=4, clusters=5, sd=0.25)[0].astype(np.float32)
    return np.asfortranarray(plain.with_gaps(x, 0.1))


@pytest.mark.parametrize("weighted", [False, True])
def test_pixels_in_doubt_looked_at_apart_change_nothing(overlapping, weighted, monkeypatch):
    weights = np.random.default_rng(0).uniform(0.5, 2, len(overlapping)) if weighted else None
    pixels = _pixels(overlapping, weights)
    some = sample(pixels, 60_000, np.random.RandomState(0))
    start = descend(some, np.nan_to_num(overlapping[:5]).astype(np.float64), max_iter=200, tol=0).centers
    whole = descend(pixels, start, max_iter=60, tol=1e-9)
    looked_at = []

    def counted(table: Pixels, *rest: object, drift: float) -> int:
        looked_at.append(table.count)
        return assign_uncertain(table, *rest, drift=drift)

    monkeypatch.setattr(_lloyd_engine, "assign_uncertain", counted)
    apart = descend(pixels, start, max_iter=60, tol=1e-9, sample=some, share=1 / 16)
    assert len(apart.path) > 8
    assert (np.array(looked_at) == pixels.count).sum() <= 1
    assert sorted(looked_at)[-2] <= pixels.count / 8
    assert (whole.labels != _labels(pixels, start)).sum() > 100
    np.testing.assert_array_equal(apart.labels, whole.labels)
    np.testing.assert_array_equal(apart.members, whole.members)
    np.testing.assert_allclose(apart.centers, whole.centers, atol=1e-9)
    np.testing.assert_allclose(apart.path, whole.path, rtol=1e-9)
    np.testing.assert_array_equal(apart.labels >= 0, ~np.isnan(overlapping).all(axis=1))


def _labels(pixels: Pixels, centers: np.ndarray) -> np.ndarray:
    found = Assignment.empty(pixels.count)
    assign_all(pixels, centers, found, learn=False)
    return found.labels


@pytest.mark.parametrize("share", [1e-4, 0.5])
def test_a_drift_beyond_the_horizon_and_too_many_in_doubt_change_nothing_either(plain, overlapping, share):
    pixels = _pixels(overlapping)
    start = plain.mixture(seed=9, pixels=10, dates=4, clusters=5, sd=0)[0][:5] + np.linspace(0, 0.1, 20).reshape(5, 4)
    whole = descend(pixels, start, max_iter=25, tol=0)
    some = sample(pixels, 8000, np.random.RandomState(0))
    apart = descend(pixels, start, max_iter=25, tol=0, sample=some, share=share)
    np.testing.assert_array_equal(apart.labels, whole.labels)
    np.testing.assert_allclose(apart.path, whole.path, rtol=1e-9)


def test_what_is_set_aside_is_what_lies_within_the_horizon(overlapping):
    pixels, centers = _pixels(overlapping), np.nan_to_num(overlapping[:3]).astype(np.float64)
    found, doubt = Assignment.empty(pixels.count), Doubt(0.01)
    assign_all(pixels, centers, found, doubt=doubt)
    assert doubt.complete
    places = np.concatenate(doubt.places)
    np.testing.assert_array_equal(places, np.flatnonzero(found.limits <= 0.01))
    np.testing.assert_array_equal(np.concatenate(doubt.values, axis=1), overlapping[places].T)
    many = Doubt(1e9)
    assign_all(pixels, centers, found, doubt=many)
    assert not many.complete
