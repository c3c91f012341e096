"""Exact 1-D K-means beside scikit-learn, faiss, ckwrap and kmeans1d, and beside one pass that only sums the array.

    python benchmarks/bench_kmeans1d.py [--pixels 4000000] [--tile 120560400] [--k 5] [--repeat 5] [--skip-slow]

Everything runs in this process, in turn (A B C … A B C …) after a warm-up of each; figures are medians of ``--repeat`` timings,
each the mean of the calls that fill 0.2 s; ratios are medians of the ratios within a turn. Before a time is believed, the squared
error of each method's centers is computed anew in float64 by NumPy over all values, and ours must be equal or lower. CPU seconds
are those of all threads together: they move less than wall seconds where other processes share the machine. Peers that are not
installed are left out, and named (`pip install faiss-cpu ckwrap kmeans1d`).

scikit-learn cannot be waited for on a whole tile: it is timed on ``--pixels`` of the tile's values and scaled by their number
(its time grows linearly; the table says "scaled").
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from typing import TYPE_CHECKING

import numba
import numpy as np
from sklearn.cluster import KMeans

from mlbmi.cluster.exact import KMeans1D, histogram, label, solve
from mlbmi.threads import map_chunks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Run = Callable[[], NDArray[np.float64] | None]
    Times = dict[str, list[tuple[float, float]]]

CLASSES = ((-0.15, 0.03), (0.18, 0.05), (0.42, 0.08), (0.68, 0.07), (0.86, 0.03))
STEP = 1 << 22
FILL = 0.2
"""Seconds that the calls of one timing fill, so that short ones are averaged, as timeit does."""
PAUSE = 0.4
"""Seconds before a timing: OpenMP's threads, scikit-learn's and faiss's, go on spinning for 0.2 s, at their successor's cost."""


def landscape(n: int, seed: int = 0) -> NDArray[np.float32]:
    """Draw NDVI of five overlapping classes: water, soil, grass, crop, forest."""
    rng = np.random.default_rng(seed)
    values = np.empty(n, np.float32)
    means, deviations = (np.array(column, np.float32) for column in zip(*CLASSES, strict=True))
    for start in range(0, n, STEP):
        piece = values[start : start + STEP]
        classes = rng.integers(0, len(CLASSES), piece.size)
        piece[:] = means[classes] + deviations[classes] * rng.standard_normal(piece.size, np.float32)
    return np.clip(values, -1, 1, out=values)


def squared_error(values: NDArray[np.generic], centers: NDArray[np.float64]) -> float:
    """Sum squared distances to the nearest center in float64, piece by piece."""
    centers = np.sort(np.asarray(centers, np.float64).ravel())
    middles = (centers[1:] + centers[:-1]) / 2
    total = 0.0
    for start in range(0, values.size, STEP):
        piece = values[start : start + STEP].astype(np.float64)
        total += float(((piece - centers[np.searchsorted(middles, piece)]) ** 2).sum())
    return total


@numba.njit(nogil=True, fastmath={"reassoc"}, cache=True)
def _sum(values):  # noqa: ANN001, ANN202 - one for every type
    total = 0.0
    for value in values:
        total += value
    return total


@numba.njit(nogil=True, cache=True)
def _sum_whole(values):  # noqa: ANN001, ANN202
    total = np.int64(0)
    for value in values:
        total += value
    return total


def sum_pass(values: NDArray[np.generic]) -> None:
    """Read every value once, over all threads, and add it: what memory allows at best."""
    add = _sum if values.dtype.kind == "f" else _sum_whole
    deque(map_chunks(lambda start, stop: add(values[start:stop]), values.size, STEP // 8), maxlen=0)


def nothing(_result: object) -> None:
    """Drop what a step returns: only its time is wanted."""


def turns(methods: dict[str, Run], repeat: int, times: Times) -> dict[str, NDArray[np.float64] | None]:
    """Run the methods in turn; add their wall and CPU times and return what each found last."""
    found = {}
    for _ in range(repeat):
        for name, run in methods.items():
            time.sleep(PAUSE)
            begin, begin_cpu, runs = time.perf_counter(), time.process_time(), 0
            while not runs or (time.perf_counter() - begin < FILL and "single call" not in name):
                found[name] = run()
                runs += 1
            taken = (time.perf_counter() - begin) / runs, (time.process_time() - begin_cpu) / runs
            times.setdefault(name, []).append(taken)
    return found


def print_table(times: Times, errors: dict[str, float], base: str, note: dict[str, str]) -> None:
    print(f"  {'method':34} {'median s':>9} {'min-max s':>16} {'x ours':>8} {'CPU s':>8} {'x ours':>8}  squared error / ours - 1")
    for name, runs in times.items():
        (wall, cpu), (ratio, cpu_ratio) = _medians(runs), _ratios(runs, times[base])
        span = f"{min(w for w, _ in runs):.4f}-{max(w for w, _ in runs):.4f}"
        excess = f"{errors[name] / errors[base] - 1:+.2e}" if name in errors else ""
        print(f"  {name:34} {wall:9.4f} {span:>16} {ratio:8.2f} {cpu:8.4f} {cpu_ratio:8.2f}  {excess} {note.get(name, '')}")


def _medians(runs: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(wall for wall, _ in runs), statistics.median(cpu for _, cpu in runs)


def _ratios(runs: list[tuple[float, float]], base: list[tuple[float, float]]) -> tuple[float, float]:
    return _medians([(a / c, b / d) for (a, b), (c, d) in zip(runs, base[: len(runs)], strict=True)])


def check(errors: dict[str, float], base: str) -> None:
    """Stop where any method has a lower squared error than ours."""
    for name, error in errors.items():
        if error < errors[base] * (1 - 1e-12):
            sys.exit(f"{name} found a lower squared error ({error!r}) than {base} ({errors[base]!r})")


def faiss_run(values: NDArray[np.float32], k: int, most: int | None) -> NDArray[np.float64]:
    import faiss

    options = {} if most is None else {"max_points_per_centroid": most}
    engine = faiss.Kmeans(1, k, niter=25, seed=1, **options)
    engine.train(values[:, None])
    engine.index.search(values[:, None], 1)
    return np.asarray(engine.centroids, np.float64).ravel()


def have(*names: str) -> list[str]:
    there = [name for name in names if importlib.util.find_spec(name)]
    for name in set(names) - set(there):
        print(f"  ({name} is not installed: left out)")
    return there


def bench_pixels(n: int, k: int, repeat: int, *, slow: bool) -> None:
    print(f"\n{n:,} float32 pixels, k = {k}: centers and labels")
    values = landscape(n)
    table = values[:, None]
    ours = "mlbmi KMeans1D (exact)"
    methods: dict[str, Run] = {
        ours: lambda: KMeans1D(k).fit(table).cluster_centers_,
        "  a single call after a pause": lambda: KMeans1D(k).fit(table).cluster_centers_,
        "one parallel pass: sum": lambda: sum_pass(values),
    }
    if have("faiss"):
        methods["faiss, default sampling, 1 start"] = lambda: faiss_run(values, k, None)
        methods["faiss, all points, 1 start"] = lambda: faiss_run(values, k, n)
    methods["scikit-learn n_init=1"] = lambda: KMeans(k, n_init=1, random_state=1).fit(table).cluster_centers_
    if slow:
        methods["scikit-learn n_init=10"] = lambda: KMeans(k, n_init=10, random_state=1).fit(table).cluster_centers_
    for name, run in methods.items():
        if "n_init=10" not in name:
            run()
    times: Times = {}
    found = turns(methods, repeat, times)
    errors = {name: squared_error(values, centers) for name, centers in found.items() if centers is not None}
    check(errors, ours)
    print_table(times, errors, ours, {})
    print(f"  optimality_gap_ = {KMeans1D(k).fit(table).optimality_gap_} (0: the optimum, proven)")


def bench_exact_peers(n: int, k: int, repeat: int) -> None:
    print(f"\n{n:,} float64 values, k = {k}: exact peers")
    values = landscape(n).astype(np.float64)
    ours = "mlbmi KMeans1D (exact)"
    methods: dict[str, Run] = {ours: lambda: KMeans1D(k).fit(values[:, None]).cluster_centers_}
    there = have("ckwrap", "kmeans1d")
    if "ckwrap" in there:
        import ckwrap

        methods["ckwrap (exact)"] = lambda: np.array(ckwrap.ckmeans(values, k).centers)
    if "kmeans1d" in there:
        import kmeans1d

        methods["kmeans1d (exact, no weights)"] = lambda: np.asarray(kmeans1d.cluster(values, k).centroids)
    turns(methods, 1, {})
    times: Times = {}
    found = turns(methods, repeat, times)
    errors = {name: squared_error(values, centers) for name, centers in found.items() if centers is not None}
    check(errors, ours)
    print_table(times, errors, ours, {})


def bench_tile(n: int, pixels: int, k: int, repeat: int, *, slow: bool) -> None:
    print(f"\n{n:,} int16 pixels (a tenth nodata), k = {k}: histogram, optimum and labels")
    coded = tile(n)
    labels = np.empty(n, np.uint8)
    ours = "mlbmi histogram + solve + label"

    def whole() -> NDArray[np.float64]:
        centers = solve(*histogram(coded, nodata=-32768), k)[k].centers
        label(coded, centers, out=labels, nodata=-32768)
        return centers

    levels, counts = histogram(coded, nodata=-32768)
    centers = solve(levels, counts, k)[k].centers
    methods: dict[str, Run] = {
        ours: whole,
        "  histogram": lambda: nothing(histogram(coded, nodata=-32768)),
        f"  solve, every k up to {k}": lambda: nothing(solve(levels, counts, k)),
        "  solve, every k up to 20": lambda: nothing(solve(levels, counts, 20)),
        "  label": lambda: nothing(label(coded, centers, out=labels, nodata=-32768)),
        "one parallel pass: sum": lambda: sum_pass(coded),
    }
    turns(methods, 1, {})
    times: Times = {}
    found = turns(methods, repeat, times)
    some = coded[coded != -32768][:pixels].astype(np.float32)
    theirs = KMeans(k, n_init=10 if slow else 1, random_state=1)
    one: Times = {}
    turns({"": lambda: theirs.fit(some[:, None]).cluster_centers_}, 1, one)
    name = f"scikit-learn n_init={theirs.n_init}, scaled"
    factor = int(counts.sum()) / some.size
    times[name] = [(wall * factor, cpu * factor) for wall, cpu in one[""]]
    some_levels, some_counts = histogram(some.astype(np.int16))
    errors = {ours: squared_error(some, solve(some_levels, some_counts, k)[k].centers)}
    errors[name] = squared_error(some, theirs.cluster_centers_)
    check(errors, ours)
    print_table(times, errors, ours, {name: f"(1 run on {some.size:,})"})
    passes, _ = _ratios(times[ours], times["one parallel pass: sum"])
    print(f"  centers and labels take {passes:.2f} passes; centers {np.round(found[ours], 2)}")


def tile(n: int) -> NDArray[np.int16]:
    coded = np.empty(n, np.int16)
    for start in range(0, n, STEP):
        piece = coded[start : start + STEP]
        piece[:] = np.round(landscape(piece.size, start) * 1e4)
        piece[: piece.size // 10] = -32768
    return coded


MEMORY = """
import resource, sys, numpy as np
sys.path.insert(0, {here!r})
from bench_kmeans1d import tile
from mlbmi.cluster.exact import histogram, label, solve
def work(values, out):
    label(values, solve(*histogram(values, nodata=-32768), {k})[{k}].centers, out=out, nodata=-32768)
