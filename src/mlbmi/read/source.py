"""One raster, opened the way that suits where it lies: remote GeoTIFFs in parts, all else by GDAL alone."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from mlbmi.read.access import current_settings, gdal_options, is_remote
from mlbmi.read.connections import PATIENCE, host_slot
from mlbmi.read.parts import NotInPartsError, Parts, open_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["Source", "opened"]


class Source(Protocol):
    """An open raster.

    Attributes
    ----------
    dataset : rasterio.DatasetReader
        For all that is not pixels.
    """

    dataset: Any

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return pixels of the first band."""
        ...


@contextlib.contextmanager
def opened(href: str, settings: Mapping[str, str] | None = None) -> Iterator[Source]:
    """Open a raster.

    Parameters
    ----------
    href : str
        URL, or path as GDAL understands it.
    settings : mapping of str to str, optional
        How patiently a remote file is read; by default what :func:`mlbmi.read.configured` says.

    Yields
    ------
    Source

    Raises
    ------
    rasterio.errors.RasterioError, OSError
        If it cannot be opened.
    """
    settings = current_settings() if settings is None else settings
    with contextlib.ExitStack() as stack:
        try:
            parts = stack.enter_context(open_parts(href, settings)) if _in_parts(href, settings) else None
        except NotInPartsError:
            parts = None
        yield stack.enter_context(_by_gdal(href, settings)) if parts is None else _Remote(href, settings, parts)


class _Whole:
    """A raster that GDAL reads alone."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        from rasterio.windows import Window

        pixels: NDArray[Any] = self.dataset.read(1, window=Window.from_slices(rows, columns))
        return pixels


class _Remote:
    """A raster read in parts, or by GDAL after all where that turns out not to do."""

    def __init__(self, href: str, settings: Mapping[str, str], parts: Parts) -> None:
        self._href, self._settings, self._parts = href, settings, parts
        self.dataset = parts.dataset

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        try:
            return self._parts.read(rows, columns)
        except NotInPartsError:
            with _by_gdal(self._href, self._settings) as whole:
                return whole.read(rows, columns)


@contextlib.contextmanager
def _by_gdal(href: str, settings: Mapping[str, str]) -> Iterator[_Whole]:
    import rasterio

    turn = host_slot(href) if is_remote(href) else contextlib.nullcontext()
    with turn, rasterio.Env(**gdal_options(href, settings)), rasterio.open(href, sharing=False) as dataset:
        yield _Whole(dataset)


def _in_parts(href: str, settings: Mapping[str, str]) -> bool:
    """Say whether an address is plain HTTP, for which nothing has been set that GDAL alone understands."""
    parts = urlsplit(href)
    plain = parts.scheme in ("http", "https") and "@" not in parts.netloc
    # Settings are incomplete where a variable of the environment had a say when the read was planned, maybe in another process.
    return plain and not _gdal_is_set_up() and settings.keys() >= PATIENCE


def _gdal_is_set_up() -> bool:
    """Say whether the user has told GDAL how to make its requests: headers, passwords, proxies, certificates, patience."""
    netrc = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    return netrc.exists() or any(name.startswith(("GDAL_HTTP_", "GDAL_HTTPS_", "CPL_VSIL_CURL_")) for name in os.environ)
