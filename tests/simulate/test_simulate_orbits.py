"""The calendar and the sun, against real items of both tiles."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING

import pytest

from mlbmi.errors import InputError
from mlbmi.simulate.orbits import baseline_on, overpass_dates, overpass_on, sun_position

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.realdata
def test_calendar_is_that_of_the_real_catalogue(realdata: Path) -> None:
    features = json.loads((realdata / "stac/earthsearch-v0-doeberitz-search.json").read_text())["features"]
    real = {dt.date.fromisoformat(item["properties"]["datetime"][:10]) for item in features}
    assert set(overpass_dates(min(real), max(real))) == real


@pytest.mark.realdata
def test_satellite_orbit_and_time_are_those_of_real_items(realdata: Path) -> None:
    features = json.loads((realdata / "stac/earthsearch-v0-doeberitz-search.json").read_text())["features"]
    assert len(features) == 24
    for item in features:
        product = re.fullmatch(
            r"S2([AB])_MSIL2A_(\w{15})_N(\d{4})_R(\d{3})_T(\w{5})_\w{15}", item["properties"]["sentinel:product_id"]
        )
        assert product is not None
        satellite, datatake, baseline, orbit, tile = product.groups()
        day = dt.datetime.fromisoformat(item["properties"]["datetime"])
        found = overpass_on(day.date())
        assert (found.satellite, found.relative_orbit) == (satellite, int(orbit))
        assert abs((found.sensed(tile) - day).total_seconds()) < 5
        stated = dt.datetime.strptime(datatake, "%Y%m%dT%H%M%S")  # noqa: DTZ007 -- both are compared in UTC
        simulated = dt.datetime.strptime(found.datatake, "%Y%m%dT%H%M%S")  # noqa: DTZ007 -- as above
        assert abs((simulated - stated).total_seconds()) < 200  # it moves by minutes in the course of a year
        assert baseline_on(found.date).replace(".", "") == baseline


@pytest.mark.parametrize("day", [17, 24])
def test_january_2020_has_the_satellite_of_the_original_notebook(day: int) -> None:
    assert overpass_on(dt.date(2020, 1, day)).satellite == "B"


@pytest.mark.parametrize(
    ("satellite_day", "absolute", "relative_shift"),
    [(dt.date(2021, 11, 2), 33238, 140), (dt.date(2020, 1, 24), 15063, 26)],
)
def test_absolute_orbit_agrees_with_the_relative_one(satellite_day: dt.date, absolute: int, relative_shift: int) -> None:
    found = overpass_on(satellite_day)
    assert found.absolute_orbit == absolute
    assert (absolute - relative_shift - found.relative_orbit) % 143 == 0


def test_day_without_overpass_names_its_neighbours() -> None:
    with pytest.raises(InputError, match=r"2020-01-18.*2020-01-17, 2020-01-19"):
        overpass_on(dt.date(2020, 1, 18))


@pytest.mark.parametrize(
    ("day", "baseline"),
    [("2020-02-03", "02.13"), ("2020-02-04", "02.14"), ("2021-03-29", "02.14"), ("2022-01-24", "03.01"), ("2022-01-25", "04.00")],
)
def test_baseline_changes_on_the_day_of_deployment(day: str, baseline: str) -> None:
    assert baseline_on(dt.date.fromisoformat(day)) == baseline


@pytest.mark.realdata
def test_sun_stands_where_a_real_item_says(realdata: Path) -> None:
    folder = realdata / "real/earthsearch-v1-33TWL/sentinel-2-l2a"
    for path in folder.glob("*/S2*.json"):
        item = json.loads(path.read_text())
        west, south, east, north = item["bbox"]
        time = dt.datetime.fromisoformat(item["properties"]["datetime"])
        azimuth, elevation = sun_position(time, lon=(west + east) / 2, lat=(south + north) / 2)
        assert azimuth == pytest.approx(item["properties"]["view:sun_azimuth"], abs=1.0)
        assert elevation == pytest.approx(item["properties"]["view:sun_elevation"], abs=0.7)
