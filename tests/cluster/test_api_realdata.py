"""Both ways of clustering on real Sentinel-2 pixels, beside scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.cluster
import xarray as xr

from mlbmi.cluster import cluster_images, cluster_timeseries

pytestmark = pytest.mark.realdata
WINDOW = ((300, 634), (300, 634))  # 334 pixels of 120 m: 40 km


@pytest.fixture(scope="module")
def ndvi(realdata):
    """Return NDVI of tile 33TWL, five dates of August 2023, classes 4, 5, 6, 7 of SCL kept, float32 (time, y, x)."""
    rasterio = pytest.importorskip("rasterio")
    images = []
    for red_file in sorted((realdata / "real" / "earthsearch-v1-33TWL").rglob("*B04*.tif")):

        def band(name: str, file: str = str(red_file)) -> np.ndarray:
            with rasterio.open(file.replace("B04", name)) as source:
                return source.read(1, window=WINDOW).astype(np.float32)

        red, nir, scl = band("B04"), band("B08"), band("SCL")
        clear = np.isin(scl, (4, 5, 6, 7)) & (red > 0) & (nir > 0)
        images.append(np.where(clear, (nir - red) / np.where(clear, nir + red, 1), np.nan))
    assert len(images) == 5
    return xr.DataArray(np.stack(images).astype(np.float32), dims=("time", "y", "x"), name="ndvi")


def test_series_cost_no_more_than_the_best_of_ten_of_scikit_learn(ndvi):
    """scikit-learn takes complete pixels alone, so the comparison is on those."""
    complete = ndvi.values.reshape(5, -1).T
    complete = complete[~np.isnan(complete).any(axis=1)].astype(np.float64)
    theirs = sklearn.cluster.KMeans(5, n_init=10, random_state=0).fit(complete)
    ours = cluster_timeseries(ndvi.where(ndvi.notnull().all("time")), 5)
    assert ours.counts.sum() == len(complete) > 1000
    assert ours.inertia <= 1.0005 * theirs.inertia_


def test_series_with_gaps_label_many_more_pixels(ndvi):
    result = cluster_timeseries(ndvi, 5)
    observed = ndvi.notnull().sum("time")
    np.testing.assert_array_equal(result.labels.values == 255, (observed < 2).values)
    assert result.counts.sum() > 1.2 * int((observed == 5).sum())


def test_images_cost_no_more_than_scikit_learn(ndvi):
    values = ndvi.values[~np.isnan(ndvi.values)].astype(np.float64)
    theirs = sklearn.cluster.KMeans(5, n_init=2, random_state=0).fit(values[:, None])
    assert cluster_images(ndvi, 5).inertia <= theirs.inertia_ * (1 + 1e-9)
