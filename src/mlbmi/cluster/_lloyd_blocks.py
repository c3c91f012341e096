"""Numba kernels that fill one block of pixels: values, observations, weights. Why so, is said in ``_lloyd_kernels``."""

# ruff: noqa: PLR0917, FBT001 - kernels take arrays and flags by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_prefetch import prefetch
from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLOCK", "aligned", "load_run", "load_some", "split_missing", "weigh"]

BLOCK = 256
"""Pixels worked on at once: with 12 dates of float32 the buffer takes 12 KB, which stays in a core's first-level cache."""

_LINE = 64
"""Bytes of a cache line, and of the widest vector."""


_AHEAD = 2
"""Blocks between what is read and what is asked for."""


@kernel()
def aligned(rows: int, like: NDArray[Any]) -> NDArray[Any]:
    """Return an empty (rows, BLOCK) array of the type of ``like`` that begins on a cache line.

    Elsewhere every vector of 64 bytes would lie across two lines and take two loads: a third more time for the distances. What a
    loop reads and writes is best taken from one such array: between two, a read may have to wait for a write whose address has
    the same last twelve bits, and the distances take half as long again, by chance.
    """
    raw = np.empty(rows * BLOCK + _LINE // like.itemsize, like.dtype)
    skip = (-raw.ctypes.data % _LINE) // like.itemsize
    return raw[skip : skip + rows * BLOCK].reshape(rows, BLOCK)


@kernel(reorder=True)
def _bad(row: NDArray[Any], nodata: Any) -> bool:
    """Say whether a date of a buffer holds anything not finite or nodata: times zero all else is zero."""
    zero = row.dtype.type(0)
    odd, marked = zero, False
    for p in range(BLOCK):
        odd += row[p] * zero
    if nodata == nodata:  # noqa: PLR0124 - false for NaN alone, which stands for none
        for p in range(BLOCK):
            marked |= row[p] == nodata
    return bool(marked | (odd != zero))


@kernel()
def load_run(
    flat: NDArray[Any], stride: int, offsets: NDArray[np.int64], start: int, width: int, nodata: Any, x: NDArray[Any]
) -> bool:
    """Copy ``width`` consecutive pixels into ``x``, pad with zeros; say whether anything is not finite or is nodata."""
    if width < BLOCK:
        x[:] = 0
    if stride != 1:
        for p in range(width):
            at = (start + p) * stride
            for t in range(offsets.size):
                x[t, p] = flat[offsets[t] + at]
    bad = False
    for t in range(offsets.size):
        row = x[t]
        if stride == 1:
            ahead = offsets[t] + start + _AHEAD * BLOCK
            for p in range(0, BLOCK if ahead + BLOCK <= flat.size else 0, _LINE // flat.itemsize):
                prefetch(flat, ahead + p)  # type: ignore[call-arg]
            run = flat[offsets[t] + start : offsets[t] + start + width]
            for p in range(width):
                row[p] = run[p]
        bad |= _bad(row, nodata)
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
) -> bool:
    """Copy the pixels ``start + chosen[:width]`` into ``x``, pad with zeros; say whether anything is not finite or is nodata."""
    if width < BLOCK:
        x[:] = 0
    bad = False
    for t in range(offsets.size):
        row, base = x[t], offsets[t] + start * stride
        for p in range(width):
            row[p] = flat[base + chosen[p] * stride]
        bad |= _bad(row, nodata)
    return bad


@kernel(reorder=True)
def split_missing(x: NDArray[Any], nodata: Any, count: NDArray[Any]) -> int:
    """Turn nodata into NaN, count what each pixel has; return the number of infinite values."""
    zero, one, nan = x.dtype.type(0), x.dtype.type(1), x.dtype.type(np.nan)
    infinite = 0
    count[:] = zero
    for t in range(x.shape[0]):
        row = x[t]
        beyond = zero  # counted as a float: integers would halve the width of the vectors
        for p in range(BLOCK):
            value = row[p]
            there = (value == value) & (value != nodata)  # noqa: PLR0124 - NaN alone differs from itself
            beyond += one if abs(value) == np.inf else zero
            row[p] = value if there else nan
            count[p] += one if there else zero
        infinite += int(beyond)
    return infinite


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
