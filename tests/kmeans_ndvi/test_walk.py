"""The original notebook, step by step, on the simulation: types, shapes and values."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from matplotlib.figure import Figure
from pyproj import Transformer
from rasterio.features import geometry_mask
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import RobustScaler

from mlbmi import KMeansNDVI, KMeansNDVIParams, SentinelAOI, SentinelAOIParams
from mlbmi.utils import sanity_check_ndvi_statistics, sanity_check_spatial_kmeans, sanity_check_temporal_kmeans

TILES, DATES = ["32UQD", "33UUU"], ["2020-01-17", "2020-01-24"]


def test_the_classes_are_those_of_the_notebook():
    assert issubclass(KMeansNDVI, SentinelAOI)
    assert issubclass(KMeansNDVIParams, SentinelAOIParams)
    params = KMeansNDVIParams()
    assert (params.geojson, params.start_date, params.end_date) == (
        "doeberitzer_multipolygon.geojson",
        "2020-01-01",
        "2020-02-01",
    )
    assert (params.cloud_cover, params.collection, params.band_names) == (1, "sentinel-s2-l2a-cogs", ["b04", "b08"])
    assert (params.n_clusters, params.n_sig, params.quantile_range) == (5, 10, (1, 99))
    assert KMeansNDVI.from_params(params).band_names == ["B04", "B08"]


def test_it_describes_itself():
    assert repr(KMeansNDVI()).splitlines() == [
        "SentinelAOI:",
        "                            AOI: doeberitzer_multipolygon.geojson",
        "                     Start Date: 2020-01-01",
        "                       End Date: 2020-02-01",
        "                Cloud Cover Max: 1",
        "                     Collection: sentinel-s2-l2a-cogs",
        "                     Band Names: ['B04', 'B08']",
    ]


def test_eight_files_answer_the_question(walked):
    assert len(walked.filepaths) == 8
    assert all(Path(path).is_file() for path in walked.filepaths)
    assert sorted({Path(path).stem for path in walked.filepaths}) == ["B04", "B08"]


def test_scenes_are_keyed_by_tile_resolution_date_and_image(walked):
    assert list(walked.scenes) == TILES
    for tile in TILES:
        assert list(walked.scenes[tile]) == ["R10m"]
        assert list(walked.scenes[tile]["R10m"]) == [*DATES, "timeseries"]
        for date in DATES:
            assert list(walked.scenes[tile]["R10m"][date]) == ["B04", "B08", "ndvi", "transform", "kmeans"]
        assert list(walked.scenes[tile]["R10m"]["timeseries"]) == ["ndvi", "timestamps", "kmeans"]
    assert "31UFT" not in walked.scenes


def _expected_ndvi(reserve, path, place):
    """Compute NDVI with rasterio and NumPy alone: the file's pixels, the scene classification, the outline."""
    folder = Path(path).parent
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in json.loads(reserve.aoi.read_text())["features"]]
    with rasterio.open(folder / "B04.tif") as file:
        crs, top_left = file.crs, file.transform
        red = file.read(1).astype(float)
    nir = rasterio.open(folder / "B08.tif").read(1).astype(float)
    scl = np.kron(rasterio.open(folder / "SCL.tif").read(1), np.ones((2, 2), int))[: red.shape[0], : red.shape[1]]
    project = Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform
    projected = [shapely.transform(shape, project, interleaved=False) for shape in shapes]
    outside = geometry_mask(projected, red.shape, top_left)
    clear = np.isin(scl, (4, 5, 6, 7)) & (red > 0) & (nir > 0) & ~outside
    ndvi = np.where(clear, (nir - red) / np.where(nir + red > 0, nir + red, 1), np.nan)
    column, row = (round(number) for number in ~top_left * (place.c, place.f))
    return ndvi, row, column


def test_ndvi_is_that_of_the_files(walked, reserve):
    for path in (path for path in walked.filepaths if path.endswith("B04.tif")):
        tile, date = re.search(r"_(\d\d[A-Z]{3})_(\d{8})_", path).groups()
        found = walked.scenes[tile]["R10m"][f"{date[:4]}-{date[4:6]}-{date[6:]}"]
        image, place = found["ndvi"], found["transform"]
        assert isinstance(image, xr.DataArray)
        assert image.dtype == np.float32
        assert isinstance(place, Affine)
        whole, row, column = _expected_ndvi(reserve, path, place)
        expected = whole[row : row + image.shape[0], column : column + image.shape[1]]
        np.testing.assert_allclose(image.values, expected, atol=2e-7)
        assert np.isfinite(whole).sum() == np.isfinite(image.values).sum() > 10_000  # nothing of the area is cut off
        assert image.attrs == {"long_name": "Normalized Difference Vegetation Index", "units": "1"}  # no nodata of 0


