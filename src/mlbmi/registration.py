"""By how much one image lies beside another: phase correlation in several windows, believed only where they agree.

The shift of a window is where the normalised cross-power spectrum peaks (Kuglin & Hines 1975), refined by a matrix Fourier
transform of a small neighbourhood of the peak (Guizar-Sicairos et al. 2008, Opt. Lett. 33:156-158).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Image = NDArray[np.floating[Any]]

__all__ = ["Shift", "WindowShift", "agreed_shift", "shifted", "window_shift"]

_UPSAMPLE = 20
"""Steps of a refined shift in a pixel."""

_LEAST_VALID = 0.8
"""Share of a window that both images must show."""

_LEAST_RATIO = 1.5
"""Height of the peak over the highest one elsewhere, from which a window counts."""

_LEAST_WINDOWS = 3
_MOST_SPREAD = 0.25
_NEAR_PEAK = 3


@dataclass(frozen=True, slots=True)
class WindowShift:
    """The shift of one window.

    Attributes
    ----------
    rows, columns : float
        Pixels by which the second image lies below and to the right of the first.
    ratio : float
        Height of the correlation's peak over the highest value more than 3 pixels from it.
    """

    rows: float
    columns: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Shift:
    """What the windows of an image agree on.

    Attributes
    ----------
    rows, columns : float
        Median over the windows that count, pixels; NaN if there is none.
    windows : int
        Windows that count.
    spread : float
        Median distance of these from the median shift, pixels.
    """

    rows: float
    columns: float
    windows: int
    spread: float

    @property
    def sure(self) -> bool:
        """Whether it can be relied on: three windows and more, that agree to a quarter of a pixel."""
        return self.windows >= _LEAST_WINDOWS and self.spread <= _MOST_SPREAD

    @property
    def whole(self) -> tuple[int, int]:
        """Rows and columns in whole pixels; none where it is not sure."""
        return (round(self.rows), round(self.columns)) if self.sure else (0, 0)


def window_shift(reference: Image, image: Image) -> WindowShift | None:
    """Find by how much an image lies beside another.

    Parameters
    ----------
    reference, image : ndarray of float, shape (rows, columns)
        NaN where missing.

    Returns
    -------
    WindowShift or None
        None where they show too little together, or nothing varies.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(size=(64, 64))
    >>> found = window_shift(image, np.roll(image, (2, -3), (0, 1)))
    >>> found.rows, found.columns
    (2.0, -3.0)
    """
    valid = ~np.isnan(reference) & ~np.isnan(image)
    if valid.mean() < _LEAST_VALID:
        return None
    first, second = _prepared(reference, valid), _prepared(image, valid)
    if not (first.any() and second.any()):
        return None
    return _peak(first, second)


def _prepared(image: Image, valid: NDArray[np.bool_]) -> Image:
    """Return an image around 0, what is missing 0, fading out towards the edges, which would else correlate with one another."""
    mean = image[valid].mean(dtype=np.float64)
    fade = np.multiply.outer(*(np.hanning(length + 2)[1:-1] for length in image.shape))
    return np.where(valid, image - mean, 0.0) * fade


def _peak(first: Image, second: Image) -> WindowShift:
    from scipy import fft

    spectrum = fft.fft2(second) * np.conj(fft.fft2(first))
    spectrum /= np.maximum(np.abs(spectrum), 100 * np.finfo(np.float64).eps)
    surface = np.abs(fft.ifft2(spectrum))
    place = np.unravel_index(int(np.argmax(surface)), surface.shape)
    whole = [int(at) - (length if at > length // 2 else 0) for at, length in zip(place, surface.shape, strict=True)]
    ratio = float(surface[place] / max(_elsewhere(surface, whole), np.finfo(np.float64).tiny))
    rows, columns = _refined(spectrum, whole)
    return WindowShift(rows, columns, ratio)


def _elsewhere(surface: Image, whole: Sequence[int]) -> float:
    """Return the highest correlation away from the peak."""
    around = np.roll(surface, (_NEAR_PEAK - whole[0], _NEAR_PEAK - whole[1]), (0, 1)).copy()
    around[: 2 * _NEAR_PEAK + 1, : 2 * _NEAR_PEAK + 1] = 0
    return float(around.max())


def _refined(spectrum: NDArray[np.complexfloating[Any, Any]], whole: Sequence[int]) -> tuple[float, float]:
    """Return where the correlation is highest, in fractions of a pixel, within one and a half pixels of the whole one."""
    steps = np.arange(-1.5 * _UPSAMPLE, 1.5 * _UPSAMPLE + 1) / _UPSAMPLE
    left, right = (
        np.exp(2j * np.pi * np.multiply.outer(at + steps, np.fft.fftfreq(length)))
        for at, length in zip(whole, spectrum.shape, strict=True)
    )
    # Not by `@`: for products this small the threads of BLAS spend ten times as long on one another.
    fine = np.abs(np.einsum("ik,lk->il", np.einsum("ij,jk->ik", left, spectrum), right))
    row, column = np.unravel_index(int(np.argmax(fine)), fine.shape)
    return float(whole[0] + steps[row]), float(whole[1] + steps[column])


def agreed_shift(found: Sequence[WindowShift | None]) -> Shift:
    """Say what several windows agree on.

    Parameters
    ----------
    found : sequence of WindowShift or None
        One a window.

    Returns
    -------
    Shift
    """
    kept = np.array([(one.rows, one.columns) for one in found if one is not None and one.ratio >= _LEAST_RATIO])
    if not kept.size:
        return Shift(float("nan"), float("nan"), 0, float("nan"))
    middle = np.median(kept, axis=0)
    spread = float(np.median(np.hypot(*(kept - middle).T)))
    return Shift(float(middle[0]), float(middle[1]), len(kept), spread)


def shifted(image: NDArray[Any], rows: int, columns: int, fill: float) -> NDArray[Any]:
    """Move an image down and to the right by whole pixels; what comes in from beyond its edge is ``fill``.

    Examples
    --------
    >>> shifted(np.array([[1, 2], [3, 4]]), 0, -1, fill=0).tolist()
    [[2, 0], [4, 0]]
    """
    moved = np.full_like(image, fill)
    height, width = image.shape
    to_rows, to_columns = slice(max(rows, 0), height + min(rows, 0)), slice(max(columns, 0), width + min(columns, 0))
    of_rows, of_columns = slice(max(-rows, 0), height + min(-rows, 0)), slice(max(-columns, 0), width + min(-columns, 0))
    moved[to_rows, to_columns] = image[of_rows, of_columns]
    return moved
