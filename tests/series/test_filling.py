"""Gaps: filled as said, where said, and marked; on any chunks and threads."""

# ruff: noqa: PD003, PD004 - isnull and notnull are xarray's names
from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import pytest
import scipy.signal
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlbmi.errors import InputError
from mlbmi.series import fill_gaps

METHODS = [
    ("none", {}),
    ("linear", {}),
    ("whittaker", {}),
    ("whittaker", {"lam": "cv"}),
    ("whittaker", {"lam": "vcurve"}),
    ("whittaker", {"lam": 1e4, "robust": "bisquare"}),
    ("whittaker", {"lam": 1e4, "robust": "upper"}),
    ("harmonic", {"order": 1}),
]
NAMES = [f"{name}-{'-'.join(map(str, options.values()))}" for name, options in METHODS]


def dated(values, days):
    time = pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")
    return xr.DataArray(np.asarray(values), dims=("time", "pixel"), coords={"time": time}, name="ndvi")


def gaps(column, days):
    """Return, for each missing value of a column, the days between the observations beside it; infinite at the ends."""
    seen = np.flatnonzero(~np.isnan(column))
    widths = {}
    for place in np.flatnonzero(np.isnan(column)):
        before, after = seen[seen < place], seen[seen > place]
        widths[int(place)] = days[after[0]] - days[before[-1]] if before.size and after.size else np.inf
    return widths


@st.composite
def series(draw):
    dates, pixels = draw(st.integers(1, 14)), draw(st.integers(1, 3))
    days = np.cumsum(draw(hnp.arrays(np.int64, dates, elements=st.integers(1, 40))))
    values = draw(hnp.arrays(np.float64, (dates, pixels), elements=st.one_of(st.just(np.nan), st.floats(-1, 1))))
    return dated(values, days)


@pytest.mark.parametrize(("method", "options"), METHODS, ids=NAMES)
@settings(max_examples=60, deadline=None)
@given(data=series(), max_gap=st.sampled_from([None, 15.0, 45.0]))
def test_what_is_filled_is_bounded_and_marked_and_the_rest_stays(method, options, data, max_gap):
    result = fill_gaps(data, method, max_gap_days=max_gap, **options)
    days = (data["time"].to_numpy() - data["time"].to_numpy()[0]) / np.timedelta64(1, "D")
    for pixel in range(data.sizes["pixel"]):
        before, after = data.to_numpy()[:, pixel], result["ndvi"].to_numpy()[:, pixel]
        marks = result["filled"].to_numpy()[:, pixel]
        seen = ~np.isnan(before)
        assert np.array_equal(after[seen], before[seen])
        assert np.array_equal(marks, np.isnan(before) & ~np.isnan(after))
        can = {place for place, width in gaps(before, days).items() if width <= (max_gap or 1e9)}
        filled = set(np.flatnonzero(marks).tolist())
        if method == "none":
            assert not filled
        elif method == "harmonic":
            assert filled == (can if seen.sum() >= 5 else set())
        else:
            assert filled == can
        share = result["filled_share"].to_numpy()[pixel]
        there = seen.sum() + len(filled)
        assert np.isnan(share) if not there else share == np.float32(len(filled) / there)


def test_lines_are_numpys():
    days = np.array([0, 4, 5, 17, 30, 31])
    values = np.array([0.1, np.nan, 0.5, np.nan, np.nan, 0.3])
    found = fill_gaps(dated(values[:, None], days), "linear", max_gap_days=None)["ndvi"].to_numpy()[:, 0]
    seen = ~np.isnan(values)
    assert found == pytest.approx(np.interp(days, days[seen], values[seen]), abs=1e-15)


def second_differences(days):
    """Return the matrix whose squared product with a curve is the integral of its squared second derivative."""
    rows = np.zeros((len(days) - 2, len(days)))
    for i in range(len(days) - 2):
        a, b, c = days[i : i + 3]
        # The second derivative of the parabola through three points, by Lagrange's formula, over half the span.
        derivative = 2 * np.array([1 / ((a - b) * (a - c)), 1 / ((b - a) * (b - c)), 1 / ((c - a) * (c - b))])
        rows[i, i : i + 3] = derivative * np.sqrt((c - a) / 2)
    return rows


def dense(days, column, lam, weights=None):
    seen = ~np.isnan(column)
    w = seen.astype(float) if weights is None else weights
    d = second_differences(days.astype(float))
    return np.linalg.solve(np.diag(w) + lam * d.T @ d, w * np.where(seen, column, 0.0))


