"""How each publisher writes a Sentinel-2 L2A item: one value for each, and how to tell which it is.

Read off the publishers' items as recorded in 2020-2026 and their documentation: Earth Search (github.com/Element84/earth-search),
Planetary Computer (its ``sentinel-2-l2a`` dataset page), Copernicus Data Space (its STAC catalogue's item documentation).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mlbmi.catalogs.checks import shown
from mlbmi.errors import DialectError
from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DIALECTS", "PRODUCT_NAME", "Dialect", "recognise"]

PRODUCT_NAME = re.compile(
    r"S2(?P<unit>[A-D])_MSIL2A_\d{8}T\d{6}_(?:N(?P<baseline>\d{4})_)?R(?P<orbit>\d{3})_T(?P<tile>\d{2}[A-Z]{3})_\d{8}T\d{6}"
)
"""ESA's name of an L2A product (SentiWiki, S2 Products, naming convention); Planetary Computer's ids leave the baseline out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one publisher writes an item.

    Attributes
    ----------
    name : str
        Name, as in :attr:`mlbmi.types.Scene.dialect`.
    ids : re.Pattern
        What its ids look like; the groups ``unit``, ``tile``, ``sequence``, ``baseline`` and ``orbit``, where there, are read.
    collections : frozenset of str
        Ids of its collections.
    mark : str
        Beginning of a property that no other dialect with these keys has; empty if there is none.
    keys : mapping of str to str
        Canonical band, ``scl`` included, to the key of its asset.
    tile : tuple of tuple of str
        Properties that spell the tile, alone or joined in this order.
    baseline : tuple of str
        Properties that may hold the processing baseline, best first.
    product : str
        Property that holds ESA's product name; empty if none does.
    sequence, offset_applied : str
        Properties of the sequence number and of the statement that the offset has been applied; empty if it has none.
    """

    name: str
    ids: re.Pattern[str]
    collections: frozenset[str]
    mark: str
    keys: Mapping[str, str]
    tile: tuple[tuple[str, ...], ...]
    baseline: tuple[str, ...]
    product: str
    sequence: str = ""
    offset_applied: str = ""


_COMMON_KEYS: Mapping[str, str] = MappingProxyType({name: name for name in (*BANDS, "scl")})
_ESA_KEYS: Mapping[str, str] = MappingProxyType({**{band.name: band.esa for band in BANDS.values()}, "scl": "SCL"})
_CDSE_KEYS: Mapping[str, str] = MappingProxyType(
    {**{band.name: f"{band.esa}_{band.gsd_m}m" for band in BANDS.values()}, "scl": "SCL_20m"}
)
_MGRS = ("mgrs:utm_zone", "mgrs:latitude_band", "mgrs:grid_square")
_EARTH_SEARCH_ID = re.compile(r"S2(?P<unit>[A-D])_(?P<tile>\d{1,2}[A-Z]{3})_\d{8}_(?P<sequence>\d{1,3})_L2A")

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            # Its assets `red-jp2` and so on lie in a bucket where the reader pays: they are no substitute for the COGs.
            Dialect(
                name="earth-search-v1",
                ids=_EARTH_SEARCH_ID,
                collections=frozenset({"sentinel-2-l2a"}),
                mark="",
                keys=_COMMON_KEYS,
                tile=(("grid:code",), _MGRS),
                baseline=("s2:processing_baseline",),
                product="s2:product_uri",
                sequence="s2:sequence",
                offset_applied="earthsearch:boa_offset_applied",
            ),
            Dialect(
                name="earth-search-c1",
                ids=re.compile(r"S2(?P<unit>[A-D])_T(?P<tile>\d{1,2}[A-Z]{3})_\d{8}T\d{6}_L2A"),
                collections=frozenset({"sentinel-2-c1-l2a"}),
                mark="",
                keys=_COMMON_KEYS,
                tile=(("grid:code",), _MGRS),
                baseline=("s2:processing_baseline",),
                product="s2:product_uri",
                sequence="s2:sequence",
                offset_applied="earthsearch:boa_offset_applied",
            ),
            Dialect(
                name="earth-search-v0",
                ids=_EARTH_SEARCH_ID,
                collections=frozenset({"sentinel-s2-l2a-cogs"}),
                mark="sentinel:",
                keys=_ESA_KEYS,
                tile=(("sentinel:utm_zone", "sentinel:latitude_band", "sentinel:grid_square"),),
                baseline=("sentinel:processing_baseline",),
                product="sentinel:product_id",
                sequence="sentinel:sequence",
                offset_applied="sentinel:boa_offset_applied",
            ),
            Dialect(
                name="planetary-computer",
                ids=PRODUCT_NAME,
                collections=frozenset({"sentinel-2-l2a"}),
                mark="s2:",
                keys=_ESA_KEYS,
                tile=(("s2:mgrs_tile",), ("grid:code",)),
                baseline=("s2:processing_baseline", "processing:version"),
                product="s2:product_uri",
            ),
            # Its hrefs are s3://eodata (JP2), with an https alternate that sends whole files only. Both need a (free) account;
            # s3 is kept, since GDAL reads windows from it.
            Dialect(
                name="cdse",
                ids=PRODUCT_NAME,
                collections=frozenset({"sentinel-2-l2a"}),
                mark="eopf:",
                keys=_CDSE_KEYS,
                tile=(("grid:code",),),
                baseline=("processing:version",),
                product="",
            ),
        )
    }
)
"""The dialects by name. Where two fit an item alike, the earlier wins."""


def recognise(item_id: str, collection: str, properties: Mapping[str, Any], assets: Mapping[str, Any]) -> Dialect:
    """Tell an item's dialect from the item itself: the one with which it shares most marks.

    Keys of assets weigh most, since it is by them that files are found; then the form of the id and a telling property; then the
    collection's id, which publishers share.

    Raises
    ------
    DialectError
        If it has nothing in common with any.
    """

    def likeness(dialect: Dialect) -> int:
        keys = not assets.keys().isdisjoint(dialect.keys.values())
        marked = bool(dialect.mark) and any(name.startswith(dialect.mark) for name in properties)
        return 4 * keys + 2 * bool(dialect.ids.match(item_id)) + 2 * marked + (collection in dialect.collections)

    best = max(DIALECTS.values(), key=likeness)
    if likeness(best) == 0:
        raise DialectError(
            f"its dialect is unknown: it has the assets {', '.join(shown(key) for key in list(assets)[:6]) or 'none'}"
        )
    return best
