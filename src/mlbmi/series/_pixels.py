"""Any function of a pixel's series, over all pixels: in memory by chunks over threads, or lazily by blocks of Dask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mlbmi.coding import decode
from mlbmi.errors import InputError
from mlbmi.threads import chunk_bounds, map_chunks
from mlbmi.types import INDEX_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["Output", "days_of", "map_pixels", "result_type", "series_arrays"]

_CHUNK = 2048
"""Pixels that are worked on at a time by a thread: with 100 dates 1.6 MB in float64, about what a core keeps close by."""

_TYPES = ("int16", "float32", "float64")


@dataclass(frozen=True, slots=True)
class Output:
    """What comes of each pixel.

    Attributes
    ----------
    name : str
    dtype : numpy data type
    dim : str or None
        Dimension of its several values; None: it is one value.
    size : int
        How many there are.
    """

    name: str
    dtype: Any
    dim: str | None = None
    size: int = 1


def series_arrays(data: xr.DataArray | xr.Dataset) -> list[xr.DataArray]:
    """Return the variables of what is to be worked on, time first.

    Raises
    ------
    InputError
        If it is neither a DataArray nor a Dataset, a variable lacks ``time``, holds no dates that rise, or is of another type.
    """
    if not isinstance(data, (xr.DataArray, xr.Dataset)):
        raise InputError(f"data is a {type(data).__name__}; it must be an xarray.DataArray or Dataset")
    arrays = [data] if isinstance(data, xr.DataArray) else [data[name] for name in data.data_vars]
    if not arrays:
        raise InputError("data has no variable; it must have one at least")
    for array in arrays:
        _check(array)
    return [array.transpose("time", ...) for array in arrays]


def _check(array: xr.DataArray) -> None:
    if "time" not in array.dims:
        raise InputError(f"{array.name!r} has the dimensions {tuple(array.dims)}; `time` must be among them")
    if array.dtype.name not in _TYPES:
        remedy = 'Convert it: data.astype("float32").'
        raise InputError(f"{array.name!r} is {array.dtype}; it must be {', '.join(_TYPES)}", remedy=remedy)
    if "time" not in array.coords or not np.issubdtype(array["time"].dtype, np.datetime64):
        raise InputError(f"{array.name!r} has no dates: its coordinate `time` must be of datetime64")
    if not array.sizes["time"]:
        raise InputError(f"{array.name!r} has no date at all; there must be one")
    steps = np.diff(array["time"].to_numpy())
    if (steps <= np.timedelta64(0)).any():
        later = int(np.argmax(steps <= np.timedelta64(0))) + 1
        date = np.datetime_as_string(array["time"].to_numpy()[later], "D")
        raise InputError(f"time does not rise at position {later} ({date}); each date must lie after the one before")


def days_of(array: xr.DataArray) -> NDArray[np.float64]:
    """Return the dates as days since 1970-01-01, with their fractions."""
    return (array["time"].to_numpy() - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")


def result_type(array: xr.DataArray) -> type[np.floating[Any]]:
    """Return the type of values that come of an array: float64 of float64, else float32."""
    return np.float64 if array.dtype == np.float64 else np.float32


def map_pixels(
    work: Callable[..., tuple[NDArray[Any], ...]], arrays: Sequence[xr.DataArray], outputs: Sequence[Output]
) -> xr.Dataset:
    """Do something to every pixel.

    Each pixel is worked on by itself, so that neither the chunks nor the threads have a say in the result.

    Parameters
    ----------
    work : callable
        From rows of float64, (pixels, dates), NaN = missing, one for each array, to a tuple with an array for each output:
        (pixels,), or (pixels, size). It gains from threads where it releases the GIL.
    arrays : sequence of DataArray
        What :func:`series_arrays` returned; int16 is decoded.
    outputs : sequence of Output
        What comes of it.

    Returns
    -------
    Dataset
        One variable for each output, its own dimension first; lazy where an array is chunked.
    """
    lazy = any(array.chunks is not None for array in arrays)
    if lazy:
        arrays = [array.chunk(time=-1) for array in arrays]
    inner = _Applied(work, tuple(_scale(array) for array in arrays), tuple(outputs), over_threads=not lazy)
    found = xr.apply_ufunc(
        inner,
        *[array.rename(time="mlbmi_time").drop_vars("mlbmi_time") for array in arrays],
        input_core_dims=[["mlbmi_time"]] * len(arrays),
        output_core_dims=[[] if output.dim is None else [output.dim] for output in outputs],
        dask="parallelized",
        output_dtypes=[output.dtype for output in outputs],
        dask_gufunc_kwargs={"output_sizes": {output.dim: output.size for output in outputs if output.dim}},
        keep_attrs=False,
    )
    several: tuple[xr.DataArray, ...] = found if isinstance(found, tuple) else (found,)
    ordered = [
        array if output.dim is None else array.transpose(output.dim, ...) for array, output in zip(several, outputs, strict=True)
    ]
    return xr.Dataset({out.name: _placed(array, arrays[0]) for array, out in zip(ordered, outputs, strict=True)})


def _scale(array: xr.DataArray) -> float | None:
    return float(array.attrs.get("scale_factor", INDEX_SCALE)) if array.dtype == np.int16 else None


def _placed(array: xr.DataArray, like: xr.DataArray) -> xr.DataArray:
    """Keep what says which coordinate holds the CRS."""
    for place in (like.attrs, like.encoding):
        if "grid_mapping" in place:
            array.encoding["grid_mapping"] = place["grid_mapping"]
    return array


@dataclass(frozen=True, slots=True)
class _Applied:
    """The work as xarray calls it: on arrays whose last dimension is time."""

    work: Callable[..., tuple[NDArray[Any], ...]]
    scales: tuple[float | None, ...]
    outputs: tuple[Output, ...]
    over_threads: bool

    def __call__(self, *arrays: NDArray[Any]) -> Any:
        # Time first again: of an array in memory this is the array itself, not a copy.
        stacks = [np.moveaxis(array, -1, 0).reshape(array.shape[-1], -1) for array in arrays]
        pixels, shape = stacks[0].shape[1], arrays[0].shape[:-1]
        results = [np.empty((*([] if out.dim is None else [out.size]), pixels), out.dtype) for out in self.outputs]

        def one(start: int, stop: int) -> None:
            rows = [_rows(stack[:, start:stop], scale) for stack, scale in zip(stacks, self.scales, strict=True)]
            for result, part in zip(results, self.work(*rows), strict=True):
                result[..., start:stop] = part.T

        if self.over_threads:
            for _ in map_chunks(one, pixels, _CHUNK):
                pass
        else:  # Dask has threads of its own
            for start, stop in chunk_bounds(pixels, _CHUNK):
                one(start, stop)
        placed = [np.moveaxis(r.reshape(*r.shape[:-1], *shape), 0, -1) if r.ndim > 1 else r.reshape(shape) for r in results]
        return tuple(placed) if len(placed) > 1 else placed[0]


def _rows(stack: NDArray[Any], scale: float | None) -> NDArray[np.float64]:
    """Return pixels as rows, one after the other in memory: kernels are compiled for this alone."""
    values = stack if scale is None else decode(stack, scale)
    return np.ascontiguousarray(values.T, np.float64)