@pytest.fixture(scope="module")
def uneven():
    random = np.random.default_rng(3)
    days = np.sort(random.choice(300, 25, replace=False))
    values = np.sin(days / 40)[:, None] * [0.3, 0.1, 0.5] + random.normal(0, 0.05, (25, 3))
    values[random.random(values.shape) < 0.3] = np.nan
    return days, values


@pytest.mark.parametrize("lam", [10.0, 1e4, 3.7e6])
def test_whittaker_is_the_solution_of_the_dense_system(uneven, lam):
    days, values = uneven
    data = dated(values, days)
    found = fill_gaps(data, "whittaker", lam=lam, keep_observed=False, max_gap_days=None)["ndvi"].to_numpy()
    for pixel in range(3):
        inside = ~np.isnan(found[:, pixel])
        assert inside.sum() > 20
        assert found[inside, pixel] == pytest.approx(dense(days, values[:, pixel], lam)[inside], abs=1e-8)


def test_whittaker_on_even_days_is_eilers():
    random = np.random.default_rng(0)
    y = random.normal(size=30)
    d = np.diff(np.eye(30), 2, axis=0)
    expected = np.linalg.solve(np.eye(30) + 50 * d.T @ d, y)
    found = fill_gaps(dated(y[:, None], np.arange(30)), "whittaker", lam=50, keep_observed=False)["ndvi"].to_numpy()[:, 0]
    assert found == pytest.approx(expected, abs=1e-10)


def test_lambda_of_cross_validation_is_that_of_leaving_each_out_by_hand(uneven):
    days, values = uneven
    lams = 10.0 ** np.arange(8.0, 0.9, -0.5)
    result = fill_gaps(dated(values, days), "whittaker", lam="cv", keep_observed=False, max_gap_days=None)["ndvi"].to_numpy()
    chosen = set()
    for pixel in range(3):
        column = values[:, pixel]
        errors = []
        for lam in lams:
            left_out = []
            for place in np.flatnonzero(~np.isnan(column))[1:-1]:  # beyond the ends nothing is ever filled
                without = column.copy()
                without[place] = np.nan
                left_out.append(dense(days, without, lam)[place] - column[place])
            errors.append(np.mean(np.square(left_out)))
        best = lams[int(np.argmin(errors))]
        chosen.add(best)
        inside = ~np.isnan(result[:, pixel])
        assert result[inside, pixel] == pytest.approx(dense(days, column, best)[inside], abs=1e-7)
    assert len(chosen) > 1


def test_lambda_of_the_v_curve(uneven):
    days, values = uneven
    lams, d = 10.0 ** np.arange(8.0, 0.9, -0.5), second_differences(days.astype(float))
    result = fill_gaps(dated(values, days), "whittaker", lam="vcurve", keep_observed=False, max_gap_days=None)["ndvi"].to_numpy()
    for pixel in range(3):
        column = values[:, pixel]
        curves = [dense(days, column, lam) for lam in lams]
        fit = np.log([np.nansum((column - z) ** 2) for z in curves])
        rough = np.log([((d @ z) ** 2).sum() for z in curves])
        best = int(np.argmin(np.hypot(np.diff(fit), np.diff(rough))))
        expected = dense(days, column, np.sqrt(lams[best] * lams[best + 1]))
        inside = ~np.isnan(result[:, pixel])
        assert result[inside, pixel] == pytest.approx(expected[inside], abs=1e-7)


def test_bisquare_passes_over_an_outlier_and_upper_over_clouds():
    days = np.arange(0, 300, 6)
    truth = 0.5 + 0.3 * np.sin(days / 45)
    spoilt = truth + np.random.default_rng(1).normal(0, 0.01, days.size)
    spoilt[[10, 11, 30]] -= 0.35  # clouds that no mask saw
    data = dated(spoilt[:, None], days)
    error = {}
    for robust in ("none", "bisquare", "upper"):
        curve = fill_gaps(data, "whittaker", lam=2e3, robust=robust, keep_observed=False)["ndvi"].to_numpy()[:, 0]
        error[robust] = np.abs(curve - truth)[[10, 11, 30]].max()
    assert error["bisquare"] < 0.02 < error["upper"] < 0.1 < error["none"]


def test_upper_is_where_its_own_weights_leave_it(uneven):
    days, values = uneven
    found = fill_gaps(dated(values, days), "whittaker", lam=1e5, robust="upper", keep_observed=False, max_gap_days=None)
    for pixel in range(3):
        column, z = values[:, pixel], dense(days, values[:, pixel], 1e5)
        for _ in range(5):
            weights = np.where(np.isnan(column), 0.0, np.where(column > z, 0.9, 0.1))
            z = dense(days, column, 1e5, weights)
        inside = ~np.isnan(found["ndvi"].to_numpy()[:, pixel])
        assert found["ndvi"].to_numpy()[inside, pixel] == pytest.approx(z[inside], abs=1e-8)


