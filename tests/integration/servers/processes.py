"""Starting real servers for tests and ending them, whatever happens."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

START_WITHIN_S = 60
STOP_WITHIN_S = 10


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unavailable(reason: str) -> None:
    """Skip; fail where everything is required to run."""
    if os.environ.get("MLBMI_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


def binary(name: str, *folders: str) -> str:
    """Return the path of a program, looked for in folders that are not on everyone's PATH too; skip where it is absent."""
    found = [*(str(path / name) for pattern in folders for path in sorted(Path("/").glob(pattern), reverse=True)), name]
    for candidate in found:
        if path := shutil.which(candidate):
            return path
    unavailable(f"{name} is not installed; the tests need PostgreSQL 15 or newer with PostGIS, and nginx")
    raise AssertionError


@contextmanager
def running(command, *, log: Path, ready, stop_signal=None, **options):
    """Run a server until the block ends: wait until it answers; end it kindly, then by force."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options)
        try:
            _wait(process, ready, log)
            yield process
        finally:
            _end(process, stop_signal)


def _wait(process, ready, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            state = "did not answer in time" if process.poll() is None else f"ended with {process.returncode}"
            pytest.fail(f"{process.args[0]} {state}:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.05)


def _end(process, stop_signal) -> None:
    if process.poll() is None:
        process.terminate() if stop_signal is None else process.send_signal(stop_signal)
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def accepts(port: int) -> bool:
    """Say whether something listens."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
