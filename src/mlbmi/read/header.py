"""What a raster's header says about where its pixels lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from mlbmi.types import Asset

__all__ = ["native_geobox", "open_geobox"]


def open_geobox(asset: Asset) -> GeoBox:
    """Open a raster and return its own grid; its header is read, no pixel is.

    Parameters
    ----------
    asset : Asset
        The file.

    Returns
    -------
    GeoBox
        North up, in a projected CRS.

    Raises
    ------
    ReadError
        If the file cannot be opened, has no CRS or a geographic one, or is not north up.
    PaymentError
        If it costs money that nobody has allowed.
    """
    from mlbmi.read.opened import with_raster

    return with_raster(asset.href, f"asset {asset.key!r}", lambda source: source.geobox())


def native_geobox(source: Any) -> GeoBox:
    """Return the grid of an open rasterio data set.

    Raises
    ------
    ValueError
        If it has no CRS or a geographic one, or is not north up: the reason, to be completed by the caller.
    """
    from odc.geo.geobox import GeoBox

    if source.crs is None:
        raise ValueError("it names no coordinate reference system; a georeferenced file is needed")
    if not source.crs.is_projected:
        raise ValueError(f"its CRS {source.crs.to_string()[:60]} is not projected; a projected one, such as UTM, is needed")
    affine = source.transform
    if not (affine.a > 0 > affine.e and affine.b == affine.d == 0):
        raise ValueError(f"its transform {tuple(affine)[:6]} is not north up; rows must run south and columns east")
    epsg = source.crs.to_epsg()
    return GeoBox(source.shape, affine, f"EPSG:{epsg}" if epsg else source.crs.to_wkt())
