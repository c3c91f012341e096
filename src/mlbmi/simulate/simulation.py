"""A built simulation: where its catalogue lies, and the truth that tests compare with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import InputError, ReadError
from mlbmi.sentinel2 import BANDS
from mlbmi.simulate.landscape import CLASS_NAMES
from mlbmi.simulate.recipe import FORMAT, Recipe
from mlbmi.simulate.stage import Stage
from mlbmi.simulate.surface import average

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["AOI_NAME", "MANIFEST", "Simulation", "classes_path", "clear_path"]

MANIFEST = "simulation.json"
"""File that says what the folder is; written last."""

AOI_NAME = "doeberitzer_multipolygon.geojson"
"""File with the outline, clipped to the recipe's bounds."""


def classes_path(folder: Path, tile: str) -> Path:
    """Return where a tile's true classes lie."""
    return folder / "truth" / f"classes_{tile}.tif"


def clear_path(folder: Path, tile: str, date: dt.date) -> Path:
    """Return where a tile-day's true clear mask lies."""
    return folder / "truth" / f"clear_{tile}_{date}.tif"


@dataclass(frozen=True, slots=True)
class Simulation:
    """A built simulation.

    Attributes
    ----------
    folder : Path
        Absolute.
    recipe : Recipe
    faults : mapping of str to tuple of str
        Item id → what is wrong with it on purpose, in words. Items that are not named are sound.
    """

    folder: Path
    recipe: Recipe
    faults: Mapping[str, tuple[str, ...]]

    @classmethod
    def open(cls, folder: Path) -> Simulation:
        """Open a folder that :func:`mlbmi.simulate.build` wrote.

        Raises
        ------
        ReadError
            If it is none, is of another format, or lacks a file.
        """
        manifest = _manifest(folder)
        for name, size in manifest["files"].items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != size:
                raise ReadError(f"{folder} is not whole: {name} is missing or has changed", remedy="Build it anew.")
        faults = {item: tuple(words) for item, words in manifest["faults"].items()}
        return cls(folder.absolute(), Recipe.from_dict(manifest["recipe"]), MappingProxyType(faults))

    @property
    def catalog(self) -> Path:
        """The static STAC catalogue."""
        return self.folder / "catalog.json"

    @property
    def aoi(self) -> Path:
        """The outline as GeoJSON."""
        return self.folder / AOI_NAME

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the true classes, by value."""
        return CLASS_NAMES

    def geobox(self, tile: str, *, gsd: int = 10) -> GeoBox:
        """Return the grid of a tile's files at a resolution in metres."""
        self._check(tile)
        return Stage(self.recipe).windows[tile].geobox(gsd)

    def truth_classes(self, tile: str) -> tuple[NDArray[np.uint8], GeoBox]:
        """Return the true land cover at 10 m and its grid.

        Returns
        -------
        (classes, geobox)
            uint8, an index into :attr:`class_names`: the class at each pixel's centre.
        """
        self._check(tile)
        return _read(classes_path(self.folder, tile)), self.geobox(tile)

    def clear_mask(self, tile: str, date: dt.date) -> NDArray[np.bool_]:
        """Return where the ground was truly seen, at 10 m: no cloud, shadow, snow or nodata (True = clear)."""
        self._check(tile, date)
        return _read(clear_path(self.folder, tile, date)).astype(bool)

    def true_reflectance(self, tile: str, date: dt.date, band: str) -> NDArray[np.float32]:
        """Return the ground's reflectance at the band's own resolution: what files would hold without air, snow and noise.

        Computed anew from the recipe, not read: what was written had to be the same, up to a factor on all bands of some per cent
        (viewing angle, atmospheric correction), half a per cent per band, the sensor's noise and the sky.

        Parameters
        ----------
        tile : str
        date : datetime.date
            Any of the recipe's.
        band : str
            Any Sentinel-2 band, recorded or not.

        Returns
        -------
        ndarray of float32
            0–1.
        """
        self._check(tile, date)
        if band not in BANDS:
            raise InputError(f"{band!r} is not a Sentinel-2 band", remedy=f"There are: {', '.join(BANDS)}.")
        stage = Stage(self.recipe)
        factor = BANDS[band].gsd_m // 10
        parts = [average(stage.surface(tile, date, block).reflectance(band), factor) for block in stage.blocks(tile)]
        return np.concatenate(parts)

    def _check(self, tile: str, date: dt.date | None = None) -> None:
        if tile not in self.recipe.tiles:
            raise InputError(f"tile {tile!r} is not in this simulation", remedy=f"There are: {', '.join(self.recipe.tiles)}.")
        if date is not None and date not in self.recipe.dates:
            raise InputError(f"{date} is not in this simulation", remedy=f"There are: {', '.join(map(str, self.recipe.dates))}.")


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        found = manifest["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadError(f"{folder} is not a simulation: {error}", remedy="Build one with mlbmi.simulate.build.") from error
    if found != FORMAT:
        raise ReadError(f"{folder} is a simulation of format {found}; this version reads {FORMAT}", remedy="Build it anew.")
    return dict(manifest)


def _read(path: Path) -> NDArray[Any]:
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(path) as file:
            return np.asarray(file.read(1))
    except RasterioError as error:
        raise ReadError(f"{path} cannot be read: {error}", remedy="Build the simulation anew.") from error
