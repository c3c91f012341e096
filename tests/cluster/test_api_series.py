"""cluster_timeseries: from a cube to a labelled map."""

from __future__ import annotations

import datetime as dt
import math
import warnings

import numpy as np
import pytest
import xarray as xr

from mlbmi.cluster import KMeans, cluster_timeseries
from mlbmi.errors import ClusterError

DAYS = np.array(["2020-01-17", "2020-04-24", "2020-07-03", "2020-09-30"], "datetime64[ns]")


@pytest.fixture
def cube(plain):
    """Return a float32 cube (4, 30, 40) with gaps, one pixel empty, with coordinates and a CRS."""
    series = plain.with_gaps(plain.mixture(seed=8, pixels=1200, dates=4, clusters=3, sd=0.05)[0], 0.2)
    series[7] = np.nan
    return xr.DataArray(
        series.T.reshape(4, 30, 40).astype(np.float32),
        dims=("time", "y", "x"),
        coords={
            "time": DAYS,
            "y": np.arange(30.0)[::-1],
            "x": np.arange(40.0),
            "spatial_ref": 32633,
            "tile": ("time", list("abcd")),
        },
        name="ndvi",
        attrs={"grid_mapping": "spatial_ref"},
    )


def _coded(cube: xr.DataArray, scale: float = 1e-4) -> xr.DataArray:
    numbers = np.where(np.isnan(cube.values), -32768, np.rint(cube.values / scale)).astype(np.int16)
    return cube.copy(data=numbers).assign_attrs(scale_factor=scale, _FillValue=-32768)


def test_the_map_is_the_estimators(cube):
    result = cluster_timeseries(cube, 3)
    model = KMeans(3, min_observations=2).fit(cube.values.reshape(4, -1).T)
    np.testing.assert_array_equal(result.labels.values.reshape(-1), np.where(model.labels_ < 0, 255, model.labels_))
    np.testing.assert_array_equal(result.centers, model.cluster_centers_)
    assert result.labels.dtype == np.uint8
    assert (result.inertia, result.n_iter, result.converged) == (model.inertia_, model.n_iter_, True)


def test_every_field_is_filled(cube):
    result = cluster_timeseries(cube, 3, seed=5)
    assert (result.mode, result.index, result.seed, result.n_clusters) == ("timeseries", "ndvi", 5, 3)
    assert result.features == ("2020-01-17", "2020-04-24", "2020-07-03", "2020-09-30")
    assert (np.diff(result.centers.mean(axis=1)) > 0).all()
    np.testing.assert_array_equal(result.counts, [(result.labels == j).sum() for j in range(3)])
    assert "partial" in result.method


def test_grid_and_crs_stay_on_the_labels(cube):
    labels = cluster_timeseries(cube, 3).labels
    assert labels.dims == ("y", "x")
    assert set(labels.coords) == {"y", "x", "spatial_ref"}
    assert labels.encoding["grid_mapping"] == "spatial_ref"
    assert labels.attrs["nodata"] == 255
    xr.testing.assert_equal(labels["y"], cube["y"])


def test_rows_are_what_numpy_says(cube):
    result = cluster_timeseries(cube, 3)
    assert [(row.date, row.cluster) for row in result.rows[:3]] == [(None, 0), (None, 1), (None, 2)]
    assert len(result.rows) == 3 + 4 * 3
    days = [None, *DAYS.astype("datetime64[D]").tolist()]
    for row in result.rows:
        mine = cube.where(result.labels == row.cluster).values.astype(np.float64)
        values = mine if row.date is None else mine[days.index(row.date) - 1]
        assert row.pixels == (result.labels == row.cluster).sum()
        assert row.mean == pytest.approx(np.nanmean(values), rel=1e-9)
        assert row.sd == pytest.approx(np.nanstd(values), rel=1e-9)
        center = result.centers[row.cluster]
        assert row.center == (pytest.approx(center.mean()) if row.date is None else center[days.index(row.date) - 1])


def test_int16_is_the_same_in_units_of_the_index(cube):
    coded = _coded(cube)
    floats = cube.copy(data=np.where(coded.values == -32768, np.nan, coded.values * 1e-4))
    result, other = cluster_timeseries(coded, 3), cluster_timeseries(floats, 3)
    np.testing.assert_array_equal(result.labels, other.labels)
    np.testing.assert_allclose(result.centers, other.centers, atol=1e-7)
    assert result.inertia == pytest.approx(other.inertia, rel=1e-6)
    for mine, theirs in zip(result.rows, other.rows, strict=True):
        assert (mine.mean, mine.sd) == (pytest.approx(theirs.mean, abs=1e-9), pytest.approx(theirs.sd, abs=1e-9))


