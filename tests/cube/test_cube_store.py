"""The store on disk: what is written comes back, to xarray and to GDAL, whoever writes at the same time."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import odc.geo.xr  # noqa: F401 — the accessor
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from mlbmi.coding import decode
from mlbmi.cube import CubeStore, check_schema
from mlbmi.errors import CubeError

GRID = GeoBox((50, 40), Affine(10, 0, 399_960, 0, -10, 5_900_040), "EPSG:32633")
OTHER = GeoBox((7, 9), Affine(20, 0, 800_280, 0, -20, 5_908_660), "EPSG:32632")
DAYS = [dt.date(2020, 1, 17), dt.date(2020, 1, 24), dt.date(2022, 12, 31)]
SCALES = {"ndvi": 1e-4, "gci": 1e-3}


def values(seed, shape=(50, 40)):
    """NDVI-like values on whole steps, a tenth missing."""
    rng = np.random.default_rng(seed)
    whole = np.round(rng.uniform(-1, 1, shape), 4).astype("float32")
    whole[rng.random(shape) < 0.1] = np.nan
    return whole


@pytest.fixture
def store(tmp_path):
    grids = {"33UUU": (GRID, DAYS), "32UQD": (OTHER, DAYS[:1])}
    return CubeStore.create(tmp_path / "cube.zarr", grids, SCALES, chunk=(16, 16), long_names={"ndvi": "Vegetation"})


def test_it_knows_what_it_was_made_of(store):
    for found in (store, CubeStore.open(store.path)):
        assert found.grids == ("33UUU", "32UQD")
        assert found.indices == ("ndvi", "gci")
        assert found.scales == SCALES
        assert found.geoboxes == {"33UUU": GRID, "32UQD": OTHER}
        assert found.days == {"33UUU": tuple(DAYS), "32UQD": (DAYS[0],)}
        assert found.chunk == (16, 16)


def test_what_was_never_written_is_missing(store):
    assert (store.read_day("33UUU", "ndvi", 2) == -32768).all()
    assert (store.read("32UQD", "gci") == -32768).all()


def test_rows_come_back_as_they_were_written(store):
    whole = values(0)
    store.write_rows("33UUU", "ndvi", 1, slice(0, 16), whole[:16])
    store.write_rows("33UUU", "ndvi", 1, slice(16, 41), whole[16:41])  # not on an edge of chunks
    store.write_rows("33UUU", "ndvi", 1, slice(41, 50), whole[41:])
    np.testing.assert_array_equal(decode(store.read_day("33UUU", "ndvi", 1)), whole)
    assert (store.read_day("33UUU", "ndvi", 0) == -32768).all()


def test_written_again_only_the_last_counts(store):
    # What a killed run left behind is overwritten, by missing values too.
    store.write_rows("33UUU", "ndvi", 0, slice(0, 50), values(1))
    store.write_rows("33UUU", "ndvi", 0, slice(0, 50), np.full((50, 40), np.nan, dtype="float32"))
    assert (store.read_day("33UUU", "ndvi", 0) == -32768).all()


def test_each_index_has_its_own_scale(store):
    store.write_rows("33UUU", "gci", 0, slice(0, 50), np.full((50, 40), 12.345, dtype="float32"))
    stored = store.read("33UUU", "gci")
    assert stored[0, 0, 0] == 12_345
    assert stored.attrs["scale_factor"] == 1e-3
    with pytest.raises(CubeError, match="cannot be stored"):
        store.write_rows("33UUU", "ndvi", 0, slice(0, 50), np.full((50, 40), 12.345, dtype="float32"))


def test_read_gives_steps_with_their_meaning_and_place(store):
    store.write_rows("33UUU", "ndvi", 1, slice(0, 50), values(0))
    stored = store.read("33UUU", "ndvi")
    assert stored.dtype == np.int16
    assert stored.dims == ("time", "y", "x")
    assert (stored.attrs["scale_factor"], stored.attrs["_FillValue"], stored.attrs["long_name"]) == (1e-4, -32768, "Vegetation")
    assert stored["time"].dtype == np.dtype("datetime64[ns]")
    assert np.datetime_as_string(stored["time"].values, "D").tolist() == [str(day) for day in DAYS]
    assert stored.odc.geobox == GRID
    np.testing.assert_array_equal(decode(stored)[1].values, values(0))


def test_read_takes_rows_and_stays_lazy_if_asked(store):
    store.write_rows("33UUU", "ndvi", 0, slice(0, 50), values(0))
    part = store.read("33UUU", "ndvi", rows=slice(10, 30), chunks={})
    assert part.chunks is not None
    np.testing.assert_array_equal(part.values, store.read("33UUU", "ndvi").values[:, 10:30])
    assert part.odc.geobox == GRID[10:30, :]
    assert store.read("33UUU", "ndvi").chunks is None


def test_xarray_opens_a_grid_as_a_cube(store):
    store.write_rows("33UUU", "ndvi", 1, slice(0, 50), values(0))
    with xr.open_zarr(store.path, group="33UUU") as ds:
        check_schema(ds.astype("float32"))
        np.testing.assert_allclose(ds["ndvi"][1].values, values(0), rtol=0, atol=1e-7)
        assert ds.odc.geobox == GRID
        assert ds.attrs["proj:code"] == "EPSG:32633"
        assert ds.attrs["spatial:transform"] == [10, 0, 399_960, 0, -10, 5_900_040]


def test_xarray_opens_the_whole_as_a_tree(store):
    with xr.open_datatree(store.path, engine="zarr", consolidated=True) as tree:
        assert set(tree.children) == {"33UUU", "32UQD"}


@pytest.mark.parametrize(("grid", "geobox"), [("33UUU", GRID), ("32UQD", OTHER)])
def test_gdal_opens_an_array_with_place_scale_and_missing_value(store, grid, geobox):
    whole = values(5, tuple(geobox.shape))
    store.write_rows(grid, "ndvi", 0, slice(0, geobox.shape[0]), whole)
    with rasterio.open(f'ZARR:"{store.path}":/{grid}/ndvi') as source:
        assert source.crs.to_epsg() == geobox.crs.epsg
        assert source.transform == geobox.affine
        assert source.scales[0] == 1e-4
        assert source.nodata == -32768
        assert source.count == len(store.days[grid])
        np.testing.assert_array_equal(decode(source.read(1)), whole)


def test_threads_write_different_days_at_once(tmp_path):
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in range(12)]
    store = CubeStore.create(tmp_path / "cube.zarr", {"33UUU": (GRID, days)}, SCALES, chunk=(16, 16))

    def write(job):
        number, index, start = job
        rows = slice(start, min(start + 16, 50))
        store.write_rows("33UUU", index, number, rows, values(number)[rows])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, [(number, index, start) for start in range(0, 50, 16) for number in range(12) for index in SCALES]))
    for index, scale in SCALES.items():
        for number in range(12):
            stored = decode(store.read_day("33UUU", index, number), scale)
            np.testing.assert_allclose(stored, values(number), rtol=0, atol=scale / 2 + 1e-7)


def test_select_keeps_days_as_they_are(store, tmp_path):
    for number in range(3):
        store.write_rows("33UUU", "ndvi", number, slice(0, 50), values(number))
    (store.path / "33UUU" / "ndvi" / "2" / "0" / "0.x.partial").write_text("left by a killed run")
    selected = store.select({"33UUU": [0, 2]}, tmp_path / "selected.zarr")
    assert selected.grids == ("33UUU",)
    assert selected.days["33UUU"] == (DAYS[0], DAYS[2])
    assert selected.chunk == (16, 16)
    np.testing.assert_array_equal(decode(selected.read_day("33UUU", "ndvi", 1)), values(2))
    assert (selected.read("33UUU", "gci") == -32768).all()
    assert selected.read("33UUU", "ndvi").attrs["long_name"] == "Vegetation"
    assert not list(selected.path.rglob("*.partial"))
    with xr.open_zarr(selected.path, group="33UUU") as ds:
        check_schema(ds.astype("float32"))


def test_the_same_cube_has_the_same_bytes(tmp_path):
    def digest(name):
        store = CubeStore.create(tmp_path / name, {"33UUU": (GRID, DAYS)}, SCALES)
        store.write_rows("33UUU", "ndvi", 0, slice(0, 50), values(0))
        return {str(path.relative_to(store.path)): path.read_bytes() for path in store.path.rglob("*") if path.is_file()}

    assert digest("a.zarr") == digest("b.zarr")


# What cannot be

CANNOT_CREATE = {
    "no grid": ({}, SCALES, "0 grids"),
    "no index": ({"33UUU": (GRID, DAYS)}, {}, "0 indices"),
    "no day": ({"33UUU": (GRID, [])}, SCALES, "must be one"),
    "days falling": ({"33UUU": (GRID, DAYS[::-1])}, SCALES, "must rise"),
    "a day twice": ({"33UUU": (GRID, [DAYS[0], DAYS[0]])}, SCALES, "must rise"),
    "a path as a name": ({"../33UUU": (GRID, DAYS)}, SCALES, "cannot name a grid"),
}


@pytest.mark.parametrize("case", CANNOT_CREATE.values(), ids=CANNOT_CREATE.keys())
def test_what_cannot_be_created_leaves_nothing_behind(tmp_path, case):
    grids, scales, message = case
    with pytest.raises(CubeError, match=message):
        CubeStore.create(tmp_path / "cube.zarr", grids, scales)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(store):
    with pytest.raises(CubeError, match="exists"):
        CubeStore.create(store.path, {"33UUU": (GRID, DAYS)}, SCALES)


def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("mlbmi.cube.layout._add_array", fail)
    with pytest.raises(OSError, match="disk full"):
        CubeStore.create(tmp_path / "cube.zarr", {"33UUU": (GRID, DAYS)}, SCALES)
    assert list(tmp_path.iterdir()) == []


def test_opening_what_is_none(tmp_path, store):
    with pytest.raises(CubeError, match="not a cube"):
        CubeStore.open(tmp_path / "gone.zarr")
    (tmp_path / "file.zarr").write_text("x")
    with pytest.raises(CubeError, match="not a cube"):
        CubeStore.open(tmp_path / "file.zarr")
    (store.path / ".zattrs").write_text("{}")
    with pytest.raises(CubeError, match="not a cube"):
        CubeStore.open(store.path)


def test_a_layout_of_another_version(store):
    text = (store.path / ".zattrs").read_text()
    (store.path / ".zattrs").write_text(text.replace('"mlbmi:cube": 1', '"mlbmi:cube": 99'))
    (store.path / ".zmetadata").unlink()
    with pytest.raises(CubeError, match="layout 99"):
        CubeStore.open(store.path)


def test_places_that_do_not_exist(store):
    row = np.zeros((1, 40), dtype="float32")
    for write, message in [
        (lambda: store.write_rows("31UFU", "ndvi", 0, slice(0, 1), row), "no grid '31UFU'"),
        (lambda: store.write_rows("33UUU", "evi", 0, slice(0, 1), row), "no index 'evi'"),
        (lambda: store.write_rows("33UUU", "ndvi", 3, slice(0, 1), row), "no day number 3"),
        (lambda: store.write_rows("33UUU", "ndvi", -1, slice(0, 1), row), "no day number -1"),
        (lambda: store.write_rows("33UUU", "ndvi", 0, slice(50, 51), row), "do not fit"),
        (lambda: store.write_rows("33UUU", "ndvi", 0, slice(0, 1), row[:, :39]), "do not fit"),
        (lambda: store.read_day("33UUU", "ndvi", 3), "no day number 3"),
        (lambda: store.read("33UUU", "evi"), "no index 'evi'"),
        (lambda: store.select({"33UUU": [5]}, store.path.with_name("b.zarr")), "no day number 5"),
        (lambda: store.select({}, store.path.with_name("b.zarr")), "0 grids"),
    ]:
        with pytest.raises(CubeError, match=message):
            write()


def flipped(data):
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0x55]) + data[len(data) // 2 + 1 :]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:20], lambda data: data[: len(data) // 2], flipped], ids=["stub", "half", "a bit"]
)
def test_damaged_data_are_an_error(store, damage):
    store.write_rows("33UUU", "ndvi", 0, slice(0, 50), values(0))
    chunk = store.path / "33UUU" / "ndvi" / "0" / "0" / "0"
    data = chunk.read_bytes()
    chunk.write_bytes(damage(data))
    for read in (lambda: store.read_day("33UUU", "ndvi", 0), lambda: store.read("33UUU", "ndvi")):
        with pytest.raises(CubeError, match="ndvi on 33UUU cannot be read"):
            read()


def test_windows_are_written_and_read_as_the_whole_is(store):
    whole = values(5)
    for rows in (slice(0, 16), slice(16, 50)):
        for columns in (slice(0, 7), slice(7, 40)):
            store.write_rows("33UUU", "ndvi", 1, rows, whole[rows, columns], columns=columns)
    np.testing.assert_array_equal(decode(store.read_day("33UUU", "ndvi", 1)), whole)
    part = store.read("33UUU", "ndvi", rows=slice(10, 20), columns=slice(3, 30))
    np.testing.assert_array_equal(decode(part)[1], whole[10:20, 3:30])
    assert part["x"].to_numpy().tolist() == store.read("33UUU", "ndvi")["x"].to_numpy()[3:30].tolist()
    with pytest.raises(CubeError, match="columns 30:41, of 50 × 40"):
        store.write_rows("33UUU", "ndvi", 1, slice(0, 2), np.zeros((2, 11), "float32"), columns=slice(30, 41))