def test_bands_are_reflectance_and_missing_is_not_a_number(walked):
    found = walked.scenes["33UUU"]["R10m"]["2020-01-24"]
    for band in ("B04", "B08"):
        values = found[band].values
        assert np.isnan(values).any()
        assert 0 < np.nanmin(values) < np.nanmax(values) < 1.5
    outside = ~found["ndvi"].coords["inside"].values
    assert np.isnan(found["ndvi"].values[outside]).all()


def test_the_series_is_the_stack_of_the_images(walked):
    for tile in TILES:
        series = walked.scenes[tile]["R10m"]["timeseries"]
        assert series["timestamps"] == DATES
        assert series["ndvi"].dims == ("time", "y", "x")
        for place, date in enumerate(DATES):
            np.testing.assert_array_equal(series["ndvi"][place], walked.scenes[tile]["R10m"][date]["ndvi"])


def test_the_series_is_a_view_not_a_second_store(walked):
    series = walked.scenes["33UUU"]["R10m"]["timeseries"]["ndvi"]
    image = walked.scenes["33UUU"]["R10m"]["2020-01-17"]["ndvi"]
    assert np.shares_memory(image.values, series.values)


def _rows(walked, tile, date=None):
    found = walked.scenes[tile]["R10m"]
    if date:
        return found[date]["ndvi"].values.reshape(-1, 1), found[date]["kmeans"][walked.n_clusters]
    series = found["timeseries"]
    return series["ndvi"].values.reshape(len(DATES), -1).T, series["kmeans"][walked.n_clusters]


@pytest.mark.parametrize("date", [DATES[1], None], ids=["spatial", "temporal"])
@pytest.mark.parametrize("tile", TILES)
def test_models_read_as_those_of_scikit_learn(walked, tile, date):
    rows, kmeans = _rows(walked, tile, date)
    assert kmeans.n_clusters == walked.n_clusters == 5
    assert kmeans.cluster_centers_.shape == (5, rows.shape[1]) == (5, kmeans.n_features_in_)
    assert kmeans.labels_.shape == (len(rows),)
    np.testing.assert_array_equal(kmeans.predict(rows), kmeans.labels_)
    seen = np.isfinite(rows).all(axis=1)
    assert set(kmeans.labels_[seen]) == set(range(5))
    assert (kmeans.labels_[np.isnan(rows).all(axis=1)] == -1).all()
    for label in range(5):  # centers are in units of the index: the mean of their members
        mean = rows[seen & (kmeans.labels_ == label)].mean(axis=0, dtype=float)
        np.testing.assert_allclose(kmeans.cluster_centers_[label], mean, atol=3e-3)
    assert (np.diff(kmeans.cluster_centers_.mean(axis=1)) > 0).all()
    assert kmeans.transform(rows[seen][:7]).shape == (7, 5)
    np.testing.assert_array_equal(kmeans.transform(rows[seen]).argmin(axis=1), kmeans.labels_[seen])
    assert -kmeans.score(rows) == pytest.approx(kmeans.inertia_, rel=1e-5)


@pytest.fixture
def own(settings):
    """Return a notebook of one tile, whose NDVI a test may exchange, and its images."""
    notebook = KMeansNDVI(**settings, scene_id="33UUU")
    notebook.compute_ndvi_for_all()
    return notebook, notebook._images["33UUU", "R10m"]


