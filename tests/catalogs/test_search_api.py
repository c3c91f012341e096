"""STAC APIs: what is asked, and what is made of servers that ignore it, misbehave, or are not there."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.access import patience
from mlbmi.aoi import AOI
from mlbmi.catalogs import api, search
from mlbmi.errors import SearchError

AREA = AOI.from_bbox(13.0, 52.4, 13.1, 52.5)
AUGUST = {"start": dt.date(2023, 8, 1), "end": dt.date(2023, 8, 31)}
CORE = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
QUERY = "https://api.stacspec.org/v1.0.0/item-search#query"
FILTER = "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter"


class FakeApi:
    """A STAC API that ignores every part of a question and gives all its items, two a page; each habit can be changed."""

    def __init__(self, items):
        self.items = items
        self.conforms_to = [*CORE, QUERY]
        self.methods = ("GET", "POST")
        self.asked = []
        self.page_size = 2
        self.failures = []
        self.search_failures = []
        self.next_page = lambda number: number + 1
        self.search_href = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self, None)

            def do_POST(self):
                server.answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def answer(self, request, body):
        self.asked.append((request.command, request.path, body))
        status, extra, content = 200, {}, None
        if self.failures:
            status, extra, content = self.failures.pop(0)
        elif self.search_failures and request.path.startswith("/search"):
            status, extra, content = self.search_failures.pop(0)
        elif request.path.startswith("/search"):
            content = self.page(body, request.path)
        else:
            content = self.landing()
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **extra}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(raw)

    def landing(self):
        href = self.search_href or f"{self.url}/search"
        links = [{"rel": "search", "href": href, "method": method, "type": "application/geo+json"} for method in self.methods]
        content = {"type": "Catalog", "id": "fake", "stac_version": "1.0.0", "description": "x", "links": links}
        return content | ({"conformsTo": self.conforms_to} if self.conforms_to else {})

    def page(self, body, path):
        number = int((body or {}).get("token", path.partition("token=")[2] or 0))
        first = number * self.page_size
        answer = {"type": "FeatureCollection", "features": self.items[first : first + self.page_size], "links": []}
        if first + self.page_size < len(self.items) or self.next_page(number) <= number:
            token = self.next_page(number)
            link = {"rel": "next", "href": f"{self.url}/search?token={token}"}
            if body is not None:
                link |= {"href": f"{self.url}/search", "method": "POST", "body": {**body, "token": token}}
            answer["links"].append(link)
        return answer


@pytest.fixture
def items(make_item):
    return [
        make_item(day="2023-08-01"),
        make_item(day="2023-08-02", cloud=50),
        make_item(day="2023-08-03", tile="33TWL"),
        make_item(day="2022-08-04"),
        make_item(day="2023-08-05", cloud=None),
        make_item("earth-search-c1", day="2023-08-06"),
        make_item(day="2023-08-07", tile="32UQD"),
    ]


@pytest.fixture
def server(items):
    fake = FakeApi(items)
    yield fake
    fake.close()


@pytest.fixture
def impatient(monkeypatch):
    """Ask again at once: the pauses are urllib3's."""
    monkeypatch.setattr(patience._Patient, "get_backoff_time", lambda _: 0.0)


def test_a_server_that_ignores_the_question_yields_only_what_was_asked_for(server):
    found = search(AREA, catalog=server.url, cloud_cover=10, collection="sentinel-2-l2a", **AUGUST)
    assert [(str(scene.date), scene.tile) for scene in found] == [("2023-08-01", "33UUU"), ("2023-08-07", "32UQD")]
    assert (found.catalog, found.collection) == (server.url, "sentinel-2-l2a")
    reasons = {left.item_id: left.reason for left in found.left_out}
    assert reasons == {
        "S2B_33UUU_20230802_0_L2A": "its cloud cover is 50 %, and the limit is 10 %",
        "S2B_33TWL_20230803_0_L2A": "its footprint does not cover any of the area",
        "S2B_33UUU_20220804_0_L2A": "its day 2022-08-04 lies outside 2023-08-01 to 2023-08-31",
        "S2B_33UUU_20230805_0_L2A": "it states no cloud cover, and the limit is 10 %",
        "S2B_T33UUU_20230806T101905_L2A": "its collection is 'sentinel-2-c1-l2a', not 'sentinel-2-l2a'",
    }


def test_what_is_asked_and_all_pages_are_read(server):
    found = search(AREA, catalog=server.url, cloud_cover=10, collection="sentinel-2-l2a", **AUGUST)
    assert len(found) + len(found.left_out) == 7
    (landing, first, *more) = server.asked
    assert landing == ("GET", "/", None)
    assert first[0:2] == ("POST", "/search")
    assert first[2] == {
        "limit": 100,
        "collections": ["sentinel-2-l2a"],
        "datetime": "2023-08-01T00:00:00Z/2023-08-31T23:59:59.999Z",
        "intersects": json.loads(shapely.to_geojson(AREA.geometry)),
        "query": {"eo:cloud_cover": {"lte": 10}},
    }
    assert [body["token"] for _, _, body in more] == [1, 2, 3]


