"""Servers that fail and tokens that end: every read is right, or is an error; nobody is asked what he has refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mlbmi.access import Access, Address, Client, Patience, Retries, TransientError
from mlbmi.access.patience import urllib3_retry
from mlbmi.download import Store, Wanted, download
from mlbmi.errors import ReadError
from mlbmi.read import configured
from mlbmi.read.opened import with_raster

READER = Path(__file__).with_name("reader.py")
HOST = "http://sentinel2l2a01.blob.core.windows.net"
PATIENCE = Retries(delay_s=0.001, longest_s=0.01)


@pytest.fixture(params=["in parts", "by GDAL alone"])
def read(cog, request):
    """Read windows in another process; return what came of it, and its log."""
    # A setting that GDAL alone understands.
    alone = {"GDAL_HTTP_USERAGENT": "mlbmi"} if request.param == "by GDAL alone" else {}

    def run(*hrefs, windows, threads=4, **environment):
        command = [sys.executable, str(READER), str(cog), str(windows), str(threads), *hrefs]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **alone, **environment}, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout), done.stderr

    return run


@pytest.fixture
def planetary(serve, cog, monkeypatch):
    """Stand for Azure and the token endpoint: a server behind a proxy's name."""

    def start(**options):
        files = {f"/sentinel2-l2/{number}/B04.tif": cog.read_bytes() for number in range(12)}
        server = serve(files, **options)
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("PC_SDK_SAS_URL", f"{server.url}/sas")
        server.hrefs = [HOST + path for path in files]
        return server

    return start


def tokens(server):
    return [entry for entry in server.requests() if entry.path.startswith("/sas/")]


def fetched(hrefs, tmp_path, resolve=None):
    wanted = [Wanted(path=f"{number}.tif", href=href, item_id="i", band="red", epsg=32633) for number, href in enumerate(hrefs)]
    store = Store(tmp_path / "store")
    outcomes = download(wanted, store, resolve=resolve, retries=PATIENCE, part_bytes=40_000)
    return outcomes, [store.file(one.path) for one in wanted]


def test_a_quarter_of_503s_and_200_of_200_windows_are_right(serve, cog, read):
    server = serve({f"/{number}/B04.tif": cog.read_bytes() for number in range(40)}, share_503=0.25)
    result, _ = read(*(f"{server.url}/{number}/B04.tif" for number in range(40)), windows=200)
    assert result == {"right": 200, "problems": []}
    failed = sum(entry.status == 503 for entry in server.log)
    assert failed > len(server.log) / 6


def test_a_quarter_of_503s_and_200_of_200_files_are_right(serve, small_cog, tmp_path):
    server = serve({f"/{number}.tif": small_cog for number in range(200)}, share_503=0.25)
    outcomes, files = fetched([f"{server.url}/{number}.tif" for number in range(200)], tmp_path)
    assert {outcome.state for outcome in outcomes} == {"downloaded"}
    assert all(file.read_bytes() == small_cog for file in files)
    assert sum(entry.status == 503 for entry in server.log) > len(server.log) / 6


def test_reads_go_on_where_gdal_has_given_up(serve, faults, cog, read):
    server = serve({"/B04.tif": cog.read_bytes()})
    server.plan("/B04.tif", *[faults.Fault("status")] * 5, *[faults.Fault("status", status=429)] * 3)
    result, _ = read(f"{server.url}/B04.tif", windows=1)
    assert result["right"] == 1


