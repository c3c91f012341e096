"""Outliers planted in series that are known, and what must not be taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from mlbmi.errors import ConfigError
from mlbmi.mask import date_deviations, find_outliers
from mlbmi.mask.outliers import _median

DAYS = np.arange(24) * 15


def seasons(pixels, seed=0, noise=0.01, gaps=0.2):
    """Smooth seasons, every pixel of its own amplitude and level, with the sensor's noise and clouds."""
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * (DAYS - 90) / 365)[:, None]
    values = rng.uniform(0.3, 0.6, pixels) + wave * rng.uniform(0.0, 0.25, pixels) + rng.normal(0, noise, (24, pixels))
    values[rng.random(values.shape) < gaps] = np.nan
    return values


def planted(values, share, drop, seed=1):
    """Lower single observations; where they stand."""
    rng = np.random.default_rng(seed)
    where = (rng.random(values.shape) < share) & ~np.isnan(values)
    return np.where(where, values - drop, values), where


def test_planted_drops_are_found_and_little_else():
    values, where = planted(seasons(4000), 0.02, 0.6)
    found = find_outliers(values, n_sig=3, floor=0.02)
    assert found[where].mean() > 0.45
    assert found[~where].mean() < 0.002


def test_evergreens_give_up_every_planted_drop():
    rng = np.random.default_rng(3)
    values, where = planted(0.8 + rng.normal(0, 0.01, (24, 500)), 0.03, 0.4)
    found = find_outliers(values, n_sig=10, floor=0.02)
    alone = where & ~np.roll(where, 1, axis=0) & ~np.roll(where, -1, axis=0)
    assert found[alone].mean() > 0.99
    assert not found[~where].any()


def test_what_lasts_is_no_outlier():
    burnt = np.full((24, 1), 0.8)
    burnt[20:] = 0.1
    flood = np.full((24, 1), 0.8)
    flood[5:7] = 0.1
    for series in (burnt, flood):
        assert not find_outliers(series, n_sig=3, floor=0.02).any()


@pytest.mark.parametrize("at", [0, 23])
def test_the_first_and_the_last_observation_are_tested_too(at):
    series = np.full((24, 1), 0.8)
    series[at] = 0.1
    assert np.flatnonzero(find_outliers(series, n_sig=10, floor=0.02)).tolist() == [at]


def test_gaps_count_as_nothing():
    series = np.full((24, 1), np.nan)
    series[::3] = 0.8
    series[6] = 0.2
    assert np.flatnonzero(find_outliers(series, n_sig=10, floor=0.02)).tolist() == [6]
    assert not find_outliers(np.full((24, 3), np.nan), n_sig=10, floor=0.02).any()


def test_short_series_are_left_alone():
    series = np.array([0.8, 0.8, 0.1, 0.8, 0.8, 0.8])[:, None]
    assert not find_outliers(series, n_sig=3, floor=0.02).any()
    assert find_outliers(series, n_sig=3, floor=0.02, min_observations=6).sum() == 1


def test_the_floor_keeps_a_constant_series_from_condemning_its_noise():
    series = np.full((24, 1), 0.8)
    series[7] = 0.75
    assert not find_outliers(series, n_sig=10, floor=0.02).any()
    assert find_outliers(series, n_sig=10, floor=0.002).any()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n_sig=st.floats(0.5, 20), shift=st.floats(-5, 5))
def test_neither_the_place_of_pixels_nor_a_constant_matters(seed, n_sig, shift):
    values, _ = planted(seasons(40, seed=seed), 0.1, 0.5, seed=seed)
    found = find_outliers(values, n_sig=n_sig, floor=0.02)
    order = np.random.default_rng(seed).permutation(40)
    np.testing.assert_array_equal(find_outliers(values[:, order], n_sig=n_sig, floor=0.02), found[:, order])
    np.testing.assert_array_equal(find_outliers(values.reshape(24, 5, 8), n_sig=n_sig, floor=0.02).reshape(24, 40), found)
    np.testing.assert_array_equal(find_outliers(-values, n_sig=n_sig, floor=0.02), found)
    moved = find_outliers(values + shift, n_sig=n_sig, floor=0.02)
    assert (moved != found).mean() < 0.001  # rounding at the limit


def test_the_scale_is_scipy_s():
    values = seasons(300)
    observed = np.count_nonzero(~np.isnan(values), axis=0)
    median = _median(values, observed)
    np.testing.assert_allclose(median, np.nanmedian(values, axis=0), rtol=1e-12)
    ours = 1.4826 * _median(np.abs(values - median), observed)
    np.testing.assert_allclose(ours, median_abs_deviation(values, scale="normal", nan_policy="omit"), rtol=1e-4)


def test_senseless_limits_are_refused():
    for wrong in ({"n_sig": 0, "floor": 0.02}, {"n_sig": 3, "floor": 0}, {"n_sig": np.nan, "floor": 0.02}):
        with pytest.raises(ConfigError, match="must be above 0"):
            find_outliers(np.zeros((8, 1)), **wrong)


def veiled(date, share, drop, seed=0):
    values = seasons(3000, seed=seed)
    values[date, : int(share * 3000)] -= drop
    return values


@pytest.mark.parametrize("date", [1, 12, 22])
def test_a_veil_over_half_the_area_is_found_on_its_date_alone(date):
    found = date_deviations(veiled(date, 0.5, 0.25), step=0.1)
    assert [number for number, deviation in enumerate(found) if deviation.outlying] == [date]
    assert found[date].share > 0.3
    assert 0.15 < found[date].drop < 0.4


def test_seasons_alone_condemn_no_date():
    for seed in range(10):
        assert not any(deviation.outlying for deviation in date_deviations(seasons(3000, seed=seed), step=0.1))


def test_greener_than_expected_is_no_veil():
    assert not any(deviation.outlying for deviation in date_deviations(veiled(12, 0.5, -0.25), step=0.1))


def test_what_cannot_be_judged_is_not():
    few = date_deviations(seasons(50), step=0.1)
    assert all(np.isnan(deviation.share) and not deviation.outlying for deviation in few)
    three = date_deviations(veiled(1, 0.5, 0.3)[:3], step=0.1)
    assert not any(deviation.outlying for deviation in three)
    assert not any(deviation.outlying for deviation in date_deviations(np.full((8, 500), np.nan), step=0.1))
