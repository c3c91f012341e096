"""What masking finds and misses: beside the simulation's true clear mask, and outliers beside planted and beside true errors.

(1) Precision and recall of "not clear" by the scene classes alone, with dilation, with speckle released. (2) The outlier test per
pixel: share of truly wrong NDVIs that it finds (off the ground's by more than 0.15), and of right ones that it loses (off by less
than 0.05), beside the test of the original notebook: so many sigma from the median of each image. (3) Drops of 0.4 planted into
the true NDVI. (4) The test per date beside the share of wrong values.
"""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import mlbmi
from mlbmi.aoi import AOI
from mlbmi.indices import compute
from mlbmi.mask import clear_mask, date_deviations, find_outliers
from mlbmi.read import decide_offset, read_scene, to_reflectance
from mlbmi.simulate import Recipe, Simulation, build_cached

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

TILE = "33UUU"
WRONG, RIGHT = 0.15, 0.05
FLOOR, STEP = 0.02, 0.1


class Seen(NamedTuple):
    """A date: scene classes, NDVI as read and of the ground, and where the ground was truly seen."""

    date: dt.date
    scl: NDArray[np.uint8]
    ndvi: NDArray[np.float32]
    ground: NDArray[np.float32]
    clear: NDArray[np.bool_]


def look(simulation: Simulation) -> list[Seen]:
    """Read all dates of a tile through the package."""
    dates = simulation.recipe.dates
    area = AOI.from_file(simulation.aoi)
    scenes = mlbmi.search(area, start=dates[0], end=dates[-1], catalog=str(simulation.catalog), tiles=(TILE,))
    found = []
    for scene in scenes:
        dn = read_scene(scene, ("red", "nir", "scl"), simulation.geobox(TILE))
        seen = {band: to_reflectance(dn[band], decide_offset(scene, band)).values for band in ("red", "nir")}
        ground = {band: simulation.true_reflectance(TILE, scene.date, band) for band in ("red", "nir")}
        ndvi, truth = compute("ndvi", seen), compute("ndvi", ground)
        found.append(Seen(scene.date, dn["scl"].values, ndvi, truth, simulation.clear_mask(TILE, scene.date)))
    return found


def score_masks(seen: list[Seen]) -> None:
    """Print precision and recall of what is masked, over all dates."""
    print("\nmasked as not clear         precision  recall  clear pixels lost")
    for metres, speckle in ((0, 0), (20, 0), (60, 0), (100, 0), (200, 0), (0, 4), (60, 4), (100, 4)):
        hits = masked = unclear = lost = clear = 0
        for one in seen:
            mask = clear_mask(one.scl, dilate_px=metres // 10, speckle_px=4 * speckle)
            has_data = ~mask["nodata"].values
            away, bad = ~mask["valid"].values & has_data, ~one.clear & has_data
            hits, masked, unclear = hits + (away & bad).sum(), masked + away.sum(), unclear + bad.sum()
            lost, clear = lost + (away & ~bad).sum(), clear + (has_data & ~bad).sum()
        name = f"dilated {metres:3d} m, speckle {speckle}"
        print(f"{name:26s}  {hits / masked:9.3f}  {hits / unclear:6.3f}  {lost / clear:10.4f}")


def series_of(seen: list[Seen]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return NDVI after the default mask, and its error."""
    ndvi = np.stack([np.where(clear_mask(one.scl)["valid"].values, one.ndvi, np.nan) for one in seen])
    return ndvi, np.abs(ndvi - np.stack([one.ground for one in seen]))


def by_image(ndvi: NDArray[np.float32], n_sig: float) -> NDArray[np.bool_]:
    """Test as the original notebook did: distance from the image's median in its standard deviations."""
    middle, sigma = np.nanmedian(ndvi, axis=(1, 2), keepdims=True), np.nanstd(ndvi, axis=(1, 2), keepdims=True)
    return np.abs(ndvi - middle) > n_sig * sigma


def score_outliers(ndvi: NDArray[np.float32], error: NDArray[np.float32]) -> None:
    """Print hit and false-alarm rates against true errors."""
    wrong, right = error > WRONG, error < RIGHT
    share = wrong.sum() / np.isfinite(error).sum()
    print(f"\noutliers per pixel; {share:.1%} of what the mask keeps is wrong   hits  false alarms   wrong left")
    for n_sig in (3, 5, 10):
        for name, found in (
            ("over time, n_sig", find_outliers(ndvi, n_sig=n_sig, floor=FLOOR)),
            ("each image, n_sig", by_image(ndvi, n_sig)),
        ):
            left = (wrong & ~found).sum() / (np.isfinite(error) & ~found).sum()
            print(f"{name:18s} {n_sig:3d} {found[wrong].mean():39.3f} {found[right].mean():13.5f} {left:12.4f}")


def score_planted(seen: list[Seen]) -> None:
    """Print hit and false-alarm rates for drops of 0.4 planted into the ground's NDVI, where it is high enough for one."""
    rng = np.random.default_rng(7)
    ground = np.stack([np.where(clear_mask(one.scl)["valid"].values, one.ground, np.nan) for one in seen])
    ground += rng.normal(0, 0.01, ground.shape).astype(np.float32)
    where = (rng.random(ground.shape) < 0.01) & (ground > 0.5)
    planted = np.where(where, ground - 0.4, ground)
    print("\ndrops of 0.4 planted          hits  false alarms")
    for n_sig in (3, 5, 10):
        for name, found in (
            ("over time, n_sig", find_outliers(planted, n_sig=n_sig, floor=FLOOR)),
            ("each image, n_sig", by_image(planted, n_sig)),
        ):
            print(f"{name:18s} {n_sig:3d} {found[where].mean():12.3f} {found[~where & np.isfinite(ground)].mean():13.5f}")


def score_dates(seen: list[Seen], ndvi: NDArray[np.float32], error: NDArray[np.float32]) -> None:
    """Print the test per date beside what is wrong on it."""
    kept = [number for number, values in enumerate(ndvi) if np.isfinite(values).any()]
    sample = ndvi[kept][:, ::3, ::3].reshape(len(kept), -1)
    print("\ndate        kept   wrong   below both neighbours (limit)")
    for number, found in zip(kept, date_deviations(sample, step=STEP), strict=True):
        observed = np.isfinite(error[number])
        wrong = (error[number] > WRONG).sum() / observed.sum()
        verdict = "severe" if found.severe else "outlier" if found.outlying else ""
        print(f"{seen[number].date}  {observed.mean():5.2f}  {wrong:6.3f}  {found.share:6.3f} ({found.limit:.3f}) {verdict}")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="3 by 2 km instead of the whole reserve")
    small = parser.parse_args().small
    logging.disable(logging.WARNING)
    every = Recipe().dates
    seen = look(build_cached(Recipe.small(dates=every, faults=())) if small else build_cached())
    ndvi, error = series_of(seen)
    score_masks(seen)
    score_outliers(ndvi, error)
    score_planted(seen)
    score_dates(seen, ndvi, error)


if __name__ == "__main__":
    main()
