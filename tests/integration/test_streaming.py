"""Windows of remote COGs from a real server: requests and bytes counted, connections bounded, nothing hangs, no pixel is lost."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from rasterio.shutil import copy

from mlbmi import read as reading
from mlbmi.access import Retries, StoppedError
from mlbmi.access import network as access_network
from mlbmi.errors import ReadError
from mlbmi.pipeline.acquire import Recipe
from mlbmi.pipeline.ahead import ReadAhead, Want
from mlbmi.read import begin_scene, configured, open_geobox, read_scene
from mlbmi.read.pool import readers
from mlbmi.types import Asset, Scene

pytestmark = pytest.mark.server

SHAPE = (2048, 3072)
ORIGIN = (399_960, 5_900_040)
NATIVE = GeoBox(SHAPE, rasterio.Affine(10, 0, ORIGIN[0], 0, -10, ORIGIN[1]), "EPSG:32633")
VALUES = np.random.default_rng(7).integers(1, 4000, SHAPE, dtype="uint16")
WORST = slice(1023, 1623), slice(1000, 1900)
"""600 x 900 pixels that reach into three rows of blocks of 512, and into two rows and two columns of blocks of 1024."""


def write_cog(path, block, **options):
    profile = {"driver": "GTiff", "width": SHAPE[1], "height": SHAPE[0], "count": 1, "dtype": "uint16", "nodata": 0}
    profile |= {"crs": "EPSG:32633", "transform": NATIVE.affine}
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(VALUES, 1)
        copy(
            memory.name,
            path,
            driver="COG",
            blocksize=block,
            num_threads="2",
            **{"compress": "deflate", "predictor": "YES", **options},
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("cogs")
    for block in (512, 1024):
        write_cog(made / f"{block}.tif", block, level=1)
    for name in ["plan", "many", "pair", "next", *(f"many{n}" for n in range(40))]:
        for block in (512, 1024):
            (made / f"{name}_{block}.tif").symlink_to(f"{block}.tif")
    return made


@pytest.fixture(scope="module")
def server(file_server, folder):
    return file_server(folder)


def make_scene(**hrefs):
    return Scene(
        item_id="S2A_33UUU_20230815_0_L2A",
        collection="sentinel-2-l2a",
        dialect="earth-search-v1",
        datetime=dt.datetime(2023, 8, 15, 10, tzinfo=dt.UTC),
        tile="33UUU",
        epsg=32633,
        platform="sentinel-2a",
        baseline="05.09",
        sequence=0,
        orbit=None,
        cloud_cover=None,
        offset_applied=None,
        footprint=shapely.box(13, 52, 14, 53),
        assets={band: Asset(band=band, key=band, href=href) for band, href in hrefs.items()},
    )


def bytes_of_blocks(path, rows, columns):
    """Sum up, from the file itself, the lengths of the blocks that a window touches."""
    with rasterio.open(path) as source:
        height, width = source.block_shapes[0]
        touched = [
            f"BLOCK_SIZE_{column}_{row}"
            for row in range(rows.start // height, (rows.stop - 1) // height + 1)
            for column in range(columns.start // width, (columns.stop - 1) // width + 1)
        ]
        return sum(int(source.get_tag_item(name, "TIFF", bidx=1)) for name in touched)


@pytest.mark.parametrize("block", [512, 1024])
def test_a_window_costs_at_most_4_requests_and_little_more_than_its_blocks(server, folder, block):
    name = f"plan_{block}.tif"
    scene = make_scene(red=f"{server.url}/{name}")
    server.clear_log()
    assert open_geobox(scene.assets["red"]) == NATIVE  # what planning does: its request counts too
    read = read_scene(scene, ["red"], NATIVE[WORST])["red"]
    np.testing.assert_array_equal(read.values, VALUES[WORST])
    log = server.log()
    assert len(log) <= 4, log
    assert {entry.status for entry in log} == {206}
    assert sum(entry.bytes for entry in log) <= 1.05 * bytes_of_blocks(folder / name, *WORST)
    read_scene(scene, ["red"], NATIVE[0:10, 0:10])
    assert len(server.log()) == len(log) + 1, "the header is not asked for again"


def test_no_more_connections_than_stated_are_open_to_a_host(server, slow_network, monkeypatch):
    monkeypatch.setattr(access_network, "CONNECTIONS_PER_HOST", 5)
    reading.abandon()  # so that connections are made anew
    scenes = [make_scene(red=f"/many{n}_1024.tif", nir=f"/many{n}_512.tif") for n in range(12)]
    with slow_network(server, round_trip_ms=20) as network:
        scenes = [make_scene(**{band: network.url + asset.href for band, asset in scene.assets.items()}) for scene in scenes]
        with ThreadPoolExecutor(12) as pool:
            read = list(pool.map(lambda scene: read_scene(scene, ["red", "nir"], NATIVE[900:1100, 900:1100]), scenes))
        for dataset in read:
            np.testing.assert_array_equal(dataset["red"], VALUES[900:1100, 900:1100])
            np.testing.assert_array_equal(dataset["nir"], VALUES[900:1100, 900:1100])
    reading.abandon()
    assert network.peak == 5
    assert network.connections == 5, "connections are used again by all threads"


def test_reading_ahead_keeps_to_its_budget(server):
    recipe = Recipe(bands=("red",), indices=("ndvi",), keep=(4,))
    window = NATIVE[0:100, 0:100]
    scenes = [make_scene(red=f"{server.url}/many{n}_512.tif", scl=f"{server.url}/many{n}_512.tif") for n in range(20, 40)]
    scenes = [SimpleNamespace(item_id=f"item {n}", assets=scene.assets) for n, scene in enumerate(scenes)]
    server.clear_log()
    with ReadAhead((Want(scene, window) for scene in scenes), recipe, budget=3 * 100 * 100 * 4) as ahead:
        time.sleep(0.5)
        assert len({entry.path for entry in server.log()}) == 3
        for scene in scenes:
            read = ahead.take(scene, recipe.files, window)
            np.testing.assert_array_equal(read["red"], VALUES[0:100, 0:100])
    assert len({entry.path for entry in server.log()}) == 20


@pytest.fixture
def silent():
    """Run a server that takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept = []
        thread = threading.Thread(target=lambda: [kept.append(_accept(listening)) for _ in range(200)], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        for connection in kept:
            if connection is not None:
                connection.close()


def _accept(listening):
    try:
        return listening.accept()[0]
    except OSError:
        return None


def test_a_server_that_stalls_holds_up_nobody_else(server, silent):
    stalled = make_scene(**{f"b{n}": f"{silent}/{n}.tif" for n in range(40)})
    with configured(retries=Retries(without_progress=0), stall_timeout_s=1), ThreadPoolExecutor(1) as pool:
        failing = pool.submit(read_scene, stalled, list(stalled.assets), NATIVE[0:10, 0:10])
        read = read_scene(make_scene(red=f"{server.url}/next_512.tif"), ["red"], NATIVE[0:10, 0:10])
        np.testing.assert_array_equal(read["red"], VALUES[0:10, 0:10])
        with pytest.raises(ReadError, match=r"band b\d+ of .*ReadTimeoutError.*tried 1 times"):
            failing.result(timeout=20)
        # The threads are free again.
        read_scene(make_scene(red=f"{server.url}/next_1024.tif"), ["red"], NATIVE[0:10, 0:10])


def test_reads_are_broken_off_at_once(silent):
    with configured(retries=Retries(without_progress=0), stall_timeout_s=600), ThreadPoolExecutor(1) as pool:
        reads = pool.submit(read_scene, make_scene(red=f"{silent}/a.tif"), ["red"], NATIVE[0:10, 0:10])
        time.sleep(0.3)
        reading.abandon()
        with pytest.raises(StoppedError):
            reads.result(timeout=60)  # of the 600 s that the server would have been waited for


def test_a_read_that_its_thread_has_not_reached_yet_is_broken_off_too(silent):
    """All threads that read are busy: the read begins when it is asked for, not when one of them takes it up."""
    busy = threading.Event()
    occupied = [readers().submit(busy.wait, 60) for _ in range(48)]
    with configured(retries=Retries(without_progress=0), stall_timeout_s=600):
        begun = begin_scene(make_scene(red=f"{silent}/a.tif"), ["red"], NATIVE[0:10, 0:10])
        reading.abandon()
        busy.set()
        assert all(one.result(timeout=60) for one in occupied)
        with pytest.raises(StoppedError):
            begun.result()  # at once, and not when the server has been waited for


PROGRAM = """
import sys
sys.path.insert(0, {here!r})
import test_streaming as t
from mlbmi.pipeline.acquire import Recipe
from mlbmi.pipeline.ahead import ReadAhead, Want
from mlbmi.read import configured
recipe = Recipe(bands=("red",), indices=("ndvi",), keep=(4,))
scene = t.make_scene(red={url!r} + "/a.tif", scl={url!r} + "/b.tif")
with configured(stall_timeout_s=600), ReadAhead([Want(scene, t.NATIVE[0:9, 0:9])], recipe) as ahead:
    print("reading", flush=True)
    ahead.take(scene, recipe.files, t.NATIVE[0:9, 0:9])
"""


def test_ctrl_c_ends_a_process_that_waits_for_a_dead_server(silent, request):
    program = PROGRAM.format(here=str(request.path.parent), url=silent)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "reading\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)  # of the 600 s that the server would be waited for, and more than once
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors


@pytest.mark.parametrize("kind", ["header behind the data", "a header longer than the first part", "no GeoTIFF"])
def test_what_cannot_be_read_in_parts_is_read_all_the_same(file_server, tmp_path, kind):
    """No georeference is lost, no unknown block taken for an empty one: blocks of 16 pixels have 400 kB of addresses."""
    path = tmp_path / ("odd.jp2" if kind == "no GeoTIFF" else "odd.tif")
    profile = {
        "width": SHAPE[1],
        "height": SHAPE[0],
        "count": 1,
        "dtype": "uint16",
        "crs": "EPSG:32633",
        "transform": NATIVE.affine,
    }
    if kind == "no GeoTIFF":
        profile |= {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "width": 1024, "height": 1024}
    elif kind == "header behind the data":
        profile |= {"driver": "GTiff", "tiled": True, "compress": "deflate"}
    else:
        profile |= {"driver": "GTiff", "tiled": True, "blockxsize": 16, "blockysize": 16}
    with rasterio.open(path, "w", **profile) as target:
        target.write(VALUES[: profile["height"], : profile["width"]], 1)
    if kind == "header behind the data":
        with rasterio.open(path, "r+") as target:  # its directory is written anew, at the end
            target.update_tags(**{f"NOTE_{n}": "x" * 1000 for n in range(50)})
    served = file_server(tmp_path)
    window = slice(500, 700), slice(300, 600)
    read = read_scene(make_scene(red=f"{served.url}/{path.name}"), ["red"], NATIVE[window])["red"]
    np.testing.assert_array_equal(read.values, VALUES[window])


def test_empty_blocks_of_a_sparse_file_are_missing(file_server, tmp_path):
    profile = {"driver": "GTiff", "width": SHAPE[1], "height": SHAPE[0], "count": 1, "dtype": "uint16", "nodata": 0}
    profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512, "sparse_ok": True}
    with rasterio.open(tmp_path / "holes.tif", "w", crs="EPSG:32633", transform=NATIVE.affine, **profile) as target:
        target.write(VALUES[:512, :512], 1, window=((512, 1024), (512, 1024)))
    expected = np.zeros(SHAPE, "uint16")
    expected[512:1024, 512:1024] = VALUES[:512, :512]
    scene = make_scene(red=f"{file_server(tmp_path).url}/holes.tif")
    np.testing.assert_array_equal(read_scene(scene, ["red"], NATIVE[300:1200, 300:1200])["red"], expected[300:1200, 300:1200])
    assert not read_scene(scene, ["red"], NATIVE[1900:2000, 0:100])["red"].any()


