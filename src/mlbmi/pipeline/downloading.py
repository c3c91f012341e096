"""Search, then have the files: the download as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlbmi import catalogs
from mlbmi.access import Access
from mlbmi.download import PART_BYTES, Store, default_folder, download, recheck, survey, wanted_assets, write_catalogue
from mlbmi.errors import InputError, NothingFoundError
from mlbmi.pipeline.paying import cost_of_download
from mlbmi.pipeline.planning import bands_for
from mlbmi.pipeline.progress import Silent
from mlbmi.sentinel2 import BANDS
from mlbmi.types import FREE

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from mlbmi.access import Resolve, Retries
    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.download import Outcome, Wanted
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
    resolve: Resolve | None = None,
    retries: Retries | None = None,
    progress: Progress | None = None,
) -> DownloadResult:
    """Have the files of the scenes over an area in a folder, whole and proved.

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
    scenes, wanted = _question(aoi, config, _bands(bands, config), store, offline=offline)
    set_aside = recheck(wanted, store) if verify and not dry_run else ()
    outcomes = survey(wanted, store)
    if offline:
        return DownloadResult(folder=store.root, catalog=None, outcomes=outcomes, set_aside=set_aside)
    missing = [outcome.wanted for outcome in outcomes if outcome.state == "missing"]
    cost = cost_of_download(missing, part_bytes=PART_BYTES, allowed=config.allow_requester_pays)
    if dry_run:
        return DownloadResult(folder=store.root, catalog=None, outcomes=outcomes, set_aside=set_aside, cost=cost)
    progress = progress or Silent()
    progress.start("download", len(wanted))
    access = Access(allow_requester_pays=config.allow_requester_pays, retries=retries)
    try:
        outcomes = download(
            wanted,
            store,
            workers=config.workers,
            tell=lambda outcome: progress.advance("download", f"{outcome.wanted.item_id} {outcome.wanted.band}"),
            resolve=resolve or access.resolve,
            retries=retries,
        )
    finally:
        # What is whole can be used, even if a full disk or Ctrl-C has ended the rest.
        catalog = write_catalogue(store, () if _is_own(config.catalog, store) else scenes)
    return DownloadResult(folder=store.root, catalog=catalog, outcomes=outcomes, set_aside=set_aside, cost=cost)


def _question(
    aoi: AOI, config: RunConfig, bands: Sequence[str], store: Store, *, offline: bool
) -> tuple[tuple[Scene, ...], tuple[Wanted, ...]]:
    own = store.root / "catalog.json"
    if offline and not own.is_file():
        raise NothingFoundError(
            f"nothing has been downloaded to {str(store.root)!r} yet", remedy="Run it once without --offline."
        )
    found = catalogs.search(
        aoi,
        start=config.start,
        end=config.end,
        cloud_cover=config.cloud_cover,
        catalog=str(own) if offline else config.catalog,
        collection=config.collection,
        bands=[band for band in bands if band in BANDS],
        tiles=config.tile,
        platforms=config.platform,
        baseline=config.baseline,
    )
    if not found.scenes:
        raise NothingFoundError(
            f"no scene of {found.catalog!r} shows the AOI from {config.start} to {config.end}; {len(found.left_out)} left out",
            remedy="`mlbmi search` lists them with reasons.",
        )
    return found.scenes, wanted_assets(found.scenes, bands)


def _is_own(catalog: str, store: Store) -> bool:
    return Path(catalog).absolute() in (store.root, store.root / "catalog.json")


def _bands(bands: Sequence[str], config: RunConfig) -> tuple[str, ...]:
    if not bands:
        return (*bands_for(config.layers), _SCL)
    known = (*BANDS, _SCL)
    if unknown := [band for band in bands if band not in known]:
        raise InputError(f"{unknown[0]!r} is no band", remedy=f"Bands are {', '.join(known)}.")
    return tuple(band for band in known if band in bands)
