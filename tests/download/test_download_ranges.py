"""Parts of one file over several connections: faster where each is slow, and the same whatever goes wrong with one of them."""

from __future__ import annotations

import threading

import pytest

from mlbmi.access import Address
from mlbmi.download import download, entries, prune

PART = 64 * 1024


def one(wanted, store, quick, **options):
    (outcome,) = download([wanted], store, **(quick | {"ranges": 4, "workers": 4} | options))
    return outcome


def test_each_byte_travels_once_and_connections_work_side_by_side(serve, cog, store, quick, want):
    server = serve({"/red.tif": cog}, bytes_per_s=2e6)
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert store.file(outcome.wanted.path).read_bytes() == cog
    assert server.sent() == len(cog) == outcome.received
    assert len(server.log) == -(-len(cog) // PART) == outcome.requests == store.ledger.get(outcome.wanted.path).requests
    assert server.most_active == 4
    assert [path.name for path in store.file(outcome.wanted.path).parent.iterdir()] == ["red.tif"]


@pytest.mark.parametrize("kind", ["reset", "cut", "status", "trickle"])
def test_what_fails_ahead_is_asked_for_in_its_turn(serve, faults, cog, store, quick, want, kind):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", None, *[faults.Fault(kind, after=1000)] * 4)
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert outcome.state == "downloaded"
    assert store.file(outcome.wanted.path).read_bytes() == cog


def test_what_came_ahead_waits_for_the_next_run(serve, faults, cog, store, quick, want):
    server = serve({"/red.tif": cog}, bytes_per_s=4e6)
    server.plan("/red.tif", None, None, None, None, faults.Fault("status", status=404))
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "failed"
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert store.file(outcome.wanted.path).read_bytes() == cog
    assert server.sent() <= len(cog) + 3 * PART
    assert outcome.received < len(cog)


def test_a_newer_file_is_not_mixed_with_parts_of_the_older(serve, faults, cog, other_cog, store, quick, want):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", None, None, None, None, faults.Fault("status", status=404))
    one(want(f"{server.url}/red.tif"), store, quick)
    server.files["/red.tif"] = other_cog
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert store.file(outcome.wanted.path).read_bytes() == other_cog
    assert store.ledger.get(outcome.wanted.path).attempts == 2


def test_tokens_that_expire_are_renewed(serve, cog, store, quick, want):
    server, lock = serve({"/red.tif": cog}, token_reads=3), threading.Lock()
    tokens = [server.new_token()]

    def resolve(href, *, renew):
        with lock:
            if renew:
                tokens.append(server.new_token())
            return Address(f"{href}?sig={tokens[-1]}")

    outcome = one(want(f"{server.url}/red.tif"), store, quick, resolve=resolve)
    assert len(tokens) > 1
    assert store.file(outcome.wanted.path).read_bytes() == cog


def test_a_server_without_ranges_is_read_in_one_go(serve, cog, store, quick, want):
    server = serve({"/red.tif": cog}, ranges=False)
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "downloaded"
    assert len(server.log) == 1


def test_waiting_parts_are_counted_and_pruned(serve, faults, cog, store, quick, want):
    server = serve({"/red.tif": cog}, bytes_per_s=4e6)
    server.plan("/red.tif", faults.Fault("cut", after=1000), None, None, None, *[faults.Fault("status", status=404)] * 2)
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    folder = store.file(outcome.wanted.path).parent
    (entry,) = entries(store)
    assert entry.on_disk == sum(path.stat().st_size for path in folder.iterdir()) > 0
    prune(store, limit=0)
    assert list(folder.iterdir()) == []


def test_more_files_than_workers_get_one_connection_each(serve, cog, store, quick, want):
    server = serve({f"/{name}.tif": cog for name in "abcd"}, bytes_per_s=4e6)
    files = [want(f"{server.url}/{name}.tif", path=f"{name}.tif") for name in "abcd"]
    outcomes = download(files, store, **(quick | {"ranges": None}))
    assert {outcome.state for outcome in outcomes} == {"downloaded"}
    assert server.most_active <= 2
