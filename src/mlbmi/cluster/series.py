"""Clusters of series: each pixel by its index over the dates on which it was observed."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlbmi.cluster._coded import CodedCube, coded_cube
from mlbmi.cluster._rows import any_seen, check_k, cluster_rows, pooled, valued
from mlbmi.cluster._smoothing import check_smoothness
from mlbmi.cluster._spaces import Search, cluster_space
from mlbmi.cluster._stream_described import described_blocks
from mlbmi.cluster._stream_start import least_observations
from mlbmi.cluster._table import Table
from mlbmi.cluster.numbering import canonical_order
from mlbmi.cluster.scaling import check_scaling
from mlbmi.cluster.statistics import Moments, pixel_moments
from mlbmi.cluster.stream import fit_blocks
from mlbmi.errors import ClusterError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.types import Clustering, ClusterRow, Scaling, ScalingMethod

__all__ = ["LLOYD", "Series", "cluster_timeseries", "default_min_observations", "series_of"]

LLOYD = "K-means on observed dates (partial distances, {partial}), Lloyd with Hamerly's bounds from the best of {n_init} searches"


def cluster_timeseries(
    data: xr.DataArray,
    n_clusters: int = 5,
    *,
    seed: int = 0,
    min_observations: int | None = None,
    partial: Literal["scaled", "observed"] = "scaled",
    scaling: ScalingMethod = "none",
    quantile_range: tuple[float, float] = (25.0, 75.0),
    smoothness: float = 0.0,
    n_init: int = 4,
    max_iter: int = 300,
    tol: float = 1e-7,
) -> Clustering:
    """Cluster each pixel's series over the dates on which it was observed; nothing is filled in.

    Parameters
    ----------
    data : xarray.DataArray
        As for :func:`cluster_images`. Chunked by Dask it is read piece by piece, several times, and never held whole
        (:func:`.stream.fit_blocks`), unless it is to be scaled or smoothed. Else it is read into memory in its own type, and not
        copied beyond that unless it is scaled.
    n_clusters : int, default=5
        1 to 255.
    seed : int, default=0
        Of the search for a start. The answer depends on it, but not on the number of threads.
    min_observations : int, optional
        Pixels observed on fewer dates are labelled 255, not guessed. Default: :func:`default_min_observations`.
    partial, n_init, max_iter, tol
        As for :class:`KMeans`.
    scaling : {"none", "robust", "standard", "profile"}, default="none"
        What is done to each date first; see :func:`.scaling.fit_scaling`. ``profile`` clusters by the shape of a series alone:
        each pixel's own z-score, a constant pixel being all zeros. Anything but ``none`` takes a copy in float32.
    quantile_range : tuple of float, default=(25, 75)
        For ``robust``, in per cent.
    smoothness : float, default=0
        Weight of the agreement between neighbouring pixels; see :func:`.spatial.smooth`. 0: none, 1: usual.

    Returns
    -------
    Clustering
        ``labels`` (y, x). A date on which nothing was observed is left out of the distance; its centers are NaN. With
        ``profile``, clusters are numbered by their members' mean series, as centers have no level.

    Raises
    ------
    ClusterError
        If no pixel has enough observations, there are fewer distinct pixels than clusters, ``n_clusters`` or the scaling is out
        of range, or ``data`` is of another shape or type.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> series = np.array([[0.2, 0.2], [0.2, 0.9], [0.3, 0.8]])
    >>> result = cluster_timeseries(xr.DataArray(series[:, None, :], dims=("time", "y", "x"), name="ndvi"), n_clusters=2)
    >>> result.labels.values, result.features
    (array([[0, 1]], dtype=uint8), ('0', '1', '2'))
    """
    check_k(n_clusters)
    check_scaling(scaling, quantile_range)
    check_smoothness(smoothness)
    method = LLOYD.format(partial=partial, n_init=n_init)
    search: dict[str, Any] = {"seed": seed, "n_init": n_init, "max_iter": max_iter, "tol": tol, "partial": partial}
    if getattr(data, "chunks", None) is not None and scaling == "none" and not smoothness:
        cube = coded_cube(data)
        blocks = fit_blocks(cube, n_clusters, min_observations=min_observations, **search)
        return described_blocks(blocks, cube, seed=seed, method=method)
    return cluster_space(
        series_of(data, min_observations),
        Search(n_clusters=n_clusters, smoothness=smoothness, **search),
        mode="timeseries",
        method=method,
        scaling=scaling,
        quantile_range=quantile_range,
    )


def default_min_observations(table: NDArray[Any], nodata: int | None = None) -> int:
    """Return a quarter of the dates that have any value, rounded up, but at least 2 (1 if there is but one).

    With random gaps, agreement with the true classes fell to a third of that of complete series where one date was observed,
    and to about two thirds with two to three of twelve. A single date cannot tell a series from another that crosses it.

    Parameters
    ----------
    table : ndarray, shape (n_pixels, n_dates)
    nodata : int, optional
        Missing value of integers.

    Examples
    --------
    >>> import numpy as np
    >>> [default_min_observations(np.zeros((3, dates))) for dates in (1, 2, 5, 12, 33)]
    [1, 2, 2, 3, 9]
    """
    seen = sum(any_seen(column, nodata) for column in table.T)
    return least_observations(seen)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """The series of a cube as a feature space (:class:`._spaces.Space`); one image is a series of one date."""

    cube: CodedCube
    table: Table
    least: int

    @property
    def index(self) -> str:
        """Name of the index."""
        return self.cube.name

    @property
    def features(self) -> tuple[str, ...]:
        """ISO dates, or places."""
        return self.cube.features

    @property
    def grid(self) -> xr.DataArray:
        """The cube's grid."""
        return self.cube.data

    def order(self, labels: NDArray[np.uint8], centers: NDArray[np.float64], scaling: Scaling) -> NDArray[np.int64]:
        """Number by mean index, then date of peak: of the centers, or of the members where centers are profiles."""
        return canonical_order(centers if scaling.method != "profile" else self._member_means(labels, len(centers)))

    def rows(
        self, labels: NDArray[np.uint8], counts: NDArray[np.int64], centers: NDArray[np.float64], scaling: Scaling
    ) -> tuple[ClusterRow, ...]:
        """Describe each cluster over the whole period, then on each date."""
        seen = ~np.isnan(centers[0])
        whole = centers[:, seen].mean(axis=1)
        shift = self.table.stored(whole) if scaling.method != "profile" else self._middle(len(centers))
        by_date = self._moments(labels, shift)
        rows = cluster_rows(None, counts, pooled(by_date), whole)
        for place, date in enumerate(self.cube.dates or ()):
            rows += cluster_rows(date, counts, by_date[place], centers[:, place])
        return tuple(rows)

    def _moments(self, labels: NDArray[np.uint8], shift: NDArray[np.float64]) -> list[Moments]:
        images = self.table.numbers
        return [valued(pixel_moments(image, labels, shift, nodata=self.table.nodata), self.table) for image in images]

    def _member_means(self, labels: NDArray[np.uint8], k: int) -> NDArray[np.float64]:
        """Return the members' mean by date, (k, n_dates); that date's mean over all clusters where none was observed."""
        by_date = self._moments(labels, self._middle(k))
        means = np.array([moments.mean for moments in by_date]).T
        totals = [(moments.count * np.nan_to_num(moments.mean)).sum() / max(moments.count.sum(), 1) for moments in by_date]
        none = np.array([moments.count.sum() == 0 for moments in by_date])
        return np.where(np.isnan(means) & ~none, totals, means)

    def _middle(self, k: int) -> NDArray[np.float64]:
        """Return a number in the midst of the data, for each cluster: sums about it do not cancel."""
        some = self.table.numbers[:, :: max(1, self.table.numbers.shape[1] // 1024)]
        some = some[self.table.seen(some)]
        return np.full(k, some.mean(dtype=np.float64) if some.size else 0.0)


def series_of(data: xr.DataArray, min_observations: int | None) -> Series:
    """Read a data array into memory as series; check how many observations are asked for."""
    asked: object = min_observations
    if asked is not None and (isinstance(asked, bool) or not isinstance(asked, Integral) or asked < 1):
        raise ClusterError(f"min_observations is {asked!r}; it must be a whole number of at least 1")
    cube = coded_cube(data)
    values = np.asarray(cube.data.data)
    table = Table(numbers=values.reshape(len(values), -1), nodata=cube.nodata, step=cube.scale, offset=cube.offset)
    least = default_min_observations(table.numbers.T, cube.nodata) if min_observations is None else min_observations
    return Series(cube=cube, table=table, least=least)
