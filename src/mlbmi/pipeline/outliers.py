"""Outliers of single pixels taken out of the cube, counted by date, and out of the index files."""

from __future__ import annotations

import dataclasses
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.coding import decode
from mlbmi.indices import HIGH_OVER_VEGETATION, get_index
from mlbmi.mask import find_outliers
from mlbmi.pipeline.days import index_path
from mlbmi.registration import shifted
from mlbmi.types import INDEX_NODATA, OutlierExample
from mlbmi.write import write_index_cog

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.indices import Index
    from mlbmi.pipeline.days import Days
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import Acquisition

    Day = tuple[str, dt.date]
    """Grid and date."""

__all__ = ["Outliers", "count_outliers", "least_scatter", "remove_outliers", "renew_index_files"]

_FLOOR = 0.01
"""Least scatter of a series, as a share of the legal range: 0.02 of an NDVI, what sensor, atmosphere and viewing angle leave."""

_ROWS = 64
"""Rows of a chunk that are tested at a time: a series of 70 dates then takes some 100 MB."""

_MOST_BYTES = 500_000_000
"""Of chunks in memory, of all threads together."""


@dataclasses.dataclass(slots=True)
class Outliers:
    """What was taken out of a cube.

    Attributes
    ----------
    counts : Counter of (grid, index, date)
        Outliers; dates without any are absent.
    examples : dict of (grid, index) to list of OutlierExample
        Some pixels that have outliers.
    """

    counts: Counter[tuple[str, str, dt.date]] = dataclasses.field(default_factory=Counter)
    examples: dict[tuple[str, str], list[OutlierExample]] = dataclasses.field(default_factory=dict)

    def days(self) -> set[Day]:
        """Return the days that have any."""
        return {(grid, date) for grid, _, date in self.counts}


