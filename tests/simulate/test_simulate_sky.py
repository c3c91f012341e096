"""Sky and sensor: cloud where it should be, shadows on the right side, numbers that mean what the item says."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from mlbmi.sentinel2 import SCL
from mlbmi.simulate import Recipe
from mlbmi.simulate.instrument import View, classify, digital_numbers
from mlbmi.simulate.landscape import Cover
from mlbmi.simulate.scenes import ScenePlan
from mlbmi.simulate.sky import CloudField, Sky, _enlarge, sky_over, snow_cover
from mlbmi.simulate.stage import Stage
from mlbmi.simulate.surface import HALO
from mlbmi.simulate.weather import Weather, weather_on

_DAY = dt.date(2021, 4, 26)
_REGION = (363_000.0, 5_812_000.0, 372_000.0, 5_822_000.0)


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage(Recipe.small(tiles=("33UUU",), dates=(dt.date(2021, 2, 15), _DAY, dt.date(2021, 6, 2), dt.date(2021, 9, 8))))


def _view(stage: Stage, day: dt.date) -> View:
    (block,) = stage.blocks("33UUU")
    return stage.view(ScenePlan(tile="33UUU", date=day, baseline="03.00"), block)


@pytest.mark.parametrize("share", [0.1, 0.35, 0.8])
def test_cloud_covers_the_share_asked_for(share: float) -> None:
    clouds = CloudField.form(Weather(cloud=share), _DAY, (160, 50), _REGION, 8)
    x, y = np.meshgrid(np.arange(_REGION[0], _REGION[2], 25), np.arange(_REGION[1], _REGION[3], 25))
    assert (clouds.cumulus(x, y) > 0).mean() == pytest.approx(share, abs=0.02)


def test_closed_deck_leaves_no_gap() -> None:
    clouds = CloudField.form(Weather(cloud=1), _DAY, (160, 50), _REGION, 8)
    x, y = np.meshgrid(np.arange(_REGION[0], _REGION[2], 100), np.arange(_REGION[1], _REGION[3], 100))
    assert clouds.cumulus(x, y).min() >= 0.8


@pytest.mark.parametrize(("azimuth", "east", "north"), [(180, 0, 1), (90, -1, 0), (225, 0.7071, 0.7071)])
def test_shadows_fall_away_from_the_sun(azimuth: float, east: float, north: float) -> None:
    clouds = CloudField.form(Weather(cloud=0.3), _DAY, (azimuth, 45), _REGION, 8)
    reach = np.hypot(*clouds.shadow)
    assert clouds.shadow == pytest.approx((-east * reach, -north * reach), abs=0.01 * reach), "the cloud stands towards the sun"
    window = Stage(Recipe(tiles=("33UUU",))).windows["33UUU"]
    sky = sky_over(window, clouds)
    columns, rows = round(east * reach / 20), -round(north * reach / 20)
    moved = np.roll(sky.cumulus, (rows, columns), axis=(0, 1))
    edge = int(reach / 20) + 2
    inner = (slice(edge, -edge), slice(edge, -edge))
    assert np.abs(moved[inner] - sky.shade[inner]).mean() < 0.03
    assert np.abs(sky.cumulus[inner] - sky.shade[inner]).mean() > 0.1


def test_lower_sun_throws_longer_shadows() -> None:
    low, high = (CloudField.form(Weather(cloud=0.3), _DAY, (160, elevation), _REGION, 8) for elevation in (15, 60))
    assert np.hypot(*low.shadow) / np.hypot(*high.shadow) == pytest.approx(np.tan(np.radians(60)) / np.tan(np.radians(15)))


def test_enlarging_keeps_a_plane_a_plane() -> None:
    rows, columns = np.mgrid[0:5, 0:6].astype(np.float32)
    fine = _enlarge(2 * rows + 5 * columns)
    centre_rows, centre_columns = (np.arange(count) / 3 - 1 / 3 + 1 for count in fine.shape)
    np.testing.assert_allclose(fine, 2 * centre_rows[:, None] + 5 * centre_columns, atol=1e-5)


def test_drawn_weather_is_varied_and_repeatable() -> None:
    days = [dt.date(2023, 1, 1) + dt.timedelta(days=step) for step in range(300)]
    clouds = np.array([weather_on(day, 8).cloud for day in days])
    assert 0.2 < (clouds == 0).mean() < 0.5
    assert 0.05 < (clouds >= 0.999).mean() < 0.35
    assert clouds.tolist() == [weather_on(day, 8).cloud for day in days]


def test_dn_zero_is_nodata_and_nothing_else(stage: Stage) -> None:
    view = _view(stage, dt.date(2021, 9, 8))  # the swath's edge
    for band, factor in (("red", 1), ("swir16", 2), ("coastal", 6)):
        numbers = digital_numbers(view, band, holds_offset=False)
        beyond = view.sky.nodata.repeat(2, 0).repeat(2, 1)[::factor, ::factor]
        assert beyond.any()
        assert not beyond.all()
        np.testing.assert_array_equal(numbers == 0, beyond)
    np.testing.assert_array_equal(classify(view) == SCL.NO_DATA, view.sky.nodata)


def test_darkness_is_dn_1_without_the_offset_and_scatters_around_1000_with_it(stage: Stage) -> None:
    dark = replace(_view(stage, _DAY), gain=0.0)
    assert set(np.unique(digital_numbers(dark, "red", holds_offset=False))) > {1}
    assert digital_numbers(dark, "red", holds_offset=False).min() == 1
    raw = digital_numbers(dark, "red", holds_offset=True).astype(int)
    assert raw.min() < 1000 < raw.max()
    assert abs(raw.mean() - 1000) < 1


@pytest.mark.parametrize("band", ["blue", "red", "nir", "rededge1"])
def test_offset_is_exactly_1000_where_nothing_was_cut(stage: Stage, band: str) -> None:
    view = _view(stage, _DAY)
    shifted, raw = (digital_numbers(view, band, holds_offset=holds).astype(int) for holds in (False, True))
    whole = shifted > 1
    assert whole.mean() > 0.99
    np.testing.assert_array_equal(raw[whole] - shifted[whole], 1000)
    assert raw.min() > 900


def test_clear_pixels_hold_the_true_reflectance_up_to_gain_and_noise(stage: Stage) -> None:
    view = _view(stage, dt.date(2021, 6, 2))
    for band in ("red", "nir"):
        measured = digital_numbers(view, band, holds_offset=False) / 10_000
        ratio = measured / view.surface.reflectance(band)
        bright = view.surface.reflectance(band) > 0.05
        assert abs(np.median(ratio[bright]) - 1) < 0.05
        assert 0.003 < ratio[bright].std() < 0.012
    assert digital_numbers(view, "red", holds_offset=False).tolist() == digital_numbers(view, "red", holds_offset=False).tolist()


def test_noise_is_new_in_every_block_band_and_look(stage: Stage) -> None:
    view = _view(stage, dt.date(2021, 6, 2))

    def noise(look: View, band: str) -> np.ndarray:
        numbers = digital_numbers(look, band, holds_offset=True).astype(float)
        return (numbers - 1000) / look.surface.reflectance(band)

    first, other = noise(view, "red"), noise(replace(view, noise_seed=view.noise_seed + 1), "red")
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(first.ravel(), noise(view, "nir").ravel())[0, 1]) < 0.05


def _clear_sky(like: Sky) -> Sky:
    nothing = np.zeros_like(like.cumulus)
    return Sky(cumulus=nothing, cirrus=nothing, shade=nothing, nodata=like.nodata & False)


def test_classification_finds_thick_cloud_and_shadow_and_misses_thin_cloud(stage: Stage) -> None:
    view = _view(stage, _DAY)
    clear = _clear_sky(view.sky)
    rows, columns = clear.cumulus.shape

    def classes(**fields: float) -> np.ndarray:
        return classify(
            replace(view, sky=replace(clear, **{name: np.full((rows, columns), v, np.float32) for name, v in fields.items()}))
        )

    assert (classes(cumulus=0.9) == SCL.CLOUD_HIGH_PROBABILITY).mean() > 0.99
    assert (classes(cumulus=0.42) == SCL.CLOUD_MEDIUM_PROBABILITY).mean() > 0.9
    assert (classes(cirrus=0.3) == SCL.THIN_CIRRUS).mean() > 0.98
    assert (classes(shade=0.8) == SCL.CLOUD_SHADOW).mean() > 0.98
    assert (
        np.isin(classes(cumulus=0.05, cirrus=0.05), [SCL.VEGETATION, SCL.NOT_VEGETATED, SCL.WATER, SCL.UNCLASSIFIED]).mean()
        > 0.97
    )


def test_classification_of_clear_ground_is_right_but_for_some_roofs(stage: Stage) -> None:
    june = _view(stage, dt.date(2021, 6, 2))
    scene, cover = classify(june), june.cover20
    assert (scene[cover == Cover.WATER] == SCL.WATER).all()
    assert (scene[cover == Cover.DECIDUOUS] == SCL.VEGETATION).mean() > 0.97
    cloud = np.isin(scene, [SCL.CLOUD_MEDIUM_PROBABILITY, SCL.CLOUD_HIGH_PROBABILITY])
    assert cloud.any()
    assert set(cover[cloud].tolist()) == {Cover.BUILDINGS}
    assert 0.01 < cloud[cover == Cover.BUILDINGS].mean() < 0.2


def test_snow_lies_on_open_ground_more_than_in_woods(stage: Stage) -> None:
    view = _view(stage, dt.date(2021, 2, 15))
    scene, cover = classify(view), view.cover20
    assert (scene[cover == Cover.HEATH] == SCL.SNOW_ICE).mean() > 0.85
    assert (scene[cover == Cover.CONIFER] == SCL.SNOW_ICE).mean() < 0.2
    snow = snow_cover(stage.ground("33UUU"), 0.95)
    assert snow is not None
    assert snow[HALO:-HALO, HALO:-HALO].shape == view.surface.reflectance("red").shape
    assert snow_cover(stage.ground("33UUU"), 0.0) is None
