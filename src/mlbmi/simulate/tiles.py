"""The pixels of the two tiles, and where on the ground they lie.

Ground coordinates are metres in EPSG:32633 for every tile, so that tiles in different zones see the same landscape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.errors import InputError
from mlbmi.sentinel2 import TILE_SIZE_M, tile_epsg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from affine import Affine
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["GROUND_EPSG", "TILE_CORNERS", "Window", "tile_window"]

GROUND_EPSG = 32633
"""CRS of the landscape's own coordinates: that of tile 33UUU, in which most of the reserve lies."""

TILE_CORNERS: Mapping[str, tuple[int, int]] = MappingProxyType({"33UUU": (300_000, 5_900_040), "32UQD": (699_960, 5_900_040)})
"""Easting and northing of each tile's upper left corner (``proj:transform`` of Earth Search's items of both tiles)."""

_SNAP = 60  # metres: pixels of 10, 20 and 60 m start together
_COARSE = 600  # metres between the points that are transformed exactly


@dataclass(frozen=True)
class Window:
    """A rectangle of a tile's lattice, snapped to its 60 m pixels.

    Attributes
    ----------
    tile : str
        MGRS name.
    left, top : int
        Easting and northing of the upper left corner, metres in the tile's UTM zone.
    width, height : int
        Metres; multiples of 60.
    """

    tile: str
    left: int
    top: int
    width: int
    height: int

    @property
    def epsg(self) -> int:
        """EPSG code of the tile's zone."""
        return tile_epsg(self.tile)

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """West, south, east, north in metres of the tile's zone."""
        return self.left, self.top - self.height, self.left + self.width, self.top

    def shape(self, gsd: int) -> tuple[int, int]:
        """Rows and columns at a ground sampling distance in metres."""
        return self.height // gsd, self.width // gsd

    def transform(self, gsd: int) -> Affine:
        """Return the affine transform from pixel corner to metres."""
        from affine import Affine

        return Affine(gsd, 0, self.left, 0, -gsd, self.top)

    def geobox(self, gsd: int) -> GeoBox:
        """Return the grid as odc-geo's value."""
        from odc.geo.geobox import GeoBox

        return GeoBox(self.shape(gsd), self.transform(gsd), f"EPSG:{self.epsg}")

    def blocks(self, rows: int) -> Iterator[Window]:
        """Split into bands of at most ``rows`` rows of 10 m, from the top; ``rows`` must be a multiple of 6."""
        step = rows * 10
        for start in range(0, self.height, step):
            yield Window(self.tile, self.left, self.top - start, self.width, min(step, self.height - start))

    def grown(self, pixels: int) -> Window:
        """Return the window with that many pixels of 10 m more on each side, beyond the tile's edge if need be."""
        reach = pixels * 10
        return Window(self.tile, self.left - reach, self.top + reach, self.width + 2 * reach, self.height + 2 * reach)

    def ground(self, gsd: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return ground coordinates of every pixel's centre.

        Between exact points 600 m apart they are interpolated: within 1 mm of pyproj, and a hundred times faster.

        Returns
        -------
        (x, y) : ndarray of float64, shape (rows, columns)
            Metres in :data:`GROUND_EPSG`.
        """
        rows, columns = self.shape(gsd)
        centre_x = self.left + gsd * (np.arange(columns) + 0.5)
        centre_y = self.top - gsd * (np.arange(rows) + 0.5)
        if self.epsg == GROUND_EPSG:
            return np.broadcast_to(centre_x, (rows, columns)), np.broadcast_to(centre_y[:, None], (rows, columns))
        step = _COARSE // gsd
        knots_x = np.append(centre_x[::step], centre_x[-1])
        knots_y = np.append(centre_y[::step], centre_y[-1])
        exact_x, exact_y = self._exact(*np.meshgrid(knots_x, knots_y))
        return (
            _bilinear(exact_x, knots_x, -knots_y, centre_x, -centre_y),
            _bilinear(exact_y, knots_x, -knots_y, centre_x, -centre_y),
        )

    def _exact(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        from pyproj import Transformer

        ground_x, ground_y = Transformer.from_crs(self.epsg, GROUND_EPSG, always_xy=True).transform(x, y, errcheck=True)
        return np.asarray(ground_x), np.asarray(ground_y)

    @cached_property
    def ground_bounds(self) -> tuple[float, float, float, float]:
        """Return the bounding box in ground coordinates: west, south, east, north."""
        west, south, east, north = self.bounds
        side = np.linspace(0, 1, 9)
        x, y = self._exact(*np.meshgrid(west + side * (east - west), south + side * (north - south)))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def corners_lonlat(self) -> NDArray[np.float64]:
        """Return the corners in degrees, shape (4, 2), anticlockwise from the upper left."""
        from pyproj import Transformer

        west, south, east, north = self.bounds
        x, y = np.array([west, west, east, east]), np.array([north, south, south, north])
        lon, lat = Transformer.from_crs(self.epsg, "OGC:CRS84", always_xy=True).transform(x, y, errcheck=True)
        return np.column_stack([lon, lat])


def _bilinear(
    values: NDArray[np.float64],
    knots_x: NDArray[np.float64],
    knots_y: NDArray[np.float64],
    x: NDArray[np.floating],
    y: NDArray[np.floating],
) -> NDArray[np.float64]:
    across = np.stack([np.interp(x, knots_x, row) for row in values])
    below = np.clip(np.searchsorted(knots_y, y, side="right"), 1, len(knots_y) - 1)
    span = knots_y[below] - knots_y[below - 1]
    share = np.divide(y - knots_y[below - 1], span, out=np.zeros_like(y), where=span > 0)[:, None]
    return np.asarray(across[below - 1] * (1 - share) + across[below] * share)


def tile_window(tile: str, lonlat: tuple[float, float, float, float] | None, *, margin: float) -> Window:
    """Cut the window around a rectangle of longitude and latitude out of a tile.

    Parameters
    ----------
    tile : str
        One of :data:`TILE_CORNERS`.
    lonlat : (west, south, east, north) or None
        Degrees; None means the whole tile.
    margin : float
        Metres to add on each side; the result stays within the tile.

    Raises
    ------
    InputError
        If the tile is not simulated, or the rectangle lies outside it.
    """
    if tile not in TILE_CORNERS:
        raise InputError(f"tile {tile!r} is not simulated; there are {', '.join(TILE_CORNERS)}")
    left, top = TILE_CORNERS[tile]
    whole = Window(tile, left, top, TILE_SIZE_M, TILE_SIZE_M)
    if lonlat is None:
        return whole
    west, south, east, north = _project(lonlat, whole.epsg)
    start_x = _clip(math.floor((west - margin - left) / _SNAP))
    end_x = _clip(math.ceil((east + margin - left) / _SNAP))
    start_y = _clip(math.floor((top - north - margin) / _SNAP))
    end_y = _clip(math.ceil((top - south + margin) / _SNAP))
    if start_x >= end_x or start_y >= end_y:
        raise InputError(f"bounds {lonlat} lie outside tile {tile}", remedy="Give west, south, east, north in degrees.")
    return Window(tile, left + start_x * _SNAP, top - start_y * _SNAP, (end_x - start_x) * _SNAP, (end_y - start_y) * _SNAP)


def _project(lonlat: tuple[float, float, float, float], epsg: int) -> tuple[float, float, float, float]:
    from pyproj import Transformer

    box = Transformer.from_crs("OGC:CRS84", epsg, always_xy=True).transform_bounds(*lonlat, errcheck=True)
    west, south, east, north = (float(value) for value in box)
    return west, south, east, north


def _clip(cell: int) -> int:
    return min(max(cell, 0), TILE_SIZE_M // _SNAP)
