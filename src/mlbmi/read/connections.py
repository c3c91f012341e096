"""Parts of files over HTTP: connections kept open and shared by all threads, no more to one host than it should bear."""

from __future__ import annotations

import os
import random
import re
import threading
import time
import weakref
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import urllib3

__all__ = ["CONNECTIONS_PER_HOST", "PATIENCE", "NoRangesError", "Piece", "StoppedError", "abandon", "fetch", "host_slot"]

CONNECTIONS_PER_HOST = 32
"""Requests under way to one host at a time, and connections open to it. A request for a part of a file mostly waits:
with 32, nearly all of the 36 files of 12 dates and three bands are on their way within one round trip. Object stores bear
hundreds."""

PATIENCE = frozenset(
    {
        "GDAL_HTTP_MAX_RETRY",
        "GDAL_HTTP_RETRY_DELAY",
        "GDAL_HTTP_CONNECTTIMEOUT",
        "GDAL_HTTP_LOW_SPEED_TIME",
        "GDAL_HTTP_LOW_SPEED_LIMIT",
    }
)
"""GDAL's names for what :func:`fetch` heeds."""

_FEWER: Mapping[str, int] = MappingProxyType({"dataspace.copernicus.eu": 4})
"""By domain, where a publisher allows fewer: 4 connections a user at CDSE (documentation.dataspace.copernicus.eu, Quotas)."""

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers worth another try (RFC 9110, 15.5.9 and 15.6; RFC 6585, 4; RFC 8470, 5.2)."""

_LONGEST_WAIT_S = 60.0
_PER_READ = 256 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")


class NoRangesError(OSError):
    """The server does not serve parts of files as HTTP says; another reader may cope."""


class StoppedError(Exception):
    """Reading was broken off by :func:`abandon`: no fault of the file, and nothing to record."""

    def __init__(self) -> None:
        super().__init__("reading was broken off")


class _TryAgainError(Exception):
    """A failure that may pass: with what the server asks for."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file.

    Attributes
    ----------
    data : bytes
        As many as were asked for; fewer only where the file ends.
    total : int
        Length of the whole file.
    version : str
        The server's ETag or date of the file: parts of one version belong together. Empty where it states none.
    """

    data: bytes
    total: int
    version: str


class _Connections:
    """The connections of a process, and the turns to use them."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._slots: dict[str, threading.BoundedSemaphore] = {}
        self._managers: dict[tuple[str, float, float], urllib3.PoolManager] = {}
        self.sockets: weakref.WeakSet[Any] = weakref.WeakSet()

    def slot(self, url: str) -> threading.BoundedSemaphore:
        """Return what limits the requests to a host."""
        host = urlsplit(url).netloc.rpartition("@")[2]
        with self._lock:
            if host not in self._slots:
                self._slots[host] = threading.BoundedSemaphore(_limit(host))
            return self._slots[host]

    def manager(self, url: str, connect_s: float, stall_s: float) -> urllib3.PoolManager:
        """Return the pool for an address; proxies of the environment (``https_proxy``) are honoured."""
        from urllib.request import getproxies, proxy_bypass

        parts = urlsplit(url)
        proxy = "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")
        with self._lock:
            key = (proxy, connect_s, stall_s)
            if key not in self._managers:
                self._managers[key] = _manager(proxy, connect_s, stall_s, self.sockets)
            return self._managers[key]

    def stop(self) -> None:
        """End every request under way, even one that waits for a dead server."""
        self.stopped.set()
        for connection in list(self.sockets):
            _shut(connection)


class _Current:
    """The connections in use, exchanged as a whole."""

    def __init__(self) -> None:
        self.connections = _Connections()


_current = _Current()


def abandon() -> None:
    """Break off every read under way in this process: each raises :class:`StoppedError` at once.

    Reads begun later are not concerned, nor those that GDAL makes alone: they end by themselves.
    """
    before, _current.connections = _current.connections, _Connections()
    before.stop()


def host_slot(url: str) -> threading.BoundedSemaphore:
    """Return the turns to use a host, for requests that are not made by :func:`fetch`; hold one around them."""
    return _current.connections.slot(url)


