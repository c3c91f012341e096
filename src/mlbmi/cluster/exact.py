"""Exact K-means on one variable as a scikit-learn estimator: the global optimum, with neither start nor seed nor tolerance.

The functions beneath it, :func:`histogram`, :func:`solve` and :func:`label`, work without scikit-learn on 8- and 16-bit integers,
such as an index stored in steps of 1e-4: one pass counts the levels, the optimum is found on the counts, one pass labels.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlbmi.cluster._exact_label import label, label_table
from mlbmi.cluster._exact_passes import nearest
from mlbmi.cluster._exact_pixels import fit_pixels
from mlbmi.cluster._exact_solve import Fit, Solution, Solutions, fit_levels, solve
from mlbmi.cluster._histogram import LEVEL_TYPES, histogram, look_up
from mlbmi.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["KMeans1D", "Solution", "Solutions", "histogram", "label", "solve"]

_TYPES = [np.float64, np.float32, *LEVEL_TYPES]
_MISSING = -1


class KMeans1D(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """K-means on one variable, solved to the global optimum.

    Minimises the weighted sum of squared distances of the values to the nearest of ``n_clusters`` centers. On a line optimal
    clusters are intervals, which dynamic programming finds for certain (Wang & Song 2011, The R Journal 3(2), 29-33; in
    O(k n log n): Grønlund et al. 2017, arXiv:1701.07204). The same values give the same answer, whatever the number of threads.

    Parameters
    ----------
    n_clusters : int, default=5
        Number of clusters, at least 1. More than there are distinct values is an error, never fewer clusters than asked for.

    Attributes
    ----------
    cluster_centers_ : ndarray of float64, shape (n_clusters, 1)
        Ascending, so that labels are ordered by value.
    labels_ : ndarray of int32, shape (n_samples,)
        0 … n_clusters - 1; -1 where the value is missing. A value halfway between two centers has the lower label.
    inertia_ : float
        Weighted sum of squared distances to the centers over all values that are not missing, summed in float64.
    optimality_gap_ : float
        Upper bound of (inertia_ - least) / least, where least is the smallest sum that any ``n_clusters`` centers can have. 0
        says that the optimum is reached and proven, up to the rounding of float64. It is above 0 only where more than a million
        distinct values lie so close that they cannot be told apart as places for a threshold, which takes data made for it.
    n_iter_ : int
        Always 0: nothing is iterated from a start.
    n_features_in_ : int
        Always 1.
    feature_names_in_ : ndarray of str, shape (1,)
        Where ``X`` has names for its columns.

    See Also
    --------
    solve : All numbers of clusters at once, on weighted levels.

    Notes
    -----
    Integers of 8 and 16 bits and up to 32 768 floats are solved on their distinct values. More floats are counted into fine bins;
    a lower bound shows in which few bins a threshold of the optimum can lie, and the values in those are searched one by one.

    NaN is missing and gets the label -1. Values of weight 0 do not move centers, but are labelled. X is not copied where it is a
    column of float32, float64 or an integer type of 8 or 16 bits; other types become float64.

    Examples
    --------
    >>> import numpy as np
    >>> ndvi = np.array([[0.1], [0.2], [np.nan], [0.7], [0.9], [0.8]])
    >>> model = KMeans1D(n_clusters=2).fit(ndvi)
    >>> model.labels_
    array([ 0,  0, -1,  1,  1,  1], dtype=int32)
    >>> model.cluster_centers_.ravel().round(3), round(model.inertia_, 3), model.optimality_gap_
    (array([0.15, 0.8 ]), 0.025, 0.0)
    """

    def __init__(self, n_clusters: int = 5) -> None:
        self.n_clusters = n_clusters

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002, N803 - scikit-learn's
        """Find the optimal centers and label the values.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)
            Values; NaN is missing.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), optional
            Finite and not negative.

        Returns
        -------
        KMeans1D

        Raises
        ------
        InputError
            If ``X`` has more than one column, an infinite value, or fewer distinct values with weight than ``n_clusters``.
        """
        k = self._checked_k()
        values = self._values(X, reset=True)
        weights = None if sample_weight is None else self._weights(sample_weight, values)
        fit = _fit(values, weights, k)
        self.cluster_centers_ = fit.centers[:, None]
        self.labels_, self.inertia_ = self._assign(values, weights)
        least = self.inertia_ - fit.excess
        self.optimality_gap_ = fit.excess / least if least > 0 else (np.inf if fit.excess > 0 else 0.0)
        self.n_iter_ = 0
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:  # noqa: N803 - scikit-learn's name
        """Number each value by its nearest center.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)

        Returns
        -------
        ndarray of int32, shape (n_samples,)
            -1 where the value is missing.
        """
        check_is_fitted(self)
        return self._assign(self._values(X, reset=False), None)[0]

    def score(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: ARG002, N803
        """Return minus the weighted sum of squared distances to the nearest center, over values that are not missing.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        check_is_fitted(self)
        values = self._values(X, reset=False)
        return -self._assign(values, None if sample_weight is None else self._weights(sample_weight, values))[1]

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803 - scikit-learn's name
        """Return the distance of each value to each center.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)

        Returns
        -------
        ndarray of float64, shape (n_samples, n_clusters)
            NaN where the value is missing.
        """
        check_is_fitted(self)
        values = self._values(X, reset=False)
        _refuse_infinite(values)
        return np.abs(values.astype(np.float64)[:, None] - self.cluster_centers_[:, 0])

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that NaN is allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[0])

    def _checked_k(self) -> int:
        k = self.n_clusters
        if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
            raise InputError(f"n_clusters is {k!r}; it must be a whole number of at least 1")
        return int(k)

    def _values(self, X: ArrayLike, *, reset: bool) -> NDArray[Any]:  # noqa: N803
        """Return the one column, checked, as a line; a view where X is an array of a supported type."""
        table = validate_data(self, X, reset=reset, dtype=_TYPES, ensure_all_finite=False)
        return self._column(table)

    def _column(self, table: NDArray[Any]) -> NDArray[Any]:
        if table.shape[1] != 1:
            raise InputError(
                f"X has {table.shape[1]} features; KMeans1D takes one column",
                remedy="Use KMeans for several, or X[:, [j]] for one of them.",
            )
        return table[:, 0]

    @staticmethod
    def _weights(sample_weight: ArrayLike, values: NDArray[Any]) -> NDArray[np.float64]:
        checked: NDArray[np.float64] = _check_sample_weight(sample_weight, values[:, None], dtype=np.float64)
        return checked

    def _assign(self, values: NDArray[Any], weights: NDArray[np.float64] | None) -> tuple[NDArray[np.int32], float]:
        """Return labels and the squared error."""
        centers: NDArray[np.float64] = self.cluster_centers_[:, 0]
        labels = np.empty(values.size, np.int32)
        if values.dtype in LEVEL_TYPES:
            table = label_table(values.dtype, centers, labels.dtype)
            look_up(values, table, labels)
            levels, counts = histogram(values, weights=weights)
            return labels, float((counts * (levels - centers[table]) ** 2).sum())
        inertia = nearest(values, weights, centers, labels, _MISSING)
        if not np.isfinite(inertia):
            _refuse_infinite(values)
        return labels, inertia


def _fit(values: NDArray[Any], weights: NDArray[np.float64] | None, k: int) -> Fit:
    if values.dtype in LEVEL_TYPES:
        return fit_levels(*histogram(values, weights=weights), k)
    return fit_pixels(values, weights, k)


def _refuse_infinite(values: NDArray[Any]) -> None:
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise InputError("Input X contains infinity: only finite values and NaN (missing) can be clustered")
