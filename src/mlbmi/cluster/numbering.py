"""Numbers that mean something: clusters in order of their mean index, then of the date of their peak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["canonical_order", "new_numbers", "order_by_index"]

_DECIMALS = 12


def canonical_order(centers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the order of clusters: by mean over dates, then by date of the peak, then by the values themselves.

    Parameters
    ----------
    centers : ndarray of float, shape (n_clusters, n_dates)
        NaN on a date that has no observation at all; it is passed over.

    Returns
    -------
    ndarray of int64, shape (n_clusters,)
        ``order[j]`` is the present number of the cluster that becomes number j.

    Notes
    -----
    Means that agree to 12 digits count as equal: rounding must not decide on a number.

    Examples
    --------
    >>> import numpy as np
    >>> canonical_order(np.array([[0.8, 0.6], [0.1, 0.1], [0.6, 0.8]]))
    array([1, 0, 2])
    """
    centers = np.asarray(centers, np.float64)
    dated = centers[:, ~np.isnan(centers).all(axis=0)]
    if not dated.shape[1]:
        return np.arange(len(centers), dtype=np.int64)
    scale = float(np.abs(dated).max()) or 1.0
    means = np.round(dated.mean(axis=1) / scale, _DECIMALS)
    peaks = np.round(dated / scale, _DECIMALS).argmax(axis=1)
    order: NDArray[np.int64] = np.lexsort((*dated.T[::-1], peaks, means)).astype(np.int64)
    return order


def order_by_index(index: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the order of clusters by an index at their centers, then by the centers' own values.

    Parameters
    ----------
    index : ndarray of float, shape (n_clusters,)
        NaN (no index there) comes last. Values that agree to 12 digits count as equal.
    centers : ndarray of float, shape (n_clusters, n_features)

    Returns
    -------
    ndarray of int64, shape (n_clusters,)
        As :func:`canonical_order`.

    Examples
    --------
    >>> import numpy as np
    >>> order_by_index(np.array([0.7, np.nan, 0.1]), np.array([[0.03, 0.2], [0.0, 0.0], [0.2, 0.25]]))
    array([2, 0, 1])
    """
    order: NDArray[np.int64] = np.lexsort((*centers.T[::-1], np.round(index, _DECIMALS))).astype(np.int64)
    return order


def new_numbers(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the inverse of an order: the new number of each present number.

    Examples
    --------
    >>> import numpy as np
    >>> new_numbers(np.array([1, 0, 2]))[np.array([0, 0, 1, 2])]
    array([1, 1, 0, 2])
    """
    numbers = np.empty(order.size, np.int64)
    numbers[order] = np.arange(order.size)
    return numbers
