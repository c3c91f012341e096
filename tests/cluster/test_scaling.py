"""Scaling: what scikit-learn and SciPy say, with gaps; int16 as floats; and nothing that divides by zero."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import RobustScaler, StandardScaler

from mlbmi.cluster.scaling import fit_scaling, scale, scale_centers, unscale_centers
from mlbmi.errors import ClusterError
from mlbmi.types import Scaling


@pytest.fixture
def table(plain):
    """Return (1000, 5), float64, with a fifth missing."""
    return plain.with_gaps(plain.mixture(seed=2, pixels=1000, dates=5, clusters=4, sd=0.1)[0], 0.2)


@pytest.mark.parametrize("quantile_range", [(25.0, 75.0), (1, 99), (0, 100), (10.5, 60)])
def test_robust_is_scikit_learns(table, quantile_range):
    mine = fit_scaling(table, "robust", quantile_range)
    theirs = RobustScaler(quantile_range=quantile_range).fit(table)
    np.testing.assert_allclose(mine.shift, theirs.center_, rtol=1e-12)
    np.testing.assert_allclose(mine.scale, theirs.scale_, rtol=1e-12)
    np.testing.assert_allclose(scale(table, mine), theirs.transform(table), rtol=1e-10)
    assert mine.quantile_range == quantile_range


def test_standard_is_scikit_learns(table):
    mine, theirs = fit_scaling(table, "standard"), StandardScaler().fit(table)
    np.testing.assert_allclose(mine.shift, theirs.mean_, rtol=1e-12)
    np.testing.assert_allclose(mine.scale, theirs.scale_, rtol=1e-12)
    np.testing.assert_allclose(scale(table, mine), theirs.transform(table), rtol=1e-10, atol=1e-12)


def test_standard_does_not_cancel_far_from_zero(table):
    far = fit_scaling(table + 1e7, "standard")
    np.testing.assert_allclose(far.scale, fit_scaling(table, "standard").scale, rtol=1e-8)


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.int16,
        st.tuples(st.integers(1, 30), st.integers(1, 4)),
        elements=st.sampled_from([-32768, -9, -1, 0, 1, 2, 500, 32767]),
    ),
    st.sampled_from([(25.0, 75.0), (0.0, 100.0), (5.0, 33.0)]),
)
def test_int16_counts_give_what_its_floats_give(numbers, quantile_range):
    """Values by histogram against scikit-learn, by sorting; a date wholly missing is 0 and 1, not NaN."""
    floats = np.where(numbers == -32768, np.nan, numbers.astype(np.float64))
    seen = ~np.isnan(floats).all(axis=0)
    robust, standard = fit_scaling(numbers, "robust", quantile_range), fit_scaling(numbers, "standard")
    if seen.any():
        theirs = RobustScaler(quantile_range=quantile_range).fit(floats[:, seen])
        np.testing.assert_allclose(robust.shift[seen], theirs.center_, rtol=1e-12)
        np.testing.assert_allclose(robust.scale[seen], theirs.scale_, rtol=1e-12)
        np.testing.assert_allclose(standard.shift[seen], np.nanmean(floats[:, seen], axis=0), rtol=1e-12, atol=1e-12)
        spread = np.nanstd(floats[:, seen], axis=0)
        np.testing.assert_allclose(standard.scale[seen], np.where(spread > 0, spread, 1), rtol=1e-12)
    for found in (robust, standard):
        assert (found.shift[~seen] == 0).all()
        assert (found.scale[~seen] == 1).all()


@pytest.mark.parametrize("method", ["robust", "standard"])
def test_a_cube_is_scaled_in_units_of_its_values(plain, method):
    values = plain.with_gaps(plain.mixture(seed=3, pixels=600, dates=3, clusters=3, sd=0.1)[0], 0.3)
    numbers = np.where(np.isnan(values), -5, np.rint(values * 1e4)).astype(np.int16)
    coding = {"scale_factor": 1e-4, "add_offset": 0.25, "_FillValue": -5}
    cube = xr.DataArray(numbers.T.reshape(3, 20, 30), dims=("time", "y", "x"), attrs=coding)
    floats = np.where(numbers == -5, np.nan, numbers * 1e-4 + 0.25)
    mine, theirs = fit_scaling(cube, method), fit_scaling(floats, method)
    for found in (mine, fit_scaling(cube.chunk(time=2, y=7, x=30), method)):
        np.testing.assert_allclose(found.shift, theirs.shift, rtol=1e-12)
        np.testing.assert_allclose(found.scale, theirs.scale, rtol=1e-10)


@pytest.mark.parametrize("method", ["robust", "standard"])
def test_a_constant_of_a_coded_cube_has_scale_1_in_units_of_its_values(method):
    numbers = np.int16([[[7, 7], [7, 7]], [[-32768, -32768], [-32768, -32768]]])
    cube = xr.DataArray(numbers, dims=("time", "y", "x"), attrs={"scale_factor": 0.1, "add_offset": 5})
    found = fit_scaling(cube, method)
    assert found.shift.tolist() == pytest.approx([5.7, 0])
    assert found.scale.tolist() == [1, 1]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["robust", "standard"])
def test_what_does_not_spread_has_scale_1(kind, method):
    table = np.array([[0.1, np.nan, 0.1], [0.1, np.nan, 0.1], [0.1, np.nan, 0.1], [np.nan, np.nan, 0.1]], kind)
    found = fit_scaling(table, method)
    assert found.scale.tolist() == [1, 1, 1]
    np.testing.assert_allclose(found.shift, [0.1, 0, 0.1], rtol=1e-7)
    assert np.isfinite(scale(table, found)[:3, [0, 2]]).all()
    assert np.abs(scale(table, found)[:3, [0, 2]]).max() < 1e-7


def test_profile_is_each_pixels_own_z_score(table):
    found = scale(table, fit_scaling(table, "profile"))
    own = np.array([scipy.stats.zscore(row, nan_policy="omit") for row in table if (~np.isnan(row)).sum() > 1])
    np.testing.assert_allclose(found[(~np.isnan(table)).sum(axis=1) > 1], own, atol=1e-9)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(table))


@pytest.mark.parametrize("value", [0.1, 0.7, 1e-30, 12345.678])
def test_a_constant_or_single_value_has_a_profile_of_zeros(value):
    """0.1 + 0.1 + 0.1 is not 3 · 0.1: rounding must not be blown up to a shape."""
    table = np.full((3, 7), value)
    table[1, :6] = np.nan
    table[2] = np.nan
    found = scale(table, Scaling(method="profile"))
    assert (found[0] == 0).all()
    assert found[1, 6] == 0
    assert np.isnan(found[2]).all()


def test_coordinates_are_no_part_of_a_profile():
    learned = Scaling(method="profile", shift=np.array([0.0, 0, 0, 100, 200]), scale=np.array([1.0, 1, 1, 10, 20]))
    found = scale(np.array([[1.0, 2, 3, 110, 240]]), learned, places=2)
    np.testing.assert_allclose(found, [[-np.sqrt(1.5), 0, np.sqrt(1.5), 1, 2]])


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64])
@pytest.mark.parametrize("by_date", [True, False])
@pytest.mark.parametrize("method", ["none", "robust", "standard", "profile"])
def test_any_type_and_layout_is_scaled_alike_and_left_alone(kind, by_date, method):
    numbers = np.random.default_rng(0).integers(-100, 100, (4000, 6)).astype(kind)
    numbers[::7, 2] = -32768
    table = np.asfortranarray(numbers) if by_date else numbers
    before = table.copy()
    floats = np.where(numbers == -32768, np.nan, numbers.astype(np.float64))
    given_floats = floats if kind is np.int16 else floats.astype(kind)
    found = scale(table if kind is np.int16 else given_floats, fit_scaling(given_floats.astype(np.float64), method))
    np.testing.assert_allclose(found, scale(floats, fit_scaling(floats, method)), rtol=1e-6, atol=1e-6)
    assert found.dtype == (np.float64 if kind is np.float64 else np.float32)
    np.testing.assert_array_equal(table, before)


def test_int16_is_scaled_by_blocks():
    """Beside the answer in float32 there is no copy of the whole in float64."""
    table = np.random.default_rng(0).integers(0, 5000, (12, 400_000)).astype(np.int16).T
    for method in ("standard", "profile"):
        learned = fit_scaling(table, method)
        tracemalloc.start()
        found = scale(table, learned)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < found.nbytes + 15e6 < table.size * 8


def test_centers_come_back(table):
    learned = fit_scaling(table, "robust")
    np.testing.assert_allclose(unscale_centers(scale_centers(table[:5], learned), learned), table[:5], rtol=1e-12)
    for method in ("none", "profile"):
        assert unscale_centers(table, Scaling(method=method)) is table


def test_what_cannot_be_scaled_is_said(table):
    with pytest.raises(ClusterError, match="scaling is 'minmax'; it must be one of none, robust, standard, profile"):
        fit_scaling(table, "minmax")
    for wrong in [(75, 25), (25, 25), (-1, 50), (50, 101), (1, 2, 3), (np.nan, 50), ("25", "75")]:
        with pytest.raises(ClusterError, match="two rising numbers within 0-100"):
            fit_scaling(table, "robust", wrong)
    with pytest.raises(ClusterError, match="there are 5 features, but the scaling was learned from 2"):
        scale(table, fit_scaling(table[:, :2], "robust"))
    table[3, 3] = np.inf
    for method in ("robust", "standard"):
        with pytest.raises(ClusterError, match="infinity"):
            fit_scaling(table, method)
    with pytest.raises(ClusterError, match="infinity"):
        scale(table, Scaling(method="profile"))
