"""The notebook's interface on real Sentinel-2 pixels: five days of August 2023 in Croatia, clear and clouded."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.preprocessing import RobustScaler

from mlbmi import KMeansNDVI

DATES = {"start_date": "2023-08-10", "end_date": "2023-08-20"}


@pytest.mark.realdata
def test_real_pixels(realdata):
    import rasterio

    folder = realdata / "real" / "earthsearch-v1-33TWL"
    area = "15.5,45.3,16.0,45.7"
    settings = {"geojson": area, "catalog": str(folder), "collection": "sentinel-2-l2a", "quiet": True, "cloud_cover": 100}
    notebook = KMeansNDVI(**settings, **DATES, n_clusters=5)
    notebook.compute_spatial_kmeans()
    notebook.compute_temporal_kmeans()
    found = notebook.scenes["33TWL"]["R10m"]
    assert len(found["timeseries"]["timestamps"]) == 5
    clear = max((date for date in found if date != "timeseries"), key=lambda date: int(np.isfinite(found[date]["ndvi"]).sum()))
    image, kmeans = found[clear]["ndvi"], found[clear]["kmeans"][5]
    values = image.values[np.isfinite(image.values)].reshape(-1, 1)
    assert values.min() < 0.1
    assert values.max() > 0.8
    red, nir = (rasterio.open(path) for path in _files(notebook, clear))
    seen = np.argwhere(np.isfinite(image.values))
    row, column = seen[len(seen) // 2]
    red_dn, nir_dn = (float(next(file.sample([(float(image.x[column]), float(image.y[row]))]))[0]) for file in (red, nir))
    assert float(image[row, column]) == pytest.approx((nir_dn - red_dn) / (nir_dn + red_dn), abs=1e-6)  # offset already applied
    scaled = RobustScaler(quantile_range=(1, 99)).fit_transform(values).astype(float)
    theirs = KMeans(5, n_init=3, random_state=0).fit(scaled)
    assert kmeans.inertia_ <= theirs.inertia_ * (1 + 1e-5)


def _files(notebook, date):
    """Return the red and the near infrared file of a date."""
    (scene,) = [scene for scene in notebook._found if str(scene.date) == date]
    return [scene.assets[band].href for band in ("red", "nir")]
