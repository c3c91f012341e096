"""The smoothness of every feature space: 1 mends single pixels, and what is said of clusters follows the labels."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mlbmi.cluster import cluster_bands, cluster_images, cluster_located, cluster_timeseries
from mlbmi.errors import ClusterError

TIMES = np.array(["2020-01-01", "2020-04-01", "2020-07-01"], "datetime64[ns]")


@pytest.fixture
def halves():
    """Two halves of 20 × 20 pixels over three dates, noisy; and the truth."""
    random = np.random.default_rng(3)
    truth = np.zeros((20, 20), int)
    truth[:, 10:] = 1
    values = np.array([[0.2, 0.3, 0.3], [0.4, 0.5, 0.55]])[truth].transpose(2, 0, 1) + random.normal(0, 0.09, (3, 20, 20))
    values[0, 3, 4] = np.nan
    coords = {"time": TIMES, "y": np.arange(20.0), "x": np.arange(20.0)}
    return xr.DataArray(values.astype("float32"), dims=("time", "y", "x"), coords=coords, name="ndvi"), truth


def coded(data):
    steps = np.where(np.isnan(data), -32768, np.rint(data * 1e4)).astype("int16")
    return data.copy(data=steps).assign_attrs(scale_factor=1e-4, _FillValue=-32768)


def bands_of(data):
    return xr.Dataset({"blue": data[1].drop_vars("time"), "green": data[2].drop_vars("time")})


MAKERS = {
    "images": lambda data, **how: cluster_images(data, 2, **how),
    "each image": lambda data, **how: cluster_images(data, 2, pooled=False, **how),
    "series": lambda data, **how: cluster_timeseries(data, 2, **how),
    "located": lambda data, **how: cluster_located(data, 2, **how),
    "bands": lambda data, **how: cluster_bands(bands_of(data), 2, **how),
}


def wrong(clustering, truth):
    labels = clustering.labels.values
    return int(((labels != truth) & (labels != 255)).sum())


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("coding", [lambda data: data, coded])
def test_neighbours_mend_and_what_is_said_follows(name, coding, halves):
    data, truth = halves
    make = MAKERS[name]
    plain, smoothed = make(coding(data)), make(coding(data), smoothness=1.0)
    assert wrong(plain, truth) > 0
    assert wrong(smoothed, truth) < 0.6 * wrong(plain, truth)
    assert (smoothed.smoothness, plain.smoothness) == (1.0, 0.0)
    assert "Potts" in smoothed.method
    assert "Potts" not in plain.method
    labels = smoothed.labels.values
    assert ((labels == 255) == (plain.labels.values == 255)).all()
    assert smoothed.counts.tolist() == np.bincount(labels[labels != 255], minlength=2).tolist()
    assert [row.pixels for row in smoothed.rows if row.date is None] == smoothed.counts.tolist()
    assert smoothed.inertia > plain.inertia


@pytest.mark.parametrize("coding", [lambda data: data, coded])
def test_inertia_and_rows_of_smoothed_images_by_hand(coding, halves):
    data, _ = halves
    given = coding(data)
    values = data.values.astype(float) if given.dtype != np.int16 else np.rint(data.values.astype(float) * 1e4) / 1e4
    result = cluster_images(given, 2, smoothness=1.0)
    labels = result.labels.values
    seen = labels != 255
    errors = (values[seen] - result.centers[labels[seen], 0]) ** 2
    assert result.inertia == pytest.approx(errors.sum(), rel=1e-6)
    for row in result.rows:
        chosen = seen & (labels == row.cluster)
        if row.date is not None:
            chosen &= (np.datetime64(row.date) == TIMES)[:, None, None]
        assert (row.pixels, row.mean) == (chosen.sum(), pytest.approx(values[chosen].mean(), abs=1e-6))


def test_centers_of_smoothed_images_are_the_exact_ones(halves):
    data, _ = halves
    np.testing.assert_array_equal(cluster_images(data, 2, smoothness=2.0).centers, cluster_images(data, 2).centers)


def test_inertia_of_smoothed_series_is_that_of_its_labels_and_centers(halves):
    data, _ = halves
    result = cluster_timeseries(data, 2, smoothness=1.0)
    labels = result.labels.values
    squares = (data.values - result.centers[labels].transpose(2, 0, 1)) ** 2
    seen = (~np.isnan(data.values)).sum(axis=0)
    assert result.inertia == pytest.approx(float((np.nansum(squares, axis=0) * 3 / seen).sum()), rel=1e-5)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("value", [-1, np.inf, np.nan, "much", True, None])
def test_what_is_no_weight_is_refused(name, value, halves):
    with pytest.raises(ClusterError, match="smoothness"):
        MAKERS[name](halves[0], smoothness=value)
