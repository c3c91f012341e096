"""What decides a run, as text: the fingerprint, the settings and the versions for the run record."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from typing import TYPE_CHECKING, Any

from mlbmi._version import __version__
from mlbmi.errors import InputError
from mlbmi.hrefs import public_href
from mlbmi.write import sha256_file

if TYPE_CHECKING:
    from pathlib import Path

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.types import RunPlan

__all__ = ["fingerprint", "settings_json", "versions"]

_DECIDES_NOTHING = {"out", "workers", "overwrite", "allow_requester_pays"}
_LIBRARIES = (
    "numpy",
    "numba",
    "scikit-learn",
    "scipy",
    "xarray",
    "zarr",
    "dask",
    "rasterio",
    "odc-stac",
    "odc-geo",
    "pystac",
    "pystac-client",
    "shapely",
    "pyproj",
    "matplotlib",
    "spyndex",
)


def settings_json(config: RunConfig) -> dict[str, Any]:
    """Return the settings as JSON values; the catalogue's address without anything that could be a secret."""
    settings: dict[str, Any] = config.model_dump(mode="json")
    settings["catalog"] = public_href(config.catalog)
    return settings


def fingerprint(plan: RunPlan, config: RunConfig, aoi: AOI) -> str:
    """Return the SHA-256 of all that decides the results: settings, models, outline, items and version.

    Raises
    ------
    InputError
        If a model file is missing.
    """
    settings = {name: value for name, value in settings_json(config).items() if name not in _DECIDES_NOTHING}
    items = [
        (grid.name, day.date.isoformat(), [(scene.item_id, scene.baseline, scene.dialect) for scene in day.scenes])
        for grid in plan.grids
        for day in grid.days
    ]
    models = [_model_sum(path) for path in (config.model, *config.match) if path is not None]
    decides = [__version__, settings, models, aoi.geometry.wkb_hex, items]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _model_sum(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"there is no model file {str(path)!r}", remedy="Check the path.")
    return sha256_file(path)


def versions() -> dict[str, str]:
    """Return the versions of everything that touches the numbers."""
    import rasterio

    found = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"mlbmi": __version__, "python": platform.python_version(), "gdal": rasterio.__gdal_version__, **found}
