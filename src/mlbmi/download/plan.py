"""Which assets of which scenes are wanted, and where each goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def wanted_assets(scenes: Iterable[Scene], bands: Sequence[str]) -> tuple[Wanted, ...]:
    """List the files of some bands of some scenes, each with its place in the store.

    Parameters
    ----------
    scenes : iterable of Scene
        Of one search. A tile and day may have several: the parts of a split granule.
    bands : sequence of str
        Canonical bands, ``scl`` if it is wanted. A band that a scene lacks is passed over.

    Returns
    -------
    tuple of Wanted
        Paths are ``<collection>/<tile>/R<metres>m/<date>/<band>.<tif or jp2>``; of a further item of the tile and day,
        ``…/<date>/<item id>/<band>.…``.
    """
    wanted: dict[str, Wanted] = {}
    for scene in scenes:
        for band in bands:
            asset = scene.assets.get(band)
            if asset is None:
                continue
            place = _place(scene, asset)
            other = wanted.get(str(place))
            if other is not None and other.item_id != scene.item_id:
                place = place.parent / (scene.item_id.strip(".") or "further-item") / place.name
            path = str(place)
            wanted[path] = Wanted(
                path=path, href=asset.href, item_id=scene.item_id, band=band, epsg=scene.epsg, checksum=asset.checksum
            )
    return tuple(wanted.values())


def _place(scene: Scene, asset: Asset) -> PurePosixPath:
    gsd = BANDS[asset.band].gsd_m if asset.band in BANDS else SCL_GSD_M
    # An identifier may be all dots, which would climb out of the store.
    collection = scene.collection.strip(".") or "no-collection"
    return PurePosixPath(collection, scene.tile, f"R{gsd}m", str(scene.date), f"{asset.band}{_suffix(asset)}")


def _suffix(asset: Asset) -> str:
    stated = PurePosixPath(urlsplit(asset.href).path if "://" in asset.href else asset.href).suffix.lower()
    return stated if stated in _SUFFIXES else _BY_MEDIA_TYPE.get(asset.media_type.partition(";")[0], ".tif")
