"""Bands as they come, variables of a data set or a dimension of an array, read into one table by blocks of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mlbmi.cluster._spread import infinite
from mlbmi.cluster._table import Table
from mlbmi.errors import ClusterError
from mlbmi.types import INDEX_NODATA

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

__all__ = ["Stack", "has_bands", "read_stack"]

_TYPES = ("float32", "float64", "int16", "uint16", "uint8")

_BLOCK_BYTES = 1 << 26
"""Of the values, in float64, of a block of rows over all bands and dates."""


def has_bands(data: object) -> bool:
    """Say whether data hold bands: a data set, or an array with a dimension ``band``."""
    return isinstance(data, xr.Dataset) or (isinstance(data, xr.DataArray) and "band" in data.dims)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack:
    """Bands over (time, y, x), in memory or chunked, each with what its numbers mean.

    Attributes
    ----------
    names : tuple of str
    images : tuple of DataArray
        One for each band, of one shape.
    dated : bool
        They came with a dimension ``time``.
    """

    names: tuple[str, ...]
    images: tuple[xr.DataArray, ...]
    dated: bool

    @classmethod
    def of(cls, data: object) -> Stack:
        """Check bands and put their dimensions in order.

        Raises
        ------
        ClusterError
            If there are none, dimensions differ or are others, or a type is not among those that can be read.
        """
        named = _named(data)
        if not named:
            raise ClusterError("data holds no band; it must have a variable over (y, x) or (time, y, x) for each")
        for name, image in named:
            _check(name, image, named[0])
        images = [image if "time" in image.dims else image.expand_dims("time") for _, image in named]
        return cls(
            names=tuple(name for name, _ in named),
            images=tuple(image.transpose("time", "y", "x") for image in images),
            dated="time" in named[0][1].dims,
        )

    def on(self, date: str | dt.date | np.datetime64 | None) -> Stack:
        """Return the images of one day; of all days for None.

        Raises
        ------
        ClusterError
            If there is no such day.
        """
        if date is None:
            return self
        days = self._days()
        try:
            wanted = np.datetime64(date).astype("datetime64[D]")
        except (TypeError, ValueError) as error:
            raise ClusterError(f"date is {date!r}; it must be a day such as 2020-01-24") from error
        found = np.flatnonzero(days == wanted)
        if not found.size:
            raise ClusterError(f"there is no image of {wanted}; there are images of {', '.join(np.unique(days).astype(str))}")
        return replace(self, images=tuple(image.isel(time=found) for image in self.images))

    def _days(self) -> NDArray[np.datetime64]:
        times = self.images[0].coords.get("time") if self.dated else None
        if times is None or not np.issubdtype(times.dtype, np.datetime64):
            raise ClusterError("a date was given, but data has no coordinate `time` that holds dates", remedy="Leave out `date`.")
        days: NDArray[np.datetime64] = times.to_numpy().astype("datetime64[D]")
        return days


def _named(data: object) -> list[tuple[str, xr.DataArray]]:
    if isinstance(data, xr.Dataset):
        # A CRS read from a file may stand among the variables: without dimensions.
        return [(str(name), image) for name, image in data.data_vars.items() if image.ndim]
    if isinstance(data, xr.DataArray) and "band" in data.dims:
        names = data["band"].to_numpy().tolist() if "band" in data.coords else range(data.sizes["band"])
        return [(str(name), data.isel(band=place, drop=True)) for place, name in enumerate(names)]
    raise ClusterError(
        f"data is a {type(data).__name__}{'' if not isinstance(data, xr.DataArray) else f' over {data.dims}'}; "
        "it must be an xarray.Dataset of bands, or a DataArray with a dimension `band`"
    )


def _check(name: str, image: xr.DataArray, first: tuple[str, xr.DataArray]) -> None:
    if set(image.dims) not in ({"time", "y", "x"}, {"y", "x"}):
        raise ClusterError(f"band {name!r} has the dimensions {tuple(image.dims)}; they must be (time, y, x) or (y, x)")
    if dict(image.sizes) != dict(first[1].sizes):
        raise ClusterError(
            f"band {name!r} has sizes {dict(image.sizes)}, band {first[0]!r} {dict(first[1].sizes)}; they must agree"
        )
    if image.dtype.name not in _TYPES:
        raise ClusterError(f"band {name!r} is {image.dtype}; it must be {', '.join(_TYPES)}")
    if not image.size:
        raise ClusterError(f"band {name!r} is empty: its sizes are {dict(image.sizes)}")


def read_stack(stack: Stack) -> NDArray[Any]:
    """Read the bands of each pixel, over several dates their medians, by blocks of rows.

    Only dates count on which a pixel has all its bands, so that all medians are over the same dates.

    Returns
    -------
    ndarray, shape (n_bands, n_pixels)
        float64 if a band is, else float32; NaN in all bands or none.

    Raises
    ------
    ClusterError
        If a value is infinite: it would hide in a median.
    """
    dates, height, width = stack.images[0].shape
    kind = np.float64 if any(image.dtype == np.float64 for image in stack.images) else np.float32
    out = np.empty((len(stack.images), height, width), kind)
    step = max(1, _BLOCK_BYTES // (8 * len(stack.images) * dates * width))
    for start in range(0, height, step):
        rows = slice(start, start + step)
        block = np.stack([_values(image, rows) for image in stack.images])
        if np.isinf(block).any():
            raise infinite()
        block[:, np.isnan(block).any(axis=0)] = np.nan
        out[:, rows] = _median(block)
    return out.reshape(len(out), -1)


def _values(image: xr.DataArray, rows: slice) -> NDArray[np.float64]:
    numbers = np.asarray(image[:, rows].data)
    if numbers.dtype.kind == "f":
        return numbers.astype(np.float64)
    missing = image.attrs.get("_FillValue", INDEX_NODATA if numbers.dtype == np.int16 else None)
    step, offset = float(image.attrs.get("scale_factor", 1.0)), float(image.attrs.get("add_offset", 0.0))
    values = Table(numbers=numbers, step=step, offset=offset).values(numbers.astype(np.float64))
    return values if missing is None else np.where(numbers == missing, np.nan, values)


def _median(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median over dates of (n_bands, n_dates, …), NaN where there is none; sorted, NaN come last."""
    if block.shape[1] == 1:
        return block[:, 0]
    count = (~np.isnan(block)).sum(axis=1, keepdims=True)
    block.sort(axis=1)
    low = np.take_along_axis(block, np.maximum(count - 1, 0) // 2, axis=1)
    high = np.take_along_axis(block, count // 2, axis=1)
    return (low + (high - low) / 2)[:, 0]
