"""Cloud-optimised GeoTIFFs as the public archives hold them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import WriteError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlbmi.simulate.tiles import Window

__all__ = ["write_cog", "write_mask"]

_ONE_WRITER = threading.Lock()
"""Held while GDAL writes: two writers that share a full block cache can wait for one another for ever (rasterio 1.4)."""


def write_cog(
    path: Path,
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    window: Window,
    *,
    gsd: int,
    categorical: bool = False,
    nodata: int | None = 0,
) -> None:
    """Write a band: tiles of 1024 pixels, deflate with horizontal differencing, overviews.

    Parameters
    ----------
    path : Path
    pixels : ndarray of uint8 or uint16
        Of the window's shape at ``gsd``.
    window : Window
    gsd : int
        Metres.
    categorical : bool
        Overviews take the nearest pixel, not the average, and neighbours are not differenced.
    nodata : int or None
        Value declared as missing.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    options = {
        "driver": "COG",
        "blocksize": 1024,
        "compress": "deflate",
        "level": 6,
        "predictor": "no" if categorical else "standard",
        "overview_resampling": "nearest" if categorical else "average",
        "overview_compress": "deflate",
        "overview_predictor": "no" if categorical else "standard",
        "bigtiff": "if_safer",
        "num_threads": 1,
    }
    _write(path, pixels, window, gsd, options | {"nodata": nodata})


def write_mask(path: Path, mask: NDArray[np.bool_], window: Window, *, gsd: int) -> None:
    """Write a mask of 0 and 1 as a plain, small GeoTIFF.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    _write(path, mask.astype(np.uint8), window, gsd, {"driver": "GTiff", "compress": "deflate", "nbits": 1})


def _write(path: Path, pixels: NDArray[Any], window: Window, gsd: int, options: dict[str, Any]) -> None:
    import rasterio
    from rasterio.errors import RasterioError

    rows, columns = pixels.shape
    if (rows, columns) != window.shape(gsd):
        raise WriteError(f"{path.name}: pixels are {rows} × {columns}, the window at {gsd} m is {window.shape(gsd)}")
    frame = {"height": rows, "width": columns, "count": 1, "dtype": pixels.dtype.name}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            _ONE_WRITER,
            rasterio.open(path, "w", crs=f"EPSG:{window.epsg}", transform=window.transform(gsd), **frame, **options) as file,
        ):
            file.write(pixels, 1)
    except (OSError, RasterioError) as error:
        raise WriteError(f"{path} cannot be written: {error}", remedy="Check the disk's space and permissions.") from error
