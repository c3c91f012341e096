"""What is clustered, seen alike: features on a grid, how clusters are numbered and described; and the way to a clustering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from mlbmi.cluster._coded import label_array
from mlbmi.cluster._smoothing import smoothed_fit, with_neighbours
from mlbmi.cluster._table import Fitted, Table, fit
from mlbmi.cluster.lloyd import KMeans
from mlbmi.cluster.reach import distances_to_own, members_sample, reach
from mlbmi.cluster.scaling import fit_columns, scaled_table, unscale_centers
from mlbmi.types import Clustering

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.types import ClusterRow, Mode, Scaling, ScalingMethod

__all__ = ["Search", "Space", "cluster_space", "described", "fitted_to", "learned"]


class Space(Protocol):
    """Features of the pixels of a grid.

    Attributes
    ----------
    index : str
        Name of what is clustered.
    features : tuple of str
    table : Table
        (n_features, n_pixels), unscaled.
    grid : DataArray
        Has the coordinates, over (y, x), that labels get.
    least : int
        Observed features that a pixel needs.
    """

    @property
    def index(self) -> str:
        """Name of what is clustered."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features."""
        ...

    @property
    def table(self) -> Table:
        """The features themselves."""
        ...

    @property
    def grid(self) -> xr.DataArray:
        """The grid."""
        ...

    @property
    def least(self) -> int:
        """Observed features that a pixel needs."""
        ...

    def order(self, labels: NDArray[np.uint8], centers: NDArray[np.float64], scaling: Scaling) -> NDArray[np.int64]:
        """Return the order in which clusters are numbered; centers are in units of the features."""
        ...

    def rows(
        self, labels: NDArray[np.uint8], counts: NDArray[np.int64], centers: NDArray[np.float64], scaling: Scaling
    ) -> tuple[ClusterRow, ...]:
        """Describe the clusters; centers are in units of the features."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How centers are searched; see :class:`KMeans` and :func:`.spatial.smooth`."""

    n_clusters: int
    seed: int
    n_init: int
    max_iter: int
    tol: float
    partial: Literal["scaled", "observed"] = "scaled"
    smoothness: float = 0.0

    def model(self, table: Table, least: int) -> KMeans:
        """Return an estimator for a table."""
        return KMeans(
            self.n_clusters,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            random_state=self.seed,
            min_observations=least,
            partial=self.partial,
            nodata=table.nodata,
        )


def cluster_space(
    space: Space, search: Search, *, mode: Mode, method: str, scaling: ScalingMethod, quantile_range: tuple[float, float]
) -> Clustering:
    """Scale, fit, number and describe."""
    scales = learned(space, scaling, quantile_range)
    table = scaled_table(space.table, scales)
    fitted = fitted_to(table, search, space.least)
    return described(space, table, fitted, scales, mode=mode, features=space.features, method=method, search=search)


def learned(space: Space, method: ScalingMethod, quantile_range: tuple[float, float]) -> Scaling:
    """Learn a scaling from all that was observed."""
    return fit_columns(space.table.numbers, space.table, method, quantile_range)


def fitted_to(table: Table, search: Search, least: int) -> Fitted:
    """Fit K-means to a scaled table."""
    return fit(search.model(table, least), table)


def described(
    space: Space,
    table: Table,
    fitted: Fitted,
    scaling: Scaling,
    *,
    mode: Mode,
    features: tuple[str, ...],
    method: str,
    search: Search,
) -> Clustering:
    """Let neighbours agree, number the clusters by the space's own features (which come first), and say all about them."""
    own, shape = slice(len(space.features)), (space.grid.sizes["y"], space.grid.sizes["x"])
    fitted = smoothed_fit(fitted, table, shape, search)
    fitted = fitted.numbered(space.order(fitted.labels, unscale_centers(fitted.centers, scaling)[:, own], scaling))
    centers, counts = unscale_centers(fitted.centers, scaling), fitted.counts
    return Clustering(
        mode=mode,
        index=space.index,
        labels=label_array(fitted.labels.reshape(shape), space.grid, ("y", "x")),
        centers=centers,
        features=features,
        counts=counts,
        inertia=fitted.inertia,
        n_iter=fitted.n_iter,
        converged=fitted.converged,
        seed=search.seed,
        method=with_neighbours(method, search.smoothness),
        rows=space.rows(fitted.labels, counts, centers[:, own], scaling),
        scaling=scaling,
        smoothness=float(search.smoothness),
        min_observations=space.least,
        reach=_table_reach(table, fitted, counts),
    )


def _table_reach(table: Table, fitted: Fitted, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Take the reach from a sample. Features beyond the table's are without weight: everywhere at their center, nearly 0."""
    chosen = members_sample(fitted.labels, counts)
    rows = table.decoded(table.numbers[:, chosen]).T
    more = fitted.centers.shape[1] - rows.shape[1]
    own = fitted.labels[chosen]
    return reach(distances_to_own(np.pad(rows, ((0, 0), (0, more))), own, fitted.centers), own, len(counts))
