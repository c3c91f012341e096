"""Single observations that cannot belong to their pixel's series: clouds, shadows and roofs that the scene classes missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

__all__ = ["LEAST_OBSERVATIONS", "SIGMA_PER_MAD", "departures", "find_outliers"]

SIGMA_PER_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation (Hampel 1974, JASA 69:383-393)."""

LEAST_OBSERVATIONS = 7
"""Clear dates that a pixel needs to be tested: of fewer, one season can look like an outlier of another."""


def find_outliers(
    values: NDArray[np.floating[Any]], *, n_sig: float, floor: float, min_observations: int = LEAST_OBSERVATIONS
) -> NDArray[np.bool_]:
    """Say which observations lie far from their pixel's median, and alone.

    An observation is an outlier if it lies more than ``n_sig`` σ from the median of its pixel's series, σ being 1.4826 times
    the median absolute deviation (Hampel's identifier) and at least ``floor``, *and* it leaves both its neighbours in time to
    the same side by more than ``n_sig × floor``. The second half spares what lasts: a season, a fire, a building site show in
    two observations running. The first and the last observation are held against the two next to them.

    Parameters
    ----------
    values : ndarray of float, shape (dates, …)
        In order of time, NaN = missing.
    n_sig : float
        How many σ; above 0.
    floor : float
        Least σ, in units of the values: what sensor and atmosphere alone scatter.
    min_observations : int
        Observations that a pixel needs to be tested; 3 or more.

    Returns
    -------
    ndarray of bool
        Of the shape of ``values``; False where missing.

    Raises
    ------
    ConfigError
        If ``n_sig`` or ``floor`` is not above 0.

    Examples
    --------
    >>> series = np.array([0.80, 0.82, 0.81, 0.12, 0.79, 0.83, 0.80, 0.81])[:, None]
    >>> find_outliers(series, n_sig=10, floor=0.02)[:, 0].astype(int).tolist()
    [0, 0, 0, 1, 0, 0, 0, 0]
    """
    if not (n_sig > 0 and floor > 0):
        raise ConfigError(f"n_sig is {n_sig:g} and the least scatter {floor:g}; both must be above 0")
    flat = values.reshape(len(values), -1)
    observed = np.count_nonzero(~np.isnan(flat), axis=0)
    distance = np.abs(flat - _median(flat, observed))
    limit = n_sig * np.maximum(SIGMA_PER_MAD * _median(distance, observed), floor)
    far = (distance > limit) & (observed >= max(min_observations, 3))
    found = np.zeros(flat.shape, dtype=bool)
    suspects = np.flatnonzero(far.any(axis=0))
    found[:, suspects] = far[:, suspects] & (np.abs(departures(flat[:, suspects])) > n_sig * floor)
    return found.reshape(values.shape)


def _median(values: Values, observed: NDArray[np.intp]) -> Values:
    """Return medians over the first axis of what is not NaN; NaN where nothing is. Faster than numpy.nanmedian by far."""
    ordered = np.sort(values, axis=0)  # NaN goes to the end
    low, high = np.maximum(observed - 1, 0) // 2, observed // 2
    pair = [np.take_along_axis(ordered, np.minimum(rank, len(values) - 1)[None], axis=0)[0] for rank in (low, high)]
    median: Values = (pair[0] + pair[1]) / 2
    return median


def departures(values: Values) -> Values:
    """Return by how much each observation leaves both its neighbours in time to the same side.

    Parameters
    ----------
    values : ndarray of float, shape (dates, pixels)
        In order of time, NaN = missing.

    Returns
    -------
    ndarray of float
        The lesser of the two distances, below 0 where it lies below both; 0 where it lies between them; NaN where it or a
        neighbour is missing altogether. The first and the last observation are held against the two next to them.
    """
    before, earlier = _last_two(values)
    after, later = (steps[::-1] for steps in _last_two(values[::-1]))
    left = values - np.where(np.isnan(before), later, before)
    right = values - np.where(np.isnan(after), earlier, after)
    lesser = np.sign(left) * np.minimum(np.abs(left), np.abs(right))
    with np.errstate(invalid="ignore"):
        apart: Values = np.where(left * right < 0, 0, lesser)
    return apart


def _last_two(values: Values) -> tuple[Values, Values]:
    """Return for each date the last observation before it, and the one before that; NaN where there is none."""
    last, but_one = np.full_like(values, np.nan), np.full_like(values, np.nan)
    for date in range(1, len(values)):
        seen = ~np.isnan(values[date - 1])
        last[date] = np.where(seen, values[date - 1], last[date - 1])
        but_one[date] = np.where(seen, last[date - 1], but_one[date - 1])
    return last, but_one
