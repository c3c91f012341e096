"""Samples of scenes: the overview that serves, the same pixels as the file's, and failures that are told."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling

from mlbmi.errors import ReadError
from mlbmi.grid import sample_geobox
from mlbmi.read import read_sample
from mlbmi.types import Asset

NATIVE = GeoBox((512, 512), Affine(10, 0, 399_960, 0, -10, 5_900_040), "EPSG:32633")


@pytest.fixture
def scene(tmp_path, make_scene):
    rng = np.random.default_rng(1)
    assets = {}
    for band, kind in (("red", "uint16"), ("nir", "uint16"), ("scl", "uint8")):
        path = tmp_path / f"{band}.tif"
        profile = {"driver": "GTiff", "height": 512, "width": 512, "count": 1, "dtype": kind, "tiled": True, "nodata": 0}
        with rasterio.open(path, "w", crs=NATIVE.crs.to_wkt(), transform=NATIVE.affine, **profile) as file:
            file.write(rng.integers(1, 12, (512, 512)).astype(kind), 1)
            file.build_overviews([2, 4, 8], Resampling.nearest)
        assets[band] = Asset(band=band, key=band, href=str(path))
    return make_scene(**assets)


@pytest.mark.parametrize(("side", "level", "step"), [(512, None, 1), (256, 0, 2), (128, 1, 4), (100, 1, 4), (60, 2, 8)])
def test_the_overview_that_serves_is_read(scene, side, level, step):
    grid = sample_geobox(NATIVE, side=side)
    sample = read_sample(scene, grid)
    assert set(sample.bands) == {"red", "nir"}
    options = {} if level is None else {"overview_level": level}
    with rasterio.open(scene.assets["red"].href, **options) as file:
        pixels, found = file.read(1), file.transform
    assert found.a == 10 * step
    rows, columns = np.indices(grid.shape)
    x, y = grid.affine * np.array([columns + 0.5, rows + 0.5])
    column, row = (np.floor(at + 1e-9).astype(int) for at in ~found * np.array([x, y]))
    inside = (row >= 0) & (row < len(pixels)) & (column >= 0) & (column < len(pixels))
    expected = np.where(inside, pixels[np.where(inside, row, 0), np.where(inside, column, 0)], 0)
    np.testing.assert_array_equal(sample.bands["red"], expected)
    assert sample.scl.dtype == np.uint8


def test_a_small_area_is_seen_with_its_surroundings(scene):
    sample = read_sample(scene, sample_geobox(NATIVE[250:260, 250:260], side=128))
    assert sample.scl.shape == (128, 128)
    assert sample.scl.all()


def test_without_red_or_classes_there_is_no_sample(scene, make_scene):
    for missing in ("red", "scl"):
        fewer = make_scene(**{band: asset for band, asset in scene.assets.items() if band != missing})
        assert read_sample(fewer, NATIVE) is None


def test_a_file_that_cannot_be_read_is_named(scene, tmp_path):
    (tmp_path / "nir.tif").write_bytes(b"no raster")
    with pytest.raises(ReadError, match="band nir of"):
        read_sample(scene, NATIVE)
