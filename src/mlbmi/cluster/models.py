"""A clustering without its map, and the scikit-learn estimator that it amounts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster.exact import KMeans1D
from mlbmi.cluster.lloyd import KMeans
from mlbmi.cluster.scaling import scale_centers
from mlbmi.errors import ClusterError
from mlbmi.types import INDEX_SCALE, NUMBERING, ClusterModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlbmi.types import Clustering

__all__ = [
    "complete_centers",
    "estimator_of",
    "fitted_kmeans",
    "is_hole",
    "model_of",
]

_FAR = 1e18
"""Where a hole stands for an estimator: farther than any pixel, and its square still a number in float32."""


def model_of(
    clustering: Clustering,
    names: Sequence[str] | None = None,
    *,
    numbering: str = NUMBERING,
    index_scale: float = INDEX_SCALE,
) -> ClusterModel:
    """Return what remains of a clustering without its map: enough to number the same clusters again.

    Parameters
    ----------
    clustering : Clustering
    names : sequence of str, optional
        Of the clusters, by label; ``cluster 0``, ``cluster 1`` … by default.
    numbering : str
        How labels are numbered: :data:`mlbmi.types.NUMBERING`, or :data:`mlbmi.types.MATCHED` where they took another
        model's.
    index_scale : float
        Value of one step of the index where it is stored as int16.

    Returns
    -------
    ClusterModel
        It shares its arrays with the clustering. ``software`` is empty: what writes a file signs it.

    Raises
    ------
    ClusterError
        If names and clusters differ in number.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from mlbmi.cluster import cluster_images
    >>> ndvi = xr.DataArray(np.array([[0.1, 0.2], [0.7, 0.9]]), dims=("y", "x"), name="ndvi")
    >>> model = model_of(cluster_images(ndvi, n_clusters=2), ["bare", "wood"])
    >>> model.names, model.centers.ravel().round(2)
    (('bare', 'wood'), array([0.15, 0.8 ]))
    """
    shown = tuple(names) if names else tuple(f"cluster {label}" for label in range(clustering.n_clusters))
    if len(shown) != clustering.n_clusters:
        raise ClusterError(f"{len(shown)} names were given for {clustering.n_clusters} clusters; there must be one each")
    return ClusterModel(
        mode=clustering.mode,
        index=clustering.index,
        centers=clustering.centers,
        features=clustering.features,
        names=shown,
        counts=clustering.counts,
        inertia=clustering.inertia,
        n_iter=clustering.n_iter,
        converged=clustering.converged,
        seed=clustering.seed,
        method=clustering.method,
        scaling=clustering.scaling,
        smoothness=clustering.smoothness,
        min_observations=clustering.min_observations,
        reach=clustering.reach,
        numbering=numbering,
        index_scale=index_scale,
        software="",
    )


def estimator_of(model: ClusterModel | Clustering) -> KMeans | KMeans1D:
    """Return a fitted estimator that numbers pixels as the model does.

    It takes what the model clustered: *scaled* features (``(feature − shift) / scale``; with ``profile`` scaling each pixel's own
    z-score), of an index in its own units, as floats with NaN where missing. Without scaling that is the index itself. Images
    each clustered alone have an estimator per date, not one.

    Parameters
    ----------
    model : ClusterModel or Clustering

    Returns
    -------
    KMeans or KMeans1D
        :class:`KMeans1D` for one feature with ascending centers, else :class:`KMeans`. ``predict``, ``transform`` and ``score``
        work; ``labels_`` is absent, for there are no training data. A hole (a cluster whose center is NaN throughout, as matching
        leaves it) stands so far off that nothing is nearest to it. ``score`` scales partial distances, whatever the model did;
        labels do not depend on that.

    Raises
    ------
    ClusterError
        If the model has no center at all, or is of images each clustered alone.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from mlbmi.cluster import cluster_timeseries
    >>> series = np.array([[0.2, 0.2, 0.3], [0.2, 0.9, 0.8], [0.3, 0.8, 0.9]])
    >>> result = cluster_timeseries(xr.DataArray(series[:, None, :], dims=("time", "y", "x"), name="ndvi"), n_clusters=2)
    >>> result.labels.values, estimator_of(model_of(result)).predict(series.T)
    (array([[0, 1, 1]], dtype=uint8), array([0, 1, 1], dtype=int32))
    """
    if model.mode == "images" and len(model.features) > 1:
        raise ClusterError(
            f"the model holds {len(model.features)} images, each clustered alone; one estimator cannot number them all",
            remedy="Use apply_model, or cluster the images together.",
        )
    centers = scale_centers(model.centers, model.scaling)
    estimator: KMeans | KMeans1D
    if centers.shape[1] == 1 and not is_hole(centers).any() and (np.diff(centers[:, 0]) >= 0).all():
        estimator = KMeans1D(model.n_clusters)
        estimator.cluster_centers_, estimator.n_features_in_ = centers, 1
    else:
        estimator = fitted_kmeans(centers, min_observations=model.min_observations)
        estimator.converged_ = model.converged
    estimator.inertia_, estimator.n_iter_ = model.inertia, model.n_iter
    return estimator


def fitted_kmeans(centers: NDArray[np.float64], *, min_observations: int = 1, nodata: int | None = None) -> KMeans:
    """Return :class:`KMeans` with given centers, ready to predict.

    Parameters
    ----------
    centers : ndarray of float64, shape (n_clusters, n_features)
        In the units of what will be predicted. A column of NaN is left out of the distance, a row of NaN is a hole; a single NaN
        becomes the mean of the column, as :class:`KMeans` has it for a date on which no member of a cluster was observed.
    min_observations : int
    nodata : int, optional
        What "missing" is in int16 input.

    Raises
    ------
    ClusterError
        If all centers are NaN.
    """
    holes = is_hole(centers)
    if holes.all():
        raise ClusterError(f"none of the model's {len(centers)} clusters has a center")
    placed = complete_centers(centers)
    placed[holes] = np.where(np.isnan(placed).all(axis=0), np.nan, _FAR)
    estimator = KMeans(len(centers), min_observations=min_observations, nodata=nodata)
    estimator.cluster_centers_, estimator.n_features_in_ = placed, centers.shape[1]
    return estimator


def complete_centers(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the mean of its column where a single center is NaN; columns and rows that are NaN throughout stay so.

    Examples
    --------
    >>> import numpy as np
    >>> nan = np.nan
    >>> complete_centers(np.array([[0.1, nan, nan], [0.5, 0.4, nan], [nan, nan, nan]]))
    array([[0.1, 0.4, nan],
           [0.5, 0.4, nan],
           [nan, nan, nan]])
    """
    known = ~np.isnan(centers)
    count = known.sum(axis=0)
    means = np.where(known, centers, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan)
    complete: NDArray[np.float64] = np.where(known | is_hole(centers)[:, None], centers, means)
    return complete


def is_hole(centers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which clusters are holes: numbers kept free by matching, with a center of NaN throughout.

    Examples
    --------
    >>> import numpy as np
    >>> is_hole(np.array([[0.1, np.nan], [np.nan, np.nan]]))
    array([False,  True])
    """
    return np.asarray(np.isnan(centers).all(axis=1))
