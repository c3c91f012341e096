"""Threads under the kernels: one safe door for Numba's ``parallel=True``, and chunks over threads without it.

Numba runs ``parallel=True`` functions on a *threading layer*. ``tbb`` and ``omp`` may be entered by several Python threads at
once; ``workqueue``, the one that is always there, aborts the process when they do (Numba manual, "The Threading Layers"). Dask
calls from several threads. So whoever calls a parallel kernel does it inside :func:`parallel_region`.

Kernels that only walk over memory do not need a threading layer at all: compiled with ``nogil=True`` they run in plain Python
threads (:func:`map_chunks`). That compiles several times faster, is safe from any number of callers, survives ``fork`` (GNU's
OpenMP does not), and its result does not depend on the number of threads, because chunks are cut by size alone and come back in
order.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import numba
from numba.np.ufunc import parallel as _numba_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["chunk_bounds", "map_chunks", "parallel_region"]

T = TypeVar("T")

_LOCK = threading.RLock()
_SAFE_LAYERS = frozenset({"tbb", "omp"})
_threading_layer: Callable[[], str] = _numba_parallel.threading_layer


def _layer_is_safe() -> bool:
    """Say whether the threading layer in use may be entered by several threads; False while none is chosen yet."""
    try:
        return _threading_layer() in _SAFE_LAYERS
    except ValueError:  # Numba's way of saying that no parallel function has run yet
        return False


@contextmanager
def parallel_region() -> Iterator[None]:
    """Enter ``parallel=True`` kernels: one caller at a time where Numba's threading layer allows no more.

    Re-entrant within a thread. Until the first parallel function has run, the layer is unknown and callers queue as well.

    Examples
    --------
    >>> with parallel_region():
    ...     pass  # call the kernel here
    """
    if _layer_is_safe():
        yield
        return
    with _LOCK:
        yield


def chunk_bounds(size: int, chunk: int) -> list[tuple[int, int]]:
    """Cut ``range(size)`` into consecutive pieces of ``chunk`` elements, whatever the number of threads.

    Examples
    --------
    >>> chunk_bounds(5, 2), chunk_bounds(0, 2)
    ([(0, 2), (2, 4), (4, 5)], [])
    """
    return [(start, min(start + chunk, size)) for start in range(0, size, chunk)]


def map_chunks(work: Callable[[int, int], T], size: int, chunk: int) -> Iterator[T]:
    """Call ``work(start, stop)`` on each chunk, over ``numba.get_num_threads()`` threads; yield the results in order of chunks.

    ``work`` gains from threads only where it releases the GIL (``nogil=True`` kernels, NumPy). An exception in a chunk is raised
    here; chunks not handed out by then are dropped. As many results as there are threads, and one, are held at a time.

    Parameters
    ----------
    work : callable of (int, int)
    size : int
        Number of elements.
    chunk : int
        Elements per call.

    Examples
    --------
    >>> list(map_chunks(lambda start, stop: stop - start, 5, 2))
    [2, 2, 1]
    """
    bounds = chunk_bounds(size, chunk)
    threads = min(numba.get_num_threads(), len(bounds))
    if threads <= 1:
        yield from (work(start, stop) for start, stop in bounds)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from _in_order(pool, work, bounds, threads + 1)


def _in_order(pool: ThreadPoolExecutor, work: Callable[[int, int], T], bounds: list[tuple[int, int]], ahead: int) -> Iterator[T]:
    """Submit at most ``ahead`` chunks beyond the one whose result is taken next."""
    running = deque(pool.submit(work, *bound) for bound in bounds[:ahead])
    for bound in bounds[ahead:]:
        result = running.popleft().result()
        running.append(pool.submit(work, *bound))
        yield result
    while running:
        yield running.popleft().result()
