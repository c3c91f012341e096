"""run.json."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from mlbmi.types import RunRecord
from mlbmi.write import write_record
from mlbmi.write.jsontext import json_text, to_json


def _strict(path):
    def refuse(word):
        raise AssertionError(word)

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.fixture
def record(used):
    return RunRecord(
        config={
            "aoi": Path("reserve.geojson"),
            "start": dt.date(2020, 1, 1),
            "catalog": "https://me:SECRET@stac.example/v1?token=SECRET",
            "keys": {"aws_secret_access_key": "SECRET", "api_key": None},
            "indices": ("ndvi",),
            "headers": ["Authorization: Bearer SECRET"],
        },
        fingerprint="ab" * 32,
        versions={"mlbmi": "0.1.0"},
        acquisitions=(
            used,
            dataclasses.replace(used, status="failed", reason="403 https://h.example/a?sig=SECRET", clear_share=float("nan")),
        ),
        clusterings=({"mode": "images", "centers": np.array([[0.1], [np.nan]]), "inertia": np.float64(0.1) + 0.2},),
        timings_s={"read": 1.5},
        outputs={"33UUU/ndvi_2020-01-24.tif": "cd" * 32},
        started=dt.datetime(2026, 1, 1, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        finished=dt.datetime(2026, 1, 1, 10, 5, 0, 250_000, tzinfo=dt.UTC),
    )


def test_run_record(tmp_path, record):
    path = write_record(tmp_path / "run.json", record)
    content = _strict(path)
    assert (content["format"], content["format_version"]) == ("mlbmi run record", 1)
    assert (content["started"], content["finished"]) == ("2026-01-01T10:00:00Z", "2026-01-01T10:05:00.250000Z")
    assert content["config"]["start"] == "2020-01-01"
    assert content["config"]["aoi"] == "reserve.geojson"
    assert content["config"]["catalog"] == "https://stac.example/v1"
    assert content["config"]["keys"] == {"aws_secret_access_key": "(redacted)", "api_key": None}
    assert content["clusterings"][0]["centers"] == [[0.1], [None]]
    assert content["clusterings"][0]["inertia"] == 0.1 + 0.2
    first, second = content["acquisitions"]
    assert first["scene"]["assets"]["red"] == {"key": "B04", "href": "https://host.example/33UUU/red.tif"}
    assert first["scene"]["datetime"] == "2020-01-24T10:13:21Z"
    assert first["offset"]["add"] == 0
    assert first["counts"] == {"nodata": 3, "outlier": 1, "scl": 12}
    assert second["clear_share"] is None
    assert second["reason"] == "403 https://h.example/a"


def test_no_secret_and_stable_bytes(tmp_path, record):
    a = write_record(tmp_path / "a.json", record).read_bytes()
    shuffled = dataclasses.replace(record, config=MappingProxyType(dict(reversed(record.config.items()))))
    assert write_record(tmp_path / "b.json", shuffled).read_bytes() == a
    for secret in (b"SECRET", b"hunter2", b"frag", b"sig="):
        assert secret not in a
    assert list(json.loads(a)) == sorted(json.loads(a))


def test_json_of_odd_values():
    assert json_text({"ö": "\ud800", dt.date(2020, 1, 1): {3, 1}}) == '{\n  "2020-01-01": [\n    1,\n    3\n  ],\n  "ö": "?"\n}\n'
    assert to_json([np.int16(3), np.bool_(True), float("-inf"), np.float32(0.5)]) == [3, True, None, 0.5]
    with pytest.raises(TypeError, match="object"):
        to_json(object())
