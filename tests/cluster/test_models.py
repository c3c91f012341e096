"""From a clustering to a model, to a file, to an estimator: the same labels at each end."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from mlbmi.cluster import KMeans, KMeans1D, cluster_images, cluster_timeseries
from mlbmi.cluster.models import estimator_of, fitted_kmeans, model_of
from mlbmi.errors import ClusterError
from mlbmi.types import NUMBERING, Scaling
from mlbmi.write import model as written


def _ndvi(seed=0, dates=6, gaps=0.3, shape=(40, 30)):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 4, shape)
    values = random.uniform(0.0, 0.9, (4, dates))[truth] + random.normal(0, 0.03, (*shape, dates))
    values[random.random(values.shape) < gaps] = np.nan
    time = np.datetime64("2020-01-05", "ns") + np.arange(dates) * np.timedelta64(40, "D")
    return xr.DataArray(np.moveaxis(values, 2, 0), dims=("time", "y", "x"), coords={"time": time}, name="ndvi")


def _table(data):
    return data.to_numpy().reshape(data.sizes["time"], -1).T


def _series(data, k, least):
    return dataclasses.replace(cluster_timeseries(data, k, min_observations=least), min_observations=least)


def _same_model(model, other):
    for field in dataclasses.fields(model):
        mine, theirs = getattr(model, field.name), getattr(other, field.name)
        if field.name == "scaling":
            np.testing.assert_array_equal(mine.shift, theirs.shift)
        elif field.name != "software":
            np.testing.assert_array_equal(mine, theirs, err_msg=field.name)


def test_series_to_file_to_estimator(tmp_path):
    data = _ndvi()
    clustering = _series(data, 4, 3)
    model = model_of(clustering, ["a", "b", "c", "d"])
    read = written.read_model(written.write_model(tmp_path / "m.json", model))
    _same_model(read, model)
    estimator = estimator_of(read)
    assert isinstance(estimator, KMeans)
    labels = estimator.predict(_table(data))
    assert (labels == -1).any()
    np.testing.assert_array_equal(labels.astype(np.uint8), clustering.labels.to_numpy().reshape(-1))
    assert (estimator.n_features_in_, estimator.inertia_, estimator.converged_) == (6, clustering.inertia, True)
    assert -estimator.score(_table(data)) == pytest.approx(clustering.inertia, rel=1e-9)


def test_images_to_file_to_estimator(tmp_path):
    data = _ndvi(1)
    clustering = cluster_images(data, 4)
    estimator = estimator_of(written.read_model(written.write_model(tmp_path / "m.json", clustering)))
    assert isinstance(estimator, KMeans1D)
    labels = estimator.predict(data.to_numpy().reshape(-1, 1))
    np.testing.assert_array_equal(labels.astype(np.uint8), clustering.labels.to_numpy().reshape(-1))
    assert estimator.n_features_in_ == 1


def test_a_date_without_any_observation(tmp_path):
    data = _ndvi(2)
    data[3] = np.nan
    clustering = _series(data, 3, 2)
    assert np.isnan(clustering.centers[:, 3]).all()
    estimator = estimator_of(written.read_model(written.write_model(tmp_path / "m.json", clustering)))
    np.testing.assert_array_equal(estimator.predict(_table(data)).astype(np.uint8), clustering.labels.to_numpy().reshape(-1))


def test_scaled_features_are_what_the_estimator_takes():
    """The labels of the nearest scaled center, by hand."""
    clustering = cluster_timeseries(_ndvi(3, dates=2, gaps=0), 2)
    centers = np.array([[0.0, 0.0], [1.0, 0.0]])
    scaling = Scaling(method="standard", shift=np.array([0.5, 0.0]), scale=np.array([0.25, 10.0]))
    estimator = estimator_of(dataclasses.replace(model_of(clustering), centers=centers, scaling=scaling))
    np.testing.assert_allclose(estimator.cluster_centers_, [[-2.0, 0.0], [2.0, 0.0]])
    np.testing.assert_array_equal(estimator.predict(np.array([[-0.1, 9.0], [0.1, -9.0]])), [0, 1])


@pytest.mark.parametrize("hole", [0, 1, 2])
@pytest.mark.parametrize("features", [1, 3])
def test_nothing_is_nearest_to_a_hole(hole, features):
    """Gaps on purpose: 0 × infinity would be NaN."""
    random = np.random.default_rng(5)
    centers = random.uniform(0, 1, (3, features))
    centers[hole] = np.nan
    values = random.uniform(0, 1, (500, features))
    values[random.random(values.shape) < 0.3] = np.nan
    kept = [k for k in range(3) if k != hole]
    squares = np.nansum((values[:, None] - centers[kept]) ** 2, axis=2)
    expected = np.where(np.isnan(values).all(axis=1), -1, np.array(kept)[squares.argmin(axis=1)])
    for kind in (np.float64, np.float32):
        np.testing.assert_array_equal(fitted_kmeans(centers).predict(values.astype(kind)), expected)


def test_one_feature_out_of_order_keeps_its_numbers():
    clustering = cluster_images(_ndvi(6), 3)
    turned = dataclasses.replace(model_of(clustering), centers=np.array([[0.5], [0.1], [0.9]]))
    estimator = estimator_of(turned)
    np.testing.assert_array_equal(estimator.predict(np.array([[0.0], [0.45], [1.0], [np.nan]])), [1, 0, 2, -1])


def test_a_single_missing_center_is_the_mean_of_its_column():
    estimator = fitted_kmeans(np.array([[0.0, np.nan], [1.0, 0.2], [2.0, 0.6]]))
    np.testing.assert_allclose(estimator.cluster_centers_, [[0.0, 0.4], [1.0, 0.2], [2.0, 0.6]])


def test_names_and_numbering():
    model = model_of(cluster_images(_ndvi(), 3))
    assert model.names == ("cluster 0", "cluster 1", "cluster 2")
    assert model.numbering == NUMBERING
    with pytest.raises(ClusterError, match="1 names were given for 3 clusters"):
        model_of(cluster_images(_ndvi(), 3), ["a"])


def test_what_has_no_estimator():
    model = model_of(cluster_images(_ndvi(), 2))
    alone = dataclasses.replace(model, features=("2020-01-01", "2020-02-01"), centers=np.array([[0.1, 0.2], [0.5, 0.6]]))
    with pytest.raises(ClusterError, match="2 images, each clustered alone"):
        estimator_of(alone)
    with pytest.raises(ClusterError, match="none of the model's 2 clusters has a center"):
        estimator_of(dataclasses.replace(model, centers=np.full((2, 1), np.nan)))
