"""Catalogues on disk: every form of them, broken ones, and never a request to the network."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from pathlib import Path

import pytest

from mlbmi.aoi import AOI
from mlbmi.catalogs import SearchResult, search
from mlbmi.errors import ConfigError, SearchError

AREA = AOI.from_bbox(13.0, 52.4, 13.1, 52.5)
AUGUST = {"start": dt.date(2023, 8, 1), "end": dt.date(2023, 8, 31)}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def catalog(*links, kind="Catalog"):
    return {
        "type": kind,
        "id": "x",
        "stac_version": "1.0.0",
        "description": "x",
        "links": [{"rel": rel, "href": href} for rel, href in links],
    }


def local(item, folder="."):
    for key, asset in item["assets"].items():
        asset["href"] = f"{folder}/{key}.tif"
    item["links"] = []
    return item


def days(found):
    return [scene.date.day for scene in found]


@pytest.fixture
def tree(tmp_path, make_item):
    """A catalogue of two collections and five items, one of them linked from both, with a link back to the root."""
    write(tmp_path / "catalog.json", catalog(("root", "./catalog.json"), ("child", "a/collection.json"), ("child", "./b/c.json")))
    write(
        tmp_path / "a/collection.json",
        catalog(("parent", "../catalog.json"), ("item", "1/1.json"), ("item", "2.json"), ("item", "3.json"), kind="Collection"),
    )
    write(
        tmp_path / "b/c.json",
        catalog(("child", "../catalog.json"), ("item", "../a/3.json"), ("item", "4.json"), ("item", "5.json")),
    )
    write(tmp_path / "a/1/1.json", local(make_item(day="2023-08-01")))
    write(tmp_path / "a/2.json", local(make_item(day="2023-08-02"), "files"))
    write(tmp_path / "a/3.json", local(make_item(day="2023-08-03")))
    write(tmp_path / "b/4.json", make_item("planetary-computer", day="2023-08-04"))
    write(tmp_path / "b/5.json", local(make_item(day="2023-08-05") | {"collection": "other-l2a"}))
    return tmp_path


@pytest.mark.parametrize("form", ["folder", "file", "text"])
def test_a_tree_is_walked_once(tree, form):
    where = {"folder": tree, "file": tree / "catalog.json", "text": str(tree)}[form]
    found = search(AREA, catalog=where, **AUGUST)
    assert days(found) == [1, 2, 3, 4, 5]
    assert found.left_out == ()
    assert (found.catalog, found.collection) == (str(where), None)
    assert found[0].assets["red"].href == str(tree / "a/1/red.tif")
    assert found[1].assets["red"].href == str(tree / "a/files/red.tif")
    assert found[3].assets["red"].href.startswith("https://data.example.com/")


def test_parts_of_a_tree_can_be_named(tree):
    assert days(search(AREA, catalog=tree / "a/collection.json", **AUGUST)) == [1, 2, 3]
    assert days(search(AREA, catalog=tree / "a/2.json", **AUGUST)) == [2]


def test_a_relative_path_gives_absolute_hrefs(tree, monkeypatch):
    monkeypatch.chdir(tree / "a")
    (scene,) = search(AREA, catalog="2.json", **AUGUST)
    assert scene.assets["red"].href == str(tree / "a/files/red.tif")


def test_a_collection_can_be_named_the_retired_one_too(tree):
    found = search(AREA, catalog=tree, collection="sentinel-2-l2a", **AUGUST)
    assert days(found) == [1, 2, 3, 4]
    assert [left.reason for left in found.left_out] == ["its collection is 'other-l2a', not 'sentinel-2-l2a'"]
    assert days(search(AREA, catalog=tree, collection="sentinel-s2-l2a-cogs", **AUGUST)) == [1, 2, 3, 4]


def test_saved_answers_are_read(tmp_path, make_item):
    items = [make_item(day="2023-08-01"), make_item(day="2023-08-02")]
    items[0]["assets"]["red"]["href"] = "../x/B04.tif"
    items[1]["assets"]["red"]["href"] = "B04.tif"
    items[1]["links"] = []
    for content in ({"type": "FeatureCollection", "features": items}, items):
        found = search(AREA, catalog=write(tmp_path / "answer.json", content), **AUGUST)
        assert days(found) == [1, 2]
        assert found[0].assets["red"].href == "https://stac.example.com/collections/sentinel-2-l2a/x/B04.tif"
        assert found[1].assets["red"].href == str(tmp_path / "B04.tif")


def test_broken_parts_are_left_out_by_name(tree):
    links = [
        ("item", "broken.json"),
        ("item", "absent.json"),
        ("item", "a"),
        ("child", "broken-child.json"),
        ("item", "text.json"),
        ("item", "/vsizip/x.json"),
        ("item", None),
        ("child", "a/collection.json"),
    ]
    write(tree / "broken.json", '{"type": "Feature", ')
    write(tree / "broken-child.json", "\x00")
    write(tree / "text.json", '"x"')
    write(tree / "catalog.json", catalog(*links))
    found = search(AREA, catalog=tree, **AUGUST)
    assert days(found) == [1, 2, 3]
    reasons = [(left.item_id, left.reason) for left in found.left_out]
    assert [item_id for item_id, _ in reasons] == ["?", "a", "absent", "broken", "broken-child", "catalog", "catalog"]
    text = " | ".join(reason for _, reason in reasons)
    for part in (
        "'x', not a STAC item",
        "no file 'a'",
        "no file 'absent.json'",
        "'broken.json' is not readable JSON",
        "virtual file",
    ):
        assert part in text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this platform")
def test_a_pipe_in_place_of_an_item_does_not_hang(tree):
    os.mkfifo(tree / "pipe.json")
    write(tree / "catalog.json", catalog(("item", "pipe.json"), ("item", "a/2.json")))
    found = search(AREA, catalog=tree, **AUGUST)
    assert (days(found), [left.item_id for left in found.left_out]) == ([2], ["pipe"])


def test_remote_links_are_not_followed_and_it_is_said(tree, caplog):
    write(tree / "catalog.json", catalog(("item", "https://stac.example.com/item.json"), ("item", "a/2.json")))
    with caplog.at_level(logging.WARNING, logger="mlbmi"):
        assert days(search(AREA, catalog=tree, **AUGUST)) == [2]
    assert "1 links to remote items are not followed" in caplog.text


def test_deeply_nested_json_is_left_out(tree):
    write(tree / "deep.json", "[" * 200_000 + "]" * 200_000)
    write(tree / "catalog.json", catalog(("item", "deep.json"), ("item", "a/2.json")))
    found = search(AREA, catalog=tree, **AUGUST)
    assert (days(found), [left.item_id for left in found.left_out]) == ([2], ["deep"])


@pytest.mark.parametrize("content", ["", "[1", '"x"', '{"type": "Thing"}', "\ud800".encode("utf-8", "surrogatepass")])
def test_a_root_that_is_no_stac_is_an_error(tmp_path, content):
    path = tmp_path / "catalog.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SearchError, match="catalog"):
        search(AREA, catalog=path, **AUGUST)


@pytest.mark.parametrize("where", ["no/such/catalog.json", "earthsearch", "", "."])
def test_a_missing_path_is_wrong_input_and_names_what_exists(tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="earth-search, earth-search-c1, planetary-computer, cdse") as caught:
        search(AREA, catalog=where, **AUGUST)
    assert caught.value.exit_code == 2


def test_the_result_is_a_sequence_that_describes_itself(tree):
    found = search(AREA, catalog=tree, **AUGUST)
    assert isinstance(found, SearchResult)
    assert len(found) == 5
    assert found[-1] == found.scenes[4]
    assert found[1:3] == found.scenes[1:3]
    assert found.scenes[2] in found
    assert repr(found).startswith("SearchResult: 5 scenes of 33UUU, 2023-08-01 to 2023-08-05, in '")
    nothing = search(AREA, catalog=tree, start=dt.date(2020, 1, 1), end=dt.date(2020, 1, 2))
    assert not nothing
    assert repr(nothing).endswith("5 left out")


@pytest.mark.realdata
def test_the_real_catalogue_on_disk(realdata):
    root = realdata / "real" / "earthsearch-v1-33TWL"
    found = search(AOI.from_bbox(15.4, 45.3, 15.9, 45.7), catalog=root, **AUGUST)
    assert [(str(s.date), s.orbit, s.cloud_cover) for s in found] == [
        ("2023-08-10", 79, 69.286209),
        ("2023-08-13", 122, 1.702489),
        ("2023-08-15", 79, 0.20399),
        ("2023-08-18", 122, 45.745239),
        ("2023-08-20", 79, 8.066346),
    ]
    facts = {(s.dialect, s.tile, s.epsg, s.baseline, s.sequence, s.offset_applied) for s in found}
    assert facts == {("earth-search-v1", "33TWL", 32633, "05.09", 0, True)}
    for scene in found:
        folder = root / "sentinel-2-l2a" / scene.item_id
        assert scene.assets["red"].href == str(folder / "B04.tif")
        assert {Path(scene.assets[band].href).is_file() for band in ("blue", "green", "red", "nir", "scl")} == {True}
        assert (scene.assets["red"].scale, scene.assets["red"].offset) == (0.0001, -0.1)
    assert found[4].datetime == dt.datetime(2023, 8, 20, 9, 58, 11, 72000, tzinfo=dt.UTC)
    clear = search(AOI.from_bbox(15.4, 45.3, 15.9, 45.7), catalog=root, cloud_cover=10, **AUGUST)
    assert days(clear) == [13, 15, 20]
    assert [left.reason for left in clear.left_out] == [
        "its cloud cover is 69.2862 %, and the limit is 10 %",
        "its cloud cover is 45.7452 %, and the limit is 10 %",
    ]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "kept", "left_out"),
    [
        ("stac/earthsearch-v0-doeberitz-search.json", 24, []),
        ("stac/earthsearch-v0-36MYB.json", 18, []),
        ("stac/earthsearch-v1-search-multiple-collections.json", 1, ["not Sentinel-2 L2A"]),
        ("stac/earthsearch-trimmed-b01-b09-only.json", 0, ["it lacks red, nir, scl"]),
        ("stac/planetary-computer-items.json", 4, []),
        ("stac/cdse-v1-item.json", 1, []),
        ("stac/sentinel2-extension-example.json", 1, []),
        ("real/sentinel-cogs-29RKH/S2A_29RKH_20200219_0_L2A.json", 1, []),
    ],
)
def test_every_recorded_file_is_searched(realdata, name, kept, left_out):
    found = search(
        AOI.from_bbox(-180, -90, 180, 90), start=dt.date(2015, 6, 23), end=dt.date(2026, 1, 1), catalog=realdata / name
    )
    assert len(found) == kept
    assert len(found.left_out) == len(left_out)
    assert all(left.reason.startswith(start) for left, start in zip(found.left_out, left_out, strict=True))


@pytest.mark.realdata
def test_the_founding_question_over_the_recorded_answer(realdata):
    """Two tiles see the reserve; each clear day gives one scene a tile."""
    found = search(
        AOI.from_file(realdata / "doeberitzer_multipolygon.geojson"),
        start=dt.date(2021, 10, 10),
        end=dt.date(2021, 10, 28),
        cloud_cover=1,
        catalog=realdata / "stac/earthsearch-v0-doeberitz-search.json",
    )
    assert [scene.item_id for scene in found] == [
        "S2A_32UQD_20211010_0_L2A",
        "S2A_33UUU_20211010_0_L2A",
        "S2B_32UQD_20211028_0_L2A",
        "S2B_33UUU_20211028_0_L2A",
    ]
    assert len(found.left_out) == 20
