"""Whole-process time and peak memory: `mlbmi run` against the original notebook's method, on the same items.

    python benchmarks/bench_run.py [--repeat 5]

Each runs as a process of its own, in turn (A B A B …), after one warm-up, with the same scenes of the simulation, the same
outline and number of clusters, on both tiles. What differs is what they make: the peer leaves label arrays; mlbmi masks
clouds, and leaves COGs, tables, models and a record, and in the second row of figures as well. Printed are medians, and
the peer's figure over mlbmi's, pair by pair.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlbmi.simulate import build_cached

HERE = Path(__file__).resolve().parent


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command; return wall seconds and the peak memory of its process in MB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 4):
        raise SystemExit(f"{command[0]} failed: {errors.decode()[-2000:]}")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    simulation = build_cached()
    first, last = simulation.recipe.dates[0], simulation.recipe.dates[-1]
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "mlbmi", Path(folder) / "original"
        run = [sys.executable, "-m", "mlbmi", "run", str(simulation.aoi), "--start", str(first), "--end", str(last)]
        run += ["--catalog", str(simulation.catalog), "--grid", "tile", "--out", str(ours), "--quiet"]
        plain = [*run, "--no-figures"]
        measure(plain)
        record = json.loads((ours / "run.json").read_text())
        items = [row["item_id"] for row in record["acquisitions"] if row["status"] == "used"]
        peer = [sys.executable, str(HERE / "original_method.py"), str(simulation.catalog), str(simulation.aoi), str(theirs)]
        peer += ["--items", *items]
        measure(peer)
        print(f"{len(items)} items used by both, {repeat} rounds of whole processes on {os.cpu_count()} processors")
        rounds = [(_fresh(plain, ours), _fresh(run, ours), measure(peer)) for _ in range(repeat)]
    report("without figures", [(plain, peer) for plain, _, peer in rounds])
    report("with figures", [(drawn, peer) for _, drawn, peer in rounds])


def _fresh(command: list[str], out: Path) -> tuple[float, float]:
    shutil.rmtree(out, ignore_errors=True)
    return measure(command)


def report(title: str, pairs: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    """Print medians and the ratios pair by pair."""
    for number, what in enumerate(("seconds", "peak MB")):
        ours = statistics.median(a[number] for a, _ in pairs)
        theirs = statistics.median(b[number] for _, b in pairs)
        ratios = sorted(b[number] / a[number] for a, b in pairs)
        middle = statistics.median(ratios)
        spread = f"({ratios[0]:.2f}-{ratios[-1]:.2f})"
        print(f"{title:16} {what:8} mlbmi {ours:8.1f}  original {theirs:8.1f}  ratio {middle:5.2f} {spread}")


if __name__ == "__main__":
    main()
