"""Damage is found, on the way and on the disk; what holds a secret stays out of everything."""

from __future__ import annotations

import logging
import random

import pytest

from mlbmi.access import Address, TransientError
from mlbmi.download import download, entries, prune, recheck, survey
from mlbmi.download.verify import CorruptError, prove

CORRUPTIONS = 1000


def damaged(content, draw):
    """Return content with one random damage: a byte, a run of zeros or noise, a cut, a part moved."""
    at, kind = draw.randrange(len(content)), draw.choice(["bit", "byte", "zeros", "noise", "cut", "moved"])
    run = draw.randrange(1, 5000)
    if kind == "bit":
        return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :]
    if kind == "byte":
        return content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :]
    if kind == "zeros":
        return (content[:at] + bytes(run) + content[at + run :])[: len(content)]
    if kind == "noise":
        return (content[:at] + draw.randbytes(run) + content[at + run :])[: len(content)]
    if kind == "cut":
        return content[:at]
    other = draw.randrange(len(content))
    return (content[:at] + content[other : other + run] + content[at + run :])[: len(content)]


def accepted(path, content):
    path.write_bytes(content)
    try:
        prove(path, size=None, digests=(), epsg=32633)
    except CorruptError:
        return False
    return True


def same_pixels(pixels_of, one, other):
    (crs, transform, levels), (other_crs, other_transform, other_levels) = pixels_of(one), pixels_of(other)
    return (crs, transform, len(levels)) == (other_crs, other_transform, len(other_levels)) and all(
        a.shape == b.shape and (a == b).all() for a, b in zip(levels, other_levels, strict=True)
    )


def test_random_damage_is_found_or_harmless(small_cog, pixels_of, tmp_path):
    """Without any checksum: by decoding alone. Of a small file a larger share is headers, where damage hides best."""
    draw, missed, harmless = random.Random(20), [], 0  # noqa: S311 - not cryptography
    for number in range(CORRUPTIONS):
        content = damaged(small_cog, draw)
        if accepted(tmp_path / "a.tif", content):
            harmless += 1
            if not same_pixels(pixels_of, small_cog, content):
                missed.append(number)
    assert not missed
    assert harmless < CORRUPTIONS / 5


def _fetch(store, quick, *wanted):
    return [outcome.state for outcome in download(wanted, store, **quick)]


def test_a_file_damaged_on_the_disk_is_set_aside_and_fetched_again(serve, cog, store, quick, want):
    server = serve({"/a.tif": cog, "/b.tif": cog})
    one, two = (want(f"{server.url}/{name}", path=name) for name in ("a.tif", "b.tif"))
    _fetch(store, quick, one, two)
    assert recheck([one, two], store) == ()
    place = store.file("a.tif")
    place.write_bytes(cog[:1000] + b"?" + cog[1001:])
    assert recheck([one, two], store) == (place.with_name("a.tif.corrupt"),)
    assert not place.exists()
    before = server.sent()
    assert _fetch(store, quick, one, two) == ["downloaded", "present"]
    assert place.read_bytes() == cog
    assert server.sent() - before == len(cog)


@pytest.mark.parametrize("change", ["deleted", "shorter", "other"])
def test_a_file_that_somebody_has_changed_is_not_taken_for_whole(serve, cog, store, quick, want, change):
    server = serve({"/a.tif": cog})
    one = want(f"{server.url}/a.tif", path="a.tif")
    _fetch(store, quick, one)
    place = store.file("a.tif")
    if change == "deleted":
        place.unlink()
    else:
        place.write_bytes(cog[:-1] if change == "shorter" else cog[:-1] + b"?")
    assert [outcome.state for outcome in survey([one], store)] == ["missing"]
    assert _fetch(store, quick, one) == ["downloaded"]
    assert place.read_bytes() == cog


def test_a_touched_file_is_hashed_and_not_fetched_again(serve, cog, store, quick, want):
    server = serve({"/a.tif": cog})
    one = want(f"{server.url}/a.tif", path="a.tif")
    _fetch(store, quick, one)
    before = len(server.log)
    store.file("a.tif").touch()
    assert _fetch(store, quick, one) == ["present"]
    assert len(server.log) == before


def test_another_item_at_the_same_place_is_fetched(serve, cog, other_cog, store, quick, want):
    server = serve({"/a.tif": cog, "/newer.tif": other_cog})
    _fetch(store, quick, want(f"{server.url}/a.tif", path="a.tif"))
    newer = want(f"{server.url}/newer.tif", path="a.tif", item_id="S2A_33UUU_20200109_1_L2A")
    assert _fetch(store, quick, newer) == ["downloaded"]
    assert store.file("a.tif").read_bytes() == other_cog


def test_prune_removes_what_was_used_least_recently(serve, cog, store, quick, want):
    server = serve({f"/{name}.tif": cog for name in "abc"})
    files = [want(f"{server.url}/{name}.tif", path=f"{name}.tif") for name in "abc"]
    for one in (*files, files[0]):
        _fetch(store, quick, one)
    assert [entry.row.path for entry in entries(store)] == ["b.tif", "c.tif", "a.tif"]
    removed = prune(store, limit=len(cog) * 5 // 2)
    assert [entry.row.path for entry in removed] == ["b.tif"]
    assert not store.file("b.tif").exists()
    assert _fetch(store, quick, *files) == ["present", "downloaded", "present"]
    assert len(prune(store, limit=0)) == 3


def test_no_secret_in_ledger_log_or_error(serve, faults, cog, store, quick, want, caplog):
    """With debug logging on, urllib3's included, for success, refusal, redirection, a broken and a refused connection."""
    server = serve({"/a.tif": cog, "/b.tif": cog})
    server.plan("/a.tif", faults.Fault("status"), faults.Fault("reset", after=10), faults.Fault("status", status=429))
    server.plan("/b.tif", faults.Fault("status", status=302, headers={"Location": f"{server.url}/a.tif?sig=HIDDEN"}))
    server.plan("/c.tif", faults.Fault("status", status=403))
    hrefs = [*(f"{server.url}/{name}.tif?token=HIDDEN" for name in "abc"), "http://user:HIDDEN@127.0.0.1:9/d.tif?sig=HIDDEN"]
    files = [want(href, path=f"{number}.tif") for number, href in enumerate(hrefs)]
    with caplog.at_level(logging.DEBUG):
        outcomes = download(files, store, **quick, resolve=lambda href, *, renew: Address(f"{href}&sig=HIDDEN{renew}"))
    assert [outcome.state for outcome in outcomes] == ["downloaded", "downloaded", "failed", "failed"]
    assert any(record.name.startswith("urllib3") for record in caplog.records)
    said = [caplog.text, *(outcome.error for outcome in outcomes), repr(Address("https://a/?HIDDEN"))]
    assert "HIDDEN" not in "".join(said)
    for file in store.root.rglob("*"):
        assert file.is_dir() or b"HIDDEN" not in file.read_bytes(), file


def test_a_broken_connection_brings_no_address_with_it(quick):
    with pytest.raises(TransientError) as caught:
        quick["client"].get(Address("http://127.0.0.1:9/a.tif?sig=HIDDEN"), {})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "urllib3's message holds the address"
    assert "HIDDEN" not in str(caught.value)
