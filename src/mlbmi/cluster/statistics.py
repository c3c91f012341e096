"""Count, mean and standard deviation of an index by cluster, in float64, from sums that add over chunks and dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.compiling import kernel, read_only
from mlbmi.threads import map_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Moments", "level_moments", "pixel_moments"]

_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums by cluster about a value of the cluster's own: they add, and give mean and standard deviation without cancellation.

    Attributes
    ----------
    shift : ndarray of float64, shape (k,)
        Near the mean; the same in all moments that are added.
    sums : ndarray of float64, shape (3, k)
        Count, Σ(v − shift), Σ(v − shift)² of observed values.

    Examples
    --------
    >>> import numpy as np
    >>> one = pixel_moments(np.array([1.0, 3.0, np.nan]), np.array([0, 0, 0]), np.array([2.0]))
    >>> two = pixel_moments(np.array([5.0]), np.array([0]), np.array([2.0]))
    >>> (one + two).mean, (one + two).sd.round(3)
    (array([3.]), array([1.633]))
    """

    shift: NDArray[np.float64]
    sums: NDArray[np.float64]

    def __add__(self, other: Moments) -> Moments:
        """Pool two sets of values."""
        return Moments(self.shift, self.sums + other.sums)

    @property
    def count(self) -> NDArray[np.int64]:
        """Observed values by cluster."""
        whole: NDArray[np.int64] = np.rint(self.sums[0]).astype(np.int64)
        return whole

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean by cluster; NaN where nothing was observed."""
        return self.shift + self._per_value(1)

    @property
    def sd(self) -> NDArray[np.float64]:
        """Population standard deviation by cluster; NaN where nothing was observed."""
        return np.sqrt(np.maximum(self._per_value(2) - self._per_value(1) ** 2, 0.0))

    def _per_value(self, power: int) -> NDArray[np.float64]:
        there = self.sums[0] > 0
        return np.where(there, self.sums[power] / np.where(there, self.sums[0], 1.0), np.nan)


def pixel_moments(
    values: NDArray[Any], labels: NDArray[Any], shift: NDArray[np.float64], *, nodata: int | None = None
) -> Moments:
    """Take the moments of the values by the labels beside them, in one pass over all threads.

    Parameters
    ----------
    values : ndarray of int16, float32 or float64, any shape
        NaN is missing.
    labels : ndarray of integers, same shape
        Pixels with a label outside 0 … k − 1 are left out.
    shift : ndarray of float64, shape (k,)
        See :class:`Moments`.
    nodata : int, optional
        Missing value of integers.

    Returns
    -------
    Moments
    """
    line, marks = read_only(values.reshape(-1)), read_only(labels.reshape(-1))
    missing = values.dtype.type(nodata) if nodata is not None and values.dtype.kind == "i" else np.float32(np.nan)
    centers = read_only(np.ascontiguousarray(shift, np.float64))

    def work(start: int, stop: int) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = _moments(line[start:stop], marks[start:stop], missing, centers)
        return sums

    return Moments(centers, sum(map_chunks(work, line.size, _CHUNK), start=np.zeros((3, centers.size))))


def level_moments(levels: NDArray[np.float64], counts: NDArray[Any], labels: NDArray[Any], shift: NDArray[np.float64]) -> Moments:
    """Take the moments of a histogram by the label of each level.

    Parameters
    ----------
    levels, counts, labels : ndarray, shape (n_levels,)
    shift : ndarray of float64, shape (k,)
        See :class:`Moments`.

    Returns
    -------
    Moments

    Examples
    --------
    >>> import numpy as np
    >>> level_moments(np.array([1.0, 2.0, 9.0]), np.array([1, 3, 2]), np.array([0, 0, 1]), np.zeros(2)).mean
    array([1.75, 9.  ])
    """
    there = counts > 0
    own, weight = labels[there], counts[there].astype(np.float64)
    residual = levels[there] - shift[own]
    sums = [np.bincount(own, weight * residual**power, minlength=shift.size) for power in range(3)]
    return Moments(shift, np.array(sums))


@kernel()
def _moments(values: NDArray[Any], labels: NDArray[Any], nodata: Any, shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count, Σ(v − shift) and Σ(v − shift)² of the observed values by label; labels outside 0 … k − 1 are passed over.

    Shifted by a value near the mean, the variance comes out of one pass without cancellation (Chan, Golub & LeVeque 1983).
    """
    k = shift.size
    sums = np.zeros((3, k))
    for i in range(values.size):
        label, value = labels[i], values[i]
        if label < 0 or label >= k or value != value or value == nodata:  # noqa: PLR0124 - NaN alone differs from itself
            continue
        r = np.float64(value) - shift[label]
        sums[0, label] += 1
        sums[1, label] += r
        sums[2, label] += r * r
    return sums
