"""What a window of a raster will cost, from its header alone: the blocks that it touches, and how long each is in the file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from odc.geo.geobox import GeoBox

    from mlbmi.types import Asset

__all__ = ["WindowCost", "window_cost"]

HEADER_BYTES = 16 * 1024
"""Bytes that are asked for first, to have the header (GDAL, /vsicurl/): of a band in blocks of 1024 pixels it is 2-3 KB long."""

_GAP = 16
"""Bytes between two blocks that still count as neighbours: a COG's blocks each have four bytes before and after them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCost:
    """What reading a window takes.

    Attributes
    ----------
    rows, columns : (int, int)
        First, and one behind the last, of the file's own pixels.
    blocks : int
        Blocks that it touches.
    bytes : int
        Of these blocks, as they lie in the file, and of the header.
    requests : int
        For the header, and for each run of neighbouring blocks.
    exact : bool
        Whether the header lists the length of each block (TIFF); else they are taken as uncompressed.
    seconds : float
        That it took to have the header.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    blocks: int
    bytes: int
    requests: int
    exact: bool
    seconds: float


def window_cost(asset: Asset, target: GeoBox) -> WindowCost | None:
    """Look up what it takes to read a raster on a grid, without reading a pixel.

    Parameters
    ----------
    asset : Asset
        The file.
    target : GeoBox
        The grid, in any CRS.

    Returns
    -------
    WindowCost or None
        None where the file has no pixel on the grid.

    Raises
    ------
    ReadError
        If its header cannot be read.
    PaymentError
        If that costs money that nobody has allowed.
    """
    from mlbmi.read.opened import with_raster

    begin = time.perf_counter()
    return with_raster(asset.href, f"asset {asset.key!r}", lambda source: _cost(source, target, time.perf_counter() - begin))


def _cost(source: Any, target: GeoBox, seconds: float) -> WindowCost | None:
    from mlbmi.read.header import native_geobox
    from mlbmi.read.resample import window_on

    window = window_on(native_geobox(source), target)
    if window is None:
        return None
    rows, columns = window
    height, width = source.block_shapes[0]
    block_rows, block_columns = _touched(rows, height), _touched(columns, width)
    listed = list(_listed(source, block_rows, block_columns)) if source.driver == "GTiff" else []
    blocks = len(block_rows) * len(block_columns)
    length = sum(size for _, size in listed) if listed else blocks * height * width * np.dtype(source.dtypes[0]).itemsize
    return WindowCost(
        rows=(rows.start, rows.stop),
        columns=(columns.start, columns.stop),
        blocks=blocks,
        bytes=length + HEADER_BYTES,
        requests=1 + (_runs(listed) if listed else blocks),
        exact=bool(listed),
        seconds=seconds,
    )


def _touched(pixels: slice, side: int) -> range:
    return range(pixels.start // side, (pixels.stop - 1) // side + 1)


def _listed(source: Any, rows: Sequence[int], columns: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield offset and length of what the file holds of the blocks behind its header; an empty block lies nowhere."""
    for row in rows:
        for column in columns:
            offset, size = (source.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=1) for what in ("OFFSET", "SIZE"))
            if offset and size:
                start = max(int(offset), HEADER_BYTES)  # what came with the header is there
                yield start, max(0, int(offset) + int(size) - start)


def _runs(blocks: Sequence[tuple[int, int]]) -> int:
    """Count the runs of neighbours: each comes in one request."""
    ordered = sorted(block for block in blocks if block[1])
    ends = [offset + size for offset, size in ordered]
    gaps = sum(not 0 <= following[0] - end <= _GAP for end, following in zip(ends, ordered[1:], strict=False))
    return gaps + bool(ordered)
