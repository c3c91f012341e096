"""Slopes and tests beside SciPy's and pymannkendall's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pymannkendall
import pytest
import scipy.stats
import xarray as xr

from mlbmi.errors import InputError
from mlbmi.series import trend

_YEAR = 365.2425


@pytest.fixture(scope="module")
def rounded(gappy):
    """Return values to two decimals: many are equal."""
    return (gappy + 0.1 * (gappy["time"] - gappy["time"][0]) / np.timedelta64(365, "D")).round(2).rename("ndvi")


def test_slope_and_tau_are_scipys_and_p_is_that_of_pymannkendall(rounded):
    found = trend(rounded)
    years = (rounded["time"].to_numpy() - np.datetime64("1970-01-01")) / np.timedelta64(1, "D") / _YEAR
    some = set()
    for y, x in np.ndindex(12, 9):
        values = rounded.to_numpy()[:, y, x]
        seen = ~np.isnan(values)
        pixel = found.isel(y=y, x=x)
        assert pixel["n"] == seen.sum()
        if seen.sum() < 8:
            assert np.isnan([pixel["slope"], pixel["p_value"], pixel["tau"]]).all()
            continue
        slope = scipy.stats.theilslopes(values[seen], years[seen])[0]
        tau = scipy.stats.kendalltau(years[seen], values[seen], variant="b").statistic
        p = pymannkendall.original_test(values[seen]).p
        assert [pixel["slope"], pixel["tau"], pixel["p_value"]] == pytest.approx([slope, tau, p], abs=1e-6)
        some.add(p < 0.05)
    assert some == {True, False}


def test_the_seasonal_test_is_pymannkendalls():
    random = np.random.default_rng(4)
    months = pd.date_range("2015-01-01", "2022-12-01", freq="MS")
    season = np.cos(2 * np.pi * np.arange(96) / 12)
    values = 0.3 * season[:, None] + np.linspace(0, 0.1, 96)[:, None] * [0, 1] + random.normal(0, 0.05, (96, 2))
    values = values.round(2)
    values[random.random(values.shape) < 0.15] = np.nan
    found = trend(xr.DataArray(values, dims=("time", "x"), coords={"time": months}), seasonal=True)
    for x in range(2):
        column = values[:, x]
        theirs = pymannkendall.seasonal_test(column, period=12)
        assert found["p_value"].to_numpy()[x] == pytest.approx(theirs.p, abs=1e-6)
        pairs = [
            (column[j] - column[i]) / ((j - i) / 12)
            for i in range(96)
            for j in range(i + 12, 96, 12)
            if not np.isnan(column[[i, j]]).any()
        ]
        assert found["slope"].to_numpy()[x] == pytest.approx(np.median(pairs), abs=1e-7)
    assert found["p_value"].to_numpy()[1] < 0.001 < found["p_value"].to_numpy()[0]


def test_seasonal_is_of_monthly_medians():
    dates = pd.date_range("2015-01-01", "2021-12-31", freq="6D")
    data = xr.DataArray(np.random.default_rng(0).normal(size=(len(dates), 2)), dims=("time", "x"), coords={"time": dates})
    medians = data.resample(time="MS").median()
    xr.testing.assert_identical(trend(data, seasonal=True), trend(medians, seasonal=True))


def test_a_season_cut_off_is_a_trend_unless_it_is_compared_with_its_like():
    dates = pd.date_range("2016-01-01", "2018-07-15", freq="MS")
    wave = xr.DataArray(-np.cos(2 * np.pi * dates.month.to_numpy() / 12), dims="time", coords={"time": dates})
    assert trend(wave, seasonal=True)["slope"] == 0
    assert trend(wave, seasonal=True)["p_value"] == 1
    assert trend(wave)["tau"] > 0.03


def test_lazily_the_same(rounded):
    for seasonal in (False, True):
        lazy = trend(rounded.chunk(time=9, x=4), seasonal=seasonal)
        assert lazy["slope"].chunks is not None
        xr.testing.assert_identical(lazy.compute(), trend(rounded, seasonal=seasonal))


def test_all_equal_is_no_trend():
    dates = pd.date_range("2016-01-01", periods=10, freq="YS")
    found = trend(xr.DataArray(np.full(10, 0.5), dims="time", coords={"time": dates}))
    assert (found["slope"], found["p_value"], found["tau"]) == (0, 1, 0)


def test_arguments_are_checked(rounded):
    with pytest.raises(InputError, match="min_observations is 2"):
        trend(rounded, min_observations=2)
    with pytest.raises(InputError, match=r"xarray\.DataArray"):
        trend(rounded.to_dataset())
