"""Numba kernels under :func:`mlbmi.cluster.spatial.smooth`: energies, the likeness of neighbours, sums for the next centers.

Images of labels and of weights carry a border of one pixel (label 255, weight 0), so that no kernel asks where the image ends.
Pixel ``i`` of the bordered image has its neighbours at ``i ± 1``, ``i ± width``, ``i ± (width ± 1)``, ``width`` being that of the
bordered image. A pair of neighbours is named by its upper (in a row: left) pixel and a direction: 0 east, 1 south, 2 south-east,
3 south-west. A pair's weight is a code of 8 bits times a step; it is 0 where either pixel is missing.
"""

# ruff: noqa: PLR0917, FBT001 - kernels take arrays and flags by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DIAGONAL", "LABELS", "energies", "labelled_sums", "pair_squares"]

LABELS = 256
"""Room for every label and for 255: missing neighbours vote into a place that no one reads."""

DIAGONAL = float(np.sqrt(0.5))
"""Weight of a diagonal neighbour: it is farther away by √2."""

_RUN = 4096
"""Pixels whose sums are taken together: all their dates stay in the second-level cache."""


@kernel()
def energies(
    start: int,
    stop: int,
    costs: NDArray[Any],
    labels: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    width: int,
) -> tuple[float, float]:
    """Sum, over the rows ``[start, stop)``, the costs of the labels and the codes of the pairs that disagree."""
    wide = width + 2
    data, straight, diagonal = 0.0, 0, 0
    for y in range(start, stop):
        for x in range(width):
            i = (y + 1) * wide + x + 1
            own = labels[i]
            if own == 255:
                continue
            data += costs[own, y * width + x]
            straight += codes[0, i] * (labels[i + 1] != own) + codes[1, i] * (labels[i + wide] != own)
            diagonal += codes[2, i] * (labels[i + wide + 1] != own) + codes[3, i] * (labels[i + wide - 1] != own)
    return data, straight + DIAGONAL * diagonal


@kernel()
def pair_squares(values: NDArray[Any], labels: NDArray[np.uint8], nodata: Any, y: int, out: NDArray[Any]) -> None:
    """Write the mean squared difference, over the dates both have, of each pair that belongs to row ``y``.

    Parameters
    ----------
    values : ndarray, shape (d, height, width)
    labels : ndarray of uint8, bordered, two-dimensional
    out : ndarray of float32, shape (4, width)
        −1 where either pixel is missing, NaN where they share no date.
    """
    d, height, width = values.shape
    shared = np.empty(width, np.float32)
    for pair in range(4):
        down, right = min(pair, 1), (1, 0, 1, -1)[pair]
        square = out[pair]
        square[:] = 0
        shared[:] = 0
        low, high = max(0, -right), width - max(0, right)
        if y + down < height:
            for t in range(d):
                here, there = values[t, y], values[t, y + down]
                for x in range(low, high):
                    one, two = np.float32(here[x]), np.float32(there[x + right])
                    gap = one - two
                    both = (gap == gap) & (one != nodata) & (two != nodata)  # noqa: PLR0124 - NaN alone differs from itself
                    square[x] += gap * gap if both else np.float32(0)
                    shared[x] += np.float32(1) if both else np.float32(0)
        for x in range(width):
            missing = labels[y + 1, x + 1] == 255 or labels[y + 1 + down, x + 1 + right] == 255
            square[x] = -1 if missing else square[x] / shared[x]


@kernel()
def labelled_sums(
    start: int,
    stop: int,
    flat: NDArray[Any],
    stride: int,
    offsets: NDArray[np.int64],
    nodata: Any,
    scaled: bool,
    centers: NDArray[Any],
    labels: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], float, int]:
    """Sum what an update of the centers needs, over the pixels ``[start, stop)`` with these labels.

    Parameters
    ----------
    flat : ndarray, 1-D
        Value of pixel i on date t at ``offsets[t] + i * stride``.
    scaled : bool
        Weigh a pixel by d/|O|.
    centers : ndarray (k, d)
        In the type of the arithmetic; the anchor of the residuals.

    Returns
    -------
    (residual, mass, members, 0, 0)
        Σ w(x − c) and Σ w by cluster and date, pixels by cluster: what :meth:`._lloyd_passes.Sums.add` takes.
    """
    k, d = centers.shape
    residual, mass, members = np.zeros((d, LABELS)), np.zeros((d, LABELS)), np.zeros(LABELS, np.int64)
    weight = np.empty(_RUN)
    for begin in range(start, stop, _RUN):
        here = min(_RUN, stop - begin)
        own = labels[begin : begin + here]
        weight[:] = 0
        for t in range(d):
            for p in range(here):
                value = flat[offsets[t] + (begin + p) * stride]
                weight[p] += (value == value) & (value != nodata)  # noqa: PLR0124 - NaN alone differs from itself
        for p in range(here):
            members[own[p]] += 1
            weight[p] = d / max(weight[p], 1.0) if scaled else 1.0
        for t in range(d):
            sums, masses = residual[t], mass[t]
            for p in range(here):
                value = flat[offsets[t] + (begin + p) * stride]
                if own[p] != 255 and value == value and value != nodata:  # noqa: PLR0124
                    sums[own[p]] += weight[p] * (np.float64(value) - centers[own[p], t])
                    masses[own[p]] += weight[p]
    return residual[:, :k].T.copy(), mass[:, :k].T.copy(), members[:k], 0.0, 0
