"""The reader that odc-stac calls for each chunk of each band: opens, reads, and fails loudly."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.read.access import current_settings
from mlbmi.read.opened import with_raster
from mlbmi.read.resample import nearest
from mlbmi.sentinel2 import DN_NODATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.read.access import ReadSettings
    from mlbmi.read.resample import ReadWindow
    from mlbmi.read.source import Source

__all__ = ["SceneDriver", "read_band", "windows_of"]

_DN_TYPES = ("uint8", "uint16")
"""What Sentinel-2 L2A is published in; anything else would be clamped or cut off in silence."""


_SETTINGS = "mlbmi"
"""Key under which the settings travel in what odc-loader calls the environment."""


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

    def capture_env(self) -> dict[str, Any]:
        """Return the settings for remote files; they travel with the Dask graph."""
        return {_SETTINGS: current_settings()}

    @contextlib.contextmanager
    def restore_env(self, env: dict[str, Any], load_state: None) -> Iterator[dict[str, Any]]:  # noqa: ARG002 — odc's signature
        """Hand the settings to :meth:`open`: GDAL's environment is entered there, for each file by its kind."""
        yield env

    def open(self, src: Any, ctx: dict[str, Any]) -> _AssetReader:
        """Return a reader for one file; nothing is opened yet."""
        return _AssetReader(src.uri, self._names[src.uri], ctx[_SETTINGS])


class _AssetReader:
    """Reads one file onto any grid."""

    def __init__(self, href: str, name: str, settings: ReadSettings) -> None:
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


def read_band(href: str, name: str, geobox: GeoBox, dtype: str, settings: ReadSettings) -> NDArray[Any]:
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
    settings : ReadSettings
        How; see :func:`mlbmi.read.access.current_settings`.

    Returns
    -------
    ndarray of dtype, shape geobox.shape
        0 is missing, and outside the file.

    Raises
    ------
    ReadError
        If it cannot be opened or read.
    PaymentError
        If it costs money that nobody has allowed.
    """

    def use(source: Source) -> NDArray[Any]:
        return nearest(windows_of(source, dtype), source.geobox(), geobox, dtype)

    return with_raster(href, name, use, settings)


def windows_of(source: Source, dtype: str) -> ReadWindow:
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
