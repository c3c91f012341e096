"""STAC-GeoParquet: the items of a table are the items that it was made from."""

from __future__ import annotations

import copy
import datetime as dt
import json
import sys

import pytest
import shapely

from mlbmi.aoi import AOI
from mlbmi.catalogs import search
from mlbmi.errors import SearchError

AREA = AOI.from_bbox(13.0, 52.4, 13.1, 52.5)
YEAR = {"start": dt.date(2023, 1, 1), "end": dt.date(2023, 12, 31)}


def row(item):
    """Make a row as the specification asks: properties on top, times as timestamps, WKB, the box as a struct."""
    item = copy.deepcopy(item)
    properties = item.pop("properties")
    moment = dt.datetime.fromisoformat(properties.pop("datetime"))
    box = dict(zip(("xmin", "ymin", "xmax", "ymax"), item.pop("bbox"), strict=True))
    geometry = shapely.to_wkb(shapely.geometry.shape(item.pop("geometry")))
    return {**item, **properties, "datetime": moment, "bbox": box, "geometry": geometry}


@pytest.fixture
def write_rows(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def save(rows, name="items.parquet"):
        columns = dict.fromkeys(name for row in rows for name in row)
        parquet.write_table(pyarrow.table({name: [row.get(name) for row in rows] for name in columns}), tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def write(write_rows):
    def save(items, name="items.parquet"):
        return write_rows([row(item) for item in items], name)

    return save


def facts(found):
    names = "item_id dialect datetime tile epsg platform baseline sequence orbit cloud_cover offset_applied collection"
    return [
        [*(getattr(scene, name) for name in names.split()), dict(scene.assets), scene.footprint.normalize().wkt]
        for scene in found
    ]


@pytest.mark.parametrize("dialects", [("earth-search-v1",), ("earth-search-v1", "planetary-computer", "cdse", "earth-search-v0")])
def test_a_table_gives_the_scenes_of_its_items(write, tmp_path, make_item, dialects):
    """Of several dialects, each row has null where others have assets or properties: no item may seem to have them."""
    items = [
        make_item(name, day=f"2023-08-{day:02d}", tile=tile)
        for day, name in enumerate(dialects, 1)
        for tile in ("33UUU", "32UQD")
    ]
    (tmp_path / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    found, expected = search(AREA, catalog=write(items), **YEAR), search(AREA, catalog=tmp_path / "items.json", **YEAR)
    assert facts(found) == facts(expected)
    assert len(found) == 2 * len(dialects)
    assert found.left_out == ()


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["planetary-computer-items", "earthsearch-v0-doeberitz-search"])
def test_recorded_items_survive_the_table(write, realdata, name):
    path = realdata / "stac" / f"{name}.json"
    content = json.loads(path.read_text())
    items = content if isinstance(content, list) else content["features"]
    world, ever = AOI.from_bbox(-180, -90, 180, 90), {"start": dt.date(2015, 1, 1), "end": dt.date(2026, 1, 1)}
    expected = search(world, catalog=path, **ever)
    assert len(expected) > 0
    assert facts(search(world, catalog=write(items, "t.geoparquet"), **ever)) == facts(expected)


def test_more_rows_than_are_taken_at_a_time(write, make_item):
    first = dt.date(2023, 1, 1)
    items = [make_item(day=str(first + dt.timedelta(days=n % 365)), sequence=n // 365) for n in range(730)]
    found = search(AREA, catalog=write(items), **YEAR)
    assert (len(found), len(found.left_out)) == (365, 365)


def test_parquet_of_something_else(write_rows, tmp_path):
    with pytest.raises(SearchError, match="no column assets, geometry"):
        search(AREA, catalog=write_rows([{"id": "a", "value": 1}]), **YEAR)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SearchError, match="cannot be read as Parquet"):
        search(AREA, catalog=tmp_path / "broken.parquet", **YEAR)


def test_a_broken_row_is_left_out_alone(write_rows, make_item):
    rows = [row(make_item(day="2023-08-01")), {**row(make_item(day="2023-08-02")), "geometry": b"no WKB"}]
    found = search(AREA, catalog=write_rows(rows), **YEAR)
    assert [scene.date.day for scene in found] == [1]
    assert "geometry" in found.left_out[0].reason


def test_without_pyarrow_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(SearchError, match="pip install pyarrow"):
        search(AREA, catalog=tmp_path / "t.parquet", **YEAR)


def test_an_asset_that_only_other_rows_have_is_missing(write, make_item):
    items = [make_item(day="2023-08-01"), make_item(day="2023-08-02")]
    del items[1]["assets"]["nir"]
    found = search(AREA, catalog=write(items), **YEAR)
    assert [scene.date.day for scene in found] == [1]
    assert [left.reason for left in found.left_out] == ["it lacks nir"]
