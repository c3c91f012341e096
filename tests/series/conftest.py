"""Series with gaps, of which every pixel is another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr


def stack(values, dates=None, *, step=10, first="2020-01-03"):
    """Return values (time, …) as an array with dates."""
    values = np.asarray(values)
    if dates is None:
        dates = pd.Timestamp(first) + pd.to_timedelta(np.arange(len(values)) * step, unit="D")
    dims = ("time", "y", "x")[: values.ndim]
    return xr.DataArray(values, dims=dims, coords={"time": pd.DatetimeIndex(dates)}, name="ndvi")


@pytest.fixture(scope="session")
def gappy():
    """Return NDVI of 36 uneven dates over 12 x 9 pixels, two in five values missing, one pixel wholly."""
    random = np.random.default_rng(7)
    days = np.sort(random.choice(400, 36, replace=False))
    wave = 0.45 + 0.3 * np.sin(days[:, None, None] / 60 + np.arange(9)) * np.linspace(0.4, 1, 12)[:, None]
    values = wave + random.normal(0, 0.03, wave.shape)
    values[random.random(values.shape) < 0.4] = np.nan
    values[:, 3, 4] = np.nan
    return stack(values, pd.Timestamp("2020-02-01") + pd.to_timedelta(days, unit="D"))
