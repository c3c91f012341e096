"""cluster_images, each date alone, and scaled: the models of single dates, and units that change no label."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mlbmi.cluster import KMeans1D, cluster_images
from mlbmi.errors import ClusterError

DAYS = np.array(["2020-01-17", "2020-01-24", "2020-02-01", "2020-02-11"], "datetime64[ns]")
K = 3


@pytest.fixture
def coded():
    """Return an int16 cube (4, 25, 30): dates of other levels; the second is empty, the third has two values."""
    random = np.random.default_rng(4)
    values = np.rint(random.choice([1000, 4000, 7000], (4, 25, 30)) + random.normal(0, 300, (4, 25, 30)))
    values[3] = values[3] / 2 + 2000
    values[2] = np.where(values[2] < 4000, 100, 200)
    values[random.random(values.shape) < 0.2] = -32768
    values[1] = -32768
    coding = {"scale_factor": 1e-4, "_FillValue": -32768}
    return xr.DataArray(values.astype(np.int16), dims=("time", "y", "x"), coords={"time": DAYS}, name="ndvi", attrs=coding)


def _decoded(coded: xr.DataArray) -> xr.DataArray:
    floats = np.where(coded.values == -32768, np.nan, coded.values * 1e-4)
    return coded.copy(data=floats).drop_attrs()


@pytest.fixture(params=["int16", "chunked", "float64"])
def cube(request, coded):
    """Return the cube as it may come."""
    if request.param == "float64":
        return _decoded(coded)
    return coded.chunk(time=2, y=10, x=30) if request.param == "chunked" else coded


def test_each_date_has_the_model_of_its_own(coded, cube):
    result = cluster_images(cube, K, pooled=False)
    assert result.features == ("2020-01-17", "2020-01-24", "2020-02-01", "2020-02-11")
    values, inertia = _decoded(coded).values, 0.0
    for day, k in ((0, K), (2, 2), (3, K)):
        model = KMeans1D(k).fit(values[day].reshape(-1, 1))
        np.testing.assert_array_equal(
            result.labels.values[day].reshape(-1), np.where(model.labels_ < 0, 255, model.labels_), err_msg=str(day)
        )
        np.testing.assert_allclose(result.centers[:k, day], model.cluster_centers_[:, 0], rtol=1e-9)
        inertia += model.inertia_
    assert result.inertia == pytest.approx(inertia, rel=1e-9)
    assert (result.labels.values[1] == 255).all()
    assert np.isnan(result.centers[:, 1]).all()
    assert np.isnan(result.centers[2, 2])
    np.testing.assert_array_equal(result.counts, [(result.labels == j).sum() for j in range(K)])
    assert "alone" in result.method


def test_rows_of_dates_alone_are_what_numpy_says(coded, cube):
    result = cluster_images(cube, K, pooled=False)
    values, days = _decoded(coded).values, DAYS.astype("datetime64[D]").tolist()
    assert [row.date for row in result.rows] == [day for day in [*days, None] for _ in range(K)]
    for row in result.rows:
        day = slice(None) if row.date is None else days.index(row.date)
        own = values[day][result.labels.values[day] == row.cluster]
        centers = result.centers[row.cluster, day]
        assert row.pixels == own.size
        if own.size:
            assert row.mean == pytest.approx(own.mean(), rel=1e-9)
            assert row.sd == pytest.approx(own.std(), rel=1e-6, abs=1e-9)
            assert row.center == pytest.approx(np.nanmean(centers), rel=1e-9)
        else:
            assert np.isnan(row.mean)
            assert np.isnan(row.center)


def test_one_date_alone_is_one_date_pooled(coded):
    alone, pooled = cluster_images(coded.isel(time=[0]), K, pooled=False), cluster_images(coded.isel(time=[0]), K)
    np.testing.assert_array_equal(alone.labels, pooled.labels)
    np.testing.assert_array_equal(alone.centers, pooled.centers)
    assert (alone.features, pooled.features) == (("2020-01-17",), ("ndvi",))
    assert alone.inertia == pooled.inertia


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("pooled", [True, False])
def test_scaling_changes_units_and_no_label(coded, cube, scaling, pooled):
    plain = cluster_images(cube, K, pooled=pooled)
    result = cluster_images(cube, K, scaling=scaling, quantile_range=(20, 90), pooled=pooled)
    np.testing.assert_array_equal(result.labels, plain.labels)
    np.testing.assert_array_equal(result.centers, plain.centers)
    assert result.scaling.method == scaling
    values = _decoded(coded).values
    lines = values.reshape(1, -1) if pooled else values.reshape(4, -1)
    assert result.scaling.shift.shape == result.scaling.scale.shape == (len(lines),)
    inertia = 0.0
    for place, line in enumerate(lines):
        seen = line[~np.isnan(line)]
        if not seen.size:
            assert (result.scaling.shift[place], result.scaling.scale[place]) == (0, 1)
            continue
        low, high = np.percentile(seen, (20, 90))
        spread = seen.std() if scaling == "standard" else high - low
        assert result.scaling.scale[place] == pytest.approx(spread or 1, rel=1e-9)
        assert result.scaling.shift[place] == pytest.approx(seen.mean() if scaling == "standard" else np.median(seen), rel=1e-9)
        labels = result.labels.values.reshape(lines.shape)[place][~np.isnan(line)]
        inertia += (((seen - result.centers[labels, place]) / (spread or 1)) ** 2).sum()
    assert result.inertia == pytest.approx(inertia, rel=1e-9)


def test_nothing_is_recorded_where_nothing_is_scaled(coded):
    result = cluster_images(coded, K)
    assert (result.scaling.method, result.scaling.scale.size, result.min_observations) == ("none", 0, 1)


def test_what_cannot_be_scaled_or_clustered_alone_is_said(coded):
    with pytest.raises(ClusterError, match=r"scaling is 'profile'.*one value alone.*cluster_timeseries"):
        cluster_images(coded, K, scaling="profile")
    with pytest.raises(ClusterError, match="scaling is 'z'"):
        cluster_images(coded, K, scaling="z")
    with pytest.raises(ClusterError, match="quantile_range"):
        cluster_images(coded, K, scaling="robust", quantile_range=(80, 20))
    for few in (coded.isel(time=[1, 2]), _decoded(coded).isel(time=[1, 2])):
        with pytest.raises(ClusterError, match=r"only 2 distinct values on any date\. Ask for at most 2"):
            cluster_images(few, K, pooled=False)
    with pytest.raises(ClusterError, match="every pixel of every date is missing"):
        cluster_images(coded.isel(time=[1]), K, pooled=False)
    for pooled in (True, False):
        with pytest.raises(ClusterError, match="infinity"):
            cluster_images(_decoded(coded).where(coded != 100, np.inf), 2, pooled=pooled, scaling="standard")
