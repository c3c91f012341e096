"""A STAC item, in whatever dialect, becomes a :class:`~mlbmi.types.Scene`; or says why it cannot."""

from __future__ import annotations

import datetime as dt
import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import shapely

from mlbmi.catalogs.addresses import is_url, resolve_href
from mlbmi.catalogs.checks import flag, identifier, integer, mapping, number, shown, text
from mlbmi.catalogs.dialects import PRODUCT_NAME, Dialect, recognise
from mlbmi.catalogs.footprints import footprint
from mlbmi.errors import DialectError
from mlbmi.sentinel2 import baseline_number, is_tile, tile_epsg
from mlbmi.types import Asset, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pystac

__all__ = ["scene_from_item", "scene_from_json"]

_PRODUCT_FIELDS = ("s2:product_type", "product:type", "s2:product_uri", "sentinel:product_id", "platform", "constellation")
_IS_SENTINEL2 = re.compile(r"sentinel[-_ ]?2|sentinel-s2|(^|\s)S2[A-D]_|S2MSI", re.IGNORECASE)
_IS_L2A = re.compile(r"L2A|MSI2A", re.IGNORECASE)
_IS_OTHER_LEVEL = re.compile(r"L1C|MSI1C", re.IGNORECASE)
_MULTIHASH = re.compile(r"[0-9a-fA-F]{8,140}")
_ORBITS = range(1, 144)


def scene_from_item(item: pystac.Item) -> Scene:
    """Turn a STAC item of any known dialect into a scene.

    Parameters
    ----------
    item : pystac.Item
        A Sentinel-2 L2A item. Relative hrefs are resolved against its self link. Where that link is a URL, the item may not name
        local files; without a self link, or with a local one, it may.

    Returns
    -------
    Scene
        With the assets of those bands that the item has; which are needed is for :func:`~mlbmi.catalogs.select` to say.

    Raises
    ------
    DialectError
        If it is not Sentinel-2 L2A, its dialect is unknown, or a value breaks its rule; the message says which.
    """
    base = item.get_self_href()
    content = item.to_dict(include_self_link=False, transform_hrefs=False)
    return scene_from_json(content, base=base, trusted=base is None or not is_url(base))


def scene_from_json(content: object, *, base: str | None, trusted: bool) -> Scene:
    """Turn the JSON of an item into a scene.

    Parameters
    ----------
    content : object
        Parsed JSON, unchecked.
    base : str or None
        Address that its relative hrefs refer to.
    trusted : bool
        Whether it lies on the user's own disk, so that it may name local files.

    Raises
    ------
    DialectError
        As :func:`scene_from_item`.
    """
    if not isinstance(content, dict):
        raise DialectError(f"it is {shown(content)}, not a STAC item")
    try:
        return _scene(content, base, trusted=trusted)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, shapely.errors.ShapelyError) as error:
        # Each value is checked where it is read; this is the net below, for shapes of JSON that nobody has thought of.
        raise DialectError(f"it is not a STAC item: {type(error).__name__} {shown(str(error))}") from error


def _scene(content: Mapping[str, Any], base: str | None, *, trusted: bool) -> Scene:
    item_id, collection = _required(identifier(content, "id"), "id"), identifier(content, "collection") or ""
    properties, published = mapping(content, "properties"), mapping(content, "assets")
    _check_product(item_id, collection, properties)
    dialect = recognise(item_id, collection, properties, published)
    names = _names(dialect, item_id, properties)
    tile = _tile(dialect, properties, names)
    chosen = {band: mapping(published, key) for band, key in dialect.keys.items() if key in published}
    return Scene(
        item_id=item_id,
        collection=collection,
        dialect=dialect.name,
        datetime=_datetime(properties),
        tile=tile,
        epsg=_epsg(tile, (properties, *chosen.values())),
        platform=_platform(properties, names),
        baseline=_baseline(dialect, properties, names),
        sequence=_sequence(dialect, properties, names),
        orbit=_orbit(properties, names),
        cloud_cover=_cloud_cover(properties),
        offset_applied=flag(properties, dialect.offset_applied) if dialect.offset_applied else None,
        footprint=footprint(mapping(content, "geometry")),
        assets=MappingProxyType(
            {band: _asset(band, dialect.keys[band], asset, base, trusted=trusted) for band, asset in chosen.items()}
        ),
    )


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise DialectError(f"it has no {name}")
    return value


def _check_product(item_id: str, collection: str, properties: Mapping[str, Any]) -> None:
    """Refuse Level-1C, and other satellites, by what the item says of itself."""
    stated = [item_id, collection, *(text(properties, name) or "" for name in _PRODUCT_FIELDS)]
    words = " ".join(stated)
    if not (_IS_SENTINEL2.search(words) and _IS_L2A.search(words)) or _IS_OTHER_LEVEL.search(words):
        platform = text(properties, "platform") or "not stated"
        raise DialectError(
            f"not Sentinel-2 L2A: its collection is {shown(collection or 'not stated')}, its platform {shown(platform)}"
        )


