"""Every recorded item of every file, replayed by a server on loopback that answers as a STAC API, against the JSON itself.

What is expected is taken from the raw JSON by a few lines for each file; `test_search_dialects` spells single items out by hand.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass

import pytest

from mlbmi.aoi import AOI
from mlbmi.catalogs import search
from mlbmi.read import decide_offset

pytestmark = pytest.mark.realdata

WORLD = AOI.from_bbox(-180, -90, 180, 90)
ALWAYS = {"start": dt.date(2015, 6, 23), "end": dt.date(2026, 12, 31)}
ESA = {
    "coastal": "B01",
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "rededge1": "B05",
    "rededge2": "B06",
    "rededge3": "B07",
    "nir": "B08",
    "nir08": "B8A",
    "nir09": "B09",
    "swir16": "B11",
    "swir22": "B12",
    "scl": "SCL",
}
CDSE = {
    "coastal": "B01_60m",
    "blue": "B02_10m",
    "green": "B03_10m",
    "red": "B04_10m",
    "rededge1": "B05_20m",
    "rededge2": "B06_20m",
    "rededge3": "B07_20m",
    "nir": "B08_10m",
    "nir08": "B8A_20m",
    "nir09": "B09_60m",
    "swir16": "B11_20m",
    "swir22": "B12_20m",
    "scl": "SCL_20m",
}
COMMON = {band: band for band in ESA}
BY_FLAG = "the item says that the offset has been applied to its files already"
STATED = "the asset states the offset -0.1"


@dataclass(frozen=True)
class File:
    """What a file of items must come to: how many scenes, dialect, baselines, and what is decided about the offset and why."""

    name: str
    scenes: int
    dialect: str
    keys: dict
    baselines: set
    offsets: set
    band: str = "red"


FILES = [
    File(
        "stac/earthsearch-v0-doeberitz-search.json",
        *(24, "earth-search-v0", ESA, {"03.01"}),
        {(0, "baseline", "processing baseline 03.01 has no offset", "")},
    ),
    File(
        "stac/earthsearch-v0-36MYB.json",
        *(18, "earth-search-v0", ESA, {"02.14"}),
        {(0, "baseline", "processing baseline 02.14 has no offset", "")},
    ),
    File(
        "stac/earthsearch-v1-search-multiple-collections.json",
        *(1, "earth-search-v1", COMMON, {"05.09"}),
        {(0, "boa_offset_applied", BY_FLAG, STATED)},
    ),
    File(
        "stac/earthsearch-trimmed-b01-b09-only.json",
        *(1, "earth-search-v0", ESA, {None}),
        {(0, "default", "no metadata state an offset; taken as none", "")},
        band="coastal",
    ),
    File(
        "stac/planetary-computer-items.json",
        *(4, "planetary-computer", ESA, {"05.10"}),
        {(-1000, "baseline", "processing baseline 05.10 has the offset -1000", "")},
    ),
    File("stac/cdse-v1-item.json", *(1, "cdse", CDSE, {"05.00"}), {(-1000, "raster:offset", STATED, "")}),
    File(
        "stac/sentinel2-extension-example.json",
        *(1, "planetary-computer", ESA, {"05.09"}),
        {(-1000, "baseline", "processing baseline 05.09 has the offset -1000", "")},
    ),
    File(
        "real/sentinel-cogs-29RKH/S2A_29RKH_20200219_0_L2A.json",
        *(1, "earth-search-v1", COMMON, {"02.14"}),
        {(0, "baseline", "processing baseline 02.14 has no offset", "")},
    ),
]


def raw_items(realdata, file):
    content = json.loads((realdata / file.name).read_text())
    items = content if isinstance(content, list) else content.get("features", [content])
    return [item for item in items if "landsat" not in item["collection"]]


def replay(realdata, file, fake_api, **question):
    """Serve a recorded answer, two items a page, and search the server."""
    content = json.loads((realdata / file.name).read_text())
    server = fake_api(content if isinstance(content, list) else content.get("features", [content]))
    try:
        return search(question.pop("aoi", WORLD), catalog=server.url, **{**ALWAYS, **question})
    finally:
        server.close()


def tile_of(item):
    """Return the tile in the item's id: after _T, or the second word of Earth Search's."""
    match = re.search(r"_T(\d{2}[A-Z]{3})_", item["id"]) or re.match(r"S2[AB]_(\d{1,2}[A-Z]{3})_", item["id"])
    return match[1].zfill(5)


def test_every_file_of_items_is_in_the_table(realdata):
    assert {f"stac/{path.name}" for path in (realdata / "stac").glob("*.json")} == {
        file.name for file in FILES if file.name.startswith("stac/")
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_item_replayed_by_a_server_is_the_scene_that_its_json_says(realdata, fake_api, file):
    items = {item["id"]: item for item in raw_items(realdata, file)}
    bands = () if file.band == "coastal" else ("red", "nir")
    found = replay(realdata, file, fake_api, bands=bands)
    scenes = [*found, *(left.scene for left in found.left_out if left.scene is not None)]
    assert {scene.item_id for scene in scenes} == set(items)
    assert len(scenes) == file.scenes
    for scene in scenes:
        item = items[scene.item_id]
        tile = tile_of(item)
        assert scene.datetime == dt.datetime.fromisoformat(item["properties"]["datetime"])
        assert (scene.tile, scene.epsg) == (tile, (32600 if tile[2] >= "N" else 32700) + int(tile[:2]))
        assert scene.cloud_cover == item["properties"].get("eo:cloud_cover")
        assert (scene.dialect, scene.collection) == (file.dialect, item["collection"])
        assert {band: asset.href for band, asset in scene.assets.items()} == {
            band: item["assets"][key]["href"] for band, key in file.keys.items() if key in item["assets"]
        }
    assert {scene.baseline for scene in scenes} == file.baselines


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_offset_that_is_decided_for_every_item_and_the_reason(realdata, fake_api, file):
    found = replay(realdata, file, fake_api, bands=())
    scenes = [*found, *(left.scene for left in found.left_out if left.scene is not None)]
    decided = [decide_offset(scene, file.band) for scene in scenes]
    assert {(made.add, made.source, made.reason, made.contradiction) for made in decided} == file.offsets


def test_the_static_catalogue_of_33twl(realdata):
    catalog = realdata / "real" / "earthsearch-v1-33TWL" / "catalog.json"
    found = search(WORLD, catalog=catalog, **ALWAYS)
    files = {path.stem: path for path in catalog.parent.rglob("S2*_L2A.json")}
    assert len(found) == len(files) == 5
    for scene in found:
        item = json.loads(files[scene.item_id].read_text())
        assert (scene.tile, scene.epsg, scene.baseline, scene.offset_applied) == ("33TWL", 32633, "05.09", True)
        assert scene.datetime == dt.datetime.fromisoformat(item["properties"]["datetime"])
        for band, name in (("red", "B04.tif"), ("nir", "B08.tif"), ("scl", "SCL.tif")):
            assert scene.assets[band].href == str(files[scene.item_id].with_name(name))
        made = decide_offset(scene, "red")
        assert (made.add, made.source, made.contradiction) == (0, "boa_offset_applied", STATED)


def test_what_is_not_sentinel2_in_a_replayed_answer_is_left_out_by_name(realdata, fake_api):
    (file,) = [file for file in FILES if "multiple" in file.name]
    found = replay(realdata, file, fake_api)
    assert [scene.item_id for scene in found] == ["S2A_13TDE_20231008_0_L2A"]
    (landsat,) = found.left_out
    assert landsat.item_id == "LC08_L2SP_033032_20231008_02_T1"
    assert landsat.reason.startswith("not Sentinel-2 L2A")


@pytest.mark.parametrize("limit", [0.5, 5, 60, 100])
def test_the_founding_documents_question_by_a_server_that_ignores_it(realdata, fake_api, limit):
    """Days and cloud limit over the reserve: the replay gives all 24 items whatever is asked, and plain Python says which."""
    file, first, last = FILES[0], "2021-10-08", "2021-10-28"
    heath = AOI.from_file(realdata / "doeberitzer_multipolygon.geojson")
    days = {"start": dt.date.fromisoformat(first), "end": dt.date.fromisoformat(last)}
    found = replay(realdata, file, fake_api, aoi=heath, cloud_cover=limit, **days)
    asked_for = {
        item["id"]
        for item in raw_items(realdata, file)
        if first <= item["properties"]["datetime"][:10] <= last and item["properties"]["eo:cloud_cover"] <= limit
    }
    assert {scene.item_id for scene in found} == asked_for
    assert {left.item_id for left in found.left_out} == {item["id"] for item in raw_items(realdata, file)} - asked_for
    assert asked_for or limit < 1
