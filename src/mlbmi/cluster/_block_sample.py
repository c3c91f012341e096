"""A sample of pixels in spatial blocks: spread over the area, and with the blocks known, as neighbours are not independent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["block_edge", "sample_in_blocks"]

_EDGE, _BLOCKS, _LEAST_BLOCKS = 32, 400, 64
"""Pixels along a block, blocks to draw from at most, and blocks to make of a small area."""


def block_edge(height: int, width: int) -> int:
    """Return the edge of a block in pixels: 32 (320 m of Sentinel-2), less where that makes fewer than 64 blocks.

    Examples
    --------
    >>> block_edge(1000, 1000), block_edge(100, 100), block_edge(3, 3)
    (32, 12, 1)
    """
    return max(1, min(_EDGE, int((height * width / _LEAST_BLOCKS) ** 0.5)))


def sample_in_blocks(
    usable: NDArray[np.bool_], size: int, random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw pixels from up to 400 blocks spread over the area, the same share of each block's usable pixels.

    Parameters
    ----------
    usable : ndarray of bool, shape (y, x)
    size : int
        Pixels wanted; all usable ones of the blocks where there are fewer.
    random : Generator

    Returns
    -------
    pixels : ndarray of int, shape (n,)
        Places in the flattened array, ascending within each block; n about ``size``, never more.
    groups : ndarray of int, shape (n,)
        Number of the block that each lies in.

    Examples
    --------
    >>> import numpy as np
    >>> pixels, groups = sample_in_blocks(np.ones((64, 64), bool), 512, np.random.default_rng(0))
    >>> pixels.size, np.unique(groups).size
    (512, 64)
    """
    edge = block_edge(*usable.shape)
    chosen = _spread(_blocks_with_pixels(usable, edge), random)
    inside = [_pixels_of(usable, block, edge) for block in chosen]
    quotas = _quotas(np.array([pixels.size for pixels in inside], np.int64), size, random)
    drawn = [np.sort(random.choice(pixels, quota, replace=False)) for pixels, quota in zip(inside, quotas, strict=True)]
    groups = np.repeat(np.arange(len(drawn)), quotas)
    return np.concatenate(drawn) if drawn else np.empty(0, np.intp), groups


def _blocks_with_pixels(usable: NDArray[np.bool_], edge: int) -> NDArray[np.intp]:
    """Return row and column, in blocks, of every block with a usable pixel."""
    starts = [np.arange(0, length, edge) for length in usable.shape]
    rows = np.logical_or.reduceat(usable, starts[0], axis=0)
    return np.argwhere(np.logical_or.reduceat(rows, starts[1], axis=1))


def _spread(blocks: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
    """Take one block of each of 400 equal stretches of the list, if there are more."""
    if len(blocks) <= _BLOCKS:
        return blocks
    ends = np.linspace(0, len(blocks), _BLOCKS + 1).astype(np.intp)
    return blocks[random.integers(ends[:-1], ends[1:])]


def _pixels_of(usable: NDArray[np.bool_], block: NDArray[np.intp], edge: int) -> NDArray[np.intp]:
    top, left = block * edge
    rows, columns = np.nonzero(usable[top : top + edge, left : left + edge])
    places: NDArray[np.intp] = (rows + top) * usable.shape[1] + columns + left
    return places


def _quotas(counts: NDArray[np.int64], size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Share ``size`` out in proportion, the remainder by chance (systematically, so that each is within one of its share)."""
    total = int(counts.sum())
    if total <= size:
        return counts
    heights = np.floor(np.cumsum(counts) * (size / total) + random.random()).astype(np.int64)
    quotas: NDArray[np.int64] = np.minimum(np.diff(heights, prepend=0), counts)
    return quotas
