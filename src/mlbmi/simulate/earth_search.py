"""How Earth Search (Element 84) describes a scene: v1, its Collection 1, and the retired v0."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from mlbmi.sentinel2 import SCL
from mlbmi.simulate.facts import BAND_TABLE, timestamp
from mlbmi.simulate.words import (
    COG_TYPE,
    centre_um,
    eo_bands,
    esa_name,
    gsd_of,
    platform_name,
    s2_product,
    s2_shares,
    same_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlbmi.simulate.facts import SceneFacts

__all__ = ["c1_asset", "c1_id", "c1_properties", "v0_asset", "v0_properties", "v1_asset", "v1_id", "v1_properties"]


def _mgrs(facts: SceneFacts) -> dict[str, Any]:
    zone, latitude, square = facts.plan.tile[:2], facts.plan.tile[2], facts.plan.tile[3:]
    return {
        "mgrs:utm_zone": int(zone),
        "mgrs:latitude_band": latitude,
        "mgrs:grid_square": square,
        "grid:code": f"MGRS-{facts.plan.tile}",
    }


# Earth Search v1


def v1_id(facts: SceneFacts) -> str:
    """Return the id of an Earth Search item, v0 or v1."""
    return f"{facts.platform}_{facts.plan.tile}_{facts.plan.date:%Y%m%d}_{facts.plan.sequence}_L2A"


def v1_properties(facts: SceneFacts) -> dict[str, Any]:
    """Return the properties of an item of v1 ``sentinel-2-l2a``."""
    stamp = timestamp(facts.generated + dt.timedelta(hours=4), digits=3)
    flag = {} if facts.plan.flag is None else {"earthsearch:boa_offset_applied": facts.plan.flag}
    return {
        "created": stamp,
        "platform": platform_name(facts),
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": facts.cloud_cover,
        "proj:epsg": facts.window.epsg,
        **_mgrs(facts),
        "view:sun_azimuth": round(facts.sun[0], 6),
        "view:sun_elevation": round(facts.sun[1], 6),
        "s2:degraded_msi_data_percentage": 0,
        **s2_shares(facts),
        **s2_product(facts),
        "datetime": timestamp(facts.sensed),
        "s2:sequence": str(facts.plan.sequence),
        "earthsearch:payload_id": f"mlbmi-simulation/{v1_id(facts)}",
        **flag,
        "processing:software": {"sentinel2-to-stac": "0.1.1"},
        "updated": stamp,
    }


def _v1_raster(facts: SceneFacts, band: str) -> list[dict[str, Any]]:
    """Return ``raster:bands``: the offset is the product's, whether or not the pixels still hold it."""
    if band == "scl":
        return [{"nodata": 0, "data_type": "uint8", "spatial_resolution": 20}]
    return [
        {
            "nodata": 0,
            "data_type": "uint16",
            "bits_per_sample": 15,
            "spatial_resolution": gsd_of(band),
            "scale": 0.0001,
            "offset": -0.1 if facts.plan.offset_in_baseline else 0,
        }
    ]


def v1_asset(facts: SceneFacts, band: str, *, name: Callable[[str], str] = same_name) -> dict[str, Any]:
    """Return the fields of an asset; ``name`` gives the band's name in ``eo:bands``."""
    if band == "scl":
        described: dict[str, Any] = {"title": "Scene classification map (SCL)"}
    else:
        described = {
            "title": f"{BAND_TABLE[band].title} - {gsd_of(band)}m",
            "eo:bands": eo_bands(band, name(band)),
            "gsd": gsd_of(band),
        }
    return {"type": COG_TYPE, **described, "raster:bands": _v1_raster(facts, band), "roles": ["data", "reflectance"]}


# Earth Search v1, Collection 1


def c1_id(facts: SceneFacts) -> str:
    """Return the id of an item of Collection 1."""
    return f"{facts.platform}_T{facts.plan.tile}_{facts.datatake}_L2A"


def c1_properties(facts: SceneFacts) -> dict[str, Any]:
    """Return the properties of an item of v1 ``sentinel-2-c1-l2a``."""
    common = {
        name: value
        for name, value in v1_properties(facts).items()
        if name not in {"s2:sequence", "earthsearch:boa_offset_applied", "earthsearch:payload_id"}
    }
    extra = {
        "eo:snow_cover": round(facts.shares[SCL.SNOW_ICE], 6),
        "s2:tile_id": common["s2:granule_id"],
        "earthsearch:payload_id": f"mlbmi-simulation/{c1_id(facts)}",
    }
    return common | extra


def c1_asset(facts: SceneFacts, band: str) -> dict[str, Any]:
    """Return the fields of an asset of Collection 1."""
    return v1_asset(facts, band, name=esa_name)


# Earth Search v0


def v0_properties(facts: SceneFacts) -> dict[str, Any]:
    """Return the properties of an item of v0 ``sentinel-s2-l2a-cogs``."""
    stamp = timestamp(facts.generated + dt.timedelta(hours=4), digits=3)
    baseline = {"sentinel:processing_baseline": facts.plan.baseline} if facts.plan.offset_in_baseline else {}
    flag = {} if facts.plan.flag is None else {"sentinel:boa_offset_applied": facts.plan.flag}
    return {
        "datetime": timestamp(facts.sensed, digits=0),
        "platform": platform_name(facts),
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "gsd": 10,
        "view:off_nadir": 0,
        "proj:epsg": facts.window.epsg,
        "sentinel:utm_zone": int(facts.plan.tile[:2]),
        "sentinel:latitude_band": facts.plan.tile[2],
        "sentinel:grid_square": facts.plan.tile[3:],
        "sentinel:sequence": str(facts.plan.sequence),
        "sentinel:product_id": facts.product,
        "sentinel:data_coverage": round(100 - facts.shares[SCL.NO_DATA], 2),
        "eo:cloud_cover": round(facts.cloud_cover, 2),
        "sentinel:valid_cloud_cover": True,
        **baseline,
        **flag,
        "created": stamp,
        "updated": stamp,
    }


def v0_asset(facts: SceneFacts, band: str) -> dict[str, Any]:
    """Return the fields of an asset of v0."""
    del facts  # nothing of a scene stands in this dialect's assets
    if band == "scl":
        return {"title": "Scene Classification Map (SCL)", "type": COG_TYPE, "roles": ["data"]}
    text, esa = BAND_TABLE[band], esa_name(band)
    named = {"common_name": text.common_name} if text.common_name != "rededge" else {}
    number = f"Band {esa[1:].lstrip('0')}"
    return {
        "title": f"{number} ({text.common_name})" if named else number,
        "type": COG_TYPE,
        "roles": ["data"],
        "gsd": gsd_of(band),
        "eo:bands": [{"name": esa, **named, "center_wavelength": centre_um(band), "full_width_half_max": text.width}],
    }
