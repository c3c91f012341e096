"""The ground: tiles on their true grids, the same land whoever asks, spectra and seasons that make sense."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from mlbmi.aoi import AOI
from mlbmi.errors import InputError
from mlbmi.sentinel2 import BANDS
from mlbmi.simulate import CLASS_NAMES, Recipe, outline_path
from mlbmi.simulate.landscape import Cover, draw_ground
from mlbmi.simulate.noise import fbm, gradient_noise, hash01, normal01
from mlbmi.simulate.spectra import PHENOLOGY, endmembers, green_share
from mlbmi.simulate.stage import Stage
from mlbmi.simulate.surface import HALO, average, surface_on
from mlbmi.simulate.tiles import TILE_CORNERS, Window, tile_window

if TYPE_CHECKING:
    from pathlib import Path

_BOX = (13.04, 52.485, 13.07, 52.5)


@pytest.mark.realdata
def test_tiles_have_their_real_corners_and_zones(realdata: Path) -> None:
    for item in json.loads((realdata / "stac/earthsearch-v0-doeberitz-search.json").read_text())["features"]:
        tile = item["id"].split("_")[1]
        transform, properties = item["assets"]["B04"]["proj:transform"], item["properties"]
        window = tile_window(tile, None, margin=0)
        assert list(window.transform(10)) == transform
        assert list(window.shape(10)) == item["assets"]["B04"]["proj:shape"]
        assert window.epsg == properties["proj:epsg"]


@pytest.mark.parametrize("tile", TILE_CORNERS)
def test_windows_lie_on_the_tile_s_lattice_and_hold_the_bounds(tile: str) -> None:
    left, top = TILE_CORNERS[tile]
    window = tile_window(tile, _BOX, margin=100)
    assert all(value % 60 == 0 for value in (window.left - left, top - window.top, window.width, window.height))
    x, y = Transformer.from_crs("OGC:CRS84", window.epsg, always_xy=True).transform([_BOX[0], _BOX[2]], [_BOX[1], _BOX[3]])
    west, south, east, north = window.bounds
    assert west <= min(x) - 100 + 1
    assert east >= max(x) + 100 - 1
    assert south <= min(y) - 100 + 1
    assert north >= max(y) + 100 - 1


def test_bounds_outside_the_tile_are_refused() -> None:
    with pytest.raises(InputError, match="outside tile 33UUU"):
        tile_window("33UUU", (7.0, 47.0, 7.1, 47.1), margin=0)


@pytest.mark.parametrize("gsd", [10, 20, 60])
def test_interpolated_ground_coordinates_are_pyproj_s(gsd: int) -> None:
    window = tile_window("32UQD", _BOX, margin=900)
    x, y = window.ground(gsd)
    columns, rows = np.meshgrid(np.arange(x.shape[1]) + 0.5, np.arange(x.shape[0]) + 0.5)
    to_ground = Transformer.from_crs(32632, 32633, always_xy=True)
    exact = to_ground.transform(window.left + gsd * columns, window.top - gsd * rows)
    assert np.abs(x - exact[0]).max() < 0.002
    assert np.abs(y - exact[1]).max() < 0.002


def test_noise_is_a_function_of_the_place_alone() -> None:
    x, y = np.meshgrid(np.arange(0.0, 4000, 10), np.arange(5_800_000.0, 5_803_000, 10))
    whole = fbm(x, y, wavelength=700, octaves=4, seed=3)
    part = fbm(x[70:90, 31:200], y[70:90, 31:200], wavelength=700, octaves=4, seed=3)
    np.testing.assert_allclose(part, whole[70:90, 31:200], atol=1e-5)
    assert not np.allclose(part, fbm(x[70:90, 31:200], y[70:90, 31:200], wavelength=700, octaves=4, seed=4), atol=0.1)


def test_noise_is_standardised_and_vanishes_on_its_lattice() -> None:
    x, y = np.meshgrid(np.linspace(0, 300, 1501), np.linspace(0, 300, 1501))
    noise = gradient_noise(x, y, 1)
    assert abs(float(noise.mean())) < 0.02
    assert float(noise.std()) == pytest.approx(1, abs=0.03)
    assert np.abs(noise[::5, ::5]).max() < 1e-5  # every fifth point is a lattice point, where gradient noise is 0


@given(st.integers(0, 2**31), st.integers(-(2**31), 2**31))
def test_hashes_are_uniform(seed: int, row: int) -> None:
    draw = hash01(np.arange(4096), row, seed)
    assert 0 <= draw.min() < 0.01
    assert 0.99 < draw.max() < 1
    assert abs(float(draw.mean()) - 0.5) < 0.03
    normal = normal01(np.arange(4096), row, seed)
    assert abs(float(normal.mean())) < 0.1
    assert float(normal.std()) == pytest.approx(1, abs=0.08)


def test_land_does_not_depend_on_the_window() -> None:
    window = tile_window("32UQD", _BOX, margin=0)
    whole = draw_ground(window, 8)
    inner = Window(window.tile, window.left + 600, window.top - 420, 660, 540)
    part = draw_ground(inner, 8)
    rows, columns = slice(42, 42 + 54), slice(60, 60 + 66)
    assert (part.cover == whole.cover[rows, columns]).mean() > 0.9995  # a pixel on a threshold may fall either way by rounding
    np.testing.assert_allclose(part.albedo, whole.albedo[rows, columns], atol=0.2)
    assert np.abs(part.albedo - whole.albedo[rows, columns]).mean() < 1e-4


def test_both_tiles_see_the_same_land() -> None:
    east, west = (tile_window(tile, _BOX, margin=0) for tile in ("33UUU", "32UQD"))
    here, there = draw_ground(east, 8).cover, draw_ground(west, 8).cover
    x, y = west.ground(10)
    column = np.floor((x - east.left) / 10).astype(int)
    row = np.floor((east.top - y) / 10).astype(int)
    common = (row >= 0) & (row < here.shape[0]) & (column >= 0) & (column < here.shape[1])
    same = there[common] == here[row[common], column[common]]
    assert common.mean() > 0.8
    assert same.mean() > 0.93  # centres lie up to 7 m apart, so that edges differ, and nothing else
    shuffled = there[common] == here[row[common] - 30, column[common]]
    assert shuffled.mean() < 0.75


def test_reserve_holds_every_class_and_heath_above_all() -> None:
    stage = Stage(Recipe(tiles=("33UUU",)))
    inside = AOI.from_file(outline_path()).mask(stage.windows["33UUU"].geobox(10))
    cover = stage.ground("33UUU").cover[HALO:-HALO, HALO:-HALO][inside]
    share = np.bincount(cover, minlength=len(CLASS_NAMES)) / cover.size
    assert share.min() > 0.02
    assert share.argmax() == Cover.HEATH


def test_parcels_are_sown_apart_and_each_at_once() -> None:
    ground = Stage(Recipe.small(tiles=("33UUU",))).ground("33UUU")
    sizes = np.bincount(ground.parcel[ground.parcel > 0] % 100_003)
    lags = [
        ground.lag[ground.parcel == number]
        for number in np.unique(ground.parcel)
        if number and (ground.parcel == number).sum() > 40
    ]
    assert sizes.max() < 0.2 * ground.parcel.size
    assert len(lags) > 10
    assert np.mean([lag.std() for lag in lags]) < 3 < np.std([lag.mean() for lag in lags]) < 12  # days


def test_ground_drawn_by_blocks_is_ground_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe.small(tiles=("32UQD",), seed=11)
    once = Stage(recipe).ground("32UQD")
    from mlbmi.simulate import stage as module

    monkeypatch.setattr(module, "_BLOCK_PIXELS", 20_000)
    module._whole_ground.cache_clear()
    stage = Stage(recipe)
    assert len(list(stage.blocks("32UQD"))) > 2
    blocks = stage.ground("32UQD")
    module._whole_ground.cache_clear()
    assert (blocks.cover == once.cover).mean() > 0.9995
    day = recipe.dates[-1]
    parts = [stage.surface("32UQD", day, block).reflectance("nir") for block in stage.blocks("32UQD")]
    whole = surface_on(once, day, recipe.seed).reflectance("nir")
    assert np.concatenate(parts).shape == whole.shape
    assert np.abs(np.concatenate(parts) - whole).mean() < 1e-4


@pytest.mark.parametrize("band", BANDS)
def test_reflectances_are_physical(band: str) -> None:
    ground, canopy = endmembers(band)
    assert ((ground > 0) & (ground < 1) & (canopy > 0) & (canopy < 1)).all()


def test_double_logistic_by_hand() -> None:
    season = PHENOLOGY[Cover.DECIDUOUS]
    middle = np.array([season.rise, season.fall], dtype=np.float32)
    half = season.low + (season.high - season.low) / 2
    assert green_share(season, middle) == pytest.approx([half, half], abs=0.003)
    after = np.array([season.rise + season.rise_days * np.log(3)], dtype=np.float32)  # logistic(ln 3) = 3/4
    assert green_share(season, after)[0] == pytest.approx(season.low + 0.75 * (season.high - season.low), abs=0.003)


def test_new_year_has_no_step() -> None:
    for season in PHENOLOGY.values():
        old, new = green_share(season, np.array([366.25, 1.0], dtype=np.float32))
        assert old == pytest.approx(new, abs=1e-4)


def test_classes_have_the_seasons_of_their_kind() -> None:
    stage = Stage(Recipe(tiles=("33UUU",), bounds=_BOX, margin=800))
    ground = stage.ground("33UUU")
    cover = ground.cover[HALO:-HALO, HALO:-HALO]

    def mean_ndvi(day: dt.date, kind: Cover) -> float:
        surface = surface_on(ground, day, 8)
        red, nir = surface.reflectance("red"), surface.reflectance("nir")
        return float(((nir - red) / (nir + red))[cover == kind].mean())

    winter, spring, summer, late = (dt.date(2021, *day) for day in ((1, 17), (5, 20), (6, 20), (8, 20)))
    assert mean_ndvi(summer, Cover.WATER) < 0 < mean_ndvi(summer, Cover.BUILDINGS) < 0.15
    assert mean_ndvi(winter, Cover.CONIFER) > 0.7
    assert mean_ndvi(winter, Cover.DECIDUOUS) < 0.5
    assert mean_ndvi(summer, Cover.DECIDUOUS) > 0.8
    assert mean_ndvi(spring, Cover.CROP) > 0.7
    assert mean_ndvi(late, Cover.CROP) < 0.45
    assert mean_ndvi(winter, Cover.HEATH) < mean_ndvi(summer, Cover.HEATH) < 0.7


def test_pixels_mix_with_their_neighbours_and_nothing_is_lost() -> None:
    stage = Stage(Recipe.small(tiles=("33UUU",)))
    ground = stage.ground("33UUU")
    surface = surface_on(ground, stage.recipe.dates[0], 8)
    mixed = surface.reflectance("nir")
    rows, columns = ground.cover.shape
    assert mixed.shape == (rows - 2 * HALO, columns - 2 * HALO)
    soil, canopy = endmembers("nir")
    soaked = np.array([0.22 if PHENOLOGY[cover].ground in {"sand", "loam"} else 0.08 for cover in Cover]) * surface.wetness
    below = (soil * (1 - soaked))[ground.cover]
    pure = (below + surface.share * (canopy[ground.cover] - below)) * ground.albedo
    row, column = HALO + 40, HALO + 50
    kernel = np.outer([0.1, 0.8, 0.1], [0.1, 0.8, 0.1])
    by_hand = (pure[row - 1 : row + 2, column - 1 : column + 2] * kernel).sum()
    assert mixed[40, 50] == pytest.approx(by_hand, rel=1e-5)
    assert mixed.mean() == pytest.approx(pure[HALO:-HALO, HALO:-HALO].mean(), rel=2e-3)


def test_average_by_hand() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert average(values, 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert average(values, 1) is values


def test_outline_is_clipped_to_the_bounds_of_the_recipe() -> None:
    from mlbmi.simulate.outline import recipe_bounds, recipe_outline

    recipe = Recipe.small()
    assert recipe.bounds is not None
    assert len(recipe_outline(recipe)["features"]) == 2
    west, south, east, north = recipe_bounds(recipe) or (0, 0, 0, 0)
    assert recipe.bounds[0] - 1e-6 <= west < east <= recipe.bounds[2] + 1e-6
    assert recipe.bounds[1] - 1e-6 <= south < north <= recipe.bounds[3] + 1e-6
    with pytest.raises(InputError, match="do not touch"):
        recipe_outline(Recipe(bounds=(12.0, 52.0, 12.1, 52.1)))
