"""New data as windows of pixels, whatever they are: the dates of a cube, or bands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from mlbmi.cluster._band_images import Stack, read_stack
from mlbmi.cluster._stream_blocks import Blocks
from mlbmi.cluster._table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.cluster._coded import CodedCube
    from mlbmi.cluster._stream_blocks import Window

    Work = Callable[[slice, slice, Table], None]
    """Takes rows, columns and the features of the pixels there, (n_features, n_pixels)."""

__all__ = ["BandSource", "CubeSource", "Source"]

_MEMORY = 96 << 20
"""Bytes of values that are asked for at a time."""


class Source(Protocol):
    """Where pixels come from."""

    @property
    def grid(self) -> xr.DataArray:
        """An array over (time, y, x) with the coordinates of the data."""
        ...

    def visit(self, work: Work) -> None:
        """Call ``work`` with every window of the grid in turn."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class CubeSource:
    """The dates of a cube."""

    cube: CodedCube

    @property
    def grid(self) -> xr.DataArray:
        """The cube."""
        return self.cube.data

    def visit(self, work: Work) -> None:
        """Read by windows that follow the chunks, all dates of each."""
        cube = self.cube

        def turn(window: Window, values: NDArray[np.generic]) -> None:
            table = Table(numbers=values, nodata=cube.nodata, step=cube.scale, offset=cube.offset)
            work(window.rows, window.columns, table)

        Blocks(cube, _MEMORY).visit(turn)


@dataclass(frozen=True, slots=True, eq=False)
class BandSource:
    """Bands of one date, or their medians over dates."""

    stack: Stack

    @property
    def grid(self) -> xr.DataArray:
        """The first band."""
        return self.stack.images[0]

    def visit(self, work: Work) -> None:
        """Read by blocks of rows."""
        dates, height, width = self.grid.shape
        step = max(1, _MEMORY // (8 * dates * width * len(self.stack.images)))
        for start in range(0, height, step):
            rows = slice(start, min(start + step, height))
            part = replace(self.stack, images=tuple(image[:, rows] for image in self.stack.images))
            work(rows, slice(0, width), Table(numbers=read_stack(part)))
