"""Numba kernels that search labels: chains of pixels, solved exactly. Images are bordered as ``_spatial_kernels`` says."""

# ruff: noqa: PLR0917, FBT001 - kernels take arrays and flags by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._spatial_kernels import DIAGONAL, LABELS
from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["REACH", "close", "relax_chains"]

REACH = 256
"""Pixels of a chain that are solved together, at most: what is then read of a column stays in the second-level cache."""

_ROW_STALE, _COLUMN_STALE, _UNSETTLED = np.uint8(1), np.uint8(2), np.uint8(7)
"""States of free pixels: 4 settled, +1 to be looked at in its row, +2 in its column. State 0: closed or missing."""


@kernel()
def close(
    start: int,
    stop: int,
    costs: NDArray[Any],
    labels: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    states: NDArray[np.uint8],
    width: int,
    straight: float,
) -> None:
    """Label, in the rows ``[start, stop)``, each pixel whose nearest center leads by more than its neighbours could outvote.

    Parameters
    ----------
    costs : ndarray, shape (k, height * width)
    labels : ndarray of uint8, bordered, flat
        Changed in place.
    codes : ndarray of uint8, shape (4, bordered size)
    states : ndarray of uint8, bordered, flat
        Written: 0 for a pixel so labelled or missing, 7 for all others.
    straight : float
        Energy of a unit of ``codes`` between straight neighbours.
    """
    wide = width + 2
    for y in range(start, stop):
        for x in range(width):
            i = (y + 1) * wide + x + 1
            states[i] = 0
            if labels[i] == 255:
                continue
            near, second, arg = np.inf, np.inf, 0
            for c in range(costs.shape[0]):
                cost = np.float64(costs[c, y * width + x])
                second = min(second, max(cost, near))
                arg = c if cost < near else arg
                near = min(near, cost)
            beside = np.int64(codes[0, i]) + codes[0, i - 1] + codes[1, i] + codes[1, i - wide]
            corners = np.int64(codes[2, i]) + codes[2, i - wide - 1] + codes[3, i] + codes[3, i - wide + 1]
            if second - near > straight * (beside + DIAGONAL * corners):
                labels[i] = arg
            else:
                states[i] = _UNSETTLED


@kernel()
def relax_chains(
    start: int,
    stop: int,
    parity: int,
    by_row: bool,
    costs: NDArray[Any],
    labels: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    states: NDArray[np.uint8],
    height: int,
    width: int,
    straight: float,
    reluctance: float,
) -> int:
    """Give the free pixels in every other row (or column) of ``[start, stop)`` their best labels, run by run.

    A run of pixels in a row whose neighbouring rows are fixed is a chain; dynamic programming (Viterbi) minimises the energy over
    all its labelings at once. Rows of one parity are no neighbours of one another: in whatever order, on however many threads,
    they get the same labels. Runs about which nothing has changed since they were solved are passed over.

    Parameters
    ----------
    parity : int
        0 or 1: which rows.
    costs, labels, codes, states, straight
        As for :func:`close`; labels and states are kept up to date.
    reluctance : float
        What a pixel gains by keeping its label: without it, labelings of equal energy could take turns for ever.

    Returns
    -------
    int
        Labels changed.
    """
    k, wide = costs.shape[0], width + 2
    length, along, across = (width, 1, wide) if by_row else (height, wide, 1)
    cost_along, cost_across = (1, width) if by_row else (width, 1)
    stale = _ROW_STALE if by_row else _COLUMN_STALE
    came_from, sums, q = np.empty((REACH, k), np.uint8), np.empty(k), np.zeros(LABELS)
    changed = 0
    for head in range(0, length, REACH):
        tail = min(head + REACH, length)
        for b in range(start + (start + parity) % 2, stop, 2):
            a = head
            while a < tail:
                begin, i = a, (a + 1) * along + (b + 1) * across
                found = np.uint8(0)
                while a < tail and states[i + (a - begin) * along]:
                    found |= states[i + (a - begin) * along] & stale
                    a += 1
                if found:
                    at = begin * cost_along + b * cost_across
                    _solve(
                        i, at, a - begin, by_row, cost_along, costs, labels, codes, wide, straight, reluctance, came_from, sums, q
                    )  # fmt: skip
                    changed += _take_over(i, a - begin, along, labels, states, stale, wide, came_from)
                a += a == begin
    return changed


@kernel()
def _solve(
    first: int,
    at: int,
    count: int,
    by_row: bool,
    cost_step: int,
    costs: NDArray[Any],
    labels: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    wide: int,
    straight: float,
    reluctance: float,
    came_from: NDArray[np.uint8],
    sums: NDArray[np.float64],
    q: NDArray[np.float64],
) -> None:
    """Find the best labels of a run of ``count`` pixels, all around it fixed; leave them in ``came_from[:, 0]``."""
    k = costs.shape[0]
    step, side = (1, wide) if by_row else (wide, 1)
    onward, beside = (codes[0], codes[1]) if by_row else (codes[1], codes[0])
    falling, rising = codes[2], codes[3]
    diagonal = straight * DIAGONAL
    low, arg = 0.0, 0
    for p in range(count):
        i = first + p * step
        bound = low + straight * onward[i - step]
        for c in range(k):
            if p == 0:
                q[c] = 0.0
            else:
                stays = sums[c] <= bound
                came_from[p, c] = c if stays else arg
                q[c] = (sums[c] if stays else bound) - low
        for c in range(k):
            q[c] += costs[c, at + p * cost_step]
        q[labels[i]] -= reluctance
        q[labels[i - side]] -= straight * beside[i - side]
        q[labels[i + side]] -= straight * beside[i]
        q[labels[i - wide - 1]] -= diagonal * falling[i - wide - 1]
        q[labels[i + wide + 1]] -= diagonal * falling[i]
        q[labels[i - wide + 1]] -= diagonal * rising[i - wide + 1]
        q[labels[i + wide - 1]] -= diagonal * rising[i]
        if p == 0:
            q[labels[i - step]] -= straight * onward[i - step]
        if p == count - 1:
            q[labels[i + step]] -= straight * onward[i]
        low, arg = q[0], 0
        for c in range(k):
            sums[c] = q[c]
            if q[c] < low:
                low, arg = q[c], c
    for p in range(count - 1, -1, -1):
        before = came_from[p, arg] if p else arg
        came_from[p, 0] = arg
        arg = before


@kernel()
def _take_over(
    first: int,
    count: int,
    step: int,
    labels: NDArray[np.uint8],
    states: NDArray[np.uint8],
    stale: np.uint8,
    wide: int,
    best: NDArray[np.uint8],
) -> int:
    """Write a run's labels; mark what lies about the changed ones as stale, and the run itself as solved in this direction."""
    changed = 0
    for p in range(count):
        i = first + p * step
        if labels[i] == best[p, 0]:
            continue
        labels[i] = best[p, 0]
        changed += 1
        for row in (i - wide, i, i + wide):
            for j in range(row - 1, row + 2):
                if states[j]:
                    states[j] = _UNSETTLED
    for p in range(count):
        states[first + p * step] ^= states[first + p * step] & stale
    return changed
