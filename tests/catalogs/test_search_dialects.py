"""Items of every publisher become the same Scene: made by hand, and as recorded."""

from __future__ import annotations

import datetime as dt
import json
import math
import warnings

import pystac
import pytest

from mlbmi.catalogs import scene_from_item
from mlbmi.catalogs.dialects import DIALECTS
from mlbmi.catalogs.items import scene_from_json
from mlbmi.errors import DialectError
from mlbmi.sentinel2 import BANDS

COGS = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs"
BLOBS = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2"
EODATA = "s3://eodata/Sentinel-2/MSI/L2A_N0500/2020/03/01"
UTC = dt.UTC


def parse(content, base="https://stac.example.com/items/x", *, trusted=False):
    return scene_from_json(content, base=base, trusted=trusted)


def recorded(realdata, name):
    content = json.loads((realdata / name).read_text())
    items = content if isinstance(content, list) else content.get("features", [content])
    return {item["id"]: item for item in items}


def values(scene):
    names = (
        "dialect datetime tile epsg platform baseline sequence orbit cloud_cover offset_applied collection"  # one line to read by
    )
    return tuple(getattr(scene, name) for name in names.split())


# --- made by hand


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_recognised_and_gives_the_same_facts(make_item, dialect):
    scene = parse(make_item(dialect, tile="32UQD", day="2021-10-28", cloud=0.61, baseline="03.01", sequence=0, orbit=65))
    assert scene.dialect == dialect
    assert scene.datetime == dt.datetime(2021, 10, 28, 10, 26, 14, 24000, tzinfo=UTC)
    facts = (scene.tile, scene.epsg, scene.platform, scene.baseline, scene.sequence, scene.orbit, scene.cloud_cover)
    assert facts == ("32UQD", 32632, "sentinel-2b", "03.01", 0, 65, 0.61)
    assert set(scene.assets) == {*BANDS, "scl"}
    assert all(asset.band == band for band, asset in scene.assets.items())
    assert scene.footprint.bounds == (11.95, 52.2, 13.6, 53.2)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_is_recognised_whatever_the_collection_is_called(make_item, dialect):
    item = make_item(dialect) | {"collection": "my-own-l2a"}
    assert parse(item).dialect == dialect


@pytest.mark.parametrize("dialect", ["earth-search-v1", "planetary-computer", "cdse"])
def test_keys_of_assets_are_enough_to_read_an_item_of_a_catalogue_of_ones_own(make_item, dialect):
    item = make_item(dialect) | {"id": "my-item", "collection": "my-l2a"}
    item["properties"] = {"datetime": "2023-08-15T10:26:14Z", "grid:code": "MGRS-33UUU", "platform": "sentinel-2b"}
    item["properties"]["s2:processing_baseline"] = "05.09"
    scene = parse(item)
    assert scene.dialect == dialect
    assert (scene.tile, scene.sequence, scene.orbit) == ("33UUU", 0, None)
    assert set(scene.assets) == {*BANDS, "scl"}


@pytest.mark.parametrize(
    ("dialect", "key", "ending"),
    [
        ("earth-search-v0", "B04", "B04.tif"),
        ("earth-search-v1", "red", "B04.tif"),
        ("earth-search-c1", "red", "B04.tif"),
        ("planetary-computer", "B04", "B04.tif"),
        ("cdse", "B04_10m", "B04_10m.jp2"),
    ],
)
def test_the_cog_is_taken_and_not_the_paid_jp2_beside_it(make_item, dialect, key, ending):
    red = parse(make_item(dialect)).assets["red"]
    assert red.key == key
    assert red.href.endswith(ending)
    assert not red.href.startswith("s3://sentinel-s2-l2a/")


def test_a_band_that_exists_only_in_the_paid_bucket_is_missing(make_item):
    item = make_item("earth-search-v1")
    del item["assets"]["nir"]
    assert "nir-jp2" in item["assets"]
    assert "nir" not in parse(item).assets


@pytest.mark.parametrize("dialect", ["earth-search-v1", "earth-search-c1", "cdse"])
def test_scale_offset_and_nodata_are_read_where_stated(make_item, dialect):
    assets = parse(make_item(dialect)).assets
    assert (assets["red"].scale, assets["red"].offset, assets["red"].nodata) == (0.0001, -0.1, 0)
    assert (assets["scl"].scale, assets["scl"].offset, assets["scl"].nodata) == (None, None, 0)


