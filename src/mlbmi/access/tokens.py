"""Tokens of the Planetary Computer: one for each container, kept until shortly before it expires."""

from __future__ import annotations

import datetime as dt
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlbmi.access.environment import variable
from mlbmi.access.http import Address, Client, RefusedError, TransientError, drop
from mlbmi.access.places import SAS_ENDPOINT
from mlbmi.access.retries import Patience, Retries
from mlbmi.errors import ReadError

if TYPE_CHECKING:
    from mlbmi.access.places import Container

__all__ = ["Tokens"]

_BEFORE_EXPIRY = dt.timedelta(minutes=5)
"""A read that begins with a token must be able to end with it."""

_UNKNOWN_LIFE = dt.timedelta(minutes=10)
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Token:
    query: str = field(repr=False)
    until: dt.datetime


class _Used(threading.local):
    """What each thread was given last."""

    def __init__(self) -> None:
        self.queries: dict[Container, str] = {}


class Tokens:
    """Tokens by container; safe for threads.

    Parameters
    ----------
    retries : Retries
        How patiently the endpoint is asked.
    """

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._kept: dict[Container, _Token] = {}
        self._locks: dict[Container, threading.Lock] = {}
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._used = _Used()

    def query(self, container: Container, *, renew: bool = False) -> str:
        """Return the query string that opens a container; empty if it needs none.

        Parameters
        ----------
        container : Container
        renew : bool
            The one that this thread was given last has been refused. Where another thread has renewed it meanwhile, that one is
            given.

        Raises
        ------
        ReadError
            If the endpoint does not give one.
        """
        with self._lock_of(container):
            token = self._kept.get(container)
            refused = renew and token is not None and token.query == self._used.queries.get(container)
            if token is None or refused or token.until <= dt.datetime.now(dt.UTC):
                token = self._kept[container] = self._fetched(container)
            self._used.queries[container] = token.query
            return token.query

    def _lock_of(self, container: Container) -> threading.Lock:
        """Return the lock of one container: who waits for a token holds up nobody else's."""
        with self._lock:
            return self._locks.setdefault(container, threading.Lock())

    def _fetched(self, container: Container) -> _Token:
        patience = Patience(self._retries)
        while True:
            try:
                return _token(self._ask(container))
            except RefusedError as error:
                if error.status == 404:  # no container of theirs: whoever published the address means it as it stands
                    return _Token("", dt.datetime.now(dt.UTC) + _UNKNOWN_LIFE)
                reason, again = str(error), False
            except TransientError as error:
                reason, again = str(error), patience.again(error.wait_s)
            if not again:
                raise ReadError(
                    f"the Planetary Computer gives no token for {container.account}/{container.name}: {reason}",
                    remedy="Try again later; PC_SDK_SUBSCRIPTION_KEY raises its limits.",
                )

    def _ask(self, container: Container) -> bytes:
        self._client = self._client or Client()
        endpoint = (variable("PC_SDK_SAS_URL") or SAS_ENDPOINT).rstrip("/")
        key = variable("PC_SDK_SUBSCRIPTION_KEY")
        headers = {"Ocp-Apim-Subscription-Key": key} if key else {}
        address = Address(f"{endpoint}/{quote(container.account)}/{quote(container.name)}", headers)
        response = self._client.get(address, {"Accept": "application/json"})
        try:
            content = b"".join(self._client.body(response))
        finally:
            drop(response)
        if len(content) > _MOST_BYTES:
            raise RefusedError(f"its answer has {len(content)} bytes", response.status)
        return content


def _token(content: bytes) -> _Token:
    """Read a token's answer. Nothing of it goes into an error: it may hold the token."""
    try:
        answer = json.loads(content)
        query = answer["token"].lstrip("?")
        until = dt.datetime.fromisoformat(answer["msft:expiry"])
    except (ValueError, KeyError, TypeError, AttributeError):
        query, until = "", dt.datetime.now(dt.UTC)
    if not query or not query.isprintable() or until.tzinfo is None:
        raise RefusedError("its answer is not a token with a time of expiry", 200)
    return _Token(query, _renewal(until))


def _renewal(until: dt.datetime) -> dt.datetime:
    """Return when to ask for the next token: some minutes early, but not before half the time that this one is good for."""
    now = dt.datetime.now(dt.UTC)
    return max(until - _BEFORE_EXPIRY, now + (until - now) / 2)
