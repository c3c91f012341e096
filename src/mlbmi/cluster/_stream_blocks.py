"""A cube read window by window, all dates of each, one window ahead of the arithmetic and within a bound of memory."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from numpy.typing import NDArray

    from mlbmi.cluster._coded import CodedCube

__all__ = ["Blocks", "Window", "windows"]

_LARGEST, _WANTED, _AT_ONCE, _KEPT = 3, 8, 48, 2
"""Shares of the memory: a window at most (two are held, one being read), a window if chunks allow, what one request of dates
asks for (Dask holds it twice while it is put together), a cube that is rather kept than read again."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns of a grid, as slices with a start and a stop."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def places(self, width: int) -> NDArray[np.int64]:
        """Return the number of each pixel on a grid ``width`` wide, row by row."""
        rows, columns = np.arange(self.rows.start, self.rows.stop), np.arange(self.columns.start, self.columns.stop)
        return (rows[:, None] * width + columns).reshape(-1)

    def among(self, places: NDArray[np.int64], width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which of some places on the grid lie within, and the numbers of their pixels in the window."""
        rows, columns = np.divmod(places, width)
        rows, columns = rows - self.rows.start, columns - self.columns.start
        height, across = self.shape
        here = np.flatnonzero((rows >= 0) & (rows < height) & (columns >= 0) & (columns < across))
        return here, rows[here] * across + columns[here]


class Blocks:
    """The windows of a cube, and how they are read.

    Parameters
    ----------
    cube : CodedCube
        In memory, or anything that xarray reads on demand. Windows follow its chunks.
    memory : int
        Bytes of values to hold at a time. What cannot be less: a row of a chunk, all its dates, and as many chunks as the source
        reads at once.

    Attributes
    ----------
    bytes_read : int
        Since it was made.
    """

    def __init__(self, cube: CodedCube, memory: int) -> None:
        self.cube = cube
        self.dates, self.height, self.width = cube.data.shape
        self.pixel_bytes = self.dates * cube.data.dtype.itemsize
        days, rows, columns = _chunks(cube)
        self.windows = windows(rows, columns, self.pixel_bytes, memory)
        self.bytes_read = 0
        self._days = days
        self._at_once = memory // _AT_ONCE
        self._keep = cube.data.nbytes <= memory // _KEPT
        self._kept: dict[tuple[int, int], NDArray[Any]] = {}

    def visit(self, work: Callable[[Window, NDArray[Any]], None]) -> None:
        """Call ``work(window, values)`` with each window in turn, values of shape (dates, pixels), while the next is being read.

        A call instead of an iterator: so no window outlives its turn, and two are in memory, never three.
        """
        with ThreadPoolExecutor(1) as pool:

            def ask(window: Window) -> Any:
                # Schedulers and clients chosen in a context are seen in the reading thread, too.
                return pool.submit(copy_context().run, self._values, window)

            reading = deque(ask(window) for window in self.windows[:1])
            for number, window in enumerate(self.windows, start=1):
                values = reading.popleft().result()
                reading.extend(ask(following) for following in self.windows[number : number + 1])
                work(window, values)
                del values

    def leave_out(self, blank: Collection[Window]) -> None:
        """Visit some windows no more."""
        self.windows = [window for window in self.windows if window not in blank]

    def _values(self, window: Window) -> NDArray[Any]:
        corner = window.rows.start, window.columns.start
        values = self._kept.get(corner)
        if values is None:
            values = self._read(window)
            if self._keep:
                self._kept[corner] = values
        return values

    def _read(self, window: Window) -> NDArray[Any]:
        shape = window.shape
        values = np.empty((self.dates, *shape), self.cube.data.dtype)
        for days in _day_groups(self._days, self._at_once // (shape[0] * shape[1] * values.itemsize)):
            values[days] = np.asarray(self.cube.data[days, window.rows, window.columns].data)
        self.bytes_read += values.nbytes
        return values.reshape(self.dates, -1)


def _chunks(cube: CodedCube) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return the sizes of the chunks by dimension; what lies in memory can be cut anywhere."""
    if cube.data.chunks is not None:
        days, rows, columns = cube.data.chunks
        return days, rows, columns
    stored = cube.data.encoding.get("preferred_chunks", {})
    sizes = cube.data.sizes
    if not {"y", "x"} <= set(stored):
        return (1,) * sizes["time"], (1,) * sizes["y"], (sizes["x"],)
    days, rows, columns = (_regular(sizes[name], stored.get(name, 1)) for name in ("time", "y", "x"))
    return days, rows, columns


def _regular(size: int, chunk: int) -> tuple[int, ...]:
    return tuple(min(chunk, size - start) for start in range(0, size, chunk))


def windows(rows: tuple[int, ...], columns: tuple[int, ...], pixel_bytes: int, memory: int) -> list[Window]:
    """Cut a grid along its chunks: several small ones make a window; one that is too large is cut by rows.

    Parameters
    ----------
    rows, columns : tuple of int
        Sizes of the chunks.
    pixel_bytes : int
        Of all dates of a pixel.
    memory : int
        Bytes; see :class:`Blocks`.

    Returns
    -------
    list of Window
        Row by row.

    Notes
    -----
    A chunk that is cut is read as often as it is cut: chunks of all dates should not be larger than a third of the memory.

    Examples
    --------
    >>> [window.shape for window in windows((10, 10), (6, 6, 6), pixel_bytes=4, memory=4000)]
    [(10, 12), (10, 6), (10, 12), (10, 6)]
    >>> [window.shape for window in windows((10,), (10,), pixel_bytes=4, memory=600)]
    [(5, 10), (5, 10)]
    """
    wanted, largest = memory // _WANTED // pixel_bytes, memory // _LARGEST // pixel_bytes
    across = _runs(columns, wanted // max(rows))
    down = _runs(rows, wanted // sum(columns)) if len(across) == 1 else _runs(rows, 0)
    most = max(1, largest // max(stop - start for start, stop in across))
    bands = [part for start, stop in down for part in _even(start, stop, most)]
    return [Window(slice(*band), slice(*run)) for band in bands for run in across]


def _runs(sizes: tuple[int, ...], limit: int) -> list[tuple[int, int]]:
    """Join neighbours as long as together they are no longer than ``limit``."""
    ends: list[int] = []
    start = end = 0
    for size in sizes:
        if end > start and end + size - start > limit:
            ends.append(end)
            start = end
        end += size
    return list(itertools.pairwise([0, *ends, end]))


def _even(start: int, stop: int, most: int) -> list[tuple[int, int]]:
    """Cut a run into equal parts of at most ``most``."""
    parts = -(-(stop - start) // most)
    edges = [start + (stop - start) * part // parts for part in range(parts + 1)]
    return list(itertools.pairwise(edges))


def _day_groups(sizes: tuple[int, ...], limit: int) -> Iterator[slice]:
    """Join chunks of dates to requests of at most ``limit`` dates, at least one chunk each."""
    return (slice(start, stop) for start, stop in _runs(sizes, limit))
