"""Gaps in series, filled: how, how far, and marked."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mlbmi.coding import decode
from mlbmi.errors import InputError
from mlbmi.series._filling_kernels import bounded
from mlbmi.series._pixels import Output, days_of, map_pixels, result_type, series_arrays
from mlbmi.series.methods import Whittaker, method_of, pooled_lambda

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.series.methods import Method
    from mlbmi.series.words import FillMethod

__all__ = ["choose_lambda", "fill_gaps"]

_SAMPLE = 4096
"""Pixels that λ is chosen on: more of them move it by less than its own step."""


def fill_gaps(
    data: xr.DataArray,
    method: FillMethod = "linear",
    *,
    max_gap_days: float | None = 60.0,
    keep_observed: bool = True,
    limits: tuple[float, float] = (-np.inf, np.inf),
    **options: Any,
) -> xr.Dataset:
    """Fill gaps in the series of each pixel, and mark what was filled.

    A value is filled only between two observations that are at most ``max_gap_days`` apart: what lies before the first
    observation or after the last, or in a longer gap, stays missing, whatever the method.

    Parameters
    ----------
    data : xarray.DataArray
        An index over ``time`` and any other dimensions; float with NaN, or int16 steps as a cube stores them. Chunked by Dask
        it is filled lazily, block by block, with time whole.
    method : {"none", "linear", "whittaker", "savgol", "harmonic"}, default="linear"
        ``none`` fills nothing. ``linear``: straight lines, by date. ``whittaker`` (Eilers 2003): the curve that trades distance
        from the observations for curvature, on the dates as they are. ``savgol``: moving polynomials over what lines have
        bridged, on dates at even steps. ``harmonic``: waves of a year and its parts, by least squares, for pixels with
        enough observations.
    max_gap_days : float or None, default=60
        Most days between the two observations beside a gap. None: any.
    keep_observed : bool, default=True
        Whether observations stay as they are. False puts the curve in their place, for the methods that smooth.
    limits : (float, float)
        What a filled value may lie between; beyond, as where a curve overshoots, nothing is filled.
    **options
        ``whittaker``: ``lam`` (λ in day³; ``"auto"`` (default): one for all pixels, :func:`choose_lambda`; ``"cv"``: the one with
        the least error when each observation is left out in turn, for each pixel; ``"vcurve"``: for each pixel at the foot of the
        V-curve of Frasso & Eilers 2015, which expects neighbouring errors to be alike), ``robust`` (``"none"``; ``"bisquare"``:
        outliers weigh less; ``"upper"``: what lies below the curve weighs less, as clouds that no mask saw lower an index),
        ``envelope`` (for ``"upper"``: weight of what lies above, 0.9). ``savgol``: ``window`` (5 dates), ``degree`` (2).
        ``harmonic``: ``order`` (2), ``slope`` (False), ``ridge`` (0.001).

    Returns
    -------
    xarray.Dataset
        The series under its own name (``index`` if it has none); ``filled``, bool, True where a value was filled; and
        ``filled_share``, float32: filled values by values that are there, NaN where there is none.

    Raises
    ------
    InputError
        If data, method or an option breaks its rule; for ``savgol``, if dates are not at even steps.

    Examples
    --------
    >>> import numpy as np, pandas as pd, xarray as xr
    >>> dates = pd.to_datetime(["2020-05-01", "2020-05-11", "2020-05-31", "2020-06-10"])
    >>> ndvi = xr.DataArray([0.2, np.nan, 0.5, np.nan], dims="time", coords={"time": dates}, name="ndvi")
    >>> result = fill_gaps(ndvi, "linear")
    >>> result["ndvi"].values.round(3), result["filled"].values, result["filled_share"].item()
    (array([0.2, 0.3, 0.5, nan]), array([False,  True, False, False]), 0.3333...)
    """
    if not isinstance(data, xr.DataArray):
        raise InputError(f"data is a {type(data).__name__}; it must be an xarray.DataArray", remedy='Choose one: cube["ndvi"].')
    how = method_of(method, options)
    if isinstance(how, Whittaker) and how.lam == "auto":
        how = replace(how, lam=choose_lambda(data))
    _check(max_gap_days, limits, method, how, keep_observed=keep_observed)
    (series,) = series_arrays(data)
    days = days_of(series)
    max_gap = np.inf if max_gap_days is None else float(max_gap_days)
    how.curves(np.full((1, days.size), np.nan), days, max_gap)  # dates that do not suit the method are refused here, not later
    kind, name = result_type(series), "index" if data.name is None else str(data.name)

    def work(rows: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        return bounded(rows, how.curves(rows, days, max_gap), days, max_gap, keep_observed, float(limits[0]), float(limits[1]))

    dates = days.size
    outputs = [Output(name, kind, "time", dates), Output("filled", np.bool_, "time", dates), Output("filled_share", np.float32)]
    result = map_pixels(work, [series], outputs).assign_coords(time=series["time"])
    result[name].attrs = {key: value for key, value in data.attrs.items() if key not in _CODING}
    result["filled"].attrs = {"long_name": "filled, not observed"}
    result["filled_share"].attrs = {"long_name": "filled values by values that are there", "units": "1"}
    return result


def choose_lambda(data: xr.DataArray) -> float:
    """Choose λ of a Whittaker curve for all pixels together.

    It is the one with which the observations are predicted best when each but a pixel's first and last is left out in turn, over
    an even choice of at most 4096 pixels, among 10, 31.6, 100 … 10⁸ day³. One pixel's few observations say little of λ; those of
    many say it well.

    Parameters
    ----------
    data : xarray.DataArray
        As for :func:`fill_gaps`; of a chunked array the chosen pixels are read at once.

    Returns
    -------
    float
        λ in day³.

    Raises
    ------
    InputError
        If data break their rule.

    Examples
    --------
    >>> import numpy as np, pandas as pd, xarray as xr
    >>> dates = pd.date_range("2020-01-01", periods=50, freq="5D")
    >>> noisy = np.sin(np.arange(50) / 8)[:, None] + np.random.default_rng(0).normal(0, 0.2, (50, 30))
    >>> choose_lambda(xr.DataArray(noisy, dims=("time", "pixel"), coords={"time": dates})) > 1000
    True
    """
    (series,) = series_arrays(data)
    inner = [dim for dim in series.dims if dim != "time"]
    step = 1
    while math.prod(math.ceil(series.sizes[dim] / step) for dim in inner) > _SAMPLE:
        step += 1
    some = series.isel({dim: slice(min(step // 2, series.sizes[dim] - 1), None, step) for dim in inner}).compute()
    values = decode(some) if some.dtype == np.int16 else some
    rows = np.ascontiguousarray(values.to_numpy().reshape(values.sizes["time"], -1).T, np.float64)
    return pooled_lambda(rows, days_of(series))


_CODING = ("scale_factor", "add_offset", "_FillValue")


def _check(max_gap_days: float | None, limits: tuple[float, float], name: str, method: Method, *, keep_observed: bool) -> None:
    if max_gap_days is not None and not max_gap_days > 0:
        raise InputError(f"max_gap_days is {max_gap_days!r}; it must be above 0, or None for any gap")
    if not limits[0] < limits[1]:
        raise InputError(f"limits are {limits!r}; the first must lie below the second")
    if not keep_observed and not method.smooths:
        raise InputError(
            f"method {name!r} has no curve to put in the place of observations", remedy="Leave keep_observed at True."
        )
