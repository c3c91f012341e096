"""Labels and novelty of pixels under centers that are given: by one number each, or by several features."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlbmi.cluster._exact_label import label
from mlbmi.cluster._exact_solve import midpoints
from mlbmi.cluster._histogram import level_index, levels_of, look_up
from mlbmi.cluster._table import Table
from mlbmi.cluster.models import complete_centers, fitted_kmeans
from mlbmi.cluster.reach import distances_to_own
from mlbmi.cluster.scaling import scaled_into, scaled_table
from mlbmi.errors import ClusterError, InputError
from mlbmi.threads import map_chunks
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.types import Scaling

__all__ = ["ByFeatures", "ByValue", "Lattice", "Numbered", "Numberer"]

_CHUNK = 1 << 18  # numbers at a time in float64
_TIE = 1e-9  # share of a step: far above the rounding of a center, far below what two centers can truly differ by


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """Labels of some pixels.

    Attributes
    ----------
    labels : ndarray of uint8, shape (n_layers, n_pixels)
    novelty : ndarray of float32, same shape
        NaN where the label is missing.
    too_few : int
        Pixels that were observed, but on too few features.
    """

    labels: NDArray[np.uint8]
    novelty: NDArray[np.float32]
    too_few: int


class Numberer(Protocol):
    """Numbers the pixels of a window."""

    def number(self, table: Table, rows: slice, columns: slice) -> Numbered:
        """Number the pixels of these rows and columns, (n_features, n_pixels)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ByValue:
    """Numbers each value by the nearest of centers on a line, whatever the scaling: shift and scale keep what is nearest.

    Attributes
    ----------
    centers : ndarray of float64, shape (n_layers, n_clusters)
        In units of the index, one row for each layer (date) or one for all; NaN for a hole.
    spread : ndarray of float64, shape (n_layers or 1,)
        Scale of the index in distances.
    reach : ndarray of float64, shape (n_clusters,)
    """

    centers: NDArray[np.float64]
    spread: NDArray[np.float64]
    reach: NDArray[np.float64]

    def number(self, table: Table, rows: slice, columns: slice) -> Numbered:  # noqa: ARG002 - place does not count
        """Number each layer by its own row of centers."""
        labels = np.empty(table.numbers.shape, np.uint8)
        novelty = np.empty(table.numbers.shape, np.float32)
        for layer, (numbers, marks, far) in enumerate(zip(table.numbers, labels, novelty, strict=True)):
            own = min(layer, len(self.centers) - 1)
            _mark(numbers, table, self.centers[own], marks)
            length = _with_missing(self.reach * self.spread[own])
            _measure(table, numbers, marks, _with_missing(self.centers[own]), length, far)
        return Numbered(labels, novelty, 0)


def _mark(numbers: NDArray[Any], table: Table, centers: NDArray[np.float64], out: NDArray[np.uint8]) -> None:
    there = np.flatnonzero(~np.isnan(centers))
    if not there.size:
        out[...] = LABEL_NODATA
        return
    order = there[np.argsort(centers[there], kind="stable")]
    names = np.full(LABEL_NODATA + 1, LABEL_NODATA, np.uint8)
    names[: order.size] = order
    stored = table.stored(centers[order])
    if table.nodata is None:
        if np.isinf(numbers).any():
            raise ClusterError("data holds infinity; only finite values and NaN (missing) can be labelled")
        out[...] = names[label(numbers, stored)]
        return
    look_up(numbers, names[_level_table(numbers.dtype, stored, table.nodata)], out)


def _level_table(dtype: np.dtype[Any], centers: NDArray[np.float64], nodata: int) -> NDArray[np.uint8]:
    """Return the place among ascending centers of every level; a level halfway between two belongs to the lower one.

    Centers went to units of the index and came back: what was halfway is so again only after rounding.
    """
    halves = midpoints(centers)
    level = np.rint(halves)
    halves = np.where(np.abs(halves - level) < _TIE * np.maximum(1.0, np.abs(level)), level, halves)
    table = np.searchsorted(halves, levels_of(dtype)).astype(np.uint8)
    table[level_index(dtype, nodata)] = LABEL_NODATA
    return table


