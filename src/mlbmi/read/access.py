"""How GDAL opens a file: its settings for remote and for local ones, held in one place."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlbmi.access import Access, Network, RemoteFile, Retries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ReadSettings",
    "abandon",
    "access_of",
    "begun_now",
    "configured",
    "current_settings",
    "gdal_options",
    "host_turn",
    "is_remote",
    "remote_file",
]

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
"""How GDAL opens a remote file that it reads alone: JP2, and what else cannot be read in parts
(:mod:`mlbmi.read.parts`). Tried and left at GDAL's defaults, on 600 x 900 pixels in blocks of 512 and 1024 by nginx's log:

- ``CPL_VSIL_CURL_USE_HEAD=NO`` saves the HEAD request and then fetches up to 4 MB of the file's beginning in its place.
- ``GDAL_INGESTED_BYTES_AT_OPEN=32768`` and ``CPL_VSIL_CURL_CHUNK_SIZE=8192`` save no request where the header is shorter than
  16 kB, and fetch up to 2 % more bytes.
- ``GDAL_HTTP_MERGE_CONSECUTIVE_RANGES`` is on already: neighbouring blocks come in one request.
- ``VSI_CACHE`` caches for one opened file; what GDAL knows of an address it keeps for the process without it (16 MB).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """How remote files are read. Holds no secret: it travels with Dask graphs.

    Attributes
    ----------
    retries : Retries
        What is tried again. GDAL's own default is to try once.
    connect_timeout_s : int
        Seconds to wait for a connection. GDAL's own default is to wait for ever.
    stall_timeout_s : int
        Seconds at less than 1000 bytes a second after which a request counts as dead.
    allow_requester_pays : bool
        Whether files may be read that cost money.
    """

    retries: Retries = field(default_factory=Retries)
    connect_timeout_s: int = 20
    stall_timeout_s: int = 30
    allow_requester_pays: bool = False

    def gdal_options(self) -> dict[str, str]:
        """Return them as GDAL's options, but for those that the environment overrules."""
        options = {
            **self.retries.gdal_options(),
            "GDAL_HTTP_CONNECTTIMEOUT": str(self.connect_timeout_s),
            "GDAL_HTTP_LOW_SPEED_TIME": str(self.stall_timeout_s),
            "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
        }
        return {key: value for key, value in options.items() if key not in os.environ}


class _InForce:
    """Settings and connections in force: one for the process, so that the threads of a pool see what their starter set."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.settings = ReadSettings()
        self.network = Network()


_in_force = _InForce()
_begun_on: ContextVar[Network] = ContextVar("mlbmi_network")
"""Of a read that another thread carries out: the connections in force when it was begun, so that it is broken off with them
even if that thread has not got so far yet."""


@contextlib.contextmanager
def configured(
    *,
    retries: Retries | None = None,
    connect_timeout_s: int = 20,
    stall_timeout_s: int = 30,
    allow_requester_pays: bool = False,
) -> Iterator[None]:
    """Set, for the time of a ``with`` block and for all threads, how remote files are read.

    Reading works without it, with these same values. A ``GDAL_HTTP_…`` variable in the environment wins over both.

    Parameters
    ----------
    retries : Retries, optional
        What is tried again.
    connect_timeout_s : int
        Seconds to wait for a connection.
    stall_timeout_s : int
        Seconds at less than 1000 bytes a second after which a request counts as dead.
    allow_requester_pays : bool
        Whether files may be read that cost money.
    """
    settings = ReadSettings(
        retries=retries or Retries(),
        connect_timeout_s=connect_timeout_s,
        stall_timeout_s=stall_timeout_s,
        allow_requester_pays=allow_requester_pays,
    )
    with _in_force.lock:
        before, _in_force.settings = _in_force.settings, settings
    try:
        yield
    finally:
        with _in_force.lock:
            _in_force.settings = before


def current_settings() -> ReadSettings:
    """Return the settings for remote files, as they stand, fit to travel to a Dask worker."""
    return _in_force.settings


@functools.cache
def access_of(settings: ReadSettings) -> Access:
    """Return the process's one door for some settings, so that a token serves all its reads."""
    return Access(allow_requester_pays=settings.allow_requester_pays, retries=settings.retries)


def begun_now() -> Context:
    """Return a context to carry a read out in, later and on another thread: :func:`abandon` concerns it from now on."""
    context = copy_context()
    context.run(_begun_on.set, _network())
    return context


def _network() -> Network:
    return _begun_on.get(_in_force.network)


def remote_file(href: str, settings: ReadSettings) -> RemoteFile:
    """Return a file of which parts can be asked for."""
    return RemoteFile(
        href,
        access_of(settings).resolve,
        _network(),
        retries=settings.retries,
        connect_s=settings.connect_timeout_s,
        stall_s=settings.stall_timeout_s,
    )


def host_turn(href: str) -> contextlib.AbstractContextManager[object]:
    """Return the turn to use a host, for requests that GDAL makes alone: one of as many as all reads have."""
    return _network().turn(href) if "://" in href else contextlib.nullcontext()


def abandon() -> None:
    """Break off every read under way in this process: each raises :class:`~mlbmi.access.StoppedError` at once.

    Reads begun later are not concerned, nor those that GDAL makes alone: they end by themselves.
    """
    with _in_force.lock:
        before, _in_force.network = _in_force.network, Network()
    before.stop()


def is_remote(href: str) -> bool:
    """Say whether GDAL reaches an href over a network.

    Examples
    --------
    >>> is_remote("https://example.com/B04.tif"), is_remote("/data/B04.tif"), is_remote("/vsimem/B04.tif")
    (True, False, False)
    """
    return "://" in href or (href.startswith("/vsi") and not href.startswith("/vsimem"))


def gdal_options(href: str, settings: ReadSettings | None = None) -> Mapping[str, str]:
    """Return the GDAL options to open an href with.

    Parameters
    ----------
    href : str
        URL or path.
    settings : ReadSettings, optional
        What :func:`current_settings` said where the read was planned; by default what it says now.

    Returns
    -------
    mapping of str to str
        What is set, and why, see :data:`_REMOTE` and :data:`_LOCAL`; for remote files also how patiently they are read.
    """
    if not is_remote(href):
        return dict(_LOCAL)
    return {**_REMOTE, **(settings or current_settings()).gdal_options()}
