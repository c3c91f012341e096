"""`mlbmi doctor --catalog`: each step shown working, each kind of trouble named with what to do about it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys

import pytest

from mlbmi.access import retries
from mlbmi.aoi import AOI
from mlbmi.diagnosis import diagnose_catalogue
from mlbmi.simulate import Recipe, build

STEPS = ["catalogue", "answers", "search", "item", "keys", "red", "scl", "offset"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small())


@pytest.fixture
def served(small, fake_api):
    """The simulation's own items behind an API; `integration/test_doctor.py` has their files behind a server as well."""
    items = [json.loads(path.read_text()) for path in sorted(small.catalog.parent.rglob("S2*.json"))]
    server = fake_api(items)
    yield server
    server.close()


def failure(checks):
    """Return the one check that failed, which must be the last, and must say what to do."""
    assert all(check.ok for check in checks[:-1])
    assert not checks[-1].ok
    assert checks[-1].remedy
    assert "\n" not in checks[-1].found + checks[-1].remedy
    return checks[-1]


def test_a_catalogue_on_disk_passes_every_step(small):
    checks = diagnose_catalogue(str(small.catalog))
    assert [check.name for check in checks] == STEPS
    assert all(check.ok for check in checks)
    found = {check.name: check.found for check in checks}
    assert "dialect earth-search-v1" in found["item"]
    assert found["keys"] == "none needed: its files are on this disk"
    assert found["red"].startswith("64 × 64 pixels in ")
    assert found["offset"].startswith("0 is added to DN: processing baseline 02.13 has no offset")


def test_a_place_that_a_catalogue_on_disk_does_not_show(small):
    check = failure(diagnose_catalogue(str(small.catalog), aoi=AOI.from_bbox(0, 0, 0.1, 0.1)))
    assert (check.name, "--aoi" in check.remedy) == ("search", True)
    assert "shows 0, 0, 0.1, 0.1" in check.found


def test_a_file_that_cannot_be_read(small, tmp_path):
    shutil.copytree(small.folder, tmp_path / "own")
    for path in (tmp_path / "own").rglob("B04.tif"):
        path.write_bytes(path.read_bytes()[:50])
    check = failure(diagnose_catalogue(str(tmp_path / "own" / small.catalog.name)))
    assert check.name == "red"
    assert "cannot be read" in check.found


@pytest.mark.parametrize(
    ("name", "words"), [("no-such-name", "neither a known catalogue"), ("ftp://x", "not an http or https URL")]
)
def test_what_is_no_catalogue(name, words):
    check = failure(diagnose_catalogue(name))
    assert check.name == "catalogue"
    assert words in check.found
    assert "earth-search" in check.remedy


def test_a_file_that_is_no_catalogue(tmp_path):
    (tmp_path / "catalog.json").write_text('{"type": "Topology"}')
    check = failure(diagnose_catalogue(str(tmp_path)))
    assert check.name == "search"
    assert "not STAC" in check.found


def test_an_api_is_asked_for_little(served):
    served.page_size = 3
    diagnose_catalogue(served.url)
    searches = [body for method, _, body in served.asked if method == "POST"]
    assert searches[0]["limit"] == 20
    assert searches[0]["datetime"].startswith("2015-06-23T")
    assert searches[0]["intersects"]["type"] == "Polygon"


def test_an_api_without_the_place_is_an_empty_answer(served):
    served.items = []
    check = failure(diagnose_catalogue(served.url))
    assert check.name == "search"
    assert f"no item of '{served.url}' shows 13.02, 52.48, 13.08, 52.52 on any day from 2015-06-23" in check.found
    assert "--aoi" in check.remedy


def test_items_that_are_not_understood_say_why(served):
    for number, item in enumerate(served.items):
        item["collection"], item["id"] = "landsat-c2-l2", f"LC08_{number}"
        item["properties"]["platform"] = item["properties"]["constellation"] = "landsat-8"
        item["properties"].pop("s2:product_uri", None)
        item["properties"].pop("s2:product_type", None)
    check = failure(diagnose_catalogue(served.url))
    assert check.name == "item"
    assert "not Sentinel-2 L2A" in check.found
    assert "--collection" in check.remedy


@pytest.mark.parametrize(
    ("status", "body", "step", "words", "remedy"),
    [
        (401, b'{"detail": "who are you?"}', "answers", "HTTP 401", "the key that it wants"),
        (403, b"no", "answers", "HTTP 403", "the key that it wants"),
        (404, b"nothing here", "answers", "HTTP 404", "landing page"),
        (200, b"<html>hello</html>", "answers", "not STAC", "landing page"),
        (200, b'{"type": "Catalog"}', "answers", "not one that can be searched", "landing page"),
    ],
)
def test_answers_that_are_none(served, status, body, step, words, remedy):
    served.failures = [(status, {}, body)] * 9
    check = failure(diagnose_catalogue(f"{served.url}?token=SECRET"))
    assert check.name == step
    assert words in check.found
    assert remedy in check.remedy
    assert "SECRET" not in check.found + check.remedy


def test_an_api_that_cannot_be_searched(served):
    served.conforms_to = served.conforms_to[:1]
    check = failure(diagnose_catalogue(served.url))
    assert check.name == "answers"
    assert "does not conform to ITEM_SEARCH" in check.found
    assert "item search" in check.remedy


def test_a_search_that_is_refused_after_a_friendly_landing_page(served):
    served.search_failures = [(401, {}, b"{}")] * 9
    check = failure(diagnose_catalogue(served.url))
    assert check.name == "search"
    assert "HTTP 401" in check.found


def test_a_dead_host(monkeypatch):
    monkeypatch.setattr(retries.Retries, "connect", 0, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    check = failure(diagnose_catalogue(f"http://127.0.0.1:{port}"))
    assert check.name == "answers"
    assert check.remedy == "Check the address and the network."


def test_keys_that_are_missing_are_named_before_anything_is_read(served, monkeypatch, tmp_path):
    for name in ("CDSE_S3_ACCESS_KEY", "CDSE_S3_SECRET_KEY", "AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for item in served.items:
        for asset in item["assets"].values():
            asset["href"] = f"s3://eodata/{item['id']}/{asset['href'].rpartition('/')[2]}"
    check = failure(diagnose_catalogue(served.url))
    assert check.name == "keys"
    assert "read with keys, and none are found" in check.found
    assert "CDSE_S3_ACCESS_KEY" in check.remedy


def test_files_that_the_reader_pays_for_are_said_to_be(served):
    for item in served.items:
        for asset in item["assets"].values():
            asset["href"] = f"s3://sentinel-s2-l2a/{item['id']}/{asset['href'].rpartition('/')[2]}"
    check = failure(diagnose_catalogue(served.url))
    assert (check.name, "the reader pays" in check.found) == ("keys", True)


def test_the_command(small, tmp_path):
    def call(*words):
        return subprocess.run(
            [sys.executable, "-m", "mlbmi", "doctor", *map(str, words)], capture_output=True, text=True, check=False, cwd=tmp_path
        )

    done = call("--catalog", small.catalog, "--json", "--aoi", small.aoi)
    assert done.returncode == 0, done.stderr
    assert [check["name"] for check in json.loads(done.stdout)] == STEPS
    done = call("--catalog", "nowhere")
    assert done.returncode == 1
    assert "neither a known catalogue" in done.stdout
    done = call("--catalog", small.catalog, "--env-filename", "gone.env")
    assert done.returncode == 2
    assert "gone.env" in done.stderr
