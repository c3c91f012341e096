"""The question put to a catalogue; and, to the scenes that it names, how much of the area is clear in each."""

from __future__ import annotations

import dataclasses
import logging
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mlbmi import catalogs
from mlbmi.aoi import AOI
from mlbmi.errors import ReadError
from mlbmi.mask import clear_mask
from mlbmi.pipeline.paying import cost_of_reading
from mlbmi.pipeline.sources import catalog_of, held_source, published
from mlbmi.read import configured, read_scl_overview
from mlbmi.types import ClearShare, LeftOut

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mlbmi.catalogs import SearchResult
    from mlbmi.config import RunConfig
    from mlbmi.pipeline.sources import Source
    from mlbmi.read import SclView
    from mlbmi.types import Scene

__all__ = ["find_scenes", "keep_clear", "outline"]

_log = logging.getLogger("mlbmi")


def outline(config: RunConfig) -> AOI:
    """Read the outline of a run, and say what had to be repaired or left aside in it."""
    aoi = AOI.from_file(config.aoi)
    for note in aoi.notes:
        _log.warning("AOI %s: %s", aoi.name, note)
    return aoi


def find_scenes(
    aoi: AOI, config: RunConfig, *, bands: Sequence[str], catalog: str | None = None, look: bool = False
) -> SearchResult:
    """Search as settings say; where they limit the clouds over the area, look at each scene that is found.

    Parameters
    ----------
    aoi : AOI
        The area.
    config : RunConfig
        The settings.
    bands : sequence of str
        Canonical reflectance bands that a scene must have.
    catalog : str, optional
        Catalogue to search in place of the settings'.
    look : bool
        Look at each scene even without a limit.

    Returns
    -------
    SearchResult

    Raises
    ------
    PaymentError
        If looking costs money, and the settings do not allow that.
    """
    found = catalogs.search(
        aoi,
        start=config.start,
        end=config.end,
        cloud_cover=config.cloud_cover,
        catalog=catalog or catalog_of(config),
        collection=config.collection,
        bands=bands,
        tiles=config.tile,
        platforms=config.platform,
        baseline=config.baseline,
    )
    if config.aoi_cloud_cover is None and not look:
        return found
    source = held_source(config, ())
    cost_of_reading([source(scene) for scene in found.scenes], ("scl",), aoi, allowed=config.allow_requester_pays)
    with configured(allow_requester_pays=config.allow_requester_pays):
        return keep_clear(
            found, aoi, limit=config.aoi_cloud_cover, scl_keep=config.scl_keep, source=source, workers=config.workers
        )


def keep_clear(
    found: SearchResult,
    aoi: AOI,
    *,
    limit: float | None,
    scl_keep: Collection[int],
    source: Source = published,
    workers: int = 4,
) -> SearchResult:
    """Look at the scene classes of every scene over the area, and leave out those that show too little of it.

    Parameters
    ----------
    found : SearchResult
        What the catalogue answered.
    aoi : AOI
        The area.
    limit : float or None
        Largest share of the area's pixels with data, per cent, that may not be clear; None leaves nothing out.
    scl_keep : collection of int
        Scene classes that count as clear.
    source : Source
        Says from which files.
    workers : int
        Scenes looked at at a time.

    Returns
    -------
    SearchResult
        With the shares in its ``clear``. A scene whose classes cannot be read is kept, with a warning: that is no cloud.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="mlbmi-look") as pool:
        views = tuple(pool.map(lambda scene: _look(source(scene), aoi), found.scenes))
    # Outside the pool: rasterio silences a warning while it draws a mask, and warnings are silenced for all threads at once.
    shares = [_clear_share(view, aoi, scl_keep) for view in views]
    kept: list[Scene] = []
    left_out = list(found.left_out)
    for scene, seen in zip(found.scenes, shares, strict=True):
        if seen.share is None:
            _log.warning("%s: how clear the area is cannot be told, and it is kept: %s", scene.item_id, seen.reason)
        reason = "" if limit is None else _objection(seen, limit)
        if reason:
            left_out.append(LeftOut(item_id=scene.item_id, reason=reason, scene=scene))
        else:
            kept.append(scene)
    clear = MappingProxyType({scene.item_id: seen for scene, seen in zip(found.scenes, shares, strict=True)})
    return dataclasses.replace(found, scenes=tuple(kept), left_out=catalogs.sorted_left_out(left_out), clear=clear)


def _look(scene: Scene, aoi: AOI) -> SclView | ReadError | None:
    try:
        return read_scl_overview(scene, aoi)
    except ReadError as error:
        return error


def _clear_share(view: SclView | ReadError | None, aoi: AOI, scl_keep: Collection[int]) -> ClearShare:
    """Count the clear ones among the samples that hold data and whose centre lies in the area; clouds are not grown."""
    if isinstance(view, ReadError):
        return ClearShare(share=None, reason=str(view))
    inside = np.zeros(0, dtype=bool) if view is None else aoi.mask(view.geobox)
    if view is None or not inside.any():
        return ClearShare(share=None, reason="no sample of its scene classes lies inside the area")
    mask = clear_mask(view.classes, keep=scl_keep)
    samples = int(np.count_nonzero(inside & ~mask["nodata"].values))
    clear = int(np.count_nonzero(inside & mask["valid"].values))
    return ClearShare(share=clear / max(1, samples), samples=samples, spacing_m=float(abs(view.geobox.resolution.x)))


def _objection(seen: ClearShare, limit: float) -> str:
    """Return why a scene shows too little; empty if it shows enough, or nobody can tell."""
    if seen.share is None:
        return ""
    if seen.samples == 0:
        return "it has no data inside the area"
    if 100 * (1 - seen.share) <= limit:
        return ""
    return (
        f"{100 * (1 - seen.share):.1f} % of the area is not clear, and the limit is {limit:g} % "
        f"({seen.samples} samples {seen.spacing_m:g} m apart)"
    )
