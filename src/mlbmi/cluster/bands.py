"""Clusters of band colours: each pixel by its reflectances, on one date or in a composite of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._band_images import Stack, read_stack
from mlbmi.cluster._rows import check_k, cluster_rows
from mlbmi.cluster._smoothing import check_smoothness
from mlbmi.cluster._spaces import Search, cluster_space
from mlbmi.cluster._table import Table
from mlbmi.cluster.numbering import order_by_index
from mlbmi.cluster.scaling import check_scaling
from mlbmi.cluster.statistics import Moments, pixel_moments
from mlbmi.errors import ClusterError

if TYPE_CHECKING:
    import datetime as dt

    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.types import Clustering, ClusterRow, Scaling, ScalingMethod

__all__ = ["BANDS", "Bands", "bands_of", "cluster_bands"]

BANDS = "K-means on bands, Lloyd with Hamerly's bounds from the best of {n_init} searches"

_CHUNK = 1 << 18


def cluster_bands(
    data: xr.Dataset | xr.DataArray,
    n_clusters: int = 5,
    *,
    date: str | dt.date | np.datetime64 | None = None,
    seed: int = 0,
    scaling: ScalingMethod = "none",
    quantile_range: tuple[float, float] = (25.0, 75.0),
    smoothness: float = 0.0,
    n_init: int = 4,
    max_iter: int = 300,
    tol: float = 1e-7,
) -> Clustering:
    """Cluster pixels by their bands.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        Bands as variables over ``(y, x)`` or ``(time, y, x)``, or one array with a dimension ``band`` besides. float32 or
        float64 with NaN as missing; or int16, uint16 or uint8 with the attributes ``scale_factor`` (default 1), ``add_offset``
        (default 0) and ``_FillValue`` (default −32768 for int16, else none).
    n_clusters : int, default=5
        1 to 255.
    date : str, datetime.date or datetime64, optional
        The day to cluster, where there are several. Default: the median of each band over the dates on which the pixel has all
        its bands; so is a day that has several images.
    seed : int, default=0
        Of the search for a start.
    scaling : {"none", "robust", "standard", "profile"}, default="none"
        What is done to each band first, learned from pixels that have all bands; see :func:`.scaling.fit_scaling`. ``profile``
        clusters by the shape of a spectrum, whatever its brightness.
    quantile_range : tuple of float, default=(25, 75)
        For ``robust``, in per cent.
    smoothness : float, default=0
        Weight of the agreement between neighbouring pixels; see :func:`.spatial.smooth`. 0: none, 1: usual.
    n_init, max_iter, tol
        As for :class:`KMeans`.

    Returns
    -------
    Clustering
        ``labels`` (y, x); a pixel that lacks any band is 255. Clusters are numbered by the NDVI at their centers where ``red``
        and ``nir`` are among the bands, else by the mean over bands; with ``profile``, whose centers have no level, by their
        members' mean of the same, and centers in ``rows`` are NaN.

    Raises
    ------
    ClusterError
        If ``data`` is of another shape or type, there is no such date, no pixel has all bands, there are fewer distinct pixels
        than clusters, or ``n_clusters`` or the scaling is out of range.

    Notes
    -----
    Bands are read by blocks of rows into one table of float32 (float64 for float64).

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> red, nir = np.array([[0.05, 0.20, 0.06]]), np.array([[0.45, 0.25, np.nan]])
    >>> result = cluster_bands(xr.Dataset({"red": (("y", "x"), red), "nir": (("y", "x"), nir)}), n_clusters=2)
    >>> result.labels.values, result.index
    (array([[  1,   0, 255]], dtype=uint8), 'red-nir')
    >>> [round(row.mean, 3) for row in result.rows]
    [0.111, 0.8]
    """
    check_k(n_clusters)
    check_scaling(scaling, quantile_range)
    check_smoothness(smoothness)
    return cluster_space(
        bands_of(data, date),
        Search(n_clusters=n_clusters, seed=seed, n_init=n_init, max_iter=max_iter, tol=tol, smoothness=smoothness),
        mode="bands",
        method=BANDS.format(n_init=n_init),
        scaling=scaling,
        quantile_range=quantile_range,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bands:
    """The bands of a grid as a feature space (:class:`._spaces.Space`)."""

    features: tuple[str, ...]
    table: Table
    grid: xr.DataArray

    @property
    def index(self) -> str:
        """Names of the bands, joined."""
        return "-".join(self.features)

    @property
    def least(self) -> int:
        """All bands."""
        return len(self.features)

    def order(self, labels: NDArray[np.uint8], centers: NDArray[np.float64], scaling: Scaling) -> NDArray[np.int64]:
        """Number by the index at centers, or by the members' mean where centers are profiles."""
        if scaling.method == "profile":
            return order_by_index(self._moments(labels, np.zeros(len(centers))).mean, centers)
        return order_by_index(self._index_of(centers.T), centers)

    def rows(
        self, labels: NDArray[np.uint8], counts: NDArray[np.int64], centers: NDArray[np.float64], scaling: Scaling
    ) -> tuple[ClusterRow, ...]:
        """Describe each cluster by the index of its members."""
        at_center = np.full(len(centers), np.nan) if scaling.method == "profile" else self._index_of(centers.T)
        return tuple(cluster_rows(None, counts, self._moments(labels, np.nan_to_num(at_center)), at_center))

    def _index_of(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return NDVI of bands (n_bands, n), NaN where its denominator is 0; without red and nir the mean over bands."""
        if not {"red", "nir"} <= set(self.features):
            mean: NDArray[np.float64] = values.mean(axis=0, dtype=np.float64)
            return mean
        red, nir = (values[self.features.index(name)].astype(np.float64) for name in ("red", "nir"))
        total = nir + red
        return np.where(total != 0, (nir - red) / np.where(total != 0, total, 1.0), np.nan)

    def _moments(self, labels: NDArray[np.uint8], shift: NDArray[np.float64]) -> Moments:
        """Take the moments of the index, by chunks: it is nowhere held whole."""
        numbers = self.table.numbers
        parts = [
            pixel_moments(self._index_of(numbers[:, at : at + _CHUNK]), labels[at : at + _CHUNK], shift)
            for at in range(0, labels.size, _CHUNK)
        ]
        return sum(parts[1:], start=parts[0])


def bands_of(data: xr.Dataset | xr.DataArray, date: str | dt.date | np.datetime64 | None) -> Bands:
    """Read bands, of a date or as a composite, into memory."""
    stack = Stack.of(data).on(date)
    if len(set(stack.names)) < len(stack.names):
        raise ClusterError(f"the bands are {', '.join(stack.names)}; each must have a name of its own")
    return Bands(features=stack.names, table=Table(numbers=read_stack(stack)), grid=stack.images[0])
