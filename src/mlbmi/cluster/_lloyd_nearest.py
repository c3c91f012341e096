"""Numba kernels for the distances of a block of pixels to centers, and the nearest two of these.

Two centers are measured at once, over four dates (two with gaps): the loads of the pixels then serve twice, and the processor's
adders and multipliers, not its loads, set the pace. A missing value is NaN; its residual is replaced by zero, for which wide
vectors have masks.
"""

# ruff: noqa: PLR0917, FBT001 - kernels take arrays and flags by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_blocks import BLOCK
from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["distance", "nearest"]


@kernel(reorder=True)
def _dense_one(x: NDArray[Any], center: NDArray[Any], out: NDArray[Any]) -> None:
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
def _dense_two(x: NDArray[Any], one: NDArray[Any], two: NDArray[Any], out: NDArray[Any], out_two: NDArray[Any]) -> None:
    d = one.size
    out[:] = 0
    out_two[:] = 0
    t = 0
    while t + 4 <= d:
        r0, r1, r2, r3 = x[t], x[t + 1], x[t + 2], x[t + 3]
        c0, c1, c2, c3 = one[t], one[t + 1], one[t + 2], one[t + 3]
        e0, e1, e2, e3 = two[t], two[t + 1], two[t + 2], two[t + 3]
        for p in range(BLOCK):
            v0, v1, v2, v3 = r0[p], r1[p], r2[p], r3[p]  # once: for all the compiler knows, writing ``out`` may change x
            a, b, e, f = v0 - c0, v1 - c1, v2 - c2, v3 - c3
            out[p] += (a * a + b * b) + (e * e + f * f)
            a, b, e, f = v0 - e0, v1 - e1, v2 - e2, v3 - e3
            out_two[p] += (a * a + b * b) + (e * e + f * f)
        t += 4
    while t < d:
        r0, c0, e0 = x[t], one[t], two[t]
        for p in range(BLOCK):
            value = r0[p]
            a, b = value - c0, value - e0
            out[p] += a * a
            out_two[p] += b * b
        t += 1


@kernel(reorder=True)
def _gappy_one(x: NDArray[Any], center: NDArray[Any], out: NDArray[Any]) -> None:
    zero = center.dtype.type(0)
    out[:] = zero
    for t in range(center.size):
        row, c = x[t], center[t]
        for p in range(BLOCK):
            value = row[p]
            a = value - c if value == value else zero  # noqa: PLR0124 - false for NaN alone
            out[p] += a * a


@kernel(reorder=True)
def _gappy_two(x: NDArray[Any], one: NDArray[Any], two: NDArray[Any], out: NDArray[Any], out_two: NDArray[Any]) -> None:
    d = one.size
    zero = one.dtype.type(0)
    out[:] = zero
    out_two[:] = zero
    t = 0
    while t + 2 <= d:
        r0, r1 = x[t], x[t + 1]
        c0, c1, e0, e1 = one[t], one[t + 1], two[t], two[t + 1]
        for p in range(BLOCK):
            v0, v1 = r0[p], r1[p]
            there0, there1 = v0 == v0, v1 == v1  # noqa: PLR0124 - false for NaN alone
            a, b = v0 - c0 if there0 else zero, v1 - c1 if there1 else zero
            out[p] += a * a + b * b
            a, b = v0 - e0 if there0 else zero, v1 - e1 if there1 else zero
            out_two[p] += a * a + b * b
        t += 2
    while t < d:
        r0, c0, e0 = x[t], one[t], two[t]
        for p in range(BLOCK):
            value = r0[p]
            there = value == value  # noqa: PLR0124 - false for NaN alone
            a, b = value - c0 if there else zero, value - e0 if there else zero
            out[p] += a * a
            out_two[p] += b * b
        t += 1


@kernel(reorder=True)
def distance(x: NDArray[Any], gappy: bool, center: NDArray[Any], out: NDArray[Any]) -> None:
    """Squared distance of each pixel to one center over the observed dates, not yet scaled by the share observed."""
    if gappy:
        _gappy_one(x, center, out)
    else:
        _dense_one(x, center, out)


@kernel(reorder=True)
def _first_two(one: NDArray[Any], two: NDArray[Any], near: NDArray[Any], second: NDArray[Any], label: NDArray[np.int32]) -> None:
    lower, higher = np.int32(0), np.int32(1)
    for p in range(BLOCK):
        a, b = one[p], two[p]
        label[p] = higher if b < a else lower
        near[p], second[p] = min(a, b), max(a, b)


@kernel(reorder=True)
def _next_two(
    one: NDArray[Any], two: NDArray[Any], number: int, near: NDArray[Any], second: NDArray[Any], label: NDArray[np.int32]
) -> None:
    lower, higher = np.int32(number), np.int32(number + 1)
    for p in range(BLOCK):
        a, b, before = one[p], two[p], near[p]
        less, more = min(a, b), max(a, b)
        mine = higher if b < a else lower
        label[p] = mine if less < before else label[p]
        second[p] = min(max(less, before), more, second[p])
        near[p] = min(less, before)


@kernel(reorder=True)
def _next_one(one: NDArray[Any], number: int, near: NDArray[Any], second: NDArray[Any], label: NDArray[np.int32]) -> None:
    mine = np.int32(number)
    for p in range(BLOCK):
        a, before = one[p], near[p]
        label[p] = mine if a < before else label[p]
        second[p] = min(max(a, before), second[p])
        near[p] = min(a, before)


@kernel(reorder=True)
def nearest(
    x: NDArray[Any],
    gappy: bool,
    centers: NDArray[Any],
    near: NDArray[Any],
    second: NDArray[Any],
    label: NDArray[np.int32],
    work: NDArray[Any],
) -> None:
    """Find each pixel's nearest center (the lower number on a tie) and the squared distances to the nearest two.

    ``work`` has two rows. With one center the second distance is infinite.
    """
    k = centers.shape[0]
    one, two = work[0], work[1]
    if k == 1:
        distance(x, gappy, centers[0], near)
        second[:] = np.inf
        label[:] = 0
    for j in range(0, k - 1, 2):
        if gappy:
            _gappy_two(x, centers[j], centers[j + 1], one, two)
        else:
            _dense_two(x, centers[j], centers[j + 1], one, two)
        if j:
            _next_two(one, two, j, near, second, label)
        else:
            _first_two(one, two, near, second, label)
    if k > 1 and k % 2:
        distance(x, gappy, centers[k - 1], one)
        _next_one(one, k - 1, near, second, label)
