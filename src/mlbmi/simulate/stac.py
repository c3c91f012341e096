"""The static STAC catalogue: a tree of JSON with relative links, readable where it lies and by any STAC client."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from mlbmi.sentinel2 import BANDS
from mlbmi.simulate.tiles import GROUND_EPSG

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlbmi.simulate.dialects import Dialect
    from mlbmi.simulate.facts import SceneFacts
    from mlbmi.simulate.tiles import Window

__all__ = ["build_item", "footprint", "write_catalog", "write_json"]

_JSON = "application/json"
_STAC_VERSION = "1.0.0"  # of catalogue and collection, which are the simulation's own; items carry their dialect's
_COLLECTION_SCHEMA = "https://stac-extensions.github.io/item-assets/v1.0.0/schema.json"


def write_json(path: Path, data: Any) -> None:
    """Write JSON, always the same bytes for the same data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def footprint(
    window: Window, *, part: str = "whole", edge: tuple[float, float, float] | None = None
) -> shapely.geometry.base.BaseGeometry:
    """Return where a scene has data, in degrees.

    Parameters
    ----------
    window : Window
    part : str
        ``whole``, ``north`` or ``south`` half.
    edge : (x, y, slope) or None
        The swath's western edge in ground coordinates (:class:`mlbmi.simulate.sky.CloudField`), None if it lies outside.
    """
    from pyproj import Transformer

    west, south, east, north = window.bounds
    middle = (south + north) / 2
    box: shapely.geometry.base.BaseGeometry = shapely.box(
        west, middle if part == "north" else south, east, middle if part == "south" else north
    )
    if edge is not None:
        to_tile = Transformer.from_crs(GROUND_EPSG, window.epsg, always_xy=True)
        x, y, slope = edge
        line = [(x - slope * 2e5, y - 2e5), (x + slope * 2e5, y + 2e5), (x + 4e5, y + 2e5), (x + 4e5, y - 2e5)]
        seen = shapely.Polygon(np.column_stack(to_tile.transform(*np.array(line).T)))
        box = shapely.intersection(box, seen)
    to_degrees = Transformer.from_crs(window.epsg, "OGC:CRS84", always_xy=True)
    dense = shapely.segmentize(box, 5_000.0)
    return shapely.transform(dense, lambda points: np.column_stack(to_degrees.transform(points[:, 0], points[:, 1])))


def build_item(
    dialect: Dialect, facts: SceneFacts, shape: shapely.geometry.base.BaseGeometry, files: dict[str, Path]
) -> dict[str, Any]:
    """Describe a scene in a dialect.

    Parameters
    ----------
    dialect : Dialect
    facts : SceneFacts
    shape : shapely geometry
        Footprint in degrees.
    files : dict of str to Path
        Written files by canonical band, ``scl`` among them.

    Returns
    -------
    dict
        A STAC item; hrefs are relative to its own file.
    """
    assets: dict[str, Any] = {}
    for band, path in files.items():
        assets[dialect.key(band)] = _asset(dialect, facts, band, path)
    if dialect.name == "earth-search-v1":
        assets |= {f"{key}-jp2": _jp2(asset, facts) for key, asset in assets.items()}
    return {
        "type": "Feature",
        "stac_version": dialect.stac_version,
        "stac_extensions": list(dialect.extensions),
        "id": dialect.item_id(facts),
        "collection": dialect.collection,
        "geometry": shapely.geometry.mapping(shapely.set_precision(shape, 1e-9)),
        "bbox": [round(value, 9) for value in shape.bounds],
        "properties": dialect.properties(facts),
        "links": [
            {"rel": "root", "href": "../../catalog.json", "type": _JSON},
            {"rel": "parent", "href": "../collection.json", "type": _JSON},
            {"rel": "collection", "href": "../collection.json", "type": _JSON},
        ],
        "assets": assets,
    }


