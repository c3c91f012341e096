"""Recipes: equal ones have one key, unequal ones do not, impossible ones are refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlbmi.errors import InputError
from mlbmi.simulate import DEMO_DATES, DIALECT_NAMES, FAULTS, Recipe, overpass_dates
from mlbmi.simulate.scenes import plan_scenes

_DAYS = overpass_dates(dt.date(2019, 6, 1), dt.date(2023, 6, 1))

recipes = st.builds(
    Recipe,
    seed=st.integers(0, 2**31 - 1),
    tiles=st.sampled_from([("33UUU",), ("32UQD",), ("33UUU", "32UQD"), ("32UQD", "33UUU")]),
    dates=st.sets(st.sampled_from(_DAYS), min_size=1, max_size=12).map(lambda days: tuple(sorted(days))),
    bands=st.permutations(["red", "nir", "swir16", "coastal"]).map(lambda bands: tuple(bands[:3])),
    dialect=st.sampled_from(DIALECT_NAMES),
    faults=st.sets(st.sampled_from(FAULTS)).map(lambda faults: tuple(sorted(faults))),
    margin=st.floats(0, 1000),
)


@given(recipes)
def test_recipe_survives_json(recipe: Recipe) -> None:
    again = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    assert again.key == recipe.key
    assert hash(again) == hash(recipe)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 9},
        {"tiles": ("33UUU",)},
        {"dates": DEMO_DATES[1:]},
        {"bands": ("red",)},
        {"dialect": "cdse"},
        {"bounds": (13.0, 52.47, 13.05, 52.5)},
        {"margin": 61.0},
        {"full_tiles": True},
        {"faults": ()},
    ],
)
def test_every_attribute_changes_the_key(change: dict[str, Any]) -> None:
    assert {field.name for field in dataclasses.fields(Recipe)} >= set(change)
    assert Recipe(**change).key != Recipe().key


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"tiles": ("33UVU",)}, "'33UVU'"),
        ({"tiles": ()}, "at least one"),
        ({"bands": ("red", "red")}, "may be given once"),
        ({"bands": ("B04",)}, "'B04'"),
        ({"dates": ()}, "at least one"),
        ({"dates": (dt.date(2020, 1, 24), dt.date(2020, 1, 17))}, "ascending"),
        ({"dates": (dt.date(2020, 1, 18),)}, "no overpass"),
        ({"dialect": "usgs"}, "'usgs'"),
        ({"faults": ("gremlins",)}, "'gremlins'"),
        ({"margin": -1.0}, "margin"),
    ],
)
def test_impossible_recipes_are_refused_with_the_value(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Recipe(**change)


def test_recipe_with_foreign_keys_is_refused() -> None:
    with pytest.raises(InputError, match="gravity"):
        Recipe.from_dict(Recipe().to_dict() | {"gravity": 9.81})


@given(recipes)
def test_scenes_are_planned_in_order_and_named_once(recipe: Recipe) -> None:
    scenes = plan_scenes(recipe)
    places = [(scene.date, recipe.tiles.index(scene.tile), scene.sequence) for scene in scenes]
    assert places == sorted(places)
    assert len(set(places)) == len(places), "two items of one tile-day need two sequence numbers"
    assert {(scene.date, scene.tile) for scene in scenes} == {(day, tile) for day in recipe.dates for tile in recipe.tiles}


@given(recipes)
def test_january_2020_is_spared_wherever_a_fault_can_go_elsewhere(recipe: Recipe) -> None:
    spoilt = [scene for scene in plan_scenes(recipe) if scene.faults]
    elsewhere = any((day.year, day.month) != (2020, 1) for day in recipe.dates)
    assert not elsewhere or all((scene.date.year, scene.date.month) != (2020, 1) for scene in spoilt)


@given(recipes)
def test_sound_scenes_say_what_their_pixels_hold(recipe: Recipe) -> None:
    for scene in plan_scenes(recipe):
        if scene.faults and not scene.faults[0].startswith("duplicate"):
            continue
        if recipe.dialect in {"earth-search-v0", "earth-search-v1"}:
            assert not scene.holds_offset
            assert scene.flag is (
                scene.offset_in_baseline if recipe.dialect == "earth-search-v1" or scene.offset_in_baseline else None
            )
        else:
            assert scene.holds_offset == scene.offset_in_baseline
            assert scene.flag is None


def test_demo_has_what_the_original_notebook_looks_for() -> None:
    recipe = Recipe()
    assert len(recipe.dates) >= 16
    assert {dt.date(2020, 1, 17), dt.date(2020, 1, 24)} < set(recipe.dates)
    baselines = {scene.baseline for scene in plan_scenes(recipe) if not scene.faults}
    assert {"02.13", "02.14", "03.00", "03.01", "04.00"} <= baselines
    assert dt.date(2020, 1, 1) <= recipe.dates[0] <= recipe.dates[-1] <= dt.date(2022, 12, 31)
