"""The gap statistic: by how much the squared error is smaller than it would be without any clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster._centers import centers_by_k
from mlbmi.cluster.criteria import grand_center, nearest_centers, partial_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Gap", "gap_statistic"]

_ROWS = 2500
"""Rows, at most, of the data and of each reference."""


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """The gap statistic by number of clusters.

    Attributes
    ----------
    gap : ndarray of float64
        E*[log W] − log W.
    error : ndarray of float64
        s_k: standard deviation of log W over the references, times √(1 + 1/references).
    """

    gap: NDArray[np.float64]
    error: NDArray[np.float64]


def gap_statistic(table: NDArray[np.floating], k_values: Sequence[int], *, n_references: int, seed: int) -> Gap:
    """Compare log W with its mean over references without clusters: uniform in the box along the data's principal axes.

    Tibshirani, Walther & Hastie (2001), J. R. Stat. Soc. B 63(2), 411-423, reference (b). References have the gaps of the data,
    so that partial distances are as uncertain in them.

    Parameters
    ----------
    table : ndarray of float, shape (n, d)
        NaN is missing. Of more than 2500 rows so many are drawn.
    k_values : sequence of int
        Each at most n.
    n_references : int
        At least 1.
    seed : int

    Returns
    -------
    Gap
        NaN where W is 0.

    Notes
    -----
    To find the principal axes and the box, missing values are filled from the row's center at the largest number of clusters
    (as k-POD does). Nothing else uses the filled values.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.repeat([0.0, 10.0], 50)[:, None] + np.linspace(0, 1, 100)[:, None]
    >>> [1, 2, 3][gap_statistic(x, [1, 2, 3], n_references=5, seed=0).gap.argmax()]
    2
    """
    random = np.random.default_rng(seed)
    rows = table if len(table) <= _ROWS else table[np.sort(random.choice(len(table), _ROWS, replace=False))]
    rows = rows[:, ~np.isnan(rows).all(axis=0)]
    found = centers_by_k(rows, k_values, seed=seed, n_init=2)
    box = _Box.around(_filled(rows, found[int(np.argmax(k_values))][0]))
    missing = np.isnan(rows)
    drawn = [_log_errors(centers_by_k(box.draw(missing, random), k_values, seed=at)) for at in range(n_references)]
    mean = np.mean(drawn, axis=0)
    return Gap(mean - _log_errors(found), np.std(drawn, axis=0) * np.sqrt(1 + 1 / n_references))


def _log_errors(found: list[tuple[NDArray[np.float64], float]]) -> NDArray[np.float64]:
    sse = np.array([sse for _, sse in found])
    return np.where(sse > 0, np.log(np.where(sse > 0, sse, 1.0)), np.nan)


def _filled(rows: NDArray[np.floating], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill gaps from each row's nearest center, and what is not known there from the mean."""
    known = np.where(np.isnan(centers), grand_center(rows), centers)
    return np.where(np.isnan(rows), known[nearest_centers(partial_distances(rows, known))], rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Box:
    """A box along principal axes: a point of it is ``mean + place @ axes``, with ``low`` ≤ place ≤ ``high``."""

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def around(cls, rows: NDArray[np.float64]) -> _Box:
        mean = rows.mean(axis=0)
        axes = np.linalg.eigh((rows - mean).T @ (rows - mean))[1].T
        places = (rows - mean) @ axes.T
        return cls(mean, axes, places.min(axis=0), places.max(axis=0))

    def draw(self, missing: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.float32]:
        """Draw a row for each row of ``missing``, with its gaps."""
        places = random.uniform(self.low, self.high, missing.shape)
        drawn: NDArray[np.float32] = np.where(missing, np.nan, self.mean + places @ self.axes).astype(np.float32)
        return drawn