def _asset(dialect: Dialect, facts: SceneFacts, band: str, path: Path) -> dict[str, Any]:
    gsd = 20 if band == "scl" else BANDS[band].gsd_m
    transform = [int(value) for value in facts.window.transform(gsd)[: 9 if dialect.projection == "epsg9" else 6]]
    asset = {
        "href": f"./{path.name}",
        **dialect.asset(facts, band),
        "proj:shape": list(facts.window.shape(gsd)),
        "proj:transform": transform,
    }
    if dialect.name == "earth-search-c1":
        asset |= {"file:size": path.stat().st_size, "file:checksum": _multihash(path, "1220", "sha256")}
    if dialect.name == "cdse":
        day = f"{facts.plan.date:%Y/%m/%d}"
        remote = f"s3://eodata/Sentinel-2/MSI/L2A/{day}/{facts.product}.SAFE/{path.stem}.jp2"
        asset |= {"proj:code": f"EPSG:{facts.window.epsg}", "file:size": path.stat().st_size}
        asset |= {
            "file:checksum": _multihash(path, "1620", "sha3_256"),
            "alternate": {"s3": {"href": remote, "alternate:name": "S3"}},
        }
    return asset


def _multihash(path: Path, prefix: str, algorithm: str) -> str:
    """Return a checksum as the file extension wants it: the algorithm's code and length, then the digest."""
    return prefix + hashlib.new(algorithm, path.read_bytes()).hexdigest()


def _jp2(asset: dict[str, Any], facts: SceneFacts) -> dict[str, Any]:
    """Describe the original beside a COG: in ESA's requester-pays bucket, never read by a simulation."""
    tile, day = facts.plan.tile, facts.plan.date
    folder = f"{tile[:2]}/{tile[2]}/{tile[3:]}/{day.year}/{day.month}/{day.day}/{facts.plan.sequence}"
    name = asset["href"].removeprefix("./").removesuffix(".tif")
    return asset | {"href": f"s3://sentinel-s2-l2a/tiles/{folder}/{name}.jp2", "type": "image/jp2"}


def write_catalog(folder: Path, dialect: Dialect, items: Sequence[dict[str, Any]]) -> None:
    """Write ``catalog.json`` and the collection, with links to items that lie in folders of their own id."""
    root = {"rel": "root", "href": "./catalog.json", "type": _JSON}
    child = {"rel": "child", "href": f"./{dialect.collection}/collection.json", "type": _JSON, "title": "Sentinel-2 Level 2A"}
    catalog = {
        "type": "Catalog",
        "id": f"mlbmi-simulation-{dialect.name}",
        "stac_version": _STAC_VERSION,
        "description": f"A simulated Döberitzer Heide in the dialect {dialect.name}: no real pixel in it",
        "links": [root, child],
    }
    write_json(folder / "catalog.json", catalog)
    write_json(folder / dialect.collection / "collection.json", _collection(dialect, items))


def _collection(dialect: Dialect, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    boxes = np.array([item["bbox"] for item in items])
    times = sorted(item["properties"]["datetime"] for item in items)
    hull = [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]
    links = [
        {"rel": "root", "href": "../catalog.json", "type": _JSON},
        {"rel": "parent", "href": "../catalog.json", "type": _JSON},
        *({"rel": "item", "href": f"./{name}/{name}.json", "type": _JSON} for name in _ids(items)),
    ]
    return {
        "type": "Collection",
        "id": dialect.collection,
        "stac_version": _STAC_VERSION,
        "stac_extensions": [_COLLECTION_SCHEMA],
        "title": "Sentinel-2 Level 2A",
        "description": "Simulated scenes of the Multispectral Instrument (MSI), made by mlbmi",
        "license": "proprietary",
        "keywords": ["sentinel", "earth observation", "simulation"],
        "providers": [{"name": "mlbmi", "roles": ["producer", "processor", "host"]}],
        "extent": {"spatial": {"bbox": [hull]}, "temporal": {"interval": [[times[0], times[-1]]]}},
        "summaries": {"constellation": ["sentinel-2"], "instruments": ["msi"], "gsd": [10, 20, 60]},
        "item_assets": _item_assets(items),
        "links": links,
    }


def _ids(items: Iterable[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def _item_assets(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Say once what assets look like: title, type and roles, over all items."""
    found: dict[str, Any] = {}
    for item in items:
        for key, asset in item["assets"].items():
            found.setdefault(key, {name: asset[name] for name in ("type", "title", "roles")})
    return dict(sorted(found.items()))
