"""Trends: how fast, and whether more than chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mlbmi.errors import InputError
from mlbmi.series._composite_kernels import middles
from mlbmi.series._pixels import Output, days_of, map_pixels, series_arrays
from mlbmi.series._trend_kernels import trend_rows
from mlbmi.series.composites import period_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["trend"]

_YEAR = 365.2425


def trend(data: xr.DataArray, *, seasonal: bool = False, min_observations: int = 8) -> xr.Dataset:
    """Return the trend of each pixel: the median slope, and the test of Mann and Kendall.

    Values that were filled are no observations: give it observed series, or composites.

    Parameters
    ----------
    data : xarray.DataArray
        An index over ``time`` and any other dimensions; float with NaN, or int16 steps as a cube stores them. Chunked by Dask it
        is worked on lazily.
    seasonal : bool, default=False
        Whether to compare only like with like: the median of each month with that month's of other years (Hirsch, Slack &
        Smith 1982). Without it every date is compared with every other, and a season cut off at one end is a trend.
    min_observations : int, default=8
        Values (monthly medians, where ``seasonal``) that a pixel needs: the test's normal approximation is poor for fewer.

    Returns
    -------
    xarray.Dataset
        ``slope``, float32: units of the index per year (Theil 1950, Sen 1968); ``p_value``: two-sided, ties and continuity
        corrected; it takes the values as independent, so that in a dense series it is too small; ``tau``: Kendall's τ-b, −1 to 1
        (over seasons: S by the greatest S that is possible); ``n``: values. NaN where there are too few.

    Raises
    ------
    InputError
        If data or ``min_observations`` break their rule.

    Examples
    --------
    >>> import pandas as pd
    >>> dates = pd.date_range("2016-07-01", periods=9, freq="365.2425D")
    >>> ndvi = xr.DataArray(0.3 + 0.02 * np.arange(9), dims="time", coords={"time": dates}, name="ndvi")
    >>> found = trend(ndvi)
    >>> round(found["slope"].item(), 4), found["p_value"].item() < 0.001
    (0.02, True)
    """
    if not isinstance(data, xr.DataArray):
        raise InputError(f"data is a {type(data).__name__}; it must be an xarray.DataArray", remedy='Choose one: cube["ndvi"].')
    if min_observations < 3:
        raise InputError(f"min_observations is {min_observations!r}; it must be at least 3")
    (series,) = series_arrays(data)
    work = _by_month(series, min_observations) if seasonal else _by_date(series, min_observations)
    names = ("slope", "p_value", "tau", "n")
    result = map_pixels(work, [series], [Output(name, np.float32) for name in names])
    result["slope"].attrs = {"long_name": "median slope", "units": f"{data.attrs.get('units', '1')} year-1"}
    result["p_value"].attrs = {"long_name": "p of the Mann-Kendall test, two-sided", "units": "1"}
    result["tau"].attrs = {"long_name": "Kendall's tau", "units": "1"}
    result["n"].attrs = {"long_name": "values"}
    return result


def _by_date(series: xr.DataArray, least: int) -> Any:
    years, one_season = days_of(series) / _YEAR, np.zeros(series.sizes["time"], np.int64)

    def work(rows: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        return tuple(trend_rows(rows, years, one_season, least).T.copy())

    return work


def _by_month(series: xr.DataArray, least: int) -> Any:
    starts = period_starts(series["time"].to_numpy(), "MS")
    edges = np.searchsorted(series["time"].to_numpy(), starts).astype(np.int64)
    months = starts[:-1].astype("datetime64[M]").astype(np.int64)
    years, seasons = (months // 12).astype(np.float64), months % 12

    def work(rows: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        medians = middles(rows, ~np.isnan(rows), edges, True)
        return tuple(trend_rows(medians, years, seasons, least).T.copy())

    return work
