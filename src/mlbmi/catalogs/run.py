"""The search itself: locate the catalogue, take what it offers, understand it, select."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from mlbmi.catalogs.checks import sanitised_id, shown
from mlbmi.catalogs.items import scene_from_json
from mlbmi.catalogs.known import Source, is_of_collection, locate
from mlbmi.catalogs.result import SearchResult
from mlbmi.catalogs.selection import Question, answer, sorted_left_out
from mlbmi.catalogs.static import Offer, offers_on_disk
from mlbmi.errors import DialectError, SearchError
from mlbmi.types import LeftOut, Scene

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from mlbmi.aoi import AOI

__all__ = ["can_be_searched", "peek", "search"]


def search(
    aoi: AOI,
    *,
    start: dt.date,
    end: dt.date,
    cloud_cover: float | None = None,
    catalog: str | Path = "earth-search",
    collection: str | None = None,
    bands: Sequence[str] = ("red", "nir"),
    tiles: Sequence[str] = (),
    platforms: Sequence[str] = (),
    baseline: str | None = None,
) -> SearchResult:
    """Find the Sentinel-2 L2A scenes that show an area, one for each tile and day.

    Parameters
    ----------
    aoi : AOI
        The area; a scene's footprint must share area with it.
    start, end : datetime.date
        First and last UTC day, both included.
    cloud_cover : float, optional
        Largest clouded share of the whole scene, per cent.
    catalog : str or Path
        A name (``earth-search``, ``earth-search-c1``, ``planetary-computer``, ``cdse``), the URL of a STAC API, or a path: a
        catalogue, a collection, an item or a FeatureCollection in JSON, a folder that holds ``catalog.json``, or STAC-GeoParquet
        (``.parquet``; needs pyarrow).
    collection : str, optional
        Collection to search; by default the catalogue's own choice, for a URL or a path any. The retired
        ``sentinel-s2-l2a-cogs`` is understood.
    bands : sequence of str
        Canonical reflectance bands that a scene must have, besides ``scl``.
    tiles, platforms : sequence of str
        MGRS tiles (``33UUU``) and satellites (``sentinel-2a``) to keep to; empty: any.
    baseline : str, optional
        Least processing baseline, ``"04.00"``.

    Returns
    -------
    SearchResult
        Every item that the catalogue offered is among its scenes or, with the reason, in its ``left_out``. A server that filters
        by cloud cover itself does not offer what is too cloudy.

    Raises
    ------
    ConfigError
        If the catalogue's name or path is unknown, or the question cannot be asked.
    SearchError
        If the catalogue cannot be reached or is not STAC. One bad item never raises.
    """
    question = Question(
        aoi=aoi,
        start=start,
        end=end,
        cloud_cover=cloud_cover,
        bands=tuple(bands),
        tiles=tuple(tiles),
        platforms=tuple(platforms),
        baseline=baseline,
    )
    source = locate(str(catalog), collection)
    found = [_understand(offer, source.collection) for offer in _offers(source, question)]
    scenes = [scene for scene in found if isinstance(scene, Scene)]
    not_understood = [left for left in found if isinstance(left, LeftOut)]
    kept, left_out = answer(scenes, question)
    return SearchResult(kept, sorted_left_out((*not_understood, *left_out)), catalog=source.name, collection=source.collection)


def can_be_searched(source: Source) -> str:
    """Ask a catalogue whether it can be searched, and return what it says, in words.

    Raises
    ------
    SearchError
        If it cannot.
    """
    if isinstance(source.location, Path):
        return "it lies on this disk"
    from mlbmi.catalogs.api import abilities

    return f"item search, with {', '.join(abilities(source.location)) or 'GET alone'}"


def peek(source: Source, aoi: AOI | None, *, start: dt.date, end: dt.date, most: int = 20) -> tuple[Scene | LeftOut, ...]:
    """Take the first items that a catalogue offers for a question, understood or not, and no more than one page.

    Parameters
    ----------
    source : Source
        Where to look.
    aoi : AOI or None
        The area; None, of a file: anywhere.
    start, end : datetime.date
        First and last UTC day.
    most : int
        Items to take.

    Raises
    ------
    SearchError
        If the catalogue cannot be read.
    """
    if isinstance(source.location, Path):
        found = (_understand(offer, source.collection) for offer in offers_on_disk(source.location))
        days = (left for left in found if isinstance(left, LeftOut) or start <= left.date <= end)
        fitting = (one for one in days if aoi is None or isinstance(one, LeftOut) or one.footprint.intersects(aoi.geometry))
        return tuple(itertools.islice(fitting, most))
    if aoi is None:
        raise SearchError(f"{source.name!r} is asked about an area, and none is given")
    from mlbmi.catalogs.api import offers_of_api

    offers = offers_of_api(source.location, source.collection, Question(aoi=aoi, start=start, end=end), page=most)
    return tuple(_understand(offer, source.collection) for offer in itertools.islice(offers, most))


def _offers(source: Source, question: Question) -> Iterable[Offer | LeftOut]:
    if isinstance(source.location, Path):
        return offers_on_disk(source.location)
    from mlbmi.catalogs.api import offers_of_api

    return offers_of_api(source.location, source.collection, question)


def _understand(offer: Offer | LeftOut, collection: str | None) -> Scene | LeftOut:
    if isinstance(offer, LeftOut):
        return offer
    item_id = sanitised_id(offer.content.get("id") if isinstance(offer.content, dict) else None)
    try:
        scene = scene_from_json(offer.content, base=offer.base, trusted=offer.trusted)
    except DialectError as error:
        return LeftOut(item_id=item_id, reason=error.message)
    if is_of_collection(scene.collection, collection):
        return scene
    return LeftOut(item_id=item_id, reason=f"its collection is {shown(scene.collection)}, not {collection!r}", scene=scene)
