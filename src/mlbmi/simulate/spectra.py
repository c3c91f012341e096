"""What each class is made of, and how its green cover runs through the year.

Reflectances are typical values at the bands' centres, rounded to what published spectra of such surfaces show; none is a copy of
one measurement. Sources of the shapes: the ECOSTRESS spectral library (Meerdink et al. 2019, RSE 230:111196) and USGS Spectral
Library Version 7 (Kokaly et al. 2017, USGS Data Series 1035) for canopies, dry grass, sand, asphalt and roofs; Asner (1998, RSE
64:234) for canopy and litter; Gitelson et al. (2008, RSE 112:3582) for turbid water.

A pixel is a linear mixture (Adams et al. 1986, J. Geophys. Res. 91:8098) of a ground and a canopy; the canopy's share follows a
double logistic in the day of the year (Beck et al. 2006, RSE 100:321; Elmore et al. 2012, Glob. Change Biol. 18:656).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.sentinel2 import BANDS
from mlbmi.simulate.landscape import Cover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["PHENOLOGY", "Phenology", "endmembers", "green_share", "reflectance_of"]

_BANDS = tuple(BANDS)

# Reflectance in per cent, in the order of BANDS:
#                  443   490   560   665   705   740   783   842   865   945  1610  2190 nm
_MATERIALS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "clear water": (4.2, 4.0, 3.9, 2.6, 2.1, 1.7, 1.6, 1.5, 1.4, 1.2, 0.7, 0.5),
        "algal water": (3.4, 3.6, 6.2, 3.2, 4.4, 2.9, 3.0, 2.7, 2.4, 1.6, 0.8, 0.6),
        "roof": (15.5, 16.8, 18.2, 19.4, 19.6, 19.6, 19.5, 19.3, 19.3, 19.2, 21.0, 20.5),
        "asphalt": (8.6, 9.4, 10.6, 11.6, 12.0, 12.3, 12.6, 12.9, 13.1, 13.4, 15.2, 14.8),
        "sand": (9.5, 12.5, 17.5, 23.5, 25.3, 26.8, 28.0, 29.3, 30.0, 31.2, 40.0, 36.5),
        "loam": (6.0, 7.4, 10.0, 13.4, 14.9, 16.1, 17.2, 18.4, 18.9, 20.0, 27.5, 24.0),
        "dry grass": (4.8, 6.0, 8.6, 11.4, 14.8, 18.4, 20.8, 23.4, 24.6, 26.6, 29.5, 20.0),
        "twigs and litter": (3.0, 3.7, 5.2, 7.2, 9.4, 12.0, 13.2, 14.4, 15.2, 16.6, 22.0, 14.5),
        "needle litter": (2.2, 2.7, 3.7, 4.6, 6.2, 9.0, 10.0, 11.0, 11.6, 12.4, 12.5, 7.6),
        "heath canopy": (2.6, 3.3, 5.8, 5.2, 9.6, 20.0, 24.6, 27.0, 28.2, 29.0, 20.5, 11.5),
        "grass verge": (2.4, 3.2, 6.6, 4.8, 10.6, 26.0, 32.0, 34.5, 36.0, 36.6, 21.5, 11.0),
        "broad leaves": (1.5, 1.9, 4.6, 2.4, 8.2, 28.5, 37.0, 39.5, 41.0, 40.6, 18.0, 7.8),
        "needles": (1.2, 1.5, 2.9, 2.0, 4.9, 15.5, 19.4, 21.2, 22.2, 22.0, 9.2, 4.0),
        "cereal": (1.8, 2.4, 5.4, 2.9, 9.4, 29.5, 38.5, 41.5, 43.0, 42.6, 19.0, 9.0),
        "snow": (92.0, 91.0, 90.0, 89.0, 88.0, 86.5, 85.0, 83.0, 81.0, 74.0, 11.0, 8.0),
        "cloud": (63.0, 62.0, 61.5, 62.0, 62.5, 63.0, 63.0, 63.5, 63.5, 55.0, 45.0, 36.0),
    }
)


@dataclass(frozen=True, slots=True)
class Phenology:
    """Ground, canopy and season of a class.

    Attributes
    ----------
    ground, canopy : str
        Names of the two materials.
    low, high : float
        Canopy's share of the pixel out of season and at full season.
    rise, fall : float
        Days of the year at which half of the green-up and of the senescence is done.
    rise_days, fall_days : float
        Time constants of the two logistics, in days.
    spread : float
        Change of the share for one standard deviation of a pixel's vigour.
    """

    ground: str
    canopy: str
    low: float
    high: float
    rise: float
    rise_days: float
    fall: float
    fall_days: float
    spread: float


PHENOLOGY: Mapping[Cover, Phenology] = MappingProxyType(
    {
        Cover.WATER: Phenology("clear water", "algal water", 0.05, 0.55, 130, 14, 265, 16, 0.08),
        Cover.BUILDINGS: Phenology("roof", "grass verge", 0.00, 0.02, 110, 12, 295, 16, 0.014),
        Cover.ROADS: Phenology("asphalt", "grass verge", 0.15, 0.20, 105, 12, 300, 16, 0.024),
        Cover.BARE_SOIL: Phenology("sand", "grass verge", 0.01, 0.52, 101, 8, 212, 10, 0.040),
        Cover.HEATH: Phenology("dry grass", "heath canopy", 0.22, 0.80, 112, 14, 288, 20, 0.055),
        Cover.DECIDUOUS: Phenology("twigs and litter", "broad leaves", 0.06, 0.93, 117, 6, 296, 9, 0.040),
        Cover.CONIFER: Phenology("needle litter", "needles", 0.76, 0.92, 120, 16, 290, 20, 0.060),
        Cover.CROP: Phenology("loam", "cereal", 0.20, 0.94, 86, 9, 186, 6, 0.060),
    }
)
"""By class. Crops are winter cereals: green in winter, ripe in early July."""


def reflectance_of(material: str, band: str) -> float:
    """Return a material's reflectance, 0–1.

    Examples
    --------
    >>> reflectance_of("snow", "red")
    0.89
    """
    return _MATERIALS[material][_BANDS.index(band)] / 100


def endmembers(band: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ground and canopy reflectance of every class in a band, shape (8,) each."""
    ground = [reflectance_of(PHENOLOGY[cover].ground, band) for cover in Cover]
    canopy = [reflectance_of(PHENOLOGY[cover].canopy, band) for cover in Cover]
    return np.array(ground, dtype=np.float32), np.array(canopy, dtype=np.float32)


def green_share(season: Phenology, day: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the canopy's share on days of the year (any real number: the year before and after join on).

    A double logistic per year; the neighbouring years' tails are added so that New Year shows no step.

    Examples
    --------
    >>> share = green_share(PHENOLOGY[Cover.DECIDUOUS], np.array([1.0, 200.0, 366.25], dtype="float32"))
    >>> [round(float(value), 2) for value in share]
    [0.06, 0.93, 0.06]
    """
    total = np.zeros_like(day)
    for year in (-1, 0, 1):
        since = day - np.float32(365.25 * year)
        total += _logistic((since - season.rise) / season.rise_days) - _logistic((since - season.fall) / season.fall_days)
    return np.asarray(season.low + (season.high - season.low) * np.clip(total, 0, 1), dtype=np.float32)


def _logistic(t: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-np.clip(t, -30, 30))), dtype=np.float32)
