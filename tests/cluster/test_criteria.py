"""Criteria by definition, by scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from mlbmi.cluster.criteria import (
    block_error,
    calinski_harabasz,
    davies_bouldin,
    grand_center,
    nearest_centers,
    partial_distances,
    simplified_silhouettes,
)


def _labelled(seed: int, n: int, d: int, k: int):
    """Rows, labels that use every cluster, and the clusters' means: what scikit-learn's scores take as centers."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), random.integers(0, k, n - k)])
    rows = random.normal(size=(n, d)) + random.normal(size=(k, d))[labels] * 3
    return rows, labels, np.array([rows[labels == number].mean(axis=0) for number in range(k)])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 120), st.integers(1, 7), st.integers(2, 9))
def test_complete_rows_agree_with_scikit_learn(seed, n, d, k):
    rows, labels, centers = _labelled(seed, n, d, k)
    distances = partial_distances(rows, centers)
    own = distances[np.arange(n), labels]
    total = float((partial_distances(rows, grand_center(rows)[None]) ** 2).sum())
    assert calinski_harabasz(float((own**2).sum()), total, n, k) == pytest.approx(calinski_harabasz_score(rows, labels), rel=1e-9)
    assert davies_bouldin(distances, labels, centers) == pytest.approx(davies_bouldin_score(rows, labels), rel=1e-6)


def test_partial_distances_by_definition(plain):
    series, _ = plain.mixture(3, 80, 6, 4, 0.05)
    gaps = plain.with_gaps(series, 0.4, seed=1)
    centers = series[:5].copy()
    with np.errstate(invalid="ignore"):
        expected = np.sqrt(plain.squares(gaps, centers))
    unseen = np.isnan(gaps).all(axis=1)
    got = partial_distances(gaps, centers)
    assert np.allclose(got[~unseen], expected[~unseen], rtol=1e-12)
    assert np.isnan(got[unseen]).all()


def test_a_feature_unknown_of_a_center_is_passed_over():
    distances = partial_distances(np.array([[1.0, 5.0], [np.nan, 5.0]]), np.array([[0.0, np.nan]]))
    assert distances[0, 0] == pytest.approx(np.sqrt(2)), "one of two features in common: its square counts twice"
    assert np.isnan(distances[1, 0])
    assert nearest_centers(np.array([[np.nan, np.nan], [np.nan, 2.0]])).tolist() == [0, 1]


def test_grand_center_costs_least(plain):
    rows = plain.with_gaps(plain.mixture(5, 60, 4, 3, 0.1)[0], 0.3)
    rows = rows[~np.isnan(rows).all(axis=1)]
    best = grand_center(rows)
    cost = float((partial_distances(rows, best[None]) ** 2).sum())
    for step in 1e-3 * np.vstack([np.eye(4), -np.eye(4)]):
        assert float((partial_distances(rows, (best + step)[None]) ** 2).sum()) > cost
    assert np.isnan(grand_center(np.array([[1.0, np.nan]]))[1])


def test_silhouette_by_definition():
    random = np.random.default_rng(0)
    distances = random.random((40, 4))
    labels = random.integers(0, 4, 40)
    expected = []
    for row, label in zip(distances, labels, strict=True):
        a, b = row[label], min(row[other] for other in range(4) if other != label)
        expected.append((b - a) / max(a, b))
    assert np.allclose(simplified_silhouettes(distances, labels), expected)
    assert simplified_silhouettes(np.zeros((1, 2)), np.array([0])).tolist() == [0.0]


def test_silhouette_ranks_as_the_full_one():
    """The simplified form stands for the full one: the same best number on clear clusters."""
    from sklearn.metrics import silhouette_score

    from mlbmi import KMeans

    random = np.random.default_rng(2)
    rows = np.concatenate([random.normal(center, 0.3, (60, 2)) for center in ((0, 0), (4, 0), (0, 4), (5, 5))])
    models = {k: KMeans(k).fit(rows) for k in range(2, 8)}
    full = {k: silhouette_score(rows, model.labels_) for k, model in models.items()}
    simple = {
        k: simplified_silhouettes(partial_distances(rows, model.cluster_centers_), model.labels_).mean()
        for k, model in models.items()
    }
    assert max(full, key=full.__getitem__) == max(simple, key=simple.__getitem__) == 4


def test_scores_that_are_undefined():
    assert np.isnan(calinski_harabasz(1.0, 2.0, 5, 1))
    assert np.isnan(calinski_harabasz(1.0, 2.0, 5, 5))
    assert np.isnan(calinski_harabasz(0.0, 2.0, 5, 2))
    rows, centers = np.array([[0.0], [1.0]]), np.array([[0.5], [9.0]])
    assert np.isnan(davies_bouldin(partial_distances(rows, centers), np.array([0, 0]), centers)), "one cluster has rows"
    same = np.array([[0.5], [0.5]])
    assert davies_bouldin(partial_distances(rows, same), np.array([0, 1]), same) == np.inf


def test_block_error_is_that_of_blocks():
    random = np.random.default_rng(1)
    blocks = random.normal(size=50)
    values, groups = np.repeat(blocks, 20), np.repeat(np.arange(50), 20)
    expected = blocks.std(ddof=1) / np.sqrt(50)
    assert block_error(values, groups) == pytest.approx(expected, rel=1e-9), "copies of a value are no evidence"
    assert block_error(values, np.arange(values.size)) < expected / 4
    assert np.isnan(block_error(values, np.zeros(values.size, int)))


def test_block_error_covers_the_truth():
    """Over many draws of blocks of unequal size, the error is the spread of the mean."""
    random = np.random.default_rng(4)
    means, errors = [], []
    for _ in range(400):
        sizes = random.integers(5, 30, 40)
        groups = np.repeat(np.arange(40), sizes)
        values = random.normal(size=40)[groups] + random.normal(size=groups.size)
        means.append(values.mean())
        errors.append(block_error(values, groups))
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)
