"""K-means window by window: what it finds is what is found in memory."""

from __future__ import annotations

import dask
import dask.array
import numpy as np
import pytest
import xarray as xr

from mlbmi.cluster import KMeans, cluster_timeseries
from mlbmi.cluster._coded import coded_cube
from mlbmi.cluster._stream_described import described_blocks
from mlbmi.cluster.stream import fit_blocks
from mlbmi.errors import ClusterError

NODATA = -32768
LITTLE = 200_000
"""Bytes of memory: a fifth of a cube here, or less."""


def _cube(plain, seed=8, shape=(6, 150, 140), clusters=4, sd=0.15, share=0.25, outside=30) -> np.ndarray:
    """Return series with gaps, float64, on a grid whose first columns lie outside an outline."""
    dates, rows, columns = shape
    series = plain.mixture(seed=seed, pixels=rows * columns, dates=dates, clusters=clusters, sd=sd)[0]
    values = plain.with_gaps(series, share).T.reshape(shape)
    values[:, :, :outside] = np.nan
    return values


def _data(values: np.ndarray, kind: str) -> xr.DataArray:
    """Return values as stored, in memory."""
    attrs = {"scale_factor": 1e-4, "_FillValue": NODATA} if kind == "int16" else {}
    if kind == "int16":
        values = np.where(np.isnan(values), NODATA, np.rint(np.nan_to_num(values) * 1e4))
    days = np.datetime64("2020-01-05", "ns") + np.arange(len(values)) * np.timedelta64(10, "D")
    return xr.DataArray(values.astype(kind), dims=("time", "y", "x"), coords={"time": days}, name="ndvi", attrs=attrs)


def _rows(data: xr.DataArray) -> np.ndarray:
    """Return stored numbers as rows in float64, NaN where missing."""
    rows = data.values.reshape(len(data), -1).T.astype(np.float64)
    return np.where(rows == NODATA, np.nan, rows)


@pytest.mark.parametrize("kind", ["int16", "float32", "float64"])
@pytest.mark.parametrize("partial", ["scaled", "observed"])
def test_labels_and_centers_are_those_found_in_memory(plain, kind, partial):
    data = _data(_cube(plain), kind)
    nodata = NODATA if kind == "int16" else None
    model = KMeans(4, min_observations=2, partial=partial, nodata=nodata).fit(data.values.reshape(6, -1).T)
    found = fit_blocks(data.chunk(time=1, y=33, x=40), 4, partial=partial, memory=LITTLE)
    np.testing.assert_array_equal(found.labels.reshape(-1), np.where(model.labels_ < 0, 255, model.labels_))
    np.testing.assert_allclose(found.centers, model.cluster_centers_, rtol=1e-7)
    scaled = partial == "scaled"
    rows, labels = _rows(data), model.labels_
    sse = [plain.objective(rows, centers, labels, scaled=scaled) for centers in (found.centers, model.cluster_centers_)]
    assert sse[0] == pytest.approx(sse[1], rel=1e-9)
    assert found.inertia == pytest.approx(sse[0], rel=1e-9 if kind == "float64" else 1e-7)
    assert (found.n_iter, found.converged, found.min_observations) == (model.n_iter_, True, 2)
    np.testing.assert_array_equal(found.members, np.bincount(labels[labels >= 0]))


@pytest.mark.parametrize("chunks", [{"time": 2, "y": 75}, {"time": 4, "y": 150, "x": 7}, {"time": -1, "y": 16, "x": 16}])
@pytest.mark.parametrize("memory", [60_000, LITTLE])
def test_chunks_and_memory_do_not_matter(plain, chunks, memory):
    data = _data(_cube(plain), "float32")
    whole, found = fit_blocks(data, 4, memory=1 << 28), fit_blocks(data.chunk(chunks), 4, memory=memory)
    np.testing.assert_array_equal(found.labels, whole.labels)
    np.testing.assert_allclose(found.centers, whole.centers, atol=1e-7)
    np.testing.assert_allclose(found.path, whole.path, rtol=1e-6)


def test_a_grid_too_large_to_be_known_whole_descends_like_any_other(plain):
    """Beyond the pixels that stand in, the start is another; from the same start the descent is the same."""
    data = _data(_cube(plain, shape=(3, 600, 520), share=0.2), "float32")
    found = fit_blocks(data.chunk(time=1, y=100, x=130), 4, memory=1 << 20, tol=0)
    model = KMeans(4, init=found.centers, min_observations=2, tol=0).fit(data.values.reshape(3, -1).T)
    moved = (found.labels.reshape(-1) != np.where(model.labels_ < 0, 255, model.labels_)).sum()
    assert moved <= 2  # halfway between two centers, in float32
    np.testing.assert_allclose(found.centers, model.cluster_centers_, atol=1e-6)
    assert found.inertia == pytest.approx(KMeans(4, min_observations=2).fit(data.values.reshape(3, -1).T).inertia_, rel=1e-6)


