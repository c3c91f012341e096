"""KMeans1D as a scikit-learn estimator."""

from __future__ import annotations

import pickle

import numba
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler
from sklearn.utils.estimator_checks import check_estimator

from mlbmi.cluster.exact import KMeans1D, solve
from mlbmi.errors import InputError

SEVERAL_COLUMNS = "the check fits several columns; KMeans1D takes one and says so"
EXPECTED_FAILURES = dict.fromkeys(
    (
        "check_fit_score_takes_y",
        "check_estimators_overwrite_params",
        "check_dont_overwrite_parameters",
        "check_estimators_fit_returns_self",
        "check_readonly_memmap_input",
        "check_n_features_in_after_fitting",
        "check_positive_only_tag_during_fit",
        "check_estimators_dtypes",
        "check_sample_weights_pandas_series",
        "check_sample_weights_not_an_array",
        "check_sample_weights_list",
        "check_all_zero_sample_weights_error",
        "check_sample_weights_shape",
        "check_sample_weights_not_overwritten",
        "check_sample_weight_equivalence_on_dense_data",
        "check_dtype_object",
        "check_pipeline_consistency",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
        "check_clustering",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_fit2d_1sample",
        "check_dict_unchanged",
        "check_fit_idempotent",
        "check_fit_check_is_fitted",
        "check_n_features_in",
        "check_fit2d_predict1d",
    ),
    SEVERAL_COLUMNS,
)


class OfFirstColumn(KMeans1D):
    """KMeans1D that looks at the first column alone, so that checks with several columns can be run at all."""

    def _column(self, table):
        return table[:, 0]


def outcomes(estimator, expected=None):
    results = check_estimator(estimator, expected_failed_checks=expected, on_fail=None, on_skip=None)
    return [(r["status"], r["check_name"], r["exception"]) for r in results]


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_pass_where_one_column_is_enough():
    results = outcomes(KMeans1D(2), EXPECTED_FAILURES)
    assert not [(name, exception) for status, name, exception in results if status == "failed"]
    assert {name for status, name, _ in results if status == "xfail"} == set(EXPECTED_FAILURES), "a listed check passes"


@pytest.mark.filterwarnings("ignore")
def test_every_one_of_scikit_learns_checks_passes_on_the_first_column():
    failed = [(name, exception) for status, name, exception in outcomes(OfFirstColumn(2)) if status not in {"passed", "skipped"}]
    assert not failed


def column(n: int = 5000, seed: int = 0, dtype=np.float64) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.choice([-0.1, 0.2, 0.45, 0.7, 0.85], n) + rng.normal(0, 0.06, n)).astype(dtype)[:, None]


def error(data, centers, weights=1.0) -> float:
    return float((weights * ((data.astype(np.float64) - np.ravel(centers)) ** 2).min(axis=1)).sum())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weighted", [False, True])
def test_never_above_scikit_learns_best_of_ten(seed, weighted):
    rng = np.random.default_rng(seed)
    data = rng.choice([rng.normal(size=800), rng.exponential(size=800), column(800, seed)[:, 0]])[:, None]
    weights = rng.integers(1, 50, 800).astype(float) if weighted else np.ones(800)
    for k in (2, 4, 7):
        ours = KMeans1D(k).fit(data, sample_weight=weights)
        theirs = KMeans(k, n_init=10, random_state=seed).fit(data, sample_weight=weights)
        assert ours.inertia_ <= error(data, theirs.cluster_centers_, weights) * (1 + 1e-12)
        assert ours.inertia_ == pytest.approx(error(data, ours.cluster_centers_, weights), rel=1e-12)


