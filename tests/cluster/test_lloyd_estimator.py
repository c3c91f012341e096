"""KMeans as a scikit-learn estimator: conventions, and scikit-learn's own K-means tests written anew."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import sklearn.cluster
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

from mlbmi.cluster.lloyd import KMeans
from mlbmi.errors import InputError


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some checks hold fewer rows than clusters
def test_every_check_of_scikit_learn_passes():
    results = check_estimator(KMeans(), on_skip=None)
    assert {result["check_name"] for result in results if result["status"] != "passed"} <= {"check_array_api_input"}
    assert KMeans().__sklearn_tags__().input_tags.allow_nan


@pytest.fixture(scope="module")
def series(plain):
    return plain.mixture(seed=3, pixels=3000, dates=7, clusters=4, sd=0.15)[0]


def test_predict_of_the_fitted_data_is_labels_and_score_is_minus_inertia(plain, series):
    for x in (series, plain.with_gaps(series, 0.4), series.astype(np.float32), plain.with_gaps(series, 0.4).astype(np.float32)):
        model = KMeans(4, min_observations=2).fit(x)
        np.testing.assert_array_equal(model.predict(x), model.labels_)
        assert model.score(x) == pytest.approx(-model.inertia_, rel=1e-6)
        np.testing.assert_array_equal(KMeans(4, min_observations=2).fit_predict(x), model.labels_)


def test_labels_have_the_documented_types(series):
    model = KMeans(4).fit(series.astype(np.float32))
    assert model.labels_.dtype == np.int32
    assert model.cluster_centers_.dtype == np.float64
    assert isinstance(model.inertia_, float)
    assert model.converged_
    assert model.n_iter_ >= 1


def test_transform_is_the_scaled_partial_distance(plain, series):
    x = plain.with_gaps(series, 0.4)
    model = KMeans(4, min_observations=2).fit(x)
    found = model.transform(x)
    few = (~np.isnan(x)).sum(axis=1) < 2
    assert few.any()
    assert np.isnan(found[few]).all()
    np.testing.assert_allclose(found[~few], np.sqrt(plain.squares(x, model.cluster_centers_))[~few], rtol=1e-9)
    assert list(model.get_feature_names_out()) == ["kmeans0", "kmeans1", "kmeans2", "kmeans3"]


def test_weights_are_repetitions(series):
    x = series[:400]
    times = np.random.default_rng(0).integers(0, 4, len(x))
    weighted = KMeans(4).fit(x, sample_weight=times)
    repeated = KMeans(4).fit(np.repeat(x, times, axis=0))
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, atol=1e-12)
    np.testing.assert_array_equal(np.repeat(weighted.labels_, times), repeated.labels_)
    assert weighted.inertia_ == pytest.approx(repeated.inertia_, rel=1e-12)


def test_order_of_the_rows_does_not_matter_where_all_are_searched(series):
    order = np.random.default_rng(0).permutation(len(series))
    one, other = KMeans(5).fit(series), KMeans(5).fit(series[order])
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, atol=1e-12)
    np.testing.assert_array_equal(one.labels_[order], other.labels_)


def test_scaled_weights_scale_the_inertia_alone(series):
    weights = np.random.default_rng(0).uniform(0.1, 2, len(series))
    one, other = KMeans(4).fit(series, sample_weight=weights), KMeans(4).fit(series, sample_weight=8 * weights)
    np.testing.assert_array_equal(one.labels_, other.labels_)
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-12)
    assert other.inertia_ == pytest.approx(8 * one.inertia_, rel=1e-12)


def test_unit_weights_are_no_weights(series):
    one, other = KMeans(4).fit(series), KMeans(4).fit(series, sample_weight=np.ones(len(series)))
    np.testing.assert_array_equal(one.labels_, other.labels_)
    assert one.inertia_ == pytest.approx(other.inertia_, rel=1e-12)


def test_rows_of_weight_zero_are_labelled_but_move_nothing(series):
    weights = np.ones(len(series))
    weights[::3] = 0
    model = KMeans(4).fit(series, sample_weight=weights)
    alone = KMeans(4).fit(series[weights > 0])
    np.testing.assert_allclose(model.cluster_centers_, alone.cluster_centers_, atol=1e-12)
    np.testing.assert_array_equal(model.labels_, alone.predict(series))


def test_input_is_not_changed(plain, series):
    x = plain.with_gaps(series, 0.3)
    weights = np.ones(len(x))
    before, weights_before = x.copy(), weights.copy()
    x.flags.writeable = False
    KMeans(4).fit(x, sample_weight=weights).transform(x)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(weights, weights_before)


def test_one_cluster_is_the_mean(series):
    model = KMeans(1).fit(series)
    np.testing.assert_allclose(model.cluster_centers_[0], series.mean(axis=0), rtol=1e-12)
    assert model.inertia_ == pytest.approx(((series - series.mean(axis=0)) ** 2).sum(), rel=1e-12)
    assert not model.labels_.any()


def test_as_many_clusters_as_rows_cost_nothing(series):
    model = KMeans(20).fit(series[:20])
    assert sorted(model.labels_) == list(range(20))
    assert model.inertia_ == pytest.approx(0, abs=1e-20)


def test_duplicates_fill_clusters_once_each(series):
    x = np.repeat(series[:5], 200, axis=0)
    model = KMeans(5).fit(x)
    assert model.inertia_ == pytest.approx(0, abs=1e-20)
    assert len(np.unique(model.labels_)) == 5


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_fewer_distinct_rows_than_clusters_warn(series, kind):
    x = np.repeat(series[:3].astype(kind), 50, axis=0)
    with pytest.warns(ConvergenceWarning, match=r"distinct clusters \(3\) found smaller than n_clusters \(5\)"):
        model = KMeans(5).fit(x)
    assert len(np.unique(model.labels_)) == 3
    assert np.isfinite(model.cluster_centers_).all()


def test_empty_clusters_take_the_costliest_rows(plain, series):
    far = np.full((4, series.shape[1]), 50.0) * np.array([[0.0], [1.0], [2.0], [3.0]])
    model = KMeans(4, init=far).fit(series)
    assert len(np.unique(model.labels_)) == 4
    assert (np.diff(model.inertia_path_) <= 1e-9 * model.inertia_path_[:-1]).all()
    assert model.inertia_ == pytest.approx(plain.objective(series, model.cluster_centers_, model.labels_), rel=1e-9)


def test_the_seed_decides_and_a_random_state_may_be_given(series):
    first = KMeans(6, random_state=1).fit(series)
    again = KMeans(6, random_state=np.random.RandomState(1)).fit(series)
    np.testing.assert_array_equal(first.cluster_centers_, again.cluster_centers_)
    KMeans(2, random_state=None).fit(series)


def _best_of_ten(x: np.ndarray, clusters: int) -> float:
    with threadpool_limits(1):
        return float(sklearn.cluster.KMeans(clusters, n_init=10, random_state=0).fit(x.astype(np.float64)).inertia_)


def test_never_worse_than_the_best_of_ten_of_scikit_learn(plain):
    for seed in range(6):
        random = np.random.default_rng(seed)
        clusters, dates, sd = int(random.integers(3, 8)), int(random.choice([2, 5, 12])), float(random.choice([0.05, 0.15, 0.3]))
        x = plain.mixture(seed=100 + seed, pixels=4000, dates=dates, clusters=clusters, sd=sd)[0].astype(np.float32)
        assert KMeans(clusters).fit(x).inertia_ <= 1.0005 * _best_of_ten(x, clusters), (seed, clusters, dates, sd)


def test_the_way_by_samples_is_never_worse_either(plain):
    """Large enough that the start is searched on samples, by several finalists."""
    for seed, sd in ((0, 0.1), (5, 0.3)):
        x = plain.mixture(seed=seed, pixels=40_000, dates=5, clusters=4, sd=sd)[0].astype(np.float32)
        assert KMeans(4).fit(x).inertia_ <= 1.0005 * _best_of_ten(x, 4)


def test_clusters_are_ordered_by_mean_unless_a_start_is_given(series):
    model = KMeans(4).fit(series)
    assert (np.diff(model.cluster_centers_.mean(axis=1)) > 0).all()
    start = model.cluster_centers_[[2, 0, 3, 1]]
    kept = KMeans(4, init=start).fit(series)
    np.testing.assert_allclose(kept.cluster_centers_, start, atol=1e-3)


def test_works_in_a_pipeline_and_survives_pickle_and_clone(plain, series):
    x = plain.with_gaps(series, 0.2)
    pipeline = make_pipeline(StandardScaler(), KMeans(3)).fit(x)
    model = pickle.loads(pickle.dumps(pipeline))  # noqa: S301 - written one line above
    np.testing.assert_array_equal(model.predict(x), pipeline.predict(x))
    assert clone(KMeans(3, partial="observed")).get_params()["partial"] == "observed"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clusters": 0}, "n_clusters is 0"),
        ({"n_clusters": True}, "n_clusters is True"),
        ({"n_clusters": 2.0}, "n_clusters is 2.0"),
        ({"n_init": 0}, "n_init is 0"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"min_observations": 0}, "min_observations is 0"),
        ({"tol": -1.0}, "tol is -1.0"),
        ({"tol": float("nan")}, "tol is nan"),
        ({"partial": "half"}, "partial is 'half'"),
        ({"init": "random"}, "init is 'random'"),
        ({"init": np.zeros((2, 7))}, r"init has shape \(2, 7\) and must have \(5, 7\)"),
        ({"init": np.full((5, 7), np.nan)}, "all finite"),
        ({"n_clusters": 4000}, "n_samples=3000"),
        ({"min_observations": 8}, "n_samples=0"),
    ],
)
def test_parameters_out_of_range_are_refused_with_their_value(series, parameters, message):
    with pytest.raises(InputError, match=message):
        KMeans(**parameters).fit(series)


@pytest.mark.parametrize("place", [0, 2999])
@pytest.mark.parametrize("sign", [1, -1])
def test_infinite_values_are_refused(series, place, sign):
    x = series.copy()
    x[place, 3] = sign * np.inf
    with pytest.raises(InputError, match="infinity"):
        KMeans(4).fit(x)
    with pytest.raises(InputError, match="infinity"):
        KMeans(4).fit(series).predict(x)


def test_an_infinite_value_outside_the_sample_is_found_too(plain):
    x = plain.mixture(seed=0, pixels=40_000, dates=3, clusters=2, sd=0.1)[0].astype(np.float32)
    for place in (1, 17_001, 39_998):
        y = x.copy()
        y[place, 1] = np.inf
        with pytest.raises(InputError, match="infinity"):
            KMeans(2).fit(y)


def test_negative_weights_are_refused(series):
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        KMeans(2).fit(series, sample_weight=-np.ones(len(series)))


def test_too_few_updates_are_said(series):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KMeans(4, init=series[:4], max_iter=1).fit(series)
    assert (model.n_iter_, model.converged_) == (1, False)
