"""Outliers of single pixels taken out of the cube, counted by date, and out of the index files."""

from __future__ import annotations

import dataclasses
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.coding import decode
from mlbmi.indices import get_index
from mlbmi.mask import find_outliers
from mlbmi.pipeline.days import index_path
from mlbmi.types import INDEX_NODATA
from mlbmi.write import write_index_cog

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.indices import Index
    from mlbmi.pipeline.days import Days
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import Acquisition

    Counts = Mapping[tuple[str, str, dt.date], int]
    """Outliers by grid, index and date; dates without any are absent."""

__all__ = ["count_outliers", "least_scatter", "mask_index_files", "remove_outliers"]

_FLOOR = 0.01
"""Least scatter of a series, as a share of the legal range: 0.02 of an NDVI, what sensor, atmosphere and viewing angle leave."""

_ROWS = 64
"""Rows of a chunk that are tested at a time: a series of 70 dates then takes some 100 MB."""

_MOST_BYTES = 500_000_000
"""Of chunks in memory, of all threads together."""


def remove_outliers(draft: CubeStore, config: RunConfig, progress: Progress) -> Counts:
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
    mapping of (grid, index, date) to int
    """
    if not config.n_sig:
        return {}
    jobs = [(grid, index, *block) for grid in draft.grids for index in draft.indices for block in draft.blocks(grid)]
    progress.start("screen", len(jobs))
    counts: Counter[tuple[str, str, dt.date]] = Counter()
    longest = max(len(days) for days in draft.days.values())
    at_once = max(1, min(config.workers, _MOST_BYTES // (2 * longest * draft.chunk[0] * draft.chunk[1])))
    with ThreadPoolExecutor(at_once, thread_name_prefix="mlbmi-screen") as pool:
        for job, found in zip(jobs, pool.map(lambda job: _clean(draft, *job, n_sig=config.n_sig), jobs), strict=True):
            counts.update({(job[0], job[1], draft.days[job[0]][number]): count for number, count in found.items()})
            progress.advance("screen", f"{job[1]} {job[0]}")
    return counts


def least_scatter(index: Index) -> float:
    """Return the least σ that outliers of an index are held against, in its units.

    Examples
    --------
    >>> least_scatter(get_index("ndvi"))
    0.02
    """
    low, high = index.bounds
    return _FLOOR * (high - low)


def _clean(draft: CubeStore, grid: str, index: str, rows: slice, columns: slice, *, n_sig: float) -> dict[int, int]:
    """Clean one chunk; return outliers by number of the day."""
    floor = least_scatter(get_index(index))
    scale = draft.scales[index]
    codes = draft.read_block(grid, index, rows, columns)
    found = np.concatenate(
        [
            find_outliers(decode(codes[:, top : top + _ROWS], scale), n_sig=n_sig, floor=floor)
            for top in range(0, codes.shape[1], _ROWS)
        ],
        axis=1,
    )
    counts = {int(number): int(np.count_nonzero(found[number])) for number in np.flatnonzero(found.any(axis=(1, 2)))}
    codes[found] = INDEX_NODATA
    for number in counts:
        draft.replace_block(grid, index, number, rows, columns, codes[number])
    return counts


def count_outliers(days: Days, counts: Counts, config: RunConfig) -> Days:
    """Enter outliers into the counts of the acquisitions: those of a day made of several scenes with the first of them."""
    if not config.n_sig:
        return days
    acquisitions: list[Acquisition] = []
    entered: set[tuple[str, dt.date]] = set()
    for item in days.acquisitions:
        place = None if item.scene is None else (item.grid, item.scene.date)
        if item.status == "used" and place is not None and place not in entered:
            entered.add(place)
            own = {f"outlier_{index}": counts.get((place[0], index, place[1]), 0) for index in days.plan.indices}
            acquisitions.append(dataclasses.replace(item, counts=MappingProxyType({**item.counts, **own})))
        else:
            acquisitions.append(item)
    return dataclasses.replace(days, acquisitions=tuple(acquisitions))


def mask_index_files(cube: CubeStore, changed: set[tuple[str, dt.date]], config: RunConfig, out: Path) -> None:
    """Write the index files of changed days anew, so that they show what the cube holds."""
    for grid, date in sorted(changed):
        number = cube.days[grid].index(date)
        for name in config.index:
            path, index = index_path(out, grid, name, date), get_index(name)
            values = _values(path, cube.read_day(grid, name, number), config.index_dtype)
            words: dict[str, Any] = {"index": index.name, "long_name": index.long_name, "scale": index.scale, "date": date}
            write_index_cog(path, values, cube.geoboxes[grid], **words)


def _values(path: Path, codes: NDArray[np.int16], dtype: str) -> NDArray[Any]:
    """Return what the file shall hold: steps as in the cube, or its own floats, missing where the cube's are."""
    if dtype == "int16":
        return codes
    import rasterio

    with rasterio.open(path) as file:
        values: NDArray[np.float32] = file.read(1)
    values[codes == INDEX_NODATA] = np.nan
    return values
