"""Pixels as a table of numbers, and a K-means fitted to it: what the clusterings of series, bands and places share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._histogram import histogram, look_up
from mlbmi.cluster.exact import KMeans1D
from mlbmi.cluster.numbering import new_numbers
from mlbmi.errors import ClusterError, InputError
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.cluster.lloyd import KMeans

__all__ = ["Fitted", "Table", "fit", "fit_exact"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Numbers by feature and pixel; value = number × step + offset.

    Attributes
    ----------
    numbers : ndarray, shape (n_features, n_pixels)
        int16, float32 or float64.
    nodata : int or None
        Missing value of int16; None for floats, where NaN is.
    step, offset : float
        1 and 0 for floats.
    """

    numbers: NDArray[Any]
    nodata: int | None = None
    step: float = 1.0
    offset: float = 0.0

    @property
    def kind(self) -> type[np.floating[Any]]:
        """Type in which its values are worked with: float64 for float64, float32 for all else."""
        return np.float64 if self.numbers.dtype == np.float64 else np.float32

    def values(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn numbers, none of them missing, into values."""
        return numbers * self.step + self.offset

    def stored(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn values into numbers, not rounded."""
        return (values - self.offset) / self.step

    def seen(self, part: NDArray[Any]) -> NDArray[np.bool_]:
        """Say which of some of its numbers are observed."""
        there: NDArray[np.bool_] = ~np.isnan(part) if self.nodata is None else part != self.nodata
        return there

    def decoded(self, part: NDArray[Any]) -> NDArray[np.float64]:
        """Return some of its numbers as values in float64, NaN where missing."""
        return np.where(self.seen(part), self.values(part.astype(np.float64)), np.nan)

    def observations(self) -> NDArray[np.uint16]:
        """Count the observed features of each pixel, feature by feature."""
        counts = np.zeros(self.numbers.shape[1], np.uint16)
        for row in self.numbers:
            counts += self.seen(row)
        return counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A K-means fitted to a table, in the values of that table.

    Attributes
    ----------
    labels : ndarray of uint8, shape (n_pixels,)
        :data:`LABEL_NODATA` for too few observations.
    centers : ndarray of float64, shape (n_clusters, n_features)
    inertia : float
    n_iter : int
    converged : bool
    """

    labels: NDArray[np.uint8]
    centers: NDArray[np.float64]
    inertia: float
    n_iter: int
    converged: bool

    @property
    def counts(self) -> NDArray[np.int64]:
        """Pixels by cluster."""
        found: NDArray[np.int64] = histogram(self.labels)[1][: len(self.centers)].astype(np.int64)
        return found

    def numbered(self, order: NDArray[np.int64]) -> Fitted:
        """Return it with other numbers: ``order[j]`` is the present number of what becomes number j."""
        if (order == np.arange(order.size)).all():
            return self
        numbers = np.full(LABEL_NODATA + 1, LABEL_NODATA, np.uint8)
        numbers[: order.size] = new_numbers(order)
        # Indexing would take a copy of all labels in eight bytes each.
        labels = np.empty_like(self.labels)
        look_up(self.labels, numbers, labels)
        return replace(self, labels=labels, centers=self.centers[order])


def fit(model: KMeans, table: Table) -> Fitted:
    """Fit ``model`` to a table; its parameters say how, its ``nodata`` must be the table's.

    Raises
    ------
    ClusterError
        If no pixel has enough observations, a value is infinite, or there are fewer distinct pixels than clusters.
    """
    try:
        descent = model._descend(table.numbers.T)  # noqa: SLF001 - fit, without its warning about what is an error here
    except InputError as error:
        raise ClusterError(error.message, remedy=error.remedy) from error
    filled = int((descent.members > 0).sum())
    if filled < model.n_clusters:
        raise ClusterError(
            f"{model.n_clusters} clusters were asked for, but the pixels fall into no more than {filled} distinct ones",
            remedy=f"Ask for at most {filled}.",
        )
    return Fitted(
        # −1, missing, becomes 255 by the rules of C.
        labels=model.labels_.astype(np.uint8),
        centers=table.values(model.cluster_centers_),
        inertia=model.inertia_ * table.step**2,
        n_iter=model.n_iter_,
        converged=model.converged_,
    )


def fit_exact(table: Table, k: int) -> Fitted:
    """Find the global optimum for a table of one feature.

    Raises
    ------
    ClusterError
        If a value is infinite, or there are fewer distinct values than clusters.
    """
    try:
        model = KMeans1D(k).fit(table.decoded(table.numbers[0])[:, None])
    except InputError as error:
        raise ClusterError(error.message, remedy=error.remedy) from error
    return Fitted(
        labels=model.labels_.astype(np.uint8),
        centers=model.cluster_centers_,
        inertia=model.inertia_,
        n_iter=model.n_iter_,
        converged=True,
    )
