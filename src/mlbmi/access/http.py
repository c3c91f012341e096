"""HTTP for files, whole or in parts, and for tokens: one request, and what its failure means.

What is tried again is for :mod:`mlbmi.access.retries` to say. No message holds an address with its query, since signatures travel
there, and urllib3's own log lines lose theirs (:mod:`mlbmi.access.secrets`).
"""

from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from mlbmi.access.retries import REFUSED_SIGNATURE, TRANSIENT
from mlbmi.access.secrets import guard_logs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import urllib3

__all__ = ["Address", "Client", "RefusedError", "Resolve", "TransientError", "drop"]

_STALL_BYTES_PER_S = 1000
_CHUNK = 256 * 1024
_FOR_ONE_HOST = frozenset({"Authorization", "Cookie", "Proxy-Authorization", "X-Amz-Security-Token", "Ocp-Apim-Subscription-Key"})
"""Headers that do not follow a redirect to another host."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to send a request for an href: signed if need be.

    Attributes
    ----------
    url : str
        ``http`` or ``https``; may hold a signature.
    headers : mapping of str to str
        To send along, e.g. ``x-amz-request-payer``.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Resolve(Protocol):
    """Turns an href into an address; asked before each request."""

    def __call__(self, href: str, *, renew: bool) -> Address:
        """Return the address; ``renew``: the last one was refused with 403, sign anew if that can be done."""


class TransientError(Exception):
    """A failure worth another try; mlbmi's own code alone sees it."""

    def __init__(self, reason: str, *, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class RefusedError(Exception):
    """An answer that another try would not change; mlbmi's own code alone sees it."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def may_be_signature(self) -> bool:
        """Whether a new signature might change the answer."""
        return self.status in REFUSED_SIGNATURE


class Client:
    """Connections kept open and shared by threads. Proxies of the environment (``https_proxy``) are honoured.

    Parameters
    ----------
    connections : int
        Kept open for each host; no more are opened.
    connect_s, stall_s : float
        Seconds to wait for a connection; seconds at less than 1000 bytes a second after which an answer counts as dead.
    """

    def __init__(self, *, connections: int = 8, connect_s: float = 20.0, stall_s: float = 30.0) -> None:
        import urllib3

        from mlbmi.access.pools import Sockets

        guard_logs()
        self._stall_s = stall_s
        self._sockets = Sockets()
        self._options = {
            "maxsize": connections,
            "block": True,
            "timeout": urllib3.Timeout(connect=connect_s, read=stall_s),
            # Only redirects are followed here; what is tried again is decided in one place, above.
            "retries": urllib3.Retry(
                total=None,
                connect=0,
                read=0,
                status=0,
                other=0,
                redirect=5,
                respect_retry_after_header=False,
                remove_headers_on_redirect=_FOR_ONE_HOST,
            ),
        }
        self._pools: dict[str, urllib3.PoolManager] = {}

    def _pool(self, url: str) -> urllib3.PoolManager:
        from urllib.request import getproxies, proxy_bypass

        parts = urlsplit(url)
        proxy = "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")
        if proxy not in self._pools:
            self._pools.setdefault(proxy, self._sockets.pool_manager(proxy, self._options))
        return self._pools[proxy]

    def break_off(self) -> None:
        """Close every connection, also those on which a thread waits for a dead server: that raises TransientError there."""
        self._sockets.shut()

    def get(self, address: Address, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Send a request and return its answer, the body not yet read; the caller must :func:`drop` it.

        Raises
        ------
        TransientError, RefusedError
            If there is none, or it is none of 200, 206, 416.
        """
        import urllib3

        sent = {"Accept-Encoding": "identity", "User-Agent": "mlbmi", **address.headers, **headers}
        try:
            response = self._pool(address.url).request("GET", address.url, headers=sent, preload_content=False)
        except urllib3.exceptions.HTTPError as error:
            problem = _describe(error)
        else:
            if response.status in (200, 206, 416):
                return response
            drop(response)
            raise _failure(response)
        # Outside the except clause: urllib3's messages hold the address with its query, and must not hang on ours as context.
        raise TransientError(problem)

    def body(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Raises
        ------
        TransientError
            If the connection breaks, ends early or stalls; what came until then has been yielded.
        """
        import urllib3

        since, received = time.monotonic(), 0
        while True:
            problem = ""
            try:
                chunk = response.read1(_CHUNK, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                problem = _describe(error)
            if problem:
                raise TransientError(problem)
            if not chunk:
                return
            yield chunk
            received += len(chunk)
            elapsed = time.monotonic() - since
            if elapsed > self._stall_s:
                if received < _STALL_BYTES_PER_S * elapsed:
                    raise TransientError(f"the server sent {received} bytes in {elapsed:.0f} s")
                since, received = time.monotonic(), 0


def drop(response: urllib3.BaseHTTPResponse) -> None:
    """Close an answer's connection where its body was not read to the end; else give it back."""
    response.close()
    response.release_conn()


def _describe(error: Exception) -> str:
    """Name a broken connection without urllib3's message, which holds the address."""
    cause = getattr(error, "reason", None) or error
    return f"the connection failed ({type(cause).__name__})"


def _failure(response: urllib3.BaseHTTPResponse) -> TransientError | RefusedError:
    reason = f"the server answered {response.status}"
    if response.status in TRANSIENT:
        return TransientError(reason, wait_s=_retry_after(response.headers.get("Retry-After", "")))
    return RefusedError(reason, response.status)


def _retry_after(value: str) -> float | None:
    """Read seconds, or a date (RFC 9110, 10.2.3)."""
    if value.strip().isdigit():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())
