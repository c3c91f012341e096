"""Coverage by hand, and beside a count that shares nothing with it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from mlbmi.cube import CubeStore, coverage
from mlbmi.types import OUTSIDE

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=step) for step in (0, 5, 20, 21, 60)]


@pytest.fixture
def cube(tmp_path):
    geobox = GeoBox((30, 40), Affine(10, 0, 500_000, 0, -10, 5_800_000), "EPSG:32633")
    store = CubeStore.create(tmp_path / "cube.zarr", {"mosaic": (geobox, DAYS)}, {"ndvi": 1e-4}, chunk=(16, 16))
    rng = np.random.default_rng(0)
    values = np.where(rng.random((5, 30, 40)) < 0.5, rng.random((5, 30, 40)), np.nan)
    values[:, 0, 0], values[:, 0, 1] = np.nan, 0.5
    values[:, 0, 2] = [np.nan, 0.5, np.nan, np.nan, np.nan]
    for number, image in enumerate(values):
        store.write_rows("mosaic", "ndvi", number, slice(0, 30), image)
    return store, values


def test_counts_and_gaps(cube):
    store, values = cube
    area = np.ones((30, 40), dtype=bool)
    area[5:8] = False
    seen = coverage(store, "mosaic", "ndvi", area)
    valid = ~np.isnan(values) & area
    np.testing.assert_array_equal(seen.observations, np.where(area, valid.sum(axis=0), OUTSIDE))
    assert seen.clear == tuple(valid.sum(axis=(1, 2)))
    assert seen.pixels == area.sum()
    assert seen.longest_gap[0, :3].tolist() == [60, 39, 55]
    for row, column in zip(*np.nonzero(area), strict=True):
        days = [0, *(step for step, there in zip((0, 5, 20, 21, 60), valid[:, row, column], strict=True) if there), 60]
        assert seen.longest_gap[row, column] == max(np.diff(days))
    assert seen.summary()["never_seen"] == (valid.sum(axis=0)[area] == 0).sum()


def test_blocks_cover_a_grid_once_and_hold_what_was_put_there(cube):
    store, values = cube
    times = np.zeros((30, 40), dtype=int)
    for rows, columns in store.blocks("mosaic"):
        times[rows, columns] += 1
        block = store.read_block("mosaic", "ndvi", rows, columns)
        np.testing.assert_array_equal(block == -32768, np.isnan(values[:, rows, columns]))
        block[2] = 7
        store.replace_block("mosaic", "ndvi", 2, rows, columns, block[2])
    assert (times == 1).all()
    assert (store.read_day("mosaic", "ndvi", 2) == 7).all()
    np.testing.assert_array_equal(store.read_day("mosaic", "ndvi", 1) == -32768, np.isnan(values[1]))
