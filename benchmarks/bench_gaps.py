"""What missing dates cost: agreement with the simulation's true classes, for K-means with gaps and for what else one might do.

    python benchmarks/bench_gaps.py                 # a small land, three seeds
    python benchmarks/bench_gaps.py --full --seeds 5

True NDVI of every date, with noise, is clustered complete, then with three in ten values missing at random, then with the
simulation's clouds (under further seeds: moved, and on other dates). ARI: adjusted Rand index over the labelled pixels, at the
true number of classes; mean and range over the seeds. "Complete pixels" are those that would be left if incomplete ones were
dropped, of the dates on which anything was seen; the other rows fill the gaps, then cluster complete series.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import adjusted_rand_score

from mlbmi.cluster import KMeans
from mlbmi.simulate import DEMO_DATES, Recipe, Simulation, build_cached
from mlbmi.simulate.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

TILE = "33UUU"
NOISE = 0.02


def true_ndvi(simulation: Simulation) -> np.ndarray:
    """Return NDVI (dates, rows, columns), float32; the land is drawn once for all dates."""
    stage = Stage(simulation.recipe)
    images = []
    for day in simulation.recipe.dates:
        surfaces = [stage.surface(TILE, day, block) for block in stage.blocks(TILE)]
        red, nir = (np.concatenate([surface.reflectance(band) for surface in surfaces]) for band in ("red", "nir"))
        images.append((nir - red) / (nir + red))
    return np.array(images, np.float32)


def scattered(clear: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(clear.shape, np.float32) >= 0.3


def clouded(clear: np.ndarray, seed: int) -> np.ndarray:
    if seed == 0:
        return clear
    random = np.random.default_rng(seed)
    moved = [np.roll(mask, tuple(random.integers(clear.shape[1:])), (0, 1)) for mask in clear]
    return np.array(moved)[random.permutation(len(moved))]


def by_date(rows: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(rows), np.nanmean(rows, axis=0), rows)


def by_pixel(rows: np.ndarray) -> np.ndarray:
    seen = ~np.isnan(rows)
    means = np.nansum(rows, axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.where(seen, rows, means[:, None])


def by_time(rows: np.ndarray) -> np.ndarray:
    """Interpolate between the nearest dates seen; dates count alike."""
    seen, place = ~np.isnan(rows), np.arange(rows.shape[1])
    before = np.maximum.accumulate(np.where(seen, place, -1), axis=1)
    after = np.minimum.accumulate(np.where(seen, place, len(place))[:, ::-1], axis=1)[:, ::-1]
    before, after = np.where(before < 0, after, before), np.where(after == len(place), before, after)
    usable = seen.any(axis=1)
    low, high = (np.take_along_axis(rows[usable], at[usable], axis=1) for at in (before, after))
    share = (place - before[usable]) / np.maximum(after[usable] - before[usable], 1)
    filled = np.full_like(rows, np.nan)
    filled[usable] = low + share * (high - low)
    return filled


WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "gaps left as they are": lambda rows: rows,
    "gaps, partial='observed'": lambda rows: rows,
    "filled with the date's mean": by_date,
    "filled with the pixel's mean": by_pixel,
    "interpolated over time": by_time,
}


def agreement(rows: np.ndarray, classes: np.ndarray, k: int, seed: int, *, partial: str = "scaled") -> tuple[float, float]:
    """Return the ARI and the share of pixels that have a label."""
    least = max(2, -(-rows.shape[1] // 4))
    labels = KMeans(k, random_state=seed, min_observations=least, partial=partial).fit(rows.astype(np.float32)).labels_
    there = labels >= 0
    return float(adjusted_rand_score(classes[there], labels[there])), float(there.mean())


def show(title: str, values: list[tuple[float, float]]) -> None:
    scores = [score for score, _ in values]
    labelled = np.mean([share for _, share in values])
    spread = f"{np.mean(scores):.3f} ({min(scores):.3f}-{max(scores):.3f})"
    print(f"    {title:30s} ARI {spread}   {labelled:7.2%} of the pixels labelled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the demo's whole land instead of a small part")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    simulation = build_cached(Recipe() if given.full else Recipe.small(dates=DEMO_DATES, tiles=(TILE,)))
    classes, k = simulation.truth_classes(TILE)[0].reshape(-1), len(simulation.class_names)
    ndvi = true_ndvi(simulation)
    ndvi += np.random.default_rng(0).normal(0, NOISE, ndvi.shape).astype(np.float32)
    clear = np.array([simulation.clear_mask(TILE, day) for day in simulation.recipe.dates])
    rows = ndvi.reshape(len(ndvi), -1).T
    print(f"{classes.size:,} pixels x {len(ndvi)} dates, k = {k}, noise {NOISE}, {given.seeds} seeds")
    show("complete series", [agreement(rows, classes, k, seed) for seed in range(given.seeds)])
    for name, mask in (("missing at random", scattered), ("clouds", clouded)):
        compare(name, [mask(clear, seed) for seed in range(given.seeds)], rows, classes, k)


def compare(name: str, masks: list[np.ndarray], rows: np.ndarray, classes: np.ndarray, k: int) -> None:
    missing = np.mean([1 - mask.mean() for mask in masks])
    complete = np.mean([mask[mask.any(axis=(1, 2))].all(axis=0).mean() for mask in masks])
    print(f"  {name}: {missing:.1%} of the values missing; complete pixels: {complete:.3%}")
    for title, fill in WAYS.items():
        found = []
        for seed, mask in enumerate(masks):
            seen = mask.reshape(len(mask), -1).T
            gappy = np.where(seen, rows, np.nan)[:, seen.any(axis=0)]
            partial = "observed" if "observed" in title else "scaled"
            found.append(agreement(fill(gappy), classes, k, seed, partial=partial))
        show(title, found)


if __name__ == "__main__":
    main()
