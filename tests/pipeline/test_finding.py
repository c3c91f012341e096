"""The cloud limit on the area: judged as the run itself judges, applied with figures, and never by an outage."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rich.console import Console

import mlbmi
from mlbmi import terminal
from mlbmi.simulate import Recipe, build

CLEAR = (4, 5, 6, 7)
QUESTION = {"start": "2020-01-01", "end": "2022-12-31"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small())


@pytest.fixture(scope="module")
def aoi(small):
    return mlbmi.AOI.from_file(small.aoi)


def full_share(scene, aoi):
    """Count all pixels of the file, by rasterio and NumPy alone."""
    with rasterio.open(scene.assets["scl"].href) as raster:
        classes = raster.read(1)
        shape = rasterio.warp.transform_geom("OGC:CRS84", raster.crs, aoi.to_geojson())
        inside = rasterio.features.geometry_mask([shape], classes.shape, raster.transform, invert=True)
    values = classes[inside & (classes > 0)]
    return float(np.isin(values, CLEAR).mean()), values.size


def test_the_share_is_that_of_all_pixels_of_the_file(small, aoi):
    """The reserve has fewer pixels than samples are taken: equal to the last of them."""
    found = mlbmi.search(aoi, catalog=str(small.catalog), aoi_cloud_cover=100, **QUESTION)
    assert len(found) >= 6
    for scene in found:
        seen = found.clear[scene.item_id]
        assert (seen.share, seen.samples, seen.spacing_m) == (*full_share(scene, aoi), 20.0)


def test_it_is_the_runs_own_clear_share_where_the_scene_covers_the_area(small, aoi, tmp_path):
    """`acquisitions.csv` counts 10 m pixels, a sample stands for 20 m: they differ along the outline only."""
    result = mlbmi.run(
        mlbmi.RunConfig(
            aoi=small.aoi, catalog=str(small.catalog), figures=False, mode=("images",), out=tmp_path / "out", **QUESTION
        )
    )
    with (result.out / "acquisitions.csv").open(newline="") as file:
        shares = {row["item_id"]: float(row["clear_share"]) for row in csv.DictReader(file) if row["status"] == "used"}
    used = [a.scene for a in result.record.acquisitions if a.status == "used" and a.counts["nodata"] == 0]
    assert used
    looked = mlbmi.search(aoi, catalog=str(small.catalog), aoi_cloud_cover=100, **QUESTION).clear
    for scene in used:
        seen = looked[scene.item_id]
        on_outline = (
            4 * seen.samples**0.5 / seen.samples
        )  # a square's share of pixels along its sides; clouds fall there by chance
        assert seen.share == pytest.approx(shares[scene.item_id], abs=on_outline * (1 - seen.share) + 1e-3)


def test_scenes_above_the_limit_are_left_out_with_the_figures(small, aoi):
    every = mlbmi.search(aoi, catalog=str(small.catalog), aoi_cloud_cover=100, **QUESTION)
    unclear = sorted(100 * (1 - every.clear[scene.item_id].share) for scene in every)
    limit = unclear[3]  # that of a scene: the limit is inclusive
    found = mlbmi.search(aoi, catalog=str(small.catalog), aoi_cloud_cover=limit, **QUESTION)
    assert {scene.item_id for scene in found} == {
        scene.item_id for scene in every if 100 * (1 - every.clear[scene.item_id].share) <= limit
    }
    assert set(found.clear) == {scene.item_id for scene in every}
    (clouded,) = [left for left in found.left_out if left.item_id == "S2A_33UUU_20200109_0_L2A"]
    samples = every.clear[clouded.item_id].samples
    assert clouded.reason == f"100.0 % of the area is not clear, and the limit is {limit:g} % ({samples} samples 20 m apart)"
    assert len(found) + len(found.left_out) == len(every) + len(every.left_out)


def test_classes_to_keep_are_the_runs(small, aoi):
    cloudy = mlbmi.search(aoi, catalog=str(small.catalog), aoi_cloud_cover=50, scl_keep=(8, 9, 10), **QUESTION)
    assert {scene.date for scene in cloudy} == {dt.date(2020, 1, 9)}


def test_an_outage_is_no_cloud(small, aoi, tmp_path, caplog):
    shutil.copytree(small.folder, tmp_path / "own")
    (broken,) = (tmp_path / "own").rglob("S2A_33UUU_20200806_0_L2A/SCL.tif")
    broken.write_bytes(broken.read_bytes()[:100])
    found = mlbmi.search(aoi, catalog=str(tmp_path / "own" / small.catalog.name), aoi_cloud_cover=10, **QUESTION)
    assert "S2A_33UUU_20200806_0_L2A" in {scene.item_id for scene in found}
    seen = found.clear["S2A_33UUU_20200806_0_L2A"]
    assert seen.share is None
    assert "cannot be read" in seen.reason
    assert "S2A_33UUU_20200806_0_L2A: how clear the area is cannot be told, and it is kept" in caplog.text


def test_a_scene_without_data_in_the_area_is_left_out_as_such(small, aoi, tmp_path):
    shutil.copytree(small.folder, tmp_path / "own")
    (file,) = (tmp_path / "own").rglob("S2A_33UUU_20200806_0_L2A/SCL.tif")
    with rasterio.open(file) as raster:
        profile = raster.profile
    with rasterio.open(file, "w", **profile) as raster:
        raster.write(np.zeros((1, profile["height"], profile["width"]), dtype=np.uint8))
    found = mlbmi.search(aoi, catalog=str(tmp_path / "own" / small.catalog.name), aoi_cloud_cover=99, **QUESTION)
    reasons = {left.item_id: left.reason for left in found.left_out}
    assert reasons["S2A_33UUU_20200806_0_L2A"] == "it has no data inside the area"


def test_a_run_and_its_plan_obey_the_limit(small):
    config = mlbmi.RunConfig(aoi=small.aoi, catalog=str(small.catalog), aoi_cloud_cover=5, **QUESTION)
    made = mlbmi.plan(config)
    assert dt.date(2020, 1, 9) not in {day.date for grid in made.grids for day in grid.days}
    assert any("of the area is not clear" in left.reason for left in made.left_out)


@pytest.mark.parametrize("limit", [-1, 101, float("nan")])
def test_a_limit_that_is_no_percentage(small, aoi, limit):
    with pytest.raises(mlbmi.MlbmiError, match="aoi_cloud_cover"):
        mlbmi.search(aoi, catalog=str(small.catalog), aoi_cloud_cover=limit, **QUESTION)


def _shown(*words):
    command = [sys.executable, "-m", "mlbmi", "search", *map(str, words), "--start", "2020-01-01", "--end", "2022-12-31"]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=_environment()).stdout


def _environment():
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith("MLBMI_")} | {"COLUMNS": "80"}


def test_the_table_tells_of_each_item_whether_it_is_kept_and_why_not(small, aoi):
    every = mlbmi.search(aoi, catalog=str(small.catalog), **QUESTION)
    plain = _shown(small.aoi, "--catalog", small.catalog)
    assert "clear%" not in plain
    lines = [line.split() for line in plain.splitlines() if line.startswith(("kept ", "left "))]
    assert [line[-1] for line in lines if line[0] == "kept"] == [scene.item_id for scene in every]
    assert sorted(line[-1] for line in lines if line[0] == "left") == sorted(left.item_id for left in every.left_out)
    looked = _shown(small.aoi, "--catalog", small.catalog, "--clear")
    assert "clear%" in looked
    (line,) = [line for line in looked.splitlines() if "S2A_33UUU_20200109_0_L2A" in line]
    assert line.split()[:5] == ["kept", "2020-01-09", "33UUU", "100.0", "0.0"]


def test_the_table_fits_80_columns_with_every_id_and_reason_whole(small, aoi, monkeypatch):
    found = mlbmi.search(aoi, catalog=str(small.catalog), aoi_cloud_cover=20, **QUESTION)
    paper = io.StringIO()
    monkeypatch.setattr(terminal, "_out", lambda: Console(file=paper, width=80, highlight=False, markup=False))
    terminal.show_scenes(found, as_json=False)
    text = paper.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(line[42:].strip() for line in text.splitlines())
    for item in (*found, *found.left_out):
        assert item.item_id in words
    assert all(left.reason in words for left in found.left_out)


def test_json_tells_all(small, aoi):
    found = json.loads(_shown(small.aoi, "--catalog", small.catalog, "--aoi-cloud-cover", 20, "--json"))
    every = mlbmi.search(aoi, catalog=str(small.catalog), aoi_cloud_cover=20, **QUESTION)
    assert [scene["item_id"] for scene in found["scenes"]] == [scene.item_id for scene in every]
    for told in [*found["scenes"], *(left["scene"] for left in found["left_out"])]:
        assert {"datetime", "tile", "epsg", "platform", "baseline", "sequence", "orbit", "cloud_cover", "bbox", "assets"} <= set(
            told
        )
    clouded = [left for left in found["left_out"] if "of the area is not clear" in left["reason"]]
    assert {left["clear"]["share"] for left in clouded} == {0.0}
