"""What scikit-learn asks of its own K-means, written anew for both estimators; what their own test files hold is not repeated."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.cluster
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from mlbmi.cluster import KMeans, KMeans1D
from mlbmi.errors import InputError

K = 4


@pytest.fixture(scope="module")
def table(plain) -> np.ndarray:
    return plain.mixture(seed=21, pixels=1500, dates=5, clusters=K, sd=0.08)[0]


@pytest.fixture(params=["KMeans", "KMeans1D"])
def case(request, table):
    """Return an unfitted estimator and data for it, float64."""
    if request.param == "KMeans":
        return KMeans(K), table
    return KMeans1D(K), np.ascontiguousarray(table[:, :1])


def _fresh(model):
    return type(model)(**model.get_params())


def _of_sklearn(x: np.ndarray, start: np.ndarray, algorithm: str, weights: np.ndarray | None = None) -> sklearn.cluster.KMeans:
    with threadpool_limits(1):
        return sklearn.cluster.KMeans(len(start), init=start, n_init=1, algorithm=algorithm, tol=0, max_iter=1000).fit(
            x, sample_weight=weights
        )


@pytest.mark.parametrize("algorithm", ["lloyd", "elkan"])
@pytest.mark.parametrize("weighted", [False, True])
def test_from_the_same_start_both_algorithms_of_scikit_learn_end_in_the_same_place(table, algorithm, weighted):
    weights = np.random.default_rng(0).uniform(0.1, 3, len(table)) if weighted else None
    for first in (0, 100, 700):
        start = table[first : first + K].copy()
        model = KMeans(K, init=start, tol=0, max_iter=1000).fit(table, sample_weight=weights)
        theirs = _of_sklearn(table, start, algorithm, weights)
        np.testing.assert_array_equal(model.labels_, theirs.labels_)
        np.testing.assert_allclose(model.cluster_centers_, theirs.cluster_centers_, atol=1e-12)
        assert model.inertia_ == pytest.approx(theirs.inertia_, rel=1e-12)


@pytest.mark.parametrize("algorithm", ["lloyd", "elkan"])
def test_neither_algorithm_of_scikit_learn_moves_what_was_found(case, algorithm):
    model, x = case
    model = model.fit(x)
    theirs = _of_sklearn(x, model.cluster_centers_, algorithm)
    np.testing.assert_array_equal(model.labels_, theirs.labels_)
    assert theirs.inertia_ == pytest.approx(model.inertia_, rel=1e-9)


def test_fit_transform_is_fit_and_transform(case):
    model, x = case
    np.testing.assert_array_equal(_fresh(model).fit_transform(x), model.fit(x).transform(x))


def test_transform_measures_from_the_centers(case):
    model, x = case
    model.fit(x)
    distances = model.transform(x)
    assert distances.shape == (len(x), K)
    np.testing.assert_array_equal(distances.argmin(axis=1), model.labels_)
    np.testing.assert_allclose(np.diag(model.transform(model.cluster_centers_)), 0, atol=1e-12)
    own = np.take_along_axis(distances, model.labels_[:, None], axis=1)
    assert (own**2).sum() == pytest.approx(model.inertia_, rel=1e-9)


def test_fit_predict_and_score_take_weights(case):
    model, x = case
    weights = np.random.default_rng(1).exponential(size=len(x))
    model.fit(x, sample_weight=weights)
    np.testing.assert_array_equal(_fresh(model).fit_predict(x, sample_weight=weights), model.labels_)
    assert model.score(x, sample_weight=weights) == pytest.approx(-model.inertia_, rel=1e-9)
    assert model.score(x) == pytest.approx(-(model.transform(x).min(axis=1) ** 2).sum(), rel=1e-9)


@pytest.mark.parametrize("factor", [1e-6, 0.37, 1e6])
def test_weights_count_by_their_ratios(case, factor):
    model, x = case
    weights = np.random.default_rng(1).uniform(0.1, 2, len(x))
    one, other = _fresh(model).fit(x, sample_weight=weights), _fresh(model).fit(x, sample_weight=factor * weights)
    np.testing.assert_array_equal(one.labels_, other.labels_)
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-9)
    assert other.inertia_ == pytest.approx(factor * one.inertia_, rel=1e-9)


def test_equal_weights_are_no_weights(case):
    model, x = case
    one, other = _fresh(model).fit(x), _fresh(model).fit(x, sample_weight=np.full(len(x), 2.0))
    np.testing.assert_array_equal(one.labels_, other.labels_)
    assert other.inertia_ == pytest.approx(2 * one.inertia_, rel=1e-12)


def test_rows_without_weight_far_away_attract_no_center(case):
    model, x = case
    far = np.vstack([x, np.full((20, x.shape[1]), 1000.0)])
    weights = np.r_[np.ones(len(x)), np.zeros(20)]
    one, other = _fresh(model).fit(x), _fresh(model).fit(far, sample_weight=weights)
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-9)
    assert (other.labels_[len(x) :] == K - 1).all()


def test_all_weights_zero_are_refused(case):
    model, x = case
    with pytest.raises(ValueError, match=r"weight|[Ww]eight"):
        model.fit(x, sample_weight=np.zeros(len(x)))


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_new_data_may_be_of_another_type(case, kind):
    """Fitted on tens of thousands in float64, asked in float32 and int16: all hold the same whole numbers."""
    model, x = case
    whole = np.rint(x * 10_000)
    model.fit(whole)
    np.testing.assert_array_equal(model.predict(whole.astype(kind)), model.labels_)
    np.testing.assert_allclose(model.transform(whole.astype(kind)), model.transform(whole), rtol=1e-3, atol=1)
    assert model.score(whole.astype(kind)) == pytest.approx(-model.inertia_, rel=1e-5)


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8])
def test_other_integers_are_clustered_as_floats_are(case, kind):
    model, x = case
    whole = np.rint(np.clip(x, 0, 1) * 200)
    one, other = _fresh(model).fit(whole), _fresh(model).fit(whole.astype(kind))
    np.testing.assert_array_equal(one.labels_, other.labels_)
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-9)


def test_float32_finds_what_float64_finds(case):
    model, x = case
    one, other = _fresh(model).fit(x), _fresh(model).fit(x.astype(np.float32))
    assert adjusted_rand_score(one.labels_, other.labels_) > 0.995
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, atol=1e-3)
    assert other.inertia_ == pytest.approx(one.inertia_, rel=1e-5)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int16])
def test_data_that_must_not_be_written_are_read_in_either_order(case, order, kind):
    model, x = case
    data = np.asarray(np.rint(x * 10_000), kind, order=order)
    expected = _fresh(model).fit(np.ascontiguousarray(data))
    data.flags.writeable = False
    model.fit(data)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    np.testing.assert_array_equal(model.predict(data), expected.labels_)
    np.testing.assert_array_equal(model.transform(data), expected.transform(data))


def test_centers_that_must_not_be_written_predict(case):
    """Processes that share memory hand models out read-only."""
    model, x = case
    model.fit(x)
    labels, centers = model.predict(x), model.cluster_centers_.copy()
    model.cluster_centers_.flags.writeable = False
    np.testing.assert_array_equal(model.predict(x), labels)
    np.testing.assert_array_equal(model.cluster_centers_, centers)


@pytest.mark.parametrize("method", ["fit", "predict", "transform", "score"])
@pytest.mark.parametrize("form", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_sparse_data_are_refused_by_name(case, method, form):
    model, x = case
    model = model if method == "fit" else model.fit(x)
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        getattr(model, method)(form(np.rint(x)))


@pytest.mark.parametrize("method", ["predict", "transform", "score"])
def test_nothing_is_told_before_fit(case, method):
    model, x = case
    with pytest.raises(NotFittedError):
        getattr(model, method)(x)


def test_the_same_data_give_the_same_model(case):
    model, x = case
    one, other = _fresh(model).fit(x), _fresh(model).fit(x.copy())
    np.testing.assert_array_equal(one.cluster_centers_, other.cluster_centers_)
    assert one.inertia_ == other.inertia_


def test_as_many_clusters_as_rows(case):
    model, x = case
    model.set_params(n_clusters=12).fit(x[:12])
    assert sorted(model.labels_) == list(range(12))
    assert model.inertia_ == pytest.approx(0, abs=1e-20)


def test_a_single_cluster_is_the_weighted_mean(case):
    model, x = case
    weights = np.random.default_rng(2).uniform(0, 1, len(x))
    model.set_params(n_clusters=1).fit(x, sample_weight=weights)
    np.testing.assert_allclose(model.cluster_centers_[0], np.average(x, axis=0, weights=weights), rtol=1e-12)
    assert not model.labels_.any()
    assert model.transform(x).shape == (len(x), 1)


def test_more_clusters_never_cost_more(case):
    model, x = case
    costs = [_fresh(model).set_params(n_clusters=k).fit(x).inertia_ for k in range(1, 9)]
    assert (np.diff(costs) < 0).all()


def test_enough_distinct_rows_do_not_warn(case):
    model, x = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(np.repeat(x[:K], 30, axis=0))
    assert model.inertia_ == pytest.approx(0, abs=1e-18)


def test_a_list_is_a_table(case):
    model, x = case
    np.testing.assert_array_equal(_fresh(model).fit(x[:200].tolist()).labels_, _fresh(model).fit(x[:200]).labels_)


def test_a_start_that_is_given_stays_the_callers(table):
    start = table[:K].copy()
    start.flags.writeable = False
    model = KMeans(K, init=start).fit(table)
    np.testing.assert_array_equal(start, table[:K])
    assert not np.shares_memory(model.cluster_centers_, start)
    np.testing.assert_array_equal(KMeans(K, init=start.tolist()).fit(table).labels_, model.labels_)


def test_started_where_it_ended_it_stays(table):
    first = KMeans(K, tol=0).fit(table)
    again = KMeans(K, tol=0, init=first.cluster_centers_).fit(table)
    np.testing.assert_allclose(again.cluster_centers_, first.cluster_centers_, rtol=1e-12)
    assert (again.n_iter_, again.converged_) == (1, True)


def test_without_tolerance_it_converges_all_the_same(plain):
    x = plain.mixture(seed=5, pixels=5000, dates=10, clusters=8, sd=0.5)[0]
    model = KMeans(8, init=x[:8], tol=0, max_iter=1000).fit(x)
    assert model.converged_
    assert 1 < model.n_iter_ < 1000


def test_an_empty_cluster_takes_the_farthest_row_by_hand():
    """The second center has no row; the first's farthest row, either end, goes to it: two pairs half a unit long remain."""
    x = np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [1.0, 1.0]])
    model = KMeans(2, init=np.array([[0.5, 0.5], [3.0, 3.0]])).fit(x)
    assert model.inertia_ == pytest.approx(0.25)
    assert sorted(model.cluster_centers_.tolist()) == [[0.25, 0.0], [0.75, 1.0]]


def test_more_searches_never_cost_more(plain):
    x = plain.mixture(seed=9, pixels=3000, dates=2, clusters=12, sd=0.05)[0]
    costs = [min(KMeans(12, n_init=n, random_state=seed).fit(x).inertia_ for seed in range(2)) for n in (1, 4, 12)]
    assert costs[2] <= costs[0] * (1 + 1e-9)


def test_other_numbers_of_columns_are_refused(case):
    model, x = case
    model.fit(x)
    with pytest.raises(ValueError, match=r"features|column"):
        model.predict(np.hstack([x, x]))


def test_fewer_rows_than_clusters_are_refused_with_both_numbers(case):
    model, x = case
    with pytest.raises(InputError, match=r"3.*4|4.*3"):
        model.fit(x[:3])