@pytest.mark.parametrize("n", [300, 100_000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_attributes_say_what_they_promise(n, dtype):
    data = column(n, dtype=dtype)
    data[::10] = np.nan
    model = KMeans1D(n_clusters=4).fit(data)
    assert model.cluster_centers_.shape == (4, 1)
    assert model.cluster_centers_.dtype == np.float64
    assert (np.diff(model.cluster_centers_[:, 0]) > 0).all()
    assert model.labels_.dtype == np.int32
    there = ~np.isnan(data[:, 0])
    assert (model.labels_[~there] == -1).all()
    distances = np.abs(data[there].astype(np.float64) - model.cluster_centers_[:, 0])
    assert np.array_equal(model.labels_[there], distances.argmin(axis=1))
    assert model.inertia_ == pytest.approx(error(data[there], model.cluster_centers_), rel=1e-12)
    for j in range(4):
        mean = data[there][model.labels_[there] == j].astype(np.float64).mean()
        assert model.cluster_centers_[j, 0] == pytest.approx(mean, rel=1e-12)
    assert model.optimality_gap_ == 0
    assert (model.n_iter_, model.n_features_in_) == (0, 1)


def test_inertia_is_true_where_float32_sums_are_not():
    data = np.concatenate([np.full(600_000, 0.1), np.full(600_000, 0.9)]).astype(np.float32)[:, None]
    data[::3] += np.float32(0.01)
    model = KMeans1D(2).fit(data)
    assert model.inertia_ == pytest.approx(error(data, model.cluster_centers_), rel=1e-12)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int8", "uint8", "int32", "int64", "bool", "float16"])
def test_integers_and_others_are_clustered_as_they_are(dtype):
    values = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, 2000).astype(dtype)
    model = KMeans1D(2).fit(values[:, None])
    expected = KMeans1D(2).fit(values.astype(np.float64)[:, None])
    np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, rtol=1e-13)
    assert np.array_equal(model.labels_, expected.labels_)
    assert model.inertia_ == pytest.approx(expected.inertia_, rel=1e-12)
    assert np.array_equal(model.predict(values[:, None]), model.labels_)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_predict_score_transform_agree_with_fit(dtype):
    data = (column(3000) * 1000).astype(dtype)
    weights = np.random.default_rng(1).exponential(size=3000)
    model = KMeans1D(5).fit(data, sample_weight=weights)
    assert np.array_equal(model.predict(data), model.labels_)
    assert np.array_equal(KMeans1D(5).fit_predict(data, sample_weight=weights), model.labels_)
    assert model.score(data, sample_weight=weights) == pytest.approx(-model.inertia_, rel=1e-12)
    assert np.array_equal(model.transform(data).argmin(axis=1), model.labels_)
    assert model.get_feature_names_out().tolist() == [f"kmeans1d{j}" for j in range(5)]


def test_new_values_are_labelled_and_missing_ones_are_not_guessed():
    model = KMeans1D(2).fit(np.array([[0.0], [1.0], [9.0], [10.0]]))
    new = np.array([[-5.0], [np.nan], [5.0], [5.01], [100.0]])
    assert model.predict(new).tolist() == [0, -1, 0, 1, 1]
    assert np.isnan(model.transform(new)[1]).all()
    assert model.score(new[:3]) == pytest.approx(-(5.5**2 + 4.5**2))


@pytest.mark.parametrize("n", [400, 60_000])
def test_weights_are_repetitions_and_scale_the_inertia(n):
    data = column(n)
    repeats = np.random.default_rng(1).integers(0, 4, n)
    weighted = KMeans1D(4).fit(data, sample_weight=repeats)
    repeated = KMeans1D(4).fit(np.repeat(data, repeats, axis=0))
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=1e-12)
    assert weighted.inertia_ == pytest.approx(repeated.inertia_, rel=1e-12)
    assert np.array_equal(np.repeat(weighted.labels_, repeats), repeated.labels_)
    scaled = KMeans1D(4).fit(data, sample_weight=repeats * 3.7)
    assert np.array_equal(scaled.labels_, weighted.labels_)
    assert scaled.inertia_ == pytest.approx(3.7 * weighted.inertia_, rel=1e-12)


def test_order_does_not_matter():
    data = column(100_000)
    one = KMeans1D(5).fit(data)
    other = KMeans1D(5).fit(data[::-1])
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-13)
    assert np.array_equal(one.labels_, other.labels_[::-1])


