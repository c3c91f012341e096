"""The store as a static STAC catalogue: what is whole in it, with relative hrefs, readable where it lies.

Items are written in the dialect that they came in, so that whoever reads them decides about offsets as for the original.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from mlbmi.antimeridian import cut as cut_at_antimeridian
from mlbmi.antimeridian import unwrapped
from mlbmi.download.store import disk_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlbmi.download.ledger import Row
    from mlbmi.download.store import Store
    from mlbmi.types import Asset, Scene

__all__ = ["write_catalogue"]

_JSON = "application/json"
_VERSION = "1.0.0"
_MEDIA_TYPES = {".jp2": "image/jp2"}
_TIFF = "image/tiff; application=geotiff"
_EDGE_M = 5000.0
"""Length of the straight pieces in which the edges of a clip become degrees: they stray by less than a metre."""

# By dialect: properties of the baseline, the sequence number, and the statement that the offset has been applied.
_PROPERTIES = {
    "earth-search-v0": ("sentinel:processing_baseline", "sentinel:sequence", "sentinel:boa_offset_applied"),
    "earth-search-v1": ("s2:processing_baseline", "s2:sequence", "earthsearch:boa_offset_applied"),
    "earth-search-c1": ("s2:processing_baseline", "s2:sequence", "earthsearch:boa_offset_applied"),
    "planetary-computer": ("s2:processing_baseline", "", ""),
    "cdse": ("processing:version", "", ""),
}


def write_catalogue(store: Store, scenes: Iterable[Scene]) -> Path:
    """Write ``catalog.json`` over all that is whole in a store, these scenes' files among it.

    Parameters
    ----------
    store : Store
    scenes : iterable of Scene
        Scenes whose files have just been asked for; earlier ones are in the ledger.

    Returns
    -------
    Path
        ``catalog.json``.

    Raises
    ------
    WriteError
        If it cannot be written; the catalogue that was there stays whole.
    """
    store.ledger.put_items({scene.item_id: _described(scene) for scene in scenes})
    with store.lock("catalog.json"):
        collections: dict[str, list[dict[str, Any]]] = defaultdict(list)
        rows = _whole_rows(store)
        for content in store.ledger.items():
            item = _item(content, rows.get(content["id"], {}))
            if item["assets"]:
                collections[content["collection"].strip(".") or "no-collection"].append(item)
        for name, items in collections.items():
            _write_collection(store.root / name, name, items)
        links = [{"rel": "child", "href": f"./{name}/collection.json", "type": _JSON} for name in sorted(collections)]
        return _write(store.root / "catalog.json", _catalog(links))


def _whole_rows(store: Store) -> dict[str, dict[str, Row]]:
    """Return the rows of whole files by item and band. A place holds one item's file: no other item may point there."""
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in store.ledger.rows():
        if row.state == "whole" and store.file(row.path).is_file():
            other = found[row.item_id].get(row.band)
            if other is None or other.window:  # a whole file goes before a clip
                found[row.item_id][row.band] = row
    return found


def _described(scene: Scene) -> dict[str, Any]:
    """Describe a scene; its assets by band, without hrefs, since those are the store's."""
    from shapely.geometry import mapping

    return {
        "id": scene.item_id,
        "collection": scene.collection,
        "geometry": mapping(scene.footprint),
        "bbox": list(scene.footprint.bounds),
        "properties": _properties(scene),
        "assets": {band: {"key": asset.key, **_radiometry(asset)} for band, asset in scene.assets.items()},
    }


def _properties(scene: Scene) -> dict[str, Any]:
    baseline, sequence, applied = _PROPERTIES.get(scene.dialect, ("s2:processing_baseline", "s2:sequence", ""))
    stated = {
        "datetime": scene.datetime.isoformat().replace("+00:00", "Z"),
        "platform": scene.platform or None,
        "constellation": "sentinel-2",
        "product:type": "S2MSI2A",
        "eo:cloud_cover": scene.cloud_cover,
        "sat:relative_orbit": scene.orbit,
        "proj:epsg": scene.epsg,
        baseline: scene.baseline,
        sequence: scene.sequence,
        applied: scene.offset_applied,
        **_tile(scene),
    }
    return {name: value for name, value in stated.items() if name and value is not None}


