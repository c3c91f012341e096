"""Searching a real STAC API: PostgreSQL, PostGIS and pgstac behind stac-fastapi, holding items of every dialect."""

from __future__ import annotations

import copy
import datetime as dt
import json

import pytest
import requests

from mlbmi.aoi import AOI
from mlbmi.catalogs import search
from mlbmi.errors import SearchError

pytestmark = pytest.mark.server

AREA = AOI.from_bbox(13.0, 52.4, 13.1, 52.5)
YEAR = {"start": dt.date(2023, 1, 1), "end": dt.date(2023, 12, 31)}
FIRST = dt.date(2023, 1, 1)
DAYS = [FIRST + dt.timedelta(days=3 * n) for n in range(80)]
CLOUDS = {day: (7 * number) % 100 for number, day in enumerate(DAYS)}
DIALECTS = ("earth-search-v1", "planetary-computer", "cdse")


@pytest.fixture(scope="session")
def loaded(stac_api, stac_items):
    """80 dates in three dialects in turn, each over two tiles; duplicates; a far tile; v0 and c1 in their own collections."""
    make = stac_items.make_item
    items = []
    for number, day in enumerate(DAYS):
        dialect, cloud = DIALECTS[number % 3], float(CLOUDS[day])
        items += [make(dialect, tile=tile, day=str(day), cloud=cloud) for tile in ("33UUU", "32UQD")]
    for day in DAYS[0:9:3]:  # days of Earth Search: a second item with a higher sequence number
        items.append(make("earth-search-v1", day=str(day), cloud=float(CLOUDS[day]), sequence=1))
    items.append(make("earth-search-v1", tile="33TWL", day="2023-06-01", cloud=0.0))
    items += [make("earth-search-v0", day=f"2021-10-{day}", baseline="03.01") for day in (10, 20, 30)]
    items += [make("earth-search-c1", day=f"2024-02-{day}") for day in (10, 20)]
    stac_api.load(items)
    return stac_api


def on(found):
    return [(scene.date, scene.tile) for scene in found]


def expected(days):
    return [(day, tile) for day in days for tile in ("32UQD", "33UUU")]


def test_all_pages_of_every_dialect_are_found(loaded):
    found = search(AREA, catalog=loaded.url, collection="sentinel-2-l2a", **YEAR)
    assert on(found) == expected(DAYS)
    assert {scene.dialect for scene in found} == set(DIALECTS)
    assert all(scene.dialect == DIALECTS[DAYS.index(scene.date) % 3] for scene in found)
    assert {(scene.tile, scene.epsg) for scene in found} == {("33UUU", 32633), ("32UQD", 32632)}
    assert all(scene.cloud_cover == CLOUDS[scene.date] for scene in found)
    assert all({"red", "nir", "scl"} <= set(scene.assets) for scene in found)


def test_the_question_takes_more_than_one_page(loaded):
    """The 163 items of the year do not fit the page of 100 that is asked for, or the test above shows nothing."""
    body = {"limit": 100, "collections": ["sentinel-2-l2a"], "intersects": AREA.to_geojson()}
    page = requests.post(f"{loaded.url}/search", json=body, timeout=30).json()
    assert len(page["features"]) == 100
    assert any(link["rel"] == "next" for link in page["links"])


def test_duplicates_come_from_the_server_and_one_is_kept(loaded):
    found = search(AREA, catalog=loaded.url, collection="sentinel-2-l2a", **YEAR)
    doubled = [scene for scene in found if scene.sequence == 1]
    assert on(doubled) == [(day, "33UUU") for day in DAYS[0:9:3]]
    assert {left.item_id for left in found.left_out} == {f"S2B_33UUU_{day:%Y%m%d}_0_L2A" for day in DAYS[0:9:3]}
    assert all("its sequence number 1 is higher than 0" in left.reason for left in found.left_out)


