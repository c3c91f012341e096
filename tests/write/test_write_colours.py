"""The palette: stable, ordered, and readable without full colour vision."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mlbmi.errors import InputError
from mlbmi.write import palette

# Severity 1.0 of Machado, Oliveira & Fernandes (2009), IEEE TVCG 15(6), for linear RGB.
VISION = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def _lab(colours, vision):
    """CIE L*a*b* (D65) of sRGB colours as seen with a form of vision."""
    srgb = np.asarray(colours) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.asarray(VISION[vision]).T, 0, 1)
    matrix = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    t = linear @ matrix.T / (0.95047, 1.0, 1.08883)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("n", range(2, 13))
@pytest.mark.parametrize("vision", VISION)
def test_up_to_twelve_are_told_apart_and_ordered_by_lightness(n, vision):
    lab = _lab(palette(n), vision)
    assert (np.diff(lab[:, 0]) < -3).all()
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(lab, 2))
    assert nearest >= 2 * 2.3  # 2.3 is just noticeable (Mahy et al. 1994)


def test_lightness_falls_for_any_number():
    for n in (13, 40, 255):
        assert (np.diff(_lab(palette(n), "full")[:, 0]) < 0.3).all()
        assert len(palette(n)) == n
    assert len(set(palette(128))) == 128


def test_far_from_white_and_from_the_grey_of_missing():
    for colour in itertools.chain(*(palette(n) for n in range(1, 13))):
        lab = _lab([colour, (255, 255, 255), (0xBD, 0xBD, 0xBD)], "full")
        assert np.linalg.norm(lab[0] - lab[1]) > 15
        assert np.linalg.norm(lab[0] - lab[2]) > 15


@pytest.mark.parametrize("n", [0, 256, -1])
def test_out_of_range(n):
    with pytest.raises(InputError, match=str(n)):
        palette(n)
