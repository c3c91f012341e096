"""An environment without anybody's keys, and small COGs."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mlbmi.access import VARIABLES, keys

_SERVERS = Path(__file__).resolve().parents[1] / "integration" / "servers"


def _helper(name):
    spec = importlib.util.spec_from_file_location(f"mlbmi_test_access_{name}", _SERVERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def no_keys(monkeypatch, tmp_path):
    """Take every variable away, the user's files too, and ask no virtual machine."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    keys._FROM_CHAIN.clear()


@pytest.fixture(scope="session")
def faults():
    return _helper("faults")


@pytest.fixture
def serve(faults):
    """Return a function that starts a fault server, ended with the test."""
    with ExitStack() as servers:
        yield lambda files, **options: servers.enter_context(faults.FaultServer(files, **options))


@pytest.fixture(scope="session")
def processes():
    return _helper("processes")


@pytest.fixture(scope="session")
def s3(processes):
    with _helper("moto").s3_server(processes) as server:
        yield server


@pytest.fixture(scope="session")
def nginx(processes):
    """Return a function that serves a folder by nginx under rules."""
    with ExitStack() as servers:
        yield lambda folder, rules="": servers.enter_context(_helper("nginx").file_server(processes, folder, rules=rules))


@pytest.fixture(scope="session")
def pixels():
    return np.random.default_rng(1).integers(200, 3000, (512, 512)).astype("uint16")


@pytest.fixture(scope="session")
def cog(tmp_path_factory, pixels):
    """Return the path of a COG of noise: every window has pixels of its own."""
    path = tmp_path_factory.mktemp("cog") / "B04.tif"
    shape = {"height": 512, "width": 512, "count": 1, "dtype": "uint16", "nodata": 0}
    with rasterio.open(
        path,
        "w",
        driver="COG",
        crs="EPSG:32633",
        transform=from_origin(350000, 5830000, 10, 10),
        BLOCKSIZE=128,
        compress="deflate",
        **shape,
    ) as file:
        file.write(pixels, 1)
    return path


@pytest.fixture(scope="session")
def small_cog(cog):
    """Return the bytes of a COG that is fetched in two parts."""
    with rasterio.open(cog) as whole, rasterio.MemoryFile() as memory:
        shape = {"height": 128, "width": 128, "count": 1, "dtype": "uint16", "nodata": 0}
        with memory.open(driver="COG", crs=whole.crs, transform=whole.transform, compress="deflate", **shape) as file:
            file.write(whole.read(1)[:128, :128], 1)
        return bytes(memory.getbuffer())
