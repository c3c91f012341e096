"""From days that were read to the finished cube: what does not fit is taken out or told, shifts and coverage are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlbmi.errors import NothingFoundError, ReadError
from mlbmi.pipeline.dates import check_dates
from mlbmi.pipeline.days import publish
from mlbmi.pipeline.outliers import count_outliers, remove_outliers, renew_index_files
from mlbmi.pipeline.registering import measure_shifts, take_back
from mlbmi.pipeline.seen import report_coverage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.pipeline.clock import Clock
    from mlbmi.pipeline.days import Days
    from mlbmi.pipeline.progress import Progress
    from mlbmi.pipeline.workspace import Workspace
    from mlbmi.types import RunPlan

__all__ = ["Screened", "screen"]


@dataclass(frozen=True, slots=True)
class Screened:
    """What is fit to be clustered.

    Attributes
    ----------
    days : Days
        The days that stay, their outliers counted.
    cube : CubeStore
        The finished cube, in the output folder.
    paths : tuple of Path
        Files written: maps, figures and the table of coverage.
    quality : mapping of str to list
        What was found out, as JSON values, for the run record.
    """

    days: Days
    cube: CubeStore
    paths: tuple[Path, ...]
    quality: Mapping[str, Any]


def screen(
    days: Days, plan: RunPlan, config: RunConfig, aoi: AOI, *, space: Workspace, clock: Clock, progress: Progress
) -> Screened:
    """Hold dates and pixels against their series, and publish the cube of what stays.

    The order matters: dates that are left out must not shift a reference, and what has been moved is judged where it belongs.

    Raises
    ------
    ReadError
        If not one scene could be read.
    NothingFoundError
        If no scene has a clear pixel inside the area.
    """
    _check_usable(days, space)
    with clock.time("screen"):
        days, checks = check_dates(days, config, space.out)
    _check_usable(days, space)
    space.drop_previous(keep=days.index_files)
    with clock.time("cube"):
        draft = days.draft(space)
    with clock.time("register"):
        shifts = measure_shifts(draft, {grid.name: aoi.mask(grid.geobox) for grid in plan.grids}, config)
        moves = take_back(draft, shifts)
    with clock.time("screen"):
        outliers = remove_outliers(draft, config, progress)
        days = count_outliers(days, outliers, config)
    with clock.time("cube"):
        cube = publish(draft, space)
        renew_index_files(cube, outliers.days() | set(moves), moves, config, space.out)
    with clock.time("coverage"):
        paths, gist = report_coverage(cube, plan, config, aoi, outliers, out=space.out)
    quality = {
        "dates": [check.to_json() for check in checks],
        "registration": [shift.to_json() for shift in shifts],
        "coverage": gist,
    }
    return Screened(days=days, cube=cube, paths=tuple(paths), quality=quality)


def _check_usable(days: Days, space: Workspace) -> None:
    """Stop, leaving nothing behind, where there is nothing to cluster."""
    acquisitions = days.acquisitions
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
