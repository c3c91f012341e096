"""What the sky was like on each date: set for the demo's dates, drawn for any other."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.simulate.noise import hash01, normal01

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Weather", "residual", "weather_on"]


@dataclass(frozen=True, slots=True)
class Weather:
    """The sky over the reserve at the overpass.

    Attributes
    ----------
    cloud : float
        Share of the area under cumulus, 0–1; 1 is a closed deck.
    cirrus : float
        Strength of thin high cloud, 0–1; below about 0.4 the scene classification misses most of it.
    snow : float
        Snow cover on open ground, 0–1.
    swath_edge : bool
        Whether the swath ends within the window, with nodata to the west.
    """

    cloud: float = 0.0
    cirrus: float = 0.0
    snow: float = 0.0
    swath_edge: bool = False


_CLEAR = Weather()

_KNOWN: Mapping[dt.date, Weather] = MappingProxyType(
    {
        dt.date(2020, 1, 2): Weather(cloud=0.78, cirrus=0.3),
        dt.date(2020, 1, 9): Weather(cloud=1.0),
        dt.date(2020, 1, 17): _CLEAR,
        dt.date(2020, 1, 24): _CLEAR,
        dt.date(2020, 4, 21): Weather(cloud=0.07),
        dt.date(2020, 5, 8): Weather(cirrus=0.45),
        dt.date(2020, 6, 2): _CLEAR,
        dt.date(2020, 8, 6): _CLEAR,
        dt.date(2020, 11, 7): Weather(cloud=0.32),
        dt.date(2021, 2, 15): Weather(cloud=0.03, snow=0.95),  # Berlin lay under snow in that month
        dt.date(2021, 4, 26): Weather(cloud=0.10),
        dt.date(2021, 6, 2): _CLEAR,
        dt.date(2021, 7, 20): Weather(cloud=0.22, cirrus=0.15),
        dt.date(2021, 9, 8): Weather(swath_edge=True),
        dt.date(2022, 1, 28): Weather(cloud=0.62),
        dt.date(2022, 3, 4): _CLEAR,
        dt.date(2022, 6, 17): _CLEAR,
        dt.date(2022, 8, 4): Weather(cloud=0.14, cirrus=0.35),
        dt.date(2022, 10, 10): _CLEAR,
    }
)


def weather_on(date: dt.date, seed: int) -> Weather:
    """Return the sky of a date.

    Dates that are not the demo's are drawn: about a third are clear and a sixth closed, the rest lie in between, with more cloud
    in winter; snow lies in one winter scene out of eight.

    Examples
    --------
    >>> weather_on(dt.date(2020, 1, 9), seed=8).cloud
    1.0
    """
    if date in _KNOWN:
        return _KNOWN[date]
    draw = hash01(np.full(4, date.toordinal()), np.arange(4), seed + 201)
    winter = date.month in {12, 1, 2}
    cloud = float(np.clip((draw[0] - (0.25 if winter else 0.38)) / 0.45, 0, 1)) ** 1.4
    cirrus = float(draw[1] - 0.6) if draw[1] > 0.7 and cloud < 0.9 else 0.0
    return Weather(cloud=cloud, cirrus=cirrus, snow=0.8 if winter and draw[2] < 0.125 else 0.0, swath_edge=bool(draw[3] < 0.04))


def residual(date: dt.date, orbit: int, variant: int, seed: int) -> float:
    """Return the factor, within some per cent of 1, that viewing angle and atmospheric correction leave on a scene."""
    draw = float(normal01(np.array([date.toordinal()]), variant, seed + 202)[0])
    return (1.012 if orbit == 65 else 0.988) * (1 + 0.012 * draw)
