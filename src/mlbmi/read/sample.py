"""A small, even sample of a scene's pixels, from the overview that serves: what the offset is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlbmi.read.driver import windows_of
from mlbmi.read.header import native_geobox
from mlbmi.read.offset_evidence import EVIDENCE_BANDS, Sample
from mlbmi.read.opened import with_raster
from mlbmi.read.resample import nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

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
    pixels = {band: _read(scene, scene.assets[band], geobox) for band in (*EVIDENCE_BANDS, "scl") if band in scene.assets}
    scl = pixels.pop("scl")
    return Sample(bands=pixels, scl=scl)


def _read(scene: Scene, asset: Asset, geobox: GeoBox) -> NDArray[np.unsignedinteger[Any]]:
    dtype = "uint8" if asset.band == "scl" else "uint16"

    def use(source: Any) -> NDArray[np.unsignedinteger[Any]]:
        import rasterio

        level = _overview(source, abs(geobox.resolution.x))
        if level is None:
            return nearest(windows_of(source, dtype), native_geobox(source), geobox, dtype)
        with rasterio.open(source.name, sharing=False, overview_level=level) as overview:
            return nearest(windows_of(overview, dtype), native_geobox(overview), geobox, dtype)

    return with_raster(asset.href, f"band {asset.band} of {scene.item_id}", use)


def _overview(source: Any, resolution: float) -> int | None:
    """Return the coarsest overview whose pixels are no larger than the resolution, by number; None: the pixels themselves."""
    fitting = [level for level, factor in enumerate(source.overviews(1)) if source.res[0] * factor <= resolution * (1 + 1e-6)]
    return fitting[-1] if fitting else None
