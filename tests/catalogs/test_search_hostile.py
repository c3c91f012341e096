"""What a catalogue says is foreign: each rule has an item that breaks it, and a broken item never ends a search."""

from __future__ import annotations

import copy
import datetime as dt
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlbmi.aoi import AOI
from mlbmi.catalogs import search
from mlbmi.catalogs.addresses import resolve_href
from mlbmi.catalogs.items import scene_from_json
from mlbmi.errors import DialectError
from mlbmi.types import Scene

BASE = "https://stac.example.com/items/x"
RING = [[13.0, 52.0], [14.0, 52.0], [14.0, 53.0], [13.0, 52.0]]


def changed(item, where, value):
    """Return a copy of an item with one value replaced; a value of ``...`` removes it."""
    item = copy.deepcopy(item)
    *path, last = where
    place = item
    for step in path:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return item


P = "properties"


@pytest.mark.parametrize(
    ("where", "value", "reason"),
    [
        (["id"], "../../etc/passwd", "id is '../../etc/passwd'"),
        (["id"], "S2B_33UUU_20230815_0_L2A/..", "its id is"),
        (["id"], "a..b", "its id is"),
        (["id"], "-rf", "its id is"),
        (["id"], "x" * 129, "its id is"),
        (["id"], "a\x00b", "its id is"),
        (["id"], 7, "id is 7, not a text"),
        (["id"], ..., "has no id"),
        (["collection"], "../x", "its collection is"),
        ([P], [], "properties is a list"),
        ([P, "datetime"], "2023-08-15T10:26:14", "has no time zone"),
        ([P, "datetime"], "yesterday", "RFC 3339"),
        ([P, "datetime"], "0001-01-01T00:00:00+23:59", "RFC 3339"),
        ([P, "datetime"], None, "has no datetime"),
        ([P, "datetime"], 20230815, "not a text"),
        ([P, "eo:cloud_cover"], 140, "cloud cover is 140"),
        ([P, "eo:cloud_cover"], -1, "cloud cover is -1"),
        ([P, "eo:cloud_cover"], "12", "not a number"),
        ([P, "eo:cloud_cover"], True, "not a number"),
        ([P, "eo:cloud_cover"], float("nan"), "must be finite"),
        pytest.param([P, "eo:cloud_cover"], 10**400, "must be finite", id="beyond float"),
        ([P, "proj:epsg"], 32632, "states 'EPSG:32632', but its tile 33UUU lies in EPSG:32633"),
        ([P, "proj:code"], "EPSG:4326", "states 'EPSG:4326'"),
        (["assets", "red", "proj:code"], "IAU_2015:30100", "states 'IAU_2015:30100'"),
        ([P, "proj:epsg"], "../1", "proj:epsg is '../1'"),
        ([P, "grid:code"], "MGRS-61UUU", "several tiles"),
        ([P, "grid:code"], "MGRS-../..", "several tiles"),
        ([P, "s2:sequence"], "-1", "s2:sequence"),
        ([P, "s2:sequence"], 1.5, "s2:sequence"),
        ([P, "sat:relative_orbit"], 144, "relative orbit is 144"),
        ([P, "earthsearch:boa_offset_applied"], "true", "neither true nor false"),
        ([P, "s2:product_type"], "S2MSI1C", "not Sentinel-2 L2A"),
        (["geometry"], None, "geometry is None"),
        (["geometry"], {"type": "Point", "coordinates": [13, 52]}, "geometry is 'Point'"),
        (["geometry"], {"type": "Polygon", "coordinates": []}, "empty or without area"),
        (["geometry"], {"type": "Polygon", "coordinates": [[[13, 52], [14, 52], [13, 52], [13, 52]]]}, "empty or without area"),
        (["geometry"], {"type": "Polygon", "coordinates": "x"}, "geometry cannot be understood|empty"),
        (["geometry"], {"type": "Polygon", "coordinates": [[[13, 52], [14, float("inf")], [14, 53], [13, 52]]]}, "geometry"),
        (["geometry"], {"type": "Polygon", "coordinates": [[[0, 0], [500, 0], [500, 80], [0, 0]]]}, "beyond the globe"),
        (["assets"], [], "assets is a list"),
        (["assets", "red"], "B04.tif", "red is 'B04.tif', not an object"),
        (["assets", "red", "href"], ..., "asset red: its href None"),
        (["assets", "red", "href"], ["x"], "asset red: its href a list"),
        (["assets", "red", "raster:bands"], "x", "asset red: its bands"),
        (["assets", "red", "raster:bands"], [{"scale": "x"}], "asset red: scale is 'x'"),
    ],
)
def test_a_value_that_breaks_its_rule_is_named(make_item, where, value, reason):
    assert isinstance(scene_from_json(make_item(), base=BASE, trusted=False), Scene)
    with pytest.raises(DialectError, match=reason) as caught:
        scene_from_json(changed(make_item(), where, value), base=BASE, trusted=False)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("content", [None, [], "x", 3, {}, {"id": "a"}])
