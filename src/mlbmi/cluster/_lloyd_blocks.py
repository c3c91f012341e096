"""Numba kernels on one block of pixels: fill a buffer, measure distances, add up sums. Why so, is said in ``_lloyd_kernels``."""

# ruff: noqa: PLR0917, FBT001 - kernels take arrays and flags by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BLOCK",
    "accumulate",
    "distance_dense",
    "distance_gappy",
    "load_run",
    "load_some",
    "nearest",
    "split_missing",
    "weigh",
]

BLOCK = 256
"""Pixels worked on at once: with 12 dates of float32 the two buffers take 24 KB, about a core's first-level cache."""


@kernel()
def _count_bad(x: NDArray[Any], nodata: Any) -> int:
    """Count what is not finite or is nodata in a buffer."""
    bad = 0
    for t in range(x.shape[0]):
        row = x[t]
        for p in range(BLOCK):
            bad += not ((abs(row[p]) < np.inf) & (row[p] != nodata))
    return bad


@kernel()
def load_run(
    flat: NDArray[Any], stride: int, offsets: NDArray[np.int64], start: int, width: int, nodata: Any, x: NDArray[Any]
) -> int:
    """Copy ``width`` consecutive pixels into ``x``, pad with zeros; count what is not finite or is nodata."""
    if width < BLOCK:
        x[:] = 0
    if stride != 1:
        for p in range(width):
            at = (start + p) * stride
            for t in range(offsets.size):
                x[t, p] = flat[offsets[t] + at]
        return _count_bad(x, nodata)
    bad = 0
    for t in range(offsets.size):
        row, run = x[t], flat[offsets[t] + start : offsets[t] + start + width]
        for p in range(width):
            row[p] = run[p]
            bad += not ((abs(row[p]) < np.inf) & (row[p] != nodata))
    return bad


@kernel()
def load_some(
    flat: NDArray[Any],
    stride: int,
    offsets: NDArray[np.int64],
    start: int,
    chosen: NDArray[np.int64],
    width: int,
    nodata: Any,
    x: NDArray[Any],
) -> int:
    """Copy the pixels ``start + chosen[:width]`` into ``x``, pad with zeros; count what is not finite or is nodata."""
    if width < BLOCK:
        x[:] = 0
    for t in range(offsets.size):
        row, base = x[t], offsets[t] + start * stride
        for p in range(width):
            row[p] = flat[base + chosen[p] * stride]
    return _count_bad(x, nodata)


@kernel()
def split_missing(x: NDArray[Any], seen: NDArray[Any], nodata: Any, count: NDArray[Any]) -> int:
    """Turn missing values into x = 0, seen = 0, count what each pixel has; return the number of infinite values."""
    infinite = 0
    count[:] = 0
    for t in range(x.shape[0]):
        row, mark = x[t], seen[t]
        for p in range(BLOCK):
            value = row[p]
            there = (value == value) & (value != nodata)  # noqa: PLR0124 - NaN alone differs from itself
            infinite += abs(value) == np.inf
            row[p] = value if there else 0
            mark[p] = 1 if there else 0
            count[p] += mark[p]
    return infinite


@kernel(reorder=True)
def distance_dense(x: NDArray[Any], center: NDArray[Any], out: NDArray[Any]) -> None:
    """Squared distance of each pixel to one center, nothing missing; four dates a turn to spare loads of ``out``."""
    d = center.size
    out[:] = 0
    t = 0
    while t + 4 <= d:
        r0, r1, r2, r3 = x[t], x[t + 1], x[t + 2], x[t + 3]
        c0, c1, c2, c3 = center[t], center[t + 1], center[t + 2], center[t + 3]
        for p in range(BLOCK):
            a, b, e, f = r0[p] - c0, r1[p] - c1, r2[p] - c2, r3[p] - c3
            out[p] += (a * a + b * b) + (e * e + f * f)
        t += 4
    while t < d:
        r0, c0 = x[t], center[t]
        for p in range(BLOCK):
            a = r0[p] - c0
            out[p] += a * a
        t += 1


@kernel(reorder=True)
def distance_gappy(x: NDArray[Any], seen: NDArray[Any], center: NDArray[Any], out: NDArray[Any]) -> None:
    """Squared distance over the observed dates only, not yet scaled by the share observed."""
    d = center.size
    out[:] = 0
    t = 0
    while t + 2 <= d:
        r0, r1, s0, s1 = x[t], x[t + 1], seen[t], seen[t + 1]
        c0, c1 = center[t], center[t + 1]
        for p in range(BLOCK):
            a, b = r0[p] - s0[p] * c0, r1[p] - s1[p] * c1
            out[p] += a * a + b * b
        t += 2
    while t < d:
        r0, s0, c0 = x[t], seen[t], center[t]
        for p in range(BLOCK):
            a = r0[p] - s0[p] * c0
            out[p] += a * a
        t += 1


