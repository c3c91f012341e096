"""The cube on disk: a Zarr store, one group a grid, one int16 array an index, one chunk never two days.

The format is Zarr 2 with consolidated metadata: xarray, GDAL (so QGIS) and every Zarr library open it, with CF scale, missing
value and CRS; of Zarr 3, GDAL 3.10 reads no array and xarray warns.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.coding import encode
from mlbmi.cube.layout import VERSION, check_plan, stored_days, stored_geobox, write_skeleton
from mlbmi.errors import CubeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["CubeStore"]

_CHUNK = 1024
"""Default side of a chunk in pixels: 2 MB, and the block of the public COGs."""


@dataclass(frozen=True, slots=True)
class CubeStore:
    """A cube on disk, filled day by day.

    Threads may write different days, or different chunks of one day, at the same time: no chunk holds two days. What was never
    written is missing. Make one with :meth:`create`, find one with :meth:`open`.

    Attributes
    ----------
    path : Path
        The folder of the store.
    geoboxes : mapping of str to GeoBox
        Grid by name.
    days : mapping of str to tuple of datetime.date
        UTC days of each grid, rising; a *day number* counts them from 0.
    scales : mapping of str to float
        Value of an int16 step, by index.
    chunk : (int, int)
        Rows and columns of a chunk, less where the grid is smaller.
    """

    path: Path
    geoboxes: Mapping[str, GeoBox]
    days: Mapping[str, tuple[dt.date, ...]]
    scales: Mapping[str, float]
    chunk: tuple[int, int]

    @property
    def grids(self) -> tuple[str, ...]:
        """Names of the grids."""
        return tuple(self.geoboxes)

    @property
    def indices(self) -> tuple[str, ...]:
        """Names of the indices."""
        return tuple(self.scales)

    @classmethod
    def create(
        cls,
        path: str | Path,
        grids: Mapping[str, tuple[GeoBox, Sequence[dt.date]]],
        indices: Mapping[str, float],
        *,
        chunk: tuple[int, int] = (_CHUNK, _CHUNK),
        long_names: Mapping[str, str] = MappingProxyType({}),
    ) -> CubeStore:
        """Make a store with all values missing; it appears whole or not at all.

        Parameters
        ----------
        path : str or Path
            Where; nothing may be there yet.
        grids : mapping of str to (GeoBox, sequence of datetime.date)
            By name: the grid and its UTC days, rising.
        indices : mapping of str to float
            By name: the value of an int16 step.
        chunk : (int, int)
            Rows and columns of a chunk. Blocks of rows that end on its edges are written once; others are read, changed and
            written again.
        long_names : mapping of str to str
            Indices in full, for their ``long_name``; by default the name.

        Returns
        -------
        CubeStore

        Raises
        ------
        CubeError
            If something is there, there is no grid, day or index, a name is not fit for a folder, or days do not rise.
        """
        path = Path(path)
        if path.exists():
            raise CubeError(f"{path} exists; a cube is made anew where nothing is", remedy="Open it, or take it away.")
        check_plan(grids, indices)
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            write_skeleton(draft, grids, indices, chunk, long_names)
            draft.rename(path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path) -> CubeStore:
        """Open a store that :meth:`create` made.

        Raises
        ------
        CubeError
            If there is none, or it is damaged.
        """
        import zarr

        path = Path(path)
        try:
            root: Any = zarr.open_group(path, mode="r", zarr_format=2)
            if root.attrs["mlbmi:cube"] != VERSION:
                raise CubeError(f"{path} has the layout {root.attrs['mlbmi:cube']}; this version of mlbmi reads {VERSION}")
            names: list[str] = list(root.attrs["grids"])
            geoboxes = {name: stored_geobox(root[name].attrs) for name in names}
            days = {name: tuple(stored_days(root[name]["time"])) for name in names}
            scales = {name: float(scale) for name, scale in root.attrs["scales"].items()}
            rows, columns = root.attrs["chunk"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise CubeError(f"{path} is not a cube that mlbmi wrote, or it is damaged: {error!r}") from error
        return cls(path, MappingProxyType(geoboxes), MappingProxyType(days), MappingProxyType(scales), (rows, columns))

    def write_rows(self, grid: str, index: str, day_number: int, rows: slice, values: NDArray[np.floating[Any]]) -> None:
        """Store some rows of one day.

        Parameters
        ----------
        grid, index : str
            Which array.
        day_number : int
            Which day of the grid, from 0.
        rows : slice
            Rows of the grid, ``start:stop``.
        values : ndarray of float, shape (rows, columns of the grid)
            Index values, NaN = missing.

        Raises
        ------
        CubeError
            If the place does not exist, the shape is not the place's, or a value cannot be stored (:func:`encode`).
        """
        height, width = self._geobox(grid).shape
        self._check_day(grid, day_number)
        fits = 0 <= rows.start < rows.stop <= height and values.shape == (rows.stop - rows.start, width)
        if not fits:
            place = f"rows {rows.start}:{rows.stop} of {height} × {width} pixels"
            raise CubeError(f"values of shape {values.shape} do not fit into {place}")
        array = self._array(grid, index, mode="r+")
        array[day_number, rows] = encode(values, scale=self.scales[index])

    def read_day(self, grid: str, index: str, day_number: int) -> NDArray[np.int16]:
        """Return one day.

        Returns
        -------
        ndarray of int16, shape (rows, columns)
            Steps, −32768 = missing; see :func:`mlbmi.cube.decode`.

        Raises
        ------
        CubeError
            If there is no such array or day, or its data are damaged.
        """
        self._check_day(grid, day_number)
        array = self._array(grid, index, mode="r")
        try:
            return np.asarray(array[day_number])
        except (OSError, RuntimeError, ValueError) as error:
            raise self._damaged(grid, index, error) from error

    def blocks(self, grid: str) -> Iterator[tuple[slice, slice]]:
        """Yield the rows and columns of each chunk of a grid: what may be read and changed by different threads at a time."""
        height, width = self._geobox(grid).shape
        for top in range(0, height, self.chunk[0]):
            for left in range(0, width, self.chunk[1]):
                yield slice(top, min(top + self.chunk[0], height)), slice(left, min(left + self.chunk[1], width))

    def read_block(self, grid: str, index: str, rows: slice, columns: slice) -> NDArray[np.int16]:
        """Return some rows and columns of all days.

        Returns
        -------
        ndarray of int16, shape (days, rows, columns)
            Steps, −32768 = missing.

        Raises
        ------
        CubeError
            If there is no such array, or its data are damaged.
        """
        array = self._array(grid, index, mode="r")
        try:
            return np.asarray(array[:, rows, columns])
        except (OSError, RuntimeError, ValueError) as error:
            raise self._damaged(grid, index, error) from error

    def replace_block(  # noqa: PLR0917 - the place of a block, in the order of its axes
        self, grid: str, index: str, day_number: int, rows: slice, columns: slice, codes: NDArray[np.int16]
    ) -> None:
        """Store steps as they are in some rows and columns of one day; see :meth:`blocks`."""
        self._check_day(grid, day_number)
        self._array(grid, index, mode="r+")[day_number, rows, columns] = codes

    def read(self, grid: str, index: str, *, rows: slice | None = None, chunks: Mapping[str, int] | None = None) -> xr.DataArray:
        """Return an index over time, as stored.

        Parameters
        ----------
        grid, index : str
            Which array.
        rows : slice, optional
            Rows to take; by default all.
        chunks : mapping of str to int, optional
            Sizes of Dask chunks, ``{}`` for the stored ones: nothing is read before it is computed. None reads at once.

        Returns
        -------
        xarray.DataArray
            int16 steps over (time, y, x), *not* masked: −32768 is missing (``_FillValue``), ``scale_factor`` is the value of a
            step (:func:`mlbmi.cube.decode` applies both); with coordinates and CRS.

        Raises
        ------
        CubeError
            If there is no such array, or its data are damaged.
        """
        import xarray as xr

        self._array(grid, index, mode="r")
        lazily = None if chunks is None else dict(chunks)
        ds = xr.open_zarr(self.path, group=grid, mask_and_scale=False, consolidated=True, zarr_format=2, chunks=lazily)
        array: xr.DataArray = ds[index] if rows is None else ds[index].isel(y=rows)
        if chunks is not None:
            return array
        try:
            loaded: xr.DataArray = array.load()
        except (OSError, RuntimeError, ValueError) as error:
            raise self._damaged(grid, index, error) from error
        return loaded

    def select(self, day_numbers: Mapping[str, Sequence[int]], path: str | Path) -> CubeStore:
        """Copy some days of some grids into a store of their own, chunk files as they are.

        Parameters
        ----------
        day_numbers : mapping of str to sequence of int
            By grid, the days to keep, rising; a grid not named is left out.
        path : str or Path
            Where; nothing may be there yet.

        Returns
        -------
        CubeStore
            The new store.

        Raises
        ------
        CubeError
            If something is there, or nothing is kept.
        """
        grids = {
            name: (self._geobox(name), [self.days[name][self._check_day(name, number)] for number in numbers])
            for name, numbers in day_numbers.items()
        }
        long_names = {
            index: str(self._array(grid, index, mode="r").attrs["long_name"]) for grid in grids for index in self.scales
        }
        selected = CubeStore.create(path, grids, self.scales, chunk=self.chunk, long_names=long_names)
        for grid, numbers in day_numbers.items():
            for index in self.scales:
                for new, old in enumerate(numbers):
                    _copy_day(self.path / grid / index / str(old), selected.path / grid / index / str(new))
        return selected

    def _geobox(self, grid: str) -> GeoBox:
        if grid not in self.geoboxes:
            raise CubeError(f"the cube has no grid {grid!r}; it has {', '.join(self.geoboxes)}")
        return self.geoboxes[grid]

    def _check_day(self, grid: str, day_number: int) -> int:
        self._geobox(grid)
        if not 0 <= day_number < len(self.days[grid]):
            raise CubeError(f"grid {grid!r} has no day number {day_number}; it has 0 to {len(self.days[grid]) - 1}")
        return day_number

    def _array(self, grid: str, index: str, *, mode: str) -> Any:
        import zarr

        self._geobox(grid)
        if index not in self.scales:
            raise CubeError(f"the cube has no index {index!r}; it has {', '.join(self.scales)}")
        try:
            return zarr.open_array(self.path / grid / index, mode=mode, zarr_format=2)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise self._damaged(grid, index, error) from error

    def _damaged(self, grid: str, index: str, error: Exception) -> CubeError:
        return CubeError(f"{index} on {grid} cannot be read from {self.path}: {error}", remedy="Remove the cube and run again.")


def _copy_day(source: Path, target: Path) -> None:
    """Copy the chunks of a day; there is no folder where none was written, and half-written files stay behind."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.partial"))