def test_what_is_no_item_is_refused(content):
    with pytest.raises(DialectError):
        scene_from_json(content, base=BASE, trusted=False)


def test_level_1c_and_unknown_dialects_are_refused(make_item):
    item = make_item() | {"id": "S2B_33UUU_20230815_0_L1C", "collection": "sentinel-2-l1c"}
    with pytest.raises(DialectError, match="not Sentinel-2 L2A"):
        scene_from_json(item, base=BASE, trusted=False)
    item = make_item() | {"id": "my-item", "collection": "sentinel-2-L2A-mine", "assets": {"first\x1b[31m": {}}, "properties": {}}
    with pytest.raises(DialectError, match="dialect is unknown: it has the assets 'first") as caught:
        scene_from_json(item, base=BASE, trusted=False)
    assert "\x1b" not in caught.value.message


def test_a_tile_that_is_none_is_refused(make_item):
    item = make_item("planetary-computer") | {"id": "my-item"}
    item["properties"] |= {"s2:mgrs_tile": "99ZZZ", "s2:product_uri": None}
    with pytest.raises(DialectError, match="'99ZZZ' is not one of the MGRS grid"):
        scene_from_json(item, base=BASE, trusted=False)


def test_a_crossing_footprint_is_repaired(make_item):
    bow_tie = {"type": "Polygon", "coordinates": [[[13, 52], [14, 53], [14, 52], [13, 53], [13, 52]]]}
    scene = scene_from_json(make_item() | {"geometry": bow_tie}, base=BASE, trusted=False)
    assert scene.footprint.is_valid
    assert scene.footprint.area == pytest.approx(0.5)  # two triangles of base 1 and height 1/2


def test_a_footprint_loses_height_and_spikes(make_item):
    coordinates = [[[13, 52, 7], [14, 52, 7], [14, 53, 7], [15, 54, 7], [14, 53, 7], [13, 53, 7], [13, 52, 7]]]
    scene = scene_from_json(make_item() | {"geometry": {"type": "Polygon", "coordinates": coordinates}}, base=BASE, trusted=False)
    assert not scene.footprint.has_z
    assert scene.footprint.bounds == (13, 52, 14, 53)


LOCAL, REMOTE = "/data/cat/item.json", "https://example.com/cat/item.json"


@pytest.mark.parametrize(
    ("href", "base", "trusted", "expected"),
    [
        ("https://example.com/B04.tif", None, False, "https://example.com/B04.tif"),
        ("HTTPS://example.com/B04.tif#x", REMOTE, False, "https://example.com/B04.tif"),
        ("https://a.example/$value?page=2", REMOTE, False, "https://a.example/$value?page=2"),
        ("https://a.example/B04.tif?se=1&sig=SECRET", REMOTE, False, "https://a.example/B04.tif"),
        ("https://a.example/B04.tif?X-Amz-Signature=SECRET", LOCAL, True, "https://a.example/B04.tif"),
        ("s3://eodata/B04.jp2", REMOTE, False, "s3://eodata/B04.jp2"),
        ("./B04.tif", REMOTE, False, "https://example.com/cat/B04.tif"),
        ("../../../B04.tif", REMOTE, False, "https://example.com/B04.tif"),
        ("B04.tif", "s3://bucket/a/item.json", False, "s3://bucket/a/B04.tif"),
        ("B04.tif", LOCAL, True, "/data/cat/B04.tif"),
        ("../B 04.tif", LOCAL, True, "/data/B 04.tif"),
        ("/elsewhere/./B04.tif", LOCAL, True, "/elsewhere/B04.tif"),
        ("//elsewhere/B04.tif", LOCAL, True, "/elsewhere/B04.tif"),
        ("file:///elsewhere/B%2004.tif", LOCAL, True, "/elsewhere/B 04.tif"),
    ],
)
def test_hrefs_that_may_be_opened(href, base, trusted, expected):
    assert resolve_href(href, base, trusted=trusted) == expected


