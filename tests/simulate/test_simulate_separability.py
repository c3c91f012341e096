"""The classes can be told apart by their NDVI series, and by no less."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from mlbmi.aoi import AOI
from mlbmi.simulate import Recipe, outline_path
from mlbmi.simulate.instrument import digital_numbers
from mlbmi.simulate.scenes import plan_scenes
from mlbmi.simulate.stage import Stage
from mlbmi.simulate.surface import HALO
from mlbmi.simulate.weather import Weather, weather_on


@pytest.fixture(scope="module")
def clear_series() -> tuple[np.ndarray, np.ndarray]:
    """Return NDVI on the demo's clear dates as recorded, noise and all, over the reserve; and the true classes."""
    recipe = Recipe(tiles=("33UUU",), faults=())
    stage = Stage(recipe)
    inside = AOI.from_file(outline_path()).mask(stage.windows["33UUU"].geobox(10))
    (block,) = stage.blocks("33UUU")
    series = []
    for plan in plan_scenes(recipe):
        if weather_on(plan.date, recipe.seed) == Weather():
            view = stage.view(plan, block)
            red, nir = (digital_numbers(view, band, holds_offset=False).astype(np.float32) for band in ("red", "nir"))
            series.append(((nir - red) / (nir + red))[inside])
    return np.stack(series, axis=1), stage.ground("33UUU").cover[HALO:-HALO, HALO:-HALO][inside]


def test_kmeans_finds_the_eight_classes_in_series(clear_series: tuple[np.ndarray, np.ndarray]) -> None:
    series, classes = clear_series
    assert series.shape[1] >= 7
    some = np.random.default_rng(0).choice(len(series), 60_000, replace=False)
    labels = KMeans(8, n_init=5, random_state=0).fit_predict(series[some])
    assert 0.85 < adjusted_rand_score(classes[some], labels) < 1.0


def test_one_winter_date_is_not_enough(clear_series: tuple[np.ndarray, np.ndarray]) -> None:
    series, classes = clear_series
    some = np.random.default_rng(0).choice(len(series), 60_000, replace=False)
    labels = KMeans(8, n_init=3, random_state=0).fit_predict(series[some, :1])
    assert adjusted_rand_score(classes[some], labels) < 0.75


def test_classes_overlap_at_their_edges(clear_series: tuple[np.ndarray, np.ndarray]) -> None:
    series, classes = clear_series
    june = series[:, series.mean(axis=0).argmax()]
    spread = [float(june[classes == value].std()) for value in range(8)]
    assert min(spread) > 0.005
    assert max(spread) < 0.2
