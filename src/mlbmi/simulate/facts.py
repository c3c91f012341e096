"""What is known about one simulated scene, before any catalogue puts it into its own words."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlbmi.sentinel2 import SCL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlbmi.simulate.orbits import Overpass
    from mlbmi.simulate.scenes import ScenePlan
    from mlbmi.simulate.tiles import Window

__all__ = ["BAND_TABLE", "BandText", "SceneFacts", "timestamp"]


@dataclass(frozen=True, slots=True)
class BandText:
    """How catalogues describe a band: title without resolution, common name, and width in micrometres."""

    title: str
    common_name: str
    width: float


BAND_TABLE: Mapping[str, BandText] = MappingProxyType(
    {
        "coastal": BandText("Coastal aerosol (band 1)", "coastal", 0.027),
        "blue": BandText("Blue (band 2)", "blue", 0.098),
        "green": BandText("Green (band 3)", "green", 0.045),
        "red": BandText("Red (band 4)", "red", 0.038),
        "rededge1": BandText("Red edge 1 (band 5)", "rededge", 0.019),
        "rededge2": BandText("Red edge 2 (band 6)", "rededge", 0.018),
        "rededge3": BandText("Red edge 3 (band 7)", "rededge", 0.028),
        "nir": BandText("NIR 1 (band 8)", "nir", 0.145),
        "nir08": BandText("NIR 2 (band 8A)", "nir08", 0.033),
        "nir09": BandText("NIR 3 (band 9)", "nir09", 0.026),
        "swir16": BandText("SWIR 1 (band 11)", "swir16", 0.143),
        "swir22": BandText("SWIR 2 (band 12)", "swir22", 0.242),
    }
)
"""Texts by canonical band name."""


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """All that a dialect may say about one scene.

    Attributes
    ----------
    plan : ScenePlan
    overpass : Overpass
    window : Window
    shares : mapping of SCL to float
        Per cent of the scene by class: of all pixels for "no data", of the seen ones for the others.
    sun : (azimuth, elevation)
        Degrees.
    """

    plan: ScenePlan
    overpass: Overpass
    window: Window
    shares: Mapping[SCL, float]
    sun: tuple[float, float]

    @property
    def sensed(self) -> dt.datetime:
        """Time of acquisition, UTC; a second item of a tile-day is a second later."""
        return self.overpass.sensed(self.plan.tile) + dt.timedelta(seconds=self.plan.sequence)

    @property
    def generated(self) -> dt.datetime:
        """When the product was made: hours after the acquisition, or in the reprocessing of 2023."""
        if self.plan.reprocessed:
            return dt.datetime(2023, 6, 1, 3, 34, 16, tzinfo=dt.UTC) + dt.timedelta(days=self.plan.date.timetuple().tm_yday // 8)
        return self.sensed.replace(microsecond=0) + dt.timedelta(hours=2 + self.plan.sequence, minutes=11)

    @property
    def cloud_cover(self) -> float:
        """Per cent of the seen pixels that the scene classification calls cloud or cirrus."""
        classes = (SCL.CLOUD_MEDIUM_PROBABILITY, SCL.CLOUD_HIGH_PROBABILITY, SCL.THIN_CIRRUS)
        return round(sum(self.shares[cls] for cls in classes), 6)

    @property
    def platform(self) -> str:
        """``S2A`` or ``S2B``."""
        return f"S2{self.overpass.satellite}"

    @property
    def datatake(self) -> str:
        """Start of the datatake, ``yyyymmddThhmmss``; a second item's is a second later."""
        start = dt.datetime.strptime(self.overpass.datatake, "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
        return f"{start + dt.timedelta(seconds=self.plan.sequence):%Y%m%dT%H%M%S}"

    @property
    def product(self) -> str:
        """Return ESA's name of the product, without ``.SAFE``."""
        return self._name(f"_N{self.plan.baseline.replace('.', '')}")

    @property
    def product_without_baseline(self) -> str:
        """Return the product's name as the Planetary Computer shortens it."""
        return self._name("")

    def _name(self, baseline: str) -> str:
        orbit = f"R{self.overpass.relative_orbit:03d}"
        return f"{self.platform}_MSIL2A_{self.datatake}{baseline}_{orbit}_T{self.plan.tile}_{self.generated:%Y%m%dT%H%M%S}"


def timestamp(time: dt.datetime, *, digits: int = 6) -> str:
    """Write a UTC time as RFC 3339, with 0, 3 or 6 digits of a second.

    Examples
    --------
    >>> timestamp(dt.datetime(2020, 1, 17, 10, 26, 11, 41000, tzinfo=dt.UTC), digits=3)
    '2020-01-17T10:26:11.041Z'
    """
    fraction = f".{time.microsecond:06d}"[: digits + 1] if digits else ""
    return f"{time:%Y-%m-%dT%H:%M:%S}{fraction}Z"
