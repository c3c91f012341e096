"""Which image of new data stands for which date of a model."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlbmi.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlbmi.cluster._coded import CodedCube

__all__ = ["REMEDY", "MatchedFeature", "Rules", "dates_of_features", "find_images", "match_dates"]

REMEDY = "Give images of the model's dates, allow a larger date_tolerance_days, or compare days of any_year."
"""What to do where too few dates have an image."""

_LEAP_YEAR = 2000
_LEAP_DAYS = 366
_NAMED = 3  # as many dates are all named in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How images are found for a model's features; see :func:`.apply.apply_model`."""

    tolerance: int
    any_year: bool
    date: str | dt.date | np.datetime64 | None


class MatchedFeature(NamedTuple):
    """A feature of a model and what stands for it in new data.

    Attributes
    ----------
    feature : str
        As in the model: an ISO date, a band, the index, ``x`` or ``y``.
    date : datetime.date or None
        Of the image that stands for it; None where there is none, or where images have no date.
    days : int or None
        How far apart the two dates are, if need be regardless of the year; None where there is no image for it.
    """

    feature: str
    date: dt.date | None
    days: int | None


def dates_of_features(features: Sequence[str]) -> list[dt.date] | None:
    """Return the dates that features are; None if one of them is no date.

    Examples
    --------
    >>> dates_of_features(["2020-01-17"]), dates_of_features(["2020-01-17", "x"])
    ([datetime.date(2020, 1, 17)], None)
    """
    try:
        return [dt.date.fromisoformat(feature) for feature in features]
    except ValueError:
        return None


def match_dates(
    wanted: Sequence[dt.date], found: Sequence[dt.date], tolerance: int, *, any_year: bool = False
) -> list[tuple[int, int] | None]:
    """Find an image for each date, no image for two of them.

    As many dates as possible get one; of all ways to do that, the one with the fewest days apart in sum is taken.

    Parameters
    ----------
    wanted : sequence of date
    found : sequence of date
        Of the images.
    tolerance : int
        Most days between a date and its image.
    any_year : bool
        Compare days of the year, around its turn; of images equally far in the year, the nearest in truth is preferred.

    Returns
    -------
    list of (int, int) or None
        For each date the place of its image and the days between; None where there is none.

    Raises
    ------
    ClusterError
        If the tolerance is negative.

    Examples
    --------
    >>> january, june = dt.date(2020, 1, 2), dt.date(2020, 6, 1)
    >>> match_dates([january, june], [dt.date(2020, 6, 4), dt.date(2021, 12, 30)], 5, any_year=True)
    [(1, 3), (0, 3)]
    """
    from scipy.optimize import linear_sum_assignment

    if tolerance < 0:
        raise ClusterError(f"the tolerance of dates is {tolerance} days; it must be 0 or more")
    apart = np.abs(np.subtract.outer(_days(wanted), _days(found)))
    days = _circular(_days_of_year(wanted), _days_of_year(found)) if any_year else apart
    near = days <= tolerance
    # A date without an image costs more than all days and preferences together.
    preference = apart / (1.0 + apart.max(initial=0)) / (1 + len(wanted))
    cost = np.where(near, days + preference, (tolerance + 2.0) * (1 + len(wanted)))
    result: list[tuple[int, int] | None] = [None] * len(wanted)
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        if near[i, j]:
            result[i] = int(j), int(days[i, j])
    return result


def find_images(
    base: Sequence[str], cube: CodedCube, rules: Rules
) -> tuple[list[int | None], tuple[MatchedFeature, ...], list[str]]:
    """Return for each feature the place of its image in the cube, what to report of that, and what to warn of.

    Raises
    ------
    ClusterError
        If none has an image.
    """
    wanted, count = dates_of_features(base), cube.data.sizes["time"]
    if wanted is None:
        if len(base) != count:
            raise ClusterError(f"the model's features are places in a series of {len(base)}, and the data hold {count} images")
        days = cube.dates or (None,) * count
        return list(range(count)), tuple(MatchedFeature(*pair, 0) for pair in zip(base, days, strict=True)), []
    if cube.dates is None:
        raise ClusterError("the model's features are dates, and the data have none", remedy="Give `time` coordinates.")
    pairs = match_dates(wanted, cube.dates, rules.tolerance, any_year=rules.any_year)
    if not any(pairs):
        raise ClusterError(
            f"none of the model's dates ({_listed(base)}) has an image within {rules.tolerance} days among the data's "
            f"({_listed([str(date) for date in cube.dates])})",
            remedy=REMEDY,
        )
    matched = tuple(
        MatchedFeature(name, cube.dates[pair[0]], pair[1]) if pair else MatchedFeature(name, None, None)
        for name, pair in zip(base, pairs, strict=True)
    )
    places = [pair[0] if pair else None for pair in pairs]
    return places, matched, _about_dates(base, places, cube, rules)


def _about_dates(base: Sequence[str], places: Sequence[int | None], cube: CodedCube, rules: Rules) -> list[str]:
    missing = [name for name, place in zip(base, places, strict=True) if place is None]
    unused = [str(date) for place, date in enumerate(cube.dates or ()) if place not in places]
    said = []
    if missing:
        said.append(
            f"{len(missing)} of the model's {len(base)} dates have no image within {rules.tolerance} days ({_listed(missing)}): "
            f"pixels are compared on the other {len(base) - len(missing)}."
        )
    if unused:
        said.append(
            f"{len(unused)} of the data's {cube.data.sizes['time']} images stand for no date of the model ({_listed(unused)})."
        )
    if rules.any_year:
        said.append("Dates were compared by day of the year: another year may have been earlier, later, drier or wetter.")
    return said


def _listed(names: Sequence[str]) -> str:
    """Name a few.

    Examples
    --------
    >>> _listed(list("abcde"))
    'a, b … e'
    """
    return ", ".join(names) if len(names) <= _NAMED else f"{names[0]}, {names[1]} … {names[-1]}"


def _days(dates: Sequence[dt.date]) -> NDArray[np.int64]:
    return np.array([date.toordinal() for date in dates], np.int64)


def _days_of_year(dates: Sequence[dt.date]) -> NDArray[np.int64]:
    """Return each date's day in a leap year, so that 1 March is one day in all years."""
    return np.array([date.replace(year=_LEAP_YEAR).timetuple().tm_yday for date in dates], np.int64)


def _circular(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    apart: NDArray[np.int64] = np.abs(np.subtract.outer(one, other))
    return np.minimum(apart, _LEAP_DAYS - apart)
