"""A small, even sample of a scene's pixels, from the overview that serves: what the offset is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlbmi.read.access import begun_now, current_settings
from mlbmi.read.driver import windows_of
from mlbmi.read.offset_evidence import EVIDENCE_BANDS, Sample
from mlbmi.read.opened import with_raster
from mlbmi.read.pool import readers
from mlbmi.read.resample import nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.read.access import ReadSettings
    from mlbmi.read.source import Source
    from mlbmi.types import Asset, Scene

__all__ = ["read_sample"]


def read_sample(scene: Scene, geobox: GeoBox) -> Sample | None:
    """Read the bands by which an offset is judged, and the scene classes, on a coarse grid.

    Parameters
    ----------
    scene : Scene
        The scene.
    geobox : GeoBox
        The grid; where it is coarser than a file's pixels, the coarsest overview is read that is no coarser than it.

    Returns
    -------
    Sample or None
        None if the scene has no red band or no classes. Blue and nir are in it where the scene has them.

    Raises
    ------
    ReadError
        If a file cannot be read.
    PaymentError
        If it costs money that nobody has allowed.
    """
    if not {"red", "scl"} <= set(scene.assets):
        return None
    settings = current_settings()
    under_way = {
        band: readers().submit(begun_now().run, _read, scene, scene.assets[band], geobox, settings)
        for band in (*EVIDENCE_BANDS, "scl")
        if band in scene.assets
    }
    try:
        pixels = {band: future.result() for band, future in under_way.items()}
    finally:
        for future in under_way.values():
            future.cancel()
    scl = pixels.pop("scl")
    return Sample(bands=pixels, scl=scl)


def _read(scene: Scene, asset: Asset, geobox: GeoBox, settings: ReadSettings) -> NDArray[np.unsignedinteger[Any]]:
    dtype = "uint8" if asset.band == "scl" else "uint16"

    def use(source: Source) -> NDArray[np.unsignedinteger[Any]]:
        level = _overview(source, abs(geobox.resolution.x), classes=asset.band == "scl")
        if level is None:
            return nearest(windows_of(source, dtype), source.geobox(), geobox, dtype)
        with source.overview(level) as overview:
            return nearest(windows_of(overview, dtype), overview.geobox(), geobox, dtype)

    return with_raster(asset.href, f"band {asset.band} of {scene.item_id}", use, settings)


def _overview(source: Source, resolution: float, *, classes: bool) -> int | None:
    """Return the coarsest overview whose pixels are no larger than the resolution, by number; None: the pixels themselves.

    JPEG 2000 computes its overviews by averaging: good enough for reflectance, and no classes.
    """
    computed = source.dataset.driver != "GTiff" and not classes
    factors = list(source.dataset.overviews(1)) if computed else source.factors()
    finest = source.dataset.res[0]
    fitting = [level for level, factor in enumerate(factors) if finest * factor <= resolution * (1 + 1e-6)]
    return fitting[-1] if fitting else None
