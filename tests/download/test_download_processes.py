"""Processes that are killed, that run side by side, and that run out of disk."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlbmi.download import Store, survey

PROGRAM = Path(__file__).with_name("downloader.py")
PART = 64 * 1024


def start(store_folder, server, names, ranges=1, **options):
    urls = [f"{server.url}/{name}" for name in names]
    command = [sys.executable, str(PROGRAM), str(store_folder), str(PART), str(ranges), *urls]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out.split(), err


def wait_until(condition, process):
    deadline = time.monotonic() + 30
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)


def furthest_overlap(requests):
    """Return the most bytes of one request that had been sent before, over requests in order."""
    reached = most = 0
    for entry in requests:
        most = max(most, reached - entry.start if entry.sent else 0)
        reached = max(reached, entry.start + entry.sent)
    return most


def test_killed_at_fifteen_random_moments_of_one_download(serve, big_cog, tmp_path):
    server, store, draw = serve({"/a.tif": big_cog}, bytes_per_s=6e6), tmp_path / "store", random.Random(7)  # noqa: S311 - not cryptography
    kills = 0
    while kills < 15:
        moment = server.sent() + draw.uniform(0, 2.2 * PART)
        process = start(store, server, ["a.tif"])
        wait_until(lambda moment=moment: server.sent() >= moment, process)
        time.sleep(draw.uniform(0, 0.01))
        assert process.poll() is None, "it must be killed in the middle"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        assert not (store / "a.tif").exists()
    assert finish(start(store, server, ["a.tif"]))[:2] == (0, ["downloaded"])
    assert (store / "a.tif").read_bytes() == big_cog
    assert furthest_overlap(server.log) <= PART
    assert server.sent() <= len(big_cog) + kills * PART


def test_killed_at_ten_random_moments_of_parallel_ranges(serve, big_cog, tmp_path):
    """Each connection may lose the part that it was at, and nothing else."""
    ranges, kills = 3, 10
    server, store, draw = serve({"/a.tif": big_cog}, bytes_per_s=2e6), tmp_path / "store", random.Random(11)  # noqa: S311 - not cryptography
    for _ in range(kills):
        moment = server.sent() + draw.uniform(0, 2.2 * PART)
        process = start(store, server, ["a.tif"], ranges=ranges)
        wait_until(lambda moment=moment: server.sent() >= moment, process)
        time.sleep(draw.uniform(0, 0.01))
        assert process.poll() is None, "it must be killed in the middle"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (store / "a.tif").exists()
    assert finish(start(store, server, ["a.tif"], ranges=ranges))[:2] == (0, ["downloaded"])
    assert (store / "a.tif").read_bytes() == big_cog
    assert server.sent() <= len(big_cog) + kills * ranges * PART
    assert server.most_active > 1
    assert sorted(path.name for path in store.iterdir()) == [".mlbmi", "a.tif"]


def test_killed_at_five_moments_of_proving_and_renaming(serve, cog, tmp_path):
    names = [f"{number}.tif" for number in range(5)]
    server, store, draw = serve({f"/{name}": cog for name in names}), tmp_path / "store", random.Random(3)  # noqa: S311 - not cryptography
    for name in names:
        process = start(store, server, [name])
        wait_until(lambda name=name: server.sent(f"/{name}") == len(cog), process)
        time.sleep(draw.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (store / name).exists():
            assert (store / name).read_bytes() == cog
    code, states, _ = finish(start(store, server, names))
    assert code == 0
    assert set(states) <= {"downloaded", "present"}
    for name in names:
        assert (store / name).read_bytes() == cog
        assert furthest_overlap(server.requests(f"/{name}")) <= PART


def test_two_processes_fetch_each_file_once(serve, cog, tmp_path):
    names = [f"{number}.tif" for number in range(8)]
    server, store = serve({f"/{name}": cog for name in names}, bytes_per_s=4e6), tmp_path / "store"
    processes = [start(store, server, names), start(store, server, names[::-1])]
    results = [finish(process) for process in processes]
    assert [result[0] for result in results] == [0, 0], results
    states = [state for _, found, _ in results for state in found]
    assert (states.count("downloaded"), states.count("present")) == (8, 8)
    assert server.sent() == 8 * len(cog)
    assert all((store / name).read_bytes() == cog for name in names)
    assert all(row.state == "whole" and row.attempts == 1 for row in Store(store).ledger.rows())


def _limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_limit_on_the_size_of_files_is_an_error_in_words(serve, cog, small_cog, tmp_path):
    server, store = serve({"/small.tif": small_cog, "/big.tif": cog}), tmp_path / "store"
    assert finish(start(store, server, ["small.tif"]))[0] == 0
    code, _, err = finish(start(store, server, ["small.tif", "big.tif"], preexec_fn=_limit))
    assert code == 1
    assert err.startswith("mlbmi: ")
    assert "Traceback" not in err
    assert "limit on the size of files" in err
    assert (store / "small.tif").read_bytes() == small_cog
    assert finish(start(store, server, ["small.tif", "big.tif"]))[:2] == (0, ["present", "downloaded"])
    assert (store / "big.tif").read_bytes() == cog


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield lambda larger: subprocess.run(["mount", "-o", f"remount,size={larger}", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_an_error_in_words_and_the_store_stays_whole(serve, cog, small_cog, tmp_path):
    server = serve({"/small.tif": small_cog, "/big.tif": cog, "/more.tif": cog})
    with small_disk(tmp_path / "disk", 600_000) as grow:
        store, names = tmp_path / "disk" / "store", ["small.tif", "big.tif", "more.tif"]
        assert finish(start(store, server, names[:1]))[0] == 0
        code, _, err = finish(start(store, server, names))
        assert code == 1
        assert err.startswith("mlbmi: ")
        assert "Traceback" not in err
        assert "ree some space" in err
        assert (store / "small.tif").read_bytes() == small_cog
        grow(4_000_000)
        assert finish(start(store, server, names))[0] == 0
        assert all((store / name).read_bytes() == server.files[f"/{name}"] for name in names)


def test_a_whole_store_is_recognised_without_a_server(serve, cog, tmp_path, want):
    server, store = serve({"/a.tif": cog}), tmp_path / "store"
    finish(start(store, server, ["a.tif"]))
    one = want(f"{server.url}/a.tif", path="a.tif", item_id="item-a.tif")
    assert [outcome.state for outcome in survey([one], Store(store))] == ["present"]
