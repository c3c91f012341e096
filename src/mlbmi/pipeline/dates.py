"""Whole dates held against the others: what a veil of haze leaves of a series, said, or the date left out with the reason."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.coding import decode
from mlbmi.indices import HIGH_OVER_VEGETATION, get_index
from mlbmi.mask import date_deviations
from mlbmi.pipeline.days import Days, index_path

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlbmi.config import RunConfig
    from mlbmi.mask import DateDeviation
    from mlbmi.types import GridPlan

__all__ = ["DateCheck", "check_dates"]

_log = logging.getLogger("mlbmi")

_SAMPLE = 200_000
"""Pixels of a grid by which its dates are judged, evenly spaced."""

_STEP = 0.05
"""Drop that counts, as a share of the legal range: 0.1 of an NDVI."""


@dataclasses.dataclass(frozen=True, slots=True)
class DateCheck:
    """How one date of a grid fits into its series.

    Attributes
    ----------
    grid : str
    date : datetime.date
    index : str
        By which it was judged.
    deviation : DateDeviation
    left_out : bool
    """

    grid: str
    date: dt.date
    index: str
    deviation: DateDeviation
    left_out: bool

    @property
    def sentence(self) -> str:
        """What is wrong with it, in words."""
        found = self.deviation
        return (
            f"a veil of haze, thin cloud or snow? {found.share:.0%} of the steadiest pixels lie below the dates around, by "
            f"{found.drop:.2f} of {self.index.upper()}; up to {found.limit:.0%} is usual in this series"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        share = self.deviation.share
        return {
            "grid": self.grid,
            "date": self.date.isoformat(),
            "index": self.index,
            "share_below": None if math.isnan(share) else round(share, 4),
            "limit": round(self.deviation.limit, 4),
            "drop": round(self.deviation.drop, 4),
            "pixels": self.deviation.pixels,
            "outlying": self.deviation.outlying,
            "left_out": self.left_out,
            "sentence": self.sentence if self.deviation.outlying else "",
        }


def check_dates(days: Days, config: RunConfig, out: Path) -> tuple[Days, tuple[DateCheck, ...]]:
    """Judge every date that has something clear; leave out the worst where the settings ask for it, else warn.

    Parameters
    ----------
    days : Days
        What was read.
    config : RunConfig
        The settings.
    out : Path
        The output folder: index files of what is left out are removed.

    Returns
    -------
    (Days, tuple of DateCheck)
        The days that stay, and the finding on each. Nothing is found where no index of the run is high over vegetation.
    """
    index = next((name for name in config.index if name in HIGH_OVER_VEGETATION), None)
    if config.outlier_dates == "ignore" or index is None:
        return days, ()
    checks = tuple(check for grid in days.plan.grids for check in _checks(days, grid, index, config))
    for check in checks:
        if check.deviation.outlying:
            _log.warning("%s %s%s: %s", check.grid, check.date, " is left out" if check.left_out else "", check.sentence)
    return _without(days, [check for check in checks if check.left_out], out), checks


def _checks(days: Days, grid: GridPlan, index: str, config: RunConfig) -> list[DateCheck]:
    numbers = days.kept(grid)
    if not numbers:
        return []
    low, high = get_index(index).bounds
    found = date_deviations(_sample(days, grid, index, numbers), step=_STEP * (high - low))
    leave_out = config.outlier_dates == "leave-out"
    return [
        DateCheck(grid.name, grid.days[number].date, index, deviation, leave_out and deviation.severe)
        for number, deviation in zip(numbers, found, strict=True)
    ]


def _sample(days: Days, grid: GridPlan, index: str, numbers: Sequence[int]) -> NDArray[np.float32]:
    """Return evenly spaced pixels of each day; one day is in memory at a time."""
    height, width = grid.geobox.shape
    step = max(1, math.ceil(math.sqrt(height * width / _SAMPLE)))
    scale = days.store.scales[index]
    rows = [decode(days.store.read_day(grid.name, index, number)[::step, ::step], scale).ravel() for number in numbers]
    return np.stack(rows)


def _without(days: Days, checks: Sequence[DateCheck], out: Path) -> Days:
    """Return days without those left out; their index files go."""
    why: Mapping[tuple[str, dt.date | None], str] = {(check.grid, check.date): check.sentence for check in checks}
    acquisitions = tuple(
        dataclasses.replace(item, status="left out", reason=why[key])
        if item.status == "used" and item.scene is not None and (key := (item.grid, item.scene.date)) in why
        else item
        for item in days.acquisitions
    )
    gone = {index_path(out, check.grid, name, check.date) for check in checks for name in days.plan.indices}
    for path in gone:
        path.unlink(missing_ok=True)
    files = tuple(path for path in days.index_files if path not in gone)
    return dataclasses.replace(days, acquisitions=acquisitions, index_files=files)
