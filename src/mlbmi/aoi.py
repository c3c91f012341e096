"""Where: the area of interest, as the union of every feature that the user gave.

Longitude and latitude in OGC:CRS84 order are the one internal form (RFC 7946). Projection moves the vertices and leaves edges
straight, as GDAL, GeoPandas and QGIS do, so that the outline falls on the same pixels in each of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from mlbmi.antimeridian import cut, joined, unwrapped
from mlbmi.errors import AOIError
from mlbmi.outlines import LONLAT, Layer, box_of_text, layer_of_geojson, layers_of_file, layers_of_wkt, looks_like_wkt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox
    from shapely.geometry.base import BaseGeometry

__all__ = ["AOI", "LONLAT"]


@dataclass(frozen=True, slots=True)
class AOI:
    """An area of interest on the earth.

    Attributes
    ----------
    name : str
        Short name, from the file's stem; letters, digits, ``_`` and ``-`` only.
    geometry : shapely Polygon or MultiPolygon
        The union of all features; longitude, latitude in degrees (:data:`LONLAT`); valid, not empty, two-dimensional.
    notes : tuple of str
        What had to be repaired or left aside, in sentences.

    Examples
    --------
    >>> aoi = AOI.from_bbox(13.0, 52.4, 13.1, 52.5)
    >>> [round(v, 1) for v in aoi.bounds]
    [13.0, 52.4, 13.1, 52.5]
    """

    name: str
    geometry: BaseGeometry
    notes: tuple[str, ...] = ()

    @classmethod
    def from_file(cls, path: str | Path) -> AOI:
        """Read every feature of a vector file: GeoJSON, GeoPackage, Shapefile, FlatGeobuf, KML, WKT and others.

        Parameters
        ----------
        path : str or Path
            A file that GDAL's vector drivers can open, or a ``.wkt`` file; every layer counts. Its CRS is honoured; GeoJSON and
            WKT without one are longitude, latitude. What :meth:`from_text` understands may stand in the path's place, as it may
            on the command line.

        Raises
        ------
        AOIError
            If the file is missing, unreadable, without CRS, or holds no area.
        """
        text = str(path)
        if looks_like_wkt(text) or (box_of_text(text) is not None and not Path(path).exists()):
            return cls.from_text(text)
        return cls._build(layers_of_file(Path(path)), name=Path(path).stem)

    @classmethod
    def from_text(cls, text: str, *, name: str = "aoi") -> AOI:
        """Read WKT, or four numbers: west, south, east, north in degrees, with commas or blanks between them.

        Parameters
        ----------
        text : str
            WKT in longitude, latitude, or in the CRS that ``SRID=…;`` before it names.
        name : str
            Name of the area.

        Raises
        ------
        AOIError
            If it is neither, or holds no area.

        Examples
        --------
        >>> AOI.from_text("13.0, 52.4, 13.1, 52.5").bounds
        (13.0, 52.4, 13.1, 52.5)
        >>> AOI.from_text("POLYGON ((13 52, 14 52, 14 53, 13 52))").bounds
        (13.0, 52.0, 14.0, 53.0)
        """
        box = box_of_text(text)
        if box is not None:
            return cls.from_bbox(*box, name=name)
        return cls._build(layers_of_wkt(text, name), name=name)

    @classmethod
    def from_geojson(cls, data: Mapping[str, Any], *, name: str = "aoi") -> AOI:
        """Read every feature of a GeoJSON object: FeatureCollection, Feature, GeometryCollection or geometry.

        Parameters
        ----------
        data : mapping
            GeoJSON; a ``crs`` member, as in GeoJSON of 2008, is honoured.
        name : str
            Name of the area.

        Raises
        ------
        AOIError
            If it is not GeoJSON or holds no area.

        Examples
        --------
        >>> triangle = {"type": "Polygon", "coordinates": [[[13, 52], [14, 52], [14, 53], [13, 52]]]}
        >>> AOI.from_geojson(triangle, name="triangle").bounds
        (13.0, 52.0, 14.0, 53.0)
        """
        return cls._build([layer_of_geojson(data, name)], name=name)

    @classmethod
    def from_bbox(cls, west: float, south: float, east: float, north: float, *, name: str = "bbox") -> AOI:
        """Make a rectangle from degrees of longitude and latitude.

        Where west lies *beyond* east, it crosses the 180th meridian (RFC 7946, section 5.2): ``178, -18, -179, -16`` is 3 degrees
        wide. Such a rectangle must be narrower than half the globe, since else two numbers have been exchanged.

        Raises
        ------
        AOIError
            If west equals east or is taken for it, south is not below north, or a value is outside the globe.
        """
        beyond = east + 360 if east < west and east + 360 - west < 180 else east
        if not (-180 <= west < beyond and -180 <= east <= 180 and -90 <= south < north <= 90):
            raise AOIError(
                f"bbox {(west, south, east, north)} must be west < east within ±180 and south < north within ±90",
                remedy="Give it as west, south, east, north.",
            )
        # An edge longer than half the globe would be taken for a jump across the 180th meridian.
        rectangle = shapely.segmentize(shapely.box(west, south, beyond, north), 179.0)
        return cls._build([Layer((rectangle,), CRS(LONLAT))], name=name)

    @classmethod
    def _build(cls, layers: Iterable[Layer], *, name: str) -> AOI:
        areas, notes = _areas(layers)
        if not areas:
            raise AOIError(f"AOI {name!r} holds no polygon", remedy="Give at least one polygon.")
        whole = shapely.union_all(areas)
        geometry = cut(whole)
        _check_globe(geometry, name)
        if geometry is not whole:
            notes.append("it crosses the 180th meridian and was cut there")
        return cls(re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or "aoi", geometry, tuple(notes))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees, within ±180: of an area that crosses the 180th meridian, all longitudes."""
        west, south, east, north = self.geometry.bounds
        return west, south, east, north

    @property
    def boxes(self) -> tuple[tuple[float, float, float, float], ...]:
        """West, south, east, north of the area in degrees; two such boxes where it lies on both sides of the 180th meridian."""
        if joined(self.geometry) is self.geometry:
            return (self.bounds,)
        parts = shapely.get_parts(self.geometry)
        sides = ([part for part in parts if part.bounds[2] > 0], [part for part in parts if part.bounds[2] <= 0])
        return tuple(shapely.union_all(side).bounds for side in sides)

    @property
    def centre_longitude(self) -> float:
        """Longitude of its centroid, degrees, right across the 180th meridian too."""
        return float((joined(self.geometry).centroid.x + 180) % 360 - 180)

    def to_crs(self, crs: Any) -> BaseGeometry:
        """Return the geometry in another CRS (anything pyproj understands), vertex by vertex."""
        return _transform(self.geometry, CRS(LONLAT), CRS(str(crs)))

    def mask(self, geobox: GeoBox) -> NDArray[np.bool_]:
        """Say which pixels of a grid belong to the area: those whose *centre* lies inside.

        Parameters
        ----------
        geobox : GeoBox
            The grid.

        Returns
        -------
        ndarray of bool, shape geobox.shape
            True inside. Pixels merely touched by the outline are outside (GDAL's default rule).
        """
        from rasterio.features import geometry_mask

        if 0 in geobox.shape:
            return np.zeros(geobox.shape, dtype=bool)
        inside: NDArray[np.bool_] = geometry_mask(
            [self.to_crs(geobox.crs)], out_shape=geobox.shape.yx, transform=geobox.affine, all_touched=False, invert=True
        )
        return inside

    def to_geojson(self) -> dict[str, Any]:
        """Return the geometry as a GeoJSON geometry object."""
        return dict(shapely.geometry.mapping(self.geometry))


