"""K-means on series: mlbmi.KMeans beside scikit-learn, faiss and dask-ml, in one run, on the same numbers.

    python benchmarks/bench_kmeans_series.py                      # 2 M pixels x 12 dates, k = 5, medians of 5
    python benchmarks/bench_kmeans_series.py --pixels 100000      # a quick look
    python benchmarks/bench_kmeans_series.py --memory --growth    # 20 M x 24 int16: peak memory; time from 1 M to 60 M pixels
    python benchmarks/bench_kmeans_series.py --sixty              # 60 M pixels: is the inertia right?

Every sum of squares is computed here, in float64, from the labels that a method returns. The contestants take turns, so that a
busy machine slows them alike; a ratio is the median over the turns of the ratio within a turn. CPU seconds are those of all
threads together: they move less than wall seconds where other processes share the machine. faiss (``pip install faiss-cpu``)
and dask-ml (``pip install dask-ml``) are left out, with the reason, where they cannot be imported.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sklearn.cluster

from mlbmi.cluster._lloyd_passes import Assignment, Pixels, assign_all
from mlbmi.cluster.lloyd import KMeans
from mlbmi.threads import map_chunks

if TYPE_CHECKING:
    from collections.abc import Callable

Result = tuple[np.ndarray, np.ndarray]

PAUSE = 0.4
"""Seconds before a timing: OpenMP's threads, scikit-learn's and faiss's, go on spinning for 0.2 s, at their successor's cost."""


def landscape(pixels: int, dates: int, clusters: int, seed: int = 0) -> np.ndarray:
    """Return NDVI-like series (pixels, dates), float32, date-major in memory: bumps of vegetation, a level per pixel, noise."""
    random = np.random.default_rng(seed)
    day = np.linspace(0, 1, dates)
    base, height = random.uniform(0.05, 0.4, (clusters, 1)), random.uniform(0.1, 0.5, (clusters, 1))
    peak, width = random.uniform(0.25, 0.75, (clusters, 1)), random.uniform(0.1, 0.25, (clusters, 1))
    centers = base + height * np.exp(-(((day - peak) / width) ** 2))
    kind = random.integers(0, clusters, pixels)
    level = random.normal(0, 0.05, pixels).astype(np.float32)
    cube = np.empty((dates, pixels), np.float32)
    for date in range(dates):
        cube[date] = centers[kind, date] + level + random.standard_normal(pixels, np.float32) * np.float32(0.08)
    return cube.T


def true_sse(x: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> float:
    """Return the scaled partial sum of squares in float64, piece by piece."""
    total = 0.0
    for start in range(0, len(x), 1 << 18):
        piece = x[start : start + (1 << 18)].astype(np.float64)
        squares = (piece - np.asarray(centers, np.float64)[labels[start : start + (1 << 18)]]) ** 2
        seen = np.maximum((~np.isnan(piece)).sum(axis=1), 1)
        total += float((np.nansum(squares, axis=1) * x.shape[1] / seen).sum())
    return total


def ours(x: np.ndarray, k: int) -> Result:
    model = KMeans(k).fit(x)
    return model.labels_, model.cluster_centers_


def of_sklearn(n_init: int, x: np.ndarray, k: int) -> Result:
    model = sklearn.cluster.KMeans(k, n_init=n_init, random_state=0).fit(x)
    return model.labels_, model.cluster_centers_


def of_mini_batches(x: np.ndarray, k: int) -> Result:
    model = sklearn.cluster.MiniBatchKMeans(k, random_state=0).fit(x)
    return model.labels_, model.cluster_centers_


def of_bisection(x: np.ndarray, k: int) -> Result:
    model = sklearn.cluster.BisectingKMeans(k, random_state=0).fit(x)
    return model.labels_, model.cluster_centers_


def of_dask_ml(x: np.ndarray, k: int) -> Result:
    """Return dask-ml's answer: k-means|| and Lloyd, in eight chunks over as many threads as the others use."""
    import dask.array
    from dask_ml.cluster import KMeans as DaskKMeans

    model = DaskKMeans(k, random_state=0).fit(dask.array.from_array(x, chunks=(-(-len(x) // 8), x.shape[1])))
    return model.labels_.compute(), model.cluster_centers_


def of_faiss(x: np.ndarray, k: int) -> Result:
    """Return faiss's answer on all the data: its default number of updates (25), its default of one start."""
    import faiss

    table = np.ascontiguousarray(x)
    model = faiss.Kmeans(x.shape[1], k, max_points_per_centroid=len(x), seed=1)
    model.train(table)
    return model.index.search(table, 1)[1][:, 0], model.centroids


def summing_pass(x: np.ndarray) -> None:
    """Read everything once, in as many threads as the others use."""
    line = x.T.reshape(-1)
    list(map_chunks(lambda start, stop: line[start:stop].sum(), line.size, 1 << 21))


def fused_pass(x: np.ndarray, centers: np.ndarray) -> None:
    """Assign all pixels once and sum what an update needs: one of Lloyd's iterations."""
    pixels = Pixels.of(x, nodata=None, weights=None, least=1, scaled=True)
    assign_all(pixels, centers, Assignment.empty(pixels.count))


Times = dict[str, list[tuple[float, float]]]


def turns(contestants: dict[str, tuple[int, Callable[[], object]]]) -> Times:
    """Return each contestant's wall and CPU seconds; they take turns, each as often as it asks for."""
    times: Times = {name: [] for name in contestants}
    for turn in range(max(repeats for repeats, _ in contestants.values())):
        for name, (repeats, call) in contestants.items():
            if turn < repeats:
                time.sleep(PAUSE)
                began, began_cpu = time.perf_counter(), time.process_time()
                call()
                times[name].append((time.perf_counter() - began, time.process_time() - began_cpu))
    return times


def medians(runs: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(wall for wall, _ in runs), statistics.median(cpu for _, cpu in runs)


def ratios(runs: list[tuple[float, float]], base: list[tuple[float, float]]) -> tuple[float, float]:
    """Return how many times as long the runs took as those of the base in the same turns, on the wall and in CPU seconds."""
    return medians([(wall / own, cpu / own_cpu) for (wall, cpu), (own, own_cpu) in zip(runs, base, strict=False)])


def with_gaps(x: np.ndarray, share: float) -> np.ndarray:
    gappy = x.T.copy()
    random = np.random.default_rng(1)
    for row in gappy:
        row[random.random(row.size, np.float32) < share] = np.nan
    return gappy.T


def load() -> str:
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


def peers(by_pixel: np.ndarray, given: argparse.Namespace) -> dict[str, tuple[int, Callable[[], Result]]]:
    """Return the contestants that can be imported, with how often each runs; say which cannot, and why."""
    k, repeats = given.clusters, given.repeats
    found: dict[str, tuple[int, Callable[[], Result]]] = {
        "sklearn n_init=1": (repeats, lambda: of_sklearn(1, by_pixel, k)),
        "sklearn n_init=10": (given.slow_repeats, lambda: of_sklearn(10, by_pixel, k)),
        "MiniBatch": (repeats, lambda: of_mini_batches(by_pixel, k)),
        "Bisecting": (repeats, lambda: of_bisection(by_pixel, k)),
    }
    try:
        import faiss  # noqa: F401
    except ImportError as reason:
        print(f"faiss is left out: {reason}")
    else:
        found["faiss, all data"] = (repeats, lambda: of_faiss(by_pixel, k))
    try:
        import dask_ml.cluster  # noqa: F401
    except ImportError as reason:
        print(f"dask-ml is left out: {reason}")
    else:
        found["dask-ml"] = (given.slow_repeats, lambda: of_dask_ml(by_pixel, k))
    return found


def compare(given: argparse.Namespace) -> None:
    pixels, dates, k, repeats = given.pixels, given.dates, given.clusters, given.repeats
    x = landscape(pixels, dates, k)
    by_pixel, gappy = np.ascontiguousarray(x), with_gaps(x, given.missing)
    answers = {"mlbmi": ours(x, k), "mlbmi, gaps": ours(gappy, k)}

    def keep(name: str, call: Callable[[], Result]) -> Callable[[], None]:
        return lambda: answers.__setitem__(name, call())

    others = peers(by_pixel, given)
    contestants: dict[str, tuple[int, Callable[[], object]]] = {
        "mlbmi": (4 * repeats, lambda: ours(x, k)),
        "summing pass": (4 * repeats, lambda: summing_pass(x)),
        "fused pass": (4 * repeats, lambda: fused_pass(x, answers["mlbmi"][1])),
        "mlbmi, pixel-major": (2 * repeats, lambda: ours(by_pixel, k)),
        "mlbmi, gaps": (2 * repeats, lambda: ours(gappy, k)),
        **{name: (often, keep(name, call)) for name, (often, call) in others.items()},
    }
    before = load()
    times = turns(contestants)
    best = true_sse(x, *answers["mlbmi"])
    print(f"{pixels:,} x {dates} float32, k = {k}; load of the machine before {before}, after {load()} (1, 5, 15 minutes)")
    print(f"  {'method':20} {'median':>11} {'x mlbmi':>8} {'CPU':>11} {'x mlbmi':>8}   SSE in float64 / mlbmi's - 1")
    for name, runs in times.items():
        (wall, cpu), (ratio, cpu_ratio) = medians(runs), ratios(runs, times["mlbmi"])
        sse = f"{true_sse(x, *answers[name]) / best - 1:+.2e}" if name in others else ""
        print(f"  {name:20} {1000 * wall:8.1f} ms {ratio:8.2f} {1000 * cpu:8.1f} ms {cpu_ratio:8.2f}   {sse}")
    for name in ("summing pass", "fused pass"):
        wall, cpu = ratios(times["mlbmi"], times[name])
        print(f"  fit / {name}: {wall:.1f} on the wall, {cpu:.1f} in CPU seconds")


def _status(field: str) -> int:
    """Return a figure in KiB that Linux keeps of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def memory(pixels: int, dates: int, k: int) -> None:
    """Fit int16 and print the peak above the input (Linux)."""
    cube = np.empty((dates, pixels), np.int16)
    step = 1 << 20
    for start in range(0, pixels, step):
        cube[:, start : start + step] = np.rint(landscape(min(step, pixels - start), dates, k, seed=start).T * 1e4)
    KMeans(k).fit(cube[:, :50_000].T.copy())
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    before = _status("VmRSS")
    began = time.perf_counter()
    KMeans(k).fit(cube.T)
    spent = time.perf_counter() - began
    above = (_status("VmHWM") - before) / 1024
    print(f"{pixels:,} x {dates} int16, {cube.nbytes / 2**20:.0f} MiB: fit {spent:.2f} s, peak {above:.0f} MiB above the input")


def growth(k: int) -> None:
    for millions in (1, 5, 20, 60):
        x = landscape(millions * 1_000_000, 6, k)
        wall, cpu = medians(turns({"fit": (3, lambda x=x: ours(x, k))})["fit"])
        print(
            f"{millions:3} M x 6 float32: {1000 * wall:.0f} ms, {wall / millions * 1000:.1f} ms per million "
            f"(CPU {cpu / millions * 1000:.1f}); load {load()}"
        )


def sixty(pixels: int, dates: int, k: int) -> None:
    """Print the inertia of a fit beside the float64 sum over blocks of its own labels and centers, ours and scikit-learn's."""
    x = np.ascontiguousarray(landscape(pixels, dates, k))
    model = KMeans(k).fit(x)
    own = true_sse(x, model.labels_, model.cluster_centers_)
    theirs = sklearn.cluster.KMeans(k, init=model.cluster_centers_.astype(np.float32), n_init=1, max_iter=2).fit(x)
    true = true_sse(x, theirs.labels_, theirs.cluster_centers_)
    print(f"{pixels:,} x {dates} float32, k = {k}: inertia_ / the float64 sum of its own labels and centers - 1")
    print(f"  mlbmi        {model.inertia_:16.3f} / {own:16.3f} - 1 = {model.inertia_ / own - 1:+.2e}")
    print(f"  scikit-learn {theirs.inertia_:16.3f} / {true:16.3f} - 1 = {theirs.inertia_ / true - 1:+.2e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=2_000_000)
    parser.add_argument("--dates", type=int, default=12)
    parser.add_argument("--clusters", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slow-repeats", type=int, default=5, help="of scikit-learn's n_init=10")
    parser.add_argument("--missing", type=float, default=0.3)
    parser.add_argument("--memory", action="store_true", help="also 20 M x 24 int16")
    parser.add_argument("--memory-only", nargs=2, type=int, metavar=("PIXELS", "DATES"), help=argparse.SUPPRESS)
    parser.add_argument("--growth", action="store_true", help="also 1 M to 60 M pixels")
    parser.add_argument(
        "--sixty", nargs="?", type=int, const=3, metavar="DATES", help="only: is the inertia right at 60 M pixels?"
    )
    given = parser.parse_args()
    if given.memory_only:
        memory(*given.memory_only, given.clusters)
        return
    if given.sixty:
        sixty(60_000_000, given.sixty, given.clusters)
        return
    compare(given)
    if given.memory:
        subprocess.run([sys.executable, __file__, "--memory-only", "20000000", "24"], check=True)
    if given.growth:
        growth(given.clusters)


if __name__ == "__main__":
    main()
