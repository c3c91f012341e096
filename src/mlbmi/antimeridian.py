"""Areas that cross the 180th meridian: cut there, as RFC 7946 asks, however they were written.

Three spellings are met: longitudes beyond ±180 (QGIS, most editors), rings that jump from 179 to −179 (what projecting gives, and
what many writers leave), and areas cut already. An edge longer than half the globe tells the second: nobody draws one of those.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

__all__ = ["cut", "joined", "unwrapped"]

_FARTHEST = 360.0
"""Longitudes beyond are no degrees: an outline in metres must not be taken for one that goes round the globe."""


def unwrapped(geometry: BaseGeometry) -> BaseGeometry:
    """Make rings that jump across the 180th meridian go on beyond it.

    Parameters
    ----------
    geometry : shapely geometry
        Longitude and latitude. What is no polygon, or is not in degrees, comes back as it is.

    Returns
    -------
    shapely geometry
        Its longitudes may pass ±180; :func:`cut` brings them back.

    Examples
    --------
    >>> jumps = shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])
    >>> unwrapped(jumps).bounds
    (179.0, 0.0, 181.0, 1.0)
    """
    if geometry.is_empty or not _in_degrees(geometry):
        return geometry
    if geometry.geom_type in {"MultiPolygon", "GeometryCollection"}:
        return type(geometry)([unwrapped(part) for part in shapely.get_parts(geometry)])
    return _unwrapped_polygon(geometry) if geometry.geom_type == "Polygon" else geometry


def cut(geometry: BaseGeometry) -> BaseGeometry:
    """Cut a polygon or multipolygon at the 180th meridian and bring each part within ±180 degrees.

    Examples
    --------
    >>> cut(shapely.box(179, 0, 182, 1)).bounds
    (-180.0, 0.0, 180.0, 1.0)
    """
    west, south, east, north = geometry.bounds
    if -180 <= west <= east <= 180 or not _in_degrees(geometry):
        return geometry
    parts = []
    for turn in range(math.floor((west + 180) / 360), math.ceil((east + 180) / 360)):
        strip = shapely.box(360 * turn - 180, south, 360 * turn + 180, north)
        parts.append(_moved(shapely.intersection(geometry, strip), -360.0 * turn))
    return shapely.union_all(parts)


def joined(geometry: BaseGeometry) -> BaseGeometry:
    """Put the parts of an area on both sides of the 180th meridian side by side, where that makes it narrower.

    Returns
    -------
    shapely geometry
        The same, or with its western parts beyond 180 degrees.

    Examples
    --------
    >>> joined(shapely.MultiPolygon([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -178, 1)])).bounds
    (179.0, 0.0, 182.0, 1.0)
    """
    parts = [_moved(part, 360.0) if part.bounds[2] <= 0 else part for part in shapely.get_parts(geometry)]
    together = shapely.union_all(parts)
    return together if _width(together) < _width(geometry) else geometry


def _in_degrees(geometry: BaseGeometry) -> bool:
    west, _, east, _ = geometry.bounds
    return bool(-_FARTHEST <= west <= east <= _FARTHEST)


def _width(geometry: BaseGeometry) -> float:
    west, _, east, _ = geometry.bounds
    return float(east - west)


def _moved(geometry: BaseGeometry, degrees: float) -> BaseGeometry:
    return shapely.transform(geometry, lambda points: points + np.array([degrees, 0.0])) if degrees else geometry


def _unwrapped_polygon(polygon: BaseGeometry) -> BaseGeometry:
    shell, *holes = (_unwrapped_ring(ring) for ring in (polygon.exterior, *polygon.interiors))
    if np.array_equal(shell, shapely.get_coordinates(polygon.exterior)):
        return polygon
    centre = (shell[:, 0].min() + shell[:, 0].max()) / 2
    for hole in holes:
        hole[:, 0] += 360 * np.round((centre - (hole[:, 0].min() + hole[:, 0].max()) / 2) / 360)
    goes_on = shapely.Polygon(shell, holes)
    # A ring around a pole does not come back to where it began, and the whole globe as a box falls flat: both mean what they say.
    closed = bool(shell[0, 0] == shell[-1, 0])
    return goes_on if closed and goes_on.area > 0 else polygon


def _unwrapped_ring(ring: BaseGeometry) -> NDArray[np.float64]:
    points: NDArray[np.float64] = shapely.get_coordinates(ring)
    # Whole turns are added, rather than numpy.unwrap's sums taken: longitudes that do not jump stay the same to the last bit.
    turns = np.cumsum(np.round(np.diff(points[:, 0], prepend=points[0, 0]) / 360))
    return points - np.column_stack([360.0 * turns, np.zeros_like(turns)])