def test_days_are_inclusive(loaded):
    found = search(AREA, catalog=loaded.url, collection="sentinel-2-l2a", start=DAYS[10], end=DAYS[12])
    assert on(found) == expected(DAYS[10:13])
    found = search(AREA, catalog=loaded.url, start=DAYS[10] + dt.timedelta(days=1), end=DAYS[11] - dt.timedelta(days=1))
    assert (found.scenes, found.left_out) == ((), ())


@pytest.mark.parametrize("limit", [0, 20, 49, 100])
def test_the_cloud_limit_is_applied_by_the_server_and_inclusive(loaded, limit):
    found = search(AREA, catalog=loaded.url, collection="sentinel-2-l2a", cloud_cover=limit, **YEAR)
    assert on(found) == expected([day for day in DAYS if CLOUDS[day] <= limit])
    assert not any("cloud" in left.reason for left in found.left_out), "the server has left them out itself"


def test_only_what_shows_the_area_is_found(loaded):
    south = AOI.from_bbox(15.5, 45.5, 15.6, 45.6)
    assert on(search(south, catalog=loaded.url, **YEAR)) == [(dt.date(2023, 6, 1), "33TWL")]
    only_33 = AOI.from_bbox(13.65, 52.4, 13.69, 52.5)  # east of 32UQD, whose footprint ends at 13.6
    assert {tile for _, tile in on(search(only_33, catalog=loaded.url, **YEAR))} == {"33UUU"}
    touching = AOI.from_bbox(13.7, 52.4, 14.0, 52.5)  # shares an edge with 33UUU, no area: PostGIS says that it intersects
    found = search(touching, catalog=loaded.url, **YEAR)
    assert len(found) == 0
    assert {left.reason for left in found.left_out} == {"its footprint does not cover any of the area"}
    assert len(search(AOI.from_bbox(-60, -20, -59, -19), catalog=loaded.url, **YEAR)) == 0


def test_an_outline_of_two_parts_is_searched_as_such(loaded):
    two = AOI.from_geojson(
        {
            "type": "MultiPolygon",
            "coordinates": [AREA.to_geojson()["coordinates"], AOI.from_bbox(15.5, 45.5, 15.6, 45.6).to_geojson()["coordinates"]],
        }
    )
    found = search(two, catalog=loaded.url, start=dt.date(2023, 6, 1), end=dt.date(2023, 6, 3))
    assert {scene.tile for scene in found} == {"33TWL", "33UUU", "32UQD"}


def test_collections_are_kept_apart(loaded):
    wide = {"start": dt.date(2015, 7, 1), "end": dt.date(2025, 1, 1)}
    v0 = search(AREA, catalog=loaded.url, collection="sentinel-s2-l2a-cogs", **wide)
    assert [str(scene.date) for scene in v0] == ["2021-10-10", "2021-10-20", "2021-10-30"]
    assert {(scene.dialect, scene.baseline, scene.offset_applied) for scene in v0} == {("earth-search-v0", "03.01", None)}
    c1 = search(AREA, catalog=loaded.url, collection="sentinel-2-c1-l2a", **wide)
    assert {(scene.dialect, scene.baseline) for scene in c1} == {("earth-search-c1", "05.09")}
    assert len(search(AREA, catalog=loaded.url, **wide)) == 160 + 3 + 2


def test_an_area_across_the_180th_meridian_is_found_on_both_sides(stac_api, stac_items, monkeypatch):
    monkeypatch.setattr(stac_items, "EPSG", {"60KYG": 32760, "01KAB": 32701, "33UUU": 32633})
    boxes = {"60KYG": (179.0, -18.0, 180.0, -16.0), "01KAB": (-180.0, -18.0, -179.0, -16.0), "33UUU": (12.1, 52.2, 13.7, 53.2)}
    items = [stac_items.make_item(tile=tile, box=box) | {"collection": "fiji"} for tile, box in boxes.items()]
    stac_api.load(items)
    area = AOI.from_bbox(179.5, -17, -179.5, -16.5)
    found = search(area, catalog=stac_api.url, collection="fiji", **YEAR)
    assert ([scene.tile for scene in found], found.left_out) == (["01KAB", "60KYG"], ())