def test_without_limit_or_collection_neither_is_sent(server):
    search(AREA, catalog=server.url, **AUGUST)
    assert set(server.asked[1][2]) == {"limit", "datetime", "intersects"}


@pytest.mark.parametrize(
    ("conforms_to", "sent"),
    [
        ([*CORE, FILTER], {"filter": {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 10]}, "filter-lang": "cql2-json"}),
        (CORE, {}),
    ],
)
def test_the_cloud_limit_is_sent_in_the_way_that_the_server_knows(server, conforms_to, sent):
    server.conforms_to = conforms_to
    assert len(search(AREA, catalog=server.url, cloud_cover=10, **AUGUST)) == 3
    body = server.asked[1][2]
    assert {key: body[key] for key in body if key in ("query", "filter", "filter-lang")} == sent


def test_a_server_without_post_is_asked_with_get(server):
    server.methods = ("GET",)
    assert len(search(AREA, catalog=server.url, cloud_cover=10, **AUGUST)) == 3
    assert {command for command, _, _ in server.asked} == {"GET"}
    assert "bbox=13.0%2C52.4%2C13.1%2C52.5" in server.asked[1][1]


def test_an_outline_of_many_vertices_is_sent_as_its_bounds(server):
    circle = shapely.Point(13.05, 52.45).buffer(0.05, quad_segs=500)
    assert len(search(AOI("round", circle), catalog=server.url, **AUGUST)) == 5
    body = server.asked[1][2]
    assert "intersects" not in body
    assert body["bbox"] == pytest.approx([13.0, 52.4, 13.1, 52.5])


def test_hrefs_of_a_remote_item_may_not_be_local_files(server, items):
    items[0]["assets"]["red"]["href"] = "/etc/passwd"
    items[0]["links"] = [{"rel": "self", "href": "/etc/item.json"}]
    items[6]["assets"]["red"]["href"] = "B04.tif"
    items[6]["links"] = []
    found = search(AREA, catalog=server.url, **AUGUST)
    reasons = {left.item_id: left.reason for left in found.left_out}
    assert reasons["S2B_33UUU_20230801_0_L2A"] == (
        "asset red: its href '/etc/passwd' is refused: a remote catalogue may not name a local file"
    )
    assert found[-1].assets["red"].href == f"{server.url}/B04.tif"


def test_an_empty_answer_is_an_empty_result(server):
    server.items = []
    found = search(AREA, catalog=server.url, **AUGUST)
    assert (found.scenes, found.left_out) == ((), ())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_is_waited_out(server, status):
    server.failures = [(status, {"Retry-After": "0"}, {})] * 3
    server.search_failures = [(status, {}, {})] * 2
    assert len(search(AREA, catalog=server.url, collection="sentinel-2-l2a", **AUGUST)) == 4
    assert len(server.asked) == 3 + 1 + 2 + 4


@pytest.mark.usefixtures("impatient")
def test_lasting_trouble_is_an_error(server):
    server.failures = [(503, {}, b"<html>out of order</html>")] * 99
    with pytest.raises(SearchError, match="cannot be searched"):
        search(AREA, catalog=server.url, **AUGUST)
    assert len(server.asked) == 6


def test_refusal_is_not_asked_again(server):
    server.failures = [(403, {}, b'{"detail": "no"}')] * 9
    with pytest.raises(SearchError, match="cannot be searched"):
        search(AREA, catalog=server.url, **AUGUST)
    assert len(server.asked) == 1


def test_a_server_may_not_ask_for_hours_of_patience():
    answer = SimpleNamespace(headers={"Retry-After": "86400"})
    assert patience.urllib3_retry().get_retry_after(answer) == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"next_page": lambda _: 0}, "runs in circles"),
        ({"conforms_to": []}, "does not advertise any conformance classes"),
        ({"conforms_to": CORE[:1]}, "does not conform to ITEM_SEARCH"),
        ({"methods": ()}, "No link with rel='search'"),
        ({"search_href": "file:///etc/hostname"}, "not http"),
        ({"search_href": "/../../etc/hostname"}, "no list of features"),
        ({"failures": [(200, {}, b"<html>hello</html>")]}, "not STAC"),
        ({"failures": [(200, {}, b"[]")]}, "not STAC"),
        ({"failures": [(200, {}, b"{}")]}, "expected type=Catalog, found type=None"),
        ({"page": lambda *_: {"type": "Catalog"}}, "no list of features"),
        ({"page": lambda *_: {"features": {"a": 1}}}, "no list of features"),
    ],
)
def test_a_server_that_misbehaves_is_an_error_in_one_line(server, change, message):
    for name, value in change.items():
        setattr(server, name, value)
    with pytest.raises(SearchError, match=message) as caught:
        search(AREA, catalog=server.url, **AUGUST)
    assert "\n" not in str(caught.value)
    assert server.url in str(caught.value)