def test_all_that_is_said_of_a_clustering_is_what_is_said_in_memory(plain):
    for kind in ("int16", "float32"):
        data = _data(_cube(plain), kind)
        chunked, expected = data.chunk(time=2, y=37, x=50), cluster_timeseries(data, 4, seed=3)
        cube = coded_cube(chunked)
        found = described_blocks(fit_blocks(cube, 4, seed=3, memory=LITTLE), cube, seed=3, method=expected.method)
        xr.testing.assert_identical(found.labels, expected.labels)
        np.testing.assert_allclose(found.centers, expected.centers, rtol=1e-6)
        np.testing.assert_array_equal(found.counts, expected.counts)
        np.testing.assert_allclose(found.reach, expected.reach, rtol=1e-6)
        assert found.inertia == pytest.approx(expected.inertia, rel=1e-7)
        assert len(found.rows) == len(expected.rows)
        for mine, theirs in zip(found.rows, expected.rows, strict=True):
            assert (mine.date, mine.cluster, mine.pixels) == (theirs.date, theirs.cluster, theirs.pixels)
            for name in ("mean", "sd", "center"):
                assert getattr(mine, name) == pytest.approx(getattr(theirs, name), rel=1e-6)
        for name in ("mode", "index", "features", "n_iter", "converged", "seed", "method", "min_observations"):
            assert getattr(found, name) == getattr(expected, name)


def test_clusters_that_change_places_take_their_numbers_last(monkeypatch):
    """They start in one order of their means and end in the other: labels, members and moments all follow."""
    values = np.zeros((2, 40, 50), np.float32)
    values[0, :, :20], values[1, :, 20:] = 0.9, 1.0
    start = np.array([[0.9, 0.3], [0.0, 1.0]])
    monkeypatch.setattr("mlbmi.cluster.stream.best_start", lambda *_, **__: start)
    found = fit_blocks(xr.DataArray(values, dims=("time", "y", "x")).chunk(y=10), 2, memory=10_000)
    np.testing.assert_allclose(found.centers, [[0.9, 0.0], [0.0, 1.0]], atol=1e-7)
    np.testing.assert_array_equal(found.labels[0], np.arange(50) >= 20)
    assert found.members.tolist() == [800, 1200]
    np.testing.assert_array_equal(found.moments[0].count, found.members)
    np.testing.assert_allclose([moments.mean for moments in found.moments], found.centers.T, atol=1e-7)
    np.testing.assert_allclose(found.examples.T, found.centers[found.example_labels], atol=1e-7)


def _bits(found) -> tuple[bytes, ...]:
    return found.labels.tobytes(), found.centers.tobytes(), found.path.tobytes(), found.moments[0].sums.tobytes()


def test_every_scheduler_gives_the_same_bits(plain):
    data = _data(_cube(plain), "int16").chunk(time=1, y=40, x=40)
    with dask.config.set(scheduler="synchronous"):
        expected = _bits(fit_blocks(data, 4, memory=LITTLE))
    for workers in (1, 4):
        with dask.config.set(scheduler="threads", num_workers=workers):
            assert _bits(fit_blocks(data, 4, memory=LITTLE)) == expected


def test_a_cluster_of_workers_gives_the_same_bits(plain):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    data = _data(_cube(plain), "int16").chunk(time=1, y=50, x=70)
    expected = _bits(fit_blocks(data, 4, memory=LITTLE))
    ask = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": "127.0.0.1:0"}
    ask |= {"host": "127.0.0.1", "protocol": "tcp://"}  # else it asks how this machine is seen from the Internet
    with distributed.LocalCluster(**ask) as cluster, distributed.Client(cluster) as client:
        assert _bits(fit_blocks(data, 4, memory=LITTLE)) == expected
        assert client.run(lambda dask_worker: dask_worker.state.executed_count)  # it was the workers that read


def test_one_thread_of_arithmetic_gives_the_same_bits(plain):
    import numba

    data, before = _data(_cube(plain, shape=(3, 500, 500)), "int16").chunk(time=1, y=250), numba.get_num_threads()
    expected = _bits(fit_blocks(data, 4, memory=2 << 20))
    numba.set_num_threads(1)
    try:
        assert _bits(fit_blocks(data, 4, memory=2 << 20)) == expected
    finally:
        numba.set_num_threads(before)


def test_a_store_opened_without_dask_is_read_by_its_chunks(plain, tmp_path):
    values = _cube(plain, sd=0.05)
    _data(values, "float32").chunk(time=1, y=50, x=35).to_dataset().to_zarr(tmp_path / "cube.zarr", zarr_format=2)
    lazy = xr.open_zarr(tmp_path / "cube.zarr", chunks=None)["ndvi"]
    found, expected = fit_blocks(lazy, 4, memory=LITTLE), fit_blocks(_data(values, "float32"), 4)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.readings < 4


def test_a_date_without_values_is_left_out(plain):
    values = _cube(plain)
    values[2] = np.nan
    found = fit_blocks(_data(values, "float32").chunk(y=40), 4, memory=LITTLE)
    without = fit_blocks(_data(np.delete(values, 2, axis=0), "float32").chunk(y=40), 4, memory=LITTLE)
    assert np.isnan(found.centers[:, 2]).all()
    np.testing.assert_array_equal(found.labels, without.labels)
    np.testing.assert_allclose(np.delete(found.centers, 2, axis=1), without.centers, rtol=1e-6)
    assert not found.moments[2].count.any()