def test_never_worse_than_the_notebooks_method(own):
    """Robust scaling and scikit-learn's K-means, over the pixels with every date: what its method can take."""
    notebook, images = own
    images.add("ndvi", images.data["ndvi"].where(images.data["ndvi"].notnull().all("time")))
    notebook.compute_spatial_kmeans()
    notebook.compute_temporal_kmeans()
    for date in (DATES[0], None):
        rows, kmeans = _rows(notebook, "33UUU", date)
        seen = np.isfinite(rows).all(axis=1)
        scaled = RobustScaler(quantile_range=notebook.quantile_range).fit_transform(rows[seen]).astype(float)
        theirs = KMeans(5, n_init=3, random_state=0).fit(scaled)
        assert kmeans.inertia_ <= theirs.inertia_ * (1 + 1e-5)  # 1e-5: the scaling is in float32 here, in float64 there
        assert adjusted_rand_score(theirs.labels_, kmeans.labels_[seen]) > 0.98


def test_same_partition_as_the_notebooks_method_where_classes_are_clear(own):
    notebook, images = own
    random = np.random.default_rng(4)
    levels = np.array([[0.1, 0.15], [0.3, 0.2], [0.45, 0.7], [0.6, 0.55], [0.85, 0.8]])
    truth = random.integers(5, size=images.data["ndvi"].shape[1:])
    clear = (levels[truth] + random.normal(0, 0.008, (*truth.shape, 2))).astype(np.float32)
    images.add("ndvi", images.data["ndvi"].copy(data=np.moveaxis(clear, -1, 0)))
    notebook.compute_spatial_kmeans()
    notebook.compute_temporal_kmeans()
    for date in (*DATES, None):
        rows, kmeans = _rows(notebook, "33UUU", date)
        scaled = RobustScaler(quantile_range=(1, 99)).fit_transform(rows).astype(float)
        theirs = KMeans(5, n_init=5, random_state=0).fit(scaled)
        assert adjusted_rand_score(theirs.labels_, kmeans.labels_) == 1.0
        assert kmeans.inertia_ <= theirs.inertia_ * (1 + 1e-5)


def test_the_three_figures(walked):
    place = ("33UUU", "R10m", "2020-01-24")
    found = walked.scenes["33UUU"]["R10m"]
    image, series = found["2020-01-24"]["ndvi"], found["timeseries"]
    figures = [
        sanity_check_ndvi_statistics(image, *place, bins=100, plot_now=True),
        sanity_check_spatial_kmeans(found["2020-01-24"]["kmeans"][5], image, walked.quantile_range, *place, plot_now=True),
        sanity_check_temporal_kmeans(
            series["kmeans"][5], series["ndvi"], quantile_range=(1, 99), scene_id="33UUU", res="R10m", plot_now=True
        ),
    ]
    assert all(isinstance(figure, Figure) for figure in figures)


def test_each_step_may_be_called_alone(settings):
    notebook = KMeansNDVI(**settings, scene_id="33UUU", n_clusters=[3, 5])
    notebook.compute_temporal_kmeans()
    series = notebook.scenes["33UUU"]["R10m"]["timeseries"]
    assert list(series["kmeans"]) == [3, 5]
    assert "kmeans" not in notebook.scenes["33UUU"]["R10m"]["2020-01-24"]
    before = series["ndvi"]
    notebook.compute_spatial_kmeans()  # reads and computes nothing again
    assert list(notebook.scenes["33UUU"]["R10m"]["2020-01-24"]["kmeans"]) == [3, 5]
    xr.testing.assert_identical(before, notebook.scenes["33UUU"]["R10m"]["timeseries"]["ndvi"])


def _cells(document):
    return re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_the_original_notebook_runs_cell_by_cell(realdata, reserve, tmp_path, monkeypatch):
    """Its own code, with nothing changed: only the catalogue that ``.env`` names is the simulation's."""
    document = realdata.parent / "founding-document.md"
    if not document.is_file():
        pytest.skip(f"the original notebook's text is not at {document}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    shutil.copy(reserve.aoi, tmp_path / "doeberitzer_multipolygon.geojson")
    (tmp_path / ".env").write_text(f"STAC_API_URL={reserve.catalog}\n", encoding="utf-8")
    names: dict[str, object] = {}
    cells = _cells(document)
    assert len(cells) >= 16
    for number, cell in enumerate(cells):
        exec(compile(cell, f"cell {number}", "exec"), names)  # noqa: S102 - that is the test
    data = names["jp2_data"]
    assert len(data.filepaths) == 8
    assert list(data.scenes) == TILES
    assert names["image_stack"].shape[0] == 2
    assert names["kmeans"].cluster_centers_.shape == (5, 2)