@kernel(reorder=True)
def nearest(
    x: NDArray[Any],
    seen: NDArray[Any],
    gappy: bool,
    centers: NDArray[Any],
    near: NDArray[Any],
    second: NDArray[Any],
    label: NDArray[np.int32],
    work: NDArray[Any],
) -> None:
    """Find each pixel's nearest center (the lower number on a tie) and the squared distances to the nearest two."""
    near[:] = np.inf
    second[:] = np.inf
    label[:] = 0
    for k in range(centers.shape[0]):
        if gappy:
            distance_gappy(x, seen, centers[k], work)
        else:
            distance_dense(x, centers[k], work)
        for p in range(BLOCK):
            dist, first = work[p], near[p]
            other = max(dist, first)
            second[p] = min(second[p], other)
            label[p] = k if dist < first else label[p]
            near[p] = min(dist, first)


@kernel(reorder=True)
def weigh(
    weights: NDArray[Any],
    start: int,
    chosen: NDArray[np.int64],
    use_chosen: bool,
    width: int,
    gappy: bool,
    count: NDArray[Any],
    dates: int,
    scaled: bool,
    least: int,
    weight: NDArray[Any],
) -> None:
    """Write each pixel's weight times its scale d/|O|; −1 for a pixel with too few observations, 0 for padding."""
    one, whole, enough = weight.dtype.type(1), weight.dtype.type(dates), weight.dtype.type(least)
    weight[:] = one
    if weights.size:
        for p in range(width):
            weight[p] = weights[start + chosen[p]] if use_chosen else weights[start + p]
    if gappy:
        for p in range(BLOCK):
            observed = count[p]
            factor = whole / max(observed, one) if scaled else one
            weight[p] = weight[p] * factor if observed >= enough else -one
    weight[width:] = 0


@kernel(reorder=True)
def _sum_dense(x: NDArray[Any], center: NDArray[Any], own: NDArray[Any], zero: Any, residual: NDArray[np.float64]) -> None:
    """Add Σ own·(x − center) by date; four dates a turn to spare loads of ``own``."""
    d = center.size
    t = 0
    while t + 4 <= d:
        r0, r1, r2, r3 = x[t], x[t + 1], x[t + 2], x[t + 3]
        c0, c1, c2, c3 = center[t], center[t + 1], center[t + 2], center[t + 3]
        a0, a1, a2, a3 = zero, zero, zero, zero
        for p in range(BLOCK):
            w = own[p]
            a0 += w * (r0[p] - c0)
            a1 += w * (r1[p] - c1)
            a2 += w * (r2[p] - c2)
            a3 += w * (r3[p] - c3)
        residual[t] += a0
        residual[t + 1] += a1
        residual[t + 2] += a2
        residual[t + 3] += a3
        t += 4
    while t < d:
        r0, c0, a0 = x[t], center[t], zero
        for p in range(BLOCK):
            a0 += own[p] * (r0[p] - c0)
        residual[t] += a0
        t += 1


@kernel(reorder=True)
def _sum_gappy(
    x: NDArray[Any],
    seen: NDArray[Any],
    center: NDArray[Any],
    own: NDArray[Any],
    zero: Any,
    residual: NDArray[np.float64],
    mass: NDArray[np.float64],
) -> None:
    """Add Σ own·(x − center) and Σ own by date, over what is observed."""
    d = center.size
    t = 0
    while t + 2 <= d:
        r0, r1, s0, s1 = x[t], x[t + 1], seen[t], seen[t + 1]
        c0, c1 = center[t], center[t + 1]
        a0, a1, m0, m1 = zero, zero, zero, zero
        for p in range(BLOCK):
            w = own[p]
            a0 += w * (r0[p] - s0[p] * c0)
            m0 += w * s0[p]
            a1 += w * (r1[p] - s1[p] * c1)
            m1 += w * s1[p]
        residual[t] += a0
        residual[t + 1] += a1
        mass[t] += m0
        mass[t + 1] += m1
        t += 2
    while t < d:
        r0, s0, c0 = x[t], seen[t], center[t]
        a0, m0 = zero, zero
        for p in range(BLOCK):
            a0 += own[p] * (r0[p] - s0[p] * c0)
            m0 += own[p] * s0[p]
        residual[t] += a0
        mass[t] += m0
        t += 1


@kernel(reorder=True)
def accumulate(
    x: NDArray[Any],
    seen: NDArray[Any],
    gappy: bool,
    centers: NDArray[Any],
    label: NDArray[np.int32],
    weight: NDArray[Any],
    own: NDArray[Any],
    residual: NDArray[np.float64],
    mass: NDArray[np.float64],
    members: NDArray[np.int64],
) -> None:
    """Add the block's weighted residuals, weights and pixel counts, by cluster and date."""
    zero, one = centers.dtype.type(0), centers.dtype.type(1)
    for k in range(centers.shape[0]):
        here, total = zero, zero
        for p in range(BLOCK):
            mine = (label[p] == k) & (weight[p] > zero)
            own[p] = weight[p] if mine else zero
            total += own[p]
            here += one if mine else zero
        if here == 0:
            continue
        members[k] += np.int64(here)
        if gappy:
            _sum_gappy(x, seen, centers[k], own, zero, residual[k], mass[k])
        else:
            for t in range(centers.shape[1]):  # as an array expression it would take Numba seconds to compile
                mass[k, t] += total
            _sum_dense(x, centers[k], own, zero, residual[k])
