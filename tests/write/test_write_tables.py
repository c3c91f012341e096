"""clusters.csv and acquisitions.csv."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from mlbmi.errors import InputError, WriteError
from mlbmi.types import Acquisition, OffsetDecision
from mlbmi.write import MappedClustering, write_acquisitions, write_clusters_table


def _read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_clusters_by_hand(tmp_path, images, cube):
    path = write_clusters_table(tmp_path / "clusters.csv", [("33UUU", images, 0.01)])
    rows = _read(path)
    assert list(rows[0]) == [
        "grid",
        "mode",
        "index",
        "k",
        "date",
        "cluster",
        "name",
        "pixels",
        "hectares",
        "share",
        "mean",
        "sd",
        "center",
    ]
    assert len(rows) == 3 * 4 + 4
    row = rows[4 + 2]  # second date, cluster 2
    image, labels = cube[1].to_numpy(), images.labels[1].to_numpy()
    chosen = image[labels == 2].astype(float)
    assert (row["grid"], row["mode"], row["index"], row["k"], row["date"]) == ("33UUU", "images", "ndvi", "4", "2020-01-24")
    assert (row["cluster"], row["name"], row["pixels"]) == ("2", "cluster 2", str(chosen.size))
    assert float(row["hectares"]) == pytest.approx(chosen.size / 100, abs=1e-9)
    assert float(row["share"]) == pytest.approx(chosen.size / (labels != 255).sum(), abs=1e-6)
    assert float(row["mean"]) == pytest.approx(chosen.mean(), abs=1e-6)
    assert float(row["sd"]) == pytest.approx(chosen.std(), abs=1e-6)
    assert row["center"] == "0.500000"
    whole = rows[-4:]
    assert {row["date"] for row in whole} == {""}
    assert {row["hectares"] for row in whole} == {""}, "pixels times dates are no area"
    assert sum(int(row["pixels"]) for row in whole) == (images.labels.to_numpy() != 255).sum()


def test_shares_of_a_date_sum_to_one(tmp_path, images):
    frame = pd.read_csv(write_clusters_table(tmp_path / "c.csv", [("33UUU", images, 0.01)]))
    dated = frame[frame["date"].notna()]
    assert dated.groupby("date")["share"].sum().to_numpy() == pytest.approx(1, abs=4e-6)


def test_areas_of_series_and_of_an_image_without_date(tmp_path, series, images):
    single = dataclasses.replace(images, labels=images.labels[0], rows=images.rows[-4:])
    path = write_clusters_table(tmp_path / "c.csv", [MappedClustering("a", series, 0.01), MappedClustering("b", single, 0.01)])
    for row in _read(path):
        assert float(row["hectares"]) == pytest.approx(int(row["pixels"]) / 100, abs=1e-9)


def test_unknown_values_are_empty_cells(tmp_path, series):
    rows = (dataclasses.replace(series.rows[0], mean=math.nan, sd=math.nan, pixels=0, center=-0.0), *series.rows[1:])
    path = write_clusters_table(tmp_path / "c.csv", [("a", dataclasses.replace(series, rows=rows), math.nan)])
    first = _read(path)[0]
    assert (first["mean"], first["sd"], first["hectares"], first["center"]) == ("", "", "", "0.000000")


def test_rfc_4180(tmp_path, series):
    names = ('water, "deep"', "two\nlines", "=1+1")
    path = write_clusters_table(tmp_path / "c.csv", [MappedClustering("a", series, 0.01, names)])
    raw = path.read_bytes()
    assert raw.count(b"\r\n") == raw.count(b"\n") == 4
    assert b'"water, ""deep"""' in raw
    assert [row["name"] for row in _read(path)] == ['water, "deep"', "two lines", "'=1+1"]


def test_names_must_be_as_many_as_clusters(tmp_path, series):
    with pytest.raises(InputError, match="2 names were given for 3 clusters"):
        write_clusters_table(tmp_path / "c.csv", [MappedClustering("a", series, 0.01, ("x", "y"))])


