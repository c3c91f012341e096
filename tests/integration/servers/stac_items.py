"""Sentinel-2 items made by hand, in the dialect of each publisher: what the tests of searching feed to it."""

from __future__ import annotations

from typing import Any

BOXES = {"33UUU": (12.1, 52.2, 13.7, 53.2), "32UQD": (11.95, 52.2, 13.6, 53.2), "33TWL": (15.0, 45.1, 16.4, 46.0)}
EPSG = {"33UUU": 32633, "32UQD": 32632, "33TWL": 32633}
ESA = {
    "coastal": "B01",
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "rededge1": "B05",
    "rededge2": "B06",
    "rededge3": "B07",
    "nir": "B08",
    "nir08": "B8A",
    "nir09": "B09",
    "swir16": "B11",
    "swir22": "B12",
    "scl": "SCL",
}
GSD = {"red": 10, "nir": 10, "green": 10, "blue": 10, "coastal": 60, "nir09": 60}
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
COLLECTIONS = {
    "earth-search-v0": "sentinel-s2-l2a-cogs",
    "earth-search-v1": "sentinel-2-l2a",
    "earth-search-c1": "sentinel-2-c1-l2a",
    "planetary-computer": "sentinel-2-l2a",
    "cdse": "sentinel-2-l2a",
}


def square(box: tuple[float, float, float, float]) -> dict[str, Any]:
    west, south, east, north = box
    return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}


def make_item(
    dialect: str = "earth-search-v1",
    *,
    tile: str = "33UUU",
    day: str = "2023-08-15",
    cloud: float | None = 1.0,
    baseline: str = "05.09",
    sequence: int = 0,
    orbit: int = 65,
    box: tuple[float, float, float, float] | None = None,
    base: str = "https://data.example.com",
) -> dict[str, Any]:
    """Return the JSON of an item, complete for its dialect."""
    fact = {"tile": tile, "compact": day.replace("-", ""), "baseline": baseline, "sequence": sequence, "orbit": orbit}
    compact, version = fact["compact"], baseline.replace(".", "")
    fact["product"] = f"S2B_MSIL2A_{compact}T101559_N{version}_R{orbit:03d}_T{tile}_{compact}T131905"
    properties, item_id, extensions = {
        "earth-search-v0": _v0,
        "earth-search-v1": _v1,
        "earth-search-c1": _c1,
        "planetary-computer": _planetary,
        "cdse": _cdse,
    }[dialect](fact)
    properties |= {"datetime": f"{day}T10:26:14.024Z", "platform": "sentinel-2b", "constellation": "sentinel-2"}
    if cloud is not None:
        properties["eo:cloud_cover"] = cloud
    area = BOXES[tile] if box is None else box
    collection = COLLECTIONS[dialect]
    return {
        "type": "Feature",
        "stac_version": "1.1.0" if dialect == "cdse" else "1.0.0",
        "stac_extensions": extensions,
        "id": item_id,
        "collection": collection,
        "geometry": square(area),
        "bbox": list(area),
        "properties": properties,
        "assets": {key: asset for band in ESA for key, asset in _assets(dialect, band, tile, f"{base}/{item_id}").items()},
        "links": [{"rel": "self", "href": f"https://stac.example.com/collections/{collection}/items/{item_id}"}],
    }


def _v0(fact):
    names = ("sentinel:utm_zone", "sentinel:latitude_band", "sentinel:grid_square")
    properties = dict(zip(names, (int(fact["tile"][:2]), fact["tile"][2], fact["tile"][3:]), strict=True))
    properties |= {
        "proj:epsg": EPSG[fact["tile"]],
        "sentinel:sequence": str(fact["sequence"]),
        "sentinel:product_id": fact["product"],
    }
    return properties, f"S2B_{fact['tile']}_{fact['compact']}_{fact['sequence']}_L2A", []


def _v1(fact):
    properties = {
        "proj:epsg": EPSG[fact["tile"]],
        "grid:code": f"MGRS-{fact['tile']}",
        "mgrs:utm_zone": int(fact["tile"][:2]),
        "mgrs:latitude_band": fact["tile"][2],
        "mgrs:grid_square": fact["tile"][3:],
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": fact["baseline"],
        "s2:product_uri": f"{fact['product']}.SAFE",
        "s2:sequence": str(fact["sequence"]),
        "earthsearch:boa_offset_applied": fact["baseline"] >= "04.00",
    }
    return properties, f"S2B_{fact['tile']}_{fact['compact']}_{fact['sequence']}_L2A", []


def _c1(fact):
    properties, _, extensions = _v1(fact)
    del properties["earthsearch:boa_offset_applied"]
    return properties, f"S2B_T{fact['tile']}_{fact['compact']}T101905_L2A", extensions


def _planetary(fact):
    properties = {
        "proj:epsg": EPSG[fact["tile"]],
        "s2:mgrs_tile": fact["tile"],
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": fact["baseline"],
        "s2:product_uri": f"{fact['product']}.SAFE",
        "sat:relative_orbit": fact["orbit"],
    }
    return properties, fact["product"].replace(f"_N{fact['baseline'].replace('.', '')}", ""), []


def _cdse(fact):
    properties = {
        "grid:code": f"MGRS-{fact['tile']}",
        "product:type": "S2MSI2A",
        "processing:version": fact["baseline"],
        "sat:relative_orbit": fact["orbit"],
        "eopf:instrument_mode": "INS-NOBS",
    }
    return properties, fact["product"], []


def _assets(dialect: str, band: str, tile: str, folder: str) -> dict[str, Any]:
    described = {"nodata": 0, "scale": 0.0001, "offset": -0.1} if band != "scl" else {"nodata": 0}
    if dialect in ("earth-search-v0", "planetary-computer"):
        return {ESA[band]: {"href": f"{folder}/{ESA[band]}.tif", "type": COG, "roles": ["data"]}}
    if dialect == "cdse":
        key = f"{ESA[band]}_{GSD.get(band, 20)}m"
        raster = {} if band == "scl" else {"raster:scale": 0.0001, "raster:offset": -0.1}
        href = f"s3://eodata/{folder.rpartition('/')[2]}/{key}.jp2"
        return {key: {"href": href, "type": "image/jp2", "nodata": 0, "proj:code": f"EPSG:{EPSG[tile]}", **raster}}
    cog = {"href": f"{folder}/{ESA[band]}.tif", "type": COG, "raster:bands": [described]}
    jp2 = {"href": f"s3://sentinel-s2-l2a/{folder.rpartition('/')[2]}/{ESA[band]}.jp2", "type": "image/jp2"}
    return {f"{band}-jp2": jp2, band: cog}