@pytest.mark.parametrize(("window", "degree"), [(5, 2), (7, 3), (3, 0), (9, 4)])
def test_savgol_is_scipys_on_complete_even_series(window, degree):
    values = np.random.default_rng(2).normal(size=(40, 6))
    options = {"window": window, "degree": degree}
    found = fill_gaps(dated(values, np.arange(40) * 5), "savgol", keep_observed=False, **options)["ndvi"].to_numpy()
    expected = scipy.signal.savgol_filter(values, window, degree, axis=0, mode="interp")
    assert found == pytest.approx(expected, abs=1e-12)


def test_savgol_goes_over_lines_and_not_over_long_gaps():
    values = np.random.default_rng(2).normal(size=(30, 1))
    values[[4, 5]] = np.nan
    values[12:20] = np.nan  # 90 days
    found = fill_gaps(dated(values, np.arange(30) * 10), "savgol", keep_observed=False)["ndvi"].to_numpy()[:, 0]
    places = np.arange(12)
    seen = ~np.isnan(values[:12, 0])
    lines = np.interp(places, places[seen], values[:12, 0][seen])
    assert found[:12] == pytest.approx(scipy.signal.savgol_filter(lines, 5, 2), abs=1e-12)
    assert np.isnan(found[12:20]).all()
    assert found[20:] == pytest.approx(scipy.signal.savgol_filter(values[20:, 0], 5, 2), abs=1e-12)


def test_savgol_refuses_uneven_dates_but_not_months():
    with pytest.raises(InputError, match="even steps; these are 10 to 20 days apart"):
        fill_gaps(dated(np.zeros((4, 1)), [0, 10, 30, 40]), "savgol")
    months = pd.date_range("2019-01-01", "2021-12-01", freq="MS")
    data = xr.DataArray(np.zeros(36), dims="time", coords={"time": months})
    assert fill_gaps(data, "savgol")["index"].notnull().all()


@pytest.mark.parametrize("slope", [False, True])
def test_harmonic_is_least_squares(slope):
    random = np.random.default_rng(5)
    days = np.sort(random.choice(1500, 60, replace=False))
    values = random.normal(size=(60, 2))
    values[random.random(values.shape) < 0.3] = np.nan
    phase = (pd.Timestamp("2020-01-01") - pd.Timestamp("1970-01-01")).days
    angle = 2 * np.pi * (days + phase) / 365.2425
    columns = [np.ones(60), *([days / 365.0] if slope else [])]
    columns += [f(n * angle) for n in (1, 2, 3) for f in (np.cos, np.sin)]
    basis = np.column_stack(columns)
    options = {"order": 3, "slope": slope, "ridge": 0.0}
    found = fill_gaps(dated(values, days), "harmonic", keep_observed=False, max_gap_days=None, **options)["ndvi"].to_numpy()
    for pixel in range(2):
        seen = ~np.isnan(values[:, pixel])
        expected = basis @ np.linalg.lstsq(basis[seen], values[seen, pixel], rcond=None)[0]
        inside = ~np.isnan(found[:, pixel])
        assert found[inside, pixel] == pytest.approx(expected[inside], abs=1e-10)


def test_harmonic_with_a_ridge_is_least_squares_with_rows_for_it():
    random = np.random.default_rng(6)
    days, values = np.sort(random.choice(90, 30, replace=False)), random.normal(size=(30, 1))
    phase = (pd.Timestamp("2020-01-01") - pd.Timestamp("1970-01-01")).days
    angle = 2 * np.pi * (days + phase) / 365.2425
    basis = np.column_stack([np.ones(30), *(f(n * angle) for n in (1, 2) for f in (np.cos, np.sin))])
    penalty = np.diag([0, *[np.sqrt(0.01 * 30)] * 4])
    beta = np.linalg.lstsq(np.vstack([basis, penalty]), np.append(values[:, 0], np.zeros(5)), rcond=None)[0]
    found = fill_gaps(dated(values, days), "harmonic", ridge=0.01, keep_observed=False)["ndvi"].to_numpy()[:, 0]
    assert found == pytest.approx(basis @ beta, abs=1e-9)


def test_a_singular_system_fills_nothing():
    days = np.arange(12) * 365.2425 / 2  # two phases of the year cannot tell five terms apart
    values = np.random.default_rng(0).normal(size=(12, 1))
    values[5] = np.nan
    result = fill_gaps(dated(values, days), "harmonic", ridge=0.0, max_gap_days=None)
    assert not result["filled"].any()


