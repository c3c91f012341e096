"""Which assets of which scenes are wanted, and where each goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mlbmi.types import Asset, Scene

__all__ = ["SCL_GSD_M", "Wanted", "wanted_assets"]

SCL_GSD_M = 20
"""Ground sampling distance of the scene classification, metres (SentiWiki, S2 Products)."""

_SUFFIXES = frozenset({".tif", ".tiff", ".jp2"})
_BY_MEDIA_TYPE = {"image/jp2": ".jp2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file to have.

    Attributes
    ----------
    path : str
        Where it goes, relative to the store, with ``/``.
    href : str
        URL or absolute local path; never signed.
    item_id, band : str
        What it is.
    epsg : int or None
        EPSG code that its raster must have; None: any.
    checksum : str
        Multihash in hexadecimal as the STAC file extension states it; empty: none stated.
    """

    path: str
    href: str = field(repr=False)
    item_id: str
    band: str
    epsg: int | None = None
    checksum: str = ""


def wanted_assets(
    scenes: Iterable[Scene],
    bands: Sequence[str],
    *,
    held: Callable[[str, str], str | None] = lambda _item_id, _band: None,
    clips: bool = False,
) -> tuple[Wanted, ...]:
    """List the files of some bands of some scenes, each with its place in the store.

    Parameters
    ----------
    scenes : iterable of Scene
        Of one search. A tile and day may have several: the parts of a split granule.
    bands : sequence of str
        Canonical bands, ``scl`` if it is wanted. A band that a scene lacks is passed over.
    held : callable, optional
        Says for an item and a band at which place its file already lies, if it does: there it stays.
    clips : bool
        Whether clips are wanted, which are GeoTIFFs whatever they are cut from.

    Returns
    -------
    tuple of Wanted
        Paths are ``<collection>/<tile>/R<metres>m/<date>/<band>.<tif or jp2>``; of a further item of the tile and day,
        ``…/<date>/<item id>/<band>.…``.
    """
    asked = {(scene.item_id, band): (scene, asset) for scene in scenes for band in bands if (asset := scene.assets.get(band))}
    kept = {key: path for key in asked if (path := held(*key)) is not None}
    taken = {path: item_id for (item_id, _), path in kept.items()}
    wanted: list[Wanted] = []
    for (item_id, band), (scene, asset) in asked.items():
        path = kept.get((item_id, band)) or _free_place(scene, asset, taken, clips=clips)
        taken[path] = item_id
        wanted.append(Wanted(path=path, href=asset.href, item_id=item_id, band=band, epsg=scene.epsg, checksum=asset.checksum))
    return tuple(wanted)


def _free_place(scene: Scene, asset: Asset, taken: Mapping[str, str], *, clips: bool) -> str:
    """Return the usual place; one of the item's own where another item that is wanted has it."""
    place = _place(scene, asset)
    if clips:
        place = place.with_suffix(".tif")
    if taken.get(str(place), scene.item_id) != scene.item_id:
        place = place.parent / (scene.item_id.strip(".") or "further-item") / place.name
    return str(place)


def _place(scene: Scene, asset: Asset) -> PurePosixPath:
    gsd = BANDS[asset.band].gsd_m if asset.band in BANDS else SCL_GSD_M
    # An identifier may be all dots, which would climb out of the store.
    collection = scene.collection.strip(".") or "no-collection"
    return PurePosixPath(collection, scene.tile, f"R{gsd}m", str(scene.date), f"{asset.band}{_suffix(asset)}")


def _suffix(asset: Asset) -> str:
    stated = PurePosixPath(urlsplit(asset.href).path if "://" in asset.href else asset.href).suffix.lower()
    return stated if stated in _SUFFIXES else _BY_MEDIA_TYPE.get(asset.media_type.partition(";")[0], ".tif")