def _tile(scene: Scene) -> dict[str, Any]:
    if scene.dialect == "planetary-computer":
        return {"s2:mgrs_tile": scene.tile}
    if scene.dialect == "earth-search-v0":
        zone, band, square = int(scene.tile[:2]), scene.tile[2], scene.tile[3:]
        return {"sentinel:utm_zone": zone, "sentinel:latitude_band": band, "sentinel:grid_square": square}
    return {"grid:code": f"MGRS-{scene.tile}"}


def _radiometry(asset: Asset) -> dict[str, Any]:
    stated = {"scale": asset.scale, "offset": asset.offset, "nodata": asset.nodata}
    known = {name: "nan" if value != value else value for name, value in stated.items() if value is not None}  # noqa: PLR0124 - NaN
    return {"raster:bands": [known]} if known else {}


def _item(content: Mapping[str, Any], rows: Mapping[str, Row]) -> dict[str, Any]:
    assets = {}
    for band, row in sorted(rows.items()):
        described = dict(content["assets"].get(band, {}))
        if described:
            assets[described.pop("key")] = {**_file(row), **described}
    links = [
        {"rel": rel, "href": href, "type": _JSON}
        for rel, href in (("root", "../../catalog.json"), ("parent", "../collection.json"), ("collection", "../collection.json"))
    ]
    collection = content["collection"].strip(".") or "no-collection"
    return {
        **content,
        **_place(content, [row for row in rows.values() if row.window]),
        "type": "Feature",
        "stac_version": _VERSION,
        "stac_extensions": [],
        "collection": collection,
        "assets": assets,
        "links": links,
    }


def _place(content: Mapping[str, Any], clips: Sequence[Row]) -> dict[str, Any]:
    """Return geometry and box of an item of which only clips are there: what was not fetched must not look like missing data."""
    if not clips:
        return {}
    import shapely
    from pyproj import Transformer
    from shapely.geometry import mapping, shape

    to_degrees = Transformer.from_crs(f"EPSG:{content['properties']['proj:epsg']}", "OGC:CRS84", always_xy=True)
    boxes = [shapely.box(*map(float, row.extent.split(","))) for row in clips]
    common = shapely.segmentize(shapely.intersection_all(boxes), _EDGE_M)
    whole = shape(content["geometry"])
    cut = shapely.intersection(
        whole, cut_at_antimeridian(unwrapped(shapely.transform(common, to_degrees.transform, interleaved=False)))
    )
    held = whole if cut.is_empty else cut  # of clips that have nothing in common, each speaks for itself
    return {"geometry": mapping(held), "bbox": list(held.bounds)}


def _file(row: Row) -> dict[str, Any]:
    suffix = row.path[row.path.rfind(".") :]
    return {
        "href": f"../../{row.path}",
        "type": _MEDIA_TYPES.get(suffix, _TIFF),
        "roles": ["data"],
        "file:size": row.bytes,
        "file:checksum": f"1220{row.sha256}",
    }


def _write_collection(folder: Path, name: str, items: Sequence[Mapping[str, Any]]) -> None:
    for item in items:
        _write(folder / "items" / f"{item['id']}.json", item)
    boxes = list(zip(*(item["bbox"] for item in items), strict=True))
    times = sorted(item["properties"]["datetime"] for item in items)
    links = [{"rel": "item", "href": f"./items/{item['id']}.json", "type": _JSON} for item in items]
    _write(
        folder / "collection.json",
        {
            "type": "Collection",
            "id": name,
            "stac_version": _VERSION,
            "description": "Sentinel-2 Level-2A scenes downloaded by mlbmi",
            "license": "other",
            "extent": {
                "spatial": {"bbox": [[min(boxes[0]), min(boxes[1]), max(boxes[2]), max(boxes[3])]]},
                "temporal": {"interval": [[times[0], times[-1]]]},
            },
            "links": [
                {"rel": "root", "href": "../catalog.json", "type": _JSON},
                {"rel": "parent", "href": "../catalog.json", "type": _JSON},
                *links,
            ],
        },
    )


def _catalog(links: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {
        "type": "Catalog",
        "id": "mlbmi-downloads",
        "stac_version": _VERSION,
        "description": "Sentinel-2 Level-2A files downloaded by mlbmi",
        "links": [{"rel": "root", "href": "./catalog.json", "type": _JSON}, *links],
    }


def _write(path: Path, content: Mapping[str, Any]) -> Path:
    """Write JSON, whole or not at all; leave a file alone that holds the same."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    temporary = path.with_name(f".mlbmi-{secrets.token_hex(8)}.json")
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(path, error) from error
    return path
