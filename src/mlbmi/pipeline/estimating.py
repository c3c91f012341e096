"""What a run will read: windows, requests, bytes, time and memory, from headers where they are looked at, else from sizes."""

from __future__ import annotations

import itertools
import math
import os
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlbmi.download import PART_BYTES
from mlbmi.errors import ReadError
from mlbmi.read import WindowCost, is_remote, window_cost
from mlbmi.sentinel2 import BANDS
from mlbmi.types import PlannedReads

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlbmi.config import RunConfig
    from mlbmi.pipeline.sources import Source
    from mlbmi.types import GridPlan, Scene

__all__ = ["estimate"]

_MOST_HEADERS = 240
"""Headers looked at, spread over all files; what the others hold is taken from those of their tile and band."""

_COG_BLOCK = 1024
"""Side in pixels of the blocks of the public Sentinel-2 COGs."""

_TILE_M = 109_800
_SCL_GSD_M = 20
_BYTES_PER_DN = 2

_BYTES_PER_S = 12.5e6
"""A connection of 100 Mbit/s, which headers are too small to measure."""

_ROUND_TRIP_S = 0.1
"""Of a request over a continent, where none has been measured."""

_DECODED_PER_S = 100e6
"""Bytes of pixels that one processor inflates and masks in a second, about."""


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """One file, on one grid; equal only to itself."""

    grid: GridPlan
    scene: Scene
    band: str
    whole: bool

    @property
    def kind(self) -> tuple[str, str, str, bool]:
        return self.grid.name, self.scene.tile, self.band, self.whole


def estimate(
    grids: Sequence[GridPlan], bands: Sequence[str], config: RunConfig, *, source: Source, measure: bool
) -> dict[str, Any]:
    """Estimate what a plan reads.

    Parameters
    ----------
    grids : sequence of GridPlan
        What is planned.
    bands : sequence of str
        Reflectance bands; the scene classes are read besides.
    config : RunConfig
        The settings.
    source : Source
        Says from which files scenes are read.
    measure : bool
        Look at headers: of all files, or of 240 of them. Not where files are fetched whole: then all that they can hold counts.

    Returns
    -------
    dict
        The fields of :class:`~mlbmi.types.RunPlan` about expectations. ``seconds_expected`` is for reading alone: bytes over a
        connection of 100 Mbit/s; round trips, as measured or else of a tenth of a second, shared by the workers; decoding.
    """
    files = [
        _File(grid, scene, band, whole=bool(config.download) and is_remote(scene.assets[band].href))
        for grid in grids
        for day in grid.days
        for scene in map(source, day.scenes)
        for band in (*bands, "scl")
        if band in scene.assets
    ]
    known = _measured(files, config.workers) if measure else {}
    in_order = sorted(files, key=lambda file: file.kind)
    reads = tuple(_reads(list(group), known) for _, group in itertools.groupby(in_order, key=lambda file: file.kind))
    return {
        "reads": reads,
        "bytes_expected": sum(read.bytes for read in reads),
        "requests_expected": sum(read.requests for read in reads),
        "seconds_expected": _seconds(files, reads, known, config.workers),
        "memory_expected": max(_memory(grid, config) for grid in grids),
    }


def _measured(files: Sequence[_File], workers: int) -> dict[_File, WindowCost]:
    """Look at headers, evenly spread; a file that does not answer is estimated, and will be listed as failed when it is read."""
    step = -(-len(files) // _MOST_HEADERS)
    looked_at = [file for file in files[::step] if not file.whole]
    with ThreadPoolExecutor(max(workers, 8), thread_name_prefix="mlbmi-plan") as pool:
        costs = list(pool.map(_cost, looked_at))
    return {file: cost for file, cost in zip(looked_at, costs, strict=True) if cost is not None}


def _cost(file: _File) -> WindowCost | None:
    try:
        return window_cost(file.scene.assets[file.band], file.grid.geobox)
    except ReadError:
        return None


def _reads(files: Sequence[_File], known: dict[_File, WindowCost]) -> PlannedReads:
    """Sum up the files of one tile and band on one grid."""
    costs = [known[file] for file in files if file in known]
    window = _window(costs[0]) if costs else None
    size, requests = _mean(costs) if costs else _guess(files[0])
    rest = len(files) - len(costs)
    grid, tile, band, _ = files[0].kind
    return PlannedReads(
        grid=grid,
        tile=tile,
        band=band,
        files=len(files),
        window=window,
        bytes=round(sum(cost.bytes for cost in costs) + rest * size),
        requests=round(sum(cost.requests for cost in costs) + rest * requests),
        measured=sum(cost.exact for cost in costs),
    )


def _window(cost: WindowCost) -> tuple[int, int, int, int]:
    return cost.columns[0], cost.rows[0], cost.columns[1] - cost.columns[0], cost.rows[1] - cost.rows[0]


def _mean(costs: Sequence[WindowCost]) -> tuple[float, float]:
    return statistics.fmean(cost.bytes for cost in costs), statistics.fmean(cost.requests for cost in costs)


def _guess(file: _File) -> tuple[float, float]:
    """Take as many blocks of the public COGs as the grid can touch, or the whole file, uncompressed: more than will be read."""
    gsd_m, size = (BANDS[file.band].gsd_m, _BYTES_PER_DN) if file.band in BANDS else (_SCL_GSD_M, 1)
    if file.whole:
        pixels = (_TILE_M // gsd_m) ** 2
        return pixels * size, pixels * size // PART_BYTES + 1
    shrink = abs(file.grid.geobox.resolution.x) / gsd_m
    of_tile = -(-_TILE_M // (gsd_m * _COG_BLOCK))
    rows, columns = (min(length * shrink // _COG_BLOCK + 2, of_tile) for length in file.grid.geobox.shape)
    return rows * columns * _COG_BLOCK**2 * size, 1 + rows


def _seconds(files: Sequence[_File], reads: Iterable[PlannedReads], known: dict[_File, WindowCost], workers: int) -> float:
    share = sum(is_remote(file.scene.assets[file.band].href) for file in files) / max(1, len(files))
    sizes = [(read.bytes * share, read.requests * share) for read in reads]
    remote = [cost.seconds for file, cost in known.items() if is_remote(file.scene.assets[file.band].href)]
    round_trip = statistics.median(remote) if remote else _ROUND_TRIP_S
    transfer = sum(size for size, _ in sizes) / _BYTES_PER_S + sum(number for _, number in sizes) * round_trip / workers
    decoded = _BYTES_PER_DN * sum(math.prod(file.grid.geobox.shape) for file in files)
    return float(transfer + decoded / (_DECODED_PER_S * min(workers, os.cpu_count() or 1)))


def _memory(grid: GridPlan, config: RunConfig) -> int:
    height, width = grid.geobox.shape
    return height * width * _BYTES_PER_DN * len(grid.days) * len(config.layers)