@pytest.mark.parametrize(
    ("href", "base", "trusted"),
    [
        ("/etc/passwd", REMOTE, False),
        ("/etc/passwd", None, False),
        ("\\\\server\\share", REMOTE, False),
        ("//example.com/x", REMOTE, False),
        ("file:///etc/passwd", REMOTE, False),
        ("FILE:/etc/passwd", REMOTE, False),
        ("B04.tif", LOCAL, False),
        ("B04.tif", None, True),
        ("/vsicurl/https://example.com/x", LOCAL, True),
        ("/VSIZIP/a.zip", LOCAL, True),
        ("//vsimem/a.tif", LOCAL, True),
        ("/data/../vsis3/bucket/x", LOCAL, True),
        ("../../vsigzip/x", LOCAL, True),
        ("file:///vsizip/a.zip", LOCAL, True),
        ("file://server/a.tif", LOCAL, True),
        ("file:///a%00.tif", LOCAL, True),
        ("vrt:///data/x.vrt", LOCAL, True),
        ("zip+https://example.com/x.zip!a.tif", REMOTE, False),
        ("NETCDF:/etc/passwd", LOCAL, True),
        ("GTIFF_DIR:1:/etc/passwd", LOCAL, True),
        ("javascript:alert(1)", LOCAL, True),
        ("C:\\Windows", LOCAL, True),
        ("a\x00.tif", LOCAL, True),
        ("a\n.tif", LOCAL, True),
        ("https://example.com/a\r\nHost: b", REMOTE, False),
        ("https://example.com/a b", REMOTE, False),
        ("https:///a.tif", REMOTE, False),
        ("https://[::1/a.tif", REMOTE, False),
        ("https://example.com:99999/a.tif", REMOTE, False),
        ("https://user:SECRET@example.com/a.tif", REMOTE, False),
        ("", LOCAL, True),
        ("x" * 4097, LOCAL, True),
        (None, LOCAL, True),
    ],
)
def test_hrefs_that_may_not_be_opened(href, base, trusted):
    with pytest.raises(DialectError, match="href") as caught:
        resolve_href(href, base, trusted=trusted)
    assert "SECRET" not in caught.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["..", "/vsizip/a", "33UUU"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value, before=()):
    """List the way to every value inside a JSON object."""
    yield before
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from paths(below, (*before, key))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_any_value_gives_a_scene_or_a_reason(make_item, data):
    item = make_item(data.draw(st.sampled_from(["earth-search-v0", "earth-search-v1", "planetary-computer", "cdse"])))
    where = data.draw(st.sampled_from([path for path in paths(item) if path]))
    message, scene = "", None
    try:
        scene = scene_from_json(changed(item, where, data.draw(json_values)), base=BASE, trusted=False)
    except DialectError as error:
        message = error.message
    assert message.isprintable()
    if scene is not None:
        assert scene.footprint.area > 0
        assert all(asset.href.startswith(("https://", "s3://", "http://")) for asset in scene.assets.values())


def test_one_bad_item_among_good_ones_is_left_out_and_the_rest_found(make_item, tmp_path):
    good = [make_item(day=f"2023-08-{day:02d}") for day in (1, 2, 3)]
    bad = [changed(make_item(day="2023-08-04"), [P, "eo:cloud_cover"], 900), {"id": "<script>\x1b[31m"}, None, "x"]
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [*good, *bad]}))
    found = search(AOI.from_bbox(13, 52.4, 13.1, 52.5), start=dt.date(2023, 8, 1), end=dt.date(2023, 8, 31), catalog=path)
    assert [str(scene.date) for scene in found] == ["2023-08-01", "2023-08-02", "2023-08-03"]
    assert sorted(left.item_id for left in found.left_out) == ["?", "?", "?script???31m", "S2B_33UUU_20230804_0_L2A"]
    assert all(left.reason.isprintable() for left in found.left_out)
