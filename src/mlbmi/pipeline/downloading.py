"""Search, then have the files: the download as a whole."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlbmi.access import Access
from mlbmi.download import (
    PART_BYTES,
    Clip,
    Store,
    clip_files,
    default_folder,
    download,
    recheck,
    survey,
    survey_clips,
    wanted_assets,
    write_catalogue,
)
from mlbmi.errors import InputError, NothingFoundError
from mlbmi.pipeline.finding import find_scenes
from mlbmi.pipeline.paying import cost_of_download, cost_of_reading
from mlbmi.pipeline.planning import bands_for
from mlbmi.pipeline.progress import Silent
from mlbmi.pipeline.sources import own_catalog
from mlbmi.read import configured, read_native
from mlbmi.sentinel2 import BANDS
from mlbmi.types import FREE

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from mlbmi.access import Resolve, Retries
    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.download import Box, Outcome, Wanted
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import Cost, Scene

__all__ = ["DownloadResult", "download_scenes"]

_SCL = "scl"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadResult:
    """What a download came to.

    Attributes
    ----------
    folder : Path
        The download folder.
    catalog : Path or None
        The static catalogue over it; None if it was not written (a dry run, or offline).
    outcomes : tuple of Outcome
        One for each file, in order of scene and band.
    set_aside : tuple of Path
        Damaged files that ``verify`` found.
    cost : Cost
        What fetching those that are not there costs at most; of a dry run, would cost.
    """

    folder: Path
    catalog: Path | None
    outcomes: tuple[Outcome, ...]
    set_aside: tuple[Path, ...] = ()
    cost: Cost = FREE

    @property
    def incomplete(self) -> tuple[Outcome, ...]:
        """The files that are not there."""
        return tuple(outcome for outcome in self.outcomes if outcome.state in ("failed", "missing"))

    @property
    def exit_code(self) -> int:
        """0: all are there; 4: some are not; 1: none is."""
        if not self.incomplete:
            return 0
        return 4 if len(self.incomplete) < len(self.outcomes) else 1


def download_scenes(
    aoi: AOI,
    config: RunConfig,
    *,
    bands: Sequence[str] = (),
    out: str | os.PathLike[str] | None = None,
    offline: bool = False,
    verify: bool = False,
    dry_run: bool = False,
    clip_margin_m: float | None = None,
    resolve: Resolve | None = None,
    retries: Retries | None = None,
    progress: Progress | None = None,
) -> DownloadResult:
    """Have the files of the scenes over an area in a folder, or clips of them, proved.

    Parameters
    ----------
    aoi : AOI
        The area.
    config : RunConfig
        Its dates, cloud cover, catalogue, collection, indices and workers count; the rest does not.
    bands : sequence of str
        Canonical bands, ``scl`` among them if it is wanted; empty: the bands of the indices, and ``scl``.
    out : path-like, optional
        Download folder; by default one in the user's cache.
    offline : bool
        Search the folder's own catalogue, send no request, and say what is missing.
    verify : bool
        First hash anew what is there; what is damaged is set aside and, unless ``offline``, fetched again.
    dry_run : bool
        Say what is there and what would be fetched; fetch nothing.
    clip_margin_m : float, optional
        Cut clips out of the files, so many metres wider than the area on each side; None: whole files.
    resolve, retries : optional
        How addresses are signed (by default: :class:`mlbmi.access.Access`), and how patiently servers are asked.
    progress : Progress, optional
        Told of each file.

    Returns
    -------
    DownloadResult

    Raises
    ------
    InputError
        If a band or the catalogue is unknown.
    NothingFoundError
        If no scene answers the question.
    SearchError
        If the catalogue cannot be read.
    WriteError
        If the disk is full or cannot be written.
    PaymentError
        If what is missing costs money and ``config.allow_requester_pays`` is False; the message names the cost.
    """
    store = Store(default_folder() if out is None else out)
    clips = clip_margin_m is not None
    scenes, wanted = _question(aoi, config, _bands(bands, config), store, offline=offline, clips=clips)
    boxes = {} if clip_margin_m is None else _boxes(wanted, aoi, clip_margin_m)
    set_aside = recheck(wanted, store) if verify and not dry_run else ()
    outcomes = survey_clips(wanted, boxes, store) if clips else survey(wanted, store)
    if offline:
        return DownloadResult(folder=store.root, catalog=None, outcomes=outcomes, set_aside=set_aside)
    missing = [outcome.wanted for outcome in outcomes if outcome.state == "missing"]
    cost = _cost(missing, scenes, aoi, config, clips=clips)
    if dry_run:
        return DownloadResult(folder=store.root, catalog=None, outcomes=outcomes, set_aside=set_aside, cost=cost)
    progress = progress or Silent()
    progress.start("download", len(wanted))
    more: dict[str, Any] = {
        "workers": config.workers,
        "tell": lambda outcome: progress.advance("download", f"{outcome.wanted.item_id} {outcome.wanted.band}"),
    }
    pays = config.allow_requester_pays
    try:
        if clips:
            with configured(retries=retries, allow_requester_pays=pays):
                outcomes = clip_files(wanted, boxes, store, read=_read_clip, **more)
        else:
            resolve = resolve or Access(allow_requester_pays=pays, retries=retries).resolve
            outcomes = download(wanted, store, resolve=resolve, retries=retries, **more)
    finally:
        # What is whole can be used, even if a full disk or Ctrl-C has ended the rest.
        catalog = write_catalogue(store, () if _is_own(config.catalog, store) else scenes)
    return DownloadResult(folder=store.root, catalog=catalog, outcomes=outcomes, set_aside=set_aside, cost=cost)


def _question(
    aoi: AOI, config: RunConfig, bands: Sequence[str], store: Store, *, offline: bool, clips: bool
) -> tuple[tuple[Scene, ...], tuple[Wanted, ...]]:
    found = find_scenes(
        aoi, config, bands=[band for band in bands if band in BANDS], catalog=own_catalog(store) if offline else None
    )
    if not found.scenes:
        raise NothingFoundError(
            f"no scene of {found.catalog!r} shows the AOI from {config.start} to {config.end}; {len(found.left_out)} left out",
            remedy="`mlbmi search` lists them with reasons.",
        )
    return found.scenes, wanted_assets(found.scenes, bands, held=functools.partial(store.place_of, clips=clips), clips=clips)


def _cost(missing: Sequence[Wanted], scenes: Sequence[Scene], aoi: AOI, config: RunConfig, *, clips: bool) -> Cost:
    """Return what is missing costs, or refuse."""
    if not clips:
        return cost_of_download(missing, part_bytes=PART_BYTES, allowed=config.allow_requester_pays)
    lacking = {one.item_id for one in missing}
    bands = tuple(dict.fromkeys(one.band for one in missing))
    return cost_of_reading(
        (scene for scene in scenes if scene.item_id in lacking), bands, aoi, allowed=config.allow_requester_pays
    )


def _boxes(wanted: Sequence[Wanted], aoi: AOI, margin_m: float) -> dict[int, Box]:
    """Return by zone what to cut out: whole metres, so that the same question gives the same text in the ledger."""
    boxes: dict[int, Box] = {}
    for epsg in {one.epsg for one in wanted if one.epsg is not None}:
        left, bottom, right, top = aoi.to_crs(f"EPSG:{epsg}").bounds
        edges = (
            math.floor(left - margin_m),
            math.floor(bottom - margin_m),
            math.ceil(right + margin_m),
            math.ceil(top + margin_m),
        )
        boxes[epsg] = edges
    return boxes


def _read_clip(wanted: Wanted, box: Box) -> Clip:
    read = read_native(wanted.href, box, what=f"band {wanted.band} of {wanted.item_id}")
    height, width = read.geobox.shape
    return Clip(
        pixels=read.pixels,
        transform=read.geobox.affine,
        crs=str(read.geobox.crs),
        nodata=read.nodata,
        window=(read.column, read.row, width, height),
    )


def _is_own(catalog: str, store: Store) -> bool:
    return Path(catalog).absolute() in (store.root, store.root / "catalog.json")


def _bands(bands: Sequence[str], config: RunConfig) -> tuple[str, ...]:
    if not bands:
        return (*bands_for(config.layers), _SCL)
    known = (*BANDS, _SCL)
    if unknown := [band for band in bands if band not in known]:
        raise InputError(f"{unknown[0]!r} is no band", remedy=f"Bands are {', '.join(known)}.")
    return tuple(band for band in known if band in bands)
