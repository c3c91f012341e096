"""Colours of clusters and of index values: one ramp for both, ordered, and readable without full colour vision.

The ramp falls evenly in CIE lightness (L* 92 to 12) from sand over gold, olive and green to a dark blue-green, so that order
can be read from lightness alone: in grey print and with any form of colour blindness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.errors import InputError
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MISSING_RGB", "RAMP", "palette", "ramp_rgb"]

RGB = tuple[int, int, int]

RAMP: tuple[RGB, ...] = (
    (0xFF, 0xE4, 0xC1),
    (0xFE, 0xBF, 0x8A),
    (0xE3, 0xA6, 0x24),
    (0x8F, 0x9E, 0x27),
    (0x52, 0x8A, 0x2E),
    (0x04, 0x73, 0x39),
    (0x03, 0x55, 0x4B),
    (0x04, 0x3A, 0x4B),
    (0x08, 0x1D, 0x35),
)
"""Knots of the ramp, low to high index, equally spaced; made for this project in CIE LCh with L* in equal steps."""

MISSING_RGB: RGB = (0xBD, 0xBD, 0xBD)
"""Grey of pixels inside the area that have no value."""


def ramp_rgb(position: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the ramp's colours at positions 0 (low) to 1 (high); beyond the ends the end colours hold.

    Parameters
    ----------
    position : ndarray of float
        No NaN.

    Returns
    -------
    ndarray of uint8, shape position.shape + (3,)
    """
    knots = np.linspace(0.0, 1.0, len(RAMP))
    channels = [np.interp(position, knots, [colour[channel] for colour in RAMP]) for channel in range(3)]
    colours: NDArray[np.uint8] = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return colours


def palette(n_clusters: int) -> list[RGB]:
    """Return one colour per cluster, in order of the labels: low index light, high index dark.

    A label has the same colour on every date, in every run and on every grid of a model with as many clusters. Up to 12
    clusters are told apart easily, also without full colour vision; beyond, the order still shows.

    Parameters
    ----------
    n_clusters : int
        1 to 255.

    Returns
    -------
    list of (red, green, blue)
        0 to 255 each.

    Raises
    ------
    InputError
        If ``n_clusters`` is out of range.

    Examples
    --------
    >>> palette(3)
    [(245, 183, 104), (82, 138, 46), (4, 67, 75)]
    """
    if not 1 <= n_clusters <= LABEL_NODATA:
        raise InputError(f"n_clusters is {n_clusters}; a label map holds 1 to {LABEL_NODATA} clusters")
    # The middles of n equal parts: few clusters keep clear of the ends, and all parts stay far apart.
    middles = (np.arange(n_clusters) + 0.5) / n_clusters
    return [(int(red), int(green), int(blue)) for red, green, blue in ramp_rgb(middles)]