work(tile(1000), np.empty(1000, np.uint8))
coded, labels = tile({n}), np.zeros({n}, np.uint8)
labels[:] = 1
def high():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
open("/proc/self/clear_refs", "w").write("5")
before = high()
work(coded, labels)
print(high() - before)
"""

START = """
import time, numpy as np
begin = time.perf_counter()
import {module}
loaded = time.perf_counter()
{call}
print(loaded - begin, time.perf_counter() - loaded)
"""


def child(code: str, environment: dict[str, str] | None = None) -> list[float]:
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    return [float(word) for word in run.stdout.split()]


def bench_memory(n: int, k: int) -> None:
    (extra,) = child(MEMORY.format(here=os.path.dirname(os.path.abspath(__file__)), n=n, k=k))  # noqa: PTH100, PTH120
    print(f"\nPeak memory of {n:,} int16 pixels above input and labels: {extra:.0f} MB")


def bench_start() -> None:
    print("\nFirst call in a new process (s): import, then the call; nothing cached, then cached")
    levels = """
v = (np.arange(100000) % 997).astype(np.int16)
mlbmi.cluster._exact_label.label(v, s.solve(*h.histogram(v), 5)[5].centers)
"""
    pixels = "v = np.random.default_rng(0).normal(size=(100000, 1)); mlbmi.cluster.exact.KMeans1D(5).fit(v.astype(np.float32))"
    calls = {
        "int16: histogram + solve + label": (
            "mlbmi.cluster._exact_label, mlbmi.cluster._exact_solve as s, mlbmi.cluster._histogram as h",
            levels,
        ),
        "float32: KMeans1D.fit": ("mlbmi.cluster.exact", pixels),
    }
    for name, (module, call) in calls.items():
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {"NUMBA_CACHE_DIR": folder}
            for state in ("cold", "warm"):
                loaded, called = child(START.format(module=module, call=call), environment)
                print(f"  {name:34} {state}: {loaded:5.2f} + {called:5.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pixels", type=int, default=4_000_000)
    parser.add_argument("--tile", type=int, default=10_980 * 10_980)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--skip-slow", action="store_true", help="leave out scikit-learn with n_init=10")
    options = parser.parse_args()
    print(f"{numba.get_num_threads()} threads; {json.dumps(dict(zip(('1', '5', '15 min'), os.getloadavg(), strict=True)))} load")
    bench_pixels(options.pixels, options.k, options.repeat, slow=not options.skip_slow)
    bench_exact_peers(min(options.pixels, 200_000), options.k, options.repeat)
    bench_tile(options.tile, options.pixels, options.k, options.repeat, slow=not options.skip_slow)
    bench_memory(options.tile, options.k)
    bench_start()
    print(f"\nPeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
