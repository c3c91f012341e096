"""The original notebook on what it was written for: whole JPEG 2000 files in a bucket of Amazon's where the reader pays."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from mlbmi import KMeansNDVI
from mlbmi.access import VARIABLES
from mlbmi.errors import PaymentError
from mlbmi.simulate import Recipe, build

SERVERS = Path(__file__).resolve().parents[1] / "integration" / "servers"
PAYS = 'if ($http_x_amz_request_payer != "requester") { return 403; }'
LOSSLESS = {"QUALITY": "100", "REVERSIBLE": "YES", "NBITS": 15, "BLOCKXSIZE": 1024, "BLOCKYSIZE": 1024}
BUCKET = "sentinel-s2-l2a"


def _helper(name):
    spec = importlib.util.spec_from_file_location(f"mlbmi_test_jp2_{name}", SERVERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _as_jp2(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(source) as file:
        band, place = file.read(1), {"crs": file.crs, "transform": file.transform}
    options = LOSSLESS if band.dtype == np.uint16 else {**LOSSLESS, "NBITS": 8}
    shape = {"height": band.shape[0], "width": band.shape[1], "count": 1, "dtype": band.dtype}
    with rasterio.open(target, "w", driver="JP2OpenJPEG", **shape, **place, **options) as file:
        file.write(band, 1)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """Return the folder of the bucket, and an answer of the old catalogue that points into it."""
    import datetime as dt

    home = tmp_path_factory.mktemp("jp2")
    days = (dt.date(2020, 1, 17), dt.date(2020, 1, 24))
    reserve = build(home / "reserve", Recipe.small(dialect="earth-search-v0", dates=days, faults=()))
    items = []
    for path in sorted(reserve.folder.rglob("S2*/S2*.json")):
        item = json.loads(path.read_text())
        tile, day = re.match(r"S2._(\w{5})_(\d{8})", item["id"]).groups()
        item["collection"] = BUCKET
        for key, asset in item["assets"].items():
            if not asset["href"].endswith(".tif"):
                continue
            folder = "R20m" if key == "SCL" else "R10m"
            name = f"tiles/{tile[:2]}/{tile[2]}/{tile[3:]}/2020/1/{int(day[6:])}/0/{folder}/{key}.jp2"
            _as_jp2(path.parent / asset["href"], home / "www" / BUCKET / name)
            asset |= {"href": f"s3://{BUCKET}/{name}", "type": "image/jp2"}
        items.append(item)
    (home / "answer.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    return home / "www", home / "answer.json", reserve


@pytest.fixture
def server(bucket, monkeypatch, tmp_path):
    """Serve the bucket to payers alone; the environment holds keys, and nobody else's."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("MLBMI_CACHE", str(tmp_path / "cache"))
    with _helper("nginx").file_server(_helper("processes"), bucket[0], rules=PAYS) as running:
        monkeypatch.setenv("AWS_S3_ENDPOINT", running.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMLBMITESTKEY0001")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not/a/real/secret")
        yield running


def _asked(bucket, **changes):
    _, answer, reserve = bucket
    return KMeansNDVI(geojson=str(reserve.aoi), catalog=str(answer), collection=BUCKET, quiet=True, n_clusters=4, **changes)


@pytest.mark.server
def test_nothing_is_paid_without_leave(bucket, server):
    for download in (False, True):
        with pytest.raises(PaymentError, match="USD"):
            _asked(bucket, download=download).load_data_into_struct()
    assert server.log() == []


@pytest.mark.server
@pytest.mark.parametrize("download", [True, False], ids=["whole files", "windows"])
def test_the_walk(bucket, server, download):
    notebook = _asked(bucket, download=download, allow_requester_pays=True)
    notebook.download_and_acquire_images()
    assert len(notebook.filepaths) == 8
    assert all(path.endswith(".jp2") for path in notebook.filepaths)
    assert all(Path(path).is_file() == download for path in notebook.filepaths)
    notebook.load_data_into_struct()
    notebook.compute_ndvi_for_all()
    notebook.allocate_ndvi_timeseries()
    notebook.compute_spatial_kmeans()
    notebook.compute_temporal_kmeans()
    assert {entry.status for entry in server.log()} <= {200, 206}
    _, _, reserve = bucket
    theirs = KMeansNDVI(geojson=str(reserve.aoi), catalog=str(reserve.catalog), quiet=True, n_clusters=4)
    theirs.compute_temporal_kmeans()
    for tile in ("32UQD", "33UUU"):
        found, expected = (one.scenes[tile]["R10m"]["timeseries"] for one in (notebook, theirs))
        np.testing.assert_array_equal(found["ndvi"], expected["ndvi"])  # COGs or JP2: the same pixels
        np.testing.assert_array_equal(found["kmeans"][4].labels_, expected["kmeans"][4].labels_)
        assert notebook.scenes[tile]["R10m"]["2020-01-24"]["kmeans"][4].n_clusters == 4