@pytest.mark.parametrize("least", [None, 1, 4])
def test_few_usable_pixels_on_a_large_grid_are_found(plain, least):
    """Ten thousand pixels observed on most dates, among three hundred thousand that were observed once."""
    dates, place = 12, np.arange(0, 300_000, 30)
    rows = np.full((300_000, dates), np.nan, np.float32)
    rows[np.arange(300_000), np.arange(300_000) % dates] = 0.5
    rows[place] = plain.mixture(seed=2, pixels=place.size, dates=dates, clusters=3, sd=0.05)[0]
    data = xr.DataArray(rows.T.reshape(dates, 500, 600), dims=("time", "y", "x")).chunk(time=3, y=100)
    found = fit_blocks(data, 3, min_observations=least, memory=4 << 20)
    assert found.min_observations == (least or 3)
    if least == 1:
        assert (found.labels < 255).all()
        return
    np.testing.assert_array_equal(np.flatnonzero(found.labels.reshape(-1) < 255), place)
    np.testing.assert_array_equal(found.labels.reshape(-1)[place], KMeans(3).fit(rows[place]).labels_)


def test_what_cannot_be_clustered_is_said(plain):
    data = _data(_cube(plain), "float32").chunk(y=40)
    with pytest.raises(ClusterError, match=r"n_clusters is 256"):
        fit_blocks(data, 256)
    with pytest.raises(ClusterError, match=r"n_samples=0 .*fewer than n_clusters=4"):
        fit_blocks(data * np.nan, 4)
    with pytest.raises(ClusterError, match=r"n_samples=0 .*at least 7 observed"):
        fit_blocks(data, 4, min_observations=7)
    with pytest.raises(ClusterError, match="max_iter is 0"):
        fit_blocks(data, 4, max_iter=0)
    with pytest.raises(ClusterError, match="infinity"):
        fit_blocks(data.where(data < 1.3, np.inf), 4, memory=LITTLE)
    with pytest.raises(ClusterError, match="memory is 0"):
        fit_blocks(data, 4, memory=0)
    nothing = xr.DataArray(dask.array.full((2, 600, 600), np.nan, dtype=np.float32), dims=("time", "y", "x"))
    with pytest.raises(ClusterError, match="n_samples=0"):
        fit_blocks(nothing, 2)


def test_more_clusters_than_distinct_series_are_an_error():
    data = xr.DataArray(dask.array.zeros((3, 30, 30), chunks=(1, 15, 15)), dims=("time", "y", "x"))
    with pytest.raises(ClusterError, match="no more than 1 distinct"):
        fit_blocks(data, 3, memory=LITTLE)


def test_one_pixel_unlike_all_others_gets_a_cluster_of_its_own():
    """No sample knows of it: the empty cluster is filled by a search through all windows."""
    values = np.full((2, 700, 700), 0.2, np.float32)
    values[:, :, 350:] = 0.6
    values[:, 690, 3] = 0.9
    data = xr.DataArray(values, dims=("time", "y", "x")).chunk(y=100, x=100)
    found = fit_blocks(data, 3, memory=1 << 20)
    assert found.members.tolist() == [700 * 350 - 1, 700 * 350, 1]
    assert found.labels[690, 3] == 2
    assert found.inertia == pytest.approx(0, abs=1e-6)
    assert found.converged


def test_cluster_timeseries_of_a_chunked_cube_says_what_that_of_one_in_memory_says():
    random = np.random.default_rng(5)
    steps = np.rint(random.normal([[[3000]], [[5000]], [[7000]]], 1500, (3, 30, 40))).astype("int16")
    steps[random.random(steps.shape) < 0.2] = -32768
    coords = {"time": np.array(["2020-01-01", "2020-04-01", "2020-07-01"], "datetime64[ns]")}
    attrs = {"scale_factor": 1e-4, "_FillValue": -32768}
    cube = xr.DataArray(steps, dims=("time", "y", "x"), coords=coords, name="ndvi", attrs=attrs)
    whole, pieces = cluster_timeseries(cube, 4), cluster_timeseries(cube.chunk(time=1, y=7, x=16), 4)
    np.testing.assert_array_equal(pieces.labels, whole.labels)
    np.testing.assert_allclose(pieces.centers, whole.centers, rtol=1e-9)
    assert pieces.inertia == pytest.approx(whole.inertia, rel=1e-9)
    assert (pieces.features, pieces.method, pieces.min_observations) == (whole.features, whole.method, whole.min_observations)
    assert pieces.counts.tolist() == whole.counts.tolist()
    for one, other in zip(pieces.rows, whole.rows, strict=True):
        assert (one.date, one.cluster, one.pixels) == (other.date, other.cluster, other.pixels)
        assert (one.mean, one.sd, one.center) == pytest.approx((other.mean, other.sd, other.center), abs=1e-7)
    np.testing.assert_allclose(pieces.reach, whole.reach, rtol=1e-5)
