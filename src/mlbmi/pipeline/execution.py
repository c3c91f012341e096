"""Do what a plan says: read day by day, build the cube, cluster, write."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlbmi.aoi import AOI
from mlbmi.errors import NothingFoundError, ReadError
from mlbmi.pipeline.application import apply_and_write
from mlbmi.pipeline.cluster_and_write import cluster_and_write
from mlbmi.pipeline.dates import check_dates
from mlbmi.pipeline.days import publish, read_days
from mlbmi.pipeline.outliers import count_outliers, mask_index_files, remove_outliers
from mlbmi.pipeline.planning import plan as make_plan
from mlbmi.pipeline.progress import Silent
from mlbmi.pipeline.record import fingerprint, settings_json, versions
from mlbmi.pipeline.seen import report_coverage
from mlbmi.pipeline.workspace import Workspace
from mlbmi.types import Acquisition, RunRecord
from mlbmi.write import sha256_file, write_acquisitions, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlbmi.config import RunConfig
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import LeftOut, RunPlan

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


@dataclass(slots=True)
class _Clock:
    """Wall seconds by step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, step: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[step] = round(self.seconds.get(step, 0.0) + time.perf_counter() - begin, 3)


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
    started, clock, shown = dt.datetime.now(dt.UTC), _Clock(), progress or Silent()
    aoi = AOI.from_file(config.aoi)
    mark = fingerprint(plan, config, aoi)
    with Workspace.open(config.out, mark, overwrite=config.overwrite) as space:
        with clock.time("read"):
            days = read_days(plan, config, aoi, space, shown)
        _check_usable(days.acquisitions, space)
        with clock.time("screen"):
            days, checks = check_dates(days, config, space.out)
            _check_usable(days.acquisitions, space)
        space.drop_previous(keep=days.index_files)
        with clock.time("cube"):
            draft = days.draft(space)
        with clock.time("screen"):
            outliers = remove_outliers(draft, config, shown)
            days = count_outliers(days, outliers, config)
        with clock.time("cube"):
            cube = publish(draft, space)
            mask_index_files(cube, {(grid, date) for grid, _, date in outliers}, config, space.out)
        with clock.time("coverage"):
            seen_paths, seen_gist = report_coverage(cube, plan, config, aoi, outliers, out=space.out)
        with clock.time("cluster and write"):
            step = cluster_and_write if config.model is None else apply_and_write
            made = step(cube, plan, config, aoi, out=space.out, progress=shown)
        seen = (*days.acquisitions, *(_left_out(item) for item in plan.left_out))
        paths = [*days.index_files, *seen_paths, *made.paths, write_acquisitions(space.out / "acquisitions.csv", seen)]
        record = RunRecord(
            config=settings_json(config),
            fingerprint=mark,
            versions=versions(),
            acquisitions=tuple(seen),
            clusterings=tuple(made.summaries),
            quality={"dates": [check.to_json() for check in checks], "coverage": seen_gist},
            timings_s=clock.seconds,
            outputs={str(path.relative_to(space.out)): sha256_file(path) for path in sorted(paths)},
            started=started,
            finished=dt.datetime.now(dt.UTC),
        )
        write_record(space.out / "run.json", record)
        space.finish()
    return RunResult(out=config.out, record=record)


def _check_usable(acquisitions: Sequence[Acquisition], space: Workspace) -> None:
    """Stop, leaving nothing behind, where there is nothing to cluster."""
    if any(acquisition.status == "used" for acquisition in acquisitions):
        return
    space.abandon()
    failed = [acquisition for acquisition in acquisitions if acquisition.status == "failed"]
    if failed:
        raise ReadError(f"no scene could be read: {len(failed)} failed, the first because: {failed[0].reason}")
    raise NothingFoundError(
        f"none of {len(acquisitions)} scenes has a clear pixel inside the area",
        remedy="Widen the dates, or keep more scene classes.",
    )


def _left_out(item: LeftOut) -> Acquisition:
    return Acquisition(item_id=item.item_id, scene=item.scene, status="left out", reason=item.reason)
