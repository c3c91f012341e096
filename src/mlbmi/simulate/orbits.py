"""When the satellites passed over Berlin, and where the sun stood.

Tiles 33UUU and 32UQD are crossed on two relative orbits, 65 at 10:26 and 22 at 10:16 UTC, by each satellite every ten days. The
calendar is anchored on Earth Search's items of autumn 2021 (``S2A_33UUU_20211102``, ``S2A_33UUU_20211030``); it gives
``S2B`` on 17 and 24 January 2020, as they are.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from mlbmi.errors import InputError

__all__ = ["Overpass", "baseline_on", "overpass_dates", "overpass_on", "sun_position"]

_ANCHORS = {65: dt.date(2021, 11, 2), 22: dt.date(2021, 10, 30)}  # days on which S2A passed, by relative orbit
_START = {("A", 65): "102201", ("B", 65): "102039", ("A", 22): "101141", ("B", 22): "101019"}  # of the datatake, hhmmss
_OVERHEAD = {("A", 65): 37574, ("B", 65): 37571, ("A", 22): 36977, ("B", 22): 36974}  # seconds of the UTC day, at 33UUU
_KNOWN = {"A": (dt.date(2023, 8, 15), 42_547), "B": (dt.date(2024, 4, 19), 37_185)}  # an absolute orbit and its day
_SHIFT = {"A": 140, "B": 26}  # absolute − relative orbit, modulo 143

_BASELINES = (
    (dt.date(2019, 7, 8), "02.13"),
    (dt.date(2020, 2, 4), "02.14"),
    (dt.date(2021, 3, 30), "03.00"),
    (dt.date(2021, 6, 30), "03.01"),
    (dt.date(2022, 1, 25), "04.00"),
    (dt.date(2022, 12, 6), "05.09"),
)  # first day of each processing baseline: SentiWiki, "S2 Processing", processing baselines


@dataclass(frozen=True, slots=True)
class Overpass:
    """One crossing.

    Attributes
    ----------
    date : datetime.date
        UTC day.
    satellite : str
        ``A`` or ``B``.
    relative_orbit, absolute_orbit : int
    datatake : str
        Start of the datatake, ``yyyymmddThhmmss``.
    """

    date: dt.date
    satellite: str
    relative_orbit: int
    absolute_orbit: int
    datatake: str

    def sensed(self, tile: str) -> dt.datetime:
        """Time at which a tile was seen, UTC: 32UQD a second after 33UUU."""
        second = _OVERHEAD[self.satellite, self.relative_orbit] + (tile != "33UUU")
        return dt.datetime.combine(self.date, dt.time(), dt.UTC) + dt.timedelta(seconds=second, milliseconds=24 + self.date.day)


def _orbit(date: dt.date) -> int | None:
    return next((orbit for orbit, anchor in _ANCHORS.items() if (date - anchor).days % 5 == 0), None)


def overpass_dates(start: dt.date, end: dt.date) -> tuple[dt.date, ...]:
    """List the days with an overpass from ``start`` to ``end``, both included.

    Examples
    --------
    >>> [date.day for date in overpass_dates(dt.date(2020, 1, 14), dt.date(2020, 1, 24))]
    [14, 17, 19, 22, 24]
    """
    days = (start + dt.timedelta(days=step) for step in range((end - start).days + 1))
    return tuple(day for day in days if _orbit(day) is not None)


def overpass_on(date: dt.date) -> Overpass:
    """Return the overpass of a day.

    Raises
    ------
    InputError
        If there was none.

    Examples
    --------
    >>> found = overpass_on(dt.date(2020, 1, 17))
    >>> found.satellite, found.relative_orbit, found.sensed("33UUU").hour
    ('B', 65, 10)
    """
    orbit = _orbit(date)
    if orbit is None:
        near = overpass_dates(date - dt.timedelta(days=3), date + dt.timedelta(days=3))
        raise InputError(f"no overpass on {date}", remedy=f"Near it: {', '.join(map(str, near))}.")
    satellite = "A" if (date - _ANCHORS[orbit]).days % 10 == 0 else "B"
    absolute = _absolute_orbit(satellite, orbit, date)
    return Overpass(date, satellite, orbit, absolute, f"{date:%Y%m%d}T{_START[satellite, orbit]}")


def _absolute_orbit(satellite: str, relative: int, date: dt.date) -> int:
    """Count orbits from a known one, 143 in ten days, to the nearest with the right relative number."""
    day, known = _KNOWN[satellite]
    guess = known + 14.3 * (date - day).days
    residue = (relative + _SHIFT[satellite]) % 143
    return residue + 143 * round((guess - residue) / 143)


def baseline_on(date: dt.date) -> str:
    """Return the processing baseline in force on a day (from July 2019; earlier days get the first known).

    Examples
    --------
    >>> baseline_on(dt.date(2022, 1, 24)), baseline_on(dt.date(2022, 1, 25))
    ('03.01', '04.00')
    """
    return next((name for since, name in reversed(_BASELINES) if date >= since), _BASELINES[0][1])


def sun_position(time: dt.datetime, *, lon: float, lat: float) -> tuple[float, float]:
    """Return the sun's azimuth (from north, clockwise) and elevation in degrees, within about half a degree.

    Fourier series of declination and equation of time after Spencer (1971, *Search* 2:172), as in Iqbal (1983).

    Examples
    --------
    >>> noon = dt.datetime(2020, 6, 21, 11, 10, tzinfo=dt.UTC)
    >>> [round(value) for value in sun_position(noon, lon=13.0, lat=52.5)]
    [180, 61]
    """
    turn = 2 * math.pi * (time.timetuple().tm_yday - 1) / 365
    declination = (
        0.006918
        - 0.399912 * math.cos(turn)
        + 0.070257 * math.sin(turn)
        - 0.006758 * math.cos(2 * turn)
        + 0.000907 * math.sin(2 * turn)
    )
    equation = 229.18 * (
        0.000075
        + 0.001868 * math.cos(turn)
        - 0.032077 * math.sin(turn)
        - 0.014615 * math.cos(2 * turn)
        - 0.04089 * math.sin(2 * turn)
    )
    minutes = time.hour * 60 + time.minute + time.second / 60 + equation + 4 * lon
    hour = math.radians(minutes / 4 - 180)
    phi = math.radians(lat)
    sine = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour)
    azimuth = math.atan2(math.sin(hour), math.cos(hour) * math.sin(phi) - math.tan(declination) * math.cos(phi))
    return (math.degrees(azimuth) + 180) % 360, math.degrees(math.asin(sine))
