"""From a K-means of a chunked cube to the clustering that travels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster._coded import label_array
from mlbmi.cluster._rows import cluster_rows, pooled, valued
from mlbmi.cluster._table import Table
from mlbmi.cluster.reach import distances_to_own, reach
from mlbmi.types import Clustering

if TYPE_CHECKING:
    from mlbmi.cluster._coded import CodedCube
    from mlbmi.cluster.stream import BlockFit
    from mlbmi.types import ClusterRow

__all__ = ["described_blocks"]


def described_blocks(fit: BlockFit, cube: CodedCube, *, seed: int, method: str) -> Clustering:
    """Say about a fit of unscaled series all that :func:`cluster_timeseries` says, in units of the index.

    Parameters
    ----------
    fit : BlockFit
        Of ``cube``.
    cube : CodedCube
    seed : int
        Used for the fit.
    method : str
        Name of the algorithm.

    Returns
    -------
    Clustering
    """
    table = Table(numbers=fit.examples, nodata=cube.nodata, step=cube.scale, offset=cube.offset)
    centers, k = table.values(fit.centers), len(fit.centers)
    return Clustering(
        mode="timeseries",
        index=cube.name,
        labels=label_array(fit.labels, cube.data, ("y", "x")),
        centers=centers,
        features=cube.features,
        counts=fit.members,
        inertia=fit.inertia * cube.scale**2,
        n_iter=fit.n_iter,
        converged=fit.converged,
        seed=seed,
        method=method,
        rows=_rows(fit, cube, table),
        min_observations=fit.min_observations,
        reach=reach(distances_to_own(table.decoded(fit.examples).T, fit.example_labels, centers), fit.example_labels, k),
    )


def _rows(fit: BlockFit, cube: CodedCube, table: Table) -> tuple[ClusterRow, ...]:
    centers = table.values(fit.centers)
    by_date = [valued(moments, table) for moments in fit.moments]
    rows = cluster_rows(None, fit.members, pooled(by_date), centers[:, ~np.isnan(centers[0])].mean(axis=1))
    for place, date in enumerate(cube.dates or ()):
        rows += cluster_rows(date, fit.members, by_date[place], centers[:, place])
    return tuple(rows)