def _areas(layers: Iterable[Layer]) -> tuple[list[BaseGeometry], list[str]]:
    """Keep what has area, repaired, two-dimensional, in longitude and latitude; say what was changed."""
    areas: list[BaseGeometry] = []
    notes: list[str] = []
    seen = 0
    for layer in layers:
        of_layer: list[BaseGeometry] = []
        for number, geometry in enumerate(layer.shapes, start=seen + 1):
            polygons, note = _repaired(geometry, layer.crs)
            of_layer += polygons
            notes += [f"feature {number} {note}"] if note else []
        seen += len(layer.shapes)
        placed = _transform(shapely.MultiPolygon(of_layer), layer.crs, CRS(LONLAT))
        areas += [unwrapped(part) for part in shapely.get_parts(placed)]
    return areas, notes


def _repaired(geometry: BaseGeometry | None, crs: CRS) -> tuple[list[BaseGeometry], str]:
    """Return the polygons of a feature, valid and without heights, and what had to be done for it."""
    if geometry is None or geometry.is_empty:
        return [], "is empty and was left aside"
    flat, note = shapely.force_2d(geometry), ""
    if crs.is_geographic:  # before the repair, which would take a jump across the 180th meridian for a ring that crosses itself
        flat = unwrapped(flat)
    if not flat.is_valid:
        note = f"was invalid ({shapely.is_valid_reason(flat)}) and was repaired"
        flat = shapely.make_valid(flat)
    polygons = [part for part in shapely.get_parts(flat) for part in _polygons(part)]
    return polygons, note if polygons else f"is a {geometry.geom_type}, not an area, and was left aside"


def _polygons(geometry: BaseGeometry) -> list[BaseGeometry]:
    if geometry.geom_type == "Polygon":
        return [geometry] if geometry.area > 0 else []
    if geometry.geom_type in {"MultiPolygon", "GeometryCollection"}:
        return [part for member in shapely.get_parts(geometry) for part in _polygons(member)]
    return []


def _transform(geometry: BaseGeometry, source: CRS, target: CRS) -> BaseGeometry:
    if source == target:
        return geometry
    transformer = Transformer.from_crs(source, target, always_xy=True)

    def project(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1], errcheck=True))

    try:
        return shapely.transform(geometry, project)
    except ProjError as error:
        raise AOIError(f"the AOI cannot be projected to {target.name}: {error}") from error


def _check_globe(geometry: BaseGeometry, name: str) -> None:
    west, south, east, north = geometry.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise AOIError(
            f"AOI {name!r} spans {(west, south, east, north)}, which is not longitude and latitude in degrees",
            remedy="Declare its CRS, or reproject it to EPSG:4326.",
        )
