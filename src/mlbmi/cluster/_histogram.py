"""Integers of 8 and 16 bits: their histogram *is* the data. One pass to count the levels, one to look the labels up.

An index stored as int16 in steps of 1e-4 has at most 20 001 levels, so clusters are found on the levels with their counts as
weights, whatever the number of pixels. Histograms of chunks, dates and tiles pool by adding them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._exact_blocks import flat, rows_per_chunk, straighten
from mlbmi.compiling import kernel, read_only
from mlbmi.errors import InputError
from mlbmi.threads import map_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["LEVEL_TYPES", "check_weights", "histogram", "level_index", "levels_of", "look_up"]

LEVEL_TYPES = (np.int16, np.uint16, np.int8, np.uint8)
"""Types whose values are levels of a histogram."""

_CHUNK = 1 << 22


def histogram(
    values: NDArray[Any], *, nodata: int | None = None, weights: NDArray[np.floating[Any]] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64] | NDArray[np.float64]]:
    """Count each level of an array of 8- or 16-bit integers in one pass over all threads.

    Parameters
    ----------
    values : ndarray of int16, uint16, int8 or uint8, any shape and layout
        Never copied whole.
    nodata : int, optional
        Level that means "missing": its count is set to 0.
    weights : ndarray of float, same shape, optional
        Weight of each value, finite and not negative.

    Returns
    -------
    levels : ndarray of float64, shape (65536,) or (256,)
        Every value of the type, ascending; the same for every array of that type.
    counts : ndarray of int64, or of float64 with weights, same shape
        How often (with what weight) each occurs. Add the counts of several arrays to pool them.

    Raises
    ------
    InputError
        If the type is another one, shapes differ or a weight is negative or not finite.

    Notes
    -----
    Counts are exact. Sums of weights are added in fixed pieces in a fixed order, so they do not depend on the number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> levels, counts = histogram(np.array([[7, 7, -1], [0, 7, -32768]], np.int16), nodata=-32768)
    >>> levels[counts > 0], counts[counts > 0]
    (array([-1.,  0.,  7.]), array([1, 1, 3]))
    """
    dtype = _level_type(values)
    levels = levels_of(dtype)
    if weights is None:
        counts = _pool(_count_chunks(values), np.zeros(levels.size, np.int64))
    else:
        check_weights(weights)
        counts = _pool(_weigh_chunks(values, weights), np.zeros(levels.size))
    counts = np.roll(counts, levels.size // 2) if dtype.kind == "i" else counts
    if nodata is not None:
        counts[level_index(dtype, nodata)] = 0
    return levels, counts


def look_up(values: NDArray[Any], table: NDArray[Any], out: NDArray[Any]) -> None:
    """Write ``table[level]`` for each value: ``table`` has an entry per level in the order of :func:`histogram`'s levels.

    Parameters
    ----------
    values : ndarray of int16, uint16, int8 or uint8
    table : ndarray, shape (65536,) or (256,)
    out : ndarray, same shape as ``values``, same type as ``table``
        Written.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.empty(3, np.int32)
    >>> look_up(np.array([0, 255, 1], np.uint8), np.arange(256, dtype=np.int32) * 2, labels)
    >>> labels
    array([  0, 510,   2], dtype=int32)
    """
    dtype = _level_type(values)
    by_code = read_only(np.roll(table, table.size // 2) if dtype.kind == "i" else table)
    source, target = straighten(values, out)

    def work(start: int, stop: int) -> None:
        codes, piece = _codes(source[start:stop]), target[start:stop]
        if piece.flags.c_contiguous:
            _look_up(codes, by_code, piece.reshape(-1))
        else:
            piece[...] = by_code[codes].reshape(piece.shape)

    for _ in map_chunks(work, len(source), rows_per_chunk(source, _CHUNK)):
        pass


def check_weights(weights: NDArray[Any]) -> None:
    """Refuse weights that are negative, infinite or NaN."""
    if not weights.size:
        return
    low, high = float(weights.min()), float(weights.max())
    if not (low >= 0 and high < np.inf):
        raise InputError(f"weights lie between {low:g} and {high:g}; each must be finite and not negative")


def _level_type(values: NDArray[Any]) -> np.dtype[Any]:
    dtype = values.dtype.newbyteorder("=")
    if dtype not in LEVEL_TYPES:
        raise InputError(
            f"values are of type {values.dtype}; levels are counted for {', '.join(np.dtype(t).name for t in LEVEL_TYPES)}",
            remedy="Use KMeans1D for other types.",
        )
    return dtype


def levels_of(dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Return every value of an integer type, ascending."""
    limits = np.iinfo(dtype)
    return np.arange(limits.min, limits.max + 1, dtype=np.float64)


def level_index(dtype: np.dtype[Any], value: int) -> int:
    """Return the place of a value among :func:`levels_of` its type."""
    limits = np.iinfo(dtype)
    if not limits.min <= value <= limits.max or value != int(value):
        raise InputError(f"nodata is {value}; for {dtype.name} it must be a whole number from {limits.min} to {limits.max}")
    return int(value) - int(limits.min)


def _codes(piece: NDArray[Any]) -> NDArray[Any]:
    """Return a piece as unsigned codes, which index a table without a shift: -1 becomes the last one."""
    line = flat(piece)
    return read_only(line.view(f"u{line.dtype.itemsize}"))


def _pool(pieces: Iterator[NDArray[Any]], total: NDArray[Any]) -> NDArray[Any]:
    for piece in pieces:
        total += piece
    return total


def _count_chunks(values: NDArray[Any]) -> Iterator[NDArray[np.uint32]]:
    (source,) = straighten(values)
    size = 1 << 8 * values.dtype.itemsize

    def work(start: int, stop: int) -> NDArray[np.uint32]:
        counts = np.zeros(size, np.uint32)
        _count(_codes(source[start:stop]), counts)
        return counts

    return map_chunks(work, len(source), rows_per_chunk(source, _CHUNK))


def _weigh_chunks(values: NDArray[Any], weights: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    source, heavy = straighten(values, weights)
    size = 1 << 8 * values.dtype.itemsize

    def work(start: int, stop: int) -> NDArray[np.float64]:
        sums = np.zeros(size)
        _weigh(_codes(source[start:stop]), read_only(flat(heavy[start:stop]).astype(np.float64, copy=False)), sums)
        return sums

    return map_chunks(work, len(source), rows_per_chunk(source, _CHUNK))


@kernel()
def _count(codes: NDArray[Any], counts: NDArray[np.uint32]) -> None:
    for code in codes:
        counts[code] += np.uint32(1)


@kernel()
def _weigh(codes: NDArray[Any], weights: NDArray[np.float64], sums: NDArray[np.float64]) -> None:
    for i in range(codes.size):
        sums[codes[i]] += weights[i]


@kernel()
def _look_up(codes: NDArray[Any], table: NDArray[Any], out: NDArray[Any]) -> None:
    for i in range(codes.size):
        out[i] = table[codes[i]]
