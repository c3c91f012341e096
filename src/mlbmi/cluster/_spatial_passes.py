"""The kernels of the neighbourhood term over all pixels and threads, and the picture of labels that they work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_passes import Pixels, Sums, take
from mlbmi.cluster._spatial_chains import close, relax_chains
from mlbmi.cluster._spatial_kernels import energies, labelled_sums, pair_squares
from mlbmi.compiling import read_only
from mlbmi.threads import map_chunks
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Neighbours", "Picture", "bordered", "neighbours", "noise", "sums_of"]

_LINES = 64
"""Rows or columns per call of a kernel."""
_PIXELS = 1 << 17
_ROWS = 512
"""Rows, evenly spaced, on which the usual difference between neighbours is measured."""
_SAMPLE = 1 << 15
"""Pixels on which the spread within clusters is measured."""
_SWEEPS = 100
"""Sweeps over one set of costs, at most; about ten are needed until no label changes, the last ones over few pixels."""
_RELUCTANCE = 1e-7
"""What keeping its label is worth to a pixel, as a share of a code's energy: more than rounding in float64, less than matters."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """What the agreement of each pair of neighbours is worth.

    Attributes
    ----------
    codes : ndarray of uint8, shape (4, height + 2, width + 2)
        By direction (east, south, south-east, south-west) and pixel, bordered; 0 where either pixel is missing.
    step : float
        Weight of a pair = code × step, times √½ for diagonals.
    """

    codes: NDArray[np.uint8]
    step: float


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Labels under way, with the worth of neighbours in units of the energy.

    Attributes
    ----------
    labels : ndarray of uint8, shape (height + 2, width + 2)
        Bordered by missing ones; changed in place.
    codes : ndarray of uint8
        See :class:`Neighbours`.
    weight : float
        Energy of a disagreement of code 1 between straight neighbours.
    """

    labels: NDArray[np.uint8]
    codes: NDArray[np.uint8]
    weight: float

    @property
    def inside(self) -> NDArray[np.uint8]:
        """The labels without the border."""
        return self.labels[1:-1, 1:-1]

    @property
    def _flat(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        return self.labels.reshape(-1), self.codes.reshape(4, -1)

    def relax(self, costs: NDArray[Any]) -> None:
        """Search the best labels for these costs: sweep until no label changes.

        Pixels so near to one center that their neighbours cannot matter are labelled at once. The others are solved in the even
        rows, the odd rows, the even columns and the odd columns, again and again.
        """
        states = self._close(costs)
        for _ in range(_SWEEPS):
            if not sum(self._solve(costs, states, parity, by_row=by_row) for by_row in (True, False) for parity in (0, 1)):
                break

    def _close(self, costs: NDArray[Any]) -> NDArray[np.uint8]:
        states = np.zeros(self.labels.size, np.uint8)
        height, width = self.inside.shape

        def work(start: int, stop: int) -> None:
            close(start, stop, costs, *self._flat, states, width, self.weight * (1 + _ROUNDING))

        for _ in map_chunks(work, height, _LINES):
            pass
        return states

    def _solve(self, costs: NDArray[Any], states: NDArray[np.uint8], parity: int, *, by_row: bool) -> int:
        height, width = self.inside.shape
        reluctance = _RELUCTANCE * self.weight

        def work(start: int, stop: int) -> int:
            return relax_chains(
                start, stop, parity, by_row, costs, *self._flat, states, height, width, self.weight, reluctance
            )  # fmt: skip

        return sum(map_chunks(work, height if by_row else width, _LINES))

    def energies(self, costs: NDArray[Any]) -> tuple[float, float]:
        """Return the costs of the labels, and the energy of disagreements."""
        height, width = self.inside.shape

        def work(start: int, stop: int) -> tuple[float, float]:
            return energies(start, stop, costs, *self._flat, width)

        data, disagreement = (sum(part) for part in zip(*map_chunks(work, height, _LINES), strict=True))
        return data, disagreement * self.weight


def bordered(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a copy with a border of missing labels."""
    return np.pad(labels, 1, constant_values=LABEL_NODATA)


def neighbours(values: NDArray[Any], labels: NDArray[np.uint8], nodata: Any, *, contrast: bool) -> Neighbours:
    r"""Weigh each pair of neighbours: the less the two look alike, the less need they agree.

    With m the mean squared difference over the dates that both have, and its mean :math:`\bar m` over pairs, a pair weighs
    :math:`e^{-m / 2 \bar m}` over the mean of that (Boykov & Jolly 2001), so that the mean weight of a pair is 1; pairs
    without a common date weigh 1. Both means are taken over at most 512 rows.

    Parameters
    ----------
    values : ndarray, shape (d, height, width)
    labels : ndarray of uint8, bordered
    nodata : float32
        Missing value beside NaN; NaN if there is none.
    contrast : bool
        False: every pair weighs 1.
    """
    height, width = values.shape[1:]
    codes = np.zeros((4, height + 2, width + 2), np.uint8)
    usual, mean = _usual(values, labels, nodata) if contrast else (np.inf, 1.0)
    top = 255 if contrast else 1

    def work(start: int, stop: int) -> None:
        square = np.empty((4, width), np.float32)
        for y in range(start, stop):
            pair_squares(values, labels, nodata, y, square)
            codes[:, y + 1, 1:-1] = np.rint(top * _likeness(square, usual, mean))

    for _ in map_chunks(work, height, _LINES):
        pass
    return Neighbours(codes, 1 / (mean * top))


def _likeness(square: NDArray[np.float32], usual: float, mean: float) -> NDArray[np.float32]:
    """Return exp(−m / 2m̄): ``mean`` where it is not known, 0 where a pixel is missing."""
    like = np.exp(np.maximum(square, 0) / np.float32(-2 * usual))
    return np.where(square < 0, 0, np.where(np.isnan(like), mean, like)).astype(np.float32)


def _usual(values: NDArray[Any], labels: NDArray[np.uint8], nodata: Any) -> tuple[float, float]:
    """Return the mean of m over pairs, and the mean of exp(−m / 2m̄)."""
    height, width = values.shape[1:]
    rows = np.unique(np.linspace(0, height - 1, min(height, _ROWS)).astype(int))
    squares = np.empty((rows.size, 4, width), np.float32)

    def work(start: int, stop: int) -> None:
        for place in range(start, stop):
            pair_squares(values, labels, nodata, rows[place], squares[place])

    for _ in map_chunks(work, rows.size, _LINES):
        pass
    known = squares[squares >= 0].astype(np.float64)
    usual = float(known.mean()) if known.size else 0.0
    return (usual, float(np.exp(-known / (2 * usual)).mean())) if usual > 0 else (np.inf, 1.0)


def sums_of(pixels: Pixels, labels: NDArray[np.uint8], centers: NDArray[np.float64], data: float) -> Sums:
    """Return the sums about ``centers`` of pixels with given labels; ``data`` is what these labels cost."""
    anchor = np.ascontiguousarray(centers, pixels.kind)
    shape = anchor.shape
    sums = Sums(anchor, np.zeros(shape), np.zeros(shape), np.zeros(shape[0], np.int64), data)
    flat = read_only(labels.reshape(-1))

    def work(start: int, stop: int) -> Any:
        return labelled_sums(
            start, stop, pixels.flat, pixels.stride, pixels.offsets, pixels.nodata, pixels.scaled, anchor, flat
        )  # fmt: skip

    for part in map_chunks(work, pixels.count, _PIXELS):
        sums.add(part)
    return sums


def noise(pixels: Pixels, labels: NDArray[np.uint8], centers: NDArray[np.float64]) -> float:
    r"""Return the variance within clusters of the typical direction: :math:`\mathrm{tr}\,\Sigma^2 / \mathrm{tr}\,\Sigma`.

    :math:`\Sigma` is the covariance of residuals between features, over the pixels (of up to 32 768, drawn evenly) that have
    both. For independent features of one variance this is that variance; where all of them move together, it is the whole squared
    distance.
    """
    inside = np.flatnonzero(labels.reshape(-1) != LABEL_NODATA)
    chosen = inside[np.random.default_rng(0).integers(0, inside.size, _SAMPLE)] if inside.size > _SAMPLE else inside
    residual = take(pixels, chosen).astype(np.float64) - centers[labels.reshape(-1)[chosen]].T
    seen = ~np.isnan(residual)
    residual[~seen] = 0.0
    both = seen.astype(np.float64) @ seen.T
    covariance = (residual @ residual.T) / np.maximum(both, 1.0)
    total = float(np.trace(covariance))
    return float((covariance**2).sum()) / total if total > 0 else 0.0
