"""How GDAL opens a file: its settings for remote and for local ones, held in one place."""

from __future__ import annotations

import contextlib
import os
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["configured", "current_settings", "gdal_options", "is_remote"]

_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "GDAL_HTTP_MAX_RETRY": "5",
        "GDAL_HTTP_RETRY_DELAY": "0.5",
        "GDAL_HTTP_CONNECTTIMEOUT": "20",
        "GDAL_HTTP_LOW_SPEED_TIME": "30",
        "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
    }
)
"""GDAL's own defaults wait for ever and try once. Retries apply to 429, 500, 502, 503, 504 and to broken connections; the
delay doubles each time (GDAL, /vsicurl/)."""


_LOCAL: Mapping[str, str] = MappingProxyType(
    {
        # The listing of the folder stays on, or GDAL would miss the .aux.xml beside a file that holds its CRS.
        "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE",
    }
)
"""How a local file is opened."""

_REMOTE: Mapping[str, str] = MappingProxyType(
    {
        # No listing of the folder, no search for .aux.xml, .ovr and .msk beside the file: a window costs 4 requests, not 13.
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        # The ranges of a window one after the other on one connection. In parallel, GDAL's default, each takes a connection of
        # its own, up to 3 for 600 x 900 pixels, kept open by each thread: no limit to the connections to a host would hold.
        "GDAL_HTTP_MULTIRANGE": "SERIAL",
    }
)
"""How GDAL opens a remote file that it reads alone: ``s3://`` and the like, JP2, and what else cannot be read in parts
(:mod:`mlbmi.read.parts`). Tried and left at GDAL's defaults, on 600 x 900 pixels in blocks of 512 and 1024 by nginx's log:

- ``CPL_VSIL_CURL_USE_HEAD=NO`` saves the HEAD request and then fetches up to 4 MB of the file's beginning in its place.
- ``GDAL_INGESTED_BYTES_AT_OPEN=32768`` and ``CPL_VSIL_CURL_CHUNK_SIZE=8192`` save no request where the header is shorter than
  16 kB, and fetch up to 2 % more bytes.
- ``GDAL_HTTP_MERGE_CONSECUTIVE_RANGES`` is on already: neighbouring blocks come in one request.
- ``VSI_CACHE`` caches for one opened file; what GDAL knows of an address it keeps for the process without it (16 MB).
"""


class _Settings:
    """The settings in force: one value for the process, so that the threads of a pool see what their starter set."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: Mapping[str, str] = _DEFAULTS


_settings = _Settings()


@contextlib.contextmanager
def configured(
    *, retries: int = 5, retry_delay_s: float = 0.5, connect_timeout_s: int = 20, stall_timeout_s: int = 30
) -> Iterator[None]:
    """Set, for the time of a ``with`` block and for all threads, how patiently remote files are read.

    Reading works without it, with these same values. A ``GDAL_HTTP_…`` variable in the environment wins over both.

    Parameters
    ----------
    retries : int
        Further attempts at a request that was answered 429, 500, 502, 503 or 504, or whose connection broke.
    retry_delay_s : float
        Seconds before the first of them; doubled each time.
    connect_timeout_s : int
        Seconds to wait for a connection.
    stall_timeout_s : int
        Seconds at less than 1000 bytes a second after which a request counts as dead.
    """
    values = dict(_DEFAULTS) | {
        "GDAL_HTTP_MAX_RETRY": str(retries),
        "GDAL_HTTP_RETRY_DELAY": str(retry_delay_s),
        "GDAL_HTTP_CONNECTTIMEOUT": str(connect_timeout_s),
        "GDAL_HTTP_LOW_SPEED_TIME": str(stall_timeout_s),
    }
    with _settings.lock:
        before, _settings.values = _settings.values, MappingProxyType(values)
    try:
        yield
    finally:
        with _settings.lock:
            _settings.values = before


def current_settings() -> dict[str, str]:
    """Return GDAL's settings for remote files, as they stand, fit to travel to a Dask worker."""
    return {key: value for key, value in _settings.values.items() if key not in os.environ}


def is_remote(href: str) -> bool:
    """Say whether GDAL reaches an href over a network.

    Examples
    --------
    >>> is_remote("https://example.com/B04.tif"), is_remote("/data/B04.tif"), is_remote("/vsimem/B04.tif")
    (True, False, False)
    """
    return "://" in href or (href.startswith("/vsi") and not href.startswith("/vsimem"))


def gdal_options(href: str, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the GDAL options to open an href with.

    Parameters
    ----------
    href : str
        URL or path.
    settings : mapping, optional
        What :func:`current_settings` said where the read was planned; by default what it says now.

    Returns
    -------
    dict of str to str
        What is set, and why, see :data:`_REMOTE` and :data:`_LOCAL`; for remote files also how patiently they are read.
    """
    if not is_remote(href):
        return dict(_LOCAL)
    return {**_REMOTE, **(current_settings() if settings is None else settings)}
