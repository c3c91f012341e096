"""Where: the area of interest, as the union of every feature that the user gave.

Longitude and latitude in OGC:CRS84 order are the one internal form (RFC 7946). Projection moves the vertices and leaves edges
straight, as GDAL, GeoPandas and QGIS do, so that the outline falls on the same pixels in each of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry import shape

from mlbmi.errors import AOIError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox
    from shapely.geometry.base import BaseGeometry

__all__ = ["AOI", "LONLAT"]

LONLAT = "OGC:CRS84"
"""The coordinate reference system of every :class:`AOI`."""

_GEOJSON_SUFFIXES = {".geojson", ".json"}


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
        """Read every feature of a vector file: GeoJSON, GeoPackage, Shapefile, FlatGeobuf, KML and others.

        Parameters
        ----------
        path : str or Path
            A file that GDAL's vector drivers can open. Its CRS is honoured; GeoJSON without one is longitude, latitude.

        Raises
        ------
        AOIError
            If the file is missing, unreadable, without CRS, or holds no area.
        """
        path = Path(path)
        if not path.exists():
            raise AOIError(f"AOI file {str(path)!r} does not exist", remedy="Check the path.")
        if path.suffix.lower() in _GEOJSON_SUFFIXES:
            return cls.from_geojson(_read_json(path), name=path.stem)
        return cls._from_vector_file(path)

    @classmethod
    def _from_vector_file(cls, path: Path) -> AOI:
        import pyogrio

        try:
            frame = pyogrio.read_dataframe(path, columns=[])
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
            raise AOIError(
                f"AOI file {str(path)!r} cannot be read as a vector file: {error}",
                remedy="Give GeoJSON, GeoPackage, Shapefile, FlatGeobuf or KML.",
            ) from error
        if frame.crs is None:
            raise AOIError(f"AOI file {str(path)!r} names no coordinate reference system", remedy="Assign one, e.g. in QGIS.")
        return cls._build(list(frame.geometry), CRS(frame.crs), name=path.stem)

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
        try:
            shapes = [None if geometry is None else shape(dict(geometry)) for geometry in _geojson_geometries(data)]
        except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
            raise AOIError(f"AOI {name!r} is not valid GeoJSON: {error}", remedy="Check it in QGIS.") from error
        return cls._build(shapes, _geojson_crs(data, name), name=name)

    @classmethod
    def from_bbox(cls, west: float, south: float, east: float, north: float, *, name: str = "bbox") -> AOI:
        """Make a rectangle from degrees of longitude and latitude.

        Raises
        ------
        AOIError
            If west is not below east, south not below north, or a value is outside the globe.
        """
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise AOIError(
                f"bbox {(west, south, east, north)} must be west < east within ±180 and south < north within ±90",
                remedy="Give it as west, south, east, north.",
            )
        return cls._build([shapely.box(west, south, east, north)], CRS(LONLAT), name=name)

    @classmethod
    def _build(cls, shapes: Iterable[BaseGeometry | None], crs: CRS, *, name: str) -> AOI:
        areas, notes = _areas(shapes)
        if not areas:
            raise AOIError(f"AOI {name!r} holds no polygon", remedy="Give at least one polygon.")
        geometry = _transform(shapely.union_all(areas), crs, CRS(LONLAT))
        _check_globe(geometry, name)
        return cls(re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or "aoi", geometry, tuple(notes))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, south, east, north = self.geometry.bounds
        return west, south, east, north

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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise AOIError(f"AOI file {str(path)!r} is not JSON: {error}", remedy="Give a GeoJSON file.") from error
    if not isinstance(data, dict):
        raise AOIError(f"AOI file {str(path)!r} holds a {type(data).__name__}, not a GeoJSON object")
    return data


def _geojson_geometries(data: Mapping[str, Any]) -> list[Mapping[str, Any] | None]:
    kind = data.get("type")
    if kind == "FeatureCollection":
        return [geometry for feature in data["features"] for geometry in _geojson_geometries(feature)]
    if kind == "Feature":
        return [None] if data["geometry"] is None else _geojson_geometries(data["geometry"])
    if kind == "GeometryCollection":
        return [geometry for member in data["geometries"] for geometry in _geojson_geometries(member)]
    if "coordinates" not in data:
        raise ValueError(f"type is {kind!r}; it must be a FeatureCollection, a Feature or a geometry")
    return [data]


def _geojson_crs(data: Mapping[str, Any], name: str) -> CRS:
    member = data.get("crs")
    if not member:
        return CRS(LONLAT)
    try:
        return CRS(member["properties"]["name"])
    except (KeyError, TypeError, CRSError) as error:
        raise AOIError(f"AOI {name!r} names the CRS {member!r}, which is unknown", remedy="Reproject it to EPSG:4326.") from error


def _areas(shapes: Iterable[BaseGeometry | None]) -> tuple[list[BaseGeometry], list[str]]:
    """Keep what has area, repaired and two-dimensional; say what was changed."""
    areas: list[BaseGeometry] = []
    notes: list[str] = []
    for number, geometry in enumerate(shapes, start=1):
        if geometry is None or geometry.is_empty:
            notes.append(f"feature {number} is empty and was left aside")
            continue
        flat = shapely.force_2d(geometry)
        if not flat.is_valid:
            notes.append(f"feature {number} was invalid ({shapely.is_valid_reason(flat)}) and was repaired")
            flat = shapely.make_valid(flat)
        polygons = [part for part in shapely.get_parts(flat) for part in _polygons(part)]
        if not polygons:
            notes.append(f"feature {number} is a {geometry.geom_type}, not an area, and was left aside")
        areas.extend(polygons)
    return areas, notes


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
