"""`mlbmi download` as a whole: files over HTTP, the catalogue over them, a run without the server, damage, the cache."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mlbmi
from mlbmi.catalogs import search
from mlbmi.errors import ConfigError, InputError, NothingFoundError
from mlbmi.pipeline.downloading import download_scenes
from mlbmi.read import decide_offset
from mlbmi.simulate import DIALECT_NAMES, Recipe, build


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small(tiles=("33UUU",)))


@pytest.fixture
def remote(small, faults, published, tmp_path):
    """The simulation's files behind HTTP, and an answer of an API that names them there."""
    names = sorted(str(path.relative_to(small.folder)) for path in small.folder.rglob("S2*/*.tif"))
    with faults.FaultServer({f"/{name}": (small.folder / name).read_bytes() for name in names}) as server:
        server.catalog = published.write_answer(tmp_path / "answer.json", small.folder, server.url)
        yield server


@pytest.fixture
def call(tmp_path):
    def run(*words):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MLBMI_")}
        command = [sys.executable, "-m", "mlbmi", *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=clean | {"MLBMI_CACHE": "cache"}, check=False
        )

    return run


def question(small, catalog):
    return [small.aoi, "--start", "2020-01-01", "--end", "2022-12-31", "--catalog", catalog]


def clusters(folder):
    with (folder / "clusters.csv").open() as file:
        return list(csv.DictReader(file))


def test_download_then_map_without_the_server(small, remote, call, tmp_path):
    done = call("download", *question(small, remote.catalog), "--out", "scenes", "--json")
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    assert {file["state"] for file in files} == {"downloaded"}
    assert {file["band"] for file in files} == {"red", "nir", "scl"}
    assert all(
        file["path"].split("/")[1:3] == ["33UUU", "R20m" if file["band"] == "scl" else "R10m"]
        and file["path"].split("/")[-1] == f"{file['band']}.tif"
        for file in files
    )
    served = {file["href"].removeprefix(remote.url): file["path"] for file in files}
    assert all((tmp_path / "scenes" / path).read_bytes() == remote.files[name] for name, path in served.items())
    assert remote.sent() == sum(len(remote.files[name]) for name in served)

    before = len(remote.log)
    again = call("download", *question(small, remote.catalog), "--out", "scenes")
    assert again.returncode == 0
    assert f"{len(files)} present; 0 bytes received" in again.stdout
    assert len(remote.log) == before, "what is whole costs no request"

    remote.files.clear()
    quick = {"figures": False, "mode": ("images",), "n_clusters": 3}
    mlbmi.run(settings(small, catalog=str(tmp_path / "scenes/catalog.json"), out=tmp_path / "one", **quick))
    mlbmi.run(settings(small, out=tmp_path / "two", **quick))
    assert len(remote.log) == before
    assert clusters(tmp_path / "one") == clusters(tmp_path / "two")


def test_damage_and_loss_are_found_and_mended(small, remote, tmp_path):
    aoi, asked = mlbmi.AOI.from_file(small.aoi), settings(small, catalog=str(remote.catalog))
    folder = tmp_path / "scenes"
    with pytest.raises(NothingFoundError, match="nothing has been downloaded"):
        download_scenes(aoi, asked, out=folder, offline=True)
    assert {outcome.state for outcome in download_scenes(aoi, asked, out=folder, dry_run=True).outcomes} == {"missing"}
    assert len(remote.log) == 0
    paths = [outcome.wanted.path for outcome in download_scenes(aoi, asked, out=folder).outcomes]
    damaged, lost = (folder / path for path in paths[:2])
    times, content = damaged.stat(), damaged.read_bytes()
    damaged.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    os.utime(damaged, ns=(times.st_atime_ns, times.st_mtime_ns))  # rot leaves no trace
    lost.unlink()
    before = len(remote.log)
    offline = download_scenes(aoi, asked, out=folder, offline=True, verify=True)
    assert offline.exit_code == 4
    assert [outcome.wanted.path for outcome in offline.incomplete] == paths[:2]
    assert offline.set_aside == (Path(f"{damaged}.corrupt"),)
    assert len(remote.log) == before
    mended = download_scenes(aoi, asked, out=folder, verify=True)
    assert [outcome.wanted.path for outcome in mended.outcomes if outcome.state == "downloaded"] == paths[:2]
    assert damaged.read_bytes() == content


