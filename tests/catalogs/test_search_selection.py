"""Selection: each rule, each tie, and what holds whatever the scenes are."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.aoi import AOI
from mlbmi.catalogs import select
from mlbmi.errors import ConfigError
from mlbmi.types import Asset, Scene

AREA = AOI.from_bbox(13.0, 52.4, 13.1, 52.5)
WIDE = shapely.box(12, 52, 14, 53)
AUGUST = {"start": dt.date(2023, 8, 1), "end": dt.date(2023, 8, 31)}


def scene(
    item_id="a",
    *,
    day=15,
    hour=10,
    tile="33UUU",
    baseline="05.09",
    sequence=0,
    cloud=1.0,
    bands=("red", "nir", "scl"),
    footprint=WIDE,
    platform="sentinel-2b",
    orbit=65,
    minute=0,
):
    return Scene(
        item_id=item_id,
        collection="sentinel-2-l2a",
        dialect="earth-search-v1",
        datetime=dt.datetime(2023, 8, day, hour, minute, tzinfo=dt.UTC),
        tile=tile,
        epsg=32633,
        platform=platform,
        baseline=baseline,
        sequence=sequence,
        orbit=orbit,
        cloud_cover=cloud,
        offset_applied=True,
        footprint=footprint,
        assets={band: Asset(band=band, key=band, href=f"/data/{item_id}/{band}.tif") for band in bands},
    )


def only_reason(candidate, **question):
    kept, (left,) = select([candidate], aoi=AREA, **{**AUGUST, **question})
    assert kept == ()
    assert (left.item_id, left.scene) == (candidate.item_id, candidate)
    return left.reason


def test_days_are_inclusive_in_utc():
    scenes = [
        scene("before", day=9, hour=23),
        scene("first", day=10, hour=0),
        scene("last", day=12, hour=23),
        scene("after", day=13, hour=0),
    ]
    kept, left_out = select(scenes, aoi=AREA, start=dt.date(2023, 8, 10), end=dt.date(2023, 8, 12))
    assert [s.item_id for s in kept] == ["first", "last"]
    assert [left.reason for left in left_out] == [
        "its day 2023-08-09 lies outside 2023-08-10 to 2023-08-12",
        "its day 2023-08-13 lies outside 2023-08-10 to 2023-08-12",
    ]


def test_cloud_limit_is_inclusive_and_the_unknown_is_left_out():
    kept, _ = select([scene(cloud=20.0)], aoi=AREA, cloud_cover=20, **AUGUST)
    assert len(kept) == 1
    assert only_reason(scene(cloud=20.04), cloud_cover=20) == "its cloud cover is 20.04 %, and the limit is 20 %"
    assert only_reason(scene(cloud=None), cloud_cover=20) == "it states no cloud cover, and the limit is 20 %"
    kept, _ = select([scene(cloud=None)], aoi=AREA, **AUGUST)
    assert len(kept) == 1


@pytest.mark.parametrize(
    "footprint",
    [shapely.box(0, 0, 1, 1), shapely.box(13.1, 52.4, 14, 52.5), shapely.box(13.1, 52.5, 14, 53)],
    ids=["far", "common edge", "common corner"],
)
def test_a_footprint_that_shares_no_area_is_left_out(footprint):
    assert only_reason(scene(footprint=footprint)) == "its footprint does not cover any of the area"


@pytest.mark.parametrize(
    "footprint",
    [shapely.box(13.0999, 52.4, 14, 52.5), shapely.box(13.04, 52.44, 13.05, 52.45), WIDE, AREA.geometry],
    ids=["sliver", "inside", "around", "equal"],
)
def test_a_footprint_that_shares_area_is_kept(footprint):
    kept, _ = select([scene(footprint=footprint)], aoi=AREA, **AUGUST)
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("candidate", "question", "reason"),
    [
        ({}, {"tiles": ("32UQD",)}, "its tile 33UUU is not 32UQD"),
        ({}, {"tiles": ("32UQD", "T33uuv")}, "its tile 33UUU is not 32UQD or 33UUV"),
        ({}, {"platforms": ("S2A",)}, "its satellite is sentinel-2b, and sentinel-2a is asked for"),
        ({"platform": ""}, {"platforms": ("S2A",)}, "it states no satellite, and sentinel-2a is asked for"),
        ({"baseline": "03.01"}, {"baseline": "04.00"}, "its processing baseline is 03.01, and the least is 04.00"),
        ({"baseline": "05.09"}, {"baseline": "10.00"}, "its processing baseline is 05.09, and the least is 10.00"),
        ({"baseline": None}, {"baseline": "4.00"}, "it states no processing baseline, and the least is 04.00"),
    ],
)
def test_filters_of_tile_satellite_and_baseline(candidate, question, reason):
    assert only_reason(scene(**candidate), **question) == reason


@pytest.mark.parametrize(
    "question",
    [{"tiles": ("33uuu", "32UQD")}, {"platforms": ("Sentinel-2B",)}, {"baseline": "05.09"}, {"baseline": "N0400"}, {"tiles": ()}],
)
def test_what_passes_the_filters_is_kept(question):
    assert len(select([scene()], aoi=AREA, **AUGUST, **question)[0]) == 1


def test_a_filter_decides_before_the_better_duplicate_does():
    """The newest item of a day must not oust one that was asked for, only to be left out itself."""
    pair = [scene("a", baseline="05.09"), scene("b", baseline="05.10", platform="sentinel-2a")]
    kept, _ = select(pair, aoi=AREA, platforms=("sentinel-2b",), **AUGUST)
    assert [s.item_id for s in kept] == ["a"]


def test_lacking_bands_are_named():
    assert only_reason(scene(bands=("red", "coastal"))) == "it lacks nir, scl"
    assert only_reason(scene(), bands=("red", "swir16")) == "it lacks swir16"
    kept, _ = select([scene(bands=("green", "scl"))], aoi=AREA, bands=("green",), **AUGUST)
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("winner", "loser", "why"),
    [
        ({"baseline": "05.10"}, {"baseline": "05.09", "sequence": 1}, "its processing baseline 05.10 is newer than 05.09"),
        ({"baseline": "10.00"}, {"baseline": "05.10"}, "its processing baseline 10.00 is newer than 05.10"),
        ({"baseline": "02.07"}, {"baseline": None}, "its processing baseline 02.07 is newer than an unknown one"),
        ({"sequence": 10}, {"sequence": 9}, "its sequence number 10 is higher than 9"),
        ({}, {}, "its id is the last in alphabetical order"),
    ],
)
def test_one_scene_for_each_tile_and_day(winner, loser, why):
    pair = [scene("z", **winner), scene("y", hour=9, **loser)]
    for scenes in (pair, pair[::-1]):
        kept, (left,) = select(scenes, aoi=AREA, **AUGUST)
        assert [s.item_id for s in kept] == ["z"]
        assert left.item_id == "y"
        assert left.reason == f"z is used for tile 33UUU on 2023-08-15: {why}"


def test_an_item_listed_twice_is_kept_once():
    kept, (left,) = select([scene(), scene()], aoi=AREA, **AUGUST)
    assert len(kept) == 1
    assert left.reason == "a is used for tile 33UUU on 2023-08-15: it is listed more than once"


def test_the_better_duplicate_must_itself_pass():
    scenes = [scene("old", baseline="02.14"), scene("new", cloud=50), scene("newest", baseline="05.10", bands=("red",))]
    kept, left_out = select(scenes, aoi=AREA, cloud_cover=10, **AUGUST)
    assert [s.item_id for s in kept] == ["old"]
    assert [left.item_id for left in left_out] == ["new", "newest"]


def test_both_tiles_of_a_datatake_are_kept_in_order():
    scenes = [scene("c", day=16), scene("b", tile="33UUU"), scene("a", tile="32UQD")]
    kept, left_out = select(scenes, aoi=AREA, **AUGUST)
    assert [s.item_id for s in kept] == ["a", "b", "c"]
    assert left_out == ()


NORTH, SOUTH = shapely.box(12, 52.45, 14, 53), shapely.box(12, 52, 14, 52.46)


def test_the_parts_of_a_split_granule_are_both_kept_the_best_first():
    parts = [scene("n", footprint=NORTH, sequence=0, minute=5), scene("s", footprint=SOUTH, sequence=1)]
    for scenes in (parts, parts[::-1]):
        kept, left_out = select(scenes, aoi=AREA, **AUGUST)
        assert [s.item_id for s in kept] == ["s", "n"]
        assert left_out == ()


def test_of_a_split_granule_that_comes_twice_the_newer_parts_are_kept():
    scenes = [
        scene("old-n", footprint=NORTH, baseline="02.14"),
        scene("old-s", footprint=SOUTH, baseline="02.14", sequence=1),
        scene("new-n", footprint=NORTH, sequence=2),
        scene("new-s", footprint=SOUTH, sequence=3),
        scene("again-n", footprint=NORTH.buffer(0.0005)),
    ]
    kept, left_out = select(scenes, aoi=AREA, **AUGUST)
    assert [s.item_id for s in kept] == ["new-s", "new-n"]
    assert {left.item_id: left.reason.partition(" is used")[0] for left in left_out} == {
        "old-n": "new-n",
        "old-s": "new-s",
        "again-n": "new-n",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"hour": 12},
        {"platform": "sentinel-2a"},
        {"orbit": 22},
        {"baseline": "05.08"},
        {"footprint": SOUTH.buffer(0.0005)},
        {"footprint": WIDE.difference(AREA.geometry)},
        {"footprint": shapely.union_all([SOUTH, shapely.box(12, 52.46, 12.9, 53)])},
    ],
    ids=["another pass", "another satellite", "another orbit", "another baseline", "rounding", "beside the area", "adds beside"],
)
def test_what_is_no_part_of_the_same_granule_is_a_duplicate(change):
    """The last two show more ground, none of it in the area; the first of them shares no area with it at all."""
    other = scene("a", **{"footprint": NORTH, **change})
    kept, (left,) = select([scene("z", footprint=SOUTH, sequence=1), other], aoi=AREA, **AUGUST)
    assert [s.item_id for s in kept] == ["z"]
    assert left.item_id == "a"


def test_nothing_in_gives_nothing_out():
    assert select([], aoi=AREA, **AUGUST) == ((), ())


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"start": dt.date(2023, 9, 1)}, "start 2023-09-01 lies after end 2023-08-31"),
        ({"cloud_cover": 140}, "140 must lie in 0-100"),
        ({"cloud_cover": float("nan")}, "nan must lie in 0-100"),
        ({"bands": ("red", "infrared")}, "'infrared' is not a Sentinel-2 band"),
        ({"tiles": ("33UUU", "61ABC")}, "tile '61ABC' is not one of the MGRS grid"),
        ({"platforms": ("landsat-8",)}, "'landsat-8' is not a satellite of Sentinel-2"),
        ({"baseline": "5.1"}, "'5.1' is not a processing baseline"),
        ({"start": "2023-08-01"}, "must be a datetime.date"),
        ({"end": dt.datetime(2023, 8, 31, tzinfo=dt.UTC)}, "must be a datetime.date"),
    ],
)
def test_a_question_that_cannot_be_asked(question, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        select([], aoi=AREA, **{**AUGUST, **question})


scenes_of_any_kind = st.lists(
    st.builds(
        scene,
        st.sampled_from(["a", "b", "c", "d"]),
        day=st.integers(9, 13),
        hour=st.integers(0, 23),
        tile=st.sampled_from(["33UUU", "32UQD"]),
        baseline=st.sampled_from([None, "02.14", "05.09", "10.00"]),
        sequence=st.integers(0, 2),
        cloud=st.none() | st.integers(0, 100),
        bands=st.sampled_from([("red", "nir", "scl"), ("red", "scl"), ("nir", "scl", "red", "blue")]),
        footprint=st.sampled_from([WIDE, shapely.box(0, 0, 1, 1), shapely.box(13.05, 52, 13.06, 53)]),
    ),
    max_size=12,
)
QUESTION = {"aoi": AREA, "start": dt.date(2023, 8, 10), "end": dt.date(2023, 8, 12), "cloud_cover": 60.0}


@settings(max_examples=200, deadline=None)
@given(scenes=scenes_of_any_kind, data=st.data())
def test_select_partitions_whatever_the_order_and_is_idempotent(scenes, data):
    kept, left_out = select(scenes, **QUESTION)
    assert sorted(map(repr, scenes)) == sorted(map(repr, [*kept, *(left.scene for left in left_out)]))
    assert all(left.reason for left in left_out)
    for place in {(s.date, s.tile) for s in kept}:
        parts = [s for s in kept if (s.date, s.tile) == place]
        assert len({(s.baseline, s.datetime) for s in parts}) == 1
        assert len({s.footprint.wkt for s in parts}) == len(parts)  # of equal footprints, one is a duplicate
    assert list(kept) == sorted(kept, key=lambda s: (s.date, s.tile))
    assert all(s.cloud_cover <= 60 and dt.date(2023, 8, 10) <= s.date <= dt.date(2023, 8, 12) for s in kept)

    shuffled = data.draw(st.permutations(scenes))
    again, left_again = select(shuffled, **QUESTION)
    assert again == kept
    assert [(left.item_id, left.reason) for left in left_again] == [(left.item_id, left.reason) for left in left_out]
    assert select(kept, **QUESTION) == (kept, ())


@settings(max_examples=100, deadline=None)
@given(scenes=scenes_of_any_kind)
def test_a_tile_and_day_with_a_good_scene_is_never_lost(scenes):
    """Told apart from the implementation: whatever passes alone, its tile and day are there when all are asked together."""
    alone = {(s.date, s.tile) for s in scenes if select([s], **QUESTION)[0]}
    kept, _ = select(scenes, **QUESTION)
    assert {(s.date, s.tile) for s in kept} == alone
