"""`mlbmi run` on the simulation, whose truth is known: accuracy, determinism, resuming, and what goes wrong."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest
import rasterio
from sklearn.metrics import adjusted_rand_score

import mlbmi
from mlbmi.errors import ConfigError, NothingFoundError, ReadError
from mlbmi.pipeline import execute, plan
from mlbmi.simulate import Recipe, build


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small())


@pytest.fixture
def own(small, tmp_path):
    """A copy that a test may break."""
    shutil.copytree(small.folder, tmp_path / "own")
    return tmp_path / "own"


def configure(simulation, out, **changes):
    dates = simulation.recipe.dates
    settings = {
        "aoi": simulation.aoi,
        "start": dates[0],
        "end": dates[-1],
        "catalog": str(simulation.catalog),
        "n_clusters": 4,
        "figures": False,
        "out": out,
    }
    return mlbmi.RunConfig(**(settings | changes))


def window(simulation, tile, raster):
    """Rows and columns of a tile's arrays of truth that an output raster on the same lattice covers."""
    origin = simulation.geobox(tile).affine
    column = round((raster.transform.c - origin.c) / 10)
    row = round((raster.transform.f - origin.f) / -10)
    assert raster.crs == simulation.geobox(tile).crs
    assert min(row, column) >= 0
    return slice(row, row + raster.height), slice(column, column + raster.width)


def files(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def finished(small, tmp_path_factory):
    return mlbmi.run(configure(small, tmp_path_factory.mktemp("run") / "out", figures=True))


def acquisitions(out):
    with (out / "acquisitions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_item_of_the_catalogue_is_accounted_for(small, finished):
    items = {path.stem for path in small.catalog.parent.rglob("S2*.json")}
    rows = acquisitions(finished.out)
    assert {row["item_id"] for row in rows} == items
    assert len(rows) == len(items)
    assert all(row["reason"] for row in rows if row["status"] != "used")


def test_known_faults_are_found_with_their_reasons(finished):
    rows = {row["item_id"]: row for row in acquisitions(finished.out)}
    reasons = [row["reason"] for row in rows.values() if row["status"] == "left out"]
    assert any("nir" in reason for reason in reasons), "the scene without its nir"
    assert any("no clear pixel" in reason for reason in reasons), "the clouded date"
    assert any("baseline" in reason or "sequence" in reason for reason in reasons), "the tile-day that comes twice"


def test_ndvi_is_true_where_the_ground_is_truly_seen(small, finished):
    """Error against the noise-free NDVI, over pixels that are truly clear: the sensor's noise is what remains."""
    errors = []
    used = [a.scene for a in finished.record.acquisitions if a.status == "used" and a.scene.tile == "33UUU"]
    assert len(used) >= 3
    for scene in used:
        with rasterio.open(finished.out / "mosaic" / f"ndvi_{scene.date}.tif") as raster:
            got = np.where(raster.read(1) == -32768, np.nan, raster.read(1) * 1e-4)
            where = window(small, scene.tile, raster)
        red = small.true_reflectance(scene.tile, scene.date, "red")[where].astype(float)
        nir = small.true_reflectance(scene.tile, scene.date, "nir")[where].astype(float)
        clear = small.clear_mask(scene.tile, scene.date)[where] & ~np.isnan(got)
        errors.append(np.abs(got - (nir - red) / (nir + red))[clear])
    errors = np.concatenate(errors)
    assert errors.size > 50_000
    assert np.median(errors) < 0.01
    assert np.percentile(errors, 99) < 0.08


def test_clusters_follow_the_true_classes_better_than_chance_by_far(small, finished):
    with rasterio.open(finished.out / "mosaic" / "timeseries_ndvi_k4.tif") as raster:
        labels = raster.read(1)
        where = window(small, "33UUU", raster)
    truth = small.truth_classes("33UUU")[0][where]
    assert adjusted_rand_score(truth[labels != 255], labels[labels != 255]) > 0.3


def test_the_same_run_gives_the_same_bytes(small, finished, tmp_path):
    again = mlbmi.run(configure(small, tmp_path / "out", workers=1, figures=True))
    assert again.record.outputs == finished.record.outputs
    assert again.record.fingerprint == finished.record.fingerprint


def test_tile_grids_are_each_tiles_own(small, tmp_path):
    result = mlbmi.run(configure(small, tmp_path / "out", grid="tile", mode=("images",)))
    for tile, epsg in (("33UUU", 32633), ("32UQD", 32632)):
        paths = list((result.out / tile).glob("ndvi_*.tif"))
        assert paths
        with rasterio.open(paths[0]) as raster:
            assert raster.crs.to_epsg() == epsg
    assert not (result.out / "mosaic").exists()


def test_float_index_files_on_request(small, tmp_path):
    result = mlbmi.run(configure(small, tmp_path / "out", index_dtype="float32", mode=("images",)))
    path = next((result.out / "mosaic").glob("ndvi_*.tif"))
    with rasterio.open(path) as raster:
        assert raster.dtypes == ("float32",)
        assert -1 <= np.nanmin(raster.read(1, masked=True)) <= np.nanmax(raster.read(1, masked=True)) <= 1


def test_several_indices(tmp_path_factory, tmp_path):
    simulation = build(
        tmp_path_factory.mktemp("bands") / "sim", Recipe.small(bands=("blue", "red", "nir", "rededge1", "nir08"), faults=())
    )
    result = mlbmi.run(configure(simulation, tmp_path / "out", index=("ndvi", "ndre", "evi"), n_clusters=3))
    names = set(result.record.outputs)
    assert {f"mosaic/timeseries_{index}_k3.tif" for index in ("ndvi", "ndre", "evi")} <= names


def test_dry_run_reads_no_pixel(own, small, tmp_path):
    """Planning succeeds on files cut off right behind their headers; running on them cannot."""
    cut = 0
    for path in own.rglob("*.tif"):
        if "truth" in path.parts:
            continue
        data = path.read_bytes()
        path.write_bytes(data[: _end_of_header(path)])
        cut += 1
    assert cut
    config = configure(small, tmp_path / "out", catalog=str(own / small.catalog.name))
    made = plan(config, measure=True)
    assert sum(len(day.scenes) for grid in made.grids for day in grid.days) >= 4
    assert made.bytes_expected > 0
    assert all(read.measured == read.files for read in made.reads)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ReadError, match="no scene could be read"):
        execute(made, config)
    assert not (tmp_path / "out").exists(), "nothing half-written"


def _end_of_header(path):
    """Offset of the first block of pixels, of any level: all before it is header."""
    found = []
    for level in (None, 0, 1, 2, 3):
        try:
            raster = rasterio.open(path) if level is None else rasterio.open(path, overview_level=level)
        except rasterio.errors.RasterioIOError:
            break
        with raster:
            offset = raster.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1)
            found += [int(offset)] if offset else []
    return min(found)


