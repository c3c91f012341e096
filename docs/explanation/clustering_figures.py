"""Draw the figures of clustering.md from the simulated reserve: random starts beside the optimum, gaps, and the choice of k.

    python docs/explanation/clustering_figures.py

Takes about two minutes, and as long again for the simulation where it was never made.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import sklearn.cluster
import xarray as xr
from matplotlib.figure import Figure
from sklearn.metrics import adjusted_rand_score

import mlbmi
from mlbmi.cluster.exact import histogram, solve
from mlbmi.simulate import Simulation, build_cached
from mlbmi.write import save_figure, selection_figure

IMAGES = Path(__file__).with_name("images")
GREEN, ORANGE, GREY = "#117744", "#cc6611", "#666666"
CLEAR = 0.97
"""Least clear share of the dates on which gaps are tried out."""


def ndvi_of(simulation: Simulation) -> xr.DataArray:
    aoi = mlbmi.AOI.from_file(simulation.aoi)
    first, last = simulation.recipe.dates[0], simulation.recipe.dates[-1]
    scenes = mlbmi.search(aoi, start=first, end=last, catalog=str(simulation.catalog))
    return mlbmi.load(scenes, aoi)["ndvi"]


def exactness(ndvi: xr.DataArray) -> Figure:
    """Fifty random starts of scikit-learn for each k, as the excess of their squared error over the optimum."""
    steps = np.rint(ndvi.values[~np.isnan(ndvi.values)] * 1e4).astype(np.int16)
    levels, counts = histogram(steps)
    used = counts > 0
    values, weights = levels[used, None] / 1e4, counts[used].astype(float)
    optimum = solve(levels, counts, 10)
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    for k in range(3, 11):
        excess = [
            sklearn.cluster.KMeans(k, n_init=1, random_state=seed).fit(values, sample_weight=weights).inertia_
            / (optimum[k].sse * 1e-8)
            - 1
            for seed in range(50)
        ]
        axes.plot(k + np.linspace(-0.25, 0.25, 50), 100 * np.sort(excess), ".", color=ORANGE, markersize=4)
    axes.axhline(0, color=GREEN, linewidth=2)
    axes.text(2.75, -1.5, "the optimum: mlbmi.KMeans1D, always", color=GREEN, va="top")
    axes.set_ylim(bottom=-8)
    axes.set(
        xlabel="number of clusters",
        ylabel="squared error above\nthe optimum, per cent",
        title="NDVI of all dates: 50 random starts",
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def gaps(simulation: Simulation, ndvi: xr.DataArray) -> Figure:
    """Agreement with the true classes where dates go missing at random, for three ways to deal with that."""
    days = ndvi.isel(time=(ndvi.notnull().sum(("y", "x")) / ndvi.notnull().any("time").sum() >= CLEAR).values)
    classes, geobox = simulation.truth_classes("33UUU")
    truth = xr.DataArray(
        classes, dims=("y", "x"), coords={name: coord.values for name, coord in geobox.coordinates.items()}
    ).reindex(y=days["y"], x=days["x"], fill_value=255)
    complete = days.notnull().all("time").values & (truth.values < len(simulation.class_names))
    rows, names = days.values[:, complete].T, truth.values[complete]
    random = np.random.default_rng(0)
    chosen = random.choice(len(names), 60_000, replace=False)
    rows, names = rows[chosen], names[chosen]
    shares = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    found = {way: [] for way in ("leave gaps out (mlbmi)", "fill with the date's mean", "drop pixels with gaps")}
    for share in shares:
        gappy = np.where(random.random(rows.shape) < share, np.nan, rows)
        for way, scores in found.items():
            scores.append(_agreement(way, gappy, names))
    return _gap_figure(shares, found, rows.shape[1])


def _agreement(way: str, gappy: np.ndarray, names: np.ndarray) -> tuple[float, float]:
    """Return the adjusted Rand index and the share of pixels that have a label."""
    k = len(np.unique(names))
    whole = ~np.isnan(gappy).any(axis=1)
    if way.startswith("drop"):
        if whole.sum() < 10 * k:
            return np.nan, float(whole.mean())
        return float(adjusted_rand_score(names[whole], mlbmi.KMeans(k).fit_predict(gappy[whole]))), float(whole.mean())
    if way.startswith("fill"):
        gappy = np.where(np.isnan(gappy), np.nanmean(gappy, axis=0), gappy)
    labels = mlbmi.KMeans(k, min_observations=2).fit_predict(gappy)
    there = labels >= 0
    return float(adjusted_rand_score(names[there], labels[there])), float(there.mean())


def _gap_figure(shares: np.ndarray, found: dict[str, list[tuple[float, float]]], dates: int) -> Figure:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (way, scores), colour in zip(found.items(), (GREEN, ORANGE, GREY), strict=True):
        values = np.array(scores)
        left.plot(100 * shares, values[:, 0], "o-", color=colour, label=way)
        right.plot(100 * shares, 100 * values[:, 1], "o-", color=colour, label=way)
    left.set(xlabel="dates missing at random, per cent", title="Agreement with the true classes (ARI)", ylim=(0, 1.02))
    right.set(xlabel="dates missing at random, per cent", title="Pixels with a label, per cent", ylim=(0, 103))
    left.legend(frameon=False, loc="lower left", fontsize=9)
    figure.suptitle(f"Series of {dates} dates", fontsize=10, color=GREY)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    simulation = build_cached()
    ndvi = ndvi_of(simulation)
    IMAGES.mkdir(exist_ok=True)
    save_figure(exactness(ndvi), IMAGES / "exactness.png")
    save_figure(gaps(simulation, ndvi), IMAGES / "gaps.png")
    save_figure(selection_figure(mlbmi.select_n_clusters(ndvi), credit="Simulated data"), IMAGES / "selection.png")


if __name__ == "__main__":
    main()
