"""Planted shifts, whole and broken, found again; beside scikit-image; and no belief where windows disagree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import fourier_shift, gaussian_filter
from skimage.registration import phase_cross_correlation

from mlbmi.registration import Shift, WindowShift, _prepared, agreed_shift, shifted, window_shift


def land(seed=0, size=128):
    """Fields of even colour with sharp edges, and texture."""
    rng = np.random.default_rng(seed)
    parcels = gaussian_filter(rng.normal(size=(size, size)), 5)
    return 0.15 * np.digitize(parcels, np.quantile(parcels, np.linspace(0.1, 0.9, 7))) + 0.02 * rng.normal(size=(size, size))


def moved(image, rows, columns):
    return np.fft.ifft2(fourier_shift(np.fft.fft2(image), (rows, columns))).real


@pytest.mark.parametrize("shift", [(0, 0), (3, -5), (-8, 2), (0.5, -0.25), (1.3, 2.7), (-0.1, 0.4)])
def test_a_planted_shift_is_found(shift):
    big = land(size=192)
    noise = np.random.default_rng(9).normal(0, 0.01, (128, 128))
    found = window_shift(big[32:160, 32:160], moved(big, *shift)[32:160, 32:160] + noise)
    assert (found.rows, found.columns) == pytest.approx(shift, abs=0.101)
    assert found.ratio > 1.5


@pytest.mark.parametrize("seed", range(5))
def test_scikit_image_finds_the_same(seed):
    rng = np.random.default_rng(seed)
    image = land(seed)
    other = moved(image, *rng.uniform(-6, 6, 2)) + rng.normal(0, 0.01, image.shape)
    found = window_shift(image, other)
    valid = np.ones(image.shape, dtype=bool)
    back, *_ = phase_cross_correlation(_prepared(image, valid), _prepared(other, valid), upsample_factor=20)
    assert (found.rows, found.columns) == pytest.approx(tuple(-back), abs=1e-9)


def test_another_season_and_missing_pixels_leave_the_shift():
    big = land(3, size=192)
    first, second = big[32:160, 32:160].copy(), 0.3 + 0.5 * moved(big, 2, 1)[32:160, 32:160]
    first[10:30, 60:90] = np.nan
    second[100:110, :40] = np.nan
    found = window_shift(first, second)
    assert (found.rows, found.columns) == pytest.approx((2, 1), abs=0.1)


def test_what_shows_nothing_tells_nothing():
    image = land()
    cloudy = image.copy()
    cloudy[:, :40] = np.nan
    assert window_shift(image, cloudy) is None
    assert window_shift(np.ones((64, 64)), image[:64, :64]) is None
    assert window_shift(image, land(77)).ratio < 1.5, "two lands that have nothing in common"


def test_windows_must_agree():
    assert agreed_shift([]).windows == 0
    assert not agreed_shift([None, WindowShift(1, 1, 9), WindowShift(1, 1, 9)]).sure
    far = agreed_shift([WindowShift(1, 1, 9), WindowShift(4, -3, 9), WindowShift(-9, 1, 9), WindowShift(2, 8, 9)])
    assert not far.sure
    assert far.whole == (0, 0)
    good = agreed_shift(
        [WindowShift(1.4, -2.1, 3), WindowShift(1.5, -2.0, 4), WindowShift(1.4, -2.0, 2), WindowShift(30, 9, 1.1)]
    )
    assert good == Shift(1.4, -2.0, 3, pytest.approx(0.1))
    assert good.whole == (1, -2)


@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-1, 4), (-50, 0)])
def test_moving_there_and_back_loses_only_the_rim(shift):
    image = np.arange(1, 401).reshape(20, 20)
    there = shifted(image, *shift, fill=0)
    back = shifted(there, -shift[0], -shift[1], fill=0)
    kept = back != 0
    np.testing.assert_array_equal(back[kept], image[kept])
    assert kept.sum() == max(0, 20 - abs(shift[0])) * max(0, 20 - abs(shift[1]))
    if shift == (2, -3):
        assert there[2, 0] == image[0, 3]