def test_an_unreadable_raster_is_listed_and_the_rest_goes_on(own, small, tmp_path):
    used = plan(configure(small, tmp_path / "out")).grids[0].days[0].scenes[0]
    victim = own / "x"
    for path in own.rglob("*.tif"):
        if path.parent.name == used.item_id and path.name == "B08.tif":
            victim = path
    victim.write_bytes(victim.read_bytes()[:3000])
    result = mlbmi.run(configure(small, tmp_path / "out", catalog=str(own / small.catalog.name)))
    assert result.exit_code == 4
    failed = [row for row in acquisitions(result.out) if row["status"] == "failed"]
    assert [row["item_id"] for row in failed] == [used.item_id]
    assert "nir" in failed[0]["reason"]
    assert not (result.out / "mosaic" / f"ndvi_{used.date}.tif").exists()


def test_a_killed_run_goes_on_where_it_was(small, finished, tmp_path, monkeypatch):
    from mlbmi.pipeline import days

    calls = []
    real = days.add_scene

    def stop_at_the_third(fused, scene, *rest, **options):
        calls.append(scene.item_id)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(fused, scene, *rest, **options)

    monkeypatch.setattr(days, "add_scene", stop_at_the_third)
    config = configure(small, tmp_path / "out", workers=1, figures=True)
    with pytest.raises(KeyboardInterrupt):
        mlbmi.run(config)
    assert (tmp_path / "out" / ".mlbmi-work").is_dir()
    assert not (tmp_path / "out" / "run.json").exists()

    finished_days = set(calls[:2])  # and perhaps one that the worker had begun before the news reached it
    calls.clear()
    monkeypatch.setattr(days, "add_scene", lambda *given, **options: (calls.append(given[1].item_id), real(*given, **options))[1])
    result = mlbmi.run(config)
    assert calls
    assert not finished_days & set(calls), "the two finished days are not read again"
    assert result.record.outputs == finished.record.outputs


@pytest.mark.parametrize("step", ["replace_folder", "cluster_and_write"])
def test_a_run_killed_after_reading_goes_on_as_well(step, small, tmp_path, monkeypatch):
    from mlbmi.pipeline import days, execution

    def stop(*_given, **_options):
        raise KeyboardInterrupt

    config = configure(small, tmp_path / "out", mode=("images",))
    with monkeypatch.context() as patched:
        patched.setattr(days if step == "replace_folder" else execution, step, stop)
        with pytest.raises(KeyboardInterrupt):
            mlbmi.run(config)
    monkeypatch.setattr(days, "add_scene", stop)  # nothing may be read again
    assert mlbmi.run(config).exit_code == 0
    assert (tmp_path / "out" / "cube.zarr").is_dir()


def test_another_runs_results_are_not_replaced_unasked(small, tmp_path):
    out = tmp_path / "out"
    mlbmi.run(configure(small, out, mode=("images",)))
    before = files(out)
    other = configure(small, out, mode=("images",), n_clusters=3)
    with pytest.raises(ConfigError, match="--overwrite"):
        mlbmi.run(other)
    assert files(out) == before
    result = mlbmi.run(other.model_copy(update={"overwrite": True}))
    left = set(files(out)) - set(result.record.outputs)
    assert all(name in ("run.json", "report.html") or name.startswith("cube.zarr/") for name in left), "nothing stale stays"


def test_nothing_found(small, tmp_path):
    config = configure(small, tmp_path / "out", start="2019-01-01", end="2019-02-01")
    with pytest.raises(NothingFoundError, match="2019-01-01") as caught:
        mlbmi.run(config)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_record_is_whole_and_true(finished):
    record = json.loads((finished.out / "run.json").read_text())
    assert record["config"]["n_clusters"] == 4
    assert record["versions"]["mlbmi"] == mlbmi.__version__
    for name, digest in record["outputs"].items():
        assert hashlib.sha256((finished.out / name).read_bytes()).hexdigest() == digest
    written = {str(path.relative_to(finished.out)) for path in finished.out.rglob("*") if path.is_file()}
    assert {name for name in written if not name.startswith("cube.zarr")} == {*record["outputs"], "run.json", "report.html"}
