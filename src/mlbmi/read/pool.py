"""The threads that read: one set for the process, so that connections and patience are shared by all who ask."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["readers"]

_THREADS = 48
"""Half as many again as connections to a host: while those wait for bytes, the others decode."""


class _Readers:
    """The threads, made when first asked for, and anew in a forked process, which has none of its parent's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[int, ThreadPoolExecutor] | None = None

    def get(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                self._made = os.getpid(), ThreadPoolExecutor(_THREADS, thread_name_prefix="mlbmi-read")
            return self._made[1]


_readers = _Readers()


def readers() -> ThreadPoolExecutor:
    """Return the threads that read; what runs on them must not wait for another read."""
    return _readers.get()
