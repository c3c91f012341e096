"""A run with files fetched first, from clips, and from JPEG 2000: the same maps, byte for byte, and no request too many."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rio_cogeo import cog_validate

import mlbmi
from mlbmi.catalogs import search
from mlbmi.download import Store
from mlbmi.errors import NothingFoundError
from mlbmi.pipeline.downloading import download_scenes
from mlbmi.simulate import Recipe, build

MIDDLE = (13.045, 52.488, 13.058, 52.495)
EAST = (13.06, 52.488, 13.066, 52.495)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small())


@pytest.fixture
def remote(small, faults, published, tmp_path):
    names = sorted(str(path.relative_to(small.folder)) for path in small.folder.rglob("S2*/*.tif"))
    with faults.FaultServer({f"/{name}": (small.folder / name).read_bytes() for name in names}) as server:
        server.catalog = published.write_answer(tmp_path / "answer.json", small.folder, server.url)
        yield server


def area(path, bounds):
    west, south, east, north = bounds
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


@pytest.fixture
def configure(small, remote, tmp_path):
    def make(out, **changes):
        dates = small.recipe.dates
        settings = {
            "aoi": area(tmp_path / "middle.geojson", MIDDLE),
            "start": dates[0],
            "end": dates[-1],
            "catalog": str(remote.catalog),
            "n_clusters": 4,
            "figures": False,
            "out": tmp_path / out,
            "download_folder": tmp_path / "store",
        }
        return mlbmi.RunConfig(**(settings | changes))

    return make


def acquisitions(out):
    with (out / "acquisitions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_files_fetched_first_give_the_same_maps_and_a_second_run_sends_nothing(remote, configure, tmp_path):
    streamed = mlbmi.run(configure("streamed", download=False))
    assert not (tmp_path / "store").exists()
    fetched = mlbmi.run(configure("fetched", download=True))
    assert fetched.record.outputs == streamed.record.outputs
    assert fetched.record.fingerprint == streamed.record.fingerprint
    before = len(remote.log)
    again = mlbmi.run(configure("again", download=True))
    assert len(remote.log) == before
    used = mlbmi.run(configure("used"))
    assert len(remote.log) == before, "what lies there already is read there, unless --stream is given"
    remote.files.clear()
    offline = mlbmi.run(configure("offline", offline=True, catalog="earth-search"))
    assert len(remote.log) == before
    assert again.record.outputs == used.record.outputs == streamed.record.outputs
    maps = [{name: sha for name, sha in run.record.outputs.items() if name.endswith(".tif")} for run in (offline, streamed)]
    assert maps[0] == maps[1] != {}


def test_only_what_the_run_needs_is_fetched_whole_and_once(remote, configure, tmp_path):
    mlbmi.run(configure("out", download=True))
    store = Store(tmp_path / "store")
    rows = store.ledger.rows()
    assert {row.band for row in rows} == {"red", "nir", "scl"}
    assert {row.state for row in rows} == {"whole"}
    kept = {row["item_id"] for row in acquisitions(tmp_path / "out") if row["grid"]}
    assert {row.item_id for row in rows} == kept
    whole = sum(row.bytes for row in rows)
    headers = remote.sent() - whole
    assert 0 <= headers <= 300_000, "besides the files only headers travel"


@pytest.mark.parametrize("download", [False, True])
def test_a_file_that_cannot_be_had_costs_its_scene_and_is_recorded(remote, configure, download, monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    config = configure("out", download=download)
    used = mlbmi.plan(config).grids[0].days[0].scenes[0]
    gone = used.assets["nir"].href.removeprefix(remote.url)
    del remote.files[gone]
    result = mlbmi.run(config)
    assert result.exit_code == 4
    (failed,) = [row for row in acquisitions(config.out) if row["status"] == "failed"]
    assert failed["item_id"] == used.item_id
    assert "nir" in failed["reason"]
    assert "404" in failed["reason"]


def test_offline_without_a_download_is_one_sentence(configure):
    with pytest.raises(NothingFoundError, match="nothing has been downloaded"):
        mlbmi.run(configure("out", offline=True))


def test_the_command_line_runs_offline(remote, small, tmp_path):
    outline = area(tmp_path / "middle.geojson", MIDDLE)
    dates = ["--start", str(small.recipe.dates[0]), "--end", str(small.recipe.dates[-1]), "--cache", "store"]

    def call(*words):
        return subprocess.run(
            [sys.executable, "-m", "mlbmi", *map(str, words)], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    run = ["run", outline, *dates, "--no-figures", "--mode", "images", "--json"]
    done = call(*run, "--catalog", remote.catalog, "--download", "--out", "one")
    assert done.returncode == 0, done.stderr
    before = len(remote.log)
    offline = call(*run, "--offline", "--out", "two")
    assert offline.returncode == 0, offline.stderr
    assert json.loads(offline.stdout)["clusterings"] == json.loads(done.stdout)["clusterings"]
    assert json.loads(call("search", outline, *dates, "--offline", "--json").stdout)["scenes"]
    ledger = list(csv.DictReader(call("cache", "ls", "--out", "store", "--csv").stdout.splitlines()))
    assert all(row["state"] == "whole" and row["wanted"] == row["bytes"] == row["on_disk"] for row in ledger)
    assert {"attempts", "sha256", "error"} <= ledger[0].keys()
    assert len(remote.log) == before


def clips(configure, tmp_path, bounds=MIDDLE, **options):
    aoi = mlbmi.AOI.from_file(area(tmp_path / "wanted.geojson", bounds))
    return download_scenes(aoi, configure("unused"), out=tmp_path / "store", clip_margin_m=200, **options)


def test_clips_are_the_files_own_pixels(small, remote, configure, tmp_path, monkeypatch):
    monkeypatch.setenv("CPL_VSIL_CURL_NON_CACHED", "/vsicurl/")
    result = clips(configure, tmp_path)
    assert result.exit_code == 0
    assert {outcome.state for outcome in result.outcomes} == {"downloaded"}
    store, cut = Store(result.folder), 0
    for outcome in result.outcomes:
        row = store.ledger.get(outcome.wanted.path)
        column, line, width, height = map(int, row.window.split(","))
        source = small.folder / outcome.wanted.href.removeprefix(f"{remote.url}/")
        with rasterio.open(source) as whole, rasterio.open(store.file(row.path)) as clip:
            window = rasterio.windows.Window(column, line, width, height)
            np.testing.assert_array_equal(clip.read(1), whole.read(1, window=window))
            assert (clip.crs, clip.nodata, clip.dtypes) == (whole.crs, whole.nodata, whole.dtypes)
            assert clip.transform == whole.window_transform(window)
            cut += (height, width) < whole.shape
        assert cog_validate(store.file(row.path), strict=True, quiet=True)[0]
        assert row.state == "whole"
    assert cut > len(result.outcomes) / 2
    before = len(remote.log)
    assert {outcome.state for outcome in clips(configure, tmp_path).outcomes} == {"present"}
    assert {outcome.state for outcome in clips(configure, tmp_path, offline=True).outcomes} == {"present"}
    assert len(remote.log) == before


@pytest.mark.parametrize("grid", ["mosaic", "tile"])
def test_maps_from_clips_are_those_from_whole_files(remote, configure, tmp_path, grid):
    clips(configure, tmp_path)
    before = len(remote.log)
    run = mlbmi.run(configure("clips", offline=True, grid=grid, dilate_m=60))
    assert len(remote.log) == before
    whole = mlbmi.run(configure("whole", download=False, grid=grid, dilate_m=60))
    assert run.record.outputs.keys() == whole.record.outputs.keys()
    differ = {name for name in run.record.outputs if run.record.outputs[name] != whole.record.outputs[name]}
    assert not {name for name in differ if name != "acquisitions.csv"}, "the items that were never fetched are not listed"


def test_outside_its_clips_the_store_offers_nothing(small, configure, tmp_path):
    result = clips(configure, tmp_path)
    far = mlbmi.AOI.from_bbox(13.07, 52.488, 13.076, 52.495)
    period = {"start": small.recipe.dates[0], "end": small.recipe.dates[-1]}
    assert len(search(mlbmi.AOI.from_bbox(*MIDDLE), **period, catalog=result.catalog)) > 0
    assert len(search(far, **period, catalog=result.catalog)) == 0


def test_clips_grow_and_whole_files_take_their_place(configure, tmp_path):
    first = clips(configure, tmp_path)
    store = Store(first.folder)
    before = {row.path: row for row in store.ledger.rows()}
    second = clips(configure, tmp_path, bounds=EAST)
    grown = [row for row in store.ledger.rows() if row.path in before and row.window != before[row.path].window]
    assert grown
    assert {outcome.state for outcome in clips(configure, tmp_path).outcomes} == {"present"}
    assert second.exit_code == 0
    aoi = mlbmi.AOI.from_bbox(*MIDDLE)
    assert {o.state for o in download_scenes(aoi, configure("x"), out=store.root, offline=True).outcomes} == {"missing"}
    whole = download_scenes(aoi, configure("x"), out=store.root)
    assert {outcome.state for outcome in whole.outcomes} == {"downloaded"}
    assert all(not store.ledger.get(outcome.wanted.path).window for outcome in whole.outcomes)
    assert {outcome.state for outcome in clips(configure, tmp_path).outcomes} == {"present"}


def test_files_in_a_bucket_are_fetched_first_as_well(small, remote, configure, published, tmp_path, monkeypatch):
    """A public bucket of S3, its name in the path; signing is tested with access."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_S3_ENDPOINT", remote.url)
    remote.files |= {f"/scenes{name}": content for name, content in remote.files.items()}
    answer = published.write_answer(tmp_path / "s3.json", small.folder, "s3://scenes")
    streamed = mlbmi.run(configure("streamed", download=False))
    before = len(remote.log)
    fetched = mlbmi.run(configure("fetched", catalog=str(answer), download=True))
    asked = [entry.path for entry in remote.log[before:]]
    assert asked
    assert all(path.startswith("/scenes/") for path in asked)
    maps = [{name: sha for name, sha in run.record.outputs.items() if name.endswith(".tif")} for run in (streamed, fetched)]
    assert maps[0] == maps[1] != {}
    assert all(row.href.startswith("s3://scenes/") for row in Store(tmp_path / "store").ledger.rows())


