"""What people built: villages on a jittered lattice, the roads between them, streets and buildings, as polygons on the ground.

Everything follows from the seed and the lattice's cells, never from the window, so that any window shows its part of one plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from mlbmi.simulate.noise import hash01

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Plan", "Village", "plan_settlements"]

Box = tuple[float, float, float, float]
Numbers = float | NDArray[np.floating]

VILLAGE_SPACING = 2_600.0  # metres between neighbouring villages, before the jitter
_JITTER = 0.32  # share of the spacing
_RADIUS = (290.0, 560.0)  # metres
_ROAD_WIDTH, _LANE_WIDTH, _STREET_WIDTH = 26.0, 17.0, 13.0  # metres, with the sealed verge
_HOUSES = 4  # to a side of a block
_REACH = 2  # cells beyond the box whose roads and villages may enter it


@dataclass(frozen=True, slots=True)
class Village:
    """One settlement: centre and radius in metres of ground coordinates, the angle of its streets, and whether it has halls."""

    x: float
    y: float
    radius: float
    angle: float
    halls: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What stands in a box, as shapely polygons in ground coordinates.

    Attributes
    ----------
    roads, streets, buildings, gardens : ndarray of shapely geometries
        Roads join villages, streets lie within them; gardens are the villages' discs, under all the others.
    """

    roads: NDArray[np.object_]
    streets: NDArray[np.object_]
    buildings: NDArray[np.object_]
    gardens: NDArray[np.object_]


def plan_settlements(box: Box, seed: int) -> Plan:
    """Lay out roads, buildings and gardens that may touch a box of ground coordinates (west, south, east, north)."""
    villages = dict(_villages(box, seed))
    near = [village for village in villages.values() if _near(village, box)]
    streets_and_houses = [_streets_and_houses(village) for village in near]
    return Plan(
        roads=_within([_country_roads(villages, seed)], box),
        streets=_within([streets for streets, _ in streets_and_houses], box),
        buildings=_within([houses for _, houses in streets_and_houses], box),
        gardens=_within([np.array([_disc(village) for village in near], dtype=object)], box),
    )


def _within(shapes: list[NDArray[np.object_]], box: Box) -> NDArray[np.object_]:
    together = np.concatenate([np.array([], dtype=object), *shapes])
    return np.asarray(together[shapely.intersects(together, shapely.box(*box))])


def _near(village: Village, box: Box) -> bool:
    reach = 2 * village.radius
    return box[0] - reach < village.x < box[2] + reach and box[1] - reach < village.y < box[3] + reach


def _draw(i: int, j: int, seed: int, what: int) -> float:
    """Draw a uniform number that belongs to a cell and a purpose."""
    return float(hash01(np.array([i]), j, seed * 131 + what)[0])


def _villages(box: Box, seed: int) -> Iterator[tuple[tuple[int, int], Village]]:
    west, south, east, north = (int(np.floor(edge / VILLAGE_SPACING)) for edge in box)
    for i in range(west - _REACH, east + _REACH + 1):
        for j in range(south - _REACH, north + _REACH + 1):
            yield (i, j), _village(i, j, seed)


def _village(i: int, j: int, seed: int) -> Village:
    low, high = _RADIUS
    return Village(
        x=(i + 0.5 + _JITTER * (2 * _draw(i, j, seed, 1) - 1)) * VILLAGE_SPACING,
        y=(j + 0.5 + _JITTER * (2 * _draw(i, j, seed, 2) - 1)) * VILLAGE_SPACING,
        radius=low + (high - low) * _draw(i, j, seed, 3) ** 1.5,
        angle=np.pi / 2 * _draw(i, j, seed, 4),
        halls=_draw(i, j, seed, 5) < 0.4,
        seed=seed * 131 + 7 + i * 8191 + j,
    )


