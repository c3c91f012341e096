"""cluster_timeseries of scaled dates and of profiles, beside scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.cluster
import xarray as xr
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import RobustScaler, StandardScaler

from mlbmi.cluster import KMeans, cluster_timeseries
from mlbmi.cluster.numbering import canonical_order
from mlbmi.cluster.scaling import scale
from mlbmi.errors import ClusterError

K = 4


@pytest.fixture
def series(plain):
    """Return series (1500, 4), complete, dates of very different spread."""
    return plain.mixture(seed=8, pixels=1500, dates=4, clusters=K, sd=0.05)[0] * [1.0, 0.1, 5.0, 1.0] + [0, 0.4, -2, 0.3]


def _cube(series: np.ndarray) -> xr.DataArray:
    dates = series.shape[1]
    days = np.datetime64("2020-01-01", "ns") + np.arange(dates) * np.timedelta64(30, "D")
    return xr.DataArray(series.T.reshape(dates, 30, -1), dims=("time", "y", "x"), coords={"time": days}, name="ndvi")


@pytest.mark.parametrize(
    ("scaling", "scaler"), [("robust", RobustScaler(quantile_range=(10, 80))), ("standard", StandardScaler())]
)
def test_it_is_kmeans_on_scikit_learns_scaler(series, scaling, scaler):
    """Where ours ends, theirs finds nothing to move; and from the same start both end alike."""
    result = cluster_timeseries(_cube(series), K, scaling=scaling, quantile_range=(10, 80), tol=0)
    table = scaler.fit_transform(series)
    there = scaler.transform(result.centers)
    theirs = sklearn.cluster.KMeans(K, init=there, n_init=1, tol=0).fit(table)
    np.testing.assert_array_equal(result.labels.values.reshape(-1), theirs.labels_)
    assert result.inertia == pytest.approx(theirs.inertia_, rel=1e-6)
    best = sklearn.cluster.KMeans(K, n_init=10, random_state=0).fit(table)
    assert result.inertia <= best.inertia_ * (1 + 1e-6)
    start = table[:K]
    ours = KMeans(K, init=start, tol=0).fit(scale(series, result.scaling))
    theirs = sklearn.cluster.KMeans(K, init=start, n_init=1, tol=0).fit(table)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-6)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_labels_do_not_depend_on_the_units_of_a_date(plain, series, scaling):
    gappy = plain.with_gaps(series, 0.2)
    result = cluster_timeseries(_cube(gappy), K, scaling=scaling)
    other = cluster_timeseries(_cube(gappy * [3, 40, 0.2, 1] + [7, 0, -1, 2]), K, scaling=scaling)
    assert adjusted_rand_score(result.labels.values.reshape(-1), other.labels.values.reshape(-1)) == 1
    assert other.inertia == pytest.approx(result.inertia, rel=1e-9)


def test_centers_and_numbers_are_in_units_of_the_index(series):
    """In scaled units the order of means would be another: the third date, of large spread, decides."""
    result = cluster_timeseries(_cube(series), K, scaling="standard")
    own = [series[result.labels.values.reshape(-1) == j].mean(axis=0) for j in range(K)]
    np.testing.assert_allclose(result.centers, own, rtol=1e-6)
    assert canonical_order(result.centers).tolist() == list(range(K))
    scaled = (result.centers - result.scaling.shift) / result.scaling.scale
    assert canonical_order(scaled).tolist() != list(range(K))
    for row in result.rows[:K]:
        assert row.center == pytest.approx(result.centers[row.cluster].mean())
        assert row.mean == pytest.approx(series[result.labels.values.reshape(-1) == row.cluster].mean(), rel=1e-9)


@pytest.mark.parametrize("scaling", ["none", "robust", "standard", "profile"])
def test_int16_is_its_floats(plain, series, scaling):
    numbers = np.rint(plain.with_gaps(series, 0.2) * 1e3)
    coded = _cube(np.where(np.isnan(numbers), -32768, numbers).astype(np.int16)).assign_attrs(scale_factor=1e-3)
    result, other = cluster_timeseries(coded, K, scaling=scaling), cluster_timeseries(_cube(numbers * 1e-3), K, scaling=scaling)
    np.testing.assert_array_equal(result.labels, other.labels)
    np.testing.assert_allclose(result.centers, other.centers, atol=1e-5)
    np.testing.assert_allclose(result.reach, other.reach, rtol=1e-4)
    assert result.inertia == pytest.approx(other.inertia, rel=1e-5)
    for mine, theirs in zip(result.rows, other.rows, strict=True):
        assert (mine.mean, mine.sd) == (pytest.approx(theirs.mean, abs=1e-9), pytest.approx(theirs.sd, abs=1e-9))


def test_a_profile_is_a_shape_whatever_its_level_and_amplitude():
    """Rising, falling and peaking series at random levels: found by shape, and not without."""
    random = np.random.default_rng(0)
    shapes = np.array([[-1, -0.4, 0.4, 1, 1.2], [1, 0.5, 0, -0.6, -1], [-1, 0, 1.5, 0, -1]])
    truth = random.integers(0, 3, 900)
    level, amplitude = random.uniform(0.1, 0.8, (900, 1)), random.uniform(0.02, 0.2, (900, 1))
    series = level + amplitude * (shapes[truth] + random.normal(0, 0.1, (900, 5)))
    shaped = cluster_timeseries(_cube(series), 3, scaling="profile")
    plain = cluster_timeseries(_cube(series), 3)
    assert adjusted_rand_score(truth, shaped.labels.values.reshape(-1)) == 1
    assert adjusted_rand_score(truth, plain.labels.values.reshape(-1)) < 0.3
    z = (series - series.mean(axis=1, keepdims=True)) / series.std(axis=1, keepdims=True)
    own = [z[shaped.labels.values.reshape(-1) == j].mean(axis=0) for j in range(3)]
    np.testing.assert_allclose(shaped.centers, own, atol=1e-6)


def test_profiles_are_numbered_by_their_members_index():
    series = np.repeat([[0.9, 0.8, 0.7], [0.1, 0.2, 0.3], [0.4, 0.6, 0.4]], 30, axis=0)
    series = np.random.default_rng(1).permutation(series) + np.random.default_rng(2).normal(0, 0.01, (90, 3))
    series[::4, 1] = np.nan
    result = cluster_timeseries(_cube(series), 3, scaling="profile")
    means = [row.mean for row in result.rows[:3]]
    np.testing.assert_allclose(means, [0.2, 0.46, 0.8], atol=0.05)  # pixels without their middle date pull them apart
    assert result.scaling.method == "profile"
    assert result.scaling.shift.size == 0


def test_a_constant_pixel_has_a_profile_of_zeros_and_an_empty_date_is_left_out(series):
    series[:300] = 0.5
    series = np.insert(series, 2, np.nan, axis=1)
    result = cluster_timeseries(_cube(series), K, scaling="profile")
    flat = np.unique(result.labels.values.reshape(-1)[:300])
    assert flat.size == 1
    assert flat[0] < K
    assert np.isnan(result.centers[:, 2]).all()
    assert np.isfinite(np.delete(result.centers, 2, axis=1)).all()


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_an_empty_date_changes_nothing(series, scaling):
    result = cluster_timeseries(_cube(series), K, scaling=scaling)
    other = cluster_timeseries(_cube(np.insert(series, 2, np.nan, axis=1)), K, scaling=scaling)
    np.testing.assert_array_equal(result.labels, other.labels)
    assert np.isfinite(other.scaling.scale).all()


def test_what_cannot_be_scaled_is_said(series):
    with pytest.raises(ClusterError, match="scaling is 'log'"):
        cluster_timeseries(_cube(series), K, scaling="log")
    with pytest.raises(ClusterError, match="quantile_range"):
        cluster_timeseries(_cube(series), K, scaling="robust", quantile_range=(50, 50))
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(ClusterError, match="min_observations is"):
            cluster_timeseries(_cube(series), K, min_observations=wrong)
    series[5, 1] = np.inf
    for scaling in ("none", "robust", "standard", "profile"):
        with pytest.raises(ClusterError, match="infinity"):
            cluster_timeseries(_cube(series), K, scaling=scaling)
    with pytest.raises(ClusterError, match="no more than 1 distinct"):
        cluster_timeseries(_cube(np.full((300, 4), 0.3)), K, scaling="profile")
