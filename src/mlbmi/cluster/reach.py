"""How far the members of a cluster lie from its center: the yardstick for pixels that training never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._spread import weighted_quantiles
from mlbmi.compiling import kernel, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["distances_to_own", "level_reach", "members_sample", "reach"]

_SHARE = 99.0
"""Per cent of a cluster's pixels within its reach."""

SAMPLE = 1 << 16
"""Most pixels from which a reach is taken."""


def reach(distances: NDArray[np.float64], labels: NDArray[Any], n_clusters: int) -> NDArray[np.float64]:
    """Return the distance within which 99 of 100 members lie, by cluster.

    Parameters
    ----------
    distances : ndarray of float, shape (n,)
        Of pixels from their own center; see :func:`distances_to_own`.
    labels : ndarray of integers, shape (n,)
    n_clusters : int

    Returns
    -------
    ndarray of float64, shape (n_clusters,)
        99th percentile, interpolated linearly; NaN for a cluster without members.

    Examples
    --------
    >>> import numpy as np
    >>> reach(np.array([0.0, 1.0, 0.5]), np.array([0, 0, 1]), 3)
    array([0.99, 0.5 ,  nan])
    """
    members = [distances[labels == cluster] for cluster in range(n_clusters)]
    return np.array([np.percentile(own, _SHARE) if own.size else np.nan for own in members], np.float64)


def distances_to_own(rows: NDArray[np.float64], labels: NDArray[Any], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return the distance of pixels from their own centers: :math:`\sqrt{\sum_{t \in O} (x_t - c_t)^2 / |O|}`.

    The root of a mean, so that distances over few and over many observed features compare.

    Parameters
    ----------
    rows : ndarray of float, shape (n, n_features)
        Features as clustered (scaled), NaN where missing.
    labels : ndarray of integers, shape (n,)
    centers : ndarray of float, shape (n_clusters, n_features)
        In the same units; NaN for a feature that was never observed, which is left out.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where nothing is observed.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1.0, 3.0], [np.nan, 3.0]])
    >>> distances_to_own(rows, np.array([0, 0]), np.array([[0.0, 2.0]]))
    array([1., 1.])
    """
    squares = (rows - centers[labels]) ** 2
    seen = ~np.isnan(squares)
    observed = seen.sum(axis=1)
    mean = np.where(seen, squares, 0.0).sum(axis=1) / np.maximum(observed, 1)
    return np.where(observed > 0, np.sqrt(mean), np.nan)


def members_sample(labels: NDArray[Any], counts: NDArray[np.int64], size: int = SAMPLE) -> NDArray[np.int64]:
    """Choose clustered pixels, evenly spaced among the members of each cluster; there is no randomness in it.

    All are chosen where there are no more than ``size``. Else every cluster gives its share, in proportion but at least one.

    Parameters
    ----------
    labels : ndarray of integers, any shape
        Labels outside 0 … k − 1 are missing.
    counts : ndarray of int64, shape (k,)
        How often each label occurs.
    size : int
        Most pixels to choose.

    Returns
    -------
    ndarray of int64, shape (n,), n ≤ ``size``
        Places in ``labels.reshape(-1)``, rising.

    Examples
    --------
    >>> import numpy as np
    >>> members_sample(np.array([0, 255, 0, 1, 0, 0]), np.array([4, 1]), size=3)
    array([2, 3])
    """
    total = int(counts.sum())
    wanted = np.asarray(counts, np.int64)
    if total > size:
        # Rounded down, with one for each set aside first: never more than ``size`` in all.
        spare = max(size - int((wanted > 0).sum()), 0)
        wanted = np.minimum(wanted, (wanted > 0) + (wanted * (spare / total)).astype(np.int64))
    chosen: NDArray[np.int64] = _every_nth(
        read_only(labels.reshape(-1)), read_only(wanted), read_only(np.asarray(counts, np.int64))
    )
    return chosen


@kernel()
def _every_nth(labels: NDArray[Any], wanted: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Walk over the labels; of each cluster take ``wanted`` members, as evenly as whole numbers allow (Bresenham's line)."""
    chosen = np.empty(wanted.sum(), np.int64)
    owed = counts // 2
    taken = 0
    for i in range(labels.size):
        label = labels[i]
        if label < 0 or label >= counts.size:
            continue
        owed[label] += wanted[label]
        if owed[label] >= counts[label]:
            owed[label] -= counts[label]
            chosen[taken] = i
            taken += 1
    return chosen[:taken]


def level_reach(
    distances: NDArray[np.float64], labels: NDArray[Any], weights: NDArray[Any], n_clusters: int
) -> NDArray[np.float64]:
    """Return the reach of clusters of levels that many pixels share: exact, over all pixels.

    Parameters
    ----------
    distances : ndarray of float, shape (n_levels,)
        Of the levels from their own center.
    labels : ndarray of integers, shape (n_levels,)
    weights : ndarray of int, shape (n_levels,)
        Pixels on each level.
    n_clusters : int

    Returns
    -------
    ndarray of float64, shape (n_clusters,)
        As :func:`reach` of the levels repeated by their weights.

    Examples
    --------
    >>> import numpy as np
    >>> level_reach(np.array([0.0, 1.0, 0.5]), np.array([0, 0, 1]), np.array([3, 1, 2]), 2)
    array([0.97, 0.5 ])
    """
    return np.array([_weighted(distances[labels == j], weights[labels == j]) for j in range(n_clusters)], np.float64)


def _weighted(values: NDArray[np.float64], weights: NDArray[Any]) -> float:
    there = weights > 0
    if not there.any():
        return float("nan")
    order = values[there].argsort(kind="stable")
    return float(weighted_quantiles(values[there][order], weights[there][order], np.array([_SHARE]))[0])
