"""`mlbmi run` on a simulated year with composites, filled gaps, seasons and trends."""

from __future__ import annotations

import csv
import datetime as dt
import json

import numpy as np
import pytest
import rasterio
import xarray as xr

import mlbmi
from mlbmi.errors import ConfigError
from mlbmi.pipeline import courses
from mlbmi.settings import load_config
from mlbmi.simulate import Recipe, build


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    dates = tuple(dt.date(2020, 1, 9) + dt.timedelta(days=30 * number) for number in range(12))
    return build(tmp_path_factory.mktemp("simulation") / "year", Recipe.small(dates=dates, tiles=("33UUU",)))


def configure(simulation, out, **changes):
    settings = {
        "aoi": simulation.aoi,
        "start": "2020-01-01",
        "end": "2020-12-31",
        "catalog": str(simulation.catalog),
        "n_clusters": 4,
        "mode": ("timeseries",),
        "figures": False,
        "out": out,
    }
    return mlbmi.RunConfig(**(settings | changes))


FILLED = {"fill": "whittaker", "max_gap_days": 120.0, "keep_observed": False, "phenology": True, "trend": "plain"}


@pytest.fixture(scope="module")
def filled(year, tmp_path_factory):
    return mlbmi.run(configure(year, tmp_path_factory.mktemp("run") / "out", **FILLED))


def raster(path):
    with rasterio.open(path) as source:
        return source.read(1)


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read(out, store):
    return xr.open_zarr(out / f"{store}.zarr", group="mosaic", consolidated=True).load()


def test_the_store_holds_what_the_functions_make_of_the_cube(filled):
    cube, series = read(filled.out, "cube"), read(filled.out, "series")
    options = {"max_gap_days": 120, "keep_observed": False, "limits": (-1, 1)}
    expected = mlbmi.fill_gaps(cube["ndvi"], "whittaker", lam=filled.record.series[0]["options"]["lam"], **options)
    np.testing.assert_allclose(series["ndvi"], expected["ndvi"], atol=6e-5)
    marks = series["ndvi_filled"].to_numpy()
    assert np.array_equal(marks == 1, expected["filled"].to_numpy())
    assert (marks == 1).any()
    assert np.array_equal(np.isnan(marks), np.isnan(expected["ndvi"]))
    share = raster(filled.out / "mosaic" / "filled_share_ndvi.tif")
    np.testing.assert_array_equal(share, expected["filled_share"])
    seasons = mlbmi.phenology(expected["ndvi"])
    for name in ("start", "peak", "end", "amplitude", "integral"):
        found = raster(filled.out / "mosaic" / f"phenology_ndvi_2020_{name}.tif")
        np.testing.assert_allclose(found, seasons[name].sel(season=2020), atol=1e-3)
    assert np.isfinite(found).mean() > 0.1
    trend = mlbmi.trend(cube["ndvi"])
    np.testing.assert_allclose(raster(filled.out / "mosaic" / "trend_ndvi.tif"), trend["slope"], atol=1e-6)
    np.testing.assert_allclose(raster(filled.out / "mosaic" / "trend_ndvi_p.tif"), trend["p_value"], atol=1e-6)


def test_clusters_are_of_the_filled_series(filled):
    series = read(filled.out, "series")["ndvi"]
    labels = raster(filled.out / "mosaic" / "timeseries_ndvi_k4.tif")
    rows = [row for row in table(filled.out / "clusters.csv") if row["date"]]
    for row in rows:
        values = series.sel(time=row["date"]).to_numpy().squeeze()[labels == int(row["cluster"])]
        if np.isfinite(values).any():
            assert float(row["mean"]) == pytest.approx(np.nanmean(values), abs=1e-5)


def test_seasons_of_clusters_are_those_of_their_means(filled):
    series = read(filled.out, "series")["ndvi"]
    labels = xr.DataArray(raster(filled.out / "mosaic" / "timeseries_ndvi_k4.tif"), dims=("y", "x"))
    rows = table(filled.out / "phenology.csv")
    assert [row["cluster"] for row in rows] == ["0", "1", "2", "3"]
    for row in rows:
        mine = series.where((labels == int(row["cluster"])).to_numpy())
        found = mlbmi.phenology(mine.mean(("y", "x")).assign_coords(time=series["time"])).sel(season=2020)
        assert (row["amplitude"] == "") == bool(np.isnan(found["amplitude"]))
        if row["amplitude"]:
            assert float(row["amplitude"]) == pytest.approx(found["amplitude"].item(), abs=2e-4)
            assert abs((dt.date.fromisoformat(row["start"]) - dt.date(2019, 12, 31)).days - found["start"].item()) <= 1.1
    assert any(row["amplitude"] for row in rows)


def test_all_is_recorded(filled):
    record = json.loads((filled.out / "run.json").read_text())
    (series,) = record["series"]
    assert series["fill"] == "whittaker"
    assert series["options"]["lam"] > 0
    assert 0 < series["mean_filled_share"] < 1
    assert {f"mosaic/{name}.tif" for name in series["maps"]} | {"phenology.csv"} <= set(record["outputs"])


def test_windows_do_not_matter(year, filled, tmp_path, monkeypatch):
    monkeypatch.setattr(courses, "_WINDOW", (50, 70))
    fixed = FILLED | {"whittaker_lambda": filled.record.series[0]["options"]["lam"]}
    small = mlbmi.run(configure(year, tmp_path / "small", **fixed))
    xr.testing.assert_equal(read(small.out, "series"), read(filled.out, "series"))
    for name in filled.record.series[0]["maps"]:
        assert small.record.outputs[f"mosaic/{name}.tif"] == filled.record.outputs[f"mosaic/{name}.tif"]


def test_composites_with_figures(year, tmp_path):
    out, spring = tmp_path / "out", {"start": "2020-04-03", "end": "2020-07-20"}
    asked = {"composite": "MS", "composite_method": "max", "fill": "savgol", "phenology": True, "figures": True}
    result = mlbmi.run(configure(year, out, **spring, **asked))
    series, cube = read(out, "series"), read(out, "cube")
    assert series["time"].dt.month.to_numpy().tolist() == [4, 5, 6, 7]
    expected = mlbmi.composite(cube["ndvi"], "MS", "max", **spring)
    np.testing.assert_array_equal(series["ndvi_count"], expected["count"])
    seen = expected["count"].to_numpy() > 0
    np.testing.assert_allclose(series["ndvi"].to_numpy()[seen], expected["ndvi"].to_numpy()[seen], atol=6e-5)
    figures = out / "mosaic" / "figures"
    assert {"courses_ndvi.png", "phenology_ndvi_2020.png"} <= {path.name for path in figures.iterdir()}
    again = mlbmi.run(configure(year, out, **spring, overwrite=True))
    assert not (out / "series.zarr").exists()
    assert not (out / "phenology.csv").exists()
    assert again.record.series == ()
    assert result.record.series[0]["composite"] == "MS"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"whittaker_lambda": "100"}, "are of fill 'whittaker'; fill is 'none'"),
        ({"keep_observed": False, "fill": "linear"}, "keep_observed is off"),
        ({"composite_method": "max"}, "there is no composite"),
        ({"phenology": True}, "phenology needs gaps to be filled"),
        ({"composite": "month"}, "period is 'month'"),
        ({"max_gap_days": 0}, "max_gap_days"),
    ],
)
def test_settings_without_effect_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        load_config({"aoi": "a.geojson", "start": "2020-01-01", "end": "2020-02-01", **settings}, environment={})
