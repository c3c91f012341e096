"""Footprints out of a catalogue: repaired, flat, inside the globe, with area; and which of them show an area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import shape

from mlbmi.antimeridian import cut, unwrapped
from mlbmi.catalogs.checks import shown
from mlbmi.errors import DialectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

__all__ = ["footprint", "share_area"]


def footprint(geometry: Mapping[str, Any]) -> BaseGeometry:
    """Turn an item's GeoJSON geometry into a valid polygon or multipolygon.

    Parameters
    ----------
    geometry : mapping
        GeoJSON, longitude and latitude. One that jumps across the 180th meridian, rather than be cut there as RFC 7946 asks, is
        cut here.

    Returns
    -------
    shapely Polygon or MultiPolygon

    Raises
    ------
    DialectError
        If it is no area on the globe.
    """
    kind = geometry.get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise DialectError(f"its geometry is {shown(kind)}; it must be a Polygon or a MultiPolygon")
    try:
        area = _area(unwrapped(shapely.force_2d(shape(dict(geometry)))))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, shapely.errors.ShapelyError) as error:
        raise DialectError(f"its geometry cannot be understood: {shown(str(error))}") from error
    return _on_globe(cut(area))


def _area(outline: BaseGeometry) -> BaseGeometry:
    """Keep what has area. An outline that crosses itself is repaired: published footprints at swath edges sometimes do."""
    valid = outline if outline.is_valid else shapely.make_valid(outline)
    parts = [part for part in _flatten(valid) if part.geom_type == "Polygon" and part.area > 0]
    return shapely.union_all(parts)


def _flatten(geometry: BaseGeometry) -> Iterable[BaseGeometry]:
    for part in shapely.get_parts(geometry):
        yield from _flatten(part) if hasattr(part, "geoms") else (part,)


def _on_globe(area: BaseGeometry) -> BaseGeometry:
    if area.is_empty:
        raise DialectError("its geometry is empty or without area")
    west, south, east, north = area.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise DialectError(f"its geometry spans {west:g} to {east:g}° east and {south:g} to {north:g}° north, beyond the globe")
    return area


def share_area(area: BaseGeometry, footprints: Iterable[BaseGeometry]) -> NDArray[np.bool_]:
    """Say for each footprint whether it shares *area* with another geometry: a common edge or corner is not enough."""
    shapely.prepare(area)  # a cache inside the geometry; its value stays the same
    array = list(footprints)
    shared: NDArray[np.bool_] = shapely.intersects(area, array) & ~shapely.touches(area, array)
    return shared
