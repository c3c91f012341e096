"""The output folder as a whole."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import rasterio

from mlbmi.errors import InputError
from mlbmi.write import read_model, write_clustering, write_index_figures, write_outputs


def _files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_images(tmp_path, images, cube, area):
    written = write_outputs(images, tmp_path, grid="33UUU", data=cube, area=area, place="Heide", credit="credit")
    dates = ("2020-01-17", "2020-01-24", "2020-08-07")
    expected = {"clusters.csv", "model_images_ndvi_k4.json"}
    for date in dates:
        stem = f"images_ndvi_{date}_k4"
        expected |= {f"33UUU/{stem}.tif", f"33UUU/{stem}.tif.aux.xml", f"33UUU/figures/{stem}.png"}
    assert _files(tmp_path) == expected
    assert {str(path.relative_to(tmp_path)) for path in written} == expected
    with rasterio.open(tmp_path / "33UUU" / "images_ndvi_2020-01-24_k4.tif") as source:
        assert np.array_equal(source.read(1), images.labels[1])
        assert source.tags()["TIFFTAG_DATETIME"] == "2020:01:24 00:00:00"
        assert source.crs.to_epsg() == 32633
    assert np.array_equal(read_model(tmp_path / "model_images_ndvi_k4.json").centers, images.centers)


def test_series_beside_images(tmp_path, images, series, cube):
    write_outputs(images, tmp_path, figures=False)
    write_outputs(series, tmp_path, data=cube, names=["bare", "grass", "wood"])
    files = _files(tmp_path)
    assert {"mosaic/timeseries_ndvi_k3.tif", "mosaic/figures/timeseries_ndvi_k3.png", "model_timeseries_ndvi_k3.json"} <= files
    table = pd.read_csv(tmp_path / "clusters.csv")
    assert set(table["mode"]) == {"images", "timeseries"}
    assert list(table["name"][-3:]) == ["bare", "grass", "wood"]
    assert table["hectares"].iloc[-3:].sum() == pytest.approx((series.labels != 255).sum().item() / 100)


def test_same_bytes_twice(tmp_path, images, series, cube):
    for folder in ("a", "b"):
        for clustering in (images, series):
            write_outputs(clustering, tmp_path / folder, data=cube, figures=clustering is series)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    for name in _files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_index_of_floats_and_of_stored_steps(tmp_path, cube):
    steps = (cube * 10_000).round().fillna(-32768).astype("int16")
    steps.attrs = {"scale_factor": 1e-4, "_FillValue": -32768}
    a = write_index_figures(cube, tmp_path / "a", grid="33UUU")
    b = write_index_figures(steps.rename("ndvi"), tmp_path / "b", grid="33UUU")
    names = [f"ndvi_{part}.png" for part in ("2020-01-17", "2020-01-24", "2020-08-07", "overview")]
    assert [path.name for path in a] == [path.name for path in b] == names
    for x, y in zip(a, b, strict=True):
        assert x.read_bytes() == y.read_bytes(), x.name


def test_scale_of_the_array_counts(tmp_path, cube):
    steps = (cube * 1000).round().fillna(-32768).astype("int16").rename("gci")
    steps.attrs = {"scale_factor": 1e-3}
    figures = write_index_figures(steps[:1], tmp_path / "steps", grid="a")
    values = (steps[:1].where(steps[:1] != -32768) * 1e-3).astype("float32")
    same = write_index_figures(values.rename("gci"), tmp_path / "floats", grid="a")
    assert [path.read_bytes() for path in figures] == [path.read_bytes() for path in same]


def test_an_image_without_time(tmp_path, images, cube):
    single = dataclasses.replace(images, labels=images.labels[0].drop_vars("time"), rows=images.rows[-4:])
    write_outputs(single, tmp_path, data=cube[0])
    assert {"mosaic/images_ndvi_k4.tif", "mosaic/figures/images_ndvi_k4.png"} <= _files(tmp_path)


def test_without_model_for_further_grids(tmp_path, series):
    write_clustering(series, tmp_path, grid="32UQD", model=False, figures=False)
    assert _files(tmp_path) == {"32UQD/timeseries_ndvi_k3.tif", "32UQD/timeseries_ndvi_k3.tif.aux.xml"}


def test_no_crs_is_refused_before_anything_is_written(tmp_path, series):
    bare = dataclasses.replace(series, labels=series.labels.drop_vars(["spatial_ref", "x", "y"]))
    with pytest.raises(InputError, match=r"coordinate reference system.*assign_crs"):
        write_outputs(bare, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("grid", ["../evil", "a/b", "", "a\nb", "..", "-x"])
def test_names_that_leave_the_folder(tmp_path, series, cube, grid):
    with pytest.raises(InputError, match="file's name"):
        write_outputs(series, tmp_path / "out", grid=grid)
    with pytest.raises(InputError, match="file's name"):
        write_outputs(dataclasses.replace(series, index=grid), tmp_path / "out")
    with pytest.raises(InputError, match="file's name"):
        write_index_figures(cube.rename(grid), tmp_path / "out", grid="a")
    assert not (tmp_path / "out").exists()


def test_two_images_of_one_day(tmp_path, cube):
    twice = cube.assign_coords(time=cube["time"].to_numpy()[[0, 1, 1]])
    with pytest.raises(InputError, match="two images are of one date"):
        write_index_figures(twice, tmp_path, grid="a")


def test_data_of_other_dates(tmp_path, images, cube):
    with pytest.raises(InputError, match="no image of 2020-01-17"):
        write_outputs(images, tmp_path, data=cube[1:])
