"""Outliers of a whole run: out of the cube, out of the index files, counted, and dates left out with their reason."""

from __future__ import annotations

import csv
import datetime as dt
import shutil

import numpy as np
import pytest
import rasterio
import xarray as xr

import mlbmi
from mlbmi.simulate import Recipe, build

DATES = (
    "2020-01-17",
    "2020-04-21",
    "2020-05-08",
    "2020-06-02",
    "2020-08-06",
    "2021-02-15",
    "2021-06-02",
    "2022-03-04",
    "2022-06-17",
)


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    dates = tuple(map(dt.date.fromisoformat, DATES))
    return build(tmp_path_factory.mktemp("simulation") / "nine", Recipe.small(dates=dates, faults=()))


def run(simulation, out, **changes):
    dates = simulation.recipe.dates
    settings = {"aoi": simulation.aoi, "start": dates[0], "end": dates[-1], "catalog": str(simulation.catalog), "figures": False}
    return mlbmi.run(mlbmi.RunConfig(**(settings | {"mode": ("timeseries",), "n_clusters": 4, "out": out} | changes)))


def cube_of(result):
    return xr.open_zarr(result.out / "cube.zarr", group="mosaic", mask_and_scale=False).ndvi.load()


def rows_of(result):
    with (result.out / "acquisitions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def kept(simulation, tmp_path_factory):
    return run(simulation, tmp_path_factory.mktemp("kept") / "out", n_sig=0, outlier_dates="ignore")


@pytest.fixture(scope="module")
def screened(simulation, tmp_path_factory):
    return run(simulation, tmp_path_factory.mktemp("screened") / "out", n_sig=5)


def test_outliers_are_missing_and_counted_by_date(kept, screened):
    before, after = cube_of(kept), cube_of(screened)
    lost = (before != after).values
    assert lost.sum() > 1000
    assert (after.values[lost] == -32768).all(), "missing, never replaced"
    counted = {row["date"]: int(row["n_outlier_ndvi"]) for row in rows_of(screened) if row["n_outlier_ndvi"]}
    assert counted == dict(zip(map(str, after.time.values.astype("datetime64[D]")), lost.sum(axis=(1, 2)), strict=True))
    assert "n_outlier_ndvi" not in rows_of(kept)[0]


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_index_files_show_what_the_cube_holds(simulation, screened, tmp_path, dtype):
    result = screened if dtype == "int16" else run(simulation, tmp_path / "out", n_sig=5, index_dtype=dtype)
    cube = cube_of(result)
    for number, date in enumerate(map(str, cube.time.values.astype("datetime64[D]"))):
        with rasterio.open(result.out / "mosaic" / f"ndvi_{date}.tif") as file:
            values = file.read(1)
        if dtype == "int16":
            np.testing.assert_array_equal(values, cube[number])
        else:
            np.testing.assert_array_equal(np.isnan(values), cube[number] == -32768)
            np.testing.assert_allclose(np.nan_to_num(values), np.where(np.isnan(values), 0, cube[number] * 1e-4), atol=5.1e-5)


def test_threads_and_a_second_run_change_nothing(simulation, screened, tmp_path):
    again = run(simulation, tmp_path / "out", n_sig=5, workers=1)
    assert again.record.outputs == screened.record.outputs


def test_a_snowed_up_date_is_told_and_on_request_left_out(simulation, screened, tmp_path, caplog):
    found = {check["date"]: check for check in screened.record.quality["dates"]}
    assert found["2021-02-15"]["outlying"]
    assert not found["2021-02-15"]["left_out"]
    assert not any(found[date]["outlying"] for date in ("2020-06-02", "2020-08-06", "2021-06-02", "2022-06-17"))
    result = run(simulation, tmp_path / "out", outlier_dates="leave-out")
    (row,) = (row for row in rows_of(result) if row["date"] == "2021-02-15" and row["grid"])
    assert row["status"] == "left out"
    assert "below the dates around" in row["reason"]
    assert "left out" in caplog.text
    assert not (result.out / "mosaic" / "ndvi_2021-02-15.tif").exists()
    assert "2021-02-15" not in map(str, cube_of(result).time.values.astype("datetime64[D]"))
    assert not any("2021-02-15" in name for name in result.record.outputs)


@pytest.fixture
def shifted_simulation(simulation, tmp_path):
    """A copy in which the ground of one date lies 4 pixels too far south and 2 too far west."""
    folder = shutil.copytree(simulation.folder, tmp_path / "shifted")
    paths = [path for path in folder.rglob("*.tif") if "_20210602_" in str(path)]
    assert len(paths) == 6
    for path in paths:
        with rasterio.open(path) as file:
            values, profile, coarse = file.read(1), file.profile, file.res[0] == 20
        with rasterio.open(path, "w", **profile) as file:
            file.write(np.roll(values, (2, -1) if coarse else (4, -2), (0, 1)), 1)
    return folder


def test_a_date_beside_the_others_is_told_and_on_request_moved_back(simulation, kept, shifted_simulation, tmp_path, caplog):
    catalog = str(shifted_simulation / "catalog.json")
    told = run(simulation, tmp_path / "told", catalog=catalog, n_sig=0)
    shifts = {shift["date"]: shift for shift in told.record.quality["registration"]}
    assert (shifts["2021-06-02"]["south_m"], shifts["2021-06-02"]["east_m"]) == pytest.approx((40, -20), abs=1)
    assert shifts["2021-06-02"]["sure"]
    for date in ("2020-06-02", "2020-08-06", "2022-06-17"):
        assert (shifts[date]["south_m"], shifts[date]["east_m"]) == pytest.approx((0, 0), abs=1)
    assert "2021-06-02 lies 20 m too far west and 40 m too far south; --coregister" in caplog.text
    for dtype in ("int16", "float32"):
        back = run(simulation, tmp_path / dtype, catalog=catalog, n_sig=0, coregister=True, index_dtype=dtype)
        number = list(map(str, cube_of(back).time.values.astype("datetime64[D]"))).index("2021-06-02")
        got, true = cube_of(back).values[number], cube_of(kept).values[number]
        seen = (got != -32768) & (true != -32768)
        assert seen.sum() > 0.9 * (true != -32768).sum()
        np.testing.assert_array_equal(got[seen], true[seen])
        with rasterio.open(back.out / "mosaic" / "ndvi_2021-06-02.tif") as file:
            values = file.read(1)
        steps = got * (1 if dtype == "int16" else 1e-4)
        np.testing.assert_allclose(values[got != -32768], steps[got != -32768], atol=6e-5)


@pytest.mark.parametrize("step", ["publish", "renew_index_files", "report_coverage"])
def test_a_run_stopped_between_the_steps_ends_with_the_same_bytes(simulation, screened, tmp_path, monkeypatch, step):
    from mlbmi.pipeline import screening

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(screening, step, stop)
        with pytest.raises(KeyboardInterrupt):
            run(simulation, tmp_path / "out", n_sig=5)
    assert run(simulation, tmp_path / "out", n_sig=5).record.outputs == screened.record.outputs
