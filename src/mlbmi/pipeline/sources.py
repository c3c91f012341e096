"""Where a run reads a scene from: its published files, or whole ones in a download folder, fetched first where that is wanted."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from mlbmi.access import Access
from mlbmi.download import (
    SCL_GSD_M,
    Store,
    default_folder,
    download,
    is_store,
    wanted_assets,
    whole_is_cheaper,
    write_catalogue,
)
from mlbmi.errors import NothingFoundError, ReadError
from mlbmi.grid import aoi_geobox
from mlbmi.read import configured, open_geobox
from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from odc.geo.geobox import GeoBox

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.download import Wanted
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import Asset, Scene

__all__ = ["Source", "catalog_of", "fetch_scenes", "held_source", "own_catalog", "published"]

_SCL = "scl"


class Source(Protocol):
    """Says from which files a scene is read."""

    def __call__(self, scene: Scene, /) -> Scene:
        """Return the scene with the addresses to read from.

        Raises
        ------
        ReadError
            If one of its files was to be fetched, and could not be.
        """


def published(scene: Scene, /) -> Scene:
    """Read every file where its catalogue says that it is."""
    return scene


class _Held:
    """Reads from a store what is whole there, and the rest from where it is published."""

    def __init__(self, store: Store, bands: Sequence[str], failures: dict[str, str] | None = None) -> None:
        self._store, self._bands, self._failures = store, (*bands, _SCL), failures or {}

    def __call__(self, scene: Scene, /) -> Scene:
        if scene.item_id in self._failures:
            raise ReadError(self._failures[scene.item_id])
        # Asked for each time: another process may have made room in the meantime.
        held = {band: self._held(scene, band) for band in self._bands if band in scene.assets}
        return dataclasses.replace(scene, assets=MappingProxyType({**scene.assets, **held}))

    def _held(self, scene: Scene, band: str) -> Asset:
        asset = scene.assets[band]
        path = self._store.whole_file(scene.item_id, band, asset.href) if _is_remote(asset) else None
        return asset if path is None else dataclasses.replace(asset, href=str(path))


def catalog_of(config: RunConfig) -> str:
    """Return the catalogue to search: offline, that of the download folder.

    Raises
    ------
    NothingFoundError
        If it is to be offline, and nothing has been downloaded.
    """
    return own_catalog(Store(_folder(config))) if config.offline else config.catalog


def own_catalog(store: Store) -> str:
    """Return the path of a store's own catalogue.

    Raises
    ------
    NothingFoundError
        If it has none yet.
    """
    own = store.root / "catalog.json"
    if not own.is_file():
        raise NothingFoundError(
            f"nothing has been downloaded to {str(store.root)!r} yet", remedy="Run it once without --offline."
        )
    return str(own)


def held_source(config: RunConfig, bands: Sequence[str]) -> Source:
    """Return the source before anything is fetched: what is whole in the download folder is read there, unless never to be."""
    folder = _folder(config)
    if config.offline or config.download is False or not (config.download or is_store(folder)):
        return published
    return _Held(Store(folder), bands)


def fetch_scenes(scenes: Sequence[Scene], bands: Sequence[str], config: RunConfig, aoi: AOI, progress: Progress) -> Source:
    """Fetch the files that are to be read whole, and say from where each scene is read.

    Parameters
    ----------
    scenes : sequence of Scene
        That are about to be read.
    bands : sequence of str
        Reflectance bands to read; the scene classification always is.
    config : RunConfig
        Says whether to fetch all files (``download`` True), none (False), or those that cost less whole (None).
    aoi : AOI
        The area.
    progress : Progress
        Is told of each file.

    Returns
    -------
    Source
        Fails for a scene of which a file could not be had.

    Raises
    ------
    WriteError
        If the disk is full or cannot be written.
    """
    held = held_source(config, bands)
    to_fetch = _choice(config, aoi, bands, held)
    with configured(allow_requester_pays=config.allow_requester_pays):
        chosen = [
            _only(scene, [band for band in (*bands, _SCL) if band in scene.assets and to_fetch(scene, band)]) for scene in scenes
        ]
    if config.offline or not any(scene.assets for scene in chosen):
        return held
    store = Store(_folder(config))
    wanted = wanted_assets(chosen, (*bands, _SCL), held=store.place_of)
    return _Held(store, bands, _fetch(wanted, store, scenes, config, progress))


def _folder(config: RunConfig) -> str:
    return str(config.download_folder or default_folder())


def _only(scene: Scene, bands: Iterable[str]) -> Scene:
    return dataclasses.replace(scene, assets=MappingProxyType({band: scene.assets[band] for band in bands}))


def _fetch(
    wanted: Sequence[Wanted], store: Store, scenes: Sequence[Scene], config: RunConfig, progress: Progress
) -> dict[str, str]:
    """Have files in a store, write its catalogue, and return why which items failed."""
    progress.start("download", len(wanted))
    try:
        outcomes = download(
            wanted,
            store,
            workers=config.workers,
            resolve=Access(allow_requester_pays=config.allow_requester_pays).resolve,
            tell=lambda outcome: progress.advance("download", f"{outcome.wanted.item_id} {outcome.wanted.band}"),
        )
    finally:
        write_catalogue(store, scenes)
    return {outcome.wanted.item_id: outcome.error for outcome in outcomes if outcome.state == "failed"}


def _choice(config: RunConfig, aoi: AOI, bands: Sequence[str], held: Source) -> Callable[[Scene, str], bool]:
    """Return what says of a band of a scene whether its file is to be fetched whole. Files on the disk never are."""
    if config.download is None:
        return _Cheaper(aoi, bands, held)
    return lambda scene, band: bool(config.download) and _is_remote(scene.assets[band])


class _Cheaper:
    """Fetches whole those JPEG 2000 files of which the windows would cost more."""

    def __init__(self, aoi: AOI, bands: Sequence[str], held: Source) -> None:
        self._aoi, self._held = aoi, held
        self._header = min(bands, key=lambda band: BANDS[band].gsd_m)
        self._grids: dict[str, GeoBox] = {}

    def __call__(self, scene: Scene, band: str) -> bool:
        asset = scene.assets[band]
        if not _is_remote(asset) or not _is_jpeg2000(asset):
            return False
        try:
            native = self._native(scene, band)
        except ReadError:  # reading it will say so
            return False
        window = aoi_geobox(native, self._aoi, clip=True)
        return window is not None and whole_is_cheaper(native, window, classes=band == _SCL)

    def _native(self, scene: Scene, band: str) -> GeoBox:
        """Return the grid of a band: all files of a tile have one outline, so that one header serves for all of them."""
        if scene.tile not in self._grids:
            self._grids[scene.tile] = open_geobox(self._held(scene).assets[self._header])
        gsd = SCL_GSD_M if band == _SCL else BANDS[band].gsd_m
        return self._grids[scene.tile].zoom_out(gsd / BANDS[self._header].gsd_m)


def _is_remote(asset: Asset) -> bool:
    return "://" in asset.href


def _is_jpeg2000(asset: Asset) -> bool:
    path = urlsplit(asset.href).path
    return PurePosixPath(path).suffix.lower() == ".jp2" or asset.media_type.partition(";")[0] == "image/jp2"
