"""What smoothing adds on a landscape whose true classes are known, and on real pixels with labelled points."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, maximum_filter, minimum_filter
from sklearn.metrics import adjusted_rand_score

from mlbmi.cluster import KMeans
from mlbmi.cluster.spatial import smooth
from mlbmi.simulate import Recipe, build_cached


def clustered(values, k):
    """Return labels (y, x) and centers of K-means on features (d, y, x)."""
    model = KMeans(k).fit(values.reshape(len(values), -1).T)
    return model.labels_.astype(np.uint8).reshape(values.shape[1:]), model.cluster_centers_


def accuracy(labels, truth, among):
    """Return the share of the chosen pixels whose cluster's commonest class (over the map) is theirs."""
    table = np.zeros((256, 256), int)
    np.add.at(table, (labels, truth), 1)
    return float((table.argmax(axis=1)[labels] == truth)[among].mean())


@pytest.fixture(scope="module")
def landscape():
    """Return the true classes of the small simulation and its noise-free NDVI on six dates."""
    simulation = build_cached(Recipe.small())
    tile = "33UUU"
    truth = simulation.truth_classes(tile)[0]
    images = []
    for date in simulation.recipe.dates:
        red, nir = (simulation.true_reflectance(tile, date, band) for band in ("red", "nir"))
        images.append((nir - red) / (nir + red))
    return truth, np.stack(images).astype(np.float32)


SETTINGS = {"noise": (0.1, 0.0), "gaps": (0.03, 0.3), "noise and gaps": (0.1, 0.3)}


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_on_the_simulation_agreement_rises_and_borders_are_kept(landscape, setting):
    truth, clean = landscape
    sd, share = SETTINGS[setting]
    random = np.random.default_rng(0)
    values = (clean + random.normal(0, sd, clean.shape)).astype(np.float32)
    values[:, random.random(clean.shape[1:]) < 0.01] = np.nan
    values[random.random(values.shape) < share] = np.nan
    labels, centers = clustered(np.where(np.isnan(values).all(axis=0), np.nan, values), 6)
    labels[np.isnan(values).all(axis=0)] = 255
    result = smooth(values, labels, centers)
    there = labels != 255
    before, after = (adjusted_rand_score(truth[there], marks[there]) for marks in (labels, result.labels))
    assert after > before + 0.002
    border = there & (maximum_filter(truth, 3) != minimum_filter(truth, 3))
    assert accuracy(result.labels, truth, border) > accuracy(labels, truth, border) - 0.002


def test_roads_of_a_clean_image_are_not_erased(landscape):
    truth, clean = landscape
    roads = truth == 2
    labels, centers = clustered(clean, 8)
    own = np.bincount(labels[roads], minlength=8).argmax()
    result = smooth(clean, labels, centers)
    kept = (result.labels == own)[roads].mean()
    assert roads.sum() > 300
    assert kept >= (labels == own)[roads].mean() - 0.005
    assert (result.labels == labels)[~binary_dilation(roads)].mean() > 0.97


@pytest.mark.realdata
@pytest.mark.parametrize("k", [4, 5])
@pytest.mark.parametrize("bands", [slice(0, 7), slice(7, 8)], ids=["bands", "ndvi"])
def test_on_labelled_points_of_leipzig_agreement_does_not_fall(realdata, bands, k):
    rasterio, geopandas = pytest.importorskip("rasterio"), pytest.importorskip("geopandas")
    folder = realdata / "real" / "leipzig-labelled"
    points = geopandas.read_file(folder / "leipzig_points.gpkg")
    with rasterio.open(folder / "leipzig_raster.tif") as source:
        values = source.read().astype(np.float32)[bands]
        places = tuple(np.array([source.index(point.x, point.y) for point in points.geometry]).T)
    labels, centers = clustered(values, k)
    result = smooth(values, labels, centers)
    before, after = (adjusted_rand_score(points.land_cover, marks[places]) for marks in (labels, result.labels))
    assert len(points) == 97
    assert (result.labels != labels).mean() > 0.005
    assert after >= before
