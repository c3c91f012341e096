"""Parts of a file fetched before their turn, over further connections: what one slow connection cannot, several can.

Each is a small file beside the ``.part`` until its turn comes; so a kill loses only what was on its way. Nothing is decided here:
a part that fails, or belongs to another version of the file, is not there, and is asked for again when its turn comes.
"""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from mlbmi.access import RefusedError, TransientError, drop, extent, version
from mlbmi.errors import PaymentError, ReadError

if TYPE_CHECKING:
    from pathlib import Path

    from mlbmi.download.fetch import Means
    from mlbmi.download.plan import Wanted
    from mlbmi.download.store import Store

__all__ = ["Ahead", "waiting_parts"]


def waiting_parts(part: Path) -> list[Path]:
    """Return the parts that wait for their turn beside a ``.part``."""
    return sorted(part.parent.glob(f"{part.name}-*"))


class Ahead:
    """The parts of one file that are fetched ahead.

    Parameters
    ----------
    wanted : Wanted
    store : Store
        The caller holds the lock of the place.
    means : Means
        ``means.ranges`` connections are used altogether, one of them by the caller.
    """

    def __init__(self, wanted: Wanted, store: Store, means: Means) -> None:
        self._href, self._part, self._means = wanted.href, store.part(wanted.path), means
        self._pool = ThreadPoolExecutor(max(1, means.ranges - 1), thread_name_prefix="mlbmi-ahead")
        self._jobs: dict[int, Future[int]] = {}
        self._ended = threading.Event()
        self.requests = self.received = 0

    def begin(self, at: int, total: int | None, validator: str) -> None:
        """Begin to fetch the next parts after ``at``, the beginning of one; without a validator they could be of any version."""
        if total is None or not validator:
            return
        step = self._means.part_bytes
        for start in range(at, min(total, at + (self._means.ranges - 1) * step), step):
            if start not in self._jobs and not self._path(start, validator).exists():
                self.requests += 1
                self._jobs[start] = self._pool.submit(self._fetch, start, min(start + step, total), total, validator)

    def take(self, at: int, validator: str) -> bytes:
        """Return the part that begins at ``at``, waiting for it if it is on its way; nothing if it is not there."""
        if at in self._jobs:
            self.received += self._jobs.pop(at).result()
        path = self._path(at, validator)
        return path.read_bytes() if validator and path.is_file() else b""

    def forget(self, at: int, validator: str) -> None:
        """Remove a part that has been appended and flushed."""
        self._path(at, validator).unlink(missing_ok=True)

    def close(self, *, drop_parts: bool) -> None:
        """Stop fetching; remove what waits, or leave it to the next attempt."""
        self._ended.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for path in waiting_parts(self._part) if drop_parts else ():
            path.unlink(missing_ok=True)

    def _path(self, at: int, validator: str) -> Path:
        mark = hashlib.sha256(validator.encode()).hexdigest()[:16]
        return self._part.with_name(f"{self._part.name}-{at}-{mark}")

    def _fetch(self, start: int, stop: int, total: int, validator: str) -> int:
        """Return the bytes received."""
        body = bytearray()
        try:
            self._receive(body, start, stop, total, validator)
            if len(body) == stop - start:
                self._keep(self._path(start, validator), body)
        except (TransientError, RefusedError, ReadError, PaymentError, OSError):
            pass  # whoever asks for it in its turn meets the same, and knows what to do
        return len(body)

    def _receive(self, body: bytearray, start: int, stop: int, total: int, validator: str) -> None:
        address = self._means.resolve(self._href, renew=False)
        response = self._means.client.get(address, {"Range": f"bytes={start}-{stop - 1}", "If-Range": validator})
        try:
            if (
                response.status != 206
                or extent(206, response.headers) != (start, total)
                or version(response.headers) != validator
            ):
                return
            for chunk in self._means.client.body(response):
                if self._ended.is_set() or self._means.stop.is_set():
                    return
                body += chunk
        finally:
            drop(response)

    def _keep(self, path: Path, body: bytes | bytearray) -> None:
        temporary = path.with_name(f"{path.name}.new")
        with temporary.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
