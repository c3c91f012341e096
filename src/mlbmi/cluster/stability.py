"""Do the clusters come again on other data of the same kind? Agreement of clusterings of halves of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import adjusted_rand_score

from mlbmi.cluster._centers import centers_by_k
from mlbmi.cluster.criteria import nearest_centers, partial_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["stability"]

_TRAIN, _JUDGE = 1000, 3000
"""Rows, at most, of a half from which centers are learned, and rows that both label.

Few on purpose: with any number of rows all of K-means' partitions become stable, the wrong ones too, as its optimum is nearly
always unique (Ben-David, von Luxburg & Pál 2006, COLT, 5-19)."""


def stability(
    table: NDArray[np.floating], k_values: Sequence[int], *, groups: NDArray[np.integer], n_resamples: int, seed: int
) -> NDArray[np.float64]:
    """Return how well clusterings of two halves of the data agree, for each number of clusters.

    The blocks are dealt into two halves; each half is clustered alone; both models label the same rows (Lange, Roth, Braun &
    Buhmann 2004, Neural Computation 16(6), 1299-1323; Ben-Hur, Elisseeff & Guyon 2002, Pac. Symp. Biocomput., 6-17). Agreement is
    the adjusted Rand index, which is corrected for chance, so that numbers of clusters compare.

    Parameters
    ----------
    table : ndarray of float, shape (n, d)
        NaN is missing.
    k_values : sequence of int
    groups : ndarray of integers, shape (n,)
        Block of each row: a block is never split, so that neighbours do not vouch for each other.
    n_resamples : int
        Pairs of halves.
    seed : int

    Returns
    -------
    ndarray of float64, shape (len(k_values),)
        Mean over the pairs, ≤ 1. NaN for one cluster, which always agrees, and for more clusters than a half has rows.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0], [0.1], [5.0], [5.1]]).repeat(10, axis=0)
    >>> stability(x, [1, 2], groups=np.arange(40), n_resamples=3, seed=0)
    array([nan,  1.])
    """
    random = np.random.default_rng(seed)
    agreed = np.full((n_resamples, len(k_values)), np.nan)
    for pair in range(n_resamples):
        halves = [_some(rows, _TRAIN, random) for rows in _halves(groups, random)]
        judged = table[_some(np.arange(len(table)), _JUDGE, random)]
        fit = [place for place, k in enumerate(k_values) if 1 < k <= min(map(len, halves))]
        if fit:
            agreed[pair, fit] = _agreement([table[half] for half in halves], judged, [k_values[at] for at in fit], pair)
    known = ~np.isnan(agreed).any(axis=0)
    return np.where(known, agreed.sum(axis=0) / max(n_resamples, 1), np.nan)


def _agreement(
    halves: Sequence[NDArray[np.floating]], judged: NDArray[np.floating], k_values: Sequence[int], seed: int
) -> list[float]:
    models = [centers_by_k(half, k_values, seed=2 * seed + place) for place, half in enumerate(halves)]
    labels = [[nearest_centers(partial_distances(judged, centers)) for centers, _ in by_k] for by_k in models]
    return [float(adjusted_rand_score(a, b)) for a, b in zip(*labels, strict=True)]


def _halves(groups: NDArray[np.integer], random: np.random.Generator) -> list[NDArray[np.intp]]:
    """Deal the blocks, in random order, into two parts with as equal numbers of rows as one cut allows."""
    blocks, place = np.unique(groups, return_inverse=True)
    order = random.permutation(blocks.size)
    grown = np.cumsum(np.bincount(place)[order])
    cut = int(np.abs(grown[:-1] - grown[-1] / 2).argmin()) + 1 if blocks.size > 1 else 0
    first = np.isin(place, order[:cut])
    return [np.flatnonzero(first), np.flatnonzero(~first)]


def _some(rows: NDArray[np.intp], count: int, random: np.random.Generator) -> NDArray[np.intp]:
    return rows if rows.size <= count else np.sort(random.choice(rows, count, replace=False))
