"""Composites beside pandas and beside loops in plain Python."""

# ruff: noqa: PD004 - isnull and notnull are xarray's names
from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from mlbmi.errors import InputError
from mlbmi.series import composite


@pytest.mark.parametrize("period", ["MS", "QS", "YS", "10D", "16D"])
@pytest.mark.parametrize("method", ["median", "mean", "max"])
def test_one_variable_is_pandas_resampling(gappy, period, method):
    found = composite(gappy, period, method)
    table = gappy.stack(pixel=("y", "x")).to_pandas()  # noqa: PD013 - xarray's stack
    expected = table.resample(period)
    values = getattr(expected, method)()
    assert (found["time"].to_index() == values.index).all()
    shape = found["ndvi"].shape
    np.testing.assert_allclose(found["ndvi"].to_numpy(), values.to_numpy().reshape(shape), atol=1e-12)
    assert (found["count"].to_numpy() == expected.count().to_numpy().reshape(shape)).all()
    assert found["count"].dtype == np.uint16
    empty = found["count"].to_numpy() == 0
    assert empty.any()
    assert np.isnan(found["ndvi"].to_numpy()[empty]).all()


@pytest.fixture(scope="module")
def bands(gappy):
    random = np.random.default_rng(1)
    red = (0.3 - gappy / 4 + random.normal(0, 0.02, gappy.shape)).rename("red")
    nir = (0.1 + gappy / 2 + random.normal(0, 0.02, gappy.shape)).rename("nir")
    return xr.Dataset({"red": red, "nir": nir.where(random.random(gappy.shape) < 0.8), "ndvi": gappy})


def by_hand(bands, place, dates, choose):
    """Return the values of the chosen date among those on which nothing is missing; NaN if there is none."""
    rows = np.array([bands[name].to_numpy()[dates, *place] for name in bands]).T
    rows = rows[~np.isnan(rows).any(axis=1)]
    return rows[choose(rows)] if len(rows) else np.full(3, np.nan)


def medoid(rows):
    return int(np.argmin([sum(np.linalg.norm(row - other) for other in rows) for row in rows]))


def greenest(rows):
    return int(np.argmax(rows[:, 2]))


@pytest.mark.parametrize(("method", "choose"), [("medoid", medoid), ("max", greenest)])
def test_one_date_gives_all_variables(bands, method, choose):
    found = composite(bands, "QS", method)
    quarters = bands["time"].to_index().to_period("Q")
    for number, quarter in enumerate(found["time"].to_index().to_period("Q")):
        dates = np.flatnonzero(quarters == quarter)
        for place in np.ndindex(12, 9):
            expected = by_hand(bands, place, dates, choose)
            got = [found[name].to_numpy()[number, *place] for name in bands]
            assert np.array_equal(got, expected, equal_nan=True)


def test_all_variables_rest_on_the_same_dates(bands):
    found = composite(bands, "QS", "mean")
    whole = bands.where(bands.to_array().notnull().all("variable"))
    assert found["count"].sum() == whole["red"].notnull().sum() < bands["red"].notnull().sum()
    for name in bands:
        xr.testing.assert_allclose(found[name], composite(whole[name], "QS", "mean")[name])


def test_another_variable_may_decide(bands):
    found = composite(bands, "YS", "max", by="nir")
    assert found["nir"][0].notnull().any()
    best = bands.where(bands.to_array().notnull().all("variable"))["nir"].groupby("time.year").max()
    np.testing.assert_array_equal(found["nir"].to_numpy(), best.to_numpy())


@pytest.mark.parametrize("method", ["median", "mean", "medoid", "max"])
def test_lazily_the_same(bands, method):
    lazy = composite(bands.chunk(time=7, y=5), "MS", method)
    assert lazy["ndvi"].chunks is not None
    xr.testing.assert_identical(lazy.compute(), composite(bands, "MS", method))


def test_days_given_decide_the_periods(gappy):
    found = composite(gappy, "10D", start="2020-01-01", end="2020-04-09")
    assert found["time"].to_index().tolist() == pd.date_range("2020-01-01", "2020-03-31", freq="10D").tolist()
    assert found["count"].sum() == gappy.sel(time=slice("2020-01-01", "2020-04-09")).notnull().sum()
    assert composite(gappy, "MS", start="2020-01-15", end="2020-02-02")["time"].dt.day.to_numpy().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "best"}, "'best'; it must be one of median, mean"),
        ({"period": "fortnight"}, "'fortnight'; it must be a whole number of days"),
        ({"period": "ME"}, "'ME'; it must be"),
        ({"period": "-3D"}, "'-3D'"),
        ({"method": "max", "by": "evi"}, "'evi'; it must be one of ndvi"),
        ({"method": "mean", "by": "ndvi"}, "asks no single variable"),
        ({"start": "2021-01-01", "end": "2020-01-01"}, "lies after end"),
    ],
)
def test_what_breaks_a_rule_is_named(gappy, arguments, words):
    with pytest.raises(InputError, match=words):
        composite(gappy, **arguments)
