"""One file over HTTP: in parts, resumed where it was, started anew if the server's file has changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from mlbmi.access import Patience, RefusedError, TransientError, drop, extent, version
from mlbmi.download.ahead import Ahead
from mlbmi.download.store import StoppedError, disk_error
from mlbmi.download.verify import Digest, stated_md5
from mlbmi.errors import ReadError

if TYPE_CHECKING:
    import threading

    import urllib3

    from mlbmi.access import Client, Resolve, Retries
    from mlbmi.download.ledger import Row
    from mlbmi.download.plan import Wanted
    from mlbmi.download.store import Store

__all__ = ["PART_BYTES", "Fetched", "Means", "fetch"]

PART_BYTES = 8 * 1024 * 1024
"""Bytes asked for at a time. A kill costs no more than one part again; a band of 10 m has 100-250 MB."""

_MOST_RESTARTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a fetch works with.

    Attributes
    ----------
    client : Client
    resolve : Resolve
    retries : Retries
    stop : threading.Event
        Set: stop at the next chunk.
    part_bytes : int
    ranges : int
        Connections over which the parts of one file are fetched.
    """

    client: Client
    resolve: Resolve
    retries: Retries
    stop: threading.Event
    part_bytes: int = PART_BYTES
    ranges: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that has come to its end, not yet proved.

    Attributes
    ----------
    size : int or None
        Bytes that the server stated.
    md5 : Digest or None
        Checksum that the server stated.
    received : int
        Bytes received this time.
    requests : int
    """

    size: int | None
    md5: Digest | None
    received: int
    requests: int


def fetch(wanted: Wanted, row: Row, store: Store, means: Means) -> Fetched:
    """Bring the ``.part`` of a file to its full length.

    Parameters
    ----------
    wanted : Wanted
    row : Row
        Its row; says how much of the ``.part`` is good, and of which version of the file.
    store : Store
        The caller holds the lock of the place.
    means : Means

    Returns
    -------
    Fetched

    Raises
    ------
    ReadError
        If the server refuses, or fails longer than ``means.retries`` allows.
    WriteError
        If the disk is full or not to be written; what has been fetched stays.
    StoppedError
        If ``means.stop`` is set.
    """
    part = store.part(wanted.path)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("r+b" if part.exists() else "w+b") as file:
            transfer = _Transfer(wanted, row, store, means, file)
            try:
                _run(transfer)
            finally:
                transfer.close()
    except OSError as error:
        raise disk_error(part, error) from error
    return transfer.result()


def _run(transfer: _Transfer) -> None:
    """Ask for part after part; wait and try again as the policy says."""
    renewals = 0
    means = transfer.means
    patience = Patience(means.retries, means.stop)
    while not transfer.done:
        if means.stop.is_set():
            raise StoppedError
        before = transfer.progress
        refused: RefusedError | None = None
        problem: TransientError | None = None
        try:
            transfer.next_part()
        except RefusedError as error:
            refused = error
        except TransientError as error:
            problem = error
        if transfer.progress > before:
            renewals = 0
            patience.progress()
        if refused is not None:
            if renewals or not refused.may_be_signature or not transfer.can_renew():
                raise ReadError(f"{transfer.name} is refused: {refused}")
            renewals = 1
        if problem is not None and not patience.again(problem.wait_s):
            raise ReadError(f"{transfer.name} failed {patience.failures} times, at last because {problem}")


class _Transfer:
    """A ``.part`` that grows: its position, and the version of the server's file that it belongs to."""

    def __init__(self, wanted: Wanted, row: Row, store: Store, means: Means, file: BinaryIO) -> None:
        self.means = means
        self.name = f"{wanted.item_id} {wanted.band}"
        self._wanted, self._store, self._file = wanted, store, file
        self._validator, self._total, self._md5 = row.validator, row.total, Digest("md5", row.md5) if row.md5 else None
        self._address = means.resolve(wanted.href, renew=False)
        self._ahead = Ahead(wanted, store, means)
        self._restarts = self.progress = self._received = self._requests = self._told = 0
        # Only what the ledger says was flushed is trusted; without a validator the server's file may be another by now.
        self._at = row.bytes if row.validator and _length(file) >= row.bytes else 0
        self.done = self._total is not None and self._at == self._total > 0
        file.truncate(self._at)
        file.seek(self._at)

    def result(self) -> Fetched:
        received = self._received + self._ahead.received
        return Fetched(size=self._total, md5=self._md5, received=received, requests=self._requests + self._ahead.requests)

    def close(self) -> None:
        """Stop fetching ahead, then keep what has come."""
        self._ahead.close(drop_parts=self.done)
        self.keep()

    def can_renew(self) -> bool:
        """Sign the address anew, and say whether it is another one now."""
        before, self._address = self._address, self.means.resolve(self._wanted.href, renew=True)
        return self._address != before

    def keep(self) -> None:
        """Flush what has come, then tell the ledger that it is safe: in this order."""
        self._file.flush()
        os.fsync(self._file.fileno())
        requests = self._requests + self._ahead.requests
        self._store.ledger.update(
            self._wanted.path,
            state="partial",
            bytes=self._at,
            total=self._total,
            validator=self._validator,
            md5=self._md5.value if self._md5 else "",
            requests=requests - self._told,
        )
        self._told = requests

    def next_part(self) -> None:
        """Write down the next part: one that was fetched ahead, or what is asked for now, as far as the next one begins."""
        if self._at and self._append(self._ahead.take(self._at, self._validator)):
            return
        self._address = self.means.resolve(self._wanted.href, renew=False)
        stop = (self._at // self.means.part_bytes + 1) * self.means.part_bytes
        headers = {"Range": f"bytes={self._at}-{stop - 1}"}
        if self._at and self._validator:
            headers["If-Range"] = self._validator
        self._requests += 1
        response = self.means.client.get(self._address, headers)
        try:
            if self._begin(response):
                if response.status == 206:
                    self._ahead.begin(stop, self._total, self._validator)
                self._take(response)
        finally:
            drop(response)
        if not self.done:
            self.keep()

    def _append(self, part: bytes) -> bool:
        """Write down a part that was fetched ahead, if there is one; only then is it removed."""
        if not part or self._total is None or self._at + len(part) > self._total:
            return False
        begun = self._at
        self._file.write(part)
        self._at += len(part)
        self.progress += len(part)
        self.done = self._at == self._total
        self.keep()
        self._ahead.forget(begun, self._validator)
        return True

    def _begin(self, response: urllib3.BaseHTTPResponse) -> bool:
        """Compare an answer with what we have; return whether its body is to be written at our position."""
        headers = response.headers
        if response.status == 416 and not self._at:
            raise RefusedError("the server's file is empty", response.status)
        if response.status == 416:
            self._restart("the server's file is shorter than what came of it")
            return False
        start, total = extent(response.status, headers)
        validator = version(headers)
        same = (total, validator) == (self._total, self._validator)
        if self._at and (start != self._at or not same):
            self._restart("the server does not go on where it was asked to" if same else "the server's file changes")
            if start != 0:
                return False
        if start != self._at:
            raise RefusedError(f"the server sent bytes from {start}, asked for from {self._at}", response.status)
        self._total, self._validator, self._md5 = total, validator, stated_md5(headers)
        return True

    def _take(self, response: urllib3.BaseHTTPResponse) -> None:
        begun = self._at
        for chunk in self.means.client.body(response):
            self._file.write(chunk)
            self._at += len(chunk)
            self._received += len(chunk)
            self.progress += len(chunk)
            if self.means.stop.is_set():
                raise StoppedError
            if self._total is not None and self._at > self._total:
                raise RefusedError(f"the server sent more than the {self._total} bytes that it stated", response.status)
        if self._total is None:
            self.done = True
            return
        self.done = self._at == self._total
        if self._at == begun and not self.done:
            raise TransientError("the server sent nothing")

    def _restart(self, reason: str) -> None:
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise RefusedError(f"{reason}: begun anew {_MOST_RESTARTS} times", 0)
        self._at = 0
        self._total, self._validator, self._md5 = None, "", None
        self._file.seek(0)
        self._file.truncate()


def _length(file: BinaryIO) -> int:
    return file.seek(0, 2)
