"""The dialects against real items: no word that the real catalogue does not use, none that readers need left out."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pystac
import pytest
import rasterio

from mlbmi.simulate import DIALECT_NAMES, Recipe, Simulation, build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    ReadItems = Callable[[Simulation], dict[str, tuple[dict[str, Any], Path]]]

_BOUNDS = (13.05, 52.49, 13.06, 52.495)
_DATES = (dt.date(2020, 8, 6), dt.date(2022, 6, 17))
_OWN_WORDS = {
    "earth-search-v1": set(),
    "earth-search-v0": {
        "sentinel:processing_baseline",
        "sentinel:boa_offset_applied",
    },  # there from 2022 on, the real file is of 2021
    "planetary-computer": set(),
    "cdse": set(),
}


@pytest.fixture(scope="module", params=DIALECT_NAMES)
def spoken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    recipe = Recipe.small(
        bounds=_BOUNDS, dates=_DATES, bands=("red", "nir", "rededge1"), dialect=request.param, faults=(), tiles=("33UUU",)
    )
    return build(tmp_path_factory.mktemp("dialect") / request.param, recipe)


def _real_items(realdata: Path, dialect: str) -> list[dict[str, Any]]:
    if dialect == "earth-search-v1":
        folder = realdata / "real/earthsearch-v1-33TWL/sentinel-2-l2a"
        return [json.loads(path.read_text()) for path in folder.glob("*/S2*.json")]
    if dialect == "earth-search-v0":
        found: list[dict[str, Any]] = json.loads((realdata / "stac/earthsearch-v0-doeberitz-search.json").read_text())["features"]
        return found
    if dialect == "planetary-computer":
        listed: list[dict[str, Any]] = json.loads((realdata / "stac/planetary-computer-items.json").read_text())
        return listed
    return [json.loads((realdata / "stac/cdse-v1-item.json").read_text())]


def _kinds(values: dict[str, Any]) -> dict[str, str]:
    """Name the JSON type of each value; integers and floats are both numbers."""
    return {key: "number" if type(value) in {int, float} else type(value).__name__ for key, value in values.items()}


@pytest.mark.realdata
def test_words_are_those_of_the_real_catalogue(spoken: Simulation, read_items: ReadItems, realdata: Path) -> None:
    dialect = spoken.recipe.dialect
    if dialect == "earth-search-c1":
        return  # no real item of Collection 1 is at hand: its own test below
    real_items = _real_items(realdata, dialect)
    real_words: dict[str, str] = {}
    real_assets: dict[str, dict[str, str]] = {}
    for real in real_items:
        real_words |= _kinds(real["properties"])
        for key, asset in real["assets"].items():
            real_assets[key] = real_assets.get(key, {}) | _kinds(asset)
    for item, _ in read_items(spoken).values():
        assert item["stac_version"] == real_items[0]["stac_version"]
        assert item["collection"] == real_items[0]["collection"]
        ours = _kinds(item["properties"])
        assert set(ours) - set(real_words) == _OWN_WORDS[dialect] & set(ours)
        assert {key: kind for key, kind in ours.items() if key in real_words} == {
            key: real_words[key] for key in ours if key in real_words
        }
        for key, asset in item["assets"].items():
            assert _kinds(asset) == {name: real_assets[key][name] for name in asset}, (
                f"asset {key} has fields, or types, that the real one has not"
            )
            if "eo:bands" in asset:
                assert set(asset["eo:bands"][0]) <= {
                    word for real in real_items for band in real["assets"][key]["eo:bands"] for word in band
                }


@pytest.mark.realdata
def test_ids_have_the_real_pattern(spoken: Simulation, read_items: ReadItems, realdata: Path) -> None:
    if spoken.recipe.dialect == "earth-search-c1":
        real_ids = ["S2B_T20EPT_20250731T131905_L2A"]
    else:
        real_ids = [item["id"] for item in _real_items(realdata, spoken.recipe.dialect)]

    def pattern(name: str) -> str:
        return "".join(
            "9" if letter.isdigit() else "A" if letter.isalpha() and letter not in "SMLT" else letter for letter in name
        )

    shapes = {len(pattern(name)) for name in real_ids}
    separators = {"".join(letter for letter in name if not letter.isalnum()) for name in real_ids}
    for name in read_items(spoken):
        assert len(name) in shapes
        assert "".join(letter for letter in name if not letter.isalnum()) in separators


def test_pixels_hold_the_offset_where_the_publisher_leaves_it(spoken: Simulation, read_items: ReadItems) -> None:
    leaves_it = {"earth-search-c1": (True, True), "cdse": (True, True), "planetary-computer": (False, True)}
    expected = leaves_it.get(spoken.recipe.dialect, (False, False))
    for item, folder in read_items(spoken).values():
        late = item["properties"]["datetime"] > "2022-01-25"
        key = {"planetary-computer": "B04", "earth-search-v0": "B04", "cdse": "B04_10m"}.get(spoken.recipe.dialect, "red")
        with rasterio.open(folder / item["assets"][key]["href"]) as file:
            red = file.read(1)
        true = spoken.true_reflectance("33UUU", _DATES[late], "red")
        added = float(np.median(red - true * 10_000))
        assert added == pytest.approx(1000 if expected[late] else 0, abs=60)


def test_metadata_state_the_offset_as_the_publisher_does(spoken: Simulation, read_items: ReadItems) -> None:
    for item, _ in read_items(spoken).values():
        properties, assets = item["properties"], item["assets"]
        late = properties["datetime"] > "2022-01-25"
        match spoken.recipe.dialect:
            case "earth-search-v1":
                assert properties["earthsearch:boa_offset_applied"] is late
                assert assets["red"]["raster:bands"][0]["offset"] == (-0.1 if late else 0)
                assert properties["s2:processing_baseline"] == ("04.00" if late else "02.14")
            case "earth-search-c1":
                assert assets["red"]["raster:bands"][0]["offset"] == -0.1
                assert not [word for word in properties if "offset" in word]
                assert properties["s2:processing_baseline"] == ("05.10" if late else "05.00")
            case "earth-search-v0":
                assert properties.get("sentinel:boa_offset_applied") is (True if late else None)
                assert properties.get("sentinel:processing_baseline") == ("04.00" if late else None)
                assert len(assets["B04"]["proj:transform"]) == 9
            case "planetary-computer":
                assert "offset" not in json.dumps(item)
                assert properties["s2:processing_baseline"] == ("04.00" if late else "02.14")
            case "cdse":
                assert assets["B04_10m"]["raster:offset"] == -0.1
                assert assets["B04_10m"]["proj:code"] == "EPSG:32633"
                assert not [word for word in properties if word.startswith("proj:")]


def test_pystac_reads_every_dialect(spoken: Simulation) -> None:
    catalog = pystac.Catalog.from_file(str(spoken.catalog))
    items = list(catalog.get_items(recursive=True))
    assert [item.datetime.date() for item in items if item.datetime] == list(_DATES)
    for item in items:
        hrefs = [asset.get_absolute_href() for key, asset in item.assets.items() if not key.endswith("-jp2")]
        for href in hrefs:
            assert href is not None
            rasterio.open(href).close()


def test_checksums_are_multihashes_of_the_files(spoken: Simulation, read_items: ReadItems) -> None:
    algorithms = {"1220": hashlib.sha256, "1620": hashlib.sha3_256}
    for item, folder in read_items(spoken).values():
        for asset in item["assets"].values():
            if "file:checksum" in asset:
                content = (folder / asset["href"]).read_bytes()
                assert asset["file:size"] == len(content)
                assert asset["file:checksum"][4:] == algorithms[asset["file:checksum"][:4]](content).hexdigest()
        stated = sum("file:checksum" in asset for asset in item["assets"].values())
        assert stated == (len(item["assets"]) if spoken.recipe.dialect in {"earth-search-c1", "cdse"} else 0)
