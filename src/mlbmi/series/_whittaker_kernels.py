"""Whittaker smoothing of series with gaps, on the dates as they are.

The curve z minimises ``Σ w (y − z)² + λ ∫ z''(t)² dt``, the integral being taken as the sum over dates of the squared second
divided difference times the length that it stands for (Eilers 2003, Analytical Chemistry 75:3631, whose second difference this
is where dates are a day apart). ``(W + λP) z = W y`` has five diagonals: LDLᵀ solves it, and the recursion of Hutchinson & de
Hoog (1985, Numerische Mathematik 47:99) gives the diagonal of the inverse, both in time proportional to the number of dates.
With that diagonal, leaving each observation out in turn costs no further solution: the residual is ``(y − z) / (1 − h)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BISQUARE",
    "FIXED",
    "LEAVE_ONE_OUT",
    "SYMMETRIC",
    "UPPER",
    "V_CURVE",
    "curvature_bands",
    "errors_left_out",
    "smooth_rows",
]

FIXED, LEAVE_ONE_OUT, V_CURVE = 0, 1, 2
"""How λ is found."""

SYMMETRIC, BISQUARE, UPPER = 0, 1, 2
"""How observations are weighted: alike; less the farther they lie from the curve; less where they lie below it."""

_TUNING = 4.685
"""Of the bisquare weights: 95 % efficiency for normal residuals (Holland & Welsch 1977)."""

_MAD = 1.4826
"""Median absolute deviation → standard deviation of normal residuals."""

_PASSES = 5
"""Re-weightings at most."""


def curvature_bands(days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the diagonals of P, shape (3, n): the main one, and the two above it.

    ``zᵀPz`` is the integral of the squared second derivative, per day³.

    Examples
    --------
    >>> curvature_bands(np.arange(4.0))
    array([[ 1.,  5.,  5.,  1.],
           [-2., -4., -2.,  0.],
           [ 1.,  1.,  0.,  0.]])
    """
    bands = np.zeros((3, days.size))
    for i in range(days.size - 2):
        before, after = days[i + 1] - days[i], days[i + 2] - days[i + 1]
        both = before + after
        weights = np.array([2 / (before * both), -2 / (before * after), 2 / (after * both)])
        for j in range(3):
            bands[0, i + j] += weights[j] ** 2 * both / 2
        bands[1, i] += weights[0] * weights[1] * both / 2
        bands[1, i + 1] += weights[1] * weights[2] * both / 2
        bands[2, i] += weights[0] * weights[2] * both / 2
    return bands


@kernel()
def _factorise(bands: NDArray[np.float64], weights: NDArray[np.float64], lam: float, ldl: NDArray[np.float64]) -> None:
    """Write 1 / D and the two diagonals of L below the main one into ``ldl``, (3, n); the bands end in zeros."""
    e1 = f1 = f2 = 0.0  # L D: first diagonal of the row before, second one of the row before and of the one before that
    for i in range(weights.size):
        d = weights[i] + lam * bands[0, i]
        e = lam * bands[1, i]
        if i > 0:
            d -= e1 * ldl[1, i - 1]
            e -= f1 * ldl[1, i - 1]
        if i > 1:
            d -= f2 * ldl[2, i - 2]
        f2, f1, e1 = f1, lam * bands[2, i], e
        ldl[0, i] = 1.0 / d  # the one division
        ldl[1, i] = e1 * ldl[0, i]
        ldl[2, i] = f1 * ldl[0, i]