def test_filters_are_applied_to_what_the_server_gives(loaded):
    question = {"catalog": loaded.url, "collection": "sentinel-2-l2a", **YEAR}
    assert on(search(AREA, tiles=["32UQD"], **question)) == [(day, "32UQD") for day in DAYS]
    found = search(AREA, platforms=["sentinel-2a"], **question)
    assert (len(found), len(found.left_out)) == (0, 163)
    assert {left.reason for left in found.left_out} == {"its satellite is sentinel-2b, and sentinel-2a is asked for"}
    assert len(search(AREA, baseline="05.09", **question)) == 160
    assert len(search(AREA, baseline="05.10", **question)) == 0


def test_a_collection_that_is_not_there_gives_nothing(loaded):
    assert len(search(AREA, catalog=loaded.url, collection="sentinel-9", **YEAR)) == 0


def test_an_address_on_the_server_that_is_no_api_is_an_error(loaded):
    with pytest.raises(SearchError, match="HTTP 404"):
        search(AREA, catalog=f"{loaded.url}/nowhere", **YEAR)


@pytest.mark.realdata
def test_recorded_items_and_copies_of_them_survive_the_server(stac_api, realdata):
    """What publishers really write, stored by pgstac and read back, gives the same scenes as the recorded files."""
    names = ("earthsearch-v0-doeberitz-search", "planetary-computer-items", "cdse-v1-item", "sentinel2-extension-example")
    items = []
    for name in names:
        content = json.loads((realdata / "stac" / f"{name}.json").read_text())
        recorded = content if isinstance(content, list) else content.get("features", [content])
        items += [item | {"collection": f"recorded-{name}"} for item in recorded]
    for year in (2018, 2019, 2020):  # copies of the 24 items, other years
        for item in [item for item in items if "v0" in item["collection"] and "2021" in item["id"]]:
            item = copy.deepcopy(item)  # noqa: PLW2901
            item["id"] = item["id"].replace("2021", str(year))
            item["properties"]["datetime"] = item["properties"]["datetime"].replace("2021", str(year))
            items.append(item)
    stac_api.load(items)
    world = AOI.from_bbox(-180, -90, 180, 90)
    for name in names:
        collection = f"recorded-{name}"
        mine = [item for item in items if item["collection"] == collection]
        path = realdata / "stac" / f"{name}.json"
        served = search(world, catalog=stac_api.url, collection=collection, start=dt.date(2015, 7, 1), end=dt.date(2025, 1, 1))
        assert len(served) == len(mine)
        read = {scene.item_id: scene for scene in search(world, catalog=path, start=dt.date(2015, 7, 1), end=dt.date(2025, 1, 1))}
        for scene in served:
            if scene.item_id in read:
                assert facts(scene) == facts(read[scene.item_id])
    heath = AOI.from_file(realdata / "doeberitzer_multipolygon.geojson")
    october = {"start": dt.date(2019, 10, 10), "end": dt.date(2019, 10, 28), "cloud_cover": 1}
    found = search(heath, catalog=stac_api.url, collection=f"recorded-{names[0]}", **october)
    assert [scene.item_id for scene in found] == [
        "S2A_32UQD_20191010_0_L2A",
        "S2A_33UUU_20191010_0_L2A",
        "S2B_32UQD_20191028_0_L2A",
        "S2B_33UUU_20191028_0_L2A",
    ]


def facts(scene):
    names = "item_id dialect datetime tile epsg platform baseline sequence orbit cloud_cover offset_applied"
    return [*(getattr(scene, name) for name in names.split()), dict(scene.assets), scene.footprint.area]
