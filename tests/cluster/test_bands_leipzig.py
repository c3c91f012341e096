"""Bands, an index and place on a real scene with labelled points: agreement with the classes, beside plain K-means."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.cluster
import xarray as xr
from sklearn.metrics import adjusted_rand_score

from mlbmi.cluster import cluster_bands, cluster_images, cluster_located

pytestmark = pytest.mark.realdata


class Scene:
    """Bands, NDVI and 97 points of four classes (urban, forest, pasture, water); Leipzig, 10 m, one date."""

    def __init__(self, folder) -> None:
        rasterio = pytest.importorskip("rasterio")
        geopandas = pytest.importorskip("geopandas")
        points = geopandas.read_file(folder / "leipzig_points.gpkg")
        with rasterio.open(folder / "leipzig_raster.tif") as source:
            images = dict(zip(source.descriptions, source.read(), strict=True))
            affine = source.transform
            self.rows, self.columns = np.array([source.index(point.x, point.y) for point in points.geometry]).T
        self.truth = points["land_cover"].to_numpy()
        height, width = images["ndvi"].shape
        coords = {"y": affine.f + affine.e * (np.arange(height) + 0.5), "x": affine.c + affine.a * (np.arange(width) + 0.5)}
        self.ndvi = xr.DataArray(images.pop("ndvi"), dims=("y", "x"), coords=coords, name="ndvi")
        names = {"b04": "red", "b08": "nir"}
        self.bands = xr.Dataset({names.get(name, name): (("y", "x"), image) for name, image in images.items()}, coords)

    def agreement(self, labels: np.ndarray) -> float:
        """Return the adjusted Rand index at the points."""
        return float(adjusted_rand_score(self.truth, labels.reshape(self.ndvi.shape)[self.rows, self.columns]))


@pytest.fixture(scope="module")
def scene(realdata):
    return Scene(realdata / "real" / "leipzig-labelled")


@pytest.mark.parametrize(("k", "least"), [(4, 0.44), (5, 0.49)])
def test_bands_agree_with_the_classes_and_cost_no_more_than_scikit_learn(scene, k, least):
    result = cluster_bands(scene.bands, k)
    assert scene.agreement(result.labels.values) >= least
    table = scene.bands.to_dataarray().values.reshape(len(scene.bands), -1).T.astype(np.float64)
    theirs = sklearn.cluster.KMeans(k, n_init=5, random_state=0).fit(table)
    assert result.inertia <= theirs.inertia_ * (1 + 1e-5)


def test_ndvi_agrees_with_the_classes(scene):
    """With five clusters no index of one date does as well; the exact model is that of scikit-learn's best."""
    assert scene.agreement(cluster_images(scene.ndvi, 4).labels.values) >= 0.38
    result = cluster_images(scene.ndvi, 5)
    theirs = sklearn.cluster.KMeans(5, n_init=5, random_state=0).fit(scene.ndvi.values.reshape(-1, 1).astype(np.float64))
    assert result.inertia <= theirs.inertia_ * (1 + 1e-9)
    assert scene.agreement(result.labels.values) >= scene.agreement(theirs.labels_) - 0.02


@pytest.mark.parametrize("k", [4, 5])
def test_place_at_its_default_weight_adds_agreement(scene, k):
    for data in (scene.bands, scene.ndvi):
        plain = scene.agreement(cluster_located(data, k, weight=0).labels.values)
        assert scene.agreement(cluster_located(data, k).labels.values) > plain + 0.01


def test_numbers_rise_with_greenness(scene):
    result = cluster_bands(scene.bands, 5)
    means = [float(scene.ndvi.values[result.labels.values == j].mean()) for j in range(5)]
    assert means == sorted(means)
    np.testing.assert_allclose([row.mean for row in result.rows], means, atol=1e-4)