def _names(dialect: Dialect, item_id: str, properties: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    """Take apart the id and ESA's name of the product: they state what some publishers do not repeat as properties."""
    product = text(properties, dialect.product) if dialect.product else None
    matches = (PRODUCT_NAME.match(product or ""), dialect.ids.match(item_id))
    return [{group: value for group, value in match.groupdict().items() if value} for match in matches if match]


def _from_names(names: Iterable[Mapping[str, str]], group: str) -> str | None:
    return next((name[group] for name in names if group in name), None)


def _tile(dialect: Dialect, properties: Mapping[str, Any], names: Iterable[Mapping[str, str]]) -> str:
    """Return the tile with a zone of two digits, as ESA writes it. Every statement of it must agree: files are found by it."""
    spelled = ["".join(str(properties.get(key) or "") for key in keys).removeprefix("MGRS-") for keys in dialect.tile]
    stated = {tile.upper().zfill(5) for tile in (*spelled, *(name.get("tile", "") for name in names)) if tile}
    if len(stated) != 1:
        raise DialectError(f"it states {'no tile' if not stated else 'several tiles: ' + shown(', '.join(sorted(stated)))}")
    (tile,) = stated
    if not is_tile(tile):
        raise DialectError(f"its tile {shown(tile)} is not one of the MGRS grid, such as '33UUU'")
    return tile


def _epsg(tile: str, places: Iterable[Mapping[str, Any]]) -> int:
    """Return the EPSG code of the tile's zone, which every statement of it must equal (on the item, or on each asset)."""
    expected = tile_epsg(tile)
    for place in places:
        code, epsg = text(place, "proj:code"), integer(place, "proj:epsg")
        for stated in (code, None if epsg is None else f"EPSG:{epsg}"):
            if stated not in (None, f"EPSG:{expected}"):
                raise DialectError(f"it states {shown(stated)}, but its tile {tile} lies in EPSG:{expected}")
    return expected


def _datetime(properties: Mapping[str, Any]) -> dt.datetime:
    stated = _required(text(properties, "datetime"), "datetime")
    try:
        moment = dt.datetime.fromisoformat(stated)
        if moment.tzinfo is None:
            raise DialectError(f"its datetime {shown(stated)} has no time zone")
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise DialectError(f"its datetime {shown(stated)} is not a time as RFC 3339 writes it") from error


def _platform(properties: Mapping[str, Any], names: Iterable[Mapping[str, str]]) -> str:
    stated = (text(properties, "platform") or "").lower().replace(" ", "-")
    if re.fullmatch(r"sentinel-2[a-d]", stated):
        return stated
    unit = _from_names(names, "unit")
    return f"sentinel-2{unit.lower()}" if unit else ""


def _baseline(dialect: Dialect, properties: Mapping[str, Any], names: Iterable[Mapping[str, str]]) -> str | None:
    stated = [text(properties, key) for key in dialect.baseline]
    for candidate in (*stated, _from_names(names, "baseline")):
        numbers = baseline_number(candidate or "")
        if numbers is not None:
            return f"{numbers[0]:02d}.{numbers[1]:02d}"
    return None


def _sequence(dialect: Dialect, properties: Mapping[str, Any], names: Iterable[Mapping[str, str]]) -> int:
    stated = integer(properties, dialect.sequence) if dialect.sequence else None
    return int(_from_names(names, "sequence") or 0) if stated is None else stated


def _orbit(properties: Mapping[str, Any], names: Iterable[Mapping[str, str]]) -> int | None:
    stated = integer(properties, "sat:relative_orbit")
    named = _from_names(names, "orbit")
    orbit = int(named) if stated is None and named else stated
    if orbit is not None and orbit not in _ORBITS:
        raise DialectError(f"its relative orbit is {orbit}; Sentinel-2 has 1-143")
    return orbit


def _cloud_cover(properties: Mapping[str, Any]) -> float | None:
    cover = number(properties, "eo:cloud_cover")
    if cover is not None and not 0 <= cover <= 100:
        raise DialectError(f"its cloud cover is {cover:g}; it must lie in 0-100 %")
    return cover


def _checksum(published: Mapping[str, Any]) -> str:
    """Return ``file:checksum`` where it is hexadecimal and no longer than any hash; nothing else is one."""
    stated = published.get("file:checksum")
    return stated.lower() if isinstance(stated, str) and _MULTIHASH.fullmatch(stated) else ""


def _asset(band: str, key: str, published: Mapping[str, Any], base: str | None, *, trusted: bool) -> Asset:
    try:
        first = _first_band(published)
        return Asset(
            band=band,
            key=key,
            href=resolve_href(published.get("href"), base, trusted=trusted),
            media_type=_media_type(published),
            scale=_radiometry(published, first, "scale"),
            offset=_radiometry(published, first, "offset"),
            nodata=_nodata(published, first),
            checksum=_checksum(published),
        )
    except DialectError as error:
        raise DialectError(f"asset {key}: {error.message}") from error


def _media_type(published: Mapping[str, Any]) -> str:
    stated = text(published, "type") or ""
    return stated if stated.isprintable() and len(stated) <= 200 else ""


def _first_band(published: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the description of the one band: ``raster:bands`` until STAC 1.0, ``bands`` from 1.1."""
    described = published.get("raster:bands") or published.get("bands") or [{}]
    if not isinstance(described, list) or not isinstance(described[0], dict):
        raise DialectError("its bands are not described by a list of objects")
    return described[0]


def _radiometry(published: Mapping[str, Any], first: Mapping[str, Any], name: str) -> float | None:
    stated = (number(place, key) for place, key in ((published, f"raster:{name}"), (first, f"raster:{name}"), (first, name)))
    return next((value for value in stated if value is not None), None)


def _nodata(published: Mapping[str, Any], first: Mapping[str, Any]) -> float | None:
    """Return the missing value; the raster extension spells NaN as text."""
    for place in (published, first):
        if place.get("nodata") == "nan":
            return math.nan
        if (value := number(place, "nodata")) is not None:
            return value
    return None
