"""Numba kernels that add up what an update of the centers needs from one block of pixels, two clusters at a time."""

# ruff: noqa: PLR0917, FBT001 - kernels take arrays and flags by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_blocks import BLOCK
from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["accumulate"]


@kernel(reorder=True)
def _members(label: NDArray[np.int32], number: int, weight: NDArray[Any], own: NDArray[Any]) -> tuple[Any, int]:
    """Write the weights of one cluster's pixels into ``own``, 0 for all others; return their sum and how many are positive."""
    zero, one, mine = weight.dtype.type(0), weight.dtype.type(1), np.int32(number)
    total, here = zero, zero
    for p in range(BLOCK):
        heavy = weight[p] if label[p] == mine else zero
        own[p] = max(heavy, zero)
        total += own[p]
        here += one if own[p] > zero else zero
    return total, int(here)


@kernel(reorder=True)
def _dense_one(x: NDArray[Any], center: NDArray[Any], own: NDArray[Any], zero: Any, residual: NDArray[np.float64]) -> None:
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
def _dense_two(
    x: NDArray[Any],
    one: NDArray[Any],
    two: NDArray[Any],
    own: NDArray[Any],
    zero: Any,
    residual: NDArray[np.float64],
    residual_two: NDArray[np.float64],
) -> None:
    """The same for two centers, which spares loads of ``x``."""
    d = one.size
    own_one, own_two = own[0], own[1]
    t = 0
    while t + 4 <= d:
        r0, r1, r2, r3 = x[t], x[t + 1], x[t + 2], x[t + 3]
        c0, c1, c2, c3 = one[t], one[t + 1], one[t + 2], one[t + 3]
        e0, e1, e2, e3 = two[t], two[t + 1], two[t + 2], two[t + 3]
        a0, a1, a2, a3, b0, b1, b2, b3 = zero, zero, zero, zero, zero, zero, zero, zero
        for p in range(BLOCK):
            w, v, v0, v1, v2, v3 = own_one[p], own_two[p], r0[p], r1[p], r2[p], r3[p]
            a0 += w * (v0 - c0)
            a1 += w * (v1 - c1)
            a2 += w * (v2 - c2)
            a3 += w * (v3 - c3)
            b0 += v * (v0 - e0)
            b1 += v * (v1 - e1)
            b2 += v * (v2 - e2)
            b3 += v * (v3 - e3)
        residual[t] += a0
        residual[t + 1] += a1
        residual[t + 2] += a2
        residual[t + 3] += a3
        residual_two[t] += b0
        residual_two[t + 1] += b1
        residual_two[t + 2] += b2
        residual_two[t + 3] += b3
        t += 4
    while t < d:
        r0, c0, e0, a0, b0 = x[t], one[t], two[t], zero, zero
        for p in range(BLOCK):
            a0 += own_one[p] * (r0[p] - c0)
            b0 += own_two[p] * (r0[p] - e0)
        residual[t] += a0
        residual_two[t] += b0
        t += 1


@kernel(reorder=True)
def _gappy(
    x: NDArray[Any],
    center: NDArray[Any],
    own: NDArray[Any],
    zero: Any,
    residual: NDArray[np.float64],
    mass: NDArray[np.float64],
) -> None:
    """Add Σ own·(x − center) and Σ own by date, over what is observed; one date a turn, as more would not fit the registers."""
    for t in range(center.size):
        row, c, total, heavy = x[t], center[t], zero, zero
        for p in range(BLOCK):
            value = row[p]
            there = value == value  # noqa: PLR0124 - false for NaN alone
            w = own[p] if there else zero
            heavy += w
            total += w * (value - c if there else zero)
        residual[t] += total
        mass[t] += heavy


@kernel(reorder=True)
def accumulate(
    x: NDArray[Any],
    gappy: bool,
    centers: NDArray[Any],
    label: NDArray[np.int32],
    weight: NDArray[Any],
    own: NDArray[Any],
    residual: NDArray[np.float64],
    mass: NDArray[np.float64],
    members: NDArray[np.int64],
) -> None:
    """Add the block's weighted residuals, weights and pixel counts, by cluster and date; ``own`` has two rows to work on."""
    k, d = centers.shape
    zero = centers.dtype.type(0)
    before = 0
    for j in range(k):
        total, here = _members(label, j, weight, own[j % 2])
        members[j] += here
        if gappy:
            if here:
                _gappy(x, centers[j], own[j % 2], zero, residual[j], mass[j])
            continue
        for t in range(d):  # as an array expression it would take Numba seconds to compile
            mass[j, t] += total
        if j % 2 and here + before:
            _dense_two(x, centers[j - 1], centers[j], own, zero, residual[j - 1], residual[j])
        elif j + 1 == k and here:
            _dense_one(x, centers[j], own[0], zero, residual[j])
        before = here
