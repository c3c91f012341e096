"""Numba kernels under :class:`mlbmi.cluster.KMeans`: fused passes over pixels whose dates may be missing.

How they are made, and why:

* **One block at a time.** ``BLOCK`` pixels are copied into a small ``(dates, BLOCK)`` buffer that stays in the cache,
  whatever the input's type (int16, float32, float64) and order (pixel-major, or date-major as a cube is). All arithmetic runs
  across the pixels of the buffer, always over its full width: vectorised without a remainder, so that a pixel's distance has
  the same bits wherever it stands, and labels from ``fit`` and from ``predict`` agree.
* **Missing without branches.** In the buffer a missing value is NaN, and a residual that is NaN is taken for zero. A block
  without gaps takes a path that does not ask.
* **Residuals, not raw sums.** Sums are taken of x − anchor, the anchor being a center near the solution: in the type of the
  arithmetic inside a block (256 values), in float64 across blocks. The objective at any center near the anchor follows from
  them without another pass, and without the cancellation of Σx² − n·c².
* **No parallel=True.** The kernels release the GIL and work on ``[start, stop)``; ``threads.map_chunks`` cuts chunks by size
  alone and hands results back in order: the same bits for any number of threads.
* **NaN-safe.** ``fastmath=True`` would assume that there is no NaN. Distances and sums allow reordering and fused multiply-add
  only, on buffers that hold no NaN; what looks for NaN is compiled without any of it.

Sums start from a zero of the buffer's own type: an integer zero would make Numba add in float64, at a quarter of the
speed.

Numba keeps compiled code by the file of the *entered* function: after a change in ``_lloyd_blocks``, ``_lloyd_nearest`` or
``_lloyd_sums`` alone, what it kept of this file is stale. Installing writes all anew; when editing, delete ``__pycache__``.
"""

# ruff: noqa: PLR0917, FBT001 - kernels take arrays and flags by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_blocks import BLOCK, aligned, load_run, load_some, split_missing, weigh
from mlbmi.cluster._lloyd_nearest import distance, nearest
from mlbmi.cluster._lloyd_sums import accumulate
from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], float, int, int]

__all__ = ["full_pass", "gather", "sparse_pass", "square_distances"]

_SLACK = np.float32(8e-6)
"""Share of a distance by which float32 rounding may mislead a bound: 64 units in the last place of a distance's square root."""


@kernel(reorder=True)
def full_pass(
    start: int,
    stop: int,
    flat: NDArray[Any],
    stride: int,
    offsets: NDArray[np.int64],
    nodata: Any,
    weights: NDArray[Any],
    least: int,
    scaled: bool,
    centers: NDArray[Any],
    labels: NDArray[np.int32],
    limits: NDArray[Any],
    learn: bool,
    horizon: float,
    doubtful: NDArray[np.int64],
    doubted: NDArray[Any],
) -> _Parts:
    """Assign the pixels ``[start, stop)`` to their nearest centers and sum what an update of the centers needs.

    Parameters
    ----------
    flat : ndarray, 1-D
        The whole input as it lies in memory; value of pixel i on date t at ``offsets[t] + i * stride``.
    weights : ndarray
        One per pixel, or none at all.
    least, scaled : int, bool
        Observations that a pixel needs; whether distances are scaled by d/|O|.
    centers : ndarray (k, d)
        In the type of the arithmetic; the anchor of the residuals.
    labels, limits : ndarray of int32, of float32
        Written: label (−1 too few observations); the drift of the centers from here on up to which the label is certain.
    learn : bool
        False: only labels, limits and the objective.
    horizon : float
        Pixels whose limit is not beyond it are copied, while they are in the cache: their places into ``doubtful``, their values
        into the columns of ``doubted``, as far as there is room.
    doubtful, doubted : ndarray (room,), (d, room)
        Written; without room nothing is.

    Returns
    -------
    (residual, mass, members, objective, infinite, doubts)
        Σ w(x − c) and Σ w by cluster and date, pixels by cluster, Σ w‖x − c‖², count of infinite values, count of pixels copied
        (more than there is room: not all were).
    """
    k, d = centers.shape
    kind = centers.dtype
    lines = aligned(d + 6, centers)
    x, work = lines[:d], lines[d : d + 2]
    near, second, weight, count = lines[d + 2], lines[d + 3], lines[d + 4], lines[d + 5]
    label = aligned(1, labels)[0]
    chosen, room, doubts = np.empty(BLOCK, np.int64), doubtful.size, 0
    residual, mass, members = np.zeros((k, d)), np.zeros((k, d)), np.zeros(k, np.int64)
    objective, infinite, zero, slack = 0.0, 0, kind.type(0), kind.type(_SLACK)
    missing, forever = np.int32(-1), kind.type(np.inf)
    for begin in range(start, stop, BLOCK):
        width = min(BLOCK, stop - begin)
        gappy = load_run(flat, stride, offsets, begin, width, nodata, x)
        if gappy:
            infinite += split_missing(x, nodata, count)
        nearest(x, gappy, centers, near, second, label, work)
        weigh(weights, begin, chosen, False, width, gappy, count, d, scaled, least, weight)
        part = zero
        for p in range(BLOCK):
            part += max(weight[p], zero) * near[p]
            low, high = np.sqrt(near[p]), np.sqrt(second[p])
            second[p] = (high - low) - slack * (high + low)
        objective += part
        labels_here, limits_here = labels[begin : begin + width], limits[begin : begin + width]
        for p in range(width):
            usable = weight[p] >= zero
            labels_here[p] = label[p] if usable else missing
            limits_here[p] = second[p] if usable else forever
        if learn:
            accumulate(x, gappy, centers, label, weight, work, residual, mass, members)
        if doubts < room:
            doubts = _set_aside(begin, x, limits_here, horizon, chosen, doubts, doubtful, doubted)
    return residual, mass, members, objective, infinite, doubts


