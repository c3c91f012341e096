"""Whether the first bytes of a TIFF hold all that its first directory says: then GDAL, shown these alone, misses nothing.

GDAL takes a tag that it cannot read for one that is not there, and warns: a file would lose its place on earth, or its nodata.
"""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["holds_directory"]

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
    order = _ORDERS.get(data[:2])
    if order is None:
        return False
    try:
        kind = struct.unpack_from(f"{order}H", data, 2)[0]
        if kind not in (_CLASSIC, _BIG):
            return False
        return all(end <= len(data) for end in _ends(data, order, big=kind == _BIG))
    except (struct.error, KeyError):
        return False


def _ends(data: bytes, order: str, *, big: bool) -> list[int]:
    """Return where the values of each tag end; raise struct.error where the directory itself does not lie in the data."""
    word = "Q" if big else "I"
    start = struct.unpack_from(f"{order}{word}", data, 8 if big else 4)[0]
    count_format = f"{order}{'Q' if big else 'H'}"
    count = struct.unpack_from(count_format, data, start)[0]
    start += struct.calcsize(count_format)
    entry = struct.Struct(f"{order}HH{word}{word}")
    inline = struct.calcsize(word)
    ends = [start + count * entry.size]
    for number in range(min(count, len(data) // entry.size + 1)):
        tag, kind, values, offset = entry.unpack_from(data, start + number * entry.size)
        length = _SIZES[kind] * values
        if length > inline and tag not in _WHERE_BLOCKS_ARE:
            ends.append(offset + length)
    return ends
