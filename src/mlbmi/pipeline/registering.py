"""Each date of a grid held against the mean of the others: shifts measured and told, and taken back where asked for and sure."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.coding import decode
from mlbmi.registration import agreed_shift, shifted, window_shift
from mlbmi.types import INDEX_NODATA

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.registration import Shift

__all__ = ["DateShift", "measure_shifts", "take_back"]

_log = logging.getLogger("mlbmi")

_SIDES = (128, 64)
"""Side of a window in pixels, 1.3 km at 10 m; the lesser one where the area has no room for six of the larger."""

_ENOUGH, _WINDOWS = 6, 16
_LEAST_AREA = 0.9
_LEAST_DATES = 3
_TELLING = 0.75
"""Pixels from which a shift is warned of: Sentinel-2's scenes lie within about half a pixel of one another."""


@dataclass(frozen=True, slots=True)
class DateShift:
    """By how much one date of a grid lies beside the others.

    Attributes
    ----------
    grid : str
    date : datetime.date
    shift : Shift
        In pixels: how far below and to the right of the mean of the others.
    pixel_m : float
        Side of a pixel in metres.
    taken_back : bool
        Whether it was moved back, by whole pixels.
    """

    grid: str
    date: dt.date
    shift: Shift
    pixel_m: float
    taken_back: bool

    @property
    def telling(self) -> bool:
        """Whether it is sure, and large enough to matter."""
        return self.shift.sure and math.hypot(self.shift.rows, self.shift.columns) >= _TELLING

    @property
    def sentence(self) -> str:
        """The shift in words."""
        south, east = self.shift.rows * self.pixel_m, self.shift.columns * self.pixel_m
        to_east, to_south = _side(east, "east", "west"), _side(south, "south", "north")
        return f"lies {abs(east):.0f} m too far {to_east} and {abs(south):.0f} m too far {to_south}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, metres east and south."""
        return {
            "grid": self.grid,
            "date": self.date.isoformat(),
            "east_m": round(self.shift.columns * self.pixel_m, 2),
            "south_m": round(self.shift.rows * self.pixel_m, 2),
            "windows": self.shift.windows,
            "spread_m": round(self.shift.spread * self.pixel_m, 2),
            "sure": self.shift.sure,
            "taken_back": self.taken_back,
            "sentence": self.sentence if self.telling else "",
        }


def _side(metres: float, ahead: str, back: str) -> str:
    return ahead if metres >= 0 else back


def measure_shifts(cube: CubeStore, areas: dict[str, NDArray[np.bool_]], config: RunConfig) -> tuple[DateShift, ...]:
    """Measure each date against the mean of the others, in up to 16 windows of the area, by the first index.

    Parameters
    ----------
    cube : CubeStore
        The cube.
    areas : dict of str to ndarray of bool
        The area on each grid.
    config : RunConfig
        ``coregister`` says whether shifts will be taken back.

    Returns
    -------
    tuple of DateShift
        One a date of each grid that has at least three dates and room for a window.
    """
    found: list[DateShift] = []
    for grid in cube.grids:
        windows = _windows(areas[grid])
        if windows and len(cube.days[grid]) >= _LEAST_DATES:
            found += _of_grid(cube, grid, config.index[0], windows, coregister=config.coregister)
    for one in found:
        if one.telling:
            end = ": taken back" if one.taken_back else "; --coregister moves it"
            _log.warning("%s %s %s%s", one.grid, one.date, one.sentence, end)
    return tuple(found)


def _windows(area: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Return evenly chosen windows that lie within the area."""
    larger, lesser = (_inside(area, side) for side in _SIDES)
    inside = larger if len(larger) >= _ENOUGH else lesser
    chosen = np.unique(np.linspace(0, len(inside) - 1, min(len(inside), _WINDOWS)).round().astype(int))
    return [inside[number] for number in chosen]


def _inside(area: NDArray[np.bool_], side: int) -> list[tuple[slice, slice]]:
    every = [
        (slice(top, top + side), slice(left, left + side))
        for top in range(0, area.shape[0] - side + 1, side)
        for left in range(0, area.shape[1] - side + 1, side)
    ]
    return [window for window in every if area[window].mean() >= _LEAST_AREA]


def _of_grid(cube: CubeStore, grid: str, index: str, windows: list[tuple[slice, slice]], *, coregister: bool) -> list[DateShift]:
    pixel_m = abs(cube.geoboxes[grid].resolution.x)
    numbers = range(len(cube.days[grid]))
    cut = np.stack([_cut(cube.read_day(grid, index, number), windows, cube.scales[index]) for number in numbers])
    seen = ~np.isnan(cut)
    counts, sums = seen.sum(axis=0), np.where(seen, cut, 0).sum(axis=0, dtype=np.float64)
    made = []
    for day, images, there in zip(cube.days[grid], cut, seen, strict=True):
        others = np.maximum(counts - there, 0)
        # Without the date itself: its own noise in the reference would answer "not shifted" louder than any field's edge.
        reference = np.where(others > 0, (sums - np.where(there, images, 0)) / np.maximum(others, 1), np.nan)
        shift = agreed_shift([window_shift(one, image) for one, image in zip(reference, images, strict=True)])
        made.append(DateShift(grid, day, shift, pixel_m, coregister and shift.whole != (0, 0)))
    return made


def _cut(codes: NDArray[np.int16], windows: list[tuple[slice, slice]], scale: float) -> NDArray[np.float32]:
    return decode(np.stack([codes[window] for window in windows]), scale)


def take_back(cube: CubeStore, shifts: tuple[DateShift, ...]) -> dict[tuple[str, dt.date], tuple[int, int]]:
    """Move dates back by whole pixels, in place, all their indices.

    Returns
    -------
    dict of (grid, date) to (rows, columns)
        By how much each was moved.
    """
    moves = {(one.grid, one.date): (-one.shift.whole[0], -one.shift.whole[1]) for one in shifts if one.taken_back}
    for (grid, date), (rows, columns) in moves.items():
        number = cube.days[grid].index(date)
        height, width = cube.geoboxes[grid].shape
        for index in cube.indices:
            codes = shifted(cube.read_day(grid, index, number), rows, columns, INDEX_NODATA)
            cube.replace_block(grid, index, number, slice(0, height), slice(0, width), codes)
    return moves
