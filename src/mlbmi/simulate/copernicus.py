"""How the Planetary Computer and the Copernicus Data Space describe a scene, both close to ESA's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlbmi.sentinel2 import SCL
from mlbmi.simulate.facts import BAND_TABLE, timestamp
from mlbmi.simulate.words import COG_TYPE, centre_um, eo_bands, esa_name, gsd_of, platform_name, s2_product, s2_shares

if TYPE_CHECKING:
    from mlbmi.simulate.facts import SceneFacts

__all__ = ["cdse_asset", "cdse_properties", "pc_asset", "pc_properties"]

_EO2_COMMON = {"rededge1": "rededge071", "rededge2": "rededge075", "rededge3": "rededge078"}


# Planetary Computer


def pc_properties(facts: SceneFacts) -> dict[str, Any]:
    """Return the properties of an item of the Planetary Computer."""
    shares = {name: share for name, share in s2_shares(facts).items() if name != "s2:nodata_pixel_percentage"}
    return {
        "datetime": timestamp(facts.sensed),
        "platform": f"Sentinel-2{facts.overpass.satellite}",
        "proj:epsg": facts.window.epsg,
        "instruments": ["msi"],
        "s2:mgrs_tile": facts.plan.tile,
        "constellation": "Sentinel 2",
        "eo:cloud_cover": facts.cloud_cover,
        "sat:orbit_state": "descending",
        "sat:relative_orbit": facts.overpass.relative_orbit,
        "s2:mean_solar_zenith": round(90 - facts.sun[1], 6),
        "s2:mean_solar_azimuth": round(facts.sun[0], 6),
        "s2:nodata_pixel_percentage": round(facts.shares[SCL.NO_DATA], 6),
        **shares,
        **s2_product(facts),
    }


def pc_asset(facts: SceneFacts, band: str) -> dict[str, Any]:
    """Return the fields of an asset of the Planetary Computer."""
    west, south, east, north = facts.window.bounds
    common = {
        "gsd": float(gsd_of(band)),
        "type": COG_TYPE,
        "roles": ["data"],
        "proj:bbox": [float(v) for v in (west, south, east, north)],
    }
    if band == "scl":
        return {**common, "title": "Scene classification map (SCL)"}
    title = f"{BAND_TABLE[band].title} - {gsd_of(band)}m"
    return {**common, "title": title, "eo:bands": eo_bands(band, esa_name(band))}


# Copernicus Data Space


def cdse_properties(facts: SceneFacts) -> dict[str, Any]:
    """Return the properties of an item of the Copernicus Data Space."""
    sensed, made = timestamp(facts.sensed, digits=3), timestamp(facts.generated)
    return {
        "gsd": 10,
        "created": made,
        "updated": made,
        "published": made,
        "datetime": sensed,
        "start_datetime": sensed,
        "end_datetime": sensed,
        "platform": platform_name(facts),
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "grid:code": f"MGRS-{facts.plan.tile}",
        "product:type": "S2MSI2A",
        "processing:level": "L2",
        "processing:version": facts.plan.baseline,
        "processing:datetime": made,
        "processing:facility": "mlbmi simulation",
        "eo:cloud_cover": round(facts.cloud_cover, 2),
        "eo:snow_cover": round(facts.shares[SCL.SNOW_ICE], 2),
        "view:sun_azimuth": round(facts.sun[0], 6),
        "view:sun_elevation": round(facts.sun[1], 6),
        "sat:orbit_state": "descending",
        "sat:absolute_orbit": facts.overpass.absolute_orbit,
        "sat:relative_orbit": facts.overpass.relative_orbit,
        "eopf:datatake_id": f"G{facts.platform}_{facts.datatake}_{facts.overpass.absolute_orbit:06d}_N{facts.plan.baseline}",
        "storage:schemes": {"cdse-s3": {"title": "Copernicus Data Space Ecosystem S3", "requester_pays": False}},
    }


def cdse_asset(facts: SceneFacts, band: str) -> dict[str, Any]:
    """Return the fields of an asset of the Copernicus Data Space."""
    west, south, east, north = facts.window.bounds
    common = {
        "gsd": gsd_of(band),
        "type": COG_TYPE,
        "nodata": 0,
        "proj:bbox": [float(v) for v in (west, south, east, north)],
        "storage:refs": ["cdse-s3"],
    }
    if band == "scl":
        return {**common, "title": "Scene classification map (SCL) - 20m", "data_type": "uint8", "roles": ["data", "gsd:20m"]}
    text = BAND_TABLE[band]
    return {
        **common,
        "title": f"{text.title} - {gsd_of(band)}m",
        "data_type": "uint16",
        "roles": ["data", "reflectance", f"gsd:{gsd_of(band)}m"],
        "raster:scale": 0.0001,
        "raster:offset": -0.1 if facts.plan.offset_in_baseline else 0.0,
        "bands": [
            {
                "name": esa_name(band),
                "eo:common_name": _EO2_COMMON.get(band, text.common_name),
                "eo:center_wavelength": centre_um(band),
                "eo:full_width_half_max": text.width,
            }
        ],
    }
