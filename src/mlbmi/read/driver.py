"""The reader that odc-stac calls for each chunk of each band: opens, reads, and fails loudly."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio

from mlbmi.read.access import current_settings
from mlbmi.read.failures import read_error
from mlbmi.read.header import native_geobox
from mlbmi.read.resample import nearest
from mlbmi.read.source import opened
from mlbmi.sentinel2 import DN_NODATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.read.resample import ReadWindow
    from mlbmi.read.source import Source

__all__ = ["SceneDriver", "read_band"]

_DN_TYPES = ("uint8", "uint16")
"""What Sentinel-2 L2A is published in; anything else would be clamped or cut off in silence."""


class SceneDriver:
    """A reader driver, in odc-loader's sense (its ``ReaderDriver`` protocol), that knows which item and band each address is.

    Parameters
    ----------
    names : mapping of str to str
        By href, what to call it in an error.
    """

    md_parser = None  # odc-stac's own
    dask_reader = None  # the default: one task for each chunk
    aux_reader = None  # rasters only

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)

    def new_load(self, geobox: GeoBox, *, chunks: dict[str, int] | None = None) -> None:
        """Begin a load: nothing is shared between its reads."""

    def finalise_load(self, load_state: None) -> None:
        """End a load."""

    def capture_env(self) -> dict[str, str]:
        """Return the settings for remote files; they travel with the Dask graph."""
        return current_settings()

    @contextlib.contextmanager
    def restore_env(self, env: dict[str, str], load_state: None) -> Iterator[dict[str, str]]:  # noqa: ARG002 — odc's signature
        """Hand the settings to :meth:`open`: GDAL's environment is entered there, for each file by its kind."""
        yield env

    def open(self, src: Any, ctx: dict[str, str]) -> _AssetReader:
        """Return a reader for one file; nothing is opened yet."""
        return _AssetReader(src.uri, self._names[src.uri], ctx)


class _AssetReader:
    """Reads one file onto any grid."""

    def __init__(self, href: str, name: str, settings: Mapping[str, str]) -> None:
        self._href = href
        self._name = name
        self._settings = settings

    def read(
        self,
        cfg: Any,
        dst_geobox: GeoBox,
        *,
        dst: NDArray[Any] | None = None,  # noqa: ARG002 — odc's signature
        selection: Any = None,  # noqa: ARG002 — odc's signature
    ) -> tuple[tuple[slice, slice], NDArray[Any]]:
        """Return the part of the grid that is filled, here always all of it, and its pixels."""
        height, width = dst_geobox.shape
        return (slice(0, height), slice(0, width)), read_band(self._href, self._name, dst_geobox, cfg.dtype, self._settings)


def read_band(href: str, name: str, geobox: GeoBox, dtype: str, settings: Mapping[str, str]) -> NDArray[Any]:
    """Read one file onto a grid.

    Parameters
    ----------
    href : str
        The file.
    name : str
        What to call it in an error.
    geobox : GeoBox
        The grid; north up, in any CRS.
    dtype : str
        ``uint8`` or ``uint16``.
    settings : mapping of str to str
        How patiently; see :func:`mlbmi.read.access.current_settings`.

    Returns
    -------
    ndarray of dtype, shape geobox.shape
        0 is missing, and outside the file.

    Raises
    ------
    ReadError
        If it cannot be opened or read.
    """
    try:
        with opened(href, settings) as source:
            return nearest(_windows_of(source, dtype), native_geobox(source.dataset), geobox, dtype)
    except (rasterio.errors.RasterioError, rasterio.errors.CRSError, OSError, ValueError) as error:
        # "from None": GDAL's message may hold a signed address, and all that it says is in the line already.
        raise read_error(name, href, error) from None


def _windows_of(source: Source, dtype: str) -> ReadWindow:
    """Return a function that reads windows of an open raster, missing pixels as 0."""
    held, nodata = source.dataset.dtypes[0], source.dataset.nodata
    if held not in _DN_TYPES:
        raise ValueError(f"it holds {held}; Sentinel-2 L2A is published in {' or '.join(_DN_TYPES)}")

    def read(rows: slice, columns: slice) -> NDArray[Any]:
        pixels = source.read(rows, columns)
        if nodata is not None and nodata != DN_NODATA:
            pixels[pixels == nodata] = DN_NODATA
        if pixels.itemsize > np.dtype(dtype).itemsize:
            # A scene class that does not fit a byte is no class: 255, which every mask drops.
            np.minimum(pixels, np.iinfo(dtype).max, out=pixels)
        return pixels.astype(dtype, copy=False)

    return read
