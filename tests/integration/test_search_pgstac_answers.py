"""Answers about hundreds of items of every dialect, from a real STAC API, against a plain filter over the same items."""

from __future__ import annotations

import datetime as dt
import random

import pytest
import requests

from mlbmi.aoi import AOI
from mlbmi.catalogs import api, search

pytestmark = pytest.mark.server

NUMBERS = {"earth-search-v0": 20, "earth-search-v1": 250, "earth-search-c1": 60, "planetary-computer": 130, "cdse": 40}
BASELINE_KEYS = ("s2:processing_baseline", "processing:version")
AREAS = {
    "both tiles": (13.0, 52.4, 13.1, 52.5),
    "33UUU alone": (13.62, 52.3, 13.68, 52.4),
    "33TWL alone": (15.2, 45.3, 15.3, 45.4),
    "nothing": (-60.0, -20.0, -59.0, -19.0),
}
QUESTIONS = [
    {"area": "both tiles", "start": "2021-01-01", "end": "2023-12-31"},
    {"area": "both tiles", "start": "2022-03-05", "end": "2022-07-20", "cloud_cover": 40},
    {"area": "33UUU alone", "start": "2021-06-01", "end": "2023-06-01", "cloud_cover": 7.5},
    {"area": "33TWL alone", "start": "2021-01-01", "end": "2023-12-31", "baseline": "04.00"},
    {"area": "both tiles", "start": "2021-01-01", "end": "2023-12-31", "cloud_cover": 70, "tiles": ["32UQD"]},
    {"area": "nothing", "start": "2021-01-01", "end": "2023-12-31"},
]


def collection_of(dialect):
    return f"answers-{dialect}"


@pytest.fixture(scope="module")
def items(stac_items):
    """Items drawn by chance, each id once: tile, day, cloud (one in twelve states none), baseline, sequence."""
    dice, made = random.Random(11), {}  # noqa: S311 — dice, not secrets
    for dialect, number in NUMBERS.items():
        drawn = {}
        while len(drawn) < number:
            item = stac_items.make_item(
                dialect,
                tile=dice.choice(["33UUU", "32UQD", "33TWL"]),
                day=str(dt.date(2021, 1, 1) + dt.timedelta(days=dice.randrange(1095))),
                cloud=None if dice.random() < 1 / 12 else round(dice.uniform(0, 100), 2),
                baseline=dice.choice(["02.14", "03.01", "04.00", "05.09", "05.10"]),
                sequence=dice.choice([0, 0, 0, 1]) if dialect in ("earth-search-v0", "earth-search-v1") else 0,
            )
            drawn[item["id"]] = item | {"collection": collection_of(dialect)}
        rivals = [again(item, stac_items, dialect) for item in list(drawn.values())[:8]] if dialect == "earth-search-v1" else []
        made[dialect] = [*drawn.values(), *(item for item in rivals if item["id"] not in drawn)]
    return made


def again(item, stac_items, dialect):
    """Return a second item of a tile and day, with the highest sequence number and an old baseline."""
    tile, day = item["properties"]["grid:code"].removeprefix("MGRS-"), item["properties"]["datetime"][:10]
    return stac_items.make_item(dialect, tile=tile, day=day, cloud=1.0, baseline="03.01", sequence=9) | {
        "collection": collection_of(dialect)
    }


@pytest.fixture(scope="module")
def server(stac_api, items):
    stac_api.load([item for dialect in items.values() for item in dialect])
    yield stac_api
    stac_api.forget([collection_of(dialect) for dialect in items])  # one server serves all tests


# --- the oracle: no geometry library, no server, none of the code under test


def baseline_of(item):
    named = next((item["properties"][key] for key in BASELINE_KEYS if key in item["properties"]), None)
    if named is None:  # v0 says it in the product's name only
        digits = item["properties"]["sentinel:product_id"].split("_N")[1][:4]
        named = f"{digits[:2]}.{digits[2:]}"
    return tuple(int(part) for part in named.split("."))


def tile_of(item):
    properties = item["properties"]
    if "s2:mgrs_tile" in properties:
        return properties["s2:mgrs_tile"]
    if "grid:code" in properties:
        return properties["grid:code"].removeprefix("MGRS-")
    return f"{properties['sentinel:utm_zone']}{properties['sentinel:latitude_band']}{properties['sentinel:grid_square']}"


def sequence_of(item):
    return int(item["properties"].get("s2:sequence", item["properties"].get("sentinel:sequence", 0)))


def day_of(item):
    return item["properties"]["datetime"][:10]


def overlaps(item, area):
    west, south, east, north = item["bbox"]
    return west < area[2] and area[0] < east and south < area[3] and area[1] < north


def asked_for(item, question):
    limit, cloud = question.get("cloud_cover"), item["properties"].get("eo:cloud_cover")
    least = tuple(int(part) for part in question.get("baseline", "00.00").split("."))
    return (
        overlaps(item, AREAS[question["area"]])
        and question["start"] <= day_of(item) <= question["end"]
        and (limit is None or (cloud is not None and cloud <= limit))
        and baseline_of(item) >= least
        and tile_of(item) in question.get("tiles", [tile_of(item)])
    )


def expected(items, question):
    """Of the items that fit, the newest baseline of each tile and day, then the highest sequence number."""
    best = {}
    for item in items:
        if asked_for(item, question):
            place = (day_of(item), tile_of(item))
            rank = (baseline_of(item), sequence_of(item), item["id"])
            best[place] = max(best.get(place, rank), rank)
    return [best[place][2] for place in sorted(best)]


