"""Words that several catalogues share: names, numbers and properties common to their items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlbmi.sentinel2 import BANDS, SCL
from mlbmi.simulate.facts import BAND_TABLE, timestamp

if TYPE_CHECKING:
    from mlbmi.simulate.facts import SceneFacts

__all__ = [
    "COG_TYPE",
    "centre_um",
    "eo_bands",
    "esa_name",
    "esa_name_with_gsd",
    "gsd_of",
    "platform_name",
    "s2_product",
    "s2_shares",
    "same_name",
]

COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
"""Media type of a cloud-optimised GeoTIFF."""

_SCL_PROPERTIES = (
    "nodata_pixel",
    "saturated_defective_pixel",
    "dark_features",
    "cloud_shadow",
    "vegetation",
    "not_vegetated",
    "water",
    "unclassified",
    "medium_proba_clouds",
    "high_proba_clouds",
    "thin_cirrus",
    "snow_ice",
)  # in the order of SCL


def gsd_of(band: str) -> int:
    """Return a band's resolution in metres, ``scl`` included."""
    return 20 if band == "scl" else BANDS[band].gsd_m


def esa_name(band: str) -> str:
    """Return ESA's name of a band: ``B04``, ``SCL``."""
    return "SCL" if band == "scl" else BANDS[band].esa


def same_name(band: str) -> str:
    """Return the canonical name itself."""
    return band


def esa_name_with_gsd(band: str) -> str:
    """Return ESA's name of a band's file: ``B04_10m``."""
    return f"{esa_name(band)}_{gsd_of(band)}m"


def centre_um(band: str) -> float:
    """Return a band's centre in micrometres."""
    return BANDS[band].centre_nm / 1000


def platform_name(facts: SceneFacts) -> str:
    """Return ``sentinel-2a`` or ``sentinel-2b``."""
    return f"sentinel-2{facts.overpass.satellite.lower()}"


def eo_bands(band: str, name: str) -> list[dict[str, Any]]:
    """Return the ``eo:bands`` of the eo extension, version 1, with the band's name as a catalogue gives it."""
    text = BAND_TABLE[band]
    return [
        {
            "name": name,
            "common_name": text.common_name,
            "description": text.title,
            "center_wavelength": centre_um(band),
            "full_width_half_max": text.width,
        }
    ]


def s2_shares(facts: SceneFacts) -> dict[str, float]:
    """Return the ``s2:…_percentage`` properties."""
    return {f"s2:{name}_percentage": round(facts.shares[SCL(cls)], 6) for cls, name in enumerate(_SCL_PROPERTIES)}


def s2_product(facts: SceneFacts) -> dict[str, Any]:
    """Return the properties that every dialect but CDSE's and v0's has."""
    baseline, stamp = facts.plan.baseline, f"{facts.generated:%Y%m%dT%H%M%S}"
    orbit = f"A{facts.overpass.absolute_orbit:06d}"
    return {
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": baseline,
        "s2:product_uri": f"{facts.product}.SAFE",
        "s2:generation_time": timestamp(facts.generated),
        "s2:datatake_id": f"G{facts.platform}_{facts.datatake}_{orbit[1:]}_N{baseline}",
        "s2:datatake_type": "INS-NOBS",
        "s2:granule_id": f"{facts.platform}_OPER_MSI_L2A_TL_SIMU_{stamp}_{orbit}_T{facts.plan.tile}_N{baseline}",
    }
