"""What `mlbmi doctor` looks at: does this installation work, and if not, what to do."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import tempfile
from pathlib import Path

from mlbmi.diagnosis.checks import Check

__all__ = ["diagnose"]

_LIBRARIES = ("numpy", "numba", "scikit-learn", "xarray", "zarr", "dask", "rasterio", "odc-stac", "odc-geo", "pystac-client")
_LOW_SPACE_BYTES = 2 * 1024**3


def diagnose() -> list[Check]:
    """Run every check; none raises, none uses the network.

    Returns
    -------
    list of Check
        In a fixed order.
    """
    return [_python(), *[_library(name) for name in _LIBRARIES], _gdal(), _kernels(), _threads(), _space()]


def _python() -> Check:
    return Check("Python", sys.version_info >= (3, 11), sys.version.split()[0], "Use Python 3.11 or newer.")


def _library(name: str) -> Check:
    try:
        return Check(name, ok=True, found=importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, ok=False, found="not installed", remedy=f"pip install {name}")


def _gdal() -> Check:
    """Write and open a COG in a folder of its own: finds wheels without the driver and broken PROJ data alike."""
    import numpy as np
    import rasterio
    from rasterio.errors import RasterioError

    profile = {"driver": "COG", "width": 16, "height": 16, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "test.tif"
            with rasterio.open(path, "w", transform=rasterio.Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
                raster.write(np.arange(256, dtype=np.uint8).reshape(1, 16, 16))
            with rasterio.open(path) as raster:
                whole = bool(raster.read(1)[15, 15] == 255) and raster.crs.to_epsg() == 32633
    except (RasterioError, OSError) as error:
        return Check("GDAL", ok=False, found=str(error), remedy="Reinstall rasterio; unset GDAL_DATA and PROJ_LIB.")
    return Check("GDAL", whole, f"{rasterio.__gdal_version__}, writes and reads COGs", "" if whole else "Reinstall rasterio.")


def _kernels() -> Check:
    """Cluster six numbers: finds a Numba that cannot compile here."""
    import numpy as np

    from mlbmi.cluster import KMeans1D

    values = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])[:, np.newaxis]
    try:
        centers = KMeans1D(n_clusters=2).fit(values).cluster_centers_.ravel()
    except (ImportError, RuntimeError, TypeError) as error:
        return Check("kernels", ok=False, found=str(error), remedy="Reinstall numba and numpy together.")
    ok = bool(np.allclose(centers, [0.2, 0.8]))
    return Check("kernels", ok, f"clusters six numbers into {centers.round(3).tolist()}", "" if ok else "Please report this.")


def _threads() -> Check:
    import numba

    return Check("threads", ok=True, found=f"{numba.get_num_threads()} of {os.cpu_count()} processors")


def _space() -> Check:
    from platformdirs import user_cache_path

    cache = Path(os.environ.get("MLBMI_CACHE") or user_cache_path("mlbmi"))
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    ok = free > _LOW_SPACE_BYTES and os.access(existing, os.W_OK)
    return Check("cache folder", ok, f"{cache}, {free / 1e9:.0f} GB free", "" if ok else "Point MLBMI_CACHE elsewhere.")
