"""All benchmarks, one after the other, at sizes that a laptop can bear: what `make bench` runs.

Each script can be run on its own with larger sizes; `--help` shows how. Peers that are not installed are left out and named.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run every `bench_*.py` beside this file."""
    for script in sorted(HERE.glob("bench_*.py")):
        print(f"\n== {script.name}", flush=True)
        subprocess.run([sys.executable, str(script)], check=True)


if __name__ == "__main__":
    main()
