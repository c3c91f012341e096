"""Seasons drawn by hand."""

# ruff: noqa: PD003, PD004 - isnull and notnull are xarray's names
from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from mlbmi.errors import InputError
from mlbmi.series import phenology, season_date

ORDER = ("start", "peak", "end", "length", "base", "peak_value", "amplitude", "integral", "integral_above_base")


def drawn(corners, *, first="2020-01-01", last="2020-12-31", step=1):
    """Return straight lines between corners: (date, value)."""
    dates = pd.date_range(first, last, freq=f"{step}D")
    at = pd.DatetimeIndex([date for date, _ in corners])
    values = np.interp(dates.to_julian_date(), at.to_julian_date(), [value for _, value in corners])
    return xr.DataArray(values, dims="time", coords={"time": dates}, name="ndvi")


def day(date, year):
    return (pd.Timestamp(date) - pd.Timestamp(f"{year}-01-01")).days + 1


TRIANGLE = (("2020-01-01", 0.2), ("2020-03-01", 0.2), ("2020-06-29", 0.8), ("2020-10-27", 0.4), ("2020-12-31", 0.4))


def test_a_triangle_is_measured_as_by_hand():
    """Up in 120 days from 0.2 to 0.8, down in 120 to 0.4: it starts at 0.32, after 24 days, and ends at 0.48, 24 before."""
    found = phenology(drawn(TRIANGLE)).sel(season=2020)
    start, peak, end = day("2020-03-25", 2020), day("2020-06-29", 2020), day("2020-10-03", 2020)
    area = 96 * (0.32 + 0.8) / 2 + 96 * (0.8 + 0.48) / 2
    expected = [start, peak, end, 192, 0.3, 0.8, 0.5, area, area - 0.3 * 192]
    got = [found[name].item() for name in ORDER]
    assert got[1] == pytest.approx(peak, abs=0.5)  # the sides differ in slope, and so the parabola leans
    assert got[:1] + got[2:] == pytest.approx(expected[:1] + expected[2:], abs=1e-4)


@pytest.mark.parametrize("step", [5, 10, 16])
def test_between_dates_lines_are_drawn(step):
    found, fine = phenology(drawn(TRIANGLE, step=step)), phenology(drawn(TRIANGLE))
    for name, off in (("start", 0.2 * step), ("end", 0.2 * step), ("peak", step / 2), ("amplitude", 0.005 * step / 2)):
        assert found[name].item() == pytest.approx(fine[name].item(), abs=off), name


def test_the_peak_lies_on_the_parabola():
    days = np.array([0, 10, 25, 45, 60, 80, 100])
    curve = 0.8 - ((days - 47.3) / 60) ** 2
    data = xr.DataArray(curve, dims="time", coords={"time": pd.Timestamp("2021-03-01") + pd.to_timedelta(days, unit="D")})
    assert phenology(data)["peak"].item() == pytest.approx(47.3 + day("2021-03-01", 2021), abs=1e-3)


def test_the_south_is_not_cut_at_new_year():
    corners = [("2019-08-01", 0.2), ("2020-01-05", 0.8), ("2020-06-10", 0.2), ("2021-01-05", 0.7), ("2021-06-20", 0.2)]
    data = drawn(corners, first="2019-07-05", last="2021-06-30")
    found = phenology(data, year_begins=7)
    assert found["season"].to_numpy().tolist() == [2019, 2020]
    assert found["peak"].to_numpy() == pytest.approx([365 + 5, 366 + 5], abs=0.5)
    assert found["start"].to_numpy()[0] == pytest.approx(day("2019-08-01", 2019) + 0.2 * 157, abs=0.01)
    assert season_date(found["peak"].to_numpy()[0], 2019) == np.datetime64("2020-01-05")


def test_bases_are_sought_over_new_year():
    corners = [("2019-10-01", 0.1), ("2020-04-01", 0.8), ("2020-07-01", 0.3), ("2020-12-31", 0.6)]
    found = phenology(drawn(corners, first="2019-09-01")).sel(season=2020)
    assert found["base"].item() == pytest.approx(0.2, abs=1e-6)
    assert season_date(found["start"].item(), 2020) == np.datetime64("2019-11-06")


def test_the_higher_of_two_peaks_is_the_years_and_both_are_detected():
    corners = [
        ("2020-01-01", 0.2),
        ("2020-04-10", 0.7),
        ("2020-06-20", 0.3),
        ("2020-08-20", 0.9),
        ("2020-12-01", 0.2),
    ]
    data = drawn(corners)
    assert season_date(phenology(data)["peak"].item(), 2020) == np.datetime64("2020-08-20")
    both = phenology(data, seasons="detected")
    assert both["season"].to_numpy().tolist() == [1, 2, 3]
    assert both["peak"].to_numpy() == pytest.approx(
        [day("2020-04-10", 2020), day("2020-08-20", 2020), np.nan], abs=0.5, nan_ok=True
    )
    assert both["base"].to_numpy()[:2] == pytest.approx([0.25, 0.25], abs=1e-6)
    assert phenology(data, seasons="detected", max_seasons=1)["season"].size == 1


def test_a_small_wave_is_no_season_and_hides_none():
    ripple = 0.03 * np.sin(np.arange(366) / 3)
    data = drawn(TRIANGLE) + ripple
    both = phenology(data, seasons="detected")
    assert np.isfinite(both["start"].to_numpy()).tolist() == [True, False, False]
    assert phenology(drawn(TRIANGLE) * 0.1).isnull().to_array().all()


@pytest.mark.parametrize("part", [slice(None, "2020-06-29"), slice("2020-06-29", None)])
def test_half_a_season_is_none(part):
    assert phenology(drawn(TRIANGLE).sel(time=part)).isnull().to_array().all()


def test_no_season_reaches_over_a_gap():
    data = drawn(TRIANGLE)
    data[170:190] = np.nan  # over the peak: what is left only rises, or only falls
    assert phenology(data).isnull().to_array().all()
    data = drawn(TRIANGLE)
    data[:75] = np.nan
    assert phenology(data)["base"].item() == pytest.approx((data.to_numpy()[75] + 0.4) / 2, abs=1e-6)


def test_lazily_and_pixel_by_pixel_the_same(gappy):
    from mlbmi.series import fill_gaps

    smooth = fill_gaps(gappy, "whittaker", keep_observed=False, max_gap_days=None)["ndvi"]
    for arguments in ({}, {"seasons": "detected"}, {"year_begins": 7}):
        whole = phenology(smooth, **arguments)
        assert whole["start"].notnull().any()
        assert whole["start"].isnull().any()
        lazy = phenology(smooth.chunk(time=5, y=5), **arguments)
        assert lazy["start"].chunks is not None
        xr.testing.assert_identical(lazy.compute(), whole)
        xr.testing.assert_identical(phenology(smooth[:, 2, 3], **arguments), whole.isel(y=2, x=3))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"threshold": 1}, "threshold is 1"),
        ({"min_amplitude": 0}, "min_amplitude is 0"),
        ({"seasons": "all"}, "seasons is 'all'"),
        ({"year_begins": 13}, "year_begins is 13"),
        ({"max_seasons": 0}, "max_seasons is 0"),
    ],
)
def test_what_breaks_a_rule_is_named(arguments, words):
    with pytest.raises(InputError, match=words):
        phenology(drawn(TRIANGLE), **arguments)
    with pytest.raises(InputError, match="must be an xarray"):
        phenology(drawn(TRIANGLE).to_dataset())
