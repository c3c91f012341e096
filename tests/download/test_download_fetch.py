"""Fetching: right bytes whatever the server does, no byte twice, and never what is damaged."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import time

import pytest

from mlbmi.access import Address, Retries
from mlbmi.download import download


def one(wanted, store, quick, **options):
    (outcome,) = download([wanted], store, **(quick | options))
    return outcome


def test_a_file_arrives_in_parts_each_byte_once(serve, cog, store, quick, want):
    server = serve({"/red.tif": cog})
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert outcome.state == "downloaded"
    assert store.file(outcome.wanted.path).read_bytes() == cog
    assert server.sent() == len(cog) == outcome.received
    assert len(server.log) == -(-len(cog) // (64 * 1024)) == outcome.requests
    row = store.ledger.get(outcome.wanted.path)
    assert (row.state, row.bytes, row.sha256, row.attempts) == ("whole", len(cog), hashlib.sha256(cog).hexdigest(), 1)
    assert row.requests == len(server.log)
    assert not store.part(outcome.wanted.path).exists()


def test_a_second_run_costs_no_request(serve, cog, store, quick, want):
    server = serve({"/red.tif": cog})
    one(want(f"{server.url}/red.tif"), store, quick)
    before = len(server.log)
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "present"
    assert len(server.log) == before


def test_a_server_without_ranges_is_read_in_one_go(serve, cog, store, quick, want):
    server = serve({"/red.tif": cog}, ranges=False)
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "downloaded"
    assert len(server.log) == 1


def test_a_server_without_ranges_that_breaks_is_given_up_in_the_end(serve, faults, cog, store, quick, want):
    server = serve({"/red.tif": cog}, ranges=False)
    server.always["/red.tif"] = faults.Fault("reset", after=100_000)
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert "does not go on" in outcome.error
    assert len(server.log) <= 8


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_a_broken_connection_goes_on_where_it_was(serve, faults, cog, store, quick, want, kind):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", None, faults.Fault(kind, after=40_000), None, faults.Fault(kind, after=1))
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert store.file(outcome.wanted.path).read_bytes() == cog
    assert server.sent() == len(cog), "no byte may travel twice"
    assert all(entry.if_range == server.etag("/red.tif") for entry in server.log[1:])


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again(serve, faults, cog, store, quick, want, status):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", *[faults.Fault("status", status=status)] * 3)
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "downloaded"
    assert [entry.status for entry in server.log[:4]] == [status] * 3 + [206]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_a_refusal_is_asked_once(serve, faults, cog, store, quick, want, status):
    server = serve({"/red.tif": cog})
    server.always["/red.tif"] = faults.Fault("status", status=status)
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert outcome.state == "failed"
    assert str(status) in outcome.error
    assert len(server.log) == 1
    assert store.ledger.get(outcome.wanted.path).state == "failed"


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(serve, faults, cog, store, quick, want, form):
    server = serve({"/red.tif": cog})
    value = "1" if form == "seconds" else email.utils.formatdate(time.time() + 2, usegmt=True)
    server.plan("/red.tif", faults.Fault("status", status=429, headers={"Retry-After": value}))
    begun = time.monotonic()
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "downloaded"
    assert time.monotonic() - begun >= 0.9


def test_a_wait_beyond_reason_is_a_failure(serve, faults, cog, store, quick, want):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", faults.Fault("status", status=429, headers={"Retry-After": "86400"}))
    assert "429" in one(want(f"{server.url}/red.tif"), store, quick).error
    assert len(server.log) == 1


def test_the_budget_of_retries_ends(serve, faults, cog, store, quick, want):
    server = serve({"/red.tif": cog})
    server.always["/red.tif"] = faults.Fault("status", status=503)
    outcome = one(
        want(f"{server.url}/red.tif"), store, quick, retries=Retries(delay_s=0.001, longest_s=0.001, without_progress=5)
    )
    assert outcome.state == "failed"
    assert len(server.log) == 6


def test_a_trickle_counts_as_dead(serve, faults, cog, store, quick, want):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", faults.Fault("trickle", after=10))
    begun = time.monotonic()
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "downloaded"
    assert time.monotonic() - begun < 5
    assert server.sent() <= len(cog) + 20


def test_a_file_that_changes_meanwhile_is_begun_anew(serve, faults, cog, other_cog, store, quick, want):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", None, faults.Fault("status", status=404))
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "failed"
    assert store.ledger.get(want("").path).bytes == 64 * 1024
    server.files["/red.tif"] = other_cog
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert store.file(outcome.wanted.path).read_bytes() == other_cog
    assert server.log[2].if_range not in ("", server.etag("/red.tif"))


def test_a_server_that_ignores_if_range_is_found_out_by_its_etag(serve, faults, cog, other_cog, store, quick, want):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", None, faults.Fault("status", status=404), faults.Fault("ignore_if_range"))
    one(want(f"{server.url}/red.tif"), store, quick)
    server.files["/red.tif"] = other_cog
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert store.file(outcome.wanted.path).read_bytes() == other_cog
    assert store.ledger.get(outcome.wanted.path).attempts == 2, "before it was put together of two files, not by its damage"


def test_what_was_begun_goes_on_in_the_next_run(serve, faults, cog, store, quick, want):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", None, None, faults.Fault("status", status=403))
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "failed"
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert outcome.state == "downloaded"
    assert outcome.received == len(cog) - 2 * 64 * 1024
    assert server.sent() == len(cog)


class Signer:
    """Signs with tokens that the server lets expire; counts what it was asked for."""

    def __init__(self, server):
        self.server, self.token, self.renewed = server, server.new_token(), 0

    def __call__(self, href, *, renew):
        if renew:
            self.renewed += 1
            self.token = self.server.new_token()
        return Address(f"{href}?sig={self.token}")


def test_a_token_that_expires_is_renewed_and_nothing_travels_twice(serve, cog, store, quick, want):
    server = serve({"/red.tif": cog}, token_reads=3)
    signer = Signer(server)
    outcome = one(want(f"{server.url}/red.tif"), store, quick, resolve=signer)
    assert store.file(outcome.wanted.path).read_bytes() == cog
    parts = -(-len(cog) // (64 * 1024))
    assert signer.renewed == (parts - 1) // 3
    assert server.sent() == len(cog)


def test_a_token_that_is_never_good_is_renewed_once(serve, cog, store, quick, want):
    server = serve({"/red.tif": cog}, token_reads=0)
    assert "403" in one(want(f"{server.url}/red.tif"), store, quick, resolve=Signer(server)).error
    assert len(server.log) == 2


@pytest.mark.parametrize("kind", ["zeros", "damage"])
def test_a_damaged_body_of_the_right_length_is_not_accepted(serve, faults, cog, store, quick, want, kind):
    server = serve({"/red.tif": cog})
    server.always["/red.tif"] = faults.Fault(kind, after=len(cog) // 2)
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert outcome.state == "failed"
    assert "damaged 3 times" in outcome.error
    assert not store.file(outcome.wanted.path).exists()
    server.always.clear()
    outcome = one(want(f"{server.url}/red.tif"), store, quick)
    assert store.file(outcome.wanted.path).read_bytes() == cog


def test_damage_on_the_way_is_fetched_again(serve, faults, cog, store, quick, want):
    server = serve({"/red.tif": cog})
    server.plan("/red.tif", None, faults.Fault("damage", after=70_000))
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "downloaded"
    assert server.sent() == 2 * len(cog)


def test_the_md5_of_an_object_store_is_checked(serve, cog, other_cog, store, quick, want):
    md5 = hashlib.md5(cog, usedforsecurity=False).hexdigest()
    server = serve({"/red.tif": cog}, etags={"/red.tif": f'"{md5}"'}, headers={"x-amz-request-id": "1"})
    assert one(want(f"{server.url}/red.tif"), store, quick).state == "downloaded"
    server.files["/nir.tif"], server.etags["/nir.tif"] = other_cog, f'"{md5}"'
    outcome = one(want(f"{server.url}/nir.tif", path="nir.tif"), store, quick)
    assert "md5" in outcome.error
    assert not store.file("nir.tif").exists()


def test_the_md5_that_azure_states_is_checked(serve, cog, store, quick, want):
    stated = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()
    server = serve({"/red.tif": cog}, headers={"x-ms-blob-content-md5": stated})
    assert "md5" in one(want(f"{server.url}/red.tif"), store, quick).error


@pytest.mark.parametrize(("code", "algorithm"), [("1220", "sha256"), ("1620", "sha3_256"), ("d50110", "md5")])
def test_a_stated_checksum_is_checked(serve, cog, other_cog, store, quick, want, code, algorithm):
    server = serve({"/red.tif": cog, "/nir.tif": other_cog})
    checksum = code + hashlib.new(algorithm, cog).hexdigest()
    assert one(want(f"{server.url}/red.tif", checksum=checksum), store, quick).state == "downloaded"
    outcome = one(want(f"{server.url}/nir.tif", path="nir.tif", checksum=checksum), store, quick)
    assert algorithm in outcome.error


def test_what_is_no_raster_of_the_right_place_is_not_accepted(serve, cog, store, quick, want):
    vrt = b'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
    server = serve({"/page.tif": b"<html>sign in</html>", "/a.vrt": vrt, "/empty.tif": b"", "/red.tif": cog})
    for name in ("page.tif", "a.vrt", "empty.tif"):
        assert one(want(f"{server.url}/{name}", path=name), store, quick).state == "failed"
        assert not store.file(name).exists()
    assert "EPSG:32633" in one(want(f"{server.url}/red.tif", epsg=32632), store, quick).error


def test_local_files_are_copied_and_proved(tmp_path, cog, store, quick, want):
    (tmp_path / "good.tif").write_bytes(cog)
    (tmp_path / "bad.tif").write_bytes(cog[:-5000])
    outcome = one(want(str(tmp_path / "good.tif")), store, quick)
    assert outcome.state == "downloaded"
    assert store.file(outcome.wanted.path).read_bytes() == cog
    assert one(want(str(tmp_path / "bad.tif"), path="bad.tif"), store, quick).state == "failed"
    assert one(want(str(tmp_path / "none.tif"), path="none.tif"), store, quick).state == "failed"
    assert (tmp_path / "good.tif").read_bytes() == cog


def test_a_bucket_that_the_reader_pays_for_is_not_asked(store, quick, want):
    assert "--allow-requester-pays" in one(want("s3://sentinel-s2-l2a/red.tif"), store, quick).error
    assert "ftp://" in one(want("ftp://host/red.tif"), store, quick).error


def test_one_bad_file_does_not_hold_up_the_others(serve, cog, store, quick, want):
    server = serve({f"/{number}.tif": cog for number in range(8)}, bytes_per_s=4e6)
    del server.files["/3.tif"]
    wanted = [want(f"{server.url}/{number}.tif", path=f"{number}.tif") for number in range(8)]
    told = []
    outcomes = download(wanted, store, **quick, tell=told.append)
    assert [outcome.state for outcome in outcomes] == ["downloaded"] * 3 + ["failed"] + ["downloaded"] * 4
    assert len(told) == 8
    assert 1 < server.most_active <= 2


def test_a_quarter_of_503s_costs_nothing_but_requests(serve, faults, cog, store, quick, want):
    server = serve({f"/{number}.tif": cog for number in range(10)})
    for number in range(10):
        server.plan(f"/{number}.tif", *[None, None, None, faults.Fault("status")] * 20)
    wanted = [want(f"{server.url}/{number}.tif", path=f"{number}.tif") for number in range(10)]
    assert {outcome.state for outcome in download(wanted, store, **quick)} == {"downloaded"}
    assert server.sent() == 10 * len(cog)
