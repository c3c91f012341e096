"""Novelty maps, read back by rasterio and rio-cogeo."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rio_cogeo.cogeo import cog_validate

from mlbmi.errors import InputError
from mlbmi.write.novelty import write_novelty, write_novelty_cog


def test_a_map_that_says_what_it_is(tmp_path):
    values = np.random.default_rng(0).gamma(2.0, 0.3, (700, 900)).astype("float32")
    values[:200, :300] = np.nan
    geobox = GeoBox(values.shape, Affine(10, 0, 358000, 0, -10, 5830000), "EPSG:32633")
    path = write_novelty_cog(tmp_path / "novelty.tif", values, geobox)
    valid, errors, warnings = cog_validate(path, strict=True)
    assert valid, (errors, warnings)
    with rasterio.open(path) as source:
        assert source.dtypes == ("float32",)
        assert np.isnan(source.nodata)
        assert source.descriptions == ("novelty",)
        assert "above 1: novel" in source.tags()["TIFFTAG_IMAGEDESCRIPTION"]
        assert source.crs.to_epsg() == 32633
        assert source.transform == geobox.affine
        np.testing.assert_array_equal(source.read(1), values)
    with rasterio.open(path, OVERVIEW_LEVEL=0) as overview:
        small = overview.read(1)
    assert np.isnan(small[:100, :150]).all()
    np.testing.assert_allclose(small[120, 200], values[240:242, 400:402].mean(), rtol=1e-5)
    assert [file.name for file in tmp_path.iterdir()] == ["novelty.tif"]


def test_float64_is_written_as_float32(tmp_path, geobox):
    values = np.full(geobox.shape, 1 / 3)
    with rasterio.open(write_novelty_cog(tmp_path / "n.tif", values, geobox)) as source:
        np.testing.assert_array_equal(source.read(1), values.astype("float32"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((70, 60), "uint8"), "novelty is uint8"),
        (np.full((70, 60), -0.5), "down to -0.5"),
        (np.zeros((3, 3)), r"\(3, 3\)"),
    ],
)
def test_what_is_no_novelty(tmp_path, geobox, values, message):
    with pytest.raises(InputError, match=message):
        write_novelty_cog(tmp_path / "n.tif", values, geobox)
    assert not list(tmp_path.iterdir())


def test_one_file_per_map(tmp_path, images, series):
    """Images by date, series once; each holds its own map."""
    rng = np.random.default_rng(3)
    dated = images.labels.copy(data=rng.random(images.labels.shape, dtype="float32")).rename("novelty")
    files = write_novelty(dated, tmp_path, grid="33UUU", mode="images", index="ndvi", k=4)
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        f"33UUU/novelty_images_ndvi_{date}_k4.tif" for date in ("2020-01-17", "2020-01-24", "2020-08-07")
    ]
    for number, file in enumerate(files):
        with rasterio.open(file) as source:
            np.testing.assert_array_equal(source.read(1), dated[number])
            assert source.crs.to_epsg() == 32633
    whole = series.labels.copy(data=rng.random(series.labels.shape, dtype="float32"))
    (file,) = write_novelty(whole, tmp_path, grid="mosaic", mode="timeseries", index="ndvi", k=3)
    assert file == tmp_path / "mosaic" / "novelty_timeseries_ndvi_k3.tif"
    (file,) = write_novelty(dated[:1].drop_vars("time"), tmp_path, grid="a", mode="images", index="ndvi", k=4)
    assert file.name == "novelty_images_ndvi_k4.tif"


def test_names_and_dates_that_cannot_be(tmp_path, images):
    novelty = images.labels.astype("float32")
    common = {"mode": "images", "index": "ndvi", "k": 4}
    with pytest.raises(InputError, match="cannot be part of a file's name"):
        write_novelty(novelty, tmp_path, grid="../evil", **common)
    with pytest.raises(InputError, match="cannot be part of a file's name"):
        write_novelty(novelty, tmp_path, grid="a", **(common | {"index": "a/b"}))
    with pytest.raises(InputError, match="3 images have no dates"):
        write_novelty(novelty.drop_vars("time"), tmp_path, grid="a", **common)
    with pytest.raises(InputError, match="coordinate reference system"):
        write_novelty(novelty.drop_vars(["spatial_ref", "x", "y"]), tmp_path, grid="a", **common)
    assert not list(tmp_path.iterdir())
