"""The frame of a JPEG 2000 file: its boxes, and the tile-parts of its code stream, must fill it exactly and be all there.

The coded pixels themselves carry no checksum: what is damaged within a tile shows only where a checksum of the whole file is
stated, or where decoding fails. ISO/IEC 15444-1, annexes A (code stream) and I (boxes).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["JP2_BEGINNINGS", "DamagedJp2Error", "check_tile_parts"]

_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_SOC, _SIZ, _SOT, _SOD, _EOC = 0xFF4F, 0xFF51, 0xFF90, 0xFF93, 0xFFD9
JP2_BEGINNINGS = (_SIGNATURE, struct.pack(">HH", _SOC, _SIZ))
"""A JP2 file, and a bare code stream."""

_MOST_TILES = 65_535
_MOST_BOXES = 10_000


class DamagedJp2Error(Exception):
    """A JPEG 2000 file contradicts itself; never leaves this room."""


def check_tile_parts(path: Path) -> int:
    """Follow boxes, markers and tile-parts through a file.

    Parameters
    ----------
    path : Path
        A JP2 file or a bare code stream.

    Returns
    -------
    int
        Tile-parts found.

    Raises
    ------
    DamagedJp2Error
        If a length leads astray, a tile is missing, or anything is left over or cut off.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if not file.read(8).startswith(_SIGNATURE):
            return _check_stream(file, 0, size)
        streams = [(start, stop) for kind, start, stop in _boxes(file, size) if kind == b"jp2c"]
        if len(streams) != 1:
            raise DamagedJp2Error(f"it has {len(streams)} code streams")
        return _check_stream(file, *streams[0])


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, beginning and end of the content of each box."""
    at = number = 0
    while at < size:
        number += 1
        length, kind = _read(file, at, ">I4s")
        header = 8
        if length == 1:
            (length,), header = _read(file, at + 8, ">Q"), 16
        length = size - at if length == 0 else length  # the last box may go on to the end
        if length < header or at + length > size or number > _MOST_BOXES:
            raise DamagedJp2Error(f"box {number} has {length} bytes, and the file {size - at} more")
        yield kind, at + header, at + length
        at += length


def _check_stream(file: BinaryIO, start: int, stop: int) -> int:
    if _read(file, start, ">HH") != (_SOC, _SIZ):
        raise DamagedJp2Error("its code stream does not begin as one")
    at, missing = start + 2, set(range(_tiles(file, start + 6)))
    while _marker(file, at) != _SOT:
        at += 2 + _read(file, at + 2, ">H")[0]
        if at >= stop:
            raise DamagedJp2Error("its main header does not end")
    parts = 0
    while _marker(file, at) == _SOT:
        tile, length = _read(file, at + 4, ">HI")
        length = length or stop - 2 - at  # the last one may go on to the end
        if length < 14 or at + length > stop - 2:
            raise DamagedJp2Error(f"the part of tile {tile} is cut off")
        _check_part(file, at, at + length)
        missing.discard(tile)
        at, parts = at + length, parts + 1
    if at != stop - 2 or _marker(file, at) != _EOC:
        raise DamagedJp2Error("its code stream does not end after its last tile")
    if missing:
        raise DamagedJp2Error(f"{len(missing)} of its tiles are missing")
    return parts


def _tiles(file: BinaryIO, at: int) -> int:
    """Return the number of tiles that the SIZ segment states (A.5.1); ``at`` is that of its field Rsiz."""
    _, width, height, left, top, tile_width, tile_height, tile_left, tile_top = _read(file, at, ">H8I")
    if not (tile_width and tile_height) or width <= left or height <= top:
        raise DamagedJp2Error("it states a size of nothing")
    tiles = -(-(width - tile_left) // tile_width) * -(-(height - tile_top) // tile_height)
    if not 0 < tiles <= _MOST_TILES:
        raise DamagedJp2Error(f"it states {tiles} tiles")
    return int(tiles)


def _check_part(file: BinaryIO, at: int, stop: int) -> None:
    """Follow the markers of a tile-part's header to its data."""
    at += 12
    while _marker(file, at) != _SOD:
        at += 2 + _read(file, at + 2, ">H")[0]
        if at >= stop:
            raise DamagedJp2Error("the header of a tile does not end")


def _marker(file: BinaryIO, at: int) -> int:
    (marker,) = _read(file, at, ">H")
    if marker < 0xFF00:
        raise DamagedJp2Error(f"there is no marker at byte {at}")
    return int(marker)


def _read(file: BinaryIO, at: int, form: str) -> tuple[Any, ...]:
    file.seek(at)
    data = file.read(struct.calcsize(form))
    if len(data) != struct.calcsize(form):
        raise DamagedJp2Error("it ends too early")
    return struct.unpack(form, data)