@kernel()
def _set_aside(
    begin: int,
    x: NDArray[Any],
    limits: NDArray[Any],
    horizon: float,
    chosen: NDArray[np.int64],
    done: int,
    doubtful: NDArray[np.int64],
    doubted: NDArray[Any],
) -> int:
    """Copy the pixels of a block whose limits are within the horizon behind the ``done`` ones; return how many there are then."""
    few = 0
    for p in range(limits.size):
        chosen[few] = p
        few += limits[p] <= horizon
    if done + few > doubtful.size:
        return doubtful.size + 1
    for j in range(few):
        doubtful[done + j] = begin + chosen[j]
    for t in range(x.shape[0]):
        row, values = doubted[t], x[t]
        for j in range(few):
            row[done + j] = values[chosen[j]]
    return done + few


@kernel(reorder=True)
def sparse_pass(
    start: int,
    stop: int,
    flat: NDArray[Any],
    stride: int,
    offsets: NDArray[np.int64],
    nodata: Any,
    weights: NDArray[Any],
    least: int,
    scaled: bool,
    centers: NDArray[Any],
    anchor: NDArray[Any],
    labels: NDArray[np.int32],
    limits: NDArray[Any],
    drift: float,
) -> _Parts:
    """Assign again only those pixels of ``[start, stop)`` whose label the drift of the centers has made uncertain.

    Parameters and results are those of :func:`full_pass`, the sums being *changes* of sums about ``anchor``; after them come the
    number of pixels that changed their cluster, and 0.
    """
    k, d = centers.shape
    lines = aligned(d + 6, centers)
    x, work = lines[:d], lines[d : d + 2]
    near, second, weight, count = lines[d + 2], lines[d + 3], lines[d + 4], lines[d + 5]
    label = aligned(1, labels)[0]
    chosen = np.empty(BLOCK, np.int64)
    residual, mass, members = np.zeros((k, d)), np.zeros((k, d)), np.zeros(k, np.int64)
    objective, changed = 0.0, 0
    width = 0
    for i in range(start, stop):
        chosen[width] = i - start
        width += limits[i] <= drift
        if width < BLOCK and not (i + 1 == stop and width):
            continue
        gappy = load_some(flat, stride, offsets, start, chosen, width, nodata, x)
        if gappy:
            split_missing(x, nodata, count)
        nearest(x, gappy, centers, near, second, label, work)
        weigh(weights, start, chosen, True, width, gappy, count, d, scaled, least, weight)
        for p in range(width):
            at = start + chosen[p]
            low, high = np.sqrt(near[p]), np.sqrt(second[p])
            limits[at] = (high - low) - _SLACK * (high + low + drift) + drift
            old, new = labels[at], label[p]
            if old == new:
                continue
            labels[at] = new
            changed += 1
            if weight[p] <= 0:
                continue
            members[old] -= 1
            members[new] += 1
            heavy = np.float64(weight[p])
            for t in range(d):
                value = x[t, p]
                if not value == value:  # noqa: PLR0124, SIM201 - NaN alone differs from itself
                    continue
                before, after = np.float64(value - anchor[old, t]), np.float64(value - anchor[new, t])
                residual[old, t] -= heavy * before
                residual[new, t] += heavy * after
                mass[old, t] -= heavy
                mass[new, t] += heavy
                objective += heavy * (after * after - before * before)
        width = 0
    return residual, mass, members, objective, changed, 0


@kernel(reorder=True)
def square_distances(
    start: int,
    stop: int,
    flat: NDArray[Any],
    stride: int,
    offsets: NDArray[np.int64],
    nodata: Any,
    weights: NDArray[Any],
    least: int,
    scaled: bool,
    centers: NDArray[Any],
    out: NDArray[Any],
) -> int:
    """Write the weighted, scaled squared distance of pixel i to center k into ``out[k, i]``; NaN for too few observations.

    Returns the count of infinite values.
    """
    k, d = centers.shape
    lines = aligned(d + 3, centers)
    x, work, weight, count = lines[:d], lines[d], lines[d + 1], lines[d + 2]
    chosen = np.empty(0, np.int64)
    infinite = 0
    for begin in range(start, stop, BLOCK):
        width = min(BLOCK, stop - begin)
        gappy = load_run(flat, stride, offsets, begin, width, nodata, x)
        if gappy:
            infinite += split_missing(x, nodata, count)
        weigh(weights, begin, chosen, False, width, gappy, count, d, scaled, least, weight)
        for j in range(k):
            distance(x, gappy, centers[j], work)
            for p in range(width):
                out[j, begin + p] = weight[p] * work[p] if weight[p] >= 0 else np.nan
    return infinite


@kernel()
def gather(
    start: int,
    stop: int,
    flat: NDArray[Any],
    stride: int,
    offsets: NDArray[np.int64],
    nodata: Any,
    pixels: NDArray[np.int64],
    out: NDArray[Any],
) -> int:
    """Copy the values of ``pixels[start:stop]`` into ``out[t, start:stop]``, missing as NaN; count infinite values."""
    infinite = 0
    for t in range(offsets.size):
        row = out[t]
        for j in range(start, stop):
            row[j] = flat[offsets[t] + pixels[j] * stride]
            infinite += abs(row[j]) == np.inf
            if row[j] == nodata:
                row[j] = np.nan
    return infinite
