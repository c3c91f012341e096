"""Composites: one value for each period, and how many dates it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from mlbmi.errors import InputError
from mlbmi.series import _composite_kernels as kernels
from mlbmi.series._pixels import Output, map_pixels, result_type, series_arrays
from mlbmi.series.words import period_name

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlbmi.series.words import CompositeMethod

__all__ = ["composite", "period_starts"]

_METHODS = ("median", "mean", "medoid", "max")


def composite(
    data: xr.DataArray | xr.Dataset,
    period: str = "MS",
    method: CompositeMethod = "median",
    *,
    by: str | None = None,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
) -> xr.Dataset:
    """Make one image of each period.

    All variables of a pixel come of the same dates: those on which none of them is missing.

    Parameters
    ----------
    data : xarray.DataArray or xarray.Dataset
        One or several variables over ``time`` and any other dimensions; float with NaN, or int16 steps as a cube stores them.
        Chunked by Dask it is worked on lazily.
    period : str, default="MS"
        Months (``MS``), quarters (``QS``), years (``YS``) or so many days (``10D``), as pandas writes them; ``2MS``: two months.
    method : {"median", "mean", "medoid", "max"}, default="median"
        ``medoid`` (Flood 2013, Remote Sensing 5:6481): the values of the date whose distances to the other dates, over all
        variables as they are, have the least sum. ``max``: the values of the date on which ``by`` is greatest. Both take the
        first of equal dates.
    by : str, optional
        For ``max``: the variable that decides; by default ``ndvi``, else the first one.
    start, end : str or datetime.date, optional
        First and last day; periods of so many days are counted from the first one. By default those of the dates. Dates outside
        are left out.

    Returns
    -------
    xarray.Dataset
        The variables, with the first day of each period as ``time``, in float, NaN where no date was seen; and ``count``, uint16:
        the dates that a value rests on, 0 where there is none.

    Raises
    ------
    InputError
        If data, period, method or days break their rule.

    Examples
    --------
    >>> dates = pd.to_datetime(["2020-05-03", "2020-05-13", "2020-05-28", "2020-07-02"])
    >>> ndvi = xr.DataArray([0.2, 0.4, 0.9, 0.5], dims="time", coords={"time": dates}, name="ndvi")
    >>> months = composite(ndvi, "MS", "median")
    >>> months["ndvi"].values, months["count"].values
    (array([0.4, nan, 0.5]), array([3, 0, 1], dtype=uint16))
    """
    arrays = series_arrays(data)
    names = _names(data)
    deciding = _deciding(method, by, names)
    starts = period_starts(arrays[0]["time"].to_numpy(), period, start=start, end=end)
    edges = np.searchsorted(arrays[0]["time"].to_numpy(), starts).astype(np.int64)
    size = len(starts) - 1

    def work(*rows: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        seen = np.logical_and.reduce([~np.isnan(row) for row in rows])
        return (*_values(rows, seen, edges, method, deciding), kernels.counted(seen, edges))

    outputs = [Output(name, result_type(array), "period", size) for name, array in zip(names, arrays, strict=True)]
    made = map_pixels(work, arrays, [*outputs, Output("count", np.uint16, "period", size)])
    result = made.rename(period="time").assign_coords(time=("time", starts[:-1].astype("datetime64[ns]")))
    result["time"].attrs = {"long_name": "first day of the period"}
    for name, array in zip(names, arrays, strict=True):
        result[name].attrs = {key: array.attrs[key] for key in ("long_name", "units") if key in array.attrs}
    result["count"].attrs = {"long_name": "dates that the value rests on"}
    return result


def period_starts(
    time: NDArray[Any], period: str, *, start: str | dt.date | None = None, end: str | dt.date | None = None
) -> NDArray[np.datetime64]:
    """Return the beginnings of the periods that dates fall into, and the end of the last one.

    Raises
    ------
    InputError
        If there is no such period, or days are in the wrong order.

    Examples
    --------
    >>> period_starts(np.array(["2020-01-05", "2020-02-10"], "datetime64[ns]"), "MS").astype("datetime64[D]").tolist()
    [datetime.date(2020, 1, 1), datetime.date(2020, 2, 1), datetime.date(2020, 3, 1)]
    """
    first = pd.Timestamp(time[0] if start is None else start).normalize()
    last = pd.Timestamp(time[-1] if end is None else end).normalize()
    if first > last:
        raise InputError(f"start {first:%Y-%m-%d} lies after end {last:%Y-%m-%d}")
    offset: Any = pd.tseries.frequencies.to_offset(period_name(period))
    begin = first if isinstance(offset, pd.offsets.Day) else offset.rollback(first)
    starts = pd.date_range(begin, last, freq=offset)
    return np.array([*starts, starts[-1] + offset], "datetime64[ns]")


def _names(data: xr.DataArray | xr.Dataset) -> list[str]:
    if isinstance(data, xr.Dataset):
        return [str(name) for name in data.data_vars]
    return ["index" if data.name is None else str(data.name)]


def _deciding(method: str, by: str | None, names: list[str]) -> int:
    """Return which variable decides."""
    if method not in _METHODS:
        raise InputError(f"method is {method!r}; it must be one of {', '.join(_METHODS)}")
    if by is None:
        return names.index("ndvi") if "ndvi" in names else 0
    if method != "max":
        raise InputError(f"by is {by!r}, but method {method!r} asks no single variable; only 'max' does")
    if by not in names:
        raise InputError(f"by is {by!r}; it must be one of {', '.join(names)}")
    return names.index(by)


def _values(
    rows: Sequence[NDArray[np.float64]], seen: NDArray[np.bool_], edges: NDArray[np.int64], method: str, deciding: int
) -> list[NDArray[np.float64]]:
    if method in {"median", "mean"}:
        return [kernels.middles(row, seen, edges, method == "median") for row in rows]
    if method == "max":
        dates = kernels.dates_of_greatest(rows[deciding], seen, edges)
    else:
        dates = kernels.dates_of_medoid(np.stack(rows), seen, edges)
    return [np.where(dates < 0, np.nan, np.take_along_axis(row, np.maximum(dates, 0), axis=1)) for row in rows]