@pytest.fixture
def jpeg2000(small, file_server, published, tmp_path):
    """The simulation's files as lossless JPEG 2000 behind nginx."""
    folder = tmp_path / "jp2"
    for path in small.folder.rglob("S2*/*.tif"):
        copy = folder / path.relative_to(small.folder).with_suffix(".jp2")
        copy.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(path) as source:
            options = {"QUALITY": "100", "REVERSIBLE": "YES"} | ({"NBITS": 15} if source.dtypes[0] == "uint16" else {})
            shape = {"height": source.height, "width": source.width, "count": 1, "dtype": source.dtypes[0]}
            place = {"crs": source.crs, "transform": source.transform}
            with rasterio.open(copy, "w", driver="JP2OpenJPEG", **options, **shape, **place) as target:
                target.write(source.read(1), 1)
    server = file_server(folder)
    answer = published.write_answer(tmp_path / "jp2.json", small.folder, server.url, change=_as_jpeg2000)
    return server, answer


def _as_jpeg2000(item):
    for asset in item["assets"].values():
        if asset["href"].endswith(".tif"):
            asset |= {"href": asset["href"].removesuffix(".tif") + ".jp2", "type": "image/jp2"}
        asset.pop("file:checksum", None)
        asset.pop("file:size", None)
    return item


@pytest.mark.server
def test_jpeg_2000_is_fetched_whole_where_that_costs_less(jpeg2000, configure, tmp_path):
    server, answer = jpeg2000
    plain = mlbmi.run(configure("plain", download=False))
    whole = mlbmi.run(configure("whole", catalog=str(answer)))
    maps = [{name: sha for name, sha in run.record.outputs.items() if name.endswith(".tif")} for run in (plain, whole)]
    assert maps[0] == maps[1] != {}
    rows = Store(tmp_path / "store").ledger.rows()
    assert {row.state for row in rows} == {"whole"}
    assert all(row.path.endswith(".jp2") and row.path.split("/")[2] in {"R10m", "R20m"} for row in rows)
    server.clear_log()
    again = mlbmi.run(configure("again", catalog=str(answer)))
    assert server.log() == []
    assert again.record.outputs == whole.record.outputs
    streamed = mlbmi.run(configure("streamed", catalog=str(answer), download=False, download_folder=tmp_path / "none"))
    assert {entry.status for entry in server.log() if entry.method == "GET"} == {206}
    assert not (tmp_path / "none").exists()
    assert streamed.record.outputs == whole.record.outputs
