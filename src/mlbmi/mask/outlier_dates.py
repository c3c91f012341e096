"""Whole dates that do not fit their series: a veil of haze, a dusting of snow that the scene classes missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.mask.outliers import SIGMA_PER_MAD, departures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

__all__ = ["DateDeviation", "date_deviations"]

_STABLE_SHARE = 1 / 3
"""Share of the pixels, those that change least, by which dates are judged: the season shows least in them."""

_LEAST_PIXELS = 100
"""Stable pixels that a date must show to be judged."""

_LEAST_OBSERVATIONS = 3
_LEAST_DATES = 4
"""Dates that a series needs: with three, any of them may be the odd one."""

_N_SIGMA = 3.0
_LEAST_SHARE = 0.05
_SEVERE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class DateDeviation:
    """How a date fits into its series.

    Attributes
    ----------
    pixels : int
        Stable pixels that it was judged by.
    share : float
        Share of them that lie below both the date before and the one after; NaN if there are too few.
    limit : float
        Share from which a date counts as an outlier in this series.
    drop : float
        By how much those lie below, by their median, in units of the values.
    """

    pixels: int
    share: float
    limit: float
    drop: float

    @property
    def outlying(self) -> bool:
        """Whether the date is an outlier."""
        return self.share > self.limit

    @property
    def severe(self) -> bool:
        """Whether it is one by so much that the series is better off without it: a fifth of the stable pixels and more."""
        return self.share > max(self.limit, _SEVERE_SHARE)


def date_deviations(values: Values, *, step: float) -> list[DateDeviation]:
    """Judge each date by the pixels that change least.

    A date's share of stable pixels that lie more than ``step`` below both the observation before and the one after is held
    against the shares of the other dates by Hampel's identifier: more than 3 σ above the median, and at least 5 %. So a series in
    which the seasons dip everywhere condemns no date for it. Haze, thin cloud and unseen snow make vegetation less green, never
    greener: above counts for nothing.

    Parameters
    ----------
    values : ndarray of float, shape (dates, pixels)
        Of an index that is high over vegetation; in order of time, NaN = missing. A sample of some ten thousand pixels will do.
    step : float
        Drop that counts, in units of the values.

    Returns
    -------
    list of DateDeviation
        One a date.

    Examples
    --------
    >>> values = np.full((6, 200), 0.8) + np.linspace(0, 0.02, 200)
    >>> values[2, :120] -= 0.3
    >>> [date.outlying for date in date_deviations(values, step=0.1)]
    [False, False, True, False, False, False]
    """
    off = departures(values)
    judging = ~np.isnan(off) & _most_stable(values)
    counts = np.count_nonzero(judging, axis=1)
    judged = (counts >= _LEAST_PIXELS) & (len(values) >= _LEAST_DATES)
    below = (off < -step) & judging
    shares = np.where(judged, np.count_nonzero(below, axis=1) / np.maximum(counts, 1), np.nan)
    limit = _limit(shares[judged])
    drops = [float(-np.median(row[far])) if far.any() else 0.0 for row, far in zip(off, below, strict=True)]
    return [DateDeviation(int(n), float(share), limit, drop) for n, share, drop in zip(counts, shares, drops, strict=True)]


def _limit(shares: Values) -> float:
    if not shares.size:
        return 1.0
    middle = np.median(shares)
    return max(_LEAST_SHARE, float(middle + _N_SIGMA * SIGMA_PER_MAD * np.median(np.abs(shares - middle))))


def _most_stable(values: Values) -> NDArray[np.bool_]:
    """Return the pixels whose values scatter least, by the median absolute deviation."""
    enough = np.count_nonzero(~np.isnan(values), axis=0) >= _LEAST_OBSERVATIONS
    if not enough.any():
        return np.zeros(values.shape[1], dtype=bool)
    scatter = np.full(values.shape[1], np.inf)
    some = values[:, enough]
    scatter[enough] = np.nanmedian(np.abs(some - np.nanmedian(some, axis=0)), axis=0)
    stable: NDArray[np.bool_] = enough & (scatter <= float(np.quantile(scatter[enough], _STABLE_SHARE)))
    return stable
