"""Files over HTTP: few requests, patience with a flaky server, and errors that give nothing away."""

from __future__ import annotations

import numpy as np
import pytest

from mlbmi.access import Retries
from mlbmi.errors import ReadError
from mlbmi.read import configured, open_geobox, read_scene
from mlbmi.types import Asset


@pytest.fixture(scope="module")
def native(grid):
    return grid(1024, 1024)


@pytest.fixture(scope="module")
def values(native):
    return np.random.default_rng(1).integers(1, 10_000, native.shape, dtype="uint16")


@pytest.fixture
def served(request, range_server, native, values, write_raster):
    """Serve a COG under a name of its own, because GDAL keeps what it knows of an address."""
    name = f"{request.node.name.split('[')[0]}.tif"
    write_raster(
        range_server.folder / name, values, native, driver="COG", tiled=None, blockxsize=None, blockysize=None, BLOCKSIZE=256
    )
    return name


def test_a_window_costs_few_requests_and_few_bytes(range_server, served, native, values, make_scene):
    scene = make_scene(red=f"{range_server.base}/plain/{served}")
    read = read_scene(scene, ["red"], native[300:400, 300:400])["red"]
    np.testing.assert_array_equal(read.values, values[300:400, 300:400])
    lines = range_server.requests(served)
    assert 0 < len(lines) <= 4, lines
    assert not [line for line in lines if ".aux.xml" in line or ".ovr" in line]


def test_header_and_lazy_window(range_server, served, native, values, make_scene):
    href = f"{range_server.base}/plain/{served}"
    assert open_geobox(Asset(band="red", key="red", href=href)) == native
    lazy = read_scene(make_scene(red=href), ["red"], native, chunks={"y": 512, "x": 512})
    np.testing.assert_array_equal(lazy["red"].values, values)


def test_a_flaky_server_is_asked_again(range_server, served, native, values, make_scene):
    scene = make_scene(red=f"{range_server.base}/flaky/{served}")
    with configured(retries=Retries(without_progress=6, delay_s=0.01)):
        read = read_scene(scene, ["red"], native)["red"]
    np.testing.assert_array_equal(read.values, values)
    assert [line for line in range_server.requests(served) if line.endswith("503")]


def test_a_server_that_is_down_is_an_error(range_server, served, native, make_scene):
    scene = make_scene(red=f"{range_server.base}/down/{served}")
    with (
        configured(retries=Retries(without_progress=2, delay_s=0.01)),
        pytest.raises(ReadError, match=r"band red of .* cannot be read from http://127.*503.* Check the address"),
    ):
        read_scene(scene, ["red"], native)
    assert len([line for line in range_server.requests(served) if line.startswith("GET")]) <= 6


def test_a_lazy_read_keeps_the_settings_that_it_was_planned_with(range_server, served, native, make_scene):
    scene = make_scene(red=f"{range_server.base}/down/{served}")
    with configured(retries=Retries(without_progress=0)):
        lazy = read_scene(scene, ["red"], native, chunks={})
    with pytest.raises(ReadError):
        lazy.compute()
    assert len(range_server.requests(served)) <= 2


@pytest.mark.parametrize("kind", ["signed", "plain"])
def test_errors_show_neither_query_nor_password(range_server, native, make_scene, kind, capfd):
    base = range_server.base.replace("http://", "http://user:geheim@")
    href = f"{base}/{kind}/absent.tif?token=hush"
    for attempt in (
        lambda: read_scene(make_scene(red=href), ["red"], native),
        lambda: open_geobox(make_scene(red=href).assets["red"]),
    ):
        with pytest.raises(ReadError, match=rf"from http://127\.0\.0\.1:\d+/{kind}/absent\.tif: \S") as caught:
            attempt()
        assert "hush" not in str(caught.value)
        assert "geheim" not in str(caught.value)
    printed = "".join(capfd.readouterr())
    assert "hush" not in printed
    assert "geheim" not in printed


def test_a_signed_address_is_read(range_server, served, native, values, make_scene):
    scene = make_scene(red=f"{range_server.base}/signed/{served}?sig=abc")
    np.testing.assert_array_equal(read_scene(scene, ["red"], native)["red"].values, values)


def test_a_truncated_remote_file_is_an_error(range_server, served, native, make_scene):
    path = range_server.folder / served
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadError, match="band red of"):
        read_scene(make_scene(red=f"{range_server.base}/plain/{served}"), ["red"], native)