def test_one_thread_gives_the_bytes_that_two_give():
    data = column(1_500_000, dtype=np.float32)
    weights = np.random.default_rng(1).exponential(size=len(data))
    before = numba.get_num_threads()
    try:
        models = []
        for threads in (1, 2):
            numba.set_num_threads(threads)
            models.append(KMeans1D(5).fit(data, sample_weight=weights))
    finally:
        numba.set_num_threads(before)
    one, two = models
    assert one.cluster_centers_.tobytes() == two.cluster_centers_.tobytes()
    assert one.labels_.tobytes() == two.labels_.tobytes()
    assert one.inertia_ == two.inertia_


@pytest.mark.parametrize("order", ["C", "F"])
def test_input_is_neither_changed_nor_copied(order):
    data = np.asarray(column(1000), order=order)
    data.flags.writeable = False
    before = data.copy()
    model = KMeans1D(3)
    assert np.shares_memory(model._values(data, reset=True), data)
    model.fit(data).predict(data)
    assert np.array_equal(data, before)


def test_a_column_of_a_wider_table_is_taken_as_it_lies():
    table = np.random.default_rng(0).normal(size=(50_000, 3))
    assert np.array_equal(KMeans1D(3).fit(table[:, [1]]).labels_, KMeans1D(3).fit(table[:, 1:2]).labels_)


def test_more_clusters_than_values_is_an_error_not_fewer_clusters():
    with pytest.raises(InputError, match="10 clusters were asked for, but only 4 distinct values"):
        KMeans1D(10).fit(np.array([[1.0], [2.0], [3.0], [4.0]] * 20))
    model = KMeans1D(4).fit(np.array([[1], [2], [3], [4]] * 20, np.int16))
    assert model.inertia_ == 0
    assert model.cluster_centers_.ravel().tolist() == [1, 2, 3, 4]


def test_one_sample_one_cluster():
    model = KMeans1D(1).fit([[3.5]])
    assert (model.cluster_centers_.tolist(), model.labels_.tolist(), model.inertia_) == ([[3.5]], [0], 0.0)


@pytest.mark.parametrize(
    ("parameters", "data", "message"),
    [
        ({}, np.zeros((5, 2)), "X has 2 features; KMeans1D takes one column. Use KMeans"),
        ({}, np.array([[1.0], [np.inf]]), "infinity"),
        ({}, np.array([[np.nan], [np.nan]]), "missing"),
        ({"n_clusters": 0}, np.ones((3, 1)), "n_clusters is 0"),
        ({"n_clusters": 2.0}, np.ones((3, 1)), "n_clusters is 2.0"),
        ({"n_clusters": True}, np.ones((3, 1)), "n_clusters is True"),
    ],
)
def test_what_cannot_be_clustered_is_refused(parameters, data, message):
    with pytest.raises(InputError, match=message):
        KMeans1D(**parameters).fit(data)


@pytest.mark.parametrize("method", ["predict", "transform", "score"])
def test_infinite_values_are_refused_later_too(method):
    model = KMeans1D(2).fit(column(100))
    with pytest.raises(InputError, match="infinity"):
        getattr(model, method)(np.array([[0.0], [-np.inf]]))


def test_negative_weights_are_refused():
    with pytest.raises(InputError, match="not negative"):
        KMeans1D(2).fit(column(10), sample_weight=-np.ones(10))
    with pytest.raises(InputError, match="not negative"):
        KMeans1D(2).fit(np.arange(10, dtype=np.int16)[:, None], sample_weight=-np.ones(10))


def test_it_travels():
    data = column(500)
    model = make_pipeline(RobustScaler(), KMeans1D(3)).fit(data)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert np.array_equal(again.predict(data), model.predict(data))
    assert clone(model[-1]).get_params() == {"n_clusters": 3}


def test_equal_to_solve_on_all_values():
    data = column(70_000)
    solution = solve(data[:, 0], np.ones(len(data)), 5)[5]
    model = KMeans1D(5).fit(data)
    np.testing.assert_allclose(model.cluster_centers_[:, 0], solution.centers, rtol=1e-12)
    assert model.inertia_ == pytest.approx(solution.sse, rel=1e-12)
