"""The threads that read: one set for the process, so that connections and patience are shared by all who ask."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["by_decoder", "fetched_together", "readers"]

A = TypeVar("A")
T = TypeVar("T")

_THREADS = 48
"""Half as many again as connections to a host: while those wait for bytes, the others hand theirs on."""


class _Threads:
    """Some threads, made when first asked for, and anew in a forked process, which has none of its parent's."""

    def __init__(self, number: int, name: str, begin: Callable[[], None] | None = None) -> None:
        self._number, self._name, self._begin = number, name, begin
        self._lock = threading.Lock()
        self._made: tuple[int, ThreadPoolExecutor] | None = None

    def get(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                self._made = os.getpid(), ThreadPoolExecutor(self._number, self._name, self._begin)
            return self._made[1]


def _begin_decoding() -> None:
    import rasterio

    # Never left: it ends with the thread. EMPTY_DIR, or GDAL would look through all files in memory for siblings of one.
    rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR").__enter__()


_readers = _Threads(_THREADS, "mlbmi-read")
_fetchers = _Threads(_THREADS, "mlbmi-fetch")
_decoders = _Threads(os.cpu_count() or 1, "mlbmi-decode", _begin_decoding)


def readers() -> ThreadPoolExecutor:
    """Return the threads that read; what runs on them must not wait for another read."""
    return _readers.get()


def fetched_together(fetch: Callable[[A], T], wanted: Sequence[A]) -> list[T]:
    """Fetch several parts of a file at once, the first on this thread: they then cost one round trip, not one each."""
    others = [_fetchers.get().submit(fetch, one) for one in wanted[1:]]
    try:
        return [*(fetch(one) for one in wanted[:1]), *(other.result() for other in others)]
    finally:
        for other in others:
            other.cancel()


def by_decoder(work: Callable[[], T]) -> T:
    """Have arithmetic done by one of a few threads, and wait for it; it must wait for nothing itself.

    More threads at it than processors only wait for one another. And GDAL makes ready anew for each thread that opens a file with
    a coordinate reference system: 7 ms of processor time, three times what opening takes.
    """
    return _decoders.get().submit(work).result()