def test_a_window_waits_as_long_as_the_server_asks(serve, faults, cog, pixels):
    def window():
        with configured(retries=PATIENCE):
            return with_raster(f"{server.url}/B04.tif", "band red", lambda raster: raster.read(slice(0, 512), slice(0, 512)))

    server = serve({"/B04.tif": cog.read_bytes()})
    server.plan("/B04.tif", faults.Fault("status", status=429, headers={"Retry-After": "1"}))
    begun = time.monotonic()
    np.testing.assert_array_equal(window(), pixels)
    assert time.monotonic() - begun > 1, "of its own accord it waits for 0.01 s"
    server.always["/B04.tif"] = faults.Fault("status", status=429, headers={"Retry-After": "1000"})
    with pytest.raises(ReadError, match="429; tried 1 times"):
        window()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_an_answer(serve, faults, cog, read, status):
    server = serve({"/B04.tif": cog.read_bytes()})
    server.always["/B04.tif"] = faults.Fault("status", status=status)
    result, _ = read(f"{server.url}/B04.tif", windows=1)
    assert f"{status}" in result["problems"][0]
    assert len(server.log) == 1


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_a_body_that_breaks_off_is_read_again(serve, faults, cog, read, kind):
    server = serve({"/B04.tif": cog.read_bytes()})
    server.plan("/B04.tif", None, None, *[faults.Fault(kind, after=100)] * 3)
    result, _ = read(f"{server.url}/B04.tif", windows=1)
    assert result == {"right": 1, "problems": []}


@pytest.mark.parametrize("token_reads", [9, 25])
def test_a_token_that_ends_after_some_reads_is_renewed_for_gdal(planetary, read, token_reads):
    server = planetary(token_reads=token_reads)
    result, log = read(*server.hrefs[:4], windows=24, threads=1)
    assert result == {"right": 24, "problems": []}
    assert len(tokens(server)) > 1
    assert any(entry.status == 403 for entry in server.log)
    assert "secret" not in log + json.dumps(result)
    assert "se=" not in log


def test_a_token_that_ends_after_some_reads_is_renewed_for_downloads(planetary, cog, tmp_path):
    server = planetary(token_reads=7)
    outcomes, files = fetched(server.hrefs, tmp_path)
    assert {outcome.state for outcome in outcomes} == {"downloaded"}, outcomes
    assert all(file.read_bytes() == cog.read_bytes() for file in files)
    parts = sum(entry.status == 206 for entry in server.log)
    assert len(tokens(server)) >= parts // 7


def test_one_token_serves_all_threads_of_a_container(planetary, monkeypatch):
    server = planetary()
    monkeypatch.setenv("PC_SDK_SUBSCRIPTION_KEY", "subscriber")
    access = Access()
    with ThreadPoolExecutor(8) as pool:
        addresses = list(pool.map(access.resolve, server.hrefs))
    assert len({address.url.partition("?")[2] for address in addresses}) == 1
    (asked,) = tokens(server)
    assert asked.path == "/sas/sentinel2l2a01/sentinel2-l2"
    assert asked.headers["Ocp-Apim-Subscription-Key"] == "subscriber"
    access.resolve(f"{HOST}/other-container/B04.tif")
    assert len(tokens(server)) == 2


def test_threads_that_are_refused_together_ask_once(planetary):
    server = planetary()
    access, together = Access(), threading.Barrier(6)

    def work(href):
        access.resolve(href)
        together.wait()
        return access.resolve(href, renew=True).url.partition("?")[2]

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(work, server.hrefs[:6]))) == 1
    assert len(tokens(server)) == 2


def test_a_token_is_renewed_before_it_expires(planetary):
    server = planetary(token_life_s=2)
    access = Access()
    first = access.resolve(server.hrefs[0])
    assert access.resolve(server.hrefs[0]) == first
    time.sleep(1.1)  # half of its life is over, and it is still good
    assert access.resolve(server.hrefs[0]) != first
    assert len(tokens(server)) == 2


