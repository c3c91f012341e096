"""K-means on partial data against plain NumPy: the objective, its descent, gaps, layouts and types."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from mlbmi.cluster._lloyd_blocks import BLOCK
from mlbmi.cluster.lloyd import KMeans


@pytest.mark.parametrize("share", [0.0, 0.35])
@pytest.mark.parametrize("partial", ["scaled", "observed"])
@pytest.mark.parametrize("dates", [1, 2, 3, 5, 12])
def test_equal_to_plain_lloyd_from_the_same_start(plain, share, partial, dates):
    x = plain.with_gaps(plain.mixture(seed=dates, pixels=2000, dates=dates, clusters=4, sd=0.15)[0], share, seed=7)
    x = x[~np.isnan(x).all(axis=1)]
    start = np.nan_to_num(x[[0, 500, 1000, 1200]], nan=0.4)
    for updates in (1, 2, 5, 20):
        model = KMeans(4, init=start, max_iter=updates, tol=0, partial=partial).fit(x)
        centers, labels = plain.lloyd(x, start, updates, scaled=partial == "scaled")
        np.testing.assert_allclose(model.cluster_centers_, centers, atol=1e-9)
        np.testing.assert_array_equal(model.labels_, labels)
        assert model.inertia_ == pytest.approx(plain.objective(x, centers, labels, scaled=partial == "scaled"), rel=1e-9)


def test_float32_is_equal_to_plain_lloyd_to_a_millionth(plain):
    x = plain.mixture(seed=1, pixels=20_000, dates=6, clusters=4, sd=0.1)[0].astype(np.float32)
    start = x[[0, 500, 1000, 1200]].astype(np.float64)
    model = KMeans(4, init=start, max_iter=30, tol=0).fit(x)
    centers, labels = plain.lloyd(x.astype(np.float64), start, 30)
    np.testing.assert_allclose(model.cluster_centers_, centers, atol=1e-6)
    assert (model.labels_ != labels).sum() <= 1
    assert model.inertia_ == pytest.approx(plain.objective(x.astype(np.float64), centers, labels), rel=1e-7)


def test_sums_over_many_blocks_are_true_to_float64():
    """Large values of small spread: raw float32 sums, or the sum of squares less its mean's, would be off by percents."""
    x = (1000 + np.random.default_rng(0).normal(0, 0.5, (300_000, 3))).astype(np.float32)
    model = KMeans(2).fit(x)
    residuals = x.astype(np.float64) - model.cluster_centers_[model.labels_]
    assert model.inertia_ == pytest.approx((residuals**2).sum(), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    pixels=st.integers(20, 700),
    dates=st.integers(1, 9),
    clusters=st.integers(1, 6),
    share=st.floats(0, 0.8),
    partial=st.sampled_from(["scaled", "observed"]),
    weighted=st.booleans(),
)
def test_the_objective_never_rises_and_is_what_it_says(plain, seed, pixels, dates, clusters, share, partial, weighted):
    random = np.random.default_rng(seed)
    x = np.where(random.random((pixels, dates)) < share, np.nan, random.normal(0, 1, (pixels, dates)))
    weights = random.uniform(0.1, 3, pixels) if weighted else None
    if (~np.isnan(x).all(axis=1)).sum() < clusters:
        return
    model = KMeans(clusters, init=random.normal(0, 1, (clusters, dates)), tol=0, partial=partial)
    with np.errstate(all="raise"):
        model._descend(x, weights)
    assert (np.diff(model.inertia_path_) <= 1e-12 * model.inertia_path_[0]).all()
    dated = ~np.isnan(model.cluster_centers_[0])
    true = plain.objective(x[:, dated], model.cluster_centers_[:, dated], model.labels_, weights, scaled=partial == "scaled")
    assert model.inertia_ == pytest.approx(true, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("partial", ["scaled", "observed"])
def test_both_steps_are_optimal_at_the_end(plain, partial):
    x = plain.with_gaps(plain.mixture(seed=5, pixels=3000, dates=6, clusters=3, sd=0.2)[0], 0.4)
    model = KMeans(3, tol=0, partial=partial).fit(x)
    centers, labels = plain.lloyd(x, model.cluster_centers_, 1, scaled=partial == "scaled")
    seen = model.labels_ >= 0
    np.testing.assert_array_equal(labels[seen], model.labels_[seen])
    np.testing.assert_allclose(centers, model.cluster_centers_, atol=1e-9)


def test_by_hand():
    """Centers: (0, 0) and (10, 8): the third row, half observed, weighs double; its date 2 is taken from the fourth alone."""
    nan = np.nan
    x = np.array([[1.0, 0.0], [-1.0, 0.0], [9.0, nan], [12.0, 8.0], [nan, nan]])
    model = KMeans(2).fit(x)
    np.testing.assert_array_equal(model.labels_, [0, 0, 1, 1, -1])
    np.testing.assert_allclose(model.cluster_centers_, [[0, 0], [10, 8]])
    assert model.inertia_ == pytest.approx(1 + 1 + 2 * 1 + 4)
    observed = KMeans(2, partial="observed").fit(x)
    np.testing.assert_allclose(observed.cluster_centers_, [[0, 0], [10.5, 8]])
    assert observed.inertia_ == pytest.approx(1 + 1 + 1.5**2 + 1.5**2)


def test_a_date_without_an_observed_member_takes_the_mean_of_that_date():
    nan = np.nan
    x = np.array([[0.0, 1.0], [0.1, 3.0], [5.0, nan], [5.1, nan]])
    model = KMeans(2, init=np.array([[0.0, 0.0], [5.0, 0.0]])).fit(x)
    np.testing.assert_allclose(model.cluster_centers_, [[0.05, 2.0], [5.05, 2.0]])


def test_an_empty_date_is_left_out(plain):
    x = plain.with_gaps(plain.mixture(seed=2, pixels=2000, dates=5, clusters=3, sd=0.1)[0], 0.2)
    with_empty = np.insert(x, 2, np.nan, axis=1)
    model, other = KMeans(3).fit(x), KMeans(3).fit(with_empty)
    np.testing.assert_array_equal(model.labels_, other.labels_)
    assert np.isnan(other.cluster_centers_[:, 2]).all()
    np.testing.assert_array_equal(np.delete(other.cluster_centers_, 2, axis=1), model.cluster_centers_)
    assert other.inertia_ == model.inertia_
    with_empty[:, 2] = 0.5
    np.testing.assert_array_equal(other.predict(with_empty), model.predict(x))


def test_a_date_seen_by_one_pixel_alone_is_found(plain):
    x = plain.mixture(seed=2, pixels=50_000, dates=3, clusters=3, sd=0.1)[0].astype(np.float32)
    x[:, 1] = np.nan
    x[33_333, 1] = 0.25
    np.testing.assert_allclose(KMeans(3).fit(x).cluster_centers_[:, 1], 0.25)


@pytest.mark.parametrize("least", [1, 3, 5])
def test_pixels_with_few_observations_are_not_guessed(plain, least):
    x = plain.with_gaps(plain.mixture(seed=2, pixels=3000, dates=6, clusters=3, sd=0.1)[0], 0.5)
    enough = (~np.isnan(x)).sum(axis=1) >= least
    model = KMeans(3, min_observations=least).fit(x)
    np.testing.assert_array_equal(model.labels_ >= 0, enough)
    alone = KMeans(3, min_observations=least).fit(x[enough])
    np.testing.assert_array_equal(alone.labels_, model.labels_[enough])


def test_few_usable_pixels_among_many_are_found(plain):
    x = np.full((200_000, 4), np.nan, np.float32)
    place = np.arange(777, 200_000, 2000)
    x[place] = plain.mixture(seed=2, pixels=place.size, dates=4, clusters=2, sd=0.05)[0]
    model = KMeans(2).fit(x)
    np.testing.assert_array_equal(np.flatnonzero(model.labels_ >= 0), place)
    np.testing.assert_array_equal(model.labels_[place], KMeans(2).fit(x[place]).labels_)


@pytest.mark.parametrize("pixels", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_layout_does_not_matter(plain, pixels, share):
    x = plain.with_gaps(plain.mixture(seed=1, pixels=pixels, dates=5, clusters=2, sd=0.2)[0], share, seed=3).astype(np.float32)
    x[0] = 0.5
    k = min(3, pixels)
    wide = np.full((pixels, 10), 7, np.float32)
    wide[:, ::2] = x
    models = [KMeans(k).fit(table) for table in (np.ascontiguousarray(x), np.asfortranarray(x), wide[:, ::2])]
    for other in models[1:]:
        np.testing.assert_array_equal(models[0].labels_, other.labels_)
        np.testing.assert_array_equal(models[0].cluster_centers_, other.cluster_centers_)


@pytest.mark.parametrize("nodata", [-32768, 0])
def test_int16_is_read_as_it_is(plain, nodata):
    x = plain.with_gaps(plain.mixture(seed=1, pixels=5000, dates=6, clusters=3, sd=0.1)[0], 0.3)
    coded = np.where(np.isnan(x), nodata, np.clip(np.rint(np.nan_to_num(x) * 10_000), 1, 30_000)).astype(np.int16)
    floats = np.where(np.isnan(x), np.nan, coded).astype(np.float32)
    model, other = KMeans(3, nodata=nodata).fit(coded), KMeans(3).fit(floats)
    np.testing.assert_array_equal(model.labels_, other.labels_)
    np.testing.assert_array_equal(model.cluster_centers_, other.cluster_centers_)
    assert model.inertia_ == other.inertia_
    exact = plain.objective(floats.astype(np.float64), model.cluster_centers_, model.labels_)
    assert model.inertia_ == pytest.approx(exact, rel=1e-6)


def test_int16_without_nodata_takes_every_level():
    x = np.array([[-32768, -32768], [-32768, -32767], [100, 100], [101, 100]], np.int16)
    np.testing.assert_array_equal(KMeans(2, nodata=None).fit(x).labels_, [0, 0, 1, 1])


def test_large_int16_levels_do_not_lose_the_small_differences():
    x = np.array([[32_000, 32_000], [32_001, 32_000], [-32_000, 5], [-32_000, 6]], np.int16)
    model = KMeans(4, init=x.astype(np.float64)).fit(x)
    np.testing.assert_array_equal(model.labels_, [0, 1, 2, 3])
    assert model.inertia_ == 0


def test_a_third_of_the_values_missing_costs_little_agreement(plain):
    x, truth = plain.mixture(seed=4, pixels=20_000, dates=14, clusters=5, sd=0.15)
    complete = adjusted_rand_score(truth, KMeans(5).fit(x).labels_)
    gappy = plain.with_gaps(x, 0.3).astype(np.float32)
    assert (~np.isnan(gappy)).all(axis=1).mean() < 0.1
    for partial in ("scaled", "observed"):
        assert adjusted_rand_score(truth, KMeans(5, partial=partial).fit(gappy).labels_) > complete - 0.03


def test_bounds_change_nothing(plain):
    """Overlapping clusters and hundreds of updates: labels must still be those of a fresh assignment."""
    x = plain.with_gaps(plain.mixture(seed=9, pixels=30_000, dates=4, clusters=7, sd=0.4)[0], 0.2).astype(np.float32)
    model = KMeans(7, tol=0, init=np.nan_to_num(x[:7]), max_iter=400).fit(x)
    assert model.n_iter_ > 30
    np.testing.assert_array_equal(model.predict(x), model.labels_)
