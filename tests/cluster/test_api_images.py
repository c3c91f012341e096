"""cluster_images: one exact model for all dates, a map for each."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
import sklearn.cluster
import xarray as xr

from mlbmi.cluster import cluster_images
from mlbmi.errors import ClusterError

DAYS = np.array(["2020-01-17", "2020-01-24", "2020-02-01"], "datetime64[ns]")


@pytest.fixture
def coded():
    """Return an int16 cube (3, 25, 30) in steps of 1e-4 with gaps, its second date wholly empty."""
    random = np.random.default_rng(4)
    values = np.rint(random.choice([1000, 4000, 7000], (3, 25, 30)) + random.normal(0, 500, (3, 25, 30))).astype(np.int16)
    values[random.random(values.shape) < 0.2] = -32768
    values[1] = -32768
    return xr.DataArray(
        values,
        dims=("time", "y", "x"),
        coords={"time": DAYS, "y": np.arange(25.0), "x": np.arange(30.0), "spatial_ref": 32633},
        name="ndvi",
        attrs={"scale_factor": 1e-4, "_FillValue": -32768},
    )


def _decoded(coded: xr.DataArray) -> np.ndarray:
    return np.where(coded.values == -32768, np.nan, coded.values * 1e-4)


def test_labels_are_the_nearest_of_one_set_of_centers(coded):
    result = cluster_images(coded, 3)
    values = _decoded(coded)
    nearest = np.abs(values[..., None] - result.centers[:, 0]).argmin(axis=-1)
    np.testing.assert_array_equal(result.labels.values, np.where(np.isnan(values), 255, nearest))
    assert result.labels.dtype == np.uint8
    assert (np.diff(result.centers[:, 0]) > 0).all()
    for j in range(3):
        assert result.centers[j, 0] == pytest.approx(values[result.labels.values == j].mean(), rel=1e-12)


def test_inertia_is_true_and_never_above_scikit_learns(coded):
    result = cluster_images(coded, 4)
    values = _decoded(coded)
    seen = ~np.isnan(values)
    assert result.inertia == pytest.approx(((values[seen] - result.centers[result.labels.values[seen], 0]) ** 2).sum(), rel=1e-12)
    theirs = sklearn.cluster.KMeans(4, n_init=10, random_state=0).fit(values[seen][:, None])
    assert result.inertia <= theirs.inertia_ * (1 + 1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floats_give_the_same_map(coded, kind):
    floats = coded.copy(data=_decoded(coded).astype(kind))
    floats.attrs = {}
    result, other = cluster_images(coded, 3), cluster_images(floats, 3)
    np.testing.assert_array_equal(result.labels, other.labels)
    np.testing.assert_allclose(result.centers, other.centers, rtol=1e-6)
    np.testing.assert_array_equal(result.counts, other.counts)
    for mine, theirs in zip(result.rows, other.rows, strict=True):
        assert (mine.date, mine.cluster, mine.pixels) == (theirs.date, theirs.cluster, theirs.pixels)
        assert mine.mean == pytest.approx(theirs.mean, rel=1e-6, nan_ok=True)
        assert mine.sd == pytest.approx(theirs.sd, rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("chunks", [{"time": 1, "y": 7, "x": 13}, {"time": -1, "y": 25, "x": 30}, {"time": 2, "y": 4, "x": 30}])
def test_chunk_by_chunk_is_the_same(coded, chunks):
    pytest.importorskip("dask")
    result, other = cluster_images(coded.chunk(chunks), 3), cluster_images(coded, 3)
    np.testing.assert_array_equal(result.labels, other.labels)
    np.testing.assert_array_equal(result.centers, other.centers)
    assert result.rows[-1] == other.rows[-1]


def test_every_field_is_filled(coded):
    result = cluster_images(coded, 3)
    assert (result.mode, result.index, result.features, result.seed, result.n_iter) == ("images", "ndvi", ("ndvi",), None, 0)
    assert result.converged
    assert result.centers.shape == (3, 1)
    np.testing.assert_array_equal(result.counts, [(result.labels == j).sum() for j in range(3)])
    assert set(result.labels.coords) == {"time", "y", "x", "spatial_ref"}
    assert "exact" in result.method


def test_rows_are_what_numpy_says(coded):
    result = cluster_images(coded, 3)
    values = _decoded(coded)
    days = DAYS.astype("datetime64[D]").tolist()
    assert [row.date for row in result.rows] == [day for day in [*days, None] for _ in range(3)]
    for row in result.rows:
        mine = result.labels.values == row.cluster
        if row.date is not None:
            mine &= (np.array(days) == row.date)[:, None, None]
        assert row.pixels == mine.sum()
        assert row.center == result.centers[row.cluster, 0]
        if row.pixels:
            assert row.mean == pytest.approx(values[mine].mean(), rel=1e-12)
            assert row.sd == pytest.approx(values[mine].std(), rel=1e-9)


def test_a_wholly_empty_date_is_255_with_rows_of_nothing(coded):
    result = cluster_images(coded, 3)
    assert (result.labels.values[1] == 255).all()
    rows = [row for row in result.rows if row.date == dt.date(2020, 1, 24)]
    assert [row.pixels for row in rows] == [0, 0, 0]
    assert all(math.isnan(row.mean) and math.isnan(row.sd) for row in rows)


def test_one_image_is_a_time_of_one(coded):
    result = cluster_images(coded.isel(time=0), 3)
    assert result.labels.dims == ("time", "y", "x")
    assert result.labels.shape == (1, 25, 30)
    assert [row.date for row in result.rows] == [dt.date(2020, 1, 17)] * 3 + [None] * 3


def test_without_dates_there_are_rows_for_the_whole_alone(coded):
    result = cluster_images(coded.drop_vars("time"), 3)
    assert [row.date for row in result.rows] == [None] * 3


def test_what_cannot_be_clustered_is_said(coded):
    with pytest.raises(ClusterError, match="every pixel of every date is missing"):
        cluster_images(coded.isel(time=[1]), 3)
    with pytest.raises(ClusterError, match="every pixel of every date is missing"):
        cluster_images(xr.DataArray(np.full((2, 3, 3), np.nan), dims=("time", "y", "x")), 3)
    with pytest.raises(ClusterError, match="n_clusters is 256"):
        cluster_images(coded, 256)
    with pytest.raises(ClusterError, match="n_clusters is True"):
        cluster_images(coded, True)
    with pytest.raises(ClusterError, match=r"only 2 distinct values .*Ask for at most 2"):
        cluster_images(coded.copy(data=np.where(coded.values < 4000, 1, 2).astype(np.int16)), 3)
    with pytest.raises(ClusterError, match=r"dimensions \('y', 'band'\)"):
        cluster_images(xr.DataArray(np.zeros((2, 2)), dims=("y", "band")), 2)
    with pytest.raises(ClusterError, match="infinity"):
        cluster_images(xr.DataArray(np.array([[0.1, np.inf], [0.2, 0.3]]), dims=("y", "x")), 2)


def test_input_is_not_changed(coded):
    before = coded.copy(deep=True)
    cluster_images(coded, 3)
    xr.testing.assert_identical(coded, before)
