"""How well clusters describe rows with missing values: criteria that need distances to centers only, never between all pairs.

A distance is over the features that a row was observed on, scaled up to all of them, as in :class:`.KMeans`; for complete rows it
is Euclid's, and the criteria are those of the textbooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "block_error",
    "calinski_harabasz",
    "davies_bouldin",
    "grand_center",
    "nearest_centers",
    "partial_distances",
    "simplified_silhouettes",
]


def partial_distances(table: NDArray[np.floating], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return the distance of each row to each center over what was observed of it, scaled up to all features.

    Parameters
    ----------
    table : ndarray of float, shape (n, d)
        NaN is missing.
    centers : ndarray of float64, shape (k, d)
        NaN where a feature is not known of a center; it is passed over.

    Returns
    -------
    ndarray of float64, shape (n, k)
        √(d/\|O\| Σ (x − c)²); NaN where a row and a center have no feature in common.

    Examples
    --------
    >>> import numpy as np
    >>> partial_distances(np.array([[3.0, 4.0], [3.0, np.nan]]), np.zeros((1, 2))).round(3)
    array([[5.   ],
           [4.243]])
    """
    rows, features = np.asarray(table, np.float64), table.shape[1]
    out = np.empty((len(rows), len(centers)))
    for place, center in enumerate(centers):
        step = rows - center
        seen = ~np.isnan(step)
        square = np.square(step, where=seen, out=np.zeros_like(step)).sum(axis=1)
        count = seen.sum(axis=1)
        out[:, place] = np.sqrt(np.where(count > 0, square * features / np.maximum(count, 1), np.nan))
    return out


def nearest_centers(distances: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the number of each row's nearest center, the lower one on a tie; rows without any distance get 0."""
    nearest: NDArray[np.intp] = np.where(np.isnan(distances), np.inf, distances).argmin(axis=1)
    return nearest


def grand_center(table: NDArray[np.floating]) -> NDArray[np.float64]:
    r"""Return the one center that costs least, shape (d,): the mean by feature, rows weighted by d/\|O\|; NaN if never observed.

    Examples
    --------
    >>> import numpy as np
    >>> grand_center(np.array([[0.0, 0.0], [1.0, 1.0], [1.0, np.nan]]))
    array([0.75, 0.5 ])
    """
    seen = ~np.isnan(table)
    weight = seen * (table.shape[1] / np.maximum(seen.sum(axis=1), 1))[:, None]
    mass = weight.sum(axis=0)
    total = (weight * np.where(seen, table, 0.0)).sum(axis=0)
    return np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), np.nan)


def simplified_silhouettes(distances: NDArray[np.float64], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return each row's simplified silhouette: (b − a) / max(a, b), with a to its own center and b to the nearest other one.

    Distances to centers stand for mean distances to members (Hruschka, de Castro & Campello 2004, ICDM, 403-406); as a criterion
    for the number of clusters it does as well, at a cost of n k instead of n² (Vendramin, Campello & Hruschka 2010, Stat. Anal.
    Data Min. 3(4), 209-235).

    Parameters
    ----------
    distances : ndarray of float64, shape (n, k)
        k at least 2.
    labels : ndarray of integers, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        −1 … 1; 0 where both distances are 0.

    Examples
    --------
    >>> import numpy as np
    >>> simplified_silhouettes(np.array([[1.0, 4.0], [2.0, 2.0]]), np.array([0, 1]))
    array([0.75, 0.  ])
    """
    rows = np.arange(len(labels))
    own = distances[rows, labels]
    others = distances.copy()
    others[rows, labels] = np.inf
    other = others.min(axis=1)
    larger = np.maximum(own, other)
    return np.where(larger > 0, (other - own) / np.where(larger > 0, larger, 1.0), 0.0)


def calinski_harabasz(within: float, total: float, n: int, k: int) -> float:
    """Return between-cluster over within-cluster variance, (T − W)/(k − 1) ÷ W/(n − k); higher is better.

    Caliński & Harabasz (1974), Communications in Statistics 3(1), 1-27. With gaps T and W are sums of scaled partial squares.

    Parameters
    ----------
    within, total : float
        Sums of squared distances to the own center, and to :func:`grand_center`.
    n, k : int
        Rows and clusters.

    Returns
    -------
    float
        NaN for one cluster, as many clusters as rows, or no variance within.

    Examples
    --------
    >>> calinski_harabasz(2.0, 10.0, 6, 2), calinski_harabasz(10.0, 10.0, 6, 1)
    (16.0, nan)
    """
    if not 1 < k < n or within <= 0:
        return float("nan")
    return (total - within) / (k - 1) / (within / (n - k))


def davies_bouldin(distances: NDArray[np.float64], labels: NDArray[np.integer], centers: NDArray[np.float64]) -> float:
    """Return the mean over clusters of the worst (spread + spread) / distance of centers; lower is better.

    Davies & Bouldin (1979), IEEE Trans. Pattern Anal. Mach. Intell. 1(2), 224-227, with mean distances to the center as spreads.

    Parameters
    ----------
    distances : ndarray of float64, shape (n, k)
    labels : ndarray of integers, shape (n,)
        Clusters without a row are left out.
    centers : ndarray of float64, shape (k, d)

    Returns
    -------
    float
        NaN with fewer than two clusters; infinite if two centers coincide.

    Examples
    --------
    >>> import numpy as np
    >>> x, centers = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([[1.0], [11.0]])
    >>> davies_bouldin(partial_distances(x, centers), np.array([0, 0, 1, 1]), centers)
    0.2
    """
    members = np.bincount(labels, minlength=len(centers))
    there = np.flatnonzero(members)
    if there.size < 2:
        return float("nan")
    spread = np.bincount(labels, distances[np.arange(len(labels)), labels], minlength=len(centers))[there] / members[there]
    apart = partial_distances(centers[there], centers[there])
    np.fill_diagonal(apart, np.inf)
    with np.errstate(divide="ignore"):
        return float(((spread[:, None] + spread) / apart).max(axis=1).mean())


def block_error(values: NDArray[np.float64], groups: NDArray[np.integer]) -> float:
    """Return the standard error of the mean of values that come in blocks: neighbours are alike, so the blocks are what counts.

    The ratio estimator of cluster sampling (Cochran 1977, Sampling Techniques, section 9A.3).

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    groups : ndarray of non-negative integers, shape (n,)
        Number of each value's block.

    Returns
    -------
    float
        NaN with fewer than two blocks.

    Examples
    --------
    >>> import numpy as np
    >>> block_error(np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1]))
    1.0
    """
    blocks, place = np.unique(groups, return_inverse=True)
    if blocks.size < 2:
        return float("nan")
    residual = np.bincount(place, values - values.mean())
    return float(np.sqrt((residual**2).sum() * blocks.size / (blocks.size - 1)) / values.size)
