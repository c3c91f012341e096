"""What a header must say, and the one line where it does not."""

from __future__ import annotations

import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from mlbmi.errors import ReadError
from mlbmi.read import open_geobox
from mlbmi.types import Asset


def asset(href):
    return Asset(band="red", key="B04", href=str(href))


def test_the_grid_is_the_file_s_own(tmp_path, grid, distinct, write_raster):
    native = grid(120, 130)
    path = write_raster(tmp_path / "red.tif", distinct(native), native)
    assert open_geobox(asset(path)) == native


def test_no_pixel_is_read(tmp_path, grid, distinct, write_raster):
    native = grid(200, 200)
    path = tmp_path / "red.tif"
    write_raster(path, distinct(native), native)
    path.write_bytes(path.read_bytes()[:2000])  # the header alone
    assert open_geobox(asset(path)) == native


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(
        ReadError, match=r"asset 'B04' cannot be read from .*gone\.tif: .*No such file.* Check the file"
    ) as caught:
        open_geobox(asset(tmp_path / "gone.tif"))
    assert str(caught.value).count("\n") == 0
    assert caught.value.__cause__ is None


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_without_crs(tmp_path, grid, distinct, write_raster):
    path = write_raster(tmp_path / "red.tif", distinct(grid(20, 20)), None)
    with pytest.raises(ReadError, match="names no coordinate reference system"):
        open_geobox(asset(path))


def test_a_file_in_degrees(tmp_path, grid, distinct, write_raster):
    degrees = grid(20, 20, resolution=0.001, origin=(13, 52), crs="EPSG:4326")
    path = write_raster(tmp_path / "red.tif", distinct(degrees), degrees)
    with pytest.raises(ReadError, match="EPSG:4326 is not projected"):
        open_geobox(asset(path))


@pytest.mark.parametrize("affine", [Affine(10, 0, 399_960, 0, 10, 5_900_040), Affine(10, 1, 399_960, 1, -10, 5_900_040)])
def test_a_file_that_is_not_north_up(tmp_path, grid, distinct, write_raster, affine):
    native = grid(20, 20)
    path = write_raster(tmp_path / "red.tif", distinct(native), GeoBox(native.shape, affine, native.crs))
    with pytest.raises(ReadError, match="is not north up"):
        open_geobox(asset(path))


def test_a_crs_without_code_is_kept_whole(tmp_path, grid, distinct, write_raster):
    native = grid(20, 20, crs="+proj=tmerc +lon_0=14.2 +k=1 +x_0=500000 +ellps=GRS80 +units=m")
    path = write_raster(tmp_path / "red.tif", distinct(native), native)
    opened = open_geobox(asset(path))
    assert opened.crs.epsg is None
    assert opened.affine == native.affine
    assert opened.crs.proj.coordinate_operation.params[1].value == pytest.approx(14.2)
