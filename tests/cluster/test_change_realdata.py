"""Change on real Sentinel-2 pixels: ten days of August, in which little can have changed."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mlbmi.cluster import cluster_images
from mlbmi.cluster.change import detect_change, transition_matrix

pytestmark = pytest.mark.realdata
DAYS = ("20230810", "20230813", "20230815", "20230818", "20230820")
WINDOW = ((400, 700), (400, 700))  # 300 pixels of 120 m: 36 km


@pytest.fixture(scope="module")
def images(realdata):
    """Return clusters of the NDVI of tile 33TWL, classes 4, 5, 6, 7 of SCL kept."""
    rasterio = pytest.importorskip("rasterio")
    stack = []
    for day in DAYS:
        (folder,) = (realdata / "real" / "earthsearch-v1-33TWL").rglob(f"S2?_33TWL_{day}_0_L2A")

        def band(name: str, folder: str = str(folder)) -> np.ndarray:
            with rasterio.open(f"{folder}/{name}.tif") as source:
                return source.read(1, window=WINDOW).astype(np.float32)

        red, nir, scl = band("B04"), band("B08"), band("SCL")
        clear = np.isin(scl, (4, 5, 6, 7)) & (red > 0) & (nir > 0)
        stack.append(np.where(clear, (nir - red) / np.where(clear, nir + red, 1), np.nan))
    days = np.array([f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in DAYS], "datetime64[ns]")
    return cluster_images(xr.DataArray(np.stack(stack), dims=("time", "y", "x"), coords={"time": days}, name="ndvi"), 5)


def test_transitions_add_up_to_what_is_labelled_on_both_dates(images):
    change, there = detect_change(images), images.labels.values != 255
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 4), (0, 4)):
        matrix = transition_matrix(change, change.dates[a], change.dates[b])
        assert matrix.sum() == np.count_nonzero(there[a] & there[b]) > 1000
        assert matrix.trace() == np.count_nonzero(there[a] & (images.labels.values[a] == images.labels.values[b]))
    np.testing.assert_array_equal(np.isnan(change.persistence.values), there.sum(axis=0) < 2)
    np.testing.assert_array_equal(change.first_change.values == -2, change.change.values == 65535)


def test_hardly_anything_changes_twice_running_in_ten_days(images):
    """Single odd dates, which clouds and their rims are, make most pixels deviate; few settle in another cluster."""
    change, labels = detect_change(images), images.labels.values
    first = np.take_along_axis(labels, (labels != 255).argmax(axis=0)[None], axis=0)
    deviates = ((labels != first) & (labels != 255)).any(axis=0)
    settled = change.first_change.values >= 0
    assert deviates[settled].all()
    assert np.count_nonzero(deviates) > 0.4 * deviates.size
    assert 0 < np.count_nonzero(settled) < 0.15 * np.count_nonzero(deviates)