@kernel()
def _solve(ldl: NDArray[np.float64], weights: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> None:
    """Write the curve into ``z``."""
    n = y.size
    for i in range(n):
        value = weights[i] * y[i]
        if i > 0:
            value -= ldl[1, i - 1] * z[i - 1]
        if i > 1:
            value -= ldl[2, i - 2] * z[i - 2]
        z[i] = value
    for i in range(n - 1, -1, -1):
        value = z[i] * ldl[0, i]
        if i + 1 < n:
            value -= ldl[1, i] * z[i + 1]
        if i + 2 < n:
            value -= ldl[2, i] * z[i + 2]
        z[i] = value


@kernel()
def _leverages(ldl: NDArray[np.float64], weights: NDArray[np.float64], h: NDArray[np.float64]) -> None:
    """Write the diagonal of the hat matrix into ``h``."""
    s1 = s2 = t1 = 0.0  # of the inverse: [i+1, i+1], [i+2, i+2], [i+1, i+2]
    for i in range(weights.size - 1, -1, -1):
        e, f = ldl[1, i], ldl[2, i]
        next_one = -(e * s1 + f * t1)
        next_two = -(e * t1 + f * s2)
        here = ldl[0, i] - e * next_one - f * next_two
        h[i] = weights[i] * here
        s2, s1, t1 = s1, here, next_one


@kernel()
def _left_out(y: NDArray[np.float64], z: NDArray[np.float64], weights: NDArray[np.float64], h: NDArray[np.float64]) -> float:
    """Return the weighted mean square of what each observation differs by from the curve without it.

    The first and the last one do not count: a curve is never asked for what lies beyond the observations, and beyond them it
    errs most. 0 where there is no other.
    """
    first, last = 0, y.size - 1
    while weights[first] <= 0.0:
        first += 1
    while weights[last] <= 0.0:
        last -= 1
    total = norm = 0.0
    for i in range(first + 1, last):
        if weights[i] > 0.0:
            total += weights[i] * ((y[i] - z[i]) / max(1.0 - h[i], 1e-12)) ** 2
            norm += weights[i]
    return float(total / norm) if norm > 0.0 else 0.0


@kernel()
def _log_curvature(bands: NDArray[np.float64], z: NDArray[np.float64]) -> float:
    total = 0.0
    for i in range(z.size):
        total += bands[0, i] * z[i] ** 2
        if i + 1 < z.size:
            total += 2 * bands[1, i] * z[i] * z[i + 1]
        if i + 2 < z.size:
            total += 2 * bands[2, i] * z[i] * z[i + 2]
    return float(np.log(max(total, 1e-300)))


@kernel()
def _log_misfit(y: NDArray[np.float64], z: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    total = 0.0
    for i in range(y.size):
        total += weights[i] * (y[i] - z[i]) ** 2
    return float(np.log(max(total, 1e-300)))


@kernel()
def _choose(  # noqa: PLR0917 - Numba takes arguments by position
    bands: NDArray[np.float64],
    weights: NDArray[np.float64],
    y: NDArray[np.float64],
    lams: NDArray[np.float64],
    how: int,
    ldl: NDArray[np.float64],
    z: NDArray[np.float64],
    h: NDArray[np.float64],
) -> float:
    """Return λ: the given one, that of the least error left out, or that at the foot of the V-curve.

    ``lams`` falls, so that of equals the smoothest wins.
    """
    if how == FIXED:
        return float(lams[0])
    best, least = lams[0], np.inf
    fit = rough = 0.0
    for number in range(lams.size):
        _factorise(bands, weights, lams[number], ldl)
        _solve(ldl, weights, y, z)
        if how == LEAVE_ONE_OUT:
            _leverages(ldl, weights, h)
            score, lam = _left_out(y, z, weights, h), lams[number]
        else:
            fit_before, rough_before = fit, rough
            fit, rough = _log_misfit(y, z, weights), _log_curvature(bands, z)
            if number == 0:
                continue
            step = np.log(lams[number - 1] / lams[number])
            score = np.sqrt((fit - fit_before) ** 2 + (rough - rough_before) ** 2) / step
            lam = np.sqrt(lams[number - 1] * lams[number])
        if score < least * (1.0 - 1e-9):
            best, least = lam, score
    return float(best)


@kernel()
def _reweigh(  # noqa: PLR0917 - as above
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    h: NDArray[np.float64],
    seen: NDArray[np.float64],
    robust: int,
    share: float,
    weights: NDArray[np.float64],
) -> float:
    """Write new weights; return the largest change of one."""
    largest = scale = 0.0
    if robust == BISQUARE:
        distances = np.empty(y.size)
        count = 0
        for i in range(y.size):
            if seen[i] > 0.0:
                distances[count] = abs(y[i] - z[i])
                count += 1
        scale = _TUNING * _MAD * np.median(distances[:count])
        if scale <= 1e-12:
            return 0.0
    for i in range(y.size):
        new = 0.0
        if seen[i] > 0.0 and robust == BISQUARE:
            u = (y[i] - z[i]) / (scale * np.sqrt(max(1.0 - h[i], 1e-4)))
            # Never quite nothing: with two weights left above nothing at least, the system stays regular.
            new = max((1.0 - u * u) ** 2 if abs(u) < 1.0 else 0.0, 1e-6)
        elif seen[i] > 0.0:
            new = share if y[i] > z[i] else 1.0 - share
        largest = max(largest, abs(new - weights[i]))
        weights[i] = new
    return largest


@kernel()
def errors_left_out(rows: NDArray[np.float64], bands: NDArray[np.float64], lams: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over all rows of the squared errors when each observation is left out in turn, for each λ.

    Rows with fewer than three observations say nothing of λ.
    """
    dates = rows.shape[1]
    sums = np.zeros(lams.size)
    ldl, h = np.empty((3, dates)), np.empty(dates)
    z, y, weights = np.empty(dates), np.empty(dates), np.empty(dates)
    for pixel in range(rows.shape[0]):
        count = 0
        for i in range(dates):
            known = not np.isnan(rows[pixel, i])
            count += known
            weights[i] = 1.0 if known else 0.0
            y[i] = rows[pixel, i] if known else 0.0
        if count < 3:
            continue
        for number in range(lams.size):
            _factorise(bands, weights, lams[number], ldl)
            _solve(ldl, weights, y, z)
            _leverages(ldl, weights, h)
            sums[number] += (count - 2) * _left_out(y, z, weights, h)
    return sums


@kernel()
def smooth_rows(  # noqa: PLR0917 - as above
    rows: NDArray[np.float64],
    bands: NDArray[np.float64],
    lams: NDArray[np.float64],
    how: int,
    robust: int,
    share: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the curve of each row at all dates, and its λ; NaN where fewer than two dates are seen.

    Parameters
    ----------
    rows : ndarray of float64, shape (pixels, dates)
        NaN where missing.
    bands : ndarray of float64, shape (3, dates)
        From :func:`curvature_bands`.
    lams : ndarray of float64
        λ to choose from, falling; the first is taken where ``how`` is ``FIXED``.
    how, robust : int
        One of the numbers above.
    share : float
        For ``UPPER``: weight of what lies above the curve; what lies below has the rest to 1.
    """
    pixels, dates = rows.shape
    curves = np.full((pixels, dates), np.nan)
    chosen = np.full(pixels, np.nan)
    ldl, h = np.empty((3, dates)), np.empty(dates)
    z, y = np.empty(dates), np.empty(dates)
    seen, weights = np.empty(dates), np.empty(dates)
    for pixel in range(pixels):
        count = 0
        for i in range(dates):
            known = not np.isnan(rows[pixel, i])
            count += known
            seen[i] = weights[i] = 1.0 if known else 0.0
            y[i] = rows[pixel, i] if known else 0.0
        if count < 2:
            continue
        lam = _choose(bands, weights, y, lams, how, ldl, z, h)
        for turn in range(_PASSES + 1):
            _factorise(bands, weights, lam, ldl)
            _solve(ldl, weights, y, z)
            if robust == SYMMETRIC or turn == _PASSES:
                break
            _leverages(ldl, weights, h)
            if _reweigh(y, z, h, seen, robust, share, weights) < 1e-3:
                break
        curves[pixel] = z
        chosen[pixel] = lam
    return curves, chosen
