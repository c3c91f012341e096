"""What a model's clusters look like in new data: sums that grow window by window, and the rows they end in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster._rows import cluster_rows, valued
from mlbmi.cluster._table import Table
from mlbmi.cluster.bands import Bands
from mlbmi.cluster.statistics import Moments, pixel_moments
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from mlbmi.cluster._apply_jobs import Job
    from mlbmi.types import ClusterModel, ClusterRow

__all__ = ["RowSums"]


@dataclass(slots=True, eq=False)
class RowSums:
    """Pixels and moments of the index by cluster: of each image, or of bands once.

    Attributes
    ----------
    names : tuple of str
        Of bands; empty for a cube.
    dates : tuple of datetime.date or None
        Of the images.
    centers : ndarray of float64, shape (n_clusters, n_images)
        The index at the center in each image; NaN where it has none.
    layered : bool
        Each image has labels of its own.
    counts : ndarray of int64, shape (n_clusters,)
        Pixels so far, of images times dates.
    moments : list of Moments
        One per image so far; empty before the first window.
    """

    names: tuple[str, ...]
    dates: tuple[dt.date | None, ...]
    centers: NDArray[np.float64]
    layered: bool
    counts: NDArray[np.int64]
    moments: list[Moments]

    @classmethod
    def of(cls, job: Job, model: ClusterModel) -> RowSums:
        """Start at nothing."""
        centers = model.centers[:, list(job.used)]
        if job.bands:
            centers = _bands(job.bands, centers.T)._index_of(centers.T)[:, None]  # noqa: SLF001 - the index that rows are about
        if model.scaling.method == "profile" and job.bands:
            centers = np.full_like(centers, np.nan)
        if job.dated:
            centers = np.broadcast_to(centers, (len(centers), job.layers))
        return cls(job.bands, job.dates, centers, job.dated, np.zeros(len(centers), np.int64), [])

    def add(self, table: Table, labels: NDArray[np.uint8]) -> None:
        """Add the pixels of a window: features (n_features, n_pixels) and labels (n_layers, n_pixels)."""
        self.counts += np.bincount(labels.reshape(-1), minlength=LABEL_NODATA + 1)[: self.counts.size]
        found = self._moments(table, labels)
        self.moments = [one + other for one, other in zip(self.moments, found, strict=True)] if self.moments else found

    def _moments(self, table: Table, labels: NDArray[np.uint8]) -> list[Moments]:
        # Sums are about one value per cluster, the same in all windows and images: so they add.
        shift = table.stored(_means(self.centers, 0.0))
        if self.names:
            return [_bands(self.names, table.numbers)._moments(labels[0], shift)]  # noqa: SLF001 - as above
        images = zip(table.numbers, labels if self.layered else [labels[0]] * len(self.dates), strict=False)
        return [valued(pixel_moments(image, marks, shift, nodata=table.nodata), table) for image, marks in images]

    def rows(self) -> tuple[ClusterRow, ...]:
        """Describe the clusters in the order of :class:`mlbmi.types.Clustering`."""
        if not self.moments:
            return ()
        total = sum(self.moments[1:], start=self.moments[0])
        whole = cluster_rows(None, self.counts, total, _means(self.centers, np.nan))
        images = [image for image in zip(self.dates, self.moments, self.centers.T, strict=False) if image[0] is not None]
        if not self.layered:
            images.sort(key=lambda image: str(image[0]))
        dated: list[ClusterRow] = []
        for date, moments, center in images:
            dated += cluster_rows(date, moments.count if self.layered else self.counts, moments, center)
        return (*dated, *whole) if self.layered else (*whole, *dated)


def _bands(names: tuple[str, ...], numbers: NDArray[np.floating]) -> Bands:
    return Bands(features=names, table=Table(numbers=numbers), grid=None)  # type: ignore[arg-type] # no grid is needed for sums


def _means(centers: NDArray[np.float64], missing: float) -> NDArray[np.float64]:
    """Return the mean center of each cluster over the images where it has one."""
    known = ~np.isnan(centers)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, centers, 0.0).sum(axis=1) / np.maximum(count, 1), missing)
