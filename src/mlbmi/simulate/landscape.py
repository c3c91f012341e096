"""The true land cover: one map of eight classes, drawn in ground coordinates.

Nested scales make it look like land: relief for lakes (kilometres), woods and stands (hectometres), parcels of farm blocks,
sandy openings and vehicle tracks of the former training ground, and the polygons of :mod:`mlbmi.simulate.settlements`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.simulate.noise import fbm, hash01, normal01
from mlbmi.simulate.settlements import plan_settlements

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.simulate.tiles import Window

__all__ = ["CLASS_COLOURS", "CLASS_NAMES", "Cover", "Ground", "draw_ground"]


class Cover(IntEnum):
    """Classes of the true land cover."""

    WATER = 0
    BUILDINGS = 1
    ROADS = 2
    BARE_SOIL = 3
    HEATH = 4
    DECIDUOUS = 5
    CONIFER = 6
    CROP = 7


CLASS_NAMES: tuple[str, ...] = (
    "water",
    "buildings",
    "roads",
    "bare soil",
    "heath/grass",
    "deciduous forest",
    "coniferous forest",
    "crop",
)
"""Names of the true classes; the index is the value in the map."""

CLASS_COLOURS: tuple[str, ...] = ("#3b6fb6", "#b5443c", "#4d4d4d", "#e3cf9b", "#b9b36b", "#6fae45", "#1f5f3a", "#f0a830")
"""Colours for the true classes, in the same order."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The land in one window at 10 m: what never changes from date to date. All arrays have the window's shape.

    Attributes
    ----------
    cover : ndarray of uint8
        Values of :class:`Cover`.
    parcel : ndarray of int32
        Number of the farm parcel, unique on the ground; 0 outside crops.
    vigour : ndarray of float32
        How far the canopy is denser (+) or sparser than its class's: stands, patches and single pixels; standard deviation 1.
    lag : ndarray of float32
        How many days the season is later (+) or earlier than the class's.
    albedo : ndarray of float32
        Brightness of the surface relative to its class's, in every band alike; around 1.
    """

    cover: NDArray[np.uint8]
    parcel: NDArray[np.int32]
    vigour: NDArray[np.float32]
    lag: NDArray[np.float32]
    albedo: NDArray[np.float32]


def draw_ground(window: Window, seed: int) -> Ground:
    """Draw the land in a window.

    Parameters
    ----------
    window : Window
        Where, at 10 m.
    seed : int
        The same seed draws the same land for every tile and window.
    """
    x, y = window.ground(10)
    cover, parcel = _natural_cover(x, y, seed)
    _build_over(cover, parcel, window, seed)
    vigour = _vigour(x, y, cover, parcel, seed)
    lag = 3.5 * fbm(x, y, wavelength=900, octaves=2, seed=seed + 61) + 6.0 * _by_parcel(parcel, seed + 62)
    return Ground(
        cover=cover, parcel=parcel, vigour=vigour, lag=lag.astype(np.float32), albedo=_albedo(x, y, vigour, parcel, seed)
    )


def _natural_cover(x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw everything but settlements: later lines lie on top of earlier ones."""
    wx = x + 110 * fbm(x, y, wavelength=800, octaves=3, seed=seed + 1)
    wy = y + 110 * fbm(x, y, wavelength=800, octaves=3, seed=seed + 2)
    cover = np.full(x.shape, Cover.HEATH, dtype=np.uint8)
    wood = fbm(wx, wy, wavelength=2_900, octaves=5, seed=seed + 3)
    cover[_openings(wx, wy, seed)] = Cover.BARE_SOIL
    forest = wood > 0.25
    conifer = fbm(wx, wy, wavelength=1_500, octaves=3, seed=seed + 4) > 0.0
    cover[forest] = np.where(conifer[forest], Cover.CONIFER, Cover.DECIDUOUS)
    parcel = _parcels(x, y, seed)
    farmed = (fbm(x, y, wavelength=4_200, octaves=2, seed=seed + 5) > 0.62) & (wood < 0.12) & (parcel > 0)
    cover[farmed] = Cover.CROP
    relief = fbm(wx, wy, wavelength=3_600, octaves=4, seed=seed + 6, gain=0.42)
    cover[relief < -1.42] = Cover.WATER
    return cover, np.where(cover == Cover.CROP, parcel, 0).astype(np.int32)


