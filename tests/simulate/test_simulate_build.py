"""The folder: whole or not at all, the same bytes twice, true COGs, a catalogue that tells the truth apart from its faults."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pystac
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate
from shapely.geometry import box, shape

from mlbmi.aoi import AOI
from mlbmi.errors import InputError, ReadError, WriteError
from mlbmi.sentinel2 import BANDS, SCL
from mlbmi.simulate import FAULTS, Recipe, Simulation, build, build_cached, cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    ReadItems = Callable[[Simulation], dict[str, tuple[dict[str, Any], Path]]]

_TINY: dict[str, Any] = {"bounds": (13.05, 52.49, 13.06, 52.495)}


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_builds_give_the_same_bytes(small_simulation: Simulation, tmp_path: Path) -> None:
    again = build(tmp_path / "again", Recipe.small())
    assert _hashes(again.folder) == _hashes(small_simulation.folder)


def test_another_seed_gives_another_land(small_simulation: Simulation, tmp_path: Path) -> None:
    other = build(tmp_path / "other", Recipe.small(seed=9, tiles=("33UUU",), dates=small_simulation.recipe.dates[:1]))
    ours, theirs = small_simulation.truth_classes("33UUU")[0], other.truth_classes("33UUU")[0]
    assert (ours != theirs).mean() > 0.3


def test_files_are_cogs_as_the_archives_hold_them(small_simulation: Simulation) -> None:
    bands = list(small_simulation.folder.glob("sentinel-2-l2a/*/*.tif"))
    assert len(bands) == 14 * 3 - 1  # 12 tile-days and two duplicates, less the missing asset
    for path in bands[::5]:
        valid, errors, _ = cog_validate(path, quiet=True)
        assert valid, errors
        with rasterio.open(path) as file:
            assert file.profile["tiled"]
            assert file.profile["compress"] == "deflate"
            assert file.nodata == 0
            assert file.dtypes[0] == ("uint8" if path.stem == "SCL" else "uint16")
            assert file.transform.a == (20 if path.stem == "SCL" else 10)


def test_large_rasters_have_blocks_of_1024_and_overviews(tmp_path: Path) -> None:
    from mlbmi.simulate.cogs import write_cog
    from mlbmi.simulate.tiles import Window

    window = Window("33UUU", 300_000, 5_900_040, 24_000, 12_000)
    pixels = np.arange(1200 * 2400, dtype=np.uint16).reshape(1200, 2400) % 4096 + 1
    write_cog(tmp_path / "band.tif", pixels, window, gsd=10)
    classes = (pixels[::2, ::2] % 12).astype(np.uint8)
    write_cog(tmp_path / "scl.tif", classes, window, gsd=20, categorical=True)
    with rasterio.open(tmp_path / "band.tif") as file:
        assert file.block_shapes == [(1024, 1024)]
        assert len(file.overviews(1)) >= 2
        np.testing.assert_array_equal(file.read(1), pixels)
    with rasterio.open(tmp_path / "scl.tif", overview_level=0) as file:
        assert set(np.unique(file.read(1))) <= set(range(12)), "an average of classes is no class"
    with pytest.raises(WriteError, match="1200 × 2400"):
        write_cog(tmp_path / "wrong.tif", pixels, window, gsd=20)


def test_items_describe_their_files(small_simulation: Simulation, read_items: ReadItems) -> None:
    items = read_items(small_simulation)
    assert len(items) == 14
    for name, (item, folder) in items.items():
        assert folder.name == name
        properties = item["properties"]
        with rasterio.open(folder / "SCL.tif") as file:
            scene = file.read(1)
        seen = scene[scene != SCL.NO_DATA]
        cloud = np.isin(seen, [8, 9, 10]).mean() * 100
        assert properties["eo:cloud_cover"] == pytest.approx(cloud, abs=1e-4)
        assert properties["s2:water_percentage"] == pytest.approx((seen == 6).mean() * 100, abs=1e-4)
        for key, asset in item["assets"].items():
            if key.endswith("-jp2"):
                assert asset["href"].startswith("s3://sentinel-s2-l2a/tiles/")
                continue
            with rasterio.open(folder / asset["href"]) as file:
                assert list(file.shape) == asset["proj:shape"]
                assert list(file.transform)[:6] == asset["proj:transform"]
                assert file.crs.to_epsg() == properties["proj:epsg"]
                corners = rasterio.warp.transform_bounds(file.crs, "OGC:CRS84", *file.bounds)
                assert shape(item["geometry"]).buffer(1e-3).contains(box(*corners).centroid)
                assert item["bbox"] == pytest.approx(shape(item["geometry"]).bounds, abs=1e-6)


def test_catalogue_is_read_by_pystac(small_simulation: Simulation) -> None:
    catalog = pystac.Catalog.from_file(str(small_simulation.catalog))
    items = list(catalog.get_items(recursive=True))
    assert len(items) == 14
    for item in items:
        assert item.datetime is not None
        assert item.collection_id == "sentinel-2-l2a"
        href = item.assets["red"].get_absolute_href()
        assert href is not None
        rasterio.open(href).close()


def test_january_2020_has_two_clear_days_and_the_others_are_clouded(small_simulation: Simulation, read_items: ReadItems) -> None:
    january = {
        (item["properties"]["datetime"][:10], item["properties"]["eo:cloud_cover"] < 1)
        for item, _ in read_items(small_simulation).values()
        if item["properties"]["datetime"].startswith("2020-01")
    }
    assert january == {("2020-01-09", False), ("2020-01-17", True), ("2020-01-24", True)}


def test_faults_are_as_the_table_says(small_simulation: Simulation, read_items: ReadItems) -> None:
    items = read_items(small_simulation)
    faults = small_simulation.faults
    assert set(faults) < set(items)
    without_nir = {name for name, (item, _) in items.items() if "nir" not in item["assets"]}
    assert without_nir == {name for name, words in faults.items() if words[0].startswith("missing asset")}
    assert len(without_nir) == 1
    doubled = [name for name in items if name.replace("_1_L2A", "_0_L2A") != name]
    assert sorted(doubled) == sorted(name for name, words in faults.items() if words[0].startswith("duplicate"))
    for name in doubled:
        item, folder = items[name]
        twin, twin_folder = items[name.replace("_1_L2A", "_0_L2A")]
        same = item["properties"]["s2:processing_baseline"] == twin["properties"]["s2:processing_baseline"]
        assert ((folder / "B04.tif").read_bytes() == (twin_folder / "B04.tif").read_bytes()) is same


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    days = ("2021-10-28", "2022-03-04", "2022-04-18", "2022-05-16", "2022-06-17", "2022-08-04")
    dates = tuple(dt.date.fromisoformat(day) for day in days)
    return build(tmp_path_factory.mktemp("faulty") / "all", Recipe.small(dates=dates, faults=FAULTS))


def _red(folder: Path) -> np.ndarray:
    with rasterio.open(folder / "B04.tif") as file:
        return file.read(1)[file.read(1) > 0]


def test_flags_are_wrong_where_the_table_says_and_right_elsewhere(faulty: Simulation, read_items: ReadItems) -> None:
    kinds = {words[0].split(":")[0] for words in faulty.faults.values()}
    assert kinds == {"duplicate", "split", "missing asset", "wrong flag", "unshifted", "missing flag"}
    for name, (item, folder) in read_items(faulty).items():
        flag = item["properties"].get("earthsearch:boa_offset_applied")
        baseline = item["properties"]["s2:processing_baseline"]
        words = " ".join(faulty.faults.get(name, ()))
        holds = (
            np.percentile(_red(folder), 1) > 1000
        )  # lakes and woods are darker than that in red unless the file holds the +1000
        assert holds == ("unshifted" in words)
        expected = None if "missing flag" in words else baseline >= "04.00" and "wrong flag" not in words
        assert flag is expected
        assert item["assets"]["red"]["raster:bands"][0]["offset"] == (-0.1 if baseline >= "04.00" else 0)


def test_a_split_day_is_whole_when_put_together(faulty: Simulation, read_items: ReadItems) -> None:
    parts = [read_items(faulty)[name][1] for name, words in faulty.faults.items() if words[0].startswith("split")]
    assert len(parts) == 2
    first, second = (rasterio.open(folder / "SCL.tif").read(1) > 0 for folder in parts)
    assert (first ^ second).all()


def test_clear_ndvi_is_the_true_one(small_simulation: Simulation, read_items: ReadItems) -> None:
    errors = []
    items = read_items(small_simulation)
    for item, folder in items.values():
        if "nir" not in item["assets"]:
            continue
        tile, day = item["properties"]["grid:code"][5:], dt.date.fromisoformat(item["properties"]["datetime"][:10])
        red, nir = (rasterio.open(folder / f"{name}.tif").read(1).astype(float) for name in ("B04", "B08"))
        true_red, true_nir = (small_simulation.true_reflectance(tile, day, band).astype(float) for band in ("red", "nir"))
        clear = small_simulation.clear_mask(tile, day)
        error = np.abs((nir - red) / (nir + red) - (true_nir - true_red) / (true_nir + true_red))
        errors.append(error[clear])
    together = np.concatenate(errors)
    assert together.size > 300_000
    assert 0.0003 < np.median(together) < 0.005
    assert np.percentile(together, 99) < 0.03


def test_truth_lies_on_the_files_grid(small_simulation: Simulation) -> None:
    for tile in small_simulation.recipe.tiles:
        classes, geobox = small_simulation.truth_classes(tile)
        path = next(small_simulation.folder.glob(f"sentinel-2-l2a/*{tile}*/B04.tif"))
        with rasterio.open(path) as file:
            assert file.shape == geobox.shape == classes.shape
            assert file.transform == geobox.affine
        assert small_simulation.geobox(tile, gsd=20).shape == (classes.shape[0] // 2, classes.shape[1] // 2)
        assert len(np.unique(classes)) == len(small_simulation.class_names)
        assert small_simulation.true_reflectance(tile, small_simulation.recipe.dates[0], "swir16").shape == (
            classes.shape[0] // 2,
            classes.shape[1] // 2,
        )
    assert AOI.from_file(small_simulation.aoi).mask(small_simulation.geobox("33UUU")).mean() > 0.3


def test_questions_about_what_is_not_there_are_refused(small_simulation: Simulation) -> None:
    with pytest.raises(InputError, match="33UVU"):
        small_simulation.truth_classes("33UVU")
    with pytest.raises(InputError, match="2020-02-02"):
        small_simulation.clear_mask("33UUU", dt.date(2020, 2, 2))
    with pytest.raises(InputError, match="B04"):
        small_simulation.true_reflectance("33UUU", small_simulation.recipe.dates[0], "B04")


def test_progress_counts_scenes(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    recipe = Recipe.small(**_TINY, dates=Recipe.small().dates[:2], faults=())
    build(tmp_path / "counted", recipe, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_taken_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WriteError, match="not an empty folder"):
        build(tmp_path, Recipe.small())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    from mlbmi.simulate import build as _  # noqa: F401 -- the function hides the module of its name

    module = sys.modules["mlbmi.simulate.build"]

    def fail(*_args: object) -> None:
        raise error

    monkeypatch.setattr(module, "write_catalog", fail)
    with pytest.raises(WriteError if isinstance(error, OSError) else KeyboardInterrupt):
        build(tmp_path / "never", Recipe.small(**_TINY, dates=Recipe.small().dates[:1]))
    assert list(tmp_path.iterdir()) == []


def test_a_scene_that_fails_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["mlbmi.simulate.build"]

    def fail(*_args: object, **_more: object) -> None:
        raise WriteError("B04.tif cannot be written")

    monkeypatch.setattr(module, "write_mask", fail)
    with pytest.raises(WriteError, match=r"B04\.tif"):
        build(tmp_path / "never", Recipe.small(**_TINY))
    assert list(tmp_path.iterdir()) == []


def test_cache_builds_once(tmp_path: Path) -> None:
    recipe = Recipe.small(**_TINY, dates=Recipe.small().dates[:1])
    calls: list[int] = []
    first = build_cached(recipe, cache=tmp_path, progress=lambda done, _total: calls.append(done))
    assert calls == [1, 2]
    second = build_cached(recipe, cache=tmp_path, progress=lambda done, _total: calls.append(done))
    assert calls == [1, 2]
    assert first == second
    assert first.folder == tmp_path / recipe.key


@pytest.mark.parametrize("damage", ["lost file", "short file", "lost manifest", "old format"])
def test_cache_builds_a_damaged_simulation_anew(tmp_path: Path, damage: str) -> None:
    recipe = Recipe.small(**_TINY, tiles=("33UUU",), dates=Recipe.small().dates[:1])
    whole = build_cached(recipe, cache=tmp_path)
    before = _hashes(whole.folder)
    band, manifest = next(whole.folder.rglob("B04.tif")), whole.folder / "simulation.json"
    if damage == "lost file":
        band.unlink()
    elif damage == "short file":
        band.write_bytes(band.read_bytes()[:-1])
    elif damage == "lost manifest":
        manifest.unlink()
    else:
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 0}))
    with pytest.raises(ReadError):
        Simulation.open(whole.folder)
    assert _hashes(build_cached(recipe, cache=tmp_path).folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [recipe.key, f"{recipe.key}.lock"]


def test_two_processes_share_one_build(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mlbmi.simulate import Recipe, build_cached\n"
        f"recipe = Recipe.small(bounds={_TINY['bounds']}, dates=Recipe.small().dates[:2])\n"
        f"built = []; build_cached(recipe, cache=Path({str(tmp_path)!r}), progress=lambda done, total: built.append(done))\n"
        "print(len(built))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    built = sorted(int(process.communicate(timeout=120)[0]) for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert built == [0, 4]


def test_cache_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLBMI_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "simulation"
    monkeypatch.delenv("MLBMI_CACHE")
    assert cache_folder().parts[-2:] == ("mlbmi", "simulation")


def test_bands_of_every_resolution_can_be_recorded(tmp_path: Path) -> None:
    recipe = Recipe.small(**_TINY, bands=tuple(BANDS), tiles=("33UUU",), dates=Recipe.small().dates[-1:], faults=())
    simulation = build(tmp_path / "bands", recipe)
    for path in simulation.folder.glob("sentinel-2-l2a/*/B*.tif"):
        band = next(band for band in BANDS.values() if band.esa == path.stem)
        with rasterio.open(path) as file:
            assert file.res == (band.gsd_m, band.gsd_m)
            assert file.shape == simulation.geobox("33UUU", gsd=band.gsd_m).shape