def ask(server, dialect, question):
    rest = {name: value for name, value in question.items() if name in ("cloud_cover", "tiles", "baseline")}
    days = {name: dt.date.fromisoformat(question[name]) for name in ("start", "end")}
    area = AOI.from_bbox(*AREAS[question["area"]])
    return search(area, catalog=server.url, collection=collection_of(dialect), **days, **rest)


# --- our client


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
@pytest.mark.parametrize("dialect", NUMBERS)
def test_the_clients_answer_is_the_plain_filters(server, items, dialect, question):
    found = ask(server, dialect, question)
    assert [scene.item_id for scene in found] == expected(items[dialect], question)
    assert all(scene.dialect == dialect for scene in found)


def test_the_questions_are_not_idle(items):
    answers = [len(expected(items[dialect], question)) for dialect in NUMBERS for question in QUESTIONS]
    assert max(answers) > 100, "more than a page"
    assert sum(answer > 0 for answer in answers) >= 20
    first = QUESTIONS[0]
    fitting = [item for item in items["earth-search-v1"] if asked_for(item, first)]
    assert len(fitting) > len(expected(fitting, first)), "some tile and day comes twice"


@pytest.mark.parametrize("dialect", NUMBERS)
def test_the_cloud_limit_as_cql2_gives_what_it_gives_as_query(server, items, dialect, monkeypatch):
    """A server that knows no `query` is asked in CQL2."""
    sent, real = [], api.Client.conforms_to
    searching = api.Client.search
    monkeypatch.setattr(
        api.Client, "conforms_to", lambda self, what: what is not api.ConformanceClasses.QUERY and real(self, what)
    )
    monkeypatch.setattr(api.Client, "search", lambda self, **given: (sent.append(given), searching(self, **given))[1])
    found = ask(server, dialect, QUESTIONS[1])
    assert [scene.item_id for scene in found] == expected(items[dialect], QUESTIONS[1])
    assert ["filter" in given and "query" not in given for given in sent] == [True]
    assert not any("cloud" in left.reason for left in found.left_out), "the server has left them out itself"


# --- the server alone, asked by hand: what our client relies on, or does without


def pages(server, body):
    """Follow the links to next pages; return the features of each page."""
    found, method, url = [], "POST", f"{server.url}/search"
    while url:
        answer = requests.request(method, url, json=body, timeout=30).json()
        found.append(answer["features"])
        following = [link for link in answer["links"] if link["rel"] == "next"]
        url = following[0]["href"] if following else None
        body = following[0].get("body", body) if following else None
    return found


@pytest.mark.parametrize("dialect", NUMBERS)
def test_query_cql2_and_the_plain_filter_name_the_same_items(server, items, dialect):
    common = {"collections": [collection_of(dialect)], "bbox": AREAS["both tiles"], "limit": 1000}
    when = "2021-06-01T00:00:00Z/2023-03-31T23:59:59Z"
    fitting = {
        item["id"]
        for item in items[dialect]
        if asked_for(item, {"area": "both tiles", "start": "2021-06-01", "end": "2023-03-31", "cloud_cover": 33.3})
    }
    cloud = {"property": "eo:cloud_cover"}
    cql2 = {"op": "and", "args": [{"op": "<=", "args": [cloud, 33.3]}, {"op": ">=", "args": [cloud, 0]}]}
    for condition in ({"query": {"eo:cloud_cover": {"lte": 33.3}}}, {"filter": cql2, "filter-lang": "cql2-json"}):
        (page,) = pages(server, common | {"datetime": when} | condition)
        assert {item["id"] for item in page} == fitting, condition
    assert fitting or dialect == "earth-search-v0"


@pytest.mark.parametrize("size", [7, 50, 100])
def test_pages_of_any_size_hold_each_item_once(server, items, size):
    body = {"collections": [collection_of("earth-search-v1")], "bbox": AREAS["both tiles"], "limit": size}
    found = pages(server, body)
    ids = [item["id"] for page in found for item in page]
    fitting = {item["id"] for item in items["earth-search-v1"] if overlaps(item, AREAS["both tiles"])}
    assert len(ids) == len(set(ids))
    assert set(ids) == fitting
    assert [len(page) for page in found[:-1]] == [size] * (len(fitting) // size - (len(fitting) % size == 0))


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("field", ["datetime", "id"])
def test_the_server_sorts_and_our_own_order_does_not_depend_on_it(server, field, direction):
    body = {"collections": [collection_of("planetary-computer")], "bbox": AREAS["both tiles"], "limit": 20}
    # Not by cloud cover: pgstac sorts numbers as text unless it is told their type. Our client sorts for itself.
    body["sortby"] = [{"field": field, "direction": direction}]
    found = [item for page in pages(server, body) for item in page]
    values = [item["properties"].get(field, item["id"]) for item in found]
    assert values == sorted(values, reverse=direction == "desc")
    assert len(found) > 20
    ours = ask(server, "planetary-computer", QUESTIONS[0])
    assert [(scene.date, scene.tile) for scene in ours] == sorted((scene.date, scene.tile) for scene in ours)
    assert {item["id"] for item in found} <= {scene.item_id for scene in ours} | {left.item_id for left in ours.left_out}


@pytest.mark.parametrize("area", AREAS)
def test_intersects_and_bbox_name_the_items_that_overlap(server, items, area):
    for dialect in NUMBERS:
        overlapping = {item["id"] for item in items[dialect] if overlaps(item, AREAS[area])}
        common = {"collections": [collection_of(dialect)], "limit": 1000}
        for where in ({"bbox": AREAS[area]}, {"intersects": AOI.from_bbox(*AREAS[area]).to_geojson()}):
            (page,) = pages(server, common | where)
            assert {item["id"] for item in page} == overlapping, (dialect, where)