def test_the_token_endpoint_may_fail_for_a_while_but_not_for_ever(planetary, faults):
    server = planetary()
    path = "/sas/sentinel2l2a01/sentinel2-l2"
    server.plan(path, faults.Fault("status"), faults.Fault("status", status=429, headers={"Retry-After": "0"}))
    assert "sig=" in Access(retries=PATIENCE).resolve(server.hrefs[0]).url
    server.always[path] = faults.Fault("status")
    with pytest.raises(ReadError, match=r"no token for sentinel2l2a01/sentinel2-l2: the server answered 503"):
        Access(retries=PATIENCE).resolve(server.hrefs[0])
    server.always[path] = faults.Fault("status", status=401)
    before = len(server.log)
    with pytest.raises(ReadError, match="401"):
        Access(retries=PATIENCE).resolve(server.hrefs[0])
    assert len(server.log) == before + 1
    server.always[path] = faults.Fault("status", status=404)
    assert Access().resolve(server.hrefs[0]).url == server.hrefs[0]


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b'{"token":1,"msft:expiry":"2020-01-01T00:00Z"}', b'{"token":"s"}'])
def test_what_is_no_token_is_an_error_that_does_not_quote_it(answer, monkeypatch):
    access = Access(retries=PATIENCE)
    monkeypatch.setattr(type(access._tokens), "_ask", lambda *_: answer)
    with pytest.raises(ReadError, match="not a token") as caught:
        access.resolve(f"{HOST}/sentinel2-l2/B04.tif")
    assert "html" not in str(caught.value)


def test_signed_and_foreign_addresses_are_left_as_they_are():
    for href in (
        f"{HOST}/sentinel2-l2/B04.tif?sig=mine",
        "https://example.com/sentinel2-l2/B04.tif",
        "https://blob.core.windows.net/a",
    ):
        assert Access().resolve(href).url == href


def test_patience_ends_by_each_of_its_limits():
    def tries(asked_s=None, **limits):
        patience = Patience(Retries(delay_s=0.001, longest_s=0.001, **limits))
        count = 0
        while count < 50 and patience.again(asked_s):
            count += 1
        return count

    assert tries(without_progress=3) == 3
    assert tries(without_progress=99, total=7) == 7
    assert tries(without_progress=99, budget_s=0.0) == 0
    assert tries(asked_s=1000.0) == 0
    patience = Patience(Retries(without_progress=1, total=3, delay_s=0.0))
    outcome = []
    for _ in range(4):
        outcome.append(patience.again())
        patience.progress()
    assert outcome == [True, True, True, False]


def test_delays_double_with_jitter_and_obey_the_server():
    policy = Retries(delay_s=1.0, longest_s=8.0)
    delays = [[policy.delay(failures) for _ in range(200)] for failures in (1, 2, 3, 4, 9)]
    for most, drawn in zip((1, 2, 4, 8, 8), delays, strict=True):
        assert most / 2 <= min(drawn) < max(drawn) <= most
        assert max(drawn) - min(drawn) > most / 4
    assert policy.delay(1, asked_s=20.0) == 20.0
    assert urllib3_retry(policy).get_backoff_time() == 0
    assert {401, 403, 404}.isdisjoint(urllib3_retry().status_forcelist)


def test_keys_do_not_follow_a_redirect(serve, faults, cog):
    other = serve({"/B04.tif": cog.read_bytes()})
    server = serve({})
    server.always["/B04.tif"] = faults.Fault(
        "status", status=307, headers={"Location": f"{other.url.replace('127.0.0.1', 'localhost')}/B04.tif"}
    )
    secret = {"Authorization": "AWS4 x", "X-Amz-Security-Token": "hush", "Ocp-Apim-Subscription-Key": "hush"}
    Client().get(Address(f"{server.url}/B04.tif", secret), {"Range": "bytes=0-1"})
    assert set(secret) <= set(server.log[0].headers)
    assert not set(secret) & set(other.log[0].headers)


def test_a_dead_server_is_a_passing_failure(processes):
    url = f"http://127.0.0.1:{processes.free_port()}"
    with pytest.raises(TransientError, match="the connection failed"):
        Client(connect_s=1).get(Address(f"{url}/x?sig=hush"), {})
