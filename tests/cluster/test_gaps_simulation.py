"""Gaps on the simulated landscape: the true classes are found nearly as well, with nothing filled in and nothing dropped."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import adjusted_rand_score

from mlbmi.cluster import cluster_timeseries
from mlbmi.cluster.stream import fit_blocks
from mlbmi.simulate import DEMO_DATES, Recipe, build_cached

TILE = "33UUU"
ALLOWED = 0.03
NODATA = -32768


class Land:
    """NDVI as it truly was on every date, the true classes, and where the sky was clear."""

    def __init__(self, recipe: Recipe) -> None:
        simulation = build_cached(recipe)
        bands = {
            name: np.array([simulation.true_reflectance(TILE, day, name) for day in recipe.dates]) for name in ("red", "nir")
        }
        self.ndvi = (bands["nir"] - bands["red"]) / (bands["nir"] + bands["red"])
        self.clear = np.array([simulation.clear_mask(TILE, day) for day in recipe.dates])
        self.classes = simulation.truth_classes(TILE)[0]
        self.k = len(simulation.class_names)

    def coded(self, seen: np.ndarray) -> xr.DataArray:
        """Return the index as the cube stores it, missing where it was not seen."""
        numbers = np.where(seen, np.rint(self.ndvi * 1e4), NODATA).astype(np.int16)
        return xr.DataArray(numbers, dims=("time", "y", "x"), attrs={"scale_factor": 1e-4, "_FillValue": NODATA})

    def agreement(self, labels: np.ndarray) -> float:
        """Return the adjusted Rand index over the labelled pixels."""
        there = labels < 255
        return float(adjusted_rand_score(self.classes[there], labels[there]))

    def scattered(self, seed: int) -> np.ndarray:
        """Return what is seen where three in ten values are missing at random."""
        return np.random.default_rng(seed).random(self.ndvi.shape) >= 0.3

    def clouded(self, seed: int) -> np.ndarray:
        """Return what is seen under the simulation's own clouds; under other seeds they lie elsewhere, on other dates."""
        if seed == 0:
            return self.clear
        random = np.random.default_rng(seed)
        rows, columns = self.classes.shape
        moved = [np.roll(mask, (random.integers(rows), random.integers(columns)), (0, 1)) for mask in self.clear]
        return np.array(moved)[random.permutation(len(moved))]


@pytest.fixture(scope="module")
def land() -> Land:
    return Land(Recipe.small(dates=DEMO_DATES, tiles=(TILE,)))


@pytest.fixture(scope="module")
def complete(land) -> float:
    labels = cluster_timeseries(land.coded(np.ones_like(land.clear)), land.k).labels.values
    assert (labels < 255).all()
    return land.agreement(labels)


def test_complete_series_tell_the_classes_apart(complete):
    """Otherwise agreement that does not suffer would mean nothing."""
    assert complete > 0.95


@pytest.mark.parametrize("gaps", ["scattered", "clouded"])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("partial", ["scaled", "observed"])
def test_a_third_missing_costs_little_where_dropping_would_keep_few(land, complete, gaps, seed, partial):
    seen = getattr(land, gaps)(seed)
    labels = cluster_timeseries(land.coded(seen), land.k, seed=seed, partial=partial).labels.values
    dated = seen.any(axis=(1, 2))  # a date on which nothing at all was seen would be left out by anyone
    assert 0.28 < 1 - seen.mean() < 0.4
    assert seen[dated].all(axis=0).mean() < 0.1
    assert (labels < 255).mean() > 0.99
    assert abs(land.agreement(labels) - complete) <= ALLOWED


def test_filling_in_costs_more(land, complete):
    """A date's mean in place of what is missing: what the allowance above must be able to tell apart."""
    for seen in (land.scattered(0), land.clouded(0)):
        dated = seen.any(axis=(1, 2))
        values = np.where(seen, land.ndvi, np.nan)[dated]
        filled = np.where(np.isnan(values), np.nanmean(values, axis=(1, 2), keepdims=True), values)
        labels = cluster_timeseries(xr.DataArray(filled, dims=("time", "y", "x")), land.k).labels.values
        assert land.agreement(labels) < complete - ALLOWED


def test_window_by_window_it_is_the_same_map(land):
    data = land.coded(land.clouded(0))
    chunked = fit_blocks(data.chunk(time=1, y=64, x=64), land.k, memory=1 << 20)
    np.testing.assert_array_equal(chunked.labels, cluster_timeseries(data, land.k).labels.values)
