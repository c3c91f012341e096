"""Rasters made smaller for display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["shrink_area", "shrink_index", "shrink_labels", "shrink_step"]

_BLOCK = 4  # blocks are looked at in at most 7 × 7 pixels: more costs time that no eye repays


def shrink_step(shape: tuple[int, int], limit: int) -> int:
    """Return how many pixels become one, per axis, so that the longer side stays between ``limit`` and twice that.

    Examples
    --------
    >>> shrink_step((10980, 10980), 1000), shrink_step((400, 300), 1000)
    (10, 1)
    """
    return max(1, max(shape) // limit)


def shrink_index(values: NDArray[np.floating], step: int) -> NDArray[np.float32]:
    """Return block means over valid pixels; NaN where a block has none. A step of 1 returns the values themselves."""
    if step == 1:
        return values.astype(np.float32, copy=False)
    sums, counts = _empty(values, step, np.float32), _empty(values, step, np.float32)
    for part in _parts(values, step):
        valid, (rows, columns) = np.isfinite(part), part.shape
        sums[:rows, :columns] += np.where(valid, part, np.float32(0))
        counts[:rows, :columns] += valid
    means: NDArray[np.float32] = np.where(counts > 0, sums / np.maximum(counts, 1), np.float32(np.nan))
    return means


def shrink_labels(labels: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Return the most frequent label of each block, the lowest of equals; missing where a block has no label."""
    if step == 1:
        return labels
    best, most = _empty(labels, step, np.uint8), _empty(labels, step, np.uint8)
    best[:] = LABEL_NODATA
    for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=LABEL_NODATA + 1)[:LABEL_NODATA]):
        count = _empty(labels, step, np.uint8)
        for part in _parts(labels, step):
            count[: part.shape[0], : part.shape[1]] += part == label
        best[count > most] = label
        np.maximum(most, count, out=most)
    return best


def shrink_area(area: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Say which blocks hold a pixel of the area."""
    if step == 1:
        return area
    inside = _empty(area, step, np.bool_)
    for part in _parts(area, step):
        inside[: part.shape[0], : part.shape[1]] |= part
    return inside


def _empty(values: NDArray[Any], step: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Return zeros, one for each block."""
    first = next(_parts(values, step))
    return np.zeros(first.shape, dtype)


def _parts(values: NDArray[Any], step: int) -> Iterator[NDArray[Any]]:
    """Yield each block's first pixel, each one's second pixel, and so on; large blocks are thinned.

    Blocks at the lower and right edge may be cut off, and so later parts smaller than the first.
    """
    thin = max(1, step // _BLOCK)
    size = step // thin
    thinned = values[::thin, ::thin]
    for row in range(size):
        for column in range(size):
            yield thinned[row::size, column::size]