def test_scale_and_offset_of_stac_1_1_bands_are_read(make_item):
    item = make_item("earth-search-v1")
    del item["assets"]["red"]["raster:bands"]
    item["assets"]["red"]["bands"] = [{"name": "B04", "raster:scale": 0.0001, "raster:offset": -0.1, "nodata": "nan"}]
    red = parse(item).assets["red"]
    assert (red.scale, red.offset) == (0.0001, -0.1)
    assert math.isnan(red.nodata)


def test_what_is_not_stated_is_none(make_item):
    item = make_item("planetary-computer", cloud=None)
    for key in ("s2:processing_baseline", "s2:product_uri", "sat:relative_orbit", "platform"):
        del item["properties"][key]
    scene = parse(item)
    assert (scene.cloud_cover, scene.baseline, scene.offset_applied) == (None, None, None)
    assert scene.platform == "sentinel-2b"  # from its id
    assert scene.orbit == 65  # from its id


def test_sequence_is_read_from_the_property_then_the_id(make_item):
    item = make_item("earth-search-v1", sequence=1)
    assert parse(item).sequence == 1
    item["properties"]["s2:sequence"] = "3"
    assert parse(item).sequence == 3
    del item["properties"]["s2:sequence"]
    assert parse(item).sequence == 1


def test_the_tile_has_a_zone_of_two_digits(make_item):
    item = make_item("earth-search-v1") | {"id": "S2B_5QKB_20230815_0_L2A"}
    item["properties"] |= {"grid:code": "MGRS-5QKB", "mgrs:utm_zone": 5, "mgrs:latitude_band": "Q", "mgrs:grid_square": "KB"}
    item["properties"] |= {
        "proj:epsg": 32605,
        "s2:product_uri": "S2B_MSIL2A_20230815T101559_N0509_R065_T05QKB_20230815T131905.SAFE",
    }
    assert (parse(item).tile, parse(item).epsg) == ("05QKB", 32605)


def test_the_crs_is_derived_from_the_tile_where_not_stated(make_item):
    item = make_item("earth-search-v1", tile="32UQD")
    del item["properties"]["proj:epsg"]
    assert parse(item).epsg == 32632


def test_times_are_turned_into_utc(make_item):
    item = make_item()
    item["properties"]["datetime"] = "2023-08-16T01:30:00+02:00"
    assert parse(item).datetime == dt.datetime(2023, 8, 15, 23, 30, tzinfo=UTC)
    assert str(parse(item).date) == "2023-08-15"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_pystac_items_give_the_same_scene(make_item, dialect):
    content = make_item(dialect)
    direct = parse(content, base=content["links"][0]["href"])
    assert scene_from_item(pystac.Item.from_dict(content)) == direct


def test_relative_hrefs_follow_the_self_link(make_item):
    content = make_item()
    content["assets"]["red"]["href"] = "./B04.tif"
    content["links"] = [{"rel": "self", "href": "https://stac.example.com/a/item.json"}]
    assert scene_from_item(pystac.Item.from_dict(content)).assets["red"].href == "https://stac.example.com/a/B04.tif"
    content["links"] = [{"rel": "self", "href": "/data/a/item.json"}]
    assert scene_from_item(pystac.Item.from_dict(content)).assets["red"].href == "/data/a/B04.tif"
    content["links"] = []
    with pytest.raises(DialectError, match="relative"):
        scene_from_item(pystac.Item.from_dict(content))


# --- as recorded


