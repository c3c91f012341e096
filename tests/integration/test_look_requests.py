"""Looking at the clouds over an area costs few requests and few bytes: counted by a real file server."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest
import rasterio
import shapely
from scipy.ndimage import zoom

from mlbmi.aoi import AOI
from mlbmi.read import parts, read_scl_overview
from mlbmi.types import Asset, Scene

pytestmark = pytest.mark.server

SIDE = 5490
"""Of a whole tile's scene classes."""


@pytest.fixture(scope="module")
def classes():
    """Patches some 30 pixels wide, as clouds have them."""
    rng = np.random.default_rng(3)
    patches = rng.choice(np.array([4, 5, 8, 9], dtype=np.uint8), size=(183, 183), p=[0.5, 0.2, 0.1, 0.2])
    return zoom(patches, 30, order=0)


@pytest.fixture
def served(classes, tmp_path, file_server):
    """Return a function: a tile's scene classes as a COG behind a file server, as a scene, and the server."""

    def serve(resampling):
        profile = {"driver": "COG", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint8", "crs": "EPSG:32633", "nodata": 0}
        transform = rasterio.Affine(20, 0, 300_000, 0, -20, 5_900_040)
        options = {"compress": "deflate", "blocksize": 1024, "overview_resampling": resampling}
        with rasterio.open(tmp_path / "SCL.tif", "w", transform=transform, **profile, **options) as raster:
            raster.write(classes, 1)
        server = file_server(tmp_path)
        asset = Asset(band="scl", key="scl", href=f"{server.url}/SCL.tif")
        facts = {"collection": "", "dialect": "earth-search-v1", "tile": "33UUU", "epsg": 32633, "platform": "", "baseline": None}
        scene = Scene(
            item_id="tile",
            datetime=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
            sequence=0,
            orbit=None,
            cloud_cover=None,
            offset_applied=None,
            footprint=shapely.box(-180, -90, 180, 90),
            assets={"scl": asset},
            **facts,
        )
        return scene, server

    return serve


def at(scene, path):
    """Return the scene with its classes in a local file."""
    return dataclasses.replace(scene, assets={"scl": Asset(band="scl", key="scl", href=str(path))})


WHOLE, SMALL = AOI.from_bbox(11, 52, 14, 54), AOI.from_bbox(12.5, 52.7, 12.55, 52.73)


@pytest.mark.parametrize(("resampling", "aoi", "most"), [("nearest", WHOLE, 4), ("average", SMALL, 3)], ids=["tile", "reserve"])
def test_few_requests(served, tmp_path, resampling, aoi, most):
    scene, server = served(resampling)
    view = read_scl_overview(scene, aoi)
    asked = [request for request in server.log() if request.method == "GET"]
    assert len(asked) <= most
    assert view.classes.size <= 65_536
    assert sum(request.bytes for request in asked) < 0.1 * (tmp_path / "SCL.tif").stat().st_size
    local = read_scl_overview(at(scene, tmp_path / "SCL.tif"), aoi)
    assert view.geobox == local.geobox
    np.testing.assert_array_equal(view.classes, local.classes)


@pytest.mark.parametrize("first_part", [300, 600, 900, 1200, 1500])
def test_overviews_named_beyond_the_first_part_are_not_missed(served, tmp_path, monkeypatch, first_part):
    monkeypatch.setattr(parts, "HEADER_BYTES", first_part)
    scene, _ = served("nearest")
    view, local = read_scl_overview(scene, WHOLE), read_scl_overview(at(scene, tmp_path / "SCL.tif"), WHOLE)
    assert view.geobox == local.geobox
    np.testing.assert_array_equal(view.classes, local.classes)


def test_averaged_overviews_of_a_whole_tile_cost_the_file_and_no_more(served, tmp_path):
    scene, server = served("average")
    read_scl_overview(scene, WHOLE)
    assert sum(request.bytes for request in server.log()) < 1.2 * (tmp_path / "SCL.tif").stat().st_size
