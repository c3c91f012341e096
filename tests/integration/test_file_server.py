"""The file server of the tests is itself right: ranges, counts, rules."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import requests
from rasterio.windows import Window

pytestmark = pytest.mark.server


def fetch(url, **headers):
    answer = requests.get(url, headers=headers, timeout=10)
    return answer.status_code, answer.content


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "x.tif").write_bytes(bytes(range(256)) * 4)
    return tmp_path


def test_ranges_are_served_and_counted(file_server, folder):
    server = file_server(folder)
    assert fetch(f"{server.url}/a%20b/x.tif") == (200, bytes(range(256)) * 4)
    assert fetch(f"{server.url}/a%20b/x.tif", Range="bytes=250-259") == (206, bytes([*range(250, 256), *range(4)]))
    assert fetch(f"{server.url}/absent.tif")[0] == 404
    log = server.log()
    assert [(entry.method, entry.path, entry.range, entry.status) for entry in log] == [
        ("GET", "/a b/x.tif", "", 200),
        ("GET", "/a b/x.tif", "bytes=250-259", 206),
        ("GET", "/absent.tif", "", 404),
    ]
    assert [entry.bytes for entry in log[:2]] == [1024, 10]
    server.clear_log()
    assert server.log() == []
    fetch(f"{server.url}/a%20b/x.tif")
    assert len(server.log()) == 1


def test_two_servers_at_once_and_rules(file_server, folder):
    rule = 'if ($http_x_amz_request_payer != "requester") { return 403; }'
    free, paid = file_server(folder), file_server(folder, rules=rule)
    assert free.url != paid.url
    assert fetch(f"{free.url}/a%20b/x.tif")[0] == 200
    assert fetch(f"{paid.url}/a%20b/x.tif")[0] == 403
    assert fetch(f"{paid.url}/a%20b/x.tif", **{"x-amz-request-payer": "requester"})[0] == 200
    assert [entry.status for entry in paid.log()] == [403, 200]


def test_gdal_reads_a_window_by_ranges(file_server, tmp_path):
    values = np.arange(1024 * 1024, dtype="uint16").reshape(1024, 1024)
    profile = {"driver": "COG", "width": 1024, "height": 1024, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    with rasterio.open(
        tmp_path / "x.tif", "w", transform=rasterio.Affine(10, 0, 0, 0, -10, 0), compress="deflate", **profile
    ) as raster:
        raster.write(values, 1)
    server = file_server(tmp_path)
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(f"{server.url}/x.tif") as raster:
        window = raster.read(1, window=Window(600, 700, 20, 10))
    np.testing.assert_array_equal(window, values[700:710, 600:620])
    log = server.log()
    assert {entry.status for entry in log if entry.method == "GET"} == {206}
    assert sum(entry.bytes for entry in log) < (tmp_path / "x.tif").stat().st_size
    assert len(log) <= 4