def test_pages_that_never_end_are_stopped(server, monkeypatch):
    monkeypatch.setattr(api, "_MOST_ITEMS", 5)
    with pytest.raises(SearchError, match="more than 5 items"):
        search(AREA, catalog=server.url, **AUGUST)


@pytest.mark.parametrize("page", [[], {"features": 7}, {"features": [{}], "links": [{}]}, {"features": [{}], "links": 3}])
def test_pages_that_are_no_pages(server, page):
    server.page = lambda *_: page
    with pytest.raises(SearchError, match="not STAC"):
        search(AREA, catalog=server.url, **AUGUST)


def test_items_that_are_no_items_are_left_out(server, items):
    server.items = [None, 7, [], {}, items[0]]
    found = search(AREA, catalog=server.url, **AUGUST)
    assert [scene.item_id for scene in found] == ["S2B_33UUU_20230801_0_L2A"]
    assert [left.item_id for left in found.left_out] == ["?"] * 4


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_server_is_an_error_in_one_line_without_secrets(caplog):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://me:SECRET@127.0.0.1:{port}/v1?token=SECRET"
    with caplog.at_level(logging.DEBUG), pytest.raises(SearchError) as caught:
        search(AREA, catalog=url, **AUGUST)
    text = str(caught.value)
    assert text.startswith(f"the STAC API http://127.0.0.1:{port}/v1 cannot be searched: ")
    assert "\n" not in text
    assert "SECRET" not in text + repr(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert caught.value.exit_code == 1


def test_no_secret_is_logged_while_a_search_goes_well(server, caplog):
    url = server.url.replace("//", "//me:SECRET@") + "/?token=SECRET"
    with caplog.at_level(logging.DEBUG):
        assert len(search(AREA, catalog=url, **AUGUST)) == 5
    assert "SECRET" not in caplog.text
    assert "Basic" not in caplog.text
    assert "POST /search HTTP" in caplog.text


def test_the_filters_of_warnings_are_left_as_they_were(server):
    import warnings

    before = list(warnings.filters)
    search(AREA, catalog=server.url, **AUGUST)
    assert warnings.filters == before


@settings(max_examples=15, deadline=None)
@given(size=st.integers(1, 9), count=st.integers(0, 12))
def test_every_size_of_page_gives_every_item(make_item, size, count):
    fake = FakeApi([make_item(day=f"2023-08-{day + 1:02d}") for day in range(count)])
    fake.page_size = size
    try:
        assert len(search(AREA, catalog=fake.url, **AUGUST)) == count
    finally:
        fake.close()


def test_across_the_180th_meridian_boxes_are_asked_for_on_each_side_and_an_item_comes_once(make_item, stac_items, monkeypatch):
    monkeypatch.setattr(stac_items, "EPSG", {"60KYG": 32760, "01KAB": 32701})
    fiji = AOI.from_bbox(179.5, -17, -179.5, -16.5)
    jumps = make_item(tile="60KYG", day="2023-08-02", box=(179, -18, 180, -16))
    jumps["geometry"]["coordinates"] = [[[179, -18], [-179.8, -18], [-179.8, -16], [179, -16], [179, -18]]]
    fake = FakeApi([jumps, make_item(tile="01KAB", day="2023-08-02", box=(-180, -18, -179, -16))])
    fake.methods = ("GET",)
    try:
        found = search(fiji, catalog=fake.url, **AUGUST)
        boxes = [path.partition("bbox=")[2].partition("&")[0] for _, path, _ in fake.asked if path.startswith("/search")]
        assert [[float(v) for v in box.replace("%2C", ",").split(",")] for box in boxes] == [
            [179.5, -17.0, 180.0, -16.5],
            [-180.0, -17.0, -179.5, -16.5],
        ]
        assert [scene.tile for scene in found] == ["01KAB", "60KYG"]
        assert found.left_out == ()
        assert found[1].footprint.bounds == (-180.0, -18.0, 180.0, -16.0)
        assert found[1].footprint.area == pytest.approx(2.4)
        fake.methods, fake.asked = ("POST",), []
        assert len(search(fiji, catalog=fake.url, **AUGUST)) == 2
        (body,) = [body for method, _, body in fake.asked if method == "POST"]
        assert body["intersects"]["type"] == "MultiPolygon"
    finally:
        fake.close()