def test_limits_leave_an_overshoot_missing():
    values = np.array([0.0, 0.9, np.nan, 0.9, 0.0])[:, None]
    data = dated(values, np.arange(5) * 20)
    assert fill_gaps(data, "whittaker", lam=1.0)["ndvi"].to_numpy()[2, 0] > 0.92
    assert np.isnan(fill_gaps(data, "whittaker", lam=1.0, limits=(-1, 0.92))["ndvi"].to_numpy()[2, 0])


@pytest.mark.parametrize(("method", "options"), [*METHODS, ("savgol", {})], ids=[*NAMES, "savgol"])
def test_chunks_threads_and_order_of_dimensions_do_not_matter(gappy, method, options):
    if method == "savgol":
        gappy = gappy.assign_coords(time=pd.date_range("2020-01-01", periods=36, freq="10D"))
    whole = fill_gaps(gappy, method, **options)
    lazy = fill_gaps(gappy.chunk(time=10, y=5, x=4), method, **options)
    assert all(lazy[name].chunks is not None for name in lazy.data_vars)
    xr.testing.assert_identical(whole, lazy.compute(scheduler="threads"))
    turned = fill_gaps(gappy.transpose("x", "time", "y"), method, **options)
    xr.testing.assert_identical(whole, turned.transpose(*whole.dims)[list(whole.data_vars)].transpose("time", "y", "x"))
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        xr.testing.assert_identical(whole, fill_gaps(gappy, method, **options))
    finally:
        numba.set_num_threads(before)
    assert whole["ndvi"][:, 3, 4].isnull().all()
    assert np.isnan(whole["filled_share"][3, 4])


def test_several_chunks_of_pixels_are_one_after_the_other(gappy):
    many = xr.concat([gappy + shift for shift in np.arange(60) / 100], dim="x")
    assert many[0].size > 2 * 2048
    found = fill_gaps(many, "linear")["ndvi"]
    xr.testing.assert_allclose(found[..., -9:], fill_gaps(gappy + 0.59, "linear")["ndvi"], atol=1e-12)


def test_types(gappy):
    single = fill_gaps(gappy.astype(np.float32), "linear")["ndvi"]
    assert single.dtype == np.float32
    xr.testing.assert_allclose(single.astype(float), fill_gaps(gappy, "linear")["ndvi"], atol=1e-6)
    codes = np.where(gappy.isnull(), -32768, np.rint(gappy * 1e4)).astype(np.int16)
    coded = gappy.copy(data=codes).assign_attrs(scale_factor=1e-4, _FillValue=-32768, units="1")
    decoded = fill_gaps(coded, "linear")["ndvi"]
    assert decoded.dtype == np.float32
    assert decoded.attrs == {"units": "1"}
    xr.testing.assert_allclose(decoded.astype(float), single.astype(float), atol=6e-5)
    xr.testing.assert_identical(fill_gaps(coded.chunk(y=4), "linear").compute()["ndvi"], decoded)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("cubic", {}, "'cubic'; it must be one of none, linear"),
        ("linear", {"lam": 3}, "'linear' has no option lam; it has none"),
        ("savgol", {"order": 2}, "no option order; it has window, degree"),
        ("whittaker", {"lam": "best"}, "lam is 'best'"),
        ("whittaker", {"lam": -1}, "lam is -1"),
        ("whittaker", {"robust": True}, "robust is True"),
        ("whittaker", {"envelope": 0.4}, "envelope is 0.4"),
        ("savgol", {"window": 4}, "window is 4"),
        ("savgol", {"degree": 5}, "degree is 5"),
        ("harmonic", {"order": 0}, "order is 0"),
        ("harmonic", {"ridge": float("nan")}, "ridge is nan"),
        ("linear", {"max_gap_days": 0}, "max_gap_days is 0"),
        ("linear", {"limits": (1, 0)}, "limits are"),
        ("linear", {"keep_observed": False}, "no curve to put in the place"),
    ],
)
def test_what_breaks_a_rule_is_named(gappy, method, options, words):
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        fill_gaps(gappy, method, **options)


def test_data_that_are_no_series_are_refused(gappy):
    with pytest.raises(InputError, match=r"must be an xarray\.DataArray"):
        fill_gaps(gappy.to_dataset())
    with pytest.raises(InputError, match="`time` must be among them"):
        fill_gaps(gappy[0])
    with pytest.raises(InputError, match="int64"):
        fill_gaps(gappy.fillna(0).astype(np.int64))
    with pytest.raises(InputError, match="no dates"):
        fill_gaps(gappy.assign_coords(time=np.arange(36)))
    with pytest.raises(InputError, match=r"does not rise at position 1 \("):
        fill_gaps(gappy[::-1])
    with pytest.raises(InputError, match="no date at all"):
        fill_gaps(gappy[:0])
