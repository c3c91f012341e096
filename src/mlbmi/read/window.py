"""A window of a file on its own pixels, as they are: nothing resampled, nothing masked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.read.source import Source

__all__ = ["NativeWindow", "read_native"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NativeWindow:
    """Pixels of a file.

    Attributes
    ----------
    pixels : ndarray, shape geobox.shape
        In the file's own type.
    geobox : GeoBox
        Their grid, on the file's lattice and in its CRS.
    nodata : float or None
        As the file declares it.
    column, row : int
        Of the upper left pixel, in the file.
    """

    pixels: NDArray[Any]
    geobox: GeoBox
    nodata: float | None
    column: int
    row: int


def read_native(href: str, box: tuple[float, float, float, float], *, what: str) -> NativeWindow:
    """Read all pixels of a file that a box touches.

    Parameters
    ----------
    href : str
        URL or path.
    box : (float, float, float, float)
        Left, bottom, right, top in the CRS of the file, metres; what lies outside the file is passed over.
    what : str
        What to call it in an error, e.g. ``band red of S2A_33UUU_20200124_0_L2A``.

    Raises
    ------
    ReadError
        If the file cannot be opened or read, or the box lies outside it.
    PaymentError
        If it costs money that nobody has allowed.
    """
    from mlbmi.read.opened import with_raster

    def cut(source: Source) -> NativeWindow:
        native = source.geobox()
        rows, columns = _touched(native, box)
        return NativeWindow(
            pixels=source.read(rows, columns),
            geobox=native[rows, columns],
            nodata=source.dataset.nodata,
            column=columns.start,
            row=rows.start,
        )

    return with_raster(href, what, cut)


def _touched(native: GeoBox, box: tuple[float, float, float, float]) -> tuple[slice, slice]:
    left, top = ~native.affine * (box[0], box[3])
    right, bottom = ~native.affine * (box[2], box[1])
    rows = slice(max(math.floor(top), 0), min(math.ceil(bottom), native.shape[0]))
    columns = slice(max(math.floor(left), 0), min(math.ceil(right), native.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        raise ValueError("no pixel of it lies inside the area")
    return rows, columns