def _disc(village: Village) -> shapely.Polygon:
    """Draw a village's extent: a disc with a soft, irregular rim."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rim = sum((0.16 / wave) * np.sin(wave * turn + 6.28 * _draw(wave, 0, village.seed, 11)) for wave in (2, 3, 5))
    radius = village.radius * (1.08 + rim)
    return shapely.Polygon(np.column_stack([village.x + radius * np.cos(turn), village.y + radius * np.sin(turn)]))


def _country_roads(villages: dict[tuple[int, int], Village], seed: int) -> NDArray[np.object_]:
    roads = []
    for (i, j), start in villages.items():
        for side, (di, dj, share, width) in enumerate(
            ((1, 0, 0.9, _ROAD_WIDTH), (0, 1, 0.7, _LANE_WIDTH), (1, 1, 0.25, _LANE_WIDTH))
        ):
            end = villages.get((i + di, j + dj))
            if end is not None and _draw(i, j, seed, 20 + side) < share:
                roads.append(_curve(start, end, bend=_draw(i, j, seed, 30 + side) - 0.5).buffer(width / 2, cap_style="round"))
    return np.array(roads, dtype=object)


def _curve(start: Village, end: Village, *, bend: float) -> shapely.LineString:
    """Join two villages by an S of two quarters, so that roads meander and meet in the villages' centres."""
    t = np.linspace(0, 1, 25)
    dx, dy = end.x - start.x, end.y - start.y
    aside = 0.28 * bend * np.sin(np.pi * t) + 0.05 * np.sin(3 * np.pi * t + 9 * bend) * np.sin(np.pi * t)
    return shapely.LineString(np.column_stack([start.x + dx * t - dy * aside, start.y + dy * t + dx * aside]))


@lru_cache(maxsize=4096)
def _streets_and_houses(village: Village) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    disc = _disc(village)
    block_x, block_y = (150.0, 120.0) if village.halls else (130.0, 78.0)
    extent = 1.4 * village.radius
    index = np.arange(-int(extent / min(block_x, block_y)) - 1, int(extent / min(block_x, block_y)) + 2)
    lengthwise = _bars(0.0, index * block_y, 2 * extent, _STREET_WIDTH)
    crosswise = _bars(index * block_x, 0.0, _STREET_WIDTH, 2 * extent)
    streets = _place(np.concatenate([lengthwise, crosswise]), village)
    houses = _place((_halls if village.halls else _rows_of_houses)(index, block_x, block_y, village.seed), village)
    centres = shapely.centroid(houses)
    inside = shapely.contains_xy(disc, shapely.get_x(centres), shapely.get_y(centres))
    return shapely.intersection(streets, disc), houses[inside]


def _bars(x: Numbers, y: Numbers, width: Numbers, height: Numbers) -> NDArray[np.float64]:
    """Return the corners of upright rectangles around points, shape (n, 4, 2); the arguments broadcast."""
    x, y, dx, dy = (value.ravel() for value in np.broadcast_arrays(x, y, np.divide(width, 2), np.divide(height, 2)))
    return np.stack(
        [np.stack([x - dx, x + dx, x + dx, x - dx], axis=1), np.stack([y - dy, y - dy, y + dy, y + dy], axis=1)], axis=2
    )


def _built_blocks(index: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return column and row of the blocks between streets, and a draw for each; one in ten stays a green."""
    i, j = (axis.ravel() for axis in np.meshgrid(index, index))
    draw = hash01(i, j, seed * 131 + 1)
    built = draw >= 0.1
    return i[built], j[built], draw[built]


def _halls(index: NDArray[np.int64], block_x: float, block_y: float, seed: int) -> NDArray[np.float64]:
    """Put two halls into each block: barracks, works."""
    i, j, draw = _built_blocks(index, seed)
    x, y = (i + 0.5) * block_x, (j + 0.5) * block_y
    return np.concatenate([_bars(x, y - 26, 50 + 60 * draw, 34.0), _bars(x, y + 26, 110 - 50 * draw, 34.0)])


def _rows_of_houses(index: NDArray[np.int64], block_x: float, block_y: float, seed: int) -> NDArray[np.float64]:
    """Put two rows of houses along the streets of each block."""
    i, j, _ = _built_blocks(index, seed)
    pitch = (block_x - _STREET_WIDTH) / _HOUSES
    rows = []
    for column in range(_HOUSES):
        for side in (-1, 1):
            wide = 17 + 10 * hash01(_HOUSES * i + column, 2 * j + side, seed * 131 + 2)
            x = (i + 0.5) * block_x + (column + 0.5 - _HOUSES / 2) * pitch
            rows.append(_bars(x, (j + 0.5) * block_y + side * 18.5, wide, 22.0))
    return np.concatenate(rows)


def _place(corners: NDArray[np.float64], village: Village) -> NDArray[np.object_]:
    """Turn rectangles by the village's angle and move them to its place."""
    cos, sin = np.cos(village.angle), np.sin(village.angle)
    x = village.x + corners[..., 0] * cos - corners[..., 1] * sin
    y = village.y + corners[..., 0] * sin + corners[..., 1] * cos
    return np.asarray(shapely.polygons(np.stack([x, y], axis=-1)))