def test_chunked_is_the_same(cube):
    pytest.importorskip("dask")
    result, other = cluster_timeseries(_coded(cube).chunk(time=1, y=7, x=11), 3), cluster_timeseries(_coded(cube), 3)
    np.testing.assert_array_equal(result.labels, other.labels)


def test_order_of_the_dimensions_does_not_matter(cube):
    np.testing.assert_array_equal(
        cluster_timeseries(cube.transpose("x", "time", "y"), 3).labels, cluster_timeseries(cube, 3).labels
    )


def test_an_empty_date_has_a_center_of_nan_and_rows_of_nan(cube):
    cube = cube.copy()
    cube[2] = np.nan
    result = cluster_timeseries(cube, 3)
    assert np.isnan(result.centers[:, 2]).all()
    np.testing.assert_array_equal(result.labels, cluster_timeseries(cube.isel(time=[0, 1, 3]), 3).labels)
    rows = [row for row in result.rows if row.date == dt.date(2020, 7, 3)]
    assert len(rows) == 3
    assert all(math.isnan(row.mean) and math.isnan(row.sd) and math.isnan(row.center) and row.pixels for row in rows)
    assert all(math.isfinite(row.mean) and math.isfinite(row.center) for row in result.rows if row.date is None)


@pytest.mark.parametrize(("dates", "default"), [(1, 1), (2, 2), (4, 2), (8, 2), (9, 3), (12, 3), (33, 9)])
def test_the_default_of_observations_counts_dates_with_any_value(dates, default):
    series = np.random.default_rng(0).random((dates, 1, 300))
    series[1:, 0, 0] = np.nan
    series = np.concatenate([series, np.full((5, 1, 300), np.nan)])
    for j in range(1, dates):
        series[: dates - j, 0, j] = np.nan
    result = cluster_timeseries(xr.DataArray(series, dims=("time", "y", "x")), 2)
    observed = (~np.isnan(series)).sum(axis=0)
    np.testing.assert_array_equal(result.labels.values == 255, observed < default)


def test_a_single_image_is_a_series_of_one(cube):
    result = cluster_timeseries(cube.isel(time=0), 3)
    assert result.features == ("2020-01-17",)
    assert result.labels.dims == ("y", "x")
    bare = xr.DataArray(cube.values[0], dims=("y", "x"))
    assert (cluster_timeseries(bare, 3).features, cluster_timeseries(bare, 3).index) == (("0",), "index")
    assert all(row.date is None for row in cluster_timeseries(bare, 3).rows)


def test_what_cannot_be_clustered_is_said(cube):
    with pytest.raises(ClusterError, match=r"n_clusters is 256; .* 1 to 255"):
        cluster_timeseries(cube, 256)
    with pytest.raises(ClusterError, match="n_clusters is 0"):
        cluster_timeseries(cube, 0)
    with pytest.raises(ClusterError, match=r"n_samples=0 .*fewer than n_clusters=3"):
        cluster_timeseries(cube * np.nan, 3)
    with pytest.raises(ClusterError, match="n_samples=0"):
        cluster_timeseries(cube, 3, min_observations=5)
    with pytest.raises(ClusterError, match=r"dimensions \('time', 'band'\)"):
        cluster_timeseries(xr.DataArray(np.zeros((2, 2)), dims=("time", "band")), 2)
    with pytest.raises(ClusterError, match=r"it must be an xarray\.DataArray"):
        cluster_timeseries(cube.to_dataset(), 3)
    with pytest.raises(ClusterError, match="data is int64"):
        cluster_timeseries(cube.fillna(0).astype(np.int64), 3)
    with pytest.raises(ClusterError, match="data is empty"):
        cluster_timeseries(cube[:, :0], 3)
    with pytest.raises(ClusterError, match="infinity"):
        cluster_timeseries(cube.where(cube < 0.5, np.inf), 3)


def test_more_clusters_than_distinct_series_are_an_error_without_a_warning(cube):
    cube = cube.copy(data=np.broadcast_to(np.float32([0.1, 0.2] * 20), cube.shape))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ClusterError, match="no more than 2 distinct"):
            cluster_timeseries(cube, 3)


def test_255_clusters_leave_255_free(plain):
    series = plain.mixture(seed=1, pixels=3000, dates=2, clusters=5, sd=0.2)[0]
    series[0] = np.nan
    result = cluster_timeseries(xr.DataArray(series.T.reshape(2, 30, 100), dims=("time", "y", "x")), 255, n_init=1)
    assert result.labels.values[0, 0] == 255
    assert sorted(np.unique(result.labels.values)) == list(range(256))


def test_input_is_not_changed(cube):
    before = cube.copy(deep=True)
    cluster_timeseries(cube, 3)
    xr.testing.assert_identical(cube, before)