@pytest.mark.realdata
def test_recorded_v0_answer_over_the_doeberitzer_heide(realdata):
    items = recorded(realdata, "stac/earthsearch-v0-doeberitz-search.json")
    scenes = {item_id: parse(item) for item_id, item in items.items()}
    assert len(scenes) == 24
    assert values(scenes["S2B_33UUU_20211028_0_L2A"]) == (
        "earth-search-v0",
        dt.datetime(2021, 10, 28, 10, 26, 11, tzinfo=UTC),
        "33UUU",
        32633,
        "sentinel-2b",
        "03.01",
        0,
        65,
        0.66,
        None,
        "sentinel-s2-l2a-cogs",
    )
    assert scenes["S2B_33UUU_20211028_0_L2A"].assets["red"].href == f"{COGS}/33/U/UU/2021/10/S2B_33UUU_20211028_0_L2A/B04.tif"
    assert scenes["S2A_32UQD_20211102_0_L2A"].assets["scl"].href == f"{COGS}/32/U/QD/2021/11/S2A_32UQD_20211102_0_L2A/SCL.tif"
    assert {(scene.tile, scene.epsg) for scene in scenes.values()} == {("33UUU", 32633), ("32UQD", 32632)}
    assert {scene.orbit for scene in scenes.values()} == {22, 65}
    assert {scene.baseline for scene in scenes.values()} == {"03.01"}
    assert {(asset.scale, asset.offset, asset.nodata) for s in scenes.values() for asset in s.assets.values()} == {
        (None, None, None)
    }


@pytest.mark.realdata
def test_recorded_v0_items_without_band_descriptions(realdata):
    scenes = [parse(item) for item in recorded(realdata, "stac/earthsearch-v0-36MYB.json").values()]
    assert len(scenes) == 18
    assert {(s.dialect, s.tile, s.epsg, s.baseline, s.offset_applied) for s in scenes} == {
        ("earth-search-v0", "36MYB", 32736, "02.14", None)
    }
    assert {s.orbit for s in scenes} == {92, 135}
    first = min(scenes, key=lambda scene: scene.datetime)
    assert first.datetime == dt.datetime(2020, 7, 2, 8, 1, 4, tzinfo=UTC)
    assert first.cloud_cover == 55.53
    assert first.assets["nir"].href == f"{COGS}/36/M/YB/2020/7/S2A_36MYB_20200702_0_L2A/B08.tif"


@pytest.mark.realdata
def test_recorded_v1_answer_with_a_landsat_item(realdata):
    items = recorded(realdata, "stac/earthsearch-v1-search-multiple-collections.json")
    scene = parse(items.pop("S2A_13TDE_20231008_0_L2A"))
    assert values(scene) == (
        "earth-search-v1",
        dt.datetime(2023, 10, 8, 18, 2, 55, 276000, tzinfo=UTC),
        "13TDE",
        32613,
        "sentinel-2a",
        "05.09",
        0,
        141,
        0.000299,
        True,
        "sentinel-2-l2a",
    )
    red = scene.assets["red"]
    assert red.href == f"{COGS}/13/T/DE/2023/10/S2A_13TDE_20231008_0_L2A/B04.tif"
    assert (red.key, red.scale, red.offset, red.nodata) == ("red", 0.0001, -0.1, 0)
    assert red.media_type == "image/tiff; application=geotiff; profile=cloud-optimized"
    (landsat,) = items.values()
    with pytest.raises(DialectError, match=r"not Sentinel-2 L2A: .*'landsat-8'"):
        parse(landsat)


@pytest.mark.realdata
def test_recorded_item_without_red_and_nir(realdata):
    (item,) = recorded(realdata, "stac/earthsearch-trimmed-b01-b09-only.json").values()
    scene = parse(item)
    assert set(scene.assets) == {"coastal", "nir09"}
    assert (scene.tile, scene.epsg, scene.cloud_cover, scene.baseline) == ("34SGA", 32634, None, None)
    assert scene.assets["coastal"].href == "https://myurl.com/B01.tif"


@pytest.mark.realdata
def test_recorded_planetary_computer_items(realdata):
    scenes = [parse(item) for item in recorded(realdata, "stac/planetary-computer-items.json").values()]
    assert {(s.tile, s.epsg, s.cloud_cover) for s in scenes} == {
        ("47XML", 32647, 0.219774),
        ("47XMJ", 32647, 0.82852),
        ("46XES", 32646, 0.843375),
        ("46XER", 32646, 0.126773),
    }
    common = {(s.dialect, s.platform, s.baseline, s.orbit, s.offset_applied, s.datetime) for s in scenes}
    moment = dt.datetime(2024, 4, 19, 9, 55, 49, 24000, tzinfo=UTC)
    assert common == {("planetary-computer", "sentinel-2b", "05.10", 122, None, moment)}
    (scene,) = [s for s in scenes if s.tile == "47XML"]
    folder = f"{BLOBS}/47/X/ML/2024/04/19/S2B_MSIL2A_20240419T095549_N0510_R122_T47XML_20240419T123458.SAFE/GRANULE"
    assert scene.assets["red"].href == (
        f"{folder}/L2A_T47XML_A037185_20240419T095549/IMG_DATA/R10m/T47XML_20240419T095549_B04_10m.tif"
    )
    assert (scene.assets["red"].key, scene.assets["red"].offset) == ("B04", None)


