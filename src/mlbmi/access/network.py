"""Parts of files: patiently, over connections that all threads share, no more to one host than it should bear."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlbmi.access.answers import extent, version
from mlbmi.access.http import Address, Client, RefusedError, TransientError, drop
from mlbmi.access.retries import Patience, Retries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlbmi.access.http import Resolve

__all__ = ["CONNECTIONS_PER_HOST", "Network", "NoRangesError", "Piece", "RemoteFile", "StoppedError"]

CONNECTIONS_PER_HOST = 32
"""Requests under way to one host at a time, and connections open to it. A request for a part of a file mostly waits:
with 32, nearly all of the 36 files of 12 dates and three bands are on their way within one round trip. Object stores bear
hundreds."""

_FEWER: Mapping[str, int] = MappingProxyType({"dataspace.copernicus.eu": 4})
"""By domain, where a publisher allows fewer: 4 connections a user at CDSE (documentation.dataspace.copernicus.eu, Quotas)."""

_MOST_RENEWALS = 2
"""New signatures for one part: a token may end with another read of the same moment."""


class NoRangesError(OSError):
    """The server does not serve parts of files as HTTP says; another reader may cope."""


class StoppedError(Exception):
    """Reading was broken off: no fault of the file, and nothing to record."""

    def __init__(self) -> None:
        super().__init__("reading was broken off")


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


class Network:
    """The connections of a process, the turns to use them, and one end for all."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._turns: dict[str, threading.BoundedSemaphore] = {}
        self._clients: dict[tuple[float, float], Client] = {}

    def turn(self, url: str) -> threading.BoundedSemaphore:
        """Return the turns to use a host; hold one around a request."""
        host = urlsplit(url).netloc.rpartition("@")[2]
        with self._lock:
            if host not in self._turns:
                self._turns[host] = threading.BoundedSemaphore(_limit(host))
            return self._turns[host]

    def client(self, connect_s: float, stall_s: float) -> Client:
        """Return the connections with some time limits."""
        with self._lock:
            if (connect_s, stall_s) not in self._clients:
                made = Client(connections=CONNECTIONS_PER_HOST, connect_s=connect_s, stall_s=stall_s)
                self._clients[connect_s, stall_s] = made
            return self._clients[connect_s, stall_s]

    def stop(self) -> None:
        """End every request under way, even one that waits for a dead server: each raises :class:`StoppedError`."""
        self.stopped.set()
        with self._lock:
            clients = list(self._clients.values())
        for client in clients:
            client.break_off()


class RemoteFile:
    """One file that is read in parts, with the patience of one read.

    Parameters
    ----------
    href : str
        As published.
    resolve : callable
        Says where to ask for it; see :meth:`mlbmi.access.Access.resolve`.
    network : Network
    retries : Retries
    connect_s, stall_s : float
        As for :class:`mlbmi.access.Client`.
    """

    def __init__(
        self, href: str, resolve: Resolve, network: Network, *, retries: Retries, connect_s: float, stall_s: float
    ) -> None:
        self.href = href
        self._resolve, self._network = resolve, network
        self._client = network.client(connect_s, stall_s)
        self._patience = Patience(retries, network.stopped)

    def part(self, start: int, stop: int) -> Piece:
        """Fetch bytes ``start`` to ``stop`` (excluded).

        Raises
        ------
        NoRangesError
            If the server sends something else than the part asked for.
        OSError
            If the server refuses, or fails longer than the policy allows. No message holds the address.
        ReadError, PaymentError
            If there is no address for it.
        StoppedError
            If reading is broken off.
        """
        renewals = 0
        address = self._resolve(self.href, renew=False)
        while True:
            try:
                piece = self._ask(address, start, stop)
            except RefusedError as error:
                renewals += 1
                address = self._renewed(address, error, renewals)
            except TransientError as error:
                self._wait(error)
                address = self._resolve(self.href, renew=False)
            else:
                self._patience.progress()
                return piece

    def _renewed(self, refused: Address, error: RefusedError, renewals: int) -> Address:
        """Return the address with a new signature, if one may help and there is one; else raise."""
        if error.status == 206:  # a part that does not say which
            raise NoRangesError(str(error)) from None
        if not error.may_be_signature or renewals > _MOST_RENEWALS:
            raise OSError(str(error)) from None
        address = self._resolve(self.href, renew=True)
        if address == refused:
            raise OSError(str(error)) from None
        return address

    def _wait(self, error: TransientError) -> None:
        """Wait as the policy says; raise where it is at its end."""
        if self._patience.again(error.wait_s):
            return
        self._check_goes_on()
        raise OSError(f"{error}; tried {self._patience.failures} times") from None

    def _check_goes_on(self) -> None:
        if self._network.stopped.is_set():
            raise StoppedError

    def _ask(self, address: Address, start: int, stop: int) -> Piece:
        """Send one request and read its answer to the end."""
        with self._network.turn(address.url):
            self._check_goes_on()  # it may have been broken off while it waited for its turn
            response = self._client.get(address, {"Range": f"bytes={start}-{stop - 1}"})
            try:
                if response.status == 416:
                    raise OSError(f"the file ends before byte {start}")
                if response.status != 206:
                    raise NoRangesError("the server does not serve parts of the file")
                begin, total = extent(response.status, response.headers)
                if begin != start or total is None:
                    raise NoRangesError("the server sends another part of the file than it was asked for")
                data = b"".join(self._client.body(response))
            finally:
                drop(response)
        if len(data) != min(stop, total) - start:
            raise TransientError(f"the server sent {len(data)} bytes in place of {min(stop, total) - start}")
        return Piece(data, total, version(response.headers))


def _limit(host: str) -> int:
    name = host.partition(":")[0]
    fewer = [limit for domain, limit in _FEWER.items() if name == domain or name.endswith(f".{domain}")]
    return min([CONNECTIONS_PER_HOST, *fewer])
