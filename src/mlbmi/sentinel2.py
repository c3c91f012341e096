"""What Sentinel-2 Level-2A is: bands, scene classes, tiles, quantification.

Each constant is born here, with its source. Band centres and ground sampling distances: ESA, Sentinel-2 MSI user guide
(SentiWiki, "S2 Mission", spectral bands of S2A, rounded). Scene classes: SentiWiki, "S2 Processing", Level-2A algorithms.
Quantification and offset: SentiWiki, "S2 Products", processing baseline 04.00 of 25 January 2022.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BANDS",
    "BASELINE_WITH_OFFSET",
    "BOA_ADD_OFFSET",
    "DN_NODATA",
    "DN_RINGING",
    "DN_SATURATED",
    "DN_WRAPPED",
    "QUANTIFICATION",
    "SCL",
    "SCL_KEEP",
    "TILE_SIZE_M",
    "Band",
    "baseline_number",
    "is_tile",
    "tile_epsg",
]

QUANTIFICATION = 10_000
"""DN per unit of reflectance (BOA_QUANTIFICATION_VALUE)."""

BOA_ADD_OFFSET = -1000
"""DN to add before dividing, in every reflectance band, from :data:`BASELINE_WITH_OFFSET` on; 0 before."""

BASELINE_WITH_OFFSET = (4, 0)
"""First processing baseline, (major, minor), whose products carry :data:`BOA_ADD_OFFSET`."""

DN_NODATA = 0
"""DN that means "no data" in every reflectance band."""

DN_RINGING = 9
"""Largest DN that lossy compression leaves behind where there was no data: 1-9 are met at the rims of such files."""

DN_SATURATED = 2**15 - 1
"""DN from which a pixel was too bright to measure: products are coded in 15 bits, and 65535 is ESA's own mark for it."""

DN_WRAPPED = 2**16 + BOA_ADD_OFFSET
"""DN from which, 65535 apart, a negative number was stored as an unsigned one by who took 1000 off it (earth-search issue 78)."""

TILE_SIZE_M = 109_800
"""Side of an MGRS tile of Sentinel-2, in metres: 10 980 pixels at 10 m."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band of the multispectral instrument.

    Attributes
    ----------
    name : str
        Canonical name in this package: the asset key of Earth Search v1 (``red``, ``nir``, ``rededge1``, …).
    esa : str
        ESA's name, ``B01`` … ``B12``, ``B8A``.
    centre_nm : int
        Central wavelength in nanometres.
    gsd_m : int
        Ground sampling distance in metres.
    """

    name: str
    esa: str
    centre_nm: int
    gsd_m: int


BANDS: Mapping[str, Band] = MappingProxyType(
    {
        band.name: band
        for band in (
            Band("coastal", "B01", 443, 60),
            Band("blue", "B02", 490, 10),
            Band("green", "B03", 560, 10),
            Band("red", "B04", 665, 10),
            Band("rededge1", "B05", 705, 20),
            Band("rededge2", "B06", 740, 20),
            Band("rededge3", "B07", 783, 20),
            Band("nir", "B08", 842, 10),
            Band("nir08", "B8A", 865, 20),
            Band("nir09", "B09", 945, 60),
            Band("swir16", "B11", 1610, 20),
            Band("swir22", "B12", 2190, 20),
        )
    }
)
"""Reflectance bands by canonical name. The scene classification, 20 m, is the asset ``scl`` beside them."""


class SCL(IntEnum):
    """Classes of the Level-2A scene classification."""

    NO_DATA = 0
    SATURATED_OR_DEFECTIVE = 1
    DARK_AREA = 2
    CLOUD_SHADOW = 3
    VEGETATION = 4
    NOT_VEGETATED = 5
    WATER = 6
    UNCLASSIFIED = 7
    CLOUD_MEDIUM_PROBABILITY = 8
    CLOUD_HIGH_PROBABILITY = 9
    THIN_CIRRUS = 10
    SNOW_ICE = 11


SCL_KEEP: tuple[SCL, ...] = (SCL.VEGETATION, SCL.NOT_VEGETATED, SCL.WATER, SCL.UNCLASSIFIED)
"""Classes kept by default. Why snow (11) and dark areas (2) are not: ``docs/decisions/0004-scl-classes.md``."""

_TILE = re.compile(r"(?P<zone>0?[1-9]|[1-5]\d|60)(?P<band>[C-HJ-NP-X])(?P<square>[A-HJ-NP-Z][A-HJ-NP-V])")


def is_tile(text: str) -> bool:
    """Say whether a text is the name of an MGRS 100 km square, such as ``33UUU``.

    Examples
    --------
    >>> is_tile("33UUU"), is_tile("61UUU"), is_tile("../33UUU")
    (True, False, False)
    """
    return _TILE.fullmatch(text) is not None


def tile_epsg(tile: str) -> int:
    """Return the EPSG code of the UTM zone that an MGRS tile is cut from.

    Raises
    ------
    ValueError
        If the text is not the name of an MGRS tile.

    Examples
    --------
    >>> tile_epsg("33UUU"), tile_epsg("33HTU")
    (32633, 32733)
    """
    match = _TILE.fullmatch(tile)
    if match is None:
        raise ValueError(f"{tile!r} is not the name of an MGRS tile such as '33UUU'")
    hemisphere = 32600 if match["band"] >= "N" else 32700
    return hemisphere + int(match["zone"])


def baseline_number(baseline: str) -> tuple[int, int] | None:
    """Turn a processing baseline (``"05.09"``, ``"N0509"``) into numbers that compare; None if it is not one.

    Examples
    --------
    >>> baseline_number("05.09"), baseline_number("N0214"), baseline_number("?")
    ((5, 9), (2, 14), None)
    """
    match = re.fullmatch(r"N?(\d{2})\.?(\d{2})", baseline.strip())
    return (int(match[1]), int(match[2])) if match else None
