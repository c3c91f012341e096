"""The search step: from an area and two days to the scenes that show it, whatever catalogue holds them.

Each publisher writes Sentinel-2 items its own way: a *dialect*, which is a value in a table (``dialects``), recognised from the
item itself. What a catalogue says is foreign input: it is checked piece by piece (``checks``, ``addresses``, ``items``) before it
becomes a :class:`~mlbmi.types.Scene`, and an item that fails is left out with the reason; it never ends a search.

``static`` reads catalogues on disk, ``api`` asks a STAC API through pystac-client and is imported only then. What either offers
is filtered again here (``selection``), since servers ignore filters that they do not know.
"""

from mlbmi.catalogs.filters import baseline_name, platform_name, tile_name
from mlbmi.catalogs.items import scene_from_item
from mlbmi.catalogs.known import CATALOGS, Catalog, Source, locate
from mlbmi.catalogs.parts import is_further_part
from mlbmi.catalogs.result import SearchResult
from mlbmi.catalogs.run import can_be_searched, peek, search
from mlbmi.catalogs.selection import select, sorted_left_out

__all__ = [
    "CATALOGS",
    "Catalog",
    "SearchResult",
    "Source",
    "baseline_name",
    "can_be_searched",
    "is_further_part",
    "locate",
    "peek",
    "platform_name",
    "scene_from_item",
    "search",
    "select",
    "sorted_left_out",
    "tile_name",
]
