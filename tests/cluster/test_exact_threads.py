"""Threads and compilation: the same from several callers at once, under any threading layer of Numba, with or without a cache."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from numba.core import caching

from mlbmi import threads
from mlbmi.cluster.exact import KMeans1D, histogram
from mlbmi.compiling import kernel, read_only
from mlbmi.threads import chunk_bounds, map_chunks, parallel_region


def test_four_callers_at_once_get_what_one_gets():
    columns = [np.random.default_rng(seed).normal(size=(400_000, 1)).astype(np.float32) for seed in range(4)]
    alone = [KMeans1D(4).fit(data) for data in columns]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: KMeans1D(4).fit(data), columns * 3))
    for i, model in enumerate(together):
        assert model.cluster_centers_.tobytes() == alone[i % 4].cluster_centers_.tobytes()
        assert model.labels_.tobytes() == alone[i % 4].labels_.tobytes()


def test_histograms_from_four_callers():
    values = np.random.default_rng(0).integers(-100, 100, 3_000_000).astype(np.int16)
    expected = histogram(values)[1].tobytes()
    with ThreadPoolExecutor(4) as pool:
        assert {counts.tobytes() for _, counts in pool.map(lambda _: histogram(values), range(8))} == {expected}


def test_it_works_in_a_forked_child():
    data = np.random.default_rng(0).normal(size=(100_000, 1))
    expected = KMeans1D(3).fit(data).inertia_
    code = (
        "import os, sys, numpy as np\n"
        "from mlbmi.cluster.exact import KMeans1D\n"
        "data = np.random.default_rng(0).normal(size=(100_000, 1))\n"
        "KMeans1D(3).fit(data)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        f"    os._exit(0 if KMeans1D(3).fit(data).inertia_ == {expected!r} else 3)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


PARALLEL = """
import threading, numba, numpy as np
from mlbmi.threads import parallel_region

@numba.njit(parallel=True)
def total(x):
    s = 0.0
    for i in numba.prange(x.size):
        s += x[i]
    return s

x = np.ones(200_000)
bad = []
def call():
    for _ in range(50):
        with parallel_region():
            if total(x) != 200_000:
                bad.append(1)
threads = [threading.Thread(target=call) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
assert not bad
assert numba.threading_layer() == "workqueue"
"""


def test_parallel_region_makes_the_layer_that_aborts_safe():
    environment = os.environ | {"NUMBA_THREADING_LAYER": "workqueue"}
    result = subprocess.run([sys.executable, "-c", PARALLEL], env=environment, timeout=120, check=False, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()


def test_parallel_region_lets_one_in_while_the_layer_is_unsafe(monkeypatch):
    monkeypatch.setattr(threads, "_threading_layer", lambda: "workqueue")
    inside, entered = threading.Event(), threading.Event()

    def second():
        with parallel_region():
            entered.set()

    with parallel_region(), parallel_region():  # twice in one thread is no deadlock
        thread = threading.Thread(target=second)
        thread.start()
        inside.set()
        assert not entered.wait(0.2)
    thread.join(5)
    assert entered.is_set()


def test_parallel_region_is_open_where_the_layer_is_safe(monkeypatch):
    monkeypatch.setattr(threads, "_threading_layer", lambda: "omp")
    entered = threading.Event()

    def second():
        with parallel_region():
            entered.set()

    with parallel_region():
        thread = threading.Thread(target=second)
        thread.start()
        assert entered.wait(5)
        thread.join()


@pytest.mark.parametrize("threads", [1, 2])
def test_chunks_come_back_in_order_and_cover_all(threads):
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        pieces = list(map_chunks(lambda start, stop: (start, stop), 1003, 10))
    finally:
        numba.set_num_threads(before)
    assert pieces == chunk_bounds(1003, 10)
    assert (pieces[0], pieces[-1]) == ((0, 10), (1000, 1003))


def test_an_error_in_a_chunk_comes_out():
    def work(start, _stop):
        if start == 50:
            raise ValueError("chunk 50")
        return start

    with pytest.raises(ValueError, match="chunk 50"):
        list(map_chunks(work, 100, 10))


def test_only_few_results_are_held():
    seen: list[int] = []
    for start in map_chunks(lambda start, _stop: seen.append(start) or start, 1000, 1):
        assert max(seen) <= start + numba.get_num_threads() + 2


def test_without_a_folder_for_the_cache_functions_are_still_compiled(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise RuntimeError("cannot cache function: no locator available")

    def double(x):
        return 2 * x

    double.__module__ = "mlbmi.cluster.somewhere"
    monkeypatch.setattr(caching.FunctionCache, "__init__", refuse)
    assert kernel()(double)(21) == 42


def test_sums_that_may_be_reordered_still_know_nan():
    @kernel(reorder=True)
    def count(x):
        found = 0
        for value in x:
            if value == value:  # noqa: PLR0124 - false for NaN alone
                found += 1
        return found

    assert count(np.array([1, np.nan, 3, np.nan, 5])) == 3


def test_a_kernel_compiles_once_for_writeable_and_read_only():
    @kernel()
    def first(x):
        return x[0]

    values = np.ones(3)
    locked = values.copy()
    locked.flags.writeable = False
    assert first(read_only(values)) == first(read_only(locked)) == 1
    assert len(first.signatures) == 1
    assert values.flags.writeable
