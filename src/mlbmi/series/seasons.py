"""Phenology: when the seasons of a series start, peak and end, and how green they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from mlbmi.errors import InputError
from mlbmi.series._pixels import Output, days_of, map_pixels, series_arrays
from mlbmi.series._season_kernels import END, MEASURES, PEAK, START, season_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MEASURES", "phenology", "season_date"]

_MEANING = {
    "start": ("start of the season, day counted from 1 January of its year", "days"),
    "peak": ("peak of the season, day counted from 1 January of its year", "days"),
    "end": ("end of the season, day counted from 1 January of its year", "days"),
    "length": ("days from start to end", "days"),
    "base": ("mean of the lowest values before and after the peak", "1"),
    "peak_value": ("value at the peak", "1"),
    "amplitude": ("value at the peak, less the base", "1"),
    "integral": ("area below the curve from start to end", "days"),
    "integral_above_base": ("area between curve and base from start to end", "days"),
}


def phenology(
    filled: xr.DataArray,
    *,
    threshold: float = 0.2,
    min_amplitude: float = 0.1,
    seasons: Literal["year", "detected"] = "year",
    year_begins: int = 1,
    max_seasons: int = 3,
) -> xr.Dataset:
    """Find the seasons of each pixel and measure them, after the conventions of TIMESAT (Jönsson & Eklundh 2004).

    A season has a peak to which the series rises, and from which it falls, by at least ``min_amplitude``. It starts where the
    curve, followed back from the peak, falls below the base on that side plus ``threshold`` times the way up, and ends likewise;
    between dates the curve is a straight line, at the peak a parabola. Bases are the lowest values between one peak and the next,
    over new year too. Gaps are not bridged: fill them first (:func:`fill_gaps`), best with ``keep_observed=False``.

    Parameters
    ----------
    filled : xarray.DataArray
        An index over ``time`` and any other dimensions, float or int16 steps; NaN where it is not known. Chunked by Dask it is
        worked on lazily.
    threshold : float, default=0.2
        Between 0 and 1.
    min_amplitude : float, default=0.1
        In units of the index, above 0.
    seasons : {"year", "detected"}, default="year"
        One season a year, that of its highest peak; or as many as there are, in order of time.
    year_begins : int, default=1
        Month with which years begin: 7 where summer is at new year, as in the south, lest a season be cut into two years.
    max_seasons : int, default=3
        For ``detected``: how many to keep.

    Returns
    -------
    xarray.Dataset
        float32, NaN where there is no season, with ``season`` as the first dimension: the year in which it begins (in July, where
        ``year_begins`` is 7), or a number from 1 on. ``start``, ``peak`` and ``end`` in days counted from 1 January of that year
        (1 is 1 January; 0 and below lie in the year before, 366 or 367 and above in the next), or, for ``detected``, of the first
        date's year (:func:`season_date` makes dates of them); ``length``; ``base``, ``peak_value``, ``amplitude``; ``integral``
        and ``integral_above_base`` in index × days.

    Raises
    ------
    InputError
        If data or an argument breaks its rule.

    Examples
    --------
    >>> import pandas as pd
    >>> dates = pd.date_range("2020-01-01", "2020-12-31", freq="10D")
    >>> up_and_down = np.interp(dates.day_of_year, [61, 181, 301], [0.2, 0.8, 0.2])
    >>> found = phenology(xr.DataArray(up_and_down, dims="time", coords={"time": dates}, name="ndvi"))
    >>> [round(found[name].sel(season=2020).item(), 1) for name in ("start", "peak", "end", "amplitude")]
    [85.0, 181.0, 277.0, 0.6]
    """
    _check(
        filled,
        threshold=threshold,
        min_amplitude=min_amplitude,
        seasons=seasons,
        year_begins=year_begins,
        max_seasons=max_seasons,
    )
    (series,) = series_arrays(filled)
    days, first_year = days_of(series), int(series["time"].dt.year[0])
    years = np.arange(first_year - 1, int(series["time"].dt.year[-1]) + 1)
    edges = _days([f"{year}-{year_begins:02d}-01" for year in (*years, years[-1] + 1)]) + 0.0
    inside = (edges[:-1] <= days[-1]) & (edges[1:] > days[0])
    years, edges = years[inside], edges[np.append(inside, False) | np.append(False, inside)]
    by_year = seasons == "year"
    names: Any = years if by_year else np.arange(1, max_seasons + 1)
    origins = _days([f"{year}-01-01" for year in (years if by_year else [first_year] * max_seasons)]) - 1

    def work(rows: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        found = season_rows(rows, days, edges if by_year else np.empty(0), len(names), threshold, min_amplitude)
        for column in (START, PEAK, END):
            found[:, :, column] -= origins
        return tuple(found[:, :, column] for column in range(len(MEASURES)))

    outputs = [Output(name, np.float32, "season", len(names)) for name in MEASURES]
    result = map_pixels(work, [series], outputs).assign_coords(season=("season", names))
    for name, (meaning, units) in _MEANING.items():
        result[name].attrs = {"long_name": meaning, "units": units}
    return result


def season_date(day: float, year: int) -> np.datetime64:
    """Return the date of a day counted from 1 January of a year; ``NaT`` of NaN.

    Examples
    --------
    >>> [str(season_date(day, 2020)) for day in (60.4, -30.0, float("nan"))]
    ['2020-02-29', '2019-12-01', 'NaT']
    """
    if np.isnan(day):
        return np.datetime64("NaT")
    return np.datetime64(f"{year}-01-01") + np.timedelta64(int(np.floor(day)) - 1, "D")


def _days(dates: list[str]) -> NDArray[np.float64]:
    return np.array(dates, "datetime64[D]").astype(np.float64)


def _check(filled: object, *, threshold: float, min_amplitude: float, seasons: str, year_begins: int, max_seasons: int) -> None:
    if not isinstance(filled, xr.DataArray):
        remedy = 'Choose one: filled["ndvi"].'
        raise InputError(f"filled is a {type(filled).__name__}; it must be an xarray.DataArray", remedy=remedy)
    if not 0 < threshold < 1:
        raise InputError(f"threshold is {threshold!r}; it must lie between 0 and 1")
    if not min_amplitude > 0:
        raise InputError(f"min_amplitude is {min_amplitude!r}; it must be above 0")
    if seasons not in {"year", "detected"}:
        raise InputError(f"seasons is {seasons!r}; it must be 'year' or 'detected'")
    if year_begins not in range(1, 13):
        raise InputError(f"year_begins is {year_begins!r}; it must be a month, 1 to 12")
    if max_seasons < 1:
        raise InputError(f"max_seasons is {max_seasons!r}; it must be 1 or more")
