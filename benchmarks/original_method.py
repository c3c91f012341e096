"""The original notebook's method as a plain script: the peer that `bench_run.py` measures `mlbmi run` against.

Written anew after the description: for each date and tile, crop red and near infrared to the outline with rasterio's
mask, NDVI in NumPy, RobustScaler(1, 99), scikit-learn's K-means with ten starts on each image's grey levels; then stack
the dates of a tile and do the same on each pixel's series, the outside of the outline as zeros. Integer underflow is
avoided (the notebook's uint16 arithmetic is not what is measured here); everything else is as described: no cloud mask,
no offset, no missing values, results kept as arrays.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from rasterio.mask import mask
from sklearn.cluster import KMeans
from sklearn.preprocessing import RobustScaler


def _read(path: Path, outline: gpd.GeoDataFrame) -> np.ndarray:
    with rasterio.open(path) as raster:
        return mask(raster, outline.to_crs(raster.crs).geometry, crop=True)[0][0].astype(np.float64)


def _ndvi(item: Path, outline: gpd.GeoDataFrame) -> np.ndarray:
    assets = json.loads(item.read_text())["assets"]
    red, nir = (_read(item.parent / assets[key]["href"], outline) for key in ("red", "nir"))
    total = nir + red
    return np.divide(nir - red, total, out=np.zeros_like(total), where=total != 0)


def _cluster(samples: np.ndarray, n_clusters: int) -> np.ndarray:
    scaled = RobustScaler(quantile_range=(1, 99)).fit_transform(samples)
    return KMeans(n_clusters=n_clusters, n_init=10, random_state=0).fit(scaled).labels_


def main() -> None:
    """Run the method over a static catalogue and save the label arrays."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("aoi", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--items", nargs="+", required=True, help="ids of the items to use, as `mlbmi run` used them")
    parser.add_argument("--n-clusters", type=int, default=5)
    options = parser.parse_args()
    outline = gpd.read_file(options.aoi)
    options.out.mkdir(parents=True, exist_ok=True)
    series: dict[str, list[np.ndarray]] = defaultdict(list)
    for path in sorted(options.catalog.parent.rglob("S2*.json")):
        if path.stem not in options.items:
            continue
        image = _ndvi(path, outline)
        labels = _cluster(image.reshape(-1, 1), options.n_clusters)
        np.save(options.out / f"{path.stem}.npy", labels.reshape(image.shape).astype(np.uint8))
        series[path.stem.split("_")[1]].append(image)
    for tile, images in series.items():
        stack = np.stack([image.ravel() for image in images], axis=1)
        np.save(options.out / f"{tile}.npy", _cluster(stack, options.n_clusters).reshape(images[0].shape).astype(np.uint8))


if __name__ == "__main__":
    main()