def fetch(url: str, start: int, stop: int, settings: Mapping[str, str]) -> Piece:
    """Fetch bytes ``start`` to ``stop`` (excluded) of a file, patiently.

    Parameters
    ----------
    url : str
        ``http`` or ``https``; redirects are followed.
    start, stop : int
        Which bytes.
    settings : mapping of str to str
        GDAL's, of which those on retries and time limits are heeded; see :func:`mlbmi.read.configured`.

    Returns
    -------
    Piece

    Raises
    ------
    NoRangesError
        If the server sends something else than the part asked for.
    OSError
        If the server refuses, or fails longer than the settings allow. No message holds the address.
    StoppedError
        If reading is broken off.
    """
    connections = _current.connections
    delay, retries = float(settings["GDAL_HTTP_RETRY_DELAY"]), int(settings["GDAL_HTTP_MAX_RETRY"])
    for attempt in range(retries + 1):
        if connections.stopped.is_set():
            raise StoppedError
        try:
            with connections.slot(url):
                return _ask(connections, url, start, stop, settings)
        except _TryAgainError as error:
            reason, wait_s = str(error), error.wait_s
        if attempt < retries:
            # Half of the delay or more, at random: threads that failed together do not come back together.
            pause = max(wait_s, delay * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 — jitter
            connections.stopped.wait(min(pause, _LONGEST_WAIT_S))
    if connections.stopped.is_set():
        raise StoppedError
    raise OSError(f"{reason}; tried {retries + 1} times")


def _ask(connections: _Connections, url: str, start: int, stop: int, settings: Mapping[str, str]) -> Piece:
    """Send one request and read its answer to the end."""
    import urllib3

    if connections.stopped.is_set():  # while it waited for its turn
        raise StoppedError
    stall_s = float(settings["GDAL_HTTP_LOW_SPEED_TIME"])
    manager = connections.manager(url, float(settings["GDAL_HTTP_CONNECTTIMEOUT"]), stall_s)
    headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity", "User-Agent": "mlbmi"}
    problem = ""
    try:
        response = manager.request("GET", url, headers=headers, preload_content=False, redirect=True)
        try:
            return _piece(response, start, stop, stall_s, float(settings["GDAL_HTTP_LOW_SPEED_LIMIT"]))
        finally:
            # Gives the connection back if the body was read to its end, and closes it if not.
            response.close()
            response.release_conn()
    except urllib3.exceptions.HTTPError as error:
        # urllib3's messages hold the address, its query included.
        problem = f"the connection failed ({type(getattr(error, 'reason', None) or error).__name__})"
    raise _TryAgainError(problem)


def _piece(response: urllib3.BaseHTTPResponse, start: int, stop: int, stall_s: float, least_per_s: float) -> Piece:
    if response.status in _TRANSIENT:
        raise _TryAgainError(f"the server answered {response.status}", _seconds(response.headers.get("Retry-After", "")))
    if response.status >= 400:
        raise OSError(f"the server answered {response.status}")
    stated = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if response.status != 206 or stated is None or int(stated[1]) != start:
        raise NoRangesError("the server does not serve parts of the file")
    total = int(stated[3])
    data = _body(response, stall_s, least_per_s)
    if len(data) != min(stop, total) - start:
        raise _TryAgainError(f"the server sent {len(data)} bytes in place of {min(stop, total) - start}")
    return Piece(data, total, response.headers.get("ETag") or response.headers.get("Last-Modified") or "")


def _body(response: urllib3.BaseHTTPResponse, stall_s: float, least_per_s: float) -> bytes:
    """Read to the end; a server that sends less than ``least_per_s`` for ``stall_s`` counts as dead."""
    parts: list[bytes] = []
    since, received = time.monotonic(), 0
    while part := response.read1(_PER_READ, decode_content=False):
        parts.append(part)
        received += len(part)
        elapsed = time.monotonic() - since
        if elapsed > stall_s:
            if received < least_per_s * elapsed:
                raise _TryAgainError(f"the server sent {received} bytes in {elapsed:.0f} s")
            since, received = time.monotonic(), 0
    return b"".join(parts)


def _limit(host: str) -> int:
    name = host.partition(":")[0]
    fewer = [limit for domain, limit in _FEWER.items() if name == domain or name.endswith(f".{domain}")]
    return min([CONNECTIONS_PER_HOST, *fewer])


def _seconds(retry_after: str) -> float:
    """Read what a server asks for; a date counts as not said."""
    return float(retry_after) if retry_after.strip().isdigit() else 0.0


def _manager(proxy: str, connect_s: float, stall_s: float, sockets: weakref.WeakSet[Any]) -> urllib3.PoolManager:
    import certifi
    import urllib3
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    options: dict[str, Any] = {
        "maxsize": CONNECTIONS_PER_HOST,
        "block": True,
        "timeout": urllib3.Timeout(connect=connect_s, read=stall_s),
        "retries": urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=5, respect_retry_after_header=False),
        # A file of authorities that the user names, for curl or for OpenSSL, comes first, as it does in GDAL.
        "ca_certs": os.environ.get("CURL_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or certifi.where(),
    }
    manager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return manager


def _shut(connection: Any) -> None:
    """Let a thread that waits for bytes of a connection wake up."""
    import contextlib
    import socket

    with contextlib.suppress(OSError, AttributeError):  # closed by now
        connection.sock.shutdown(socket.SHUT_RDWR)