def _measure(  # noqa: PLR0917
    table: Table,
    numbers: NDArray[Any],
    labels: NDArray[np.uint8],
    centers: NDArray[np.float64],
    length: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Write |value − own center| / length of the cluster, both by label."""

    def work(start: int, stop: int) -> None:
        marks = labels[start:stop]
        out[start:stop] = np.abs(table.decoded(numbers[start:stop]) - centers[marks]) / length[marks]

    deque(map_chunks(work, labels.size, _CHUNK), maxlen=0)


def _with_missing(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values by label with NaN for the missing label."""
    return np.append(values, np.full(LABEL_NODATA + 1 - len(values), np.nan))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """Coordinates, scaled as the model has them.

    Attributes
    ----------
    x, y : ndarray of float64
        Scaled coordinates of all columns and rows of the grid.
    weightless : bool
        They are so near 0 that they count for nothing, and were left out when the model was made.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    weightless: bool

    def fill(self, out: NDArray[Any], rows: slice, columns: slice) -> None:
        """Write scaled x and y of each pixel into two lines."""
        x, y = self.x[columns], self.y[rows]
        for line, values in zip(out, (x, y[:, None]), strict=True):
            line.reshape(y.size, x.size)[:] = values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByFeatures:
    """Numbers each pixel by the nearest center over the features observed.

    Attributes
    ----------
    centers : ndarray of float64, shape (n_clusters, n_features)
        Scaled, with coordinates last if there are any; a row of NaN is a hole.
    scaling : Scaling
        Of the features, without coordinates.
    reach : ndarray of float64, shape (n_clusters,)
    least : int
        Observed features that a pixel needs, coordinates not counted.
    lattice : Lattice or None
        Coordinates, where they are features.
    """

    centers: NDArray[np.float64]
    scaling: Scaling
    reach: NDArray[np.float64]
    least: int
    lattice: Lattice | None = None

    def number(self, table: Table, rows: slice, columns: slice) -> Numbered:
        """Number the pixels in one layer."""
        scaled, more = self._scaled(table, rows, columns)
        used = len(scaled.numbers)
        model = fitted_kmeans(scaled.stored(self.centers[:, :used]), min_observations=self.least + more, nodata=scaled.nodata)
        try:
            found = model.predict(scaled.numbers.T)
        except InputError as error:
            raise ClusterError(error.message, remedy=error.remedy) from error
        # −1, missing, becomes 255 by the rules of C.
        labels = found.astype(np.uint8)
        missing = labels == LABEL_NODATA
        too_few = int((table.observations()[missing] > 0).sum()) if self.least > 1 else 0
        return Numbered(labels[None], self._novelty(scaled, labels)[None], too_few)

    def _scaled(self, table: Table, rows: slice, columns: slice) -> tuple[Table, int]:
        """Return what is clustered, exactly as it was in training, and how many of its features are coordinates."""
        if self.lattice is None or self.lattice.weightless:
            return scaled_table(table, self.scaling), 0
        base, count = table.numbers.shape
        out = np.empty((base + 2, count), table.kind)
        scaled_into(table, self.scaling, out[:base])
        self.lattice.fill(out[base:], rows, columns)
        return Table(numbers=out), 2

    def _novelty(self, scaled: Table, labels: NDArray[np.uint8]) -> NDArray[np.float32]:
        novelty = np.empty(labels.size, np.float32)
        length = _with_missing(self.reach)
        centers = complete_centers(self.centers)
        # Coordinates without weight are features like others, everywhere at their center.
        absent = centers.shape[1] - len(scaled.numbers)
        centers[:, centers.shape[1] - absent :] = 0.0

        def work(start: int, stop: int) -> None:
            marks = labels[start:stop]
            own = np.where(marks == LABEL_NODATA, 0, marks)
            rows = np.pad(scaled.decoded(scaled.numbers[:, start:stop]).T, ((0, 0), (0, absent)))
            novelty[start:stop] = distances_to_own(rows, own, centers) / length[marks]

        deque(map_chunks(work, labels.size, max(1, _CHUNK // len(scaled.numbers))), maxlen=0)
        return novelty
