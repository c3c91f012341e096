"""A data array as the clustering sees it: (time, y, x), its dates, and what its numbers mean."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mlbmi.errors import ClusterError
from mlbmi.types import INDEX_NODATA, LABEL_NODATA

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["CodedCube", "coded_cube", "label_array"]

_TYPES = ("int16", "float32", "float64")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodedCube:
    """Values over (time, y, x), in memory or chunked; value = number × scale + offset.

    Attributes
    ----------
    data : xarray.DataArray
        ``(time, y, x)``; int16, float32 or float64.
    name : str
        Of the index.
    dates : tuple of datetime.date or None
        None where the time coordinate holds no dates.
    scale, offset : float
        1 and 0 for floats.
    nodata : int or None
        Missing value of int16; None for floats, where NaN is.
    """

    data: xr.DataArray
    name: str
    dates: tuple[dt.date, ...] | None
    scale: float
    offset: float
    nodata: int | None

    @property
    def features(self) -> tuple[str, ...]:
        """ISO dates, or the places in the series where there are none."""
        if self.dates is None:
            return tuple(str(place) for place in range(self.data.sizes["time"]))
        return tuple(date.isoformat() for date in self.dates)

    def values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn numbers as stored into values of the index."""
        return values * self.scale + self.offset

    def blocks(self) -> Iterator[tuple[tuple[slice, slice, slice], NDArray[Any]]]:
        """Yield the place and the numbers of each piece that is read at once: a date, or a chunk of a chunked array."""
        chunks = self.data.chunks or tuple((size,) for size in self.data.shape)
        days = (slice(day, day + 1) for day in range(self.data.sizes["time"]))
        for place in itertools.product(days, _slices(chunks[1]), _slices(chunks[2])):
            yield place, np.asarray(self.data[place].data)


def _slices(sizes: tuple[int, ...]) -> list[slice]:
    ends = list(itertools.accumulate(sizes))
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def coded_cube(data: xr.DataArray) -> CodedCube:
    """Check a data array and describe it.

    Raises
    ------
    ClusterError
        If it is no DataArray over (time, y, x) or (y, x), or neither int16, float32 nor float64.
    """
    if not isinstance(data, xr.DataArray):
        raise ClusterError(
            f"data is a {type(data).__name__}; it must be an xarray.DataArray", remedy='Choose one index: cube["ndvi"].'
        )
    if set(data.dims) not in ({"time", "y", "x"}, {"y", "x"}):
        raise ClusterError(f"data has the dimensions {tuple(data.dims)}; they must be (time, y, x) or (y, x)")
    if data.dtype.name not in _TYPES:
        raise ClusterError(f"data is {data.dtype}; it must be {', '.join(_TYPES)}", remedy='Convert it: data.astype("float32").')
    stack = data if "time" in data.dims else data.expand_dims("time")
    stack = stack.transpose("time", "y", "x")
    if not stack.size:
        raise ClusterError(f"data is empty: its shape is {stack.shape}")
    coded = data.dtype == np.int16
    return CodedCube(
        data=stack,
        name=str(data.name) if data.name is not None else "index",
        dates=_dates(stack),
        scale=float(data.attrs.get("scale_factor", 1.0)) if coded else 1.0,
        offset=float(data.attrs.get("add_offset", 0.0)) if coded else 0.0,
        nodata=int(data.attrs.get("_FillValue", INDEX_NODATA)) if coded else None,
    )


def _dates(stack: xr.DataArray) -> tuple[dt.date, ...] | None:
    if "time" not in stack.coords or not np.issubdtype(stack["time"].dtype, np.datetime64):
        return None
    days: list[dt.date] = stack["time"].to_numpy().astype("datetime64[D]").tolist()
    return tuple(days)


def label_array(labels: NDArray[np.uint8], like: xr.DataArray, dims: tuple[str, ...]) -> xr.DataArray:
    """Put labels on the grid of ``like``, with the coordinates (and so the CRS) that fit on ``dims``."""
    coords = {name: coord for name, coord in like.coords.items() if set(coord.dims) <= set(dims)}
    array = xr.DataArray(labels, dims=dims, coords=coords, name="labels", attrs={"long_name": "cluster", "nodata": LABEL_NODATA})
    for place in (like.attrs, like.encoding):
        if "grid_mapping" in place:
            array.encoding["grid_mapping"] = place["grid_mapping"]
    return array
