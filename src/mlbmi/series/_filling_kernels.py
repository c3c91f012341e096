"""Kernels of gap filling: what lies between two observations, and which of it may be filled. Pixels are rows, NaN = missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bounded", "harmonic_rows", "interpolated", "polynomial_rows"]


@kernel()
def interpolated(rows: NDArray[np.float64], days: NDArray[np.float64], max_gap: float) -> NDArray[np.float64]:
    """Return rows with gaps bridged by straight lines where the observations beside them are at most ``max_gap`` days apart."""
    out = rows.copy()
    for pixel in range(rows.shape[0]):
        before = -1
        for i in range(rows.shape[1]):
            if np.isnan(rows[pixel, i]):
                continue
            if 0 <= before < i - 1 and days[i] - days[before] <= max_gap:
                low, high = rows[pixel, before], rows[pixel, i]
                for j in range(before + 1, i):
                    out[pixel, j] = low + (high - low) * ((days[j] - days[before]) / (days[i] - days[before]))
            before = i
    return out


@kernel()
def bounded(  # noqa: PLR0917 - Numba takes arguments by position
    rows: NDArray[np.float64],
    curves: NDArray[np.float64],
    days: NDArray[np.float64],
    max_gap: float,
    keep: bool,  # noqa: FBT001 - as above
    low: float,
    high: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Take from the curves what may be filled.

    Returns
    -------
    ndarray of float64, shape (pixels, dates)
        Observed values (unless ``keep`` is False and there is a curve: then its values), and the curve's values within
        ``low`` to ``high`` in gaps between observations at most ``max_gap`` days apart.
    ndarray of bool, shape (pixels, dates)
        True where a value was filled.
    ndarray of float64, shape (pixels,)
        Filled values by values that are there; NaN where none is.
    """
    pixels, dates = rows.shape
    out = rows.copy()
    filled = np.zeros((pixels, dates), np.bool_)
    share = np.full(pixels, np.nan)
    for pixel in range(pixels):
        before, there, made = -1, 0, 0
        for i in range(dates):
            if np.isnan(rows[pixel, i]):
                continue
            if not keep and not np.isnan(curves[pixel, i]):
                out[pixel, i] = curves[pixel, i]
            there += 1
            if 0 <= before < i - 1 and days[i] - days[before] <= max_gap:
                for j in range(before + 1, i):
                    if low <= curves[pixel, j] <= high:
                        out[pixel, j] = curves[pixel, j]
                        filled[pixel, j] = True
                        made += 1
            before = i
        if there:
            share[pixel] = made / (there + made)
    return out, filled, share


@kernel()
def polynomial_rows(rows: NDArray[np.float64], hat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return moving polynomials (Savitzky & Golay 1964) along each row's stretches without gap.

    Parameters
    ----------
    rows : ndarray of float64, shape (pixels, dates)
        NaN where missing. A stretch shorter than the window stays as it is.
    hat : ndarray of float64, shape (window, window)
        Projection of so many values onto polynomials: its middle row is the filter, the others are for the ends.
    """
    out = rows.copy()
    window = hat.shape[0]
    half = window // 2
    dates = rows.shape[1]
    for pixel in range(rows.shape[0]):
        start = 0
        while start < dates:
            if np.isnan(rows[pixel, start]):
                start += 1
                continue
            stop = start
            while stop < dates and not np.isnan(rows[pixel, stop]):
                stop += 1
            if stop - start >= window:
                for i in range(start, stop):
                    first = min(max(i - half, start), stop - window)
                    total = 0.0
                    for j in range(window):
                        total += hat[i - first, j] * rows[pixel, first + j]
                    out[pixel, i] = total
            start = stop
    return out


@kernel()
def harmonic_rows(  # noqa: C901 - one pass over a pixel
    rows: NDArray[np.float64], basis: NDArray[np.float64], ridge: NDArray[np.float64], least: int
) -> NDArray[np.float64]:
    """Return each row's least-squares curve on a basis, at all dates; NaN where fewer than ``least`` dates are seen.

    Parameters
    ----------
    rows : ndarray of float64, shape (pixels, dates)
    basis : ndarray of float64, shape (dates, terms)
    ridge : ndarray of float64, shape (terms,)
        Penalty of the squared coefficients, per observation.
    least : int
        At least the number of terms.
    """
    pixels, dates = rows.shape
    terms = basis.shape[1]
    out = np.full((pixels, dates), np.nan)
    normal, right = np.empty((terms, terms)), np.empty(terms)
    for pixel in range(pixels):
        normal[:] = 0.0
        right[:] = 0.0
        count = 0
        for i in range(dates):
            y = rows[pixel, i]
            if np.isnan(y):
                continue
            count += 1
            for a in range(terms):
                right[a] += basis[i, a] * y
                for b in range(a + 1):
                    normal[a, b] += basis[i, a] * basis[i, b]
        if count < least:
            continue
        for a in range(terms):
            normal[a, a] += ridge[a] * count
        if not _cholesky_solve(normal, right):
            continue
        for i in range(dates):
            total = 0.0
            for a in range(terms):
                total += basis[i, a] * right[a]
            out[pixel, i] = total
    return out


@kernel()
def _cholesky_solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> bool:
    """Overwrite ``right`` with the solution, ``matrix`` (its lower half) with its factor; False if it is singular."""
    n = right.size
    for j in range(n):
        whole = matrix[j, j]
        for k in range(j):
            matrix[j, j] -= matrix[j, k] ** 2
        if matrix[j, j] <= 1e-10 * whole:
            return False
        matrix[j, j] = np.sqrt(matrix[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    for i in range(n):
        for k in range(i):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= matrix[k, i] * right[k]
        right[i] /= matrix[i, i]
    return True