def test_a_file_that_is_exchanged_between_two_windows_is_never_mixed(file_server, folder, tmp_path):
    path = tmp_path / "x.tif"
    path.write_bytes((folder / "512.tif").read_bytes())
    scene = make_scene(red=f"{file_server(tmp_path).url}/x.tif")
    read_scene(scene, ["red"], NATIVE[0:10, 0:10])
    replacement = tmp_path / "y.tif"
    replacement.write_bytes((folder / "1024.tif").read_bytes())
    os.utime(replacement, (1, 1))
    replacement.replace(path)
    with pytest.raises(ReadError, match="exchanged on the server"):
        read_scene(scene, ["red"], NATIVE[WORST])
    np.testing.assert_array_equal(read_scene(scene, ["red"], NATIVE[WORST])["red"], VALUES[WORST])


def test_large_windows_are_fetched_strip_by_strip(server, monkeypatch):
    from mlbmi.read import parts

    monkeypatch.setattr(parts, "_AT_A_TIME", 1)
    window = slice(100, 1700), slice(100, 700)
    read = read_scene(make_scene(red=f"{server.url}/pair_512.tif"), ["red"], NATIVE[window])["red"]
    np.testing.assert_array_equal(read.values, VALUES[window])


def test_at_once_and_lazily_give_the_same(server):
    import xarray as xr

    scene = make_scene(red=f"{server.url}/pair_512.tif", scl=f"{server.url}/pair_1024.tif")
    at_once = read_scene(scene, ["red", "scl"], NATIVE[WORST])
    xr.testing.assert_identical(at_once, read_scene(scene, ["red", "scl"], NATIVE[WORST], chunks={"y": 256, "x": 300}).compute())
    assert at_once.odc.geobox == NATIVE[WORST]
    assert at_once["red"].encoding == {"grid_mapping": "spatial_ref"}


def test_however_short_the_first_part_is_no_pixel_and_no_place_is_lost(file_server, tmp_path, monkeypatch):
    """Where the first part ends between tags, or among the addresses of the blocks, GDAL must not take the rest for nothing."""
    from mlbmi.read import parts

    write_cog(tmp_path / "x.tif", 128, level=1)
    url = file_server(tmp_path).url
    window = slice(1500, 1700), slice(2500, 2800)
    for length in (64, 200, 300, 500, 800, 1000, 1500, 2000, 3000, 4000, 5000, 6000):
        monkeypatch.setattr(parts, "HEADER_BYTES", length)
        read = read_scene(make_scene(red=f"{url}/x.tif?{length}"), ["red"], NATIVE[window])["red"]
        np.testing.assert_array_equal(read.values, VALUES[window], err_msg=f"first part of {length} bytes")