def _openings(x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> NDArray[np.bool_]:
    """Find open sand: blow-outs, and the tracks of the training ground along the zero lines of smooth noise."""
    sand = fbm(x, y, wavelength=1_100, octaves=4, seed=seed + 11)
    tracks = np.abs(fbm(x, y, wavelength=1_250, octaves=2, seed=seed + 12, gain=0.35))
    return (sand > 0.98) | (tracks < 0.022)


def _parcels(x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> NDArray[np.int32]:
    """Number the farm parcels: strips of blocks, each block with its own angle; 0 on the grassy margins between blocks."""
    pitch = 760.0
    i, j, edge = _nearest_sites(x / pitch, y / pitch, seed + 21)
    angle = np.pi * hash01(i, j, seed + 22)
    width = 90 + 110 * hash01(i, j, seed + 23)
    length = 260 + 300 * hash01(i, j, seed + 24)
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    strip = np.floor(u / width).astype(np.int64)
    piece = np.floor(v / length + hash01(strip, 0, seed + 25)).astype(np.int64)
    name = hash01(strip * 7919 + piece, i * 104_729 + j, seed + 26)
    number = 1 + (name * np.float32(2**24)).astype(np.int32)
    return np.where(edge * pitch < 11, 0, number).astype(np.int32)


def _nearest_sites(
    x: NDArray[np.float64], y: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the cell of the nearest jittered lattice point, and the distance to the border with the second nearest."""
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    best = np.full(x.shape, np.inf, dtype=np.float32)
    second = best.copy()
    site_i, site_j = column.copy(), row.copy()
    for dj in (-1, 0, 1):
        for di in (-1, 0, 1):
            i, j = column + di, row + dj
            far = np.hypot(i + 0.15 + 0.7 * hash01(i, j, seed) - x, j + 0.15 + 0.7 * hash01(i, j, seed + 1) - y).astype(
                np.float32
            )
            closer = far < best
            second = np.where(closer, best, np.minimum(second, far))
            site_i, site_j = np.where(closer, i, site_i), np.where(closer, j, site_j)
            best = np.where(closer, far, best)
    return site_i, site_j, ((second - best) / 2).astype(np.float32)


def _build_over(cover: NDArray[np.uint8], parcel: NDArray[np.int32], window: Window, seed: int) -> None:
    """Burn gardens, streets and buildings into the map; bridges cross the water, houses do not stand in it."""
    plan = plan_settlements(window.ground_bounds, seed)
    garden = _burn(plan.gardens, window)
    dry = cover != Cover.WATER
    road = _burn(plan.roads, window) | (_burn(plan.streets, window) & dry)
    building = _burn(plan.buildings, window)
    cover[garden & dry] = Cover.HEATH
    cover[road] = Cover.ROADS
    cover[building & dry & ~road] = Cover.BUILDINGS
    parcel[garden | road | building] = 0


def _burn(shapes: NDArray[np.object_], window: Window) -> NDArray[np.bool_]:
    """Say which pixel centres lie inside any of the polygons, which are in ground coordinates."""
    import shapely
    from pyproj import Transformer
    from rasterio.features import rasterize

    if not len(shapes):
        return np.zeros(window.shape(10), dtype=bool)
    from mlbmi.simulate.tiles import GROUND_EPSG

    to_tile = Transformer.from_crs(GROUND_EPSG, window.epsg, always_xy=True)
    moved = shapely.transform(shapes, lambda points: np.column_stack(to_tile.transform(points[:, 0], points[:, 1])))
    burnt = rasterize(
        moved.tolist(), out_shape=window.shape(10), transform=window.transform(10), fill=0, default_value=1, dtype="uint8"
    )
    return np.asarray(burnt, dtype=bool)


def _by_parcel(parcel: NDArray[np.int32], seed: int) -> NDArray[np.float32]:
    """Draw a normal number per parcel; 0 outside parcels."""
    return np.where(parcel > 0, normal01(parcel, 0, seed), np.float32(0))


def _vigour(
    x: NDArray[np.float64], y: NDArray[np.float64], cover: NDArray[np.uint8], parcel: NDArray[np.int32], seed: int
) -> NDArray[np.float32]:
    """Mix stands (hundreds of metres), patches (tens) and single pixels; a crop's stand is its parcel."""
    stand = fbm(x, y, wavelength=420, octaves=2, seed=seed + 31)
    stand = np.where(cover == Cover.CROP, _by_parcel(parcel, seed + 32), stand)
    patch = fbm(x, y, wavelength=110, octaves=2, seed=seed + 33)
    return np.asarray(0.78 * stand + 0.62 * patch, dtype=np.float32)


def _albedo(
    x: NDArray[np.float64], y: NDArray[np.float64], vigour: NDArray[np.float32], parcel: NDArray[np.int32], seed: int
) -> NDArray[np.float32]:
    """Vary the brightness: soils over hundreds of metres, crowns, roofs and tufts over tens."""
    wide = fbm(x, y, wavelength=600, octaves=3, seed=seed + 41)
    fine = fbm(x, y, wavelength=60, octaves=1, seed=seed + 42)
    bright = 1 + 0.06 * wide + 0.03 * fine - 0.02 * vigour + 0.06 * _by_parcel(parcel, seed + 43)
    return np.asarray(np.clip(bright, 0.65, 1.4), dtype=np.float32)
