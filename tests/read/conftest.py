"""Rasters whose every pixel is distinct, and scenes made of them."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from mlbmi.types import Asset, Scene

ORIGIN = (399_960, 5_900_040)
"""Upper left corner of tile 33UUU, metres in EPSG:32633."""


@pytest.fixture(scope="session")
def grid():
    """Make a grid on tile 33UUU's origin, or elsewhere."""

    def make(rows, columns, *, resolution=10, origin=ORIGIN, crs="EPSG:32633"):
        affine = Affine(resolution, 0, origin[0], 0, -resolution, origin[1])
        return GeoBox((rows, columns), affine, crs)

    return make


@pytest.fixture(scope="session")
def distinct():
    """Return values 1, 2, 3, … row by row: each pixel tells where it came from."""

    def make(geobox, dtype="uint16"):
        height, width = geobox.shape
        assert height * width < np.iinfo(dtype).max
        return (np.arange(height * width) + 1).astype(dtype).reshape(height, width)

    return make


@pytest.fixture(scope="session")
def write_raster():
    """Write an array as a tiled, deflated GeoTIFF, georeferenced by a GeoBox."""

    def write(path, values, geobox, **profile):
        options = {
            "driver": "GTiff",
            "dtype": values.dtype.name,
            "count": 1,
            "height": values.shape[0],
            "width": values.shape[1],
            "nodata": 0,
            "tiled": True,
            "blockxsize": 64,
            "blockysize": 64,
            "compress": "deflate",
        }
        if geobox is not None:
            options |= {"crs": str(geobox.crs), "transform": geobox.affine}
        with rasterio.open(path, "w", **(options | profile)) as target:
            target.write(values, 1)
        return str(path)

    return write


@pytest.fixture(scope="session")
def make_scene():
    """Make a scene of files; hrefs by band, or whole assets."""

    def make(*, dialect="earth-search-v1", baseline="05.09", offset_applied=None, day=dt.date(2023, 8, 15), **assets):
        return Scene(
            item_id="S2A_33UUU_20230815_0_L2A",
            collection="sentinel-2-l2a",
            dialect=dialect,
            datetime=dt.datetime(day.year, day.month, day.day, 10, tzinfo=dt.UTC),
            tile="33UUU",
            epsg=32633,
            platform="sentinel-2a",
            baseline=baseline,
            sequence=0,
            orbit=None,
            cloud_cover=None,
            offset_applied=offset_applied,
            footprint=shapely.box(13, 52, 14, 53),
            assets={
                band: asset if isinstance(asset, Asset) else Asset(band=band, key=band, href=str(asset))
                for band, asset in assets.items()
            },
        )

    return make


class RangeServer:
    """A running server, its base address and its log."""

    def __init__(self, folder, log, port):
        self.folder = folder
        self.log = log
        self.base = f"http://127.0.0.1:{port}"

    def requests(self, name):
        """Return the log lines of requests for one file."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if name in line]


@pytest.fixture(scope="session")
def range_server(tmp_path_factory):
    """Serve a folder over HTTP with byte ranges, on loopback."""
    folder = tmp_path_factory.mktemp("served")
    log = folder.parent / f"{folder.name}.log"
    script = Path(__file__).with_name("range_server.py")
    with subprocess.Popen([sys.executable, str(script), str(folder), str(log)], stdout=subprocess.PIPE, text=True) as server:
        yield RangeServer(folder, log, int(server.stdout.readline()))
        server.terminate()