@pytest.mark.realdata
def test_recorded_example_of_the_sentinel2_extension_is_a_planetary_computer_l2a_item(realdata):
    (item,) = recorded(realdata, "stac/sentinel2-extension-example.json").values()
    assert values(parse(item)) == (
        "planetary-computer",
        dt.datetime(2023, 11, 7, 14, 47, 31, 24000, tzinfo=UTC),
        "20QRF",  # stated by its id and product alone
        32620,
        "sentinel-2a",
        "05.09",  # stated as processing:version
        0,
        139,
        4.217,
        None,
        "sentinel-2-l2a",
    )


@pytest.mark.realdata
def test_recorded_cdse_item(realdata):
    (item,) = recorded(realdata, "stac/cdse-v1-item.json").values()
    scene = parse(item)
    assert values(scene) == (
        "cdse",
        dt.datetime(2020, 3, 1, 9, 9, 1, 24000, tzinfo=UTC),
        "35UPU",
        32635,
        "sentinel-2a",
        "05.00",  # reprocessed: newer than its acquisition
        0,
        50,
        95.42,
        None,
        "sentinel-2-l2a",
    )
    product = "S2A_MSIL2A_20200301T090901_N0500_R050_T35UPU_20230630T033416.SAFE"
    image = "GRANULE/L2A_T35UPU_A024500_20200301T090936/IMG_DATA"
    assert scene.assets["red"].href == f"{EODATA}/{product}/{image}/R10m/T35UPU_20200301T090901_B04_10m.jp2"
    assert scene.assets["scl"].href == f"{EODATA}/{product}/{image}/R20m/T35UPU_20200301T090901_SCL_20m.jp2"
    keys = {band: asset.key for band, asset in scene.assets.items()}
    assert (keys["coastal"], keys["nir08"], keys["nir09"], keys["swir16"]) == ("B01_60m", "B8A_20m", "B09_60m", "B11_20m")
    red = scene.assets["red"]
    assert (red.scale, red.offset, red.nodata, red.media_type) == (0.0001, -0.1, 0, "image/jp2")


@pytest.mark.realdata
def test_recorded_lone_item_keeps_its_remote_hrefs(realdata):
    (item,) = recorded(realdata, "real/sentinel-cogs-29RKH/S2A_29RKH_20200219_0_L2A.json").values()
    scene = parse(item, base="/data/item.json", trusted=True)
    assert values(scene) == (
        "earth-search-v1",
        dt.datetime(2020, 2, 19, 11, 34, 25, 405000, tzinfo=UTC),
        "29RKH",
        32629,
        "sentinel-2a",
        "02.14",
        0,
        37,
        4.051854,
        False,
        "sentinel-2-l2a",
    )
    assert scene.assets["red"].href == f"{COGS}/29/R/KH/2020/2/S2A_29RKH_20200219_0_L2A/B04.tif"
    assert (scene.assets["red"].scale, scene.assets["red"].offset) == (0.0001, 0)


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name",
    [
        "stac/earthsearch-v0-36MYB.json",
        "stac/earthsearch-v0-doeberitz-search.json",
        "stac/earthsearch-trimmed-b01-b09-only.json",
        "stac/planetary-computer-items.json",
        "stac/cdse-v1-item.json",
        "stac/sentinel2-extension-example.json",
        "real/sentinel-cogs-29RKH/S2A_29RKH_20200219_0_L2A.json",
    ],
)
def test_recorded_items_give_the_same_scene_through_pystac(realdata, name):
    for content in recorded(realdata, name).values():
        direct = parse(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert scene_from_item(pystac.Item.from_dict(content)) == direct


@pytest.mark.parametrize("stated", ["not hex", "12" * 200, 5, None, "", "1220"])
def test_what_is_no_checksum_is_none(stated):
    from mlbmi.catalogs.items import _checksum

    assert _checksum({"file:checksum": stated}) == ""
    assert _checksum({"file:checksum": "1220" + "AB" * 32}) == "1220" + "ab" * 32
