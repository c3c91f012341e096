"""Parts of one file over several connections: faster where each is slow, and the same whatever goes wrong with one of them."""

from __future__ import annotations

import threading

import pytest

from mlbmi.access import Access, Address
from mlbmi.download import download, entries, prune
from mlbmi.download.ahead import Ahead, waiting_parts
from mlbmi.download.fetch import Means

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


@pytest.fixture
def ahead(store, quick, want):
    """Return a function that makes what fetches ahead of a place."""
    made = []

    def make(url):
        means = Means(
            client=quick["client"],
            resolve=Access().resolve,
            retries=quick["retries"],
            stop=threading.Event(),
            part_bytes=PART,
            ranges=2,
        )
        one = want(url)
        store.part(one.path).parent.mkdir(parents=True, exist_ok=True)
        made.append(Ahead(one, store, means))
        return made[-1]

    yield make
    for each in made:
        each.close(drop_parts=True)


def test_a_part_of_another_version_is_not_taken(serve, faults, cog, ahead):
    """Of a server that ignores If-Range, and sends a part of the newer file."""
    server = serve({"/red.tif": cog})
    server.always["/red.tif"] = faults.Fault("ignore_if_range")
    fetching = ahead(f"{server.url}/red.tif")
    fetching.begin(PART, len(cog), '"older"')
    assert fetching.take(PART, '"older"') == b""
    assert fetching.take(PART, server.etag("/red.tif")) == b""
    assert server.log[0].status == 206


def test_a_part_is_there_until_it_is_forgotten(serve, cog, ahead, store, want):
    server = serve({"/red.tif": cog})
    fetching, version = ahead(f"{server.url}/red.tif"), server.etag("/red.tif")
    fetching.begin(PART, len(cog), version)
    assert fetching.take(PART, version) == cog[PART : 2 * PART]
    assert fetching.take(PART, version) == cog[PART : 2 * PART], "a kill before it is appended loses nothing"
    assert fetching.take(PART, '"newer"') == b""
    fetching.forget(PART, version)
    assert fetching.take(PART, version) == b""
    assert waiting_parts(store.part(want("").path)) == []


def test_nothing_is_fetched_ahead_that_could_be_of_any_version(serve, cog, ahead):
    server = serve({"/red.tif": cog})
    fetching = ahead(f"{server.url}/red.tif")
    fetching.begin(PART, len(cog), "")
    fetching.begin(PART, None, '"x"')
    assert fetching.requests == len(server.log) == 0
