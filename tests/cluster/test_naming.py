"""Suggested names, on the courses of the simulation's true classes and on cases by hand."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest
import xarray as xr

from mlbmi.cluster.naming import suggest_names
from mlbmi.indices import INDICES
from mlbmi.simulate import CLASS_NAMES, DEMO_DATES
from mlbmi.simulate.landscape import Cover
from mlbmi.simulate.spectra import PHENOLOGY, endmembers, green_share
from mlbmi.types import Clustering, Scaling

FIT = {
    "water": {"water"},
    "buildings": {"bare or built"},
    "roads": {"bare or built"},
    "bare soil": {"bare or built", "sparse"},
    "heath/grass": {"grassland"},
    "deciduous forest": {"deciduous or crop"},
    "coniferous forest": {"evergreen"},
    "crop": {"deciduous or crop"},
}
"""What one would call each true class."""


def _clustering(centers, features, index="ndvi", **changes):
    centers = np.atleast_2d(np.asarray(centers, float))
    values = {
        "mode": "timeseries",
        "index": index,
        "labels": xr.DataArray(np.zeros((1, 1), np.uint8), dims=("y", "x")),
        "centers": centers,
        "features": tuple(str(feature) for feature in features),
        "counts": np.ones(len(centers), np.int64),
        "inertia": 0.0,
        "n_iter": 0,
        "converged": True,
        "seed": 0,
        "method": "by hand",
        "rows": (),
    }
    return Clustering(**{**values, **changes})


def _classes(index, dates):
    """Return the mean course of an index of every true class, (8, n_dates)."""
    days = np.array([date.timetuple().tm_yday for date in dates], np.float32)

    def band(cover, name):
        ground, canopy = endmembers(name)
        share = green_share(PHENOLOGY[cover], days)
        return ground[cover] * (1 - share) + canopy[cover] * share

    formula = INDICES[index]
    return np.array([formula.formula(*(band(cover, name) for name in formula.bands)) for cover in Cover], float)


def _fit_share(index, dates=DEMO_DATES):
    names = suggest_names(_clustering(_classes(index, dates), dates, index))
    kinds = [re.fullmatch(r"maybe (.+?)( \(\d\))?", name)[1] for name in names]
    return sum(kind in FIT[true] for kind, true in zip(kinds, CLASS_NAMES, strict=True)) / len(CLASS_NAMES)


@pytest.mark.parametrize(
    ("index", "least"),
    [("ndvi", 1), ("wdrvi", 1), ("osavi", 1), ("evi2", 1), ("evi", 7 / 8), ("savi", 7 / 8), ("msavi", 7 / 8), ("kndvi", 7 / 8)],
)
def test_true_classes_of_the_simulation(index, least):
    """kNDVI has lost the sign, so it cannot know water; EVI and its like turn to NDVI only roughly."""
    assert _fit_share(index) >= least


@pytest.mark.parametrize("year", [2020, 2021, 2022])
def test_a_single_year_will_do(year):
    assert _fit_share("ndvi", [date for date in DEMO_DATES if date.year == year]) == 1


SEASONS = ("2020-01-17", "2020-04-21", "2020-07-20", "2020-10-10")


def test_kinds_by_hand_and_each_name_once():
    land = [[-0.3, -0.2, -0.2, -0.3], [0.1, 0.1, 0.15, 0.1], [0.15, 0.3, 0.35, 0.2], [0.35, 0.5, 0.55, 0.4]]
    green = [[0.75, 0.75, 0.8, 0.75], [0.3, 0.8, 0.85, 0.5], [0.3, 0.85, 0.2, 0.2], [0.7, 0.75, 0.8, 0.75]]
    names = suggest_names(_clustering(land + green, SEASONS))
    assert names == (
        "maybe water",
        "maybe bare or built",
        "maybe sparse",
        "maybe grassland",
        "maybe evergreen",
        "maybe deciduous or crop",
        "maybe deciduous or crop (2)",
        "maybe evergreen (2)",
    )
    assert all(re.fullmatch(r"[A-Za-z0-9 ()]+", name) for name in names)


def test_south_of_the_equator_seasons_turn():
    turned = [(dt.date.fromisoformat(day) + dt.timedelta(days=183)).isoformat() for day in SEASONS]
    evergreen = [[0.55, 0.6, 0.8, 0.6]]
    assert suggest_names(_clustering(evergreen, SEASONS)) == ("maybe evergreen",)
    assert suggest_names(_clustering(evergreen, turned), southern=True) == ("maybe evergreen",)
    dry = [[0.45, 0.6, 0.7, 0.6]]  # not green in its winter
    assert suggest_names(_clustering(dry, turned), southern=True) == ("maybe grassland",)
    assert suggest_names(_clustering(dry, turned), southern=False) == ("maybe evergreen",)


@pytest.mark.parametrize("features", [("2020-06-02", "2020-08-07"), ("2020-01-17", "2020-02-02"), ("0", "1")])
def test_without_winter_or_summer_only_the_level_is_known(features):
    levels = [[-0.2, -0.2], [0.1, 0.1], [0.3, 0.3], [0.5, 0.5], [0.8, 0.8], [0.2, 0.8]]
    assert suggest_names(_clustering(levels, features)) == (
        "maybe water",
        "maybe bare or built",
        "maybe sparse",
        "maybe moderate green",
        "maybe dense green",
        "maybe deciduous or crop",
    )


def test_images_are_levels():
    names = ("maybe water", "maybe bare or built", "maybe dense green")
    assert suggest_names(_clustering([[-0.2], [0.1], [0.8]], ("ndvi",), mode="images")) == names
    alone = _clustering([[-0.2, -0.2], [0.1, 0.1], [0.7, 0.9]], ("2020-01-17", "2020-07-20"), mode="images")
    assert suggest_names(alone) == names


def test_bands_by_the_ndvi_at_their_centers():
    bands = _clustering([[0.5, 9.0, 0.05], [0.2, 9.0, 0.18]], ("nir", "blue", "red"), mode="bands", index="nir-blue-red")
    assert suggest_names(bands) == ("maybe dense green", "maybe bare or built")
    assert suggest_names(_clustering([[0.1, 0.2]], ("green", "blue"), mode="bands", index="green-blue")) == ("cluster 0",)


def test_coordinates_are_no_ndvi():
    located = _clustering([[0.75, 0.8, 3e5, 5e6]], ("2020-01-17", "2020-07-20", "x", "y"), mode="located")
    assert suggest_names(located) == ("maybe evergreen",)


def test_what_has_no_suggestion():
    assert suggest_names(_clustering([[0.1], [0.2]], ("2020-01-17",), "ndmi")) == ("cluster 0", "cluster 1")
    profile = _clustering([[0.1] * 4], SEASONS, scaling=Scaling(method="profile"))
    assert suggest_names(profile) == ("cluster 0",)
    hole = _clustering([[0.1] * 4, [np.nan] * 4, [0.1] * 4], SEASONS)
    assert suggest_names(hole) == ("maybe bare or built", "cluster 1", "maybe bare or built (2)")


def test_dates_without_a_center_do_not_count():
    gaps = [[0.75, np.nan, 0.8, np.nan]]
    assert suggest_names(_clustering(gaps, SEASONS)) == ("maybe evergreen",)
    assert suggest_names(_clustering([[0.75, np.nan, np.nan, 0.8]], SEASONS)) == ("maybe dense green",)