def test_some_failures_are_listed_with_exit_code_4(small, remote, call):
    gone = [name for name in remote.files if "/B04" in name or "red" in name.rpartition("/")[2]]
    for name in gone:
        del remote.files[name]
    done = call("download", *question(small, remote.catalog), "--out", "scenes", "--band", "red", "--band", "scl")
    assert done.returncode == 4
    assert "404" in done.stderr
    assert "Traceback" not in done.stderr
    assert call("download", *question(small, remote.catalog), "--out", "scenes", "--band", "red").returncode == 1


def test_the_cache_is_listed_and_pruned(small, remote, call, tmp_path):
    aoi, folder = mlbmi.AOI.from_file(small.aoi), tmp_path / "cache" / "assets"
    download_scenes(aoi, settings(small, catalog=str(remote.catalog)), bands=("scl",), out=folder)
    listed = json.loads(call("cache", "ls", "--json").stdout)["files"]
    assert listed
    assert all((folder / file["path"]).stat().st_size == file["on_disk"] for file in listed)
    done = call("cache", "prune", "--limit", sum(file["on_disk"] for file in listed) - 1)
    assert done.returncode == 0, done.stderr
    left = [file for file in listed if (folder / file["path"]).exists()]
    assert len(left) == len(listed) - 1
    assert len(search(aoi, **period(small), catalog=folder / "catalog.json", bands=())) == len(left)
    assert call("cache", "prune", "--limit", "much").returncode == 2


def period(simulation):
    return {"start": simulation.recipe.dates[0], "end": simulation.recipe.dates[-1]}


def settings(simulation, **changes):
    return mlbmi.RunConfig(**({"aoi": simulation.aoi, **period(simulation), "catalog": str(simulation.catalog)} | changes))


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
def test_the_catalogue_says_of_each_scene_what_its_source_said(dialect, tmp_path):
    recipe = Recipe.small(bounds=(13.05, 52.49, 13.06, 52.495), dialect=dialect, faults=(), tiles=("33UUU",))
    simulation = build(tmp_path / "simulation", recipe)
    aoi = mlbmi.AOI.from_file(simulation.aoi)
    result = download_scenes(aoi, settings(simulation), out=tmp_path / "scenes")
    assert result.exit_code == 0
    sources = search(aoi, **period(simulation), catalog=simulation.catalog)
    copies = search(aoi, **period(simulation), catalog=result.catalog)
    assert len(copies) == len(sources) > 0
    assert copies.left_out == ()
    for source, copy in zip(sources, copies, strict=True):
        kept = {band: dataclasses.replace(asset, href="", media_type="", checksum="") for band, asset in source.assets.items()}
        found = {band: dataclasses.replace(asset, href="", media_type="", checksum="") for band, asset in copy.assets.items()}
        assert found == {band: kept[band] for band in ("red", "nir", "scl")}
        assert dataclasses.replace(copy, assets=source.assets, footprint=source.footprint) == source
        assert copy.footprint.equals_exact(source.footprint, 1e-9)
        assert decide_offset(copy, "red") == decide_offset(source, "red")


def test_two_downloads_share_one_catalogue_and_it_is_its_own_source(small, tmp_path):
    aoi = mlbmi.AOI.from_file(small.aoi)
    download_scenes(aoi, settings(small), bands=("red",), out=tmp_path / "scenes")
    result = download_scenes(aoi, settings(small), bands=("nir", "scl"), out=tmp_path / "scenes")
    scenes = search(aoi, **period(small), catalog=result.catalog)
    assert scenes
    assert all(set(scene.assets) == {"red", "nir", "scl"} for scene in scenes)
    own = download_scenes(aoi, settings(small, catalog=str(result.catalog)), out=tmp_path / "scenes")
    assert {outcome.state for outcome in own.outcomes} == {"present"}
    assert result.catalog.read_text() == own.catalog.read_text()
    assert len(search(aoi, **period(small), catalog=result.catalog)) == len(scenes)


def test_mistakes_are_errors_in_words(small, tmp_path):
    aoi = mlbmi.AOI.from_file(small.aoi)
    with pytest.raises(InputError, match="'B04' is no band"):
        download_scenes(aoi, settings(small), bands=("B04",), out=tmp_path)
    with pytest.raises(ConfigError):
        download_scenes(aoi, settings(small, catalog="nowhere"), out=tmp_path)
    with pytest.raises(NothingFoundError):
        download_scenes(aoi, settings(small, start="2016-01-01", end="2016-01-02"), out=tmp_path)