def remove_outliers(draft: CubeStore, config: RunConfig, progress: Progress) -> Outliers:
    """Make outliers missing, chunk by chunk, in place.

    Parameters
    ----------
    draft : CubeStore
        The cube, not yet published.
    config : RunConfig
        ``n_sig`` is how far off an outlier lies; 0 removes none.
    progress : Progress
        Is told of each chunk.

    Returns
    -------
    Outliers
    """
    made = Outliers()
    if not config.n_sig:
        return made
    jobs = [(grid, index, *block) for grid in draft.grids for index in draft.indices for block in draft.blocks(grid)]
    progress.start("screen", len(jobs))
    longest = max(len(days) for days in draft.days.values())
    at_once = max(1, min(config.workers, _MOST_BYTES // (2 * longest * draft.chunk[0] * draft.chunk[1])))
    with ThreadPoolExecutor(at_once, thread_name_prefix="mlbmi-screen") as pool:
        for job, (found, examples) in zip(jobs, pool.map(lambda job: _clean(draft, *job, n_sig=config.n_sig), jobs), strict=True):
            made.counts.update({(job[0], job[1], draft.days[job[0]][number]): count for number, count in found.items()})
            made.examples.setdefault((job[0], job[1]), []).extend(examples)
            progress.advance("screen", f"{job[1]} {job[0]}")
    return made


def least_scatter(index: Index) -> float:
    """Return the least σ that outliers of an index are held against, in its units.

    Examples
    --------
    >>> least_scatter(get_index("ndvi"))
    0.02
    """
    low, high = index.bounds
    return _FLOOR * (high - low)


def _clean(
    draft: CubeStore, grid: str, index: str, rows: slice, columns: slice, *, n_sig: float
) -> tuple[dict[int, int], list[OutlierExample]]:
    """Clean one chunk; return outliers by number of the day, and examples."""
    scale = draft.scales[index]
    codes = draft.read_block(grid, index, rows, columns)
    how: dict[str, Any] = {"n_sig": n_sig, "floor": least_scatter(get_index(index)), "below_only": index in HIGH_OVER_VEGETATION}
    parts = [find_outliers(decode(codes[:, top : top + _ROWS], scale), **how) for top in range(0, codes.shape[1], _ROWS)]
    found = np.concatenate(parts, axis=1)
    examples = _examples(codes, found, scale, (rows.start, columns.start))
    counts = {int(number): int(np.count_nonzero(found[number])) for number in np.flatnonzero(found.any(axis=(1, 2)))}
    codes[found] = INDEX_NODATA
    for number in counts:
        draft.replace_block(grid, index, number, rows, columns, codes[number])
    return counts, examples


def _examples(codes: NDArray[np.int16], found: NDArray[np.bool_], scale: float, corner: tuple[int, int]) -> list[OutlierExample]:
    """Return the pixel with most outliers, and among these most values, of each quarter of a chunk."""
    some = np.count_nonzero(found, axis=0)
    merit = np.where(some > 0, some * (len(codes) + 1) + np.count_nonzero(codes != INDEX_NODATA, axis=0), 0)
    middle = tuple(length // 2 for length in merit.shape)
    examples = []
    for top in (slice(0, middle[0]), slice(middle[0], None)):
        for left in (slice(0, middle[1]), slice(middle[1], None)):
            quarter = merit[top, left]
            if not quarter.any():
                continue
            row, column = (int(at) for at in np.unravel_index(int(np.argmax(quarter)), quarter.shape))
            row, column = row + top.start, column + left.start
            place = {"row": corner[0] + row, "column": corner[1] + column}
            values = decode(codes[:, row, column].copy(), scale)
            examples.append(OutlierExample(**place, values=values, outlying=found[:, row, column].copy()))
    return examples


def count_outliers(days: Days, outliers: Outliers, config: RunConfig) -> Days:
    """Enter outliers into the counts of the acquisitions: those of a day made of several scenes with the first of them."""
    if not config.n_sig:
        return days
    acquisitions: list[Acquisition] = []
    entered: set[tuple[str, dt.date]] = set()
    for item in days.acquisitions:
        place = None if item.scene is None else (item.grid, item.scene.date)
        if item.status == "used" and place is not None and place not in entered:
            entered.add(place)
            own = {f"outlier_{index}": outliers.counts[place[0], index, place[1]] for index in days.plan.indices}
            acquisitions.append(dataclasses.replace(item, counts=MappingProxyType({**item.counts, **own})))
        else:
            acquisitions.append(item)
    return dataclasses.replace(days, acquisitions=tuple(acquisitions))


def renew_index_files(
    cube: CubeStore, changed: Collection[Day], moves: Mapping[Day, tuple[int, int]], config: RunConfig, out: Path
) -> None:
    """Write the index files of changed days anew, so that they show what the cube holds.

    Parameters
    ----------
    cube : CubeStore
        The published cube.
    changed : collection of (grid, date)
        Days that are not as they were read.
    moves : mapping of (grid, date) to (rows, columns)
        Those among them that were moved, and by how much.
    config : RunConfig
        The settings.
    out : Path
        The output folder.
    """
    for day in sorted(changed):
        grid, date = day
        for name in config.index:
            path, index = index_path(out, grid, name, date), get_index(name)
            codes = cube.read_day(grid, name, cube.days[grid].index(date))
            values = codes if config.index_dtype == "int16" else _floats(path, codes, moves.get(day, (0, 0)))
            words: dict[str, Any] = {"index": index.name, "long_name": index.long_name, "scale": index.scale, "date": date}
            write_index_cog(path, values, cube.geoboxes[grid], **words)


def _floats(path: Path, codes: NDArray[np.int16], move: tuple[int, int]) -> NDArray[np.float32]:
    """Return a file's own floats, moved, and missing where the cube's steps are."""
    import rasterio

    with rasterio.open(path) as file:
        values: NDArray[np.float32] = shifted(file.read(1), *move, fill=np.nan)
    values[codes == INDEX_NODATA] = np.nan
    return values
