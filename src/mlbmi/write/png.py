"""PNG files of at most 256 colours: a quarter of the bytes of full colour, in a sixth of the time.

A figure is flat colours, a ramp of 128 steps and the shades of smoothed text: all but a few of the last keep their exact value.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["indexed_png"]

_COLOURS = 256
_FREQUENT = 192  # colours kept because many pixels have them; the rest of the palette goes to those farthest from all others
_EFFORT = 3  # zlib's level: half the time of the default 6 for files a tenth larger
_ROWS = 1 << 14


def indexed_png(pixels: NDArray[np.uint8], *, dots_per_inch: float) -> bytes:
    """Encode an image, with a palette; the same pixels give the same bytes.

    Up to 256 colours are kept as they are. Of more, the most frequent ones and those least like any of these are; each other
    becomes the nearest of them.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 4)
        RGBA; what is transparent is taken for opaque.
    dots_per_inch : float
        Stated in the file.

    Returns
    -------
    bytes
        The file.

    Examples
    --------
    >>> indexed_png(np.zeros((2, 3, 4), np.uint8), dots_per_inch=100)[1:4]
    b'PNG'
    """
    codes, palette = _indexed(pixels)
    height, width = codes.shape
    per_metre = round(dots_per_inch / 0.0254)
    lines = np.zeros((height, width + 1), np.uint8)  # each line begins with its filter: 0, none, which suits a palette best
    lines[:, 1:] = codes
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), _EFFORT)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(part for name, content in chunks for part in _chunk(name, content))


def _chunk(name: bytes, content: bytes) -> Iterator[bytes]:
    yield struct.pack(">I", len(content))
    yield name
    yield content
    yield struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))


def _indexed(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return each pixel's place in a palette, and the palette, (n, 3)."""
    packed = np.ascontiguousarray(pixels).view("<u4")[..., 0] & np.uint32(0xFFFFFF)
    # A table over all colours there can be is much faster than sorting pixels; only the pages that are used take memory.
    seen = np.zeros(1 << 24, bool)
    seen[packed] = True
    found = np.flatnonzero(seen)
    rank: NDArray[np.unsignedinteger] = np.zeros(1 << 24, np.uint16 if found.size <= 1 << 16 else np.uint32)
    rank[found] = np.arange(found.size)
    colours = np.stack([found & 0xFF, found >> 8 & 0xFF, found >> 16], axis=1).astype(np.uint8)
    ranks = rank.take(packed)
    if found.size <= _COLOURS:
        return ranks.astype(np.uint8), colours
    chosen = _chosen(colours, np.bincount(ranks.ravel(), minlength=found.size))
    return _nearest(colours, colours[chosen]).take(ranks), colours[chosen]


def _chosen(colours: NDArray[np.uint8], counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return which colours make the palette: the frequent ones, then again and again the one farthest from all so far."""
    chosen = np.argsort(-counts, kind="stable")[:_FREQUENT].tolist()
    values = colours.astype(np.int32)
    far = np.full(len(values), np.iinfo(np.int32).max, np.int32)
    for number in chosen:
        np.minimum(far, _squares(values, values[number]), out=far)
    while len(chosen) < _COLOURS:
        chosen.append(int(far.argmax()))
        np.minimum(far, _squares(values, values[chosen[-1]]), out=far)
    return np.array(chosen, np.intp)


def _squares(colours: NDArray[np.int32], colour: NDArray[np.int32]) -> NDArray[np.int32]:
    difference = colours - colour
    squares: NDArray[np.int32] = np.einsum("ij,ij->i", difference, difference)
    return squares


def _nearest(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for each colour the place of the palette's nearest one."""
    nearest = np.empty(len(colours), np.uint8)
    ends = palette.astype(np.float32)
    for start in range(0, len(colours), _ROWS):
        some = colours[start : start + _ROWS].astype(np.float32)
        # |a − b|² less |a|², exact in float32: all terms are whole numbers below 2²⁴.
        nearest[start : start + _ROWS] = ((ends**2).sum(axis=1) - 2 * some @ ends.T).argmin(axis=1)
    return nearest
