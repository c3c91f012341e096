"""COGs small enough to be fetched hundreds of times, and a server that fails as it is told."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from mlbmi.access import Client, Retries
from mlbmi.download import Store, Wanted

_FAULTS = Path(__file__).resolve().parents[1] / "integration" / "servers" / "faults.py"
PATH = "sentinel-2-l2a/33UUU/R10m/2020-01-09/red.tif"


@pytest.fixture(scope="session")
def faults():
    spec = importlib.util.spec_from_file_location("mlbmi_test_faults", _FAULTS)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def make_cog(*, size=512, seed=1, block=128, compress="deflate"):
    """Return the bytes of a COG of noise over a slope, every pixel distinct from its neighbours, with overviews."""
    pixels = np.random.default_rng(seed).integers(200, 3000, (size, size)).astype("uint16")
    with MemoryFile() as memory:
        options = {"driver": "COG", "blocksize": block, "compress": compress, "nodata": 0}
        shape = {"height": size, "width": size, "count": 1, "dtype": "uint16"}
        transform = from_origin(350000, 5830000, 10, 10)
        with memory.open(crs="EPSG:32633", transform=transform, **shape, **options) as file:
            file.write(pixels, 1)
        return bytes(memory.getbuffer())


@pytest.fixture(scope="session")
def cog():
    return make_cog()


@pytest.fixture(scope="session")
def other_cog():
    return make_cog(seed=2)


@pytest.fixture
def serve(faults):
    """Return a function that starts a fault server, ended with the test."""
    with ExitStack() as servers:
        yield lambda files, **options: servers.enter_context(faults.FaultServer(files, **options))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def quick():
    """Return options of `download` that wait next to nothing."""
    return {
        "retries": Retries(delay_s=0.001, longest_s=0.002),
        "client": Client(connect_s=2, stall_s=0.5),
        "part_bytes": 64 * 1024,
        "workers": 2,
    }


def wanted(href, *, path=PATH, item_id="S2A_33UUU_20200109_0_L2A", band="red", checksum="", epsg=32633):
    return Wanted(path=path, href=href, item_id=item_id, band=band, epsg=epsg, checksum=checksum)


@pytest.fixture(name="want")
def _want():
    return wanted


@pytest.fixture
def pixels_of():
    def read(content):
        with MemoryFile(content) as memory, memory.open(driver="GTiff") as file:
            levels = [file.read(), *(_level(content, level) for level in range(len(file.overviews(1))))]
            return file.crs, file.transform, levels

    return read


def _level(content, level):
    with MemoryFile(content) as memory, rasterio.open(memory.name, driver="GTiff", overview_level=level) as file:
        return file.read()


@pytest.fixture(scope="session")
def big_cog():
    return make_cog(size=1024, seed=3)


@pytest.fixture(scope="session")
def small_cog():
    return make_cog(size=128, seed=4)
