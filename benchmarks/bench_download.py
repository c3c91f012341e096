"""Whole files over connections that are slow, each, and late to answer: mlbmi beside curl, and what parallel ranges could gain.

    python benchmarks/bench_download.py

Seconds, median of three, from a server that answers after 0.1 s and sends 4 MB/s over each connection. "Ideal" is what
any scheme could reach over four connections: bytes ÷ (4 × 4 MB/s). curl fetches whole files side by side (`-Z`), proves nothing
and keeps no ledger. mlbmi proves each file, which takes time of its own.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from mlbmi.access import Client
from mlbmi.download import Store, Wanted, download
from servers import faults

if TYPE_CHECKING:
    from collections.abc import Callable

RATE, LATENCY_S, WORKERS = 4e6, 0.1, 4
PART = 2 * 1024 * 1024


def cog() -> bytes:
    pixels = np.random.default_rng(0).integers(1, 10_000, (4096, 4096)).astype("uint16")
    with MemoryFile() as memory:
        shape = {"height": 4096, "width": 4096, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
        options = {"driver": "COG", "compress": "deflate", "overviews": "none", "transform": from_origin(300000, 5900040, 10, 10)}
        with memory.open(**shape, **options) as file:
            file.write(pixels, 1)
        return bytes(memory.getbuffer())


def ours(part_bytes: int, ranges: int) -> Callable[[list[str], Path], None]:
    def fetch(urls: list[str], folder: Path) -> None:
        wanted = [Wanted(path=f"{number}.tif", href=url, item_id=f"i{number}", band="red") for number, url in enumerate(urls)]
        options = {"workers": WORKERS, "part_bytes": part_bytes, "ranges": ranges, "client": Client(connections=WORKERS)}
        outcomes = download(wanted, Store(folder), **options)
        if any(outcome.state != "downloaded" for outcome in outcomes):
            raise RuntimeError(str(outcomes))

    return fetch


def curl(urls: list[str], folder: Path) -> None:
    outputs = [word for number, url in enumerate(urls) for word in ("-o", str(folder / f"{number}.tif"), url)]
    subprocess.run(["curl", "-s", "-Z", "--parallel-max", str(WORKERS), *outputs], check=True, stderr=subprocess.DEVNULL)


def seconds(fetch: Callable[[list[str], Path], None], urls: list[str]) -> float:
    taken = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            fetch(urls, Path(folder))
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def main() -> None:
    content = cog()
    ways = {"mlbmi, one range": ours(PART, 1), "mlbmi, four ranges": ours(PART, 4)}
    if shutil.which("curl"):
        ways["curl -Z"] = curl
    print(f"files of {len(content) / 1e6:.1f} MB")
    for number in (4, 1):
        with faults().FaultServer({f"/{n}.tif": content for n in range(number)}, bytes_per_s=RATE, latency_s=LATENCY_S) as server:
            urls = [f"{server.url}/{n}.tif" for n in range(number)]
            ideal = number * len(content) / (WORKERS * RATE)
            print(
                f"{number} file(s): ideal {ideal:.1f} s; "
                + "; ".join(f"{name} {seconds(way, urls):.1f} s" for name, way in ways.items())
            )


if __name__ == "__main__":
    main()
