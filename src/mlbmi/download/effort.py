"""What a window of a remote JPEG 2000 file costs, and what the whole file does: requests × latency + bytes ÷ bandwidth.

A reader finds a tile of a code stream only by going from the header of one tile to that of the next (ISO/IEC 15444-1, A.4.2;
ESA's files have no table of them): one small request for each tile before the wanted one, each waiting for the one before.
Counted with GDAL 3.10 and nginx, ``benchmarks/bench_jp2.py``: 3 requests for a window in the first tile of 36, 38 in the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlbmi.download.fetch import PART_BYTES

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

__all__ = ["Effort", "effort_of_whole", "effort_of_window", "whole_is_cheaper"]

LATENCY_S = 0.1
"""Seconds to the first byte: 100–200 ms (AWS, Best practices design patterns: optimizing Amazon S3 performance)."""

BANDWIDTH_BYTES_PER_S = 12.5e6
"""A line of 100 Mbit/s, an assumption. On a faster one whole files are cheaper than said here."""

BYTES_PER_PIXEL = 1.0
"""Of a band, lossless; a 10 m band has 100–130 MB for 120 million pixels."""

BYTES_PER_PIXEL_OF_CLASSES = 0.05
"""Of the scene classification: large areas of one value."""

TILE_PX = 1024
"""Side of the tiles of ESA's code streams."""

_OPENING = 2
_HEADER_BYTES = 16_384
"""What GDAL asks for at least (``CPL_VSIL_CURL_CHUNK_SIZE``)."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Requests and bytes.

    Attributes
    ----------
    requests : int
    bytes : float
    """

    requests: int
    bytes: float

    @property
    def seconds(self) -> float:
        """Expected time."""
        return self.requests * LATENCY_S + self.bytes / BANDWIDTH_BYTES_PER_S


def effort_of_whole(native: GeoBox, bytes_per_pixel: float) -> Effort:
    """Return the cost of fetching a file, in parts."""
    size = native.shape[0] * native.shape[1] * bytes_per_pixel
    return Effort(-int(-size // PART_BYTES), size)


def effort_of_window(native: GeoBox, window: GeoBox, bytes_per_pixel: float) -> Effort:
    """Return the cost of reading a window of a JPEG 2000 file over HTTP."""
    column, row = (round(edge) for edge in ~native.affine * (window.affine.c, window.affine.f))
    columns = range(column // TILE_PX, (column + window.shape[1] - 1) // TILE_PX + 1)
    rows = range(row // TILE_PX, (row + window.shape[0] - 1) // TILE_PX + 1)
    before = rows[-1] * -(-native.shape[1] // TILE_PX) + columns[-1]
    tiles = len(rows) * len(columns)
    return Effort(_OPENING + before + 1, before * _HEADER_BYTES + tiles * TILE_PX**2 * bytes_per_pixel)


def whole_is_cheaper(native: GeoBox, window: GeoBox, *, classes: bool) -> bool:
    """Say whether fetching a whole JPEG 2000 file takes less time than reading a window of it.

    Parameters
    ----------
    native : GeoBox
        Grid of the file.
    window : GeoBox
        What is needed of it, on the same lattice.
    classes : bool
        Whether it is the scene classification.

    Examples
    --------
    >>> from odc.geo.geobox import GeoBox
    >>> band = GeoBox.from_bbox((300000, 5790240, 409800, 5900040), "EPSG:32633", resolution=10)
    >>> [whole_is_cheaper(band, band[at : at + 300, at : at + 300], classes=False) for at in (100, 5000, 10500)]
    [False, False, True]
    >>> whole_is_cheaper(band, band[2000:9000, 2000:9000], classes=False)
    True
    >>> classes = GeoBox.from_bbox((300000, 5790240, 409800, 5900040), "EPSG:32633", resolution=20)
    >>> whole_is_cheaper(classes, classes[2500:2650, 2500:2650], classes=True)
    True
    """
    density = BYTES_PER_PIXEL_OF_CLASSES if classes else BYTES_PER_PIXEL
    return effort_of_whole(native, density).seconds < effort_of_window(native, window, density).seconds
