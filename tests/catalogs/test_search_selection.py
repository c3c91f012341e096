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
):
    return Scene(
        item_id=item_id,
        collection="sentinel-2-l2a",
        dialect="earth-search-v1",
        datetime=dt.datetime(2023, 8, day, hour, tzinfo=dt.UTC),
        tile=tile,
        epsg=32633,
        platform="sentinel-2b",
        baseline=baseline,
        sequence=sequence,
        orbit=65,
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


def test_nothing_in_gives_nothing_out():
    assert select([], aoi=AREA, **AUGUST) == ((), ())


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"start": dt.date(2023, 9, 1)}, "start 2023-09-01 lies after end 2023-08-31"),
        ({"cloud_cover": 140}, "140 must lie in 0-100"),
        ({"cloud_cover": float("nan")}, "nan must lie in 0-100"),
        ({"bands": ("red", "infrared")}, "'infrared' is not a Sentinel-2 band"),
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
    assert len({(s.date, s.tile) for s in kept}) == len(kept)
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
