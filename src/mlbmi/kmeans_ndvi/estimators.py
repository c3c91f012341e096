"""The stored models: scikit-learn's attributes, in the units of the index, with missing values allowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray
    from sklearn.decomposition import PCA

    from mlbmi.types import Clustering

__all__ = ["StoredKMeans", "StoredPCA"]


@dataclass(frozen=True, eq=False, repr=False)
class StoredKMeans:
    """A fitted K-means as ``scenes`` hold it: reads like :class:`sklearn.cluster.KMeans`.

    It scales what it is given as its training data were scaled, so values go in, and centers come out, in units of the index.

    Attributes
    ----------
    clustering : Clustering
        The typed result that it stands for.

    Examples
    --------
    >>> import xarray as xr
    >>> from mlbmi import cluster_images
    >>> ndvi = xr.DataArray(np.array([[0.1, 0.8], [0.2, np.nan]]), dims=("y", "x"), name="ndvi")
    >>> kmeans = StoredKMeans(cluster_images(ndvi, 2, scaling="robust", quantile_range=(1, 99)))
    >>> kmeans.labels_, kmeans.cluster_centers_.ravel().round(2), kmeans.predict([[0.75]])
    (array([ 0,  1,  0, -1], dtype=int32), array([0.15, 0.8 ]), array([1], dtype=int32))
    """

    clustering: Clustering

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return self.clustering.n_clusters

    @property
    def cluster_centers_(self) -> NDArray[np.float64]:
        """Centers in units of the index, (n_clusters, n_features): one feature for an image, one per date for a series."""
        return self.clustering.centers

    @property
    def labels_(self) -> NDArray[np.int32]:
        """Label of each pixel, row by row, in order of the mean index; −1 where missing."""
        labels: NDArray[np.int32] = self.clustering.labels.to_numpy().reshape(-1).astype(np.int32)
        labels[labels == LABEL_NODATA] = -1
        return labels

    @property
    def inertia_(self) -> float:
        """Sum of squared distances to the centers, in units of the scaled data."""
        return self.clustering.inertia

    @property
    def n_iter_(self) -> int:
        """Iterations; 0 where the solution is exact."""
        return self.clustering.n_iter

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return int(self.clustering.centers.shape[1])

    @property
    def names(self) -> tuple[str, ...]:
        """Suggested names of the clusters, by label."""
        from mlbmi.cluster import suggest_names

        return suggest_names(self.clustering)

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:  # noqa: N803 - scikit-learn's name
        """Number rows by the nearest center.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            In units of the index; NaN where missing.

        Returns
        -------
        ndarray of int32, shape (n_samples,)
            −1 where nothing, or too little, is known.
        """
        labels: NDArray[np.int32] = self._estimator().predict(self._scaled(X))
        return labels

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803 - scikit-learn's name
        """Return distances to the centers, in units of the scaled data; shape (n_samples, n_clusters)."""
        distances: NDArray[np.float64] = self._estimator().transform(self._scaled(X))
        return distances

    def score(self, X: ArrayLike) -> float:  # noqa: N803 - scikit-learn's name
        """Return minus the sum of squared distances to the nearest center, in units of the scaled data."""
        return float(self._estimator().score(self._scaled(X)))

    def __repr__(self) -> str:
        """Return the gist."""
        return f"StoredKMeans(n_clusters={self.n_clusters}, n_features={self.n_features_in_}, index={self.clustering.index!r})"

    def _estimator(self) -> Any:
        from mlbmi.cluster import estimator_of

        return estimator_of(self.clustering)

    def _scaled(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        values, scaling = np.asarray(X, dtype=np.float64), self.clustering.scaling
        return (values - scaling.shift) / scaling.scale if scaling.shift.size else values


@dataclass(frozen=True, eq=False, repr=False)
class StoredPCA:
    """A fitted :class:`sklearn.decomposition.PCA` with its images; only pixels with every value take part.

    Attributes
    ----------
    pca : sklearn.decomposition.PCA
        The model, in units of what went in.
    features : tuple of str
        Bands, or dates.
    scores : xarray.DataArray
        float32, (component, y, x): the pixels' components; NaN where a value is missing.
    source : xarray.DataArray
        What went in, (feature, y, x).
    """

    pca: PCA
    features: tuple[str, ...]
    scores: xr.DataArray
    source: xr.DataArray = field(repr=False)

    @property
    def n_components(self) -> int:
        """Number of components."""
        return int(self.pca.n_components_)

    @property
    def components_(self) -> NDArray[np.float64]:
        """Directions, (n_components, n_features); the largest weight of each is positive."""
        directions: NDArray[np.float64] = self.pca.components_
        return directions

    @property
    def explained_variance_ratio_(self) -> NDArray[np.float64]:
        """Share of the variance that each component explains."""
        shares: NDArray[np.float64] = self.pca.explained_variance_ratio_
        return shares

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803 - scikit-learn's name
        """Return the components of rows, (n_samples, n_components)."""
        scores: NDArray[np.float64] = self.pca.transform(X)
        return scores

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803 - scikit-learn's name
        """Return rows from their components, (n_samples, n_features)."""
        rows: NDArray[np.float64] = self.pca.inverse_transform(X)
        return rows

    @property
    def reconstruction(self) -> xr.DataArray:
        """What the components alone say of the pixels: as ``source``, NaN where a value is missing."""
        rows = self.scores.to_numpy().reshape(self.n_components, -1).T
        seen = np.isfinite(rows).all(axis=1)
        full = np.full((rows.shape[0], len(self.features)), np.nan, np.float32)
        full[seen] = self.inverse_transform(rows[seen])
        return self.source.copy(data=full.T.reshape(self.source.shape))

    def __repr__(self) -> str:
        """Return the gist."""
        shares = ", ".join(f"{share:.1%}" for share in self.explained_variance_ratio_)
        return f"StoredPCA(n_components={self.n_components}, features={list(self.features)}, explained=[{shares}])"
