"""The days of a run: read several at a time, keep what is clear, note what is done, and publish the cube."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shutil
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cube import CubeStore
from mlbmi.errors import ReadError
from mlbmi.grid import row_blocks
from mlbmi.indices import get_index
from mlbmi.pipeline.acquire import Recipe, SceneTally, add_scene
from mlbmi.pipeline.ahead import ReadAhead, Want
from mlbmi.pipeline.offsets import settle_offsets
from mlbmi.read import configured
from mlbmi.types import Acquisition
from mlbmi.write import replace_folder, write_index_cog

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.pipeline.progress import Progress
    from mlbmi.pipeline.sources import Source
    from mlbmi.pipeline.workspace import Workspace
    from mlbmi.types import DayPlan, GridPlan, RunPlan, Scene

__all__ = ["Days", "index_path", "publish", "read_days"]

_log = logging.getLogger("mlbmi")

_BLOCK_PIXELS = 12_000_000
"""Pixels read at a time by one worker: about 1000 rows of a whole tile, 0.4 GB with two bands."""


@dataclass(frozen=True, slots=True)
class Days:
    """All days of a run, read.

    Attributes
    ----------
    store : CubeStore
        The unfinished cube: every planned day of every grid.
    plan : RunPlan
        What was planned.
    acquisitions : tuple of Acquisition
        What became of each planned scene, in order of grid and day.
    index_files : tuple of Path
        The index COGs, of the days with a clear pixel.
    """

    store: CubeStore
    plan: RunPlan
    acquisitions: tuple[Acquisition, ...]
    index_files: tuple[Path, ...]

    def kept(self, grid: GridPlan) -> list[int]:
        """Return the numbers of the days of a grid that have a clear pixel."""
        used = {(a.grid, a.scene.date) for a in self.acquisitions if a.status == "used" and a.scene is not None}
        return [number for number, day in enumerate(grid.days) if (grid.name, day.date) in used]

    def draft(self, space: Workspace) -> CubeStore:
        """Copy the days that have something clear into a store of their own, in the folder of unfinished work."""
        kept = {grid.name: self.kept(grid) for grid in self.plan.grids}
        draft = space.folder / "publish.zarr"
        shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed right here
        return self.store.select({name: numbers for name, numbers in kept.items() if numbers}, draft)


def publish(draft: CubeStore, space: Workspace) -> CubeStore:
    """Move a finished cube into the output folder."""
    replace_folder(draft.path, space.out / "cube.zarr")
    return CubeStore.open(space.out / "cube.zarr")


def index_path(out: Path, grid: str, index: str, date: dt.date) -> Path:
    """Return where the COG of an index on a day lies."""
    return out / grid / f"{index}_{date.isoformat()}.tif"


def read_days(plan: RunPlan, config: RunConfig, aoi: AOI, space: Workspace, progress: Progress, *, source: Source) -> Days:
    """Read every planned day that an earlier, killed run has not finished.

    Parameters
    ----------
    plan, config, aoi
        The plan, the settings and the area.
    space : Workspace
        Where the unfinished cube and the notes are.
    progress : Progress
        Is told of each day.
    source : Source
        Where each scene is read from.

    Returns
    -------
    Days
    """
    store = _store(plan, space)
    offsets = settle_offsets(plan, config, space, progress, source)
    recipe = Recipe(
        bands=plan.bands,
        indices=plan.indices,
        keep=config.scl_keep,
        dilate_m=config.dilate_m,
        offsets=offsets,
        speckle=config.speckle,
    )
    jobs = [_Job(grid, number, day) for grid in plan.grids for number, day in enumerate(grid.days)]
    inside = {grid.name: aoi.mask(grid.geobox) for grid in plan.grids}
    progress.start("read", len(jobs))
    done: dict[_Job, tuple[Acquisition, ...]] = {}
    wants = (want for job in jobs if _noted(space, job, recipe) is None for want in _wants(store, recipe, job))
    with (
        configured(allow_requester_pays=config.allow_requester_pays),
        # Entered before the reading: at an error that is broken off before these threads, which wait for it, are waited for.
        _pool(config.workers) as pool,
        ReadAhead(wants, recipe, source=source) as ahead,
    ):
        waiting: dict[Future[tuple[Acquisition, ...]], _Job] = {}
        for job in jobs:
            reader = _Reader(store, recipe, inside[job.grid.name], space, config.index, config.index_dtype, ahead)
            waiting[pool.submit(reader.read, job)] = job
        while waiting:
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                job = waiting.pop(future)
                done[job] = future.result()
                progress.advance("read", f"{job.day.date} {job.grid.name}")
    acquisitions = tuple(acquisition for job in jobs for acquisition in done[job])
    files = tuple(
        path for job in jobs if _any_used(done[job]) for name in config.index for path in [_index_path(space, job, name)]
    )
    return Days(store, plan, acquisitions, files)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One day of one grid; equal only to itself."""

    grid: GridPlan
    number: int
    day: DayPlan


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a day into the cube and writes the COGs of ``mapped``, the indices among its layers."""

    store: CubeStore
    recipe: Recipe
    inside: NDArray[np.bool_]
    space: Workspace
    mapped: tuple[str, ...]
    dtype: str
    ahead: ReadAhead

    def read(self, job: _Job) -> tuple[Acquisition, ...]:
        """Return what became of the day's scenes: from the notes if they know, else by reading."""
        noted = _noted(self.space, job, self.recipe)
        if noted is not None:
            return noted
        acquisitions = self._read_anew(job)
        self.space.note(job.grid.name, job.day.date, acquisitions)
        return acquisitions

    def _read_anew(self, job: _Job) -> tuple[Acquisition, ...]:
        """Read all scenes of the day; one that fails in any block is left out of all, so that no block differs from another."""
        failed: dict[str, Acquisition] = {}
        while True:
            scenes = [scene for scene in job.day.scenes if scene.item_id not in failed]
            try:
                tallies, clear = self._fill(job, scenes)
            except _SceneError as error:
                _log.warning("%s", error.reason)
                self.ahead.drop(error.scene)
                failed[error.scene.item_id] = Acquisition(
                    item_id=error.scene.item_id, scene=error.scene, status="failed", reason=error.reason, grid=job.grid.name
                )
                continue
            break
        read = {scene.item_id: self._outcome(scene, tallies[scene.item_id], job, clear=clear) for scene in scenes}
        return tuple({**failed, **read}[scene.item_id] for scene in job.day.scenes)

    def _fill(self, job: _Job, scenes: Sequence[Scene]) -> tuple[Mapping[str, SceneTally], int]:
        tallies = {scene.item_id: SceneTally() for scene in scenes}
        whole = self._float_images(job)
        clear = 0
        for rows, geobox in _blocks(self.store, job):
            inside = self.inside[rows]
            fused = {name: np.full(geobox.shape, np.nan) for name in self.recipe.indices}
            for scene in scenes:
                try:
                    add_scene(
                        fused, scene, geobox, self.recipe, inside=inside, tally=tallies[scene.item_id], read=self.ahead.take
                    )
                except ReadError as error:
                    raise _SceneError(scene, str(error)) from error
            for name, values in fused.items():
                self.store.write_rows(job.grid.name, name, job.number, rows, values)
                clear += int(np.count_nonzero(~np.isnan(values)))
                if name in whole:
                    whole[name][rows] = values
        if clear:
            self._write_cogs(job, whole)
        return tallies, clear

    def _float_images(self, job: _Job) -> dict[str, NDArray[np.float32]]:
        if self.dtype == "int16":
            return {}
        return {name: np.empty(job.grid.geobox.shape, dtype=np.float32) for name in self.mapped}

    def _write_cogs(self, job: _Job, whole: Mapping[str, NDArray[np.float32]]) -> None:
        for name in self.mapped:
            index = get_index(name)
            values = whole[name] if name in whole else self.store.read_day(job.grid.name, name, job.number)
            write_index_cog(
                _index_path(self.space, job, name),
                values,
                job.grid.geobox,
                index=index.name,
                long_name=index.long_name,
                scale=index.scale,
                date=job.day.date,
            )

    def _outcome(self, scene: Scene, tally: SceneTally, job: _Job, *, clear: int) -> Acquisition:
        acquisition = tally.acquisition(scene, job.grid.name, self.recipe.offsets[scene.item_id], index=self.recipe.indices[0])
        if clear:
            return acquisition
        reason = f"no clear pixel among the {tally.pixels} of the area on that day"
        return dataclasses.replace(acquisition, status="left out", reason=reason)


