"""What a window of a raster will cost, from its header alone: the blocks that it touches, and how long each is in the file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from mlbmi.read.source import Source
    from mlbmi.types import Asset

__all__ = ["WindowCost", "window_cost"]


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


def _cost(source: Source, target: GeoBox, seconds: float) -> WindowCost | None:
    from mlbmi.read.parts import HEADER_BYTES, listed, runs
    from mlbmi.read.resample import window_on

    dataset = source.dataset
    window = window_on(source.geobox(), target)
    if window is None:
        return None
    rows, columns = window
    height, width = dataset.block_shapes[0]
    block_rows, block_columns = _touched(rows, height), _touched(columns, width)
    found = listed(dataset, block_rows, block_columns) if dataset.driver == "GTiff" else []
    pieces = runs(found, HEADER_BYTES)  # what lies before comes with the header
    blocks = len(block_rows) * len(block_columns)
    uncompressed = blocks * height * width * np.dtype(dataset.dtypes[0]).itemsize
    return WindowCost(
        rows=(rows.start, rows.stop),
        columns=(columns.start, columns.stop),
        blocks=blocks,
        bytes=(sum(stop - start for start, stop in pieces) if found else uncompressed) + HEADER_BYTES,
        requests=1 + (len(pieces) if found else blocks),
        exact=bool(found),
        seconds=seconds,
    )


def _touched(pixels: slice, side: int) -> range:
    return range(pixels.start // side, (pixels.stop - 1) // side + 1)
