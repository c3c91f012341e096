"""What the neighbourhood term adds to K-means, where it hurts, and what it costs.

    python benchmarks/bench_spatial.py [--pixels 2000000] [--size ROWS COLUMNS]

On the simulation: adjusted Rand index (ARI) against the true classes over all pixels and over those within one pixel of a true
border, and the share of border, road and building pixels whose cluster's commonest class is theirs. 12, 6 or 3 of the clearest
dates, as they are or with noise added and 30 % of the values missing at random. On Leipzig (real pixels, 97 labelled points;
$MLBMI_REALDATA, or shared/data beside the checkout): ARI at the points. Smoothness 0 is plain K-means.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from scipy.ndimage import maximum_filter, minimum_filter
from sklearn.metrics import adjusted_rand_score

import mlbmi
from mlbmi.cluster.spatial import smooth
from mlbmi.simulate import build_cached

REALDATA = Path(os.environ.get("MLBMI_REALDATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
LEVELS = (0.5, 1.0, 2.0)
ROADS, BUILDINGS = 2, 1


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=2_000_000, help="pixels of the timing")
    parser.add_argument("--size", type=int, nargs=2, default=(400, 400), help="rows and columns of the simulation that are used")
    options = parser.parse_args()
    cube, truth = landscape(tuple(options.size))
    settings(cube, truth)
    by_clusters(cube, truth)
    leipzig()
    timing(cube, options.pixels)


def landscape(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the simulation's NDVI (dates by clearness, y, x) and its true classes, a window around the middle."""
    simulation = build_cached()
    dates = simulation.recipe.dates
    aoi = mlbmi.AOI.from_file(simulation.aoi)
    scenes = mlbmi.search(aoi, start=dates[0], end=dates[-1], catalog=str(simulation.catalog))
    ndvi = mlbmi.load(scenes, aoi, indices=["ndvi"])["ndvi"]
    classes, box = simulation.truth_classes("33UUU")
    row, column = (round(gap / 10) for gap in (box.affine.f - float(ndvi.y[0]) - 5, float(ndvi.x[0]) - 5 - box.affine.c))
    truth = classes[row : row + ndvi.sizes["y"], column : column + ndvi.sizes["x"]]
    window = tuple(
        slice((full - min(part, full)) // 2, (full + min(part, full)) // 2) for full, part in zip(truth.shape, size, strict=True)
    )
    cube = ndvi.to_numpy()[(slice(None), *window)]
    clearness = np.isnan(cube).mean(axis=(1, 2)).argsort(kind="stable")
    return cube[clearness], truth[window]


def worse(cube: np.ndarray, dates: int, sd: float, missing: float) -> np.ndarray:
    """Return the clearest dates, in the order of clearness, with noise and gaps."""
    random = np.random.default_rng(0)
    values = cube[:dates] + random.normal(0, sd, cube[:dates].shape).astype(np.float32)
    values[random.random(values.shape) < missing] = np.nan
    return np.ascontiguousarray(values, np.float32)


def clustered(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (y, x) and centers of K-means."""
    model = mlbmi.KMeans(k).fit(values.reshape(len(values), -1).T)
    return model.labels_.astype(np.uint8).reshape(values.shape[1:]), model.cluster_centers_


def scores(labels: np.ndarray, truth: np.ndarray) -> list[float]:
    """Return ARI, ARI at borders, and the shares right: at borders, of roads, of buildings."""
    there = labels != 255
    border = there & (maximum_filter(truth, 3) != minimum_filter(truth, 3))
    table = np.zeros((256, 256), int)
    np.add.at(table, (labels[there], truth[there]), 1)
    right = table.argmax(axis=1)[labels] == truth
    found = [adjusted_rand_score(truth[among], labels[among]) for among in (there, border)]
    return found + [float(right[there & among].mean()) for among in (border, truth == ROADS, truth == BUILDINGS)]


def show(name: str, found: list[float]) -> None:
    print(f"  {name:<26}" + "".join(f"{value:10.4f}" for value in found))


def settings(cube: np.ndarray, truth: np.ndarray, k: int = 8) -> None:
    """Compare plain, contrast and no contrast on clean and on spoilt series."""
    for dates, sd, missing in (
        (12, 0, 0),
        (6, 0, 0),
        (3, 0, 0),
        (6, 0, 0.3),
        (6, 0.1, 0),
        (6, 0.1, 0.3),
        (6, 0.2, 0),
        (12, 0.1, 0),
    ):
        values = worse(cube, dates, sd, missing)
        labels, centers = clustered(values, k)
        print(f"\nsimulation, {dates} dates, noise {sd}, {missing:.0%} missing, k = {k}")
        print(f"  {'':<26}{'ARI':>10}{'ARI, b.':>10}{'border':>10}{'roads':>10}{'buildings':>10}")
        show("plain", scores(labels, truth))
        for contrast in (True, False):
            for level in LEVELS:
                name = f"smoothness {level:g}" + ("" if contrast else ", no contrast")
                show(name, scores(smooth(values, labels, centers, smoothness=level, contrast=contrast).labels, truth))


def by_clusters(cube: np.ndarray, truth: np.ndarray) -> None:
    """Show ARI by the number of clusters and smoothness."""
    for dates, sd, missing in ((12, 0, 0), (6, 0, 0.3), (6, 0.1, 0.3), (6, 0.2, 0)):
        values = worse(cube, dates, sd, missing)
        levels = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
        print(f"\nARI (border ARI) by k and smoothness: {dates} dates, noise {sd}, {missing:.0%} missing")
        print("   k  " + "".join(f"{level:>16g}" for level in (0, *levels)))
        for k in range(4, 9):
            labels, centers = clustered(values, k)
            maps = [labels, *(smooth(values, labels, centers, smoothness=level).labels for level in levels)]
            print(f"  {k:2d}  " + "".join("{:9.4f} {:.4f}".format(*scores(image, truth)[:2]) for image in maps))


def leipzig() -> None:
    """Show ARI at the labelled points."""
    folder = REALDATA / "real" / "leipzig-labelled"
    if not folder.is_dir():
        print(f"\nno labelled data at {folder}: Leipzig is left out")
        return
    points = gpd.read_file(folder / "leipzig_points.gpkg")
    with rasterio.open(folder / "leipzig_raster.tif") as source:
        stack = source.read().astype(np.float32)
        places = tuple(np.array([source.index(point.x, point.y) for point in points.geometry]).T)
    print(
        f"\nLeipzig, ARI at {len(points)} labelled points"
        + "".join(f"{level:>10g}" for level in (0, *LEVELS, 4))
        + "   (smoothness)"
    )
    for name, values in (("bands", stack[:7]), ("NDVI", stack[7:])):
        for k in (4, 5):
            labels, centers = clustered(values, k)
            for contrast in (True, False):
                maps: list[Any] = [smooth(values, labels, centers, smoothness=level, contrast=contrast) for level in (*LEVELS, 4)]
                found = [adjusted_rand_score(points.land_cover, image[places]) for image in (labels, *(m.labels for m in maps))]
                title = f"{name}, k = {k}{'' if contrast else ', no contrast'}"
                print(f"  {title:<33}" + "".join(f"{value:10.3f}" for value in found))


def timing(cube: np.ndarray, pixels: int, k: int = 5, repeats: int = 5) -> None:
    """Time smoothing of the default, on the window mirrored until it is large enough."""
    side = int(np.ceil(pixels**0.5))
    reps = [(0, -(-side // size) * size - size) for size in cube.shape[1:]]
    print(f"\ntime, {side * side:,} pixels × 12 dates, k = {k}; median of {repeats}")
    for name, sd, missing in (("clean", 0.0, 0.0), ("noise 0.1", 0.1, 0.0), ("30 % missing", 0.0, 0.3), ("noise 0.2", 0.2, 0.0)):
        tiled = np.pad(np.nan_to_num(cube[:12], nan=0.3), ((0, 0), *reps), mode="symmetric")[:, :side, :side]
        values = worse(tiled, 12, sd, missing)
        began = time.perf_counter()
        labels, centers = clustered(values, k)
        fit = time.perf_counter() - began
        smooth(values[:, :64, :64], labels[:64, :64], centers)  # compiles
        spent = []
        for _ in range(repeats):
            began = time.perf_counter()
            result = smooth(values, labels, centers)
            spent.append(time.perf_counter() - began)
        changed = (result.labels != labels).mean()
        seconds = statistics.median(spent)
        print(f"  {name:<14} K-means {fit:5.2f} s, smoothing {seconds:5.2f} s, {result.n_iter} updates, {changed:.2%} changed")


if __name__ == "__main__":
    main()
