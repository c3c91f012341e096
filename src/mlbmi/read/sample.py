"""A small, even sample of a scene's pixels, from the overview that serves: what the offset is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlbmi.read.access import gdal_options
from mlbmi.read.driver import windows_of
from mlbmi.read.failures import read_error
from mlbmi.read.header import native_geobox
from mlbmi.read.offset_evidence import EVIDENCE_BANDS, Sample
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
    """
    if not {"red", "scl"} <= set(scene.assets):
        return None
    pixels = {band: _read(scene, scene.assets[band], geobox) for band in (*EVIDENCE_BANDS, "scl") if band in scene.assets}
    scl = pixels.pop("scl")
    return Sample(bands=pixels, scl=scl)


def _read(scene: Scene, asset: Asset, geobox: GeoBox) -> NDArray[np.unsignedinteger[Any]]:
    import rasterio

    dtype = "uint8" if asset.band == "scl" else "uint16"
    try:
        with rasterio.Env(**gdal_options(asset.href)):
            level = _overview(asset.href, abs(geobox.resolution.x))
            options = {} if level is None else {"overview_level": level}
            with rasterio.open(asset.href, sharing=False, **options) as source:
                return nearest(windows_of(source, dtype), native_geobox(source), geobox, dtype)
    except (rasterio.errors.RasterioError, rasterio.errors.CRSError, OSError, ValueError) as error:
        # "from None": GDAL's message may hold a signed address, and all that it says is in the line already.
        raise read_error(f"band {asset.band} of {scene.item_id}", asset.href, error) from None


def _overview(href: str, resolution: float) -> int | None:
    """Return the coarsest overview whose pixels are no larger than the resolution, by number; None: the pixels themselves."""
    import rasterio

    with rasterio.open(href, sharing=False) as source:
        factors = source.overviews(1)
        fitting = [level for level, factor in enumerate(factors) if source.res[0] * factor <= resolution * (1 + 1e-6)]
    return fitting[-1] if fitting else None
