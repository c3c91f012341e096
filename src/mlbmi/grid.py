"""On which grid: the pixels that an area needs, on a tile's own lattice, and the blocks to work through them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from odc.geo.geobox import GeoBox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlbmi.aoi import AOI

__all__ = ["aoi_geobox", "pixel_area_ha", "row_blocks", "sample_geobox"]


def aoi_geobox(native: GeoBox, aoi: AOI, *, clip: bool) -> GeoBox | None:
    """Cut the smallest window around an area out of a raster's own lattice of pixels.

    Parameters
    ----------
    native : GeoBox
        Grid of the raster as opened; north up, projected.
    aoi : AOI
        The area.
    clip : bool
        True: stay within the raster. False: go on along its lattice beyond its edge, as far as the area reaches.

    Returns
    -------
    GeoBox or None
        None where the window is empty: the area does not touch the raster.
    """
    bounds = aoi.to_crs(native.crs).bounds
    corners = [~native.affine * corner for corner in ((bounds[0], bounds[3]), (bounds[2], bounds[1]))]
    (left, top), (right, bottom) = corners
    # A vertex that lies on a pixel edge up to rounding must not drag in a further row or column.
    columns = (math.floor(left + 1e-6), math.ceil(right - 1e-6))
    rows = (math.floor(top + 1e-6), math.ceil(bottom - 1e-6))
    if clip:
        height, width = native.shape
        columns = (max(columns[0], 0), min(columns[1], width))
        rows = (max(rows[0], 0), min(rows[1], height))
    if columns[0] >= columns[1] or rows[0] >= rows[1]:
        return None
    affine = native.affine * native.affine.translation(columns[0], rows[0])
    return GeoBox((rows[1] - rows[0], columns[1] - columns[0]), affine, native.crs)


def pixel_area_ha(geobox: GeoBox) -> float:
    """Return the area of one pixel in hectares, on the plane of the grid's projected CRS.

    UTM's scale factor (0.9996 on the central meridian, area −0.08 %) is not corrected for, as in GDAL and QGIS.
    """
    return abs(geobox.affine.determinant) / 10_000


def sample_geobox(geobox: GeoBox, *, side: int) -> GeoBox:
    """Return a grid of about ``side`` × ``side`` pixels over another one, however large that is.

    A smaller grid is grown on all sides at its own resolution: what surrounds a small area is worth seeing too. A larger one is
    made coarser by a whole factor.

    Parameters
    ----------
    geobox : GeoBox
        North up.
    side : int
        Pixels of the longer side, at most, where the grid is coarsened; of each side, at least, where it is grown.

    Examples
    --------
    >>> from affine import Affine
    >>> tile = GeoBox((10980, 10980), Affine(10, 0, 300000, 0, -10, 5900040), "EPSG:32633")
    >>> sample_geobox(tile, side=128).resolution.x, sample_geobox(tile[:8, :300], side=128).shape
    (860.0, Shape2d(x=128, y=128))
    """
    factor = math.ceil(max(geobox.shape) / side)
    height, width = (max(math.ceil(length / factor), side) for length in geobox.shape)
    left, top = ((length * factor - own) // 2 for length, own in ((width, geobox.shape[1]), (height, geobox.shape[0])))
    affine = geobox.affine * geobox.affine.translation(-left, -top) * geobox.affine.scale(factor)
    return GeoBox((height, width), affine, geobox.crs)


def row_blocks(geobox: GeoBox, *, max_pixels: int, multiple: int = 1) -> Iterator[tuple[slice, GeoBox]]:
    """Split a grid into bands of whole rows.

    Parameters
    ----------
    geobox : GeoBox
        The grid.
    max_pixels : int
        Most pixels in a band, as far as ``multiple`` rows allow it.
    multiple : int
        Rows of each band but the last are a multiple of this: the rows of a chunk, so that no chunk is written twice.

    Yields
    ------
    (slice, GeoBox)
        The rows, and their grid.
    """
    height, width = geobox.shape
    step = max(1, max_pixels // max(1, width) // multiple) * multiple
    for start in range(0, height, step):
        rows = slice(start, min(start + step, height))
        yield rows, geobox[rows, :]
