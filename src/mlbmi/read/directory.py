"""Whether the first bytes of a TIFF hold all that its first directory says: then GDAL, shown these alone, misses nothing.

GDAL takes a tag that it cannot read for one that is not there, and warns: a file would lose its place on earth, or its nodata.
"""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["holds_all_directories", "holds_directory"]

_ORDERS: Mapping[bytes, str] = MappingProxyType({b"II": "<", b"MM": ">"})
_CLASSIC, _BIG = 42, 43

_SIZES: Mapping[int, int] = MappingProxyType(
    {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
)
"""Bytes of a value by its type (TIFF 6.0, section 2; BigTIFF)."""

_WHERE_BLOCKS_ARE = frozenset({273, 279, 324, 325})
"""StripOffsets, StripByteCounts, TileOffsets, TileByteCounts: GDAL reads them late, and a failure to is an error."""


def holds_directory(data: bytes) -> bool:
    r"""Say whether a file's first bytes are a TIFF's, and hold its first directory with all values.

    Where its blocks are may lie beyond.

    Parameters
    ----------
    data : bytes
        The file's beginning.

    Examples
    --------
    >>> holds_directory(b"\x89PNG"), holds_directory(b"II*\0\x08\0\0\0" + bytes(6))
    (False, True)
    """
    return _holds(data, most=1)


def holds_all_directories(data: bytes) -> bool:
    """Say the same of every directory: those of the overviews come after the first."""
    return _holds(data, most=_MOST)


_MOST = 64
"""Directories; a file of a whole tile has half a dozen."""


def _holds(data: bytes, *, most: int) -> bool:
    order = _ORDERS.get(data[:2])
    if order is None:
        return False
    try:
        kind = struct.unpack_from(f"{order}H", data, 2)[0]
        if kind not in (_CLASSIC, _BIG):
            return False
        at = struct.unpack_from(f"{order}{'Q' if kind == _BIG else 'I'}", data, 8 if kind == _BIG else 4)[0]
        for _ in range(most):
            ends, at = _directory(data, at, order, big=kind == _BIG)
            if max(ends) > len(data):
                return False
            if not at:
                break
    except (struct.error, KeyError):
        return False
    return most == 1 or not at


def _directory(data: bytes, start: int, order: str, *, big: bool) -> tuple[list[int], int]:
    """Return where the values of each tag end, and where the next directory begins (0: there is none).

    Raises struct.error where the directory itself does not lie in the data.
    """
    word = "Q" if big else "I"
    count_format = f"{order}{'Q' if big else 'H'}"
    count = struct.unpack_from(count_format, data, start)[0]
    start += struct.calcsize(count_format)
    entry = struct.Struct(f"{order}HH{word}{word}")
    inline = struct.calcsize(word)
    end = start + count * entry.size
    ends = [end]
    for number in range(min(count, len(data) // entry.size + 1)):
        tag, kind, values, offset = entry.unpack_from(data, start + number * entry.size)
        length = _SIZES[kind] * values
        if length > inline and tag not in _WHERE_BLOCKS_ARE:
            ends.append(offset + length)
    return ends, struct.unpack_from(f"{order}{word}", data, end)[0]
