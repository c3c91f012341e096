"""How a cube is cut, read and drawn from, and how much of it is in memory at a time."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import dask
import dask.array
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.cluster._coded import coded_cube
from mlbmi.cluster._lloyd_passes import Assignment
from mlbmi.cluster._stream_blocks import Blocks, windows
from mlbmi.cluster._stream_engine import Frame, Streamed, _Doubt
from mlbmi.cluster._stream_start import StandIn, draw_stand_in, least_observations
from mlbmi.cluster.lloyd import KMeans
from mlbmi.cluster.series import default_min_observations
from mlbmi.cluster.stream import _draw, fit_blocks

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=8).map(tuple)


@settings(max_examples=200, deadline=None)
@given(rows=SIZES, columns=SIZES, pixel_bytes=st.integers(1, 100), memory=st.integers(1, 300_000))
def test_windows_cover_each_pixel_once_within_the_memory(rows, columns, pixel_bytes, memory):
    seen = np.zeros((sum(rows), sum(columns)), int)
    for window in windows(rows, columns, pixel_bytes, memory):
        seen[window.rows, window.columns] += 1
        height, width = window.shape
        assert height == 1 or height * width * pixel_bytes <= max(memory // 3, width * pixel_bytes)
    assert (seen == 1).all()


@settings(max_examples=200, deadline=None)
@given(rows=SIZES, columns=SIZES)
def test_windows_end_where_chunks_end_if_a_chunk_fits(rows, columns):
    memory = 8 * max(rows) * max(columns) * 10
    for window in windows(rows, columns, 10, memory):
        assert {window.rows.start, window.rows.stop} <= {0, *np.cumsum(rows).tolist()}
        assert {window.columns.start, window.columns.stop} <= {0, *np.cumsum(columns).tolist()}


def _cube(values: np.ndarray, **chunks: int):
    return coded_cube(xr.DataArray(values, dims=("time", "y", "x")).chunk(chunks))


@pytest.mark.parametrize("memory", [500, 5000, 10**6])
def test_each_window_holds_what_the_grid_holds_there(memory):
    values = np.arange(5 * 31 * 23, dtype=np.float32).reshape(5, 31, 23)
    blocks = Blocks(_cube(values, time=2, y=7, x=9), memory)
    found = np.zeros_like(values).reshape(5, -1)

    def look(window, numbers):
        found[:, window.places(23)] = numbers
        places = np.array([0, 5, 23, 24, 711])
        here, within = window.among(places, 23)
        np.testing.assert_array_equal(numbers[:, within], values.reshape(5, -1)[:, places[here]])

    for _ in range(2):
        blocks.visit(look)
    np.testing.assert_array_equal(found.reshape(values.shape), values)
    assert blocks.bytes_read == values.nbytes * (1 if memory == 10**6 else 2)


def test_an_error_in_the_source_is_raised_and_reading_ends():
    def broken(_):
        raise OSError("no such chunk")

    lazy = dask.array.zeros((2, 20, 20), chunks=(1, 5, 5), dtype=np.float32).map_blocks(broken, dtype=np.float32)
    with pytest.raises(OSError, match="no such chunk"):
        fit_blocks(xr.DataArray(lazy, dims=("time", "y", "x")), 2)


@pytest.mark.parametrize("size", [1, 100, 3000, 10_000])
def test_the_pixels_of_lowest_rank_stand_in_however_the_grid_is_cut(size):
    random = np.random.default_rng(0)
    values = np.where(random.random((4, 90, 100)) < 0.6, np.nan, random.random((4, 90, 100))).astype(np.float32)
    tables = []
    for chunks in ({"y": 90}, {"y": 13, "x": 17}, {"time": 1, "x": 40}):
        drawn = draw_stand_in(Blocks(_cube(values, **chunks), 20_000), size, 2)
        tables.append(drawn.table())
        assert drawn.seen.all()
    usable = values.reshape(4, -1).T[(~np.isnan(values)).sum(axis=0).reshape(-1) >= 2]
    if size == 10_000:
        np.testing.assert_array_equal(tables[0], values.reshape(4, -1).T)
    else:
        assert len(tables[0]) == min(size, len(usable))
        rows = {row.tobytes() for row in usable}
        assert all(row.tobytes() in rows for row in tables[0])
        assert drawn.population == pytest.approx(len(usable), rel=5 / np.sqrt(min(size, len(usable))))
    for table in tables[1:]:
        np.testing.assert_array_equal(table, tables[0])


def test_if_few_of_what_was_drawn_are_usable_others_are_drawn():
    """Observed once, a pixel is drawn; that three dates of twelve are wanted is known only then."""
    values = np.full((12, 500, 600), np.nan, np.float32)
    values.reshape(12, -1)[np.arange(300_000) % 12, np.arange(300_000)] = 0.5
    values.reshape(12, -1)[:, ::30] = 0.7
    table, population, frame = _draw(Blocks(_cube(values, y=100), 4 << 20), KMeans(3), None, 4 << 20)
    assert (len(table), population, frame.least) == (10_000, 10_000, 3)
    assert (table == np.float32(0.7)).all()


def test_what_stands_in_is_spread_over_the_grid():
    """Each of a hundred fields should be met 160 times: the chi-square of 99 degrees of freedom hardly exceeds 150."""
    places = np.arange(800 * 800)
    drawn = StandIn(16_000, 1, None, 0)
    drawn.add(places, places[None].astype(np.float64))
    drawn.finish()
    rows, columns = np.divmod(drawn.table()[:, 0].astype(np.int64), 800)
    met = np.bincount(rows // 80 * 10 + columns // 80, minlength=100)
    assert ((met - 160.0) ** 2 / 160).sum() < 150
    assert np.bincount(columns % 16).std() < 4 * np.sqrt(1000)


def test_the_default_of_observations_is_that_of_series():
    for dates in range(1, 60):
        assert least_observations(dates) == default_min_observations(np.zeros((1, dates)))


def test_doubt_without_room_draws_the_horizon_nearer():
    doubt = _Doubt(1, 3, np.dtype(np.float32), 0.9)
    values, places = np.arange(5, dtype=np.float32)[None], np.arange(5)
    limits = np.array([0.5, 0.1, np.inf, 0.3, 0.2], np.float32)
    doubt.add(values, places, Assignment(np.array([1, 2, -1, 3, 4], np.int32), limits))
    assert doubt.horizon == pytest.approx(0.5)
    labels = np.full(5, 255, np.uint8)
    doubt.settle(labels)
    assert labels.tolist() == [255, 2, 255, 3, 4]
    doubt.add(values, places, Assignment(np.array([1, 2, -1, 3, 4], np.int32), limits + np.float32(0.05)))
    assert doubt.horizon == pytest.approx(0.15)
    assert doubt.count == 3


@pytest.mark.parametrize("room", [0, 50, 400, 10**6])
def test_the_room_for_doubt_changes_readings_and_nothing_else(plain, room):
    rows = plain.mixture(seed=3, pixels=4000, dates=3, clusters=4, sd=0.4)[0]
    start = rows[:4]
    frame = Frame(nodata=None, least=1, scaled=True, dates=np.arange(3))
    blocks = Blocks(_cube(rows.T.reshape(3, 40, 100), y=10, x=50), 20_000)
    state = Streamed(blocks, frame, frame.pixels(rows[::7].T.copy().T), start, population=4000, room=room)
    labels = plain.lloyd(rows, start, 0)[1]
    for update in range(1, 13):
        changed = state.step()[1]
        before, (centers, labels) = labels, plain.lloyd(rows, start, update)
        assert changed == (labels != before).sum()
    state.settle()
    np.testing.assert_array_equal(state.labels.reshape(-1), labels)
    np.testing.assert_allclose(state.centers, centers, atol=1e-10)
    readings = blocks.bytes_read // rows.nbytes
    assert readings == 13 if room == 0 else readings <= 13
    assert room < 10**6 or readings <= 4  # what moved far at first is summed anew


def test_many_updates_between_few_readings_end_where_plain_lloyd_stands_still(plain):
    """Overlapping clusters, gaps, a bad start: every pixel that was not looked at must still be right."""
    rows = plain.with_gaps(plain.mixture(seed=3, pixels=20_000, dates=4, clusters=7, sd=0.4)[0], 0.25)
    rows = np.where(np.isnan(rows).all(axis=1)[:, None], 0.5, rows)
    frame = Frame(nodata=None, least=1, scaled=True, dates=np.arange(4))
    blocks = Blocks(_cube(rows.T.reshape(4, 100, 200), y=25, x=40), 100_000)
    some = frame.pixels(rows[::4].T.copy().T)
    state = Streamed(blocks, frame, some, np.nan_to_num(rows[:7], nan=0.4), population=20_000, room=2000)
    while state.step()[1] > 0:
        assert len(state.path) < 500
    state.settle()
    centers, labels = plain.lloyd(rows, state.centers, 1)
    np.testing.assert_array_equal(state.labels.reshape(-1), labels)
    np.testing.assert_allclose(state.centers, centers, atol=1e-12)
    assert state.path[-1] == pytest.approx(plain.objective(rows, centers, labels), rel=1e-12)
    assert (np.diff(state.path) <= 1e-12 * state.path[0]).all()
    assert len(state.path) > 20
    assert blocks.bytes_read < rows.nbytes * len(state.path) / 2


@pytest.mark.parametrize("memory", [20_000, 1 << 20])
def test_empty_clusters_take_the_costliest_pixels_of_all_windows(plain, monkeypatch, memory):
    monkeypatch.setattr("mlbmi.cluster._stream_engine._TABLE", 0)  # windows are searched by the thousand
    rows = plain.mixture(seed=3, pixels=4000, dates=3, clusters=4, sd=0.1)[0]
    rows[3777] = 9.0
    start = np.vstack([rows[:1], [[50.0] * 3], [[60.0] * 3], [[70.0] * 3]])
    frame = Frame(nodata=None, least=1, scaled=True, dates=np.arange(3))
    blocks = Blocks(_cube(rows.T.reshape(3, 40, 100), y=10, x=50), memory)
    state = Streamed(blocks, frame, frame.pixels(rows[:500].T.copy().T), start, population=4000, room=100)
    assert (state.sums.members > 0).all()
    np.testing.assert_array_equal(state.centers[1], rows[3777])
    for _ in range(5):
        state.step()
    state.settle()
    np.testing.assert_array_equal(state.labels.reshape(-1), plain.squares(rows, state.centers).argmin(axis=1))
    assert (np.diff(state.path) <= 1e-12 * state.path[0]).all()


def test_windows_outside_an_outline_are_read_once():
    """Computing a chunk is counted by its place: none inside costs more readings than outside does."""
    counts: Counter[tuple[int, int]] = Counter()

    def chunk(block_info=None):
        _, rows, columns = block_info[None]["array-location"]
        counts[rows[0], columns[0]] += 1
        random = np.random.default_rng(rows[0] * 1000 + columns[0])
        inside = columns[0] >= 100
        return random.normal(random.integers(0, 2), 0.1, (3, 50, 50)) if inside else np.full((3, 50, 50), np.nan)

    lazy = dask.array.map_blocks(chunk, chunks=((3,), (50,) * 4, (50,) * 4), dtype=np.float64, meta=np.empty((0, 0, 0)))
    with dask.config.set(scheduler="synchronous"):
        found = fit_blocks(xr.DataArray(lazy, dims=("time", "y", "x")), 2, memory=200_000)
    assert {counts[place] for place in counts if place[1] < 100} == {1}
    assert {counts[place] for place in counts if place[1] >= 100} == {round(2 * found.readings - 1)}


def test_memory_is_bounded_by_what_is_asked_not_by_the_cube():
    """NumPy tells tracemalloc what it allocates: 64 MB of values are computed, less than a third is ever there."""
    lazy = dask.array.map_blocks(_noise, chunks=((2,) * 2, (100,) * 20, (500,) * 2), dtype=np.float64, meta=np.empty((0, 0, 0)))
    data = xr.DataArray(lazy, dims=("time", "y", "x"))
    with dask.config.set(scheduler="synchronous"):
        fit_blocks(data[:, :100, :100].compute(), 3, max_iter=5)  # compiles
        tracemalloc.start()
        try:
            found = fit_blocks(data, 3, n_init=1, max_iter=5, memory=6 << 20)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert data.nbytes == 64e6
    assert found.readings > 2
    assert peak < 20e6


def _noise(block_info=None) -> np.ndarray:
    place = block_info[None]["array-location"]
    random = np.random.default_rng([start for start, _ in place])
    return random.random((2, 100, 500)) + np.arange(500) % 3
