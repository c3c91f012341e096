"""What a plan promises to read, against what a real file server saw a real run read."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import rasterio

import mlbmi
from mlbmi.pipeline import estimating
from mlbmi.read import window_cost
from mlbmi.types import Asset

HEADER = 16 * 1024


@pytest.fixture
def publish(realdata, file_server, tmp_path):
    """Return a function: puts the five real dates of 33TWL behind a file server of their own, and gives items and server."""
    folder = realdata / "real" / "earthsearch-v1-33TWL" / "sentinel-2-l2a"

    def serve(name):
        server = file_server(folder)
        items = []
        for path in sorted(folder.rglob("S2*.json")):
            item = json.loads(path.read_text())
            for asset in item["assets"].values():
                asset["href"] = f"{server.url}/{path.parent.name}/{asset['href'].rpartition('/')[2]}"
            items.append(item)
        catalog = tmp_path / f"{name}.json"
        catalog.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
        return catalog, server

    return serve


def configure(catalog, out, outline, **more):
    return mlbmi.RunConfig(
        aoi=outline,
        start="2023-08-10",
        end="2023-08-20",
        catalog=str(catalog),
        mode=("images",),
        n_clusters=3,
        figures=False,
        out=out,
        **more,
    )


@pytest.mark.server
@pytest.mark.realdata
@pytest.mark.parametrize("outline", ["15.1,45.75,15.3,45.9", "15.0,45.1,16.3,46.0"], ids=["some blocks", "all blocks"])
def test_bytes_and_requests_of_the_plan_are_those_of_the_run(publish, tmp_path, outline):
    """Lengths of blocks are exact; large windows are read in several goes, which meet in a block.

    Plan and run ask servers of their own: headers that one has fetched are not fetched again by the other. What a look at the
    offsets takes comes on top, and is not planned.
    """
    catalog, server = publish("planned")
    planned = mlbmi.plan(configure(catalog, tmp_path / "out", outline), measure=True)
    files = sum(read.files for read in planned.reads)
    assert files == 15
    assert all(read.measured == read.files for read in planned.reads)
    looked = server.log()
    assert sum(request.bytes for request in looked) <= 2 * HEADER * files, "headers and no more"
    catalog, server = publish("run")
    mlbmi.run(configure(catalog, tmp_path / "out", outline, offset="metadata"))
    asked = [request for request in server.log() if request.method == "GET"]
    read = sum(request.bytes for request in asked)
    assert abs(read - planned.bytes_expected) <= 2 * HEADER * len(asked)
    assert read == pytest.approx(planned.bytes_expected, rel=0.1)
    assert planned.requests_expected / 2 <= len(asked) <= planned.requests_expected + files


@pytest.mark.realdata
def test_a_plan_looks_at_headers_alone(realdata, tmp_path):
    """Files cut off right behind their headers are planned as if they were whole."""
    whole = realdata / "real" / "earthsearch-v1-33TWL"
    expected = mlbmi.plan(configure(whole / "catalog.json", tmp_path / "out", "15.1,45.75,15.3,45.9"), measure=True)
    shutil.copytree(whole, tmp_path / "cut", copy_function=shutil.copyfile)
    for path in (tmp_path / "cut").rglob("*.tif"):
        first = min(_first_block(path, level) for level in (None, 0, 1))
        path.write_bytes(path.read_bytes()[:first])
    planned = mlbmi.plan(configure(tmp_path / "cut" / "catalog.json", tmp_path / "out", "15.1,45.75,15.3,45.9"), measure=True)
    assert planned.reads == expected.reads
    assert planned.bytes_expected > 15 * HEADER


def _first_block(path, level):
    with rasterio.open(path) if level is None else rasterio.open(path, overview_level=level) as raster:
        return int(raster.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))


def _write(path, values, **options):
    profile = {"width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": values.dtype.name, "crs": "EPSG:32633"}
    with rasterio.open(path, "w", transform=rasterio.Affine(10, 0, 300_000, 0, -10, 5_900_000), **profile, **options) as raster:
        raster.write(values, 1)
    return Asset(band="red", key="red", href=str(path))


def test_a_window_costs_the_blocks_that_it_touches(tmp_path):
    """Uncompressed blocks of 256 pixels: the sum can be said by hand. A row of blocks is one run of neighbours."""
    from odc.geo.geobox import GeoBox

    values = np.arange(1024 * 1024, dtype=np.uint16).reshape(1024, 1024)
    asset = _write(tmp_path / "a.tif", values, driver="COG", compress="none", blocksize=256, overviews="none")
    window = GeoBox((300, 200), rasterio.Affine(10, 0, 300_000 + 10 * 500, 0, -10, 5_900_000 - 10 * 250), "EPSG:32633")
    cost = window_cost(asset, window)
    assert (cost.rows, cost.columns) == ((250, 550), (500, 700))
    assert cost.blocks == 3 * 2
    assert cost.exact
    assert cost.requests == 1 + 3
    # A COG states the length of each block again before and after it: 4 bytes that GDAL wants to see.
    assert cost.bytes == HEADER + 3 * 2 * (4 + 256 * 256 * 2 + 4)
    elsewhere = GeoBox((10, 10), rasterio.Affine(10, 0, 500_000, 0, -10, 5_900_000), "EPSG:32633")
    assert window_cost(asset, elsewhere) is None


def test_a_file_that_lists_no_blocks_is_estimated_and_that_is_said(tmp_path):
    from odc.geo.geobox import GeoBox

    values = np.arange(512 * 512, dtype=np.uint16).reshape(512, 512)
    options = {"QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": 256, "BLOCKYSIZE": 256}
    asset = _write(tmp_path / "a.jp2", values, driver="JP2OpenJPEG", **options)
    cost = window_cost(asset, GeoBox((512, 512), rasterio.Affine(10, 0, 300_000, 0, -10, 5_900_000), "EPSG:32633"))
    assert not cost.exact
    assert cost.bytes == HEADER + 512 * 512 * 2 > (tmp_path / "a.jp2").stat().st_size


def test_what_is_not_looked_at_is_guessed_from_above(realdata, tmp_path):
    """A run plans without headers, and the fields say that nothing was measured."""
    catalog = realdata / "real" / "earthsearch-v1-33TWL" / "catalog.json"
    config = configure(catalog, tmp_path / "out", "15.1,45.75,15.3,45.9")
    guessed, measured = mlbmi.plan(config), mlbmi.plan(config, measure=True)
    assert {read.measured for read in guessed.reads} == {0}
    assert {read.window for read in guessed.reads} == {None}
    assert [(read.tile, read.band, read.files) for read in guessed.reads] == [
        (read.tile, read.band, read.files) for read in measured.reads
    ]
    assert guessed.grids == measured.grids
    assert guessed.bytes_expected >= measured.bytes_expected
    assert guessed.requests_expected >= measured.requests_expected


@pytest.mark.realdata
def test_of_very_many_files_some_headers_stand_for_all(realdata, tmp_path, monkeypatch):
    catalog = realdata / "real" / "earthsearch-v1-33TWL" / "catalog.json"
    config = configure(catalog, tmp_path / "out", "15.1,45.75,15.3,45.9")
    every = mlbmi.plan(config, measure=True)
    monkeypatch.setattr(estimating, "_MOST_HEADERS", 8)
    some = mlbmi.plan(config, measure=True)
    assert 0 < sum(read.measured for read in some.reads) <= 8
    assert [(read.band, read.files, read.window) for read in some.reads] == [
        (read.band, read.files, read.window) for read in every.reads
    ]
    # Blocks of one window differ between dates by the clouds in them: here by a third at most.
    assert some.bytes_expected == pytest.approx(every.bytes_expected, rel=0.3)
