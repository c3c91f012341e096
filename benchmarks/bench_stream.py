"""K-means of a Zarr cube read window by window, beside the same fit in memory: time, peak memory, agreement.

    python benchmarks/bench_stream.py                              # 12 x 1000 x 1000, chunks of 500: a quick look
    python benchmarks/bench_stream.py --side 4000 --dates 24 --chunk 1000 --repeats 5

The cube is int16 NDVI with smooth clouds, a fifth of the values missing and pixels outside an outline always so. Every fit runs
in a process of its own, warmed up on a small cube, in turn; the peak is that of the process from there on (Linux), less what it
held before. "One reading" decodes every chunk and does no more; "no doubt kept" reads the cube at every update of the centers, as
plain Lloyd would; "in memory" reads the array whole, then fits.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import dask.array
import numpy as np
import xarray as xr
import zarr
from scipy.ndimage import zoom

from mlbmi.cluster import cluster_timeseries
from mlbmi.cluster._coded import coded_cube
from mlbmi.cluster._stream_blocks import Blocks
from mlbmi.cluster.stream import fit_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

K = 5
NODATA = -32768
WAYS = ("one reading", "window by window", "no doubt kept", "in memory")


def write_cube(path: Path, dates: int, side: int, chunk: int) -> None:
    """Write series of ``K`` kinds of land in patches, with noise, clouds and an outline, one date at a time."""
    random = np.random.default_rng(0)
    day = np.linspace(0, 1, dates)[:, None]
    base, height, peak = random.uniform(0.1, 0.4, K), random.uniform(0.1, 0.5, K), random.uniform(0.25, 0.75, K)
    centers = base + height * np.exp(-(((day - peak) / 0.2) ** 2))
    kind = smooth(random, side).argsort(axis=None).argsort().reshape(side, side) * K // side**2
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    outside = rows**2 + columns**2 > 1.3
    array = zarr.create_array(path, shape=(dates, side, side), chunks=(1, chunk, chunk), dtype="int16", fill_value=NODATA)
    for date in range(dates):
        image = centers[date, kind] + random.standard_normal((side, side), np.float32) * np.float32(0.08)
        clouds = smooth(random, side) > 0.84
        array[date] = np.where(clouds | outside, NODATA, np.rint(image * 1e4)).astype(np.int16)


def smooth(random: np.random.Generator, side: int) -> np.ndarray:
    """Return a field of patches, standard normal or nearly so."""
    field = zoom(random.standard_normal((24, 24)), side / 24, order=1)[:side, :side]
    return (field - field.mean()) / field.std()


def opened(path: Path) -> xr.DataArray:
    lazy = dask.array.from_zarr(zarr.open_array(path, mode="r"))
    return xr.DataArray(lazy, dims=("time", "y", "x"), name="ndvi", attrs={"scale_factor": 1e-4, "_FillValue": NODATA})


def one_reading(data: xr.DataArray) -> dict[str, Any]:
    Blocks(coded_cube(data), 256 << 20).visit(lambda _, __: None)
    return {}


def windowed(data: xr.DataArray) -> dict[str, Any]:
    fit = fit_blocks(data, K)
    return {"sse": fit.inertia * 1e-8, "n_iter": fit.n_iter, "readings": round(fit.readings, 2), "labels": fit.labels}


def without_doubt(data: xr.DataArray) -> dict[str, Any]:
    """Leave no room for pixels in doubt: every update of the centers reads all."""
    with mock.patch("mlbmi.cluster.stream._DOUBT_SHARE", 1 << 60):
        return windowed(data)


def in_memory(data: xr.DataArray) -> dict[str, Any]:
    fit = cluster_timeseries(data.copy(data=np.asarray(data.data)), K)
    return {"sse": fit.inertia, "n_iter": fit.n_iter, "labels": fit.labels.values}


def measure(way: str, path: Path, labels: Path) -> None:
    """Run one way here, and print its figures as JSON."""
    calls: dict[str, Callable[[xr.DataArray], dict[str, Any]]] = dict(
        zip(WAYS, (one_reading, windowed, without_doubt, in_memory), strict=True)
    )
    call, data = calls[way], opened(path)
    middle = slice(data.sizes["y"] // 2, data.sizes["y"] // 2 + 200)
    call(data[:, middle, middle].persist())
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    before, began = status("VmRSS"), time.perf_counter()
    result = call(data)
    result |= {"seconds": time.perf_counter() - began, "peak": (status("VmHWM") - before) / 1024}
    if "labels" in result:
        np.save(labels, result.pop("labels"))
    print(json.dumps(result))


def status(field: str) -> int:
    """Return a figure in KiB that Linux keeps of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def compare(given: argparse.Namespace, folder: Path) -> None:
    path = folder / "cube.zarr"
    write_cube(path, given.dates, given.side, given.chunk)
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(given.repeats):
        for way in WAYS:
            command = [sys.executable, __file__, "--measure", way, "--path", str(path), "--labels", str(folder / f"{way}.npy")]
            found[way].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    size = given.dates * given.side**2 * 2 / 1e6
    print(f"{given.dates} x {given.side} x {given.side} int16, {size:.0f} MB, chunks of {given.chunk}, k = {K}")
    for way, results in found.items():
        seconds = statistics.median(result["seconds"] for result in results)
        more = {name: value for name, value in results[0].items() if name not in {"seconds", "peak"}}
        print(f"  {way:18s} {seconds:6.2f} s   peak {max(r['peak'] for r in results):5.0f} MiB above the process   {more}")
    one, other = (np.load(folder / f"{way}.npy") for way in ("window by window", "in memory"))
    sse = [found[way][0]["sse"] for way in ("window by window", "in memory")]
    apart = (one != other).sum()
    print(f"  labels that differ: {apart} of {one.size}; SSE window by window over in memory, less 1: {sse[0] / sse[1] - 1:+.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dates", type=int, default=12)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--chunk", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--labels", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.path, given.labels)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(given, Path(folder))


if __name__ == "__main__":
    main()
