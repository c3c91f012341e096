"""K-means for pixel series with missing dates, as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlbmi.cluster._lloyd_engine import Descent, descend
from mlbmi.cluster._lloyd_passes import Assignment, Pixels, assign_all, distances, take
from mlbmi.cluster._lloyd_start import best_start, date_variance, doubtful_share, on_dates, pooled, sample, sample_size
from mlbmi.cluster.numbering import canonical_order, new_numbers
from mlbmi.compiling import read_only
from mlbmi.errors import InputError
from mlbmi.types import INDEX_NODATA

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["KMeans"]

_TYPES = [np.float64, np.float32, np.int16]
_MISSING = -1


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    r"""K-means on rows with missing values: Lloyd's iteration on what was observed, with nothing filled in.

    Minimises, over labels :math:`l` and centers :math:`c`,

    .. math:: f(l, c) = \sum_i w_i \, \frac{d}{|O_i|} \sum_{t \in O_i} (x_{it} - c_{l_i t})^2

    where :math:`O_i` are the dates on which pixel i was observed and d is the number of dates: squared distances over the
    observed dates, scaled up to all dates, so that each pixel counts as much as a complete one. Without missing values it is
    K-means' objective. Both steps of the iteration minimise this one function exactly, so it never rises (but by rounding): the
    nearest center by partial distance is the best label for given centers, and for given labels the best center on date t is the
    mean of its members observed on t, weighted by :math:`w_i d / |O_i|`.

    Parameters
    ----------
    n_clusters : int, default=5
    init : {"k-means++"} or array-like of shape (n_clusters, n_features), default="k-means++"
        Centers to start from. Given ones are used once, on all the data, and keep their numbers.
    n_init : int, default=4
        Searches for a start, on a sample of 4096 rows: greedy k-means++, a descent, then again and again a center is moved
        elsewhere and the descent repeated, until twelve times in a row it did not help. What is found goes on to 16 384 rows; if
        there the searches end in different optima, up to three go on to 131 072 (with more than four million rows, one does in
        any case). The best goes on to all the data. (The first two samples have at least 64 rows per cluster.)
    max_iter : int, default=300
        Updates of the centers, at most.
    tol : float, default=1e-7
        Stop where the centers' squared steps sum to at most this share of the mean variance of a date. 0 goes on until no
        label changes.
    random_state : int, RandomState or None, default=0
        Seed of sampling and k-means++. The answer depends on it, but not on the number of threads.
    min_observations : int, default=1
        Rows with fewer observed values are not clustered: label -1.
    partial : {"scaled", "observed"}, default="scaled"
        "observed" leaves out the factor d/\|O_i\|: each *observation* counts alike, which is the objective of k-POD
        (Chi, Chi & Baraniuk 2016, The American Statistician 70(1), 91-99). Labels for given centers are the same either way.
        Scaled is the default because otherwise the model would lean to where orbits overlap and clouds are few, and because its
        inertia compares with that of complete data. With gaps at random (30 to 50 %), "observed" had centers nearer the complete
        data's by 10 to 30 %, and labels that agreed with the truth as well to 0.007 in adjusted Rand index.
    nodata : int or None, default=-32768
        What "missing" is in int16 input.

    Attributes
    ----------
    cluster_centers_ : ndarray of float64, shape (n_clusters, n_features)
        In units of X. Ordered by mean over features, then by the place of the peak (:func:`.numbering.canonical_order`), unless
        ``init`` gave them. Where no member was observed on a date: that date's mean over all clusters. NaN on a date on which
        nothing was observed at all, which is left out of the distance and of d.
    labels_ : ndarray of int32, shape (n_samples,)
        Nearest center (the lower number on a tie); -1 for fewer than ``min_observations``.
    inertia_ : float
        The objective at ``labels_`` and ``cluster_centers_``, over all the data, summed in float64.
    inertia_path_ : ndarray of float64, shape (n_iter_ + 1,)
        The objective over all the data after the start and after each update: never rising.
    n_iter_ : int
        Updates of the centers over all the data.
    converged_ : bool
        False if ``max_iter`` ran out first.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (n_features_in_,)
        Where ``X`` has names for its columns.

    See Also
    --------
    KMeans1D : The global optimum, for one feature.
    mlbmi.cluster.cluster_timeseries : The same on a cube.

    Notes
    -----
    X may be int16, float32 or float64, pixel-major or date-major: a cube's ``values.reshape(n_dates, -1).T`` is read where it
    lies. It is never copied nor widened; arithmetic is in float32 (float64 for float64 input) within blocks of 256 pixels, sums
    are in float64.

    After the first pass only those pixels are looked at whose label the movement of the centers has put in doubt (Hamerly 2010,
    SDM, 130-140); the labels are those of plain Lloyd. Those that will be in doubt first, one of sixteen (of 48 where there are
    many), are copied during that pass, and as a rule it stays the only one over the input.

    Data of up to 32 768 rows are searched whole, as distinct rows in sorted order: there, neither their order nor the choice
    between repetitions and weights changes the answer.

    Empty clusters take the pixels that cost most. With fewer distinct rows than clusters, some stay empty, with a warning.

    Examples
    --------
    >>> import numpy as np
    >>> nan = np.nan
    >>> series = np.array([[0.2, 0.2, 0.3], [0.2, nan, 0.3], [0.3, 0.8, nan], [0.3, 0.9, 0.4], [nan, nan, nan]])
    >>> model = KMeans(n_clusters=2).fit(series)
    >>> model.labels_
    array([ 0,  0,  1,  1, -1], dtype=int32)
    >>> model.cluster_centers_.round(2)
    array([[0.2 , 0.2 , 0.3 ],
           [0.3 , 0.84, 0.4 ]])
    """

    def __init__(
        self,
        n_clusters: int = 5,
        *,
        init: Literal["k-means++"] | ArrayLike = "k-means++",
        n_init: int = 4,
        max_iter: int = 300,
        tol: float = 1e-7,
        random_state: int | np.random.RandomState | None = 0,
        min_observations: int = 1,
        partial: Literal["scaled", "observed"] = "scaled",
        nodata: int | None = INDEX_NODATA,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.min_observations = min_observations
        self.partial = partial
        self.nodata = nodata

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002, N803 - scikit-learn's
        """Find centers and label the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Series; NaN (in int16: ``nodata``) is missing.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), optional
            Finite and not negative. Rows of weight 0 move no center, but are labelled.

        Returns
        -------
        KMeans

        Raises
        ------
        InputError
            If a parameter is out of range, a value is infinite, or fewer usable rows than clusters are left.
        """
        descent = self._descend(X, sample_weight)
        filled = int((descent.members > 0).sum())
        if filled < self.n_clusters:
            message = (
                f"Number of distinct clusters ({filled}) found smaller than n_clusters ({self.n_clusters}): too few distinct rows"
            )
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        return self

    def _descend(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> Descent:  # noqa: N803
        """Fit without a word about empty clusters."""
        self._check_parameters()
        pixels = self._pixels(X, sample_weight, reset=True)
        random = check_random_state(self.random_state)
        small = sample(pixels, sample_size(self.n_clusters), random)
        dates = _dates_seen(pixels, small)
        pixels, small = _restricted(pixels, dates), on_dates(small, dates)
        self._check_enough(small)
        tol = self.tol * date_variance(small)
        start = self._start(pixels, small, dates, tol, random)
        near = small if isinstance(self.init, str) else None
        descent = descend(pixels, start, max_iter=self.max_iter, tol=tol, sample=near, share=doubtful_share(pixels))
        self._keep(descent, dates)
        return descent

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:  # noqa: N803 - scikit-learn's name
        """Number each row by its nearest center over the dates observed.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of int32, shape (n_samples,)
            -1 for fewer than ``min_observations``.
        """
        return self._assigned(X, None)[0]

    def score(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: ARG002, N803
        """Return minus the objective of ``X`` at the centers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        return -self._assigned(X, sample_weight)[1]

    def transform(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803 - scikit-learn's name
        """Return the (partial, scaled) distance of each row to each center.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples, n_clusters)
            NaN for fewer than ``min_observations``; float32 unless X is float64.
        """
        check_is_fitted(self)
        pixels, centers = self._fitted(X, None)
        squares = distances(pixels, centers)
        roots: NDArray[Any] = np.sqrt(squares, out=squares).T
        return roots

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that NaN is allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[0])

    def _check_parameters(self) -> None:
        """Refuse parameters out of range, each with its value."""
        for name in ("n_clusters", "n_init", "max_iter", "min_observations"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise InputError(f"{name} is {value!r}; it must be a whole number of at least 1")
        tol: object = self.tol  # whatever a caller gave
        if not isinstance(tol, Real) or not float(tol) >= 0:
            raise InputError(f"tol is {tol!r}; it must be a number of at least 0")
        if self.partial not in {"scaled", "observed"}:
            raise InputError(f"partial is {self.partial!r}; it must be 'scaled' or 'observed'")
        if isinstance(self.init, str) and self.init != "k-means++":
            raise InputError(f"init is {self.init!r}; it must be 'k-means++' or an array of centers")

    def _pixels(self, X: ArrayLike, sample_weight: ArrayLike | None, *, reset: bool) -> Pixels:  # noqa: N803
        table = validate_data(self, X, reset=reset, dtype=_TYPES, ensure_all_finite=False)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, table, dtype=np.float64, ensure_non_negative=True)
        return Pixels.of(
            table, nodata=self.nodata, weights=weights, least=int(self.min_observations), scaled=self.partial == "scaled"
        )  # fmt: skip

    def _check_enough(self, small: Pixels) -> None:
        if small.count < self.n_clusters:
            raise InputError(
                f"n_samples={small.count} usable rows (at least {self.min_observations} observed, weight above 0) are fewer than "
                f"n_clusters={self.n_clusters}",
                remedy="Ask for fewer clusters or fewer observations.",
            )

    def _start(
        self, pixels: Pixels, small: Pixels, dates: NDArray[np.int64], tol: float, random: np.random.RandomState
    ) -> NDArray[np.float64]:
        if not isinstance(self.init, str):
            return self._given_start(dates)
        if small.count >= pixels.count or pixels.count <= 2 * sample_size(self.n_clusters):
            small = pooled(small)
        start = best_start(pixels, small, self.n_clusters, n_init=self.n_init, max_iter=self.max_iter, tol=tol, random=random)
        return start[canonical_order(start)]

    def _given_start(self, dates: NDArray[np.int64]) -> NDArray[np.float64]:
        centers = np.array(self.init, np.float64, ndmin=2)
        wanted = (self.n_clusters, self.n_features_in_)
        if centers.shape != wanted or not np.isfinite(centers[:, dates]).all():
            raise InputError(f"init has shape {centers.shape} and must have {wanted}, all finite")
        return np.ascontiguousarray(centers[:, dates])

    def _keep(self, descent: Descent, dates: NDArray[np.int64]) -> None:
        centers, labels = descent.centers, descent.labels
        order = canonical_order(centers) if isinstance(self.init, str) else np.arange(len(centers))
        if (order[1:] < order[:-1]).any():
            # The extra last number is what −1 indexes.
            labels = np.append(new_numbers(order), _MISSING).astype(np.int32)[labels]
        self.cluster_centers_ = np.full((len(centers), self.n_features_in_), np.nan)
        self.cluster_centers_[:, dates] = centers[order]
        self.labels_ = labels
        self.inertia_ = descent.objective
        self.inertia_path_ = np.array(descent.path)
        self.n_iter_ = len(descent.path) - 1
        self.converged_ = descent.converged

    def _fitted(self, X: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Pixels, NDArray[np.float64]]:  # noqa: N803
        """Return pixels and centers on the dates that the model knows."""
        check_is_fitted(self)
        pixels = self._pixels(X, sample_weight, reset=False)
        dates = np.flatnonzero(~np.isnan(self.cluster_centers_[0]))
        return _restricted(pixels, dates), self.cluster_centers_[:, dates]

    def _assigned(self, X: ArrayLike, sample_weight: ArrayLike | None) -> tuple[NDArray[np.int32], float]:  # noqa: N803
        pixels, centers = self._fitted(X, sample_weight)
        into = Assignment.empty(pixels.count)
        sums = assign_all(pixels, centers, into, learn=False)
        return into.labels, sums.square


def _restricted(pixels: Pixels, dates: NDArray[np.int64]) -> Pixels:
    """Return the pixels on some of their dates; nothing is copied."""
    return replace(pixels, offsets=read_only(pixels.offsets[dates]))


def _dates_seen(pixels: Pixels, small: Pixels) -> NDArray[np.int64]:
    """Return the dates on which anything was observed: the sample tells for nearly all, the others are searched."""
    values = small.flat.reshape(small.dates, small.count)
    seen = (~np.isnan(values)).any(axis=1)
    for date in np.flatnonzero(~seen):
        seen[date] = _any_observed(_restricted(pixels, np.array([date])))
    return np.flatnonzero(seen)


def _any_observed(pixels: Pixels) -> bool:
    step = 1 << 18
    pieces = (np.arange(at, min(at + step, pixels.count)) for at in range(0, pixels.count, step))
    return any(bool((~np.isnan(take(pixels, piece))).any()) for piece in pieces)