def test_rows_of_others_stay(tmp_path, images, series):
    path = tmp_path / "c.csv"
    for grid, clustering in (("33UUU", images), ("33UUU", series), ("32UQD", images), ("33UUU", images)):
        write_clusters_table(path, [(grid, clustering, 0.01)], keep_others=True)
    keys = [(row["grid"], row["mode"]) for row in _read(path)]
    assert {key: keys.count(key) for key in keys} == {
        ("33UUU", "timeseries"): 3,
        ("32UQD", "images"): 16,
        ("33UUU", "images"): 16,
    }
    write_clusters_table(path, [("33UUU", series, 0.01)])
    assert len(_read(path)) == 3


@pytest.mark.parametrize("content", [b"a,b\r\n1,2\r\n", b"\xff\xfe", b"", b'grid,"'])
def test_another_table_is_not_overwritten(tmp_path, series, content):
    path = tmp_path / "clusters.csv"
    path.write_bytes(content)
    with pytest.raises(WriteError, match="Move it away"):
        write_clusters_table(path, [("a", series, 0.01)], keep_others=True)
    assert path.read_bytes() == content


def test_acquisitions(tmp_path, used):
    lost = Acquisition(item_id="-evil\r\n=cmd", scene=None, status="left out", reason='=HYPERLINK("http://x?sig=S3CR3T")')
    failed = Acquisition(
        item_id=used.item_id,
        scene=dataclasses.replace(
            used.scene, datetime=dt.datetime(2020, 1, 17, 10, 3, tzinfo=dt.timezone(dt.timedelta(hours=1)))
        ),
        status="failed",
        reason="HTTP 503 for https://h.example/a.tif?sig=S3CR3T after 5 tries",
        grid="33UUU",
        offset=OffsetDecision(
            add=-1000,
            source="pixels",
            reason="seen",
            contradiction="+1000 seen",
            metadata_add=0,
            pixels_add=-1000,
            probability=0.999,
            sure=True,
            pixels=1234,
        ),
    )
    path = write_acquisitions(tmp_path / "acquisitions.csv", [lost, used, failed])
    rows = _read(path)
    assert list(rows[0])[:21] == [
        "item_id",
        "tile",
        "time",
        "date",
        "platform",
        "baseline",
        "orbit",
        "cloud_cover",
        "grid",
        "status",
        "reason",
        "clear_share",
        "offset_add",
        "offset_source",
        "offset_reason",
        "offset_contradiction",
        "offset_metadata_add",
        "offset_pixels_add",
        "offset_probability",
        "offset_sure",
        "offset_pixels",
    ]
    assert list(rows[0])[21:] == ["n_nodata", "n_scl", "n_dilation", "n_outlier"]
    first, second, third = rows
    assert (first["status"], first["time"]) == ("failed", "2020-01-17T09:03:00Z")
    assert (first["offset_add"], first["offset_contradiction"]) == ("-1000", "'+1000 seen")
    assert first["reason"] == "HTTP 503 for https://h.example/a.tif after 5 tries"
    assert first["n_scl"] == "", "not counted is not zero"
    assert (second["date"], second["baseline"], second["orbit"], second["cloud_cover"]) == (
        "2020-01-24",
        "02.14",
        "122",
        "0.375000",
    )
    assert (second["clear_share"], second["n_scl"], second["n_nodata"], second["n_outlier"]) == ("0.972510", "12", "3", "1")
    assert (third["item_id"], third["tile"], third["time"]) == ("'-evil =cmd", "", "")
    assert third["reason"].startswith("'=HYPERLINK")
    assert b"S3CR3T" not in path.read_bytes()


def test_order_does_not_depend_on_who_came_first(tmp_path, used):
    items = [
        dataclasses.replace(used, item_id=f"i{n}", scene=dataclasses.replace(used.scene, tile=tile))
        for n in range(3)
        for tile in ("33UUU", "32UQD")
    ]
    rng, contents = np.random.default_rng(0), set()
    for _ in range(4):
        rng.shuffle(items)
        contents.add(write_acquisitions(tmp_path / "a.csv", items).read_bytes())
    assert len(contents) == 1


def test_no_acquisition_leaves_a_header(tmp_path):
    assert write_acquisitions(tmp_path / "a.csv", []).read_text().count("\n") == 1
