"""What a run or a download costs where the reader pays: estimated from metadata alone, before the first request for a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlbmi.access import Reading, check_payment, cost_of, requester_pays
from mlbmi.grid import aoi_geobox
from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlbmi.aoi import AOI
    from mlbmi.download import Wanted
    from mlbmi.types import Cost, Scene

__all__ = ["cost_of_download", "cost_of_reading"]

_TILE_M = 109_800
"""Side of a tile (SentiWiki, S2 Products)."""

_BLOCK = 1024
"""Side in pixels of the blocks of ESA's JP2 files, and of the public COGs."""

_REQUESTS_PER_BLOCK = 51
"""Range requests that GDAL 3.10 sent for a window of a JP2 within one block; a COG takes 4."""

_BYTES_PER_DN = 2
_SCL_GSD_M = 20


def cost_of_reading(scenes: Iterable[Scene], bands: Sequence[str], aoi: AOI, *, allowed: bool) -> Cost:
    """Return what reading an area from scenes costs at most: whole blocks, uncompressed.

    Parameters
    ----------
    scenes : iterable of Scene
    bands : sequence of str
        Canonical bands, ``scl`` among them if it is read.
    aoi : AOI
    allowed : bool
        Whether it may cost anything.

    Raises
    ------
    PaymentError
        If it does and it may not.
    """
    readings = (
        Reading(scene.assets[band].href, blocks * _BLOCK**2 * _BYTES_PER_DN, blocks * _REQUESTS_PER_BLOCK)
        for scene in scenes
        for band in bands
        if band in scene.assets and requester_pays(scene.assets[band].href)
        for blocks in [_blocks(scene, band, aoi)]
    )
    return _allowed(readings, allowed=allowed)


def cost_of_download(wanted: Iterable[Wanted], *, part_bytes: int, allowed: bool) -> Cost:
    """Return what fetching whole files costs at most: every pixel, uncompressed.

    Parameters
    ----------
    wanted : iterable of Wanted
        Files that are not there yet.
    part_bytes : int
        Bytes of one request.
    allowed : bool
        Whether it may cost anything.

    Raises
    ------
    PaymentError
        If it does and it may not.
    """
    sizes = ((one.href, (_TILE_M // _gsd_m(one.band)) ** 2 * _BYTES_PER_DN) for one in wanted)
    return _allowed((Reading(href, size, size // part_bytes + 1) for href, size in sizes), allowed=allowed)


def _allowed(readings: Iterable[Reading], *, allowed: bool) -> Cost:
    cost = cost_of(readings)
    check_payment(cost, allowed=allowed)
    return cost


def _blocks(scene: Scene, band: str, aoi: AOI) -> int:
    """Count the blocks of a tile's file that an area touches at most."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    gsd = _gsd_m(band)
    lattice = GeoBox((1, 1), Affine(gsd, 0, 0, 0, -gsd, 0), f"EPSG:{scene.epsg}")
    area = aoi_geobox(lattice, aoi, clip=False)
    height, width = (0, 0) if area is None else (min(side, _TILE_M // gsd) for side in area.shape)
    return (height // _BLOCK + 2) * (width // _BLOCK + 2)


def _gsd_m(band: str) -> int:
    return BANDS[band].gsd_m if band in BANDS else _SCL_GSD_M
