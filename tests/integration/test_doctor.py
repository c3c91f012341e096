"""`mlbmi doctor --catalog` on a real STAC API whose files lie behind a real file server."""

from __future__ import annotations

import json

import pytest

from mlbmi.diagnosis import diagnose_catalogue
from mlbmi.simulate import Recipe, build

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small())


def published(small, url, collection):
    """Return the simulation's items with the addresses that its files have on a server."""
    items = []
    for path in sorted(small.catalog.parent.rglob("S2*.json")):
        item = json.loads(path.read_text())
        for asset in item["assets"].values():
            file = (path.parent / asset["href"]).resolve()
            asset["href"] = f"{url}/{file.relative_to(small.folder)}"
        items.append(item | {"collection": collection, "links": []})
    return items


def test_every_step_works_and_few_bytes_are_read(stac_api, file_server, small):
    files = file_server(small.folder)
    stac_api.load(published(small, files.url, "doctor"))
    checks = diagnose_catalogue(stac_api.url, collection="doctor")
    assert all(check.ok for check in checks), checks[-1]
    found = {check.name: check.found for check in checks}
    assert list(found) == ["catalogue", "answers", "search", "item", "keys", "red", "scl", "offset"]
    assert found["answers"] == "item search, with POST, query, filter"
    assert "14 items that show 13.02, 52.48, 13.08, 52.52" in found["search"]
    assert found["keys"] == "none needed: its files are public"
    asked = files.log()
    assert {request.path.rpartition("/")[2] for request in asked} == {"B04.tif", "SCL.tif"}
    assert len({request.path.rpartition("/")[0] for request in asked}) == 1, "one scene"


def test_files_that_are_refused(stac_api, file_server, small):
    files = file_server(small.folder, rules="return 403;")
    stac_api.load(published(small, files.url, "refused"))
    checks = diagnose_catalogue(stac_api.url, collection="refused")
    assert [check.name for check in checks if not check.ok] == ["red"]
    assert "403" in checks[-1].found
    assert "your access" in checks[-1].remedy
