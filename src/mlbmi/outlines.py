"""Outlines as people have them, GeoJSON, files of GDAL's vector formats, WKT, four numbers: each becomes shapes with a CRS."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.geometry import shape

from mlbmi.errors import AOIError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

__all__ = ["LONLAT", "Layer", "box_of_text", "layer_of_geojson", "layers_of_file", "layers_of_wkt", "looks_like_wkt"]

LONLAT = "OGC:CRS84"
"""Longitude and latitude in degrees, in this order (RFC 7946)."""

_WKT = re.compile(
    r"\s*(SRID\s*=\s*\d+\s*;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION|SURFACE|CURVEPOLYGON)\s*[ZM]{0,2}\s*(\(|EMPTY)",
    re.IGNORECASE,
)
_GEOJSON_SUFFIXES = {".geojson", ".json"}


@dataclass(frozen=True, slots=True)
class Layer:
    """Shapes of one coordinate reference system.

    Attributes
    ----------
    shapes : tuple of shapely geometry or None
        One a feature; None where a feature has none. Of any kind, unchecked.
    crs : pyproj.CRS
    """

    shapes: tuple[BaseGeometry | None, ...]
    crs: CRS


def box_of_text(text: str) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north from a text of four numbers; None if it is something else.

    Examples
    --------
    >>> box_of_text("13.0,52.4, 13.1 52.5"), box_of_text("reserve.gpkg")
    ((13.0, 52.4, 13.1, 52.5), None)
    """
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return None
    return (numbers[0], numbers[1], numbers[2], numbers[3]) if len(numbers) == 4 else None


def looks_like_wkt(text: str) -> bool:
    """Say whether a text begins as WKT, or EWKT, does.

    Examples
    --------
    >>> looks_like_wkt("SRID=32633;MultiPolygon Z (((…"), looks_like_wkt("polygons.gpkg")
    (True, False)
    """
    return _WKT.match(text) is not None


def layers_of_wkt(text: str, name: str) -> list[Layer]:
    """Read WKT: one geometry over any number of lines, or one on every line. ``SRID=…;`` before it (EWKT) names its CRS.

    Raises
    ------
    AOIError
        If it is not WKT.
    """
    try:
        return [_layer_of_wkt(text, name)]
    except AOIError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
    return [_layer_of_wkt(line, name) for line in lines]


def _layer_of_wkt(text: str, name: str) -> Layer:
    match = re.match(r"\s*SRID\s*=\s*(\d+)\s*;", text, re.IGNORECASE)
    try:
        crs = CRS.from_epsg(int(match[1])) if match else CRS(LONLAT)
        return Layer((shapely.from_wkt(text[match.end() if match else 0 :].strip()),), crs)
    except CRSError as error:
        raise AOIError(f"AOI {name!r} names SRID {match[1] if match else ''}, which is unknown") from error
    except (shapely.errors.ShapelyError, TypeError) as error:
        raise AOIError(f"AOI {name!r} is not valid WKT: {error}", remedy="Give POLYGON ((…)) or MULTIPOLYGON (((…))).") from error


def layers_of_file(path: Path) -> list[Layer]:
    """Read every feature of every layer of a file.

    Raises
    ------
    AOIError
        If the file is missing, unreadable, or without CRS.
    """
    if not path.exists():
        raise AOIError(f"AOI file {str(path)!r} does not exist", remedy="Check the path.")
    if path.suffix.lower() in _GEOJSON_SUFFIXES:
        return [layer_of_geojson(_read_json(path), path.stem)]
    if path.suffix.lower() == ".wkt":
        return layers_of_wkt(_read_text(path), path.stem)
    return _vector_layers(path)


def _vector_layers(path: Path) -> list[Layer]:
    """Read all layers: each folder of a KML file is one, and which of a GeoPackage's is meant is not for us to guess."""
    import pyogrio

    try:
        names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        frames = [pyogrio.read_dataframe(path, layer=name, columns=[]) for name in names]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise AOIError(
            f"AOI file {str(path)!r} cannot be read as a vector file: {error}",
            remedy="Give GeoJSON, GeoPackage, Shapefile, FlatGeobuf, KML or WKT.",
        ) from error
    if any(frame.crs is None for frame in frames):
        raise AOIError(f"AOI file {str(path)!r} names no coordinate reference system", remedy="Assign one, e.g. in QGIS.")
    return [Layer(tuple(frame.geometry), CRS(frame.crs)) for frame in frames]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AOIError(f"AOI file {str(path)!r} is not text: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise AOIError(f"AOI file {str(path)!r} is not JSON: {error}", remedy="Give a GeoJSON file.") from error
    if not isinstance(data, dict):
        raise AOIError(f"AOI file {str(path)!r} holds a {type(data).__name__}, not a GeoJSON object")
    return data


def layer_of_geojson(data: Mapping[str, Any], name: str) -> Layer:
    """Read every feature of a GeoJSON object; a ``crs`` member, as in GeoJSON of 2008, is honoured.

    Raises
    ------
    AOIError
        If it is not GeoJSON, or its CRS is unknown.
    """
    try:
        shapes = [None if geometry is None else shape(dict(geometry)) for geometry in _geojson_geometries(data)]
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
        raise AOIError(f"AOI {name!r} is not valid GeoJSON: {error}", remedy="Check it in QGIS.") from error
    return Layer(tuple(shapes), _geojson_crs(data, name))


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