class _SceneError(Exception):
    """A scene of a day cannot be read: carries which."""

    def __init__(self, scene: Scene, reason: str) -> None:
        super().__init__(reason)
        self.scene = scene
        self.reason = reason


def _store(plan: RunPlan, space: Workspace) -> CubeStore:
    path = space.folder / "cube.zarr"
    if space.resumed and path.is_dir():
        return CubeStore.open(path)
    grids = {grid.name: (grid.geobox, [day.date for day in grid.days]) for grid in plan.grids}
    indices = [get_index(name) for name in plan.indices]
    scales = {index.name: index.scale for index in indices}
    return CubeStore.create(path, grids, scales, long_names={index.name: index.long_name for index in indices})


def _blocks(store: CubeStore, job: _Job) -> Iterator[tuple[slice, GeoBox]]:
    return row_blocks(job.grid.geobox, max_pixels=_BLOCK_PIXELS, multiple=store.chunk[0])


def _wants(store: CubeStore, recipe: Recipe, job: _Job) -> Iterator[Want]:
    """Yield what reading a day asks for, in this order."""
    for _, geobox in _blocks(store, job):
        for scene in job.day.scenes:
            yield Want(scene, recipe.with_margin(geobox))


def _noted(space: Workspace, job: _Job, recipe: Recipe) -> tuple[Acquisition, ...] | None:
    """Return what an earlier process noted of a day, if it was read under the same decisions on offsets."""
    noted = space.noted(job.grid.name, job.day.date, job.day.scenes)
    if noted is None or any(one.offset is not None and one.offset != recipe.offsets[one.item_id] for one in noted):
        return None
    return noted


def _index_path(space: Workspace, job: _Job, name: str) -> Path:
    return index_path(space.out, job.grid.name, name, job.day.date)


def _any_used(acquisitions: Sequence[Acquisition]) -> bool:
    return any(acquisition.status == "used" for acquisition in acquisitions)


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads; on an error or Ctrl-C drop what has not begun, so that the end is near."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="mlbmi-day")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
