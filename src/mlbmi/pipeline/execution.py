"""Do what a plan says: read day by day, build the cube, cluster, write."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlbmi.aoi import AOI
from mlbmi.pipeline.application import apply_and_write
from mlbmi.pipeline.clock import Clock
from mlbmi.pipeline.cluster_and_write import cluster_and_write
from mlbmi.pipeline.courses import make_courses
from mlbmi.pipeline.days import read_days
from mlbmi.pipeline.planning import plan as make_plan
from mlbmi.pipeline.progress import Silent
from mlbmi.pipeline.record import fingerprint, settings_json, versions
from mlbmi.pipeline.screening import screen
from mlbmi.pipeline.sources import fetch_scenes
from mlbmi.pipeline.workspace import Workspace
from mlbmi.types import Acquisition, RunRecord
from mlbmi.write import sha256_file, write_acquisitions, write_mask_figure, write_offset_figure, write_record, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlbmi.config import RunConfig
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import LeftOut, RunPlan, Scene

__all__ = ["RunResult", "execute", "run"]

_SOME_FAILED = 4


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run made.

    Attributes
    ----------
    out : Path
        The output folder.
    record : RunRecord
        The content of its ``run.json``.
    """

    out: Path
    record: RunRecord

    @property
    def exit_code(self) -> int:
        """0, or 4 if an acquisition failed."""
        failed = any(acquisition.status == "failed" for acquisition in self.record.acquisitions)
        return _SOME_FAILED if failed else 0

    def summary(self) -> dict[str, Any]:
        """Return the gist as JSON values."""
        statuses = [acquisition.status for acquisition in self.record.acquisitions]
        return {
            "out": str(self.out),
            "exit_code": self.exit_code,
            "items": {status: statuses.count(status) for status in ("used", "left out", "failed")},
            "clusterings": list(self.record.clusterings),
            "outputs": sorted(self.record.outputs),
        }


def run(config: RunConfig, *, progress: Progress | None = None) -> RunResult:
    """Go the whole way: plan, then :func:`execute`.

    Parameters
    ----------
    config : RunConfig
        The settings.
    progress : Progress, optional
        Is told of progress; nobody by default.

    Returns
    -------
    RunResult
        The output folder and the record of how it came about.

    Raises
    ------
    MlbmiError
        As :func:`plan` and :func:`execute`.
    """
    return execute(make_plan(config), config, progress=progress)


def execute(plan: RunPlan, config: RunConfig, *, progress: Progress | None = None) -> RunResult:
    """Do what a plan says.

    Clusters are sought, or, where ``config.model`` is set, taken from there. A scene that cannot be read is listed as failed and
    the run goes on without it. A run that was stopped goes on where it was
    when it is started again with the same settings; results appear whole or not at all.

    Parameters
    ----------
    plan : RunPlan
        What :func:`plan` made of the same settings.
    config : RunConfig
        The settings.
    progress : Progress, optional
        Is told of progress; nobody by default.

    Returns
    -------
    RunResult

    Raises
    ------
    ConfigError
        If the output folder holds another run's results, or is in use.
    ReadError
        If not one scene could be read.
    NothingFoundError
        If no scene has a clear pixel inside the area.
    ClusterError, WriteError
        If the data cannot be clustered as asked, or an output cannot be written.
    """
    started, clock, shown = dt.datetime.now(dt.UTC), Clock(), progress or Silent()
    aoi = AOI.from_file(config.aoi)
    mark = fingerprint(plan, config, aoi)
    with Workspace.open(config.out, mark, overwrite=config.overwrite) as space:
        with clock.time("download"):
            source = fetch_scenes(_unread(plan, space), plan.bands, config, aoi, shown)
        with clock.time("read"):
            days = read_days(plan, config, aoi, space, shown, source=source)
        screened = screen(days, plan, config, aoi, space=space, clock=clock, progress=shown)
        with clock.time("series"):
            courses = make_courses(screened.cube, plan, config, aoi, space=space, progress=shown)
        with clock.time("cluster and write"):
            step = cluster_and_write if config.model is None else apply_and_write
            made = step(screened.cube, plan, config, aoi, courses=courses.cube, out=space.out, progress=shown)
        seen = (*screened.days.acquisitions, *(_left_out(item) for item in plan.left_out))
        paths = [*screened.days.index_files, *screened.paths, *courses.paths, *made.paths, *_write_items(seen, config, space.out)]
        record = RunRecord(
            config=settings_json(config),
            fingerprint=mark,
            versions=versions(),
            acquisitions=tuple(seen),
            clusterings=tuple(made.summaries),
            quality=screened.quality,
            series=tuple(courses.summaries),
            timings_s=clock.seconds,
            outputs={str(path.relative_to(space.out)): sha256_file(path) for path in sorted(paths)},
            started=started,
            finished=dt.datetime.now(dt.UTC),
        )
        write_record(space.out / "run.json", record)
        write_report(space.out)  # tells what the record says, so it is not among the outputs that the record lists
        space.finish()
    return RunResult(out=config.out, record=record)


def _unread(plan: RunPlan, space: Workspace) -> list[Scene]:
    """Return the scenes of the days that an earlier, killed run has not finished."""
    days = ((grid.name, day) for grid in plan.grids for day in grid.days)
    return [scene for grid, day in days if space.noted(grid, day.date, day.scenes) is None for scene in day.scenes]


def _left_out(item: LeftOut) -> Acquisition:
    return Acquisition(item_id=item.item_id, scene=item.scene, status="left out", reason=item.reason)


def _write_items(seen: Sequence[Acquisition], config: RunConfig, out: Path) -> list[Path]:
    """Write the table of all items, the figure of their masks, and that of their offsets where it tells anything."""
    paths = [write_acquisitions(out / "acquisitions.csv", seen)]
    if config.figures:
        credit = config.credit or ""
        paths += write_mask_figure(out / "mask.png", seen, index=config.index[0], credit=credit)
        paths += write_offset_figure(out / "offset.png", seen, credit=credit)
    return paths
