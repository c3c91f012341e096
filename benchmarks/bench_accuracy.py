"""How true the maps are: NDVI and series clusters of a whole run on the simulation, against its truth.

    python benchmarks/bench_accuracy.py

NDVI error: stored NDVI minus that of the noise-free reflectance, over pixels that are truly clear and kept by the mask, of
the tile whose grid is the
mosaic's, so that no resampling enters. ARI: adjusted Rand index of the labels against the true classes, at the true number
of classes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import rasterio
from sklearn.metrics import adjusted_rand_score

import mlbmi
from mlbmi.coding import decode
from mlbmi.simulate import Simulation, build_cached


def main() -> None:
    """Run, compare and print."""
    simulation = build_cached()
    dates, classes = simulation.recipe.dates, len(simulation.class_names)
    with tempfile.TemporaryDirectory() as folder:
        config = mlbmi.RunConfig(
            aoi=simulation.aoi,
            start=dates[0],
            end=dates[-1],
            catalog=str(simulation.catalog),
            n_clusters=classes,
            figures=False,
            out=Path(folder) / "out",
        )
        result = mlbmi.run(config)
        errors = ndvi_errors(result, simulation)
        print(f"NDVI error over {errors.size:,} clear pixel-dates: ", end="")
        print(f"median {np.median(errors):.4f}, 99th percentile {np.percentile(errors, 99):.4f}, largest {errors.max():.3f}")
        print(f"ARI of the series at k = {classes}: {ari(result.out, simulation, classes):.3f}")


def ndvi_errors(result: mlbmi.RunResult, simulation: Simulation) -> np.ndarray:
    """Return the absolute errors of every used scene of tile 33UUU."""
    scenes = [a.scene for a in result.record.acquisitions if a.status == "used" and a.scene.tile == "33UUU"]
    found = []
    for scene in scenes:
        with rasterio.open(result.out / "mosaic" / f"ndvi_{scene.date}.tif") as raster:
            got, where = decode(raster.read(1)), window(simulation, raster)
        red, nir = (simulation.true_reflectance("33UUU", scene.date, band)[where] for band in ("red", "nir"))
        seen = simulation.clear_mask("33UUU", scene.date)[where] & ~np.isnan(got)
        found.append(np.abs(got - (nir - red) / (nir + red))[seen])
    return np.concatenate(found)


def ari(out: Path, simulation: Simulation, classes: int) -> float:
    """Return the adjusted Rand index over the pixels that have a label."""
    with rasterio.open(out / "mosaic" / f"timeseries_ndvi_k{classes}.tif") as raster:
        labels, where = raster.read(1), window(simulation, raster)
    truth = simulation.truth_classes("33UUU")[0][where]
    return float(adjusted_rand_score(truth[labels != 255], labels[labels != 255]))


def window(simulation: Simulation, raster: rasterio.DatasetReader) -> tuple[slice, slice]:
    """Return the part of tile 33UUU's arrays that a map covers."""
    origin = simulation.geobox("33UUU").affine
    row, column = round((origin.f - raster.transform.f) / 10), round((raster.transform.c - origin.c) / 10)
    return slice(row, row + raster.height), slice(column, column + raster.width)


if __name__ == "__main__":
    main()
