"""cluster_bands: colours of a date or a composite, beside scikit-learn and plain NumPy."""

from __future__ import annotations

import datetime as dt
import tracemalloc

import numpy as np
import pytest
import sklearn.cluster
import xarray as xr
from sklearn.preprocessing import RobustScaler, StandardScaler

from mlbmi.cluster import _band_images, cluster_bands
from mlbmi.errors import ClusterError

NAMES = ("blue", "red", "nir")
DAYS = np.array(["2020-01-17", "2020-04-24T10:20", "2020-04-24T10:21", "2020-07-03", "2020-09-30"], "datetime64[ns]")
K = 4


@pytest.fixture
def images():
    """Return reflectances (3 bands, 5 dates, 20, 30), float64, each with gaps of its own; a pixel without any whole date."""
    random = np.random.default_rng(6)
    kinds = np.array([[0.05, 0.04, 0.45], [0.1, 0.2, 0.25], [0.08, 0.05, 0.02], [0.07, 0.1, 0.3]])
    colours = kinds[random.integers(0, 4, (20, 30))].transpose(2, 0, 1)[:, None]
    images = colours * random.uniform(0.9, 1.1, (1, 5, 1, 1)) + random.normal(0, 0.01, (3, 5, 20, 30))
    images[random.random(images.shape) < 0.1] = np.nan
    images[[0, 1, 2, 0, 1], range(5), 7, 8] = np.nan
    return images


def _dataset(images: np.ndarray, **attrs: object) -> xr.Dataset:
    coords = {"y": np.arange(20.0)[::-1], "x": np.arange(30.0), "spatial_ref": 32633}
    bands = {name: (("time", "y", "x"), image, attrs) for name, image in zip(NAMES, images, strict=True)}
    return xr.Dataset(bands, {"time": DAYS[: images.shape[1]], **coords})


def _composite(images: np.ndarray) -> np.ndarray:
    """Return the median over whole dates of each pixel, (3, 600), pixel by pixel."""
    pixels = images.reshape(3, images.shape[1], -1)
    out = np.full((3, pixels.shape[2]), np.nan)
    for i in range(pixels.shape[2]):
        whole = ~np.isnan(pixels[:, :, i]).any(axis=0)
        if whole.any():
            out[:, i] = np.median(pixels[:, whole, i], axis=1)
    return out


@pytest.mark.parametrize("block", [_band_images._BLOCK_BYTES, 1, 3 * 5 * 30 * 8 * 7])
def test_the_default_is_the_median_over_dates_with_all_bands(monkeypatch, images, block):
    monkeypatch.setattr(_band_images, "_BLOCK_BYTES", block)
    found = _band_images.read_stack(_band_images.Stack.of(_dataset(images)))
    np.testing.assert_allclose(found, _composite(images), rtol=1e-12)
    assert np.isnan(found[:, 7 * 30 + 8]).all()


def test_composites_of_bands_are_clustered_where_none_is_missing(images):
    result = cluster_bands(_dataset(images), K)
    table = _composite(images)
    seen = ~np.isnan(table).any(axis=0)
    assert 0 < (~seen).sum() < 20
    np.testing.assert_array_equal(result.labels.values.reshape(-1) == 255, ~seen)
    own = [table[:, result.labels.values.reshape(-1) == j].mean(axis=1) for j in range(K)]
    np.testing.assert_allclose(result.centers, own, rtol=1e-5)
    best = sklearn.cluster.KMeans(K, n_init=10, random_state=0).fit(table[:, seen].T)
    assert result.inertia <= best.inertia_ * (1 + 1e-6)


@pytest.mark.parametrize(
    "date",
    ["2020-07-03", dt.date(2020, 7, 3), dt.datetime(2020, 7, 3, 12, tzinfo=None), np.datetime64("2020-07-03T05:00")],  # noqa: DTZ001
)
def test_a_date_is_that_image(images, date):
    found = cluster_bands(_dataset(images), K, date=date)
    alone = cluster_bands(_dataset(images).isel(time=3, drop=True), K)
    np.testing.assert_array_equal(found.labels, alone.labels)
    np.testing.assert_array_equal(found.labels.values == 255, np.isnan(images[:, 3]).any(axis=0))


def test_a_day_of_two_images_is_their_median(images):
    found = _band_images.read_stack(_band_images.Stack.of(_dataset(images)).on("2020-04-24"))
    np.testing.assert_allclose(found, _composite(images[:, 1:3]), rtol=1e-12)


@pytest.mark.parametrize("kind", ["chunked", "array", "array of a date", "transposed"])
def test_bands_come_as_they_may(images, kind):
    bands = _dataset(images)
    plain = cluster_bands(bands, K, date="2020-07-03" if kind == "array of a date" else None)
    data = {
        "chunked": lambda: bands.chunk(time=2, y=7, x=11),
        "array": lambda: bands.to_dataarray("band"),
        "array of a date": lambda: bands.isel(time=3, drop=True).to_dataarray("band"),
        "transposed": lambda: bands.transpose("x", "time", "y"),
    }[kind]()
    result = cluster_bands(data, K)
    np.testing.assert_array_equal(result.labels, plain.labels)
    assert (result.index, result.features) == ("blue-red-nir", NAMES)


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
@pytest.mark.parametrize("attrs", [{}, {"scale_factor": 1e-4, "add_offset": -0.1}])
def test_integers_are_reflectances_with_the_numbers_of_their_attributes(images, kind, attrs):
    step, offset = attrs.get("scale_factor", 1.0), attrs.get("add_offset", 0.0)
    missing = -32768 if kind is np.int16 else 0
    numbers = np.where(np.isnan(images), missing, np.rint((images + 0.1) * 1e4)).astype(kind)
    given = attrs if kind is np.int16 else {**attrs, "_FillValue": 0}
    floats = np.where(np.isnan(images), np.nan, numbers * step + offset)
    result, other = cluster_bands(_dataset(numbers, **given), K), cluster_bands(_dataset(floats), K)
    np.testing.assert_array_equal(result.labels, other.labels)
    np.testing.assert_allclose(result.centers, other.centers, rtol=1e-5)


@pytest.mark.parametrize("scaling", ["none", "robust", "standard"])
def test_numbers_and_rows_are_by_ndvi(images, scaling):
    result = cluster_bands(_dataset(images), K, scaling=scaling)
    _, red, nir = _composite(images)
    ndvi, labels = (nir - red) / (nir + red), result.labels.values.reshape(-1)
    at_center = (result.centers[:, 2] - result.centers[:, 1]) / (result.centers[:, 2] + result.centers[:, 1])
    assert (np.diff(at_center) > 0).all()
    assert len(result.rows) == K
    for row in result.rows:
        assert row.date is None
        assert row.pixels == (labels == row.cluster).sum() == result.counts[row.cluster]
        assert row.mean == pytest.approx(ndvi[labels == row.cluster].mean(), rel=1e-9)
        assert row.sd == pytest.approx(ndvi[labels == row.cluster].std(), rel=1e-6)
        assert row.center == pytest.approx(at_center[row.cluster], rel=1e-9)


def test_without_red_and_nir_numbers_and_rows_are_by_the_mean_over_bands(images):
    bands = _dataset(images).drop_vars("nir").isel(time=3)
    result = cluster_bands(bands, 3)
    mean, labels = images[:2, 3].mean(axis=0), result.labels.values
    assert (np.diff(result.centers.mean(axis=1)) > 0).all()
    for row in result.rows:
        assert row.mean == pytest.approx(mean[labels == row.cluster].mean(), rel=1e-9)
        assert row.center == pytest.approx(result.centers[row.cluster].mean())


def test_where_ndvi_is_undefined_it_is_left_out():
    red, nir = np.array([[0.0, 0.0, 0.1, 0.1]]), np.array([[0.0, 0.0, 0.5, 0.5]])
    result = cluster_bands(xr.Dataset({"red": (("y", "x"), red), "nir": (("y", "x"), nir)}), 2)
    assert result.labels.values.tolist() == [[1, 1, 0, 0]]
    assert [row.mean for row in result.rows] == [pytest.approx(2 / 3), pytest.approx(np.nan, nan_ok=True)]


def test_every_field_is_filled(images):
    result = cluster_bands(_dataset(images), K, seed=3, scaling="robust", quantile_range=(5, 95))
    assert (result.mode, result.index, result.seed, result.min_observations) == ("bands", "blue-red-nir", 3, 3)
    assert (result.scaling.method, result.scaling.quantile_range) == ("robust", (5, 95))
    assert result.labels.dims == ("y", "x")
    assert set(result.labels.coords) == {"y", "x", "spatial_ref"}
    assert result.reach.shape == (K,)
    assert result.converged


@pytest.mark.parametrize(("scaling", "scaler"), [("robust", RobustScaler()), ("standard", StandardScaler())])
def test_it_is_kmeans_on_scikit_learns_scaler_of_whole_pixels(images, scaling, scaler):
    result = cluster_bands(_dataset(images), K, scaling=scaling, tol=0)
    table = _composite(images)
    seen = ~np.isnan(table).any(axis=0)
    whole = scaler.fit_transform(table[:, seen].T)
    theirs = sklearn.cluster.KMeans(K, init=scaler.transform(result.centers), n_init=1, tol=0).fit(whole)
    np.testing.assert_array_equal(result.labels.values.reshape(-1)[seen], theirs.labels_)
    assert result.inertia == pytest.approx(theirs.inertia_, rel=1e-6)


def test_standard_scaling_forgets_the_units_of_each_band(images):
    other = images * np.array([1e4, 0.3, 7]).reshape(3, 1, 1, 1) + np.array([100, 0, -2]).reshape(3, 1, 1, 1)
    names = {"blue": "a", "red": "b", "nir": "c"}
    result = cluster_bands(_dataset(images).rename(names), K, scaling="standard")
    changed = cluster_bands(_dataset(other).rename(names), K, scaling="standard")
    pairs = {*zip(result.labels.values.flat, changed.labels.values.flat, strict=True)}
    assert len(pairs) == K + 1  # one name for another, and missing for missing
    assert changed.inertia == pytest.approx(result.inertia, rel=1e-9)


def test_profiles_forget_brightness():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 400)
    spectra = np.array([[0.05, 0.04, 0.4, 0.3], [0.1, 0.15, 0.2, 0.3]])[truth] * random.uniform(0.3, 1.5, (400, 1))
    bands = xr.Dataset({name: (("y", "x"), band.reshape(20, 20)) for name, band in zip("abcd", spectra.T, strict=True)})
    assert (cluster_bands(bands, 2, scaling="profile").labels.values.reshape(-1) != truth).mean() in {0, 1}
    renamed = bands.rename(b="red", c="nir")
    result = cluster_bands(renamed, 2, scaling="profile")
    assert (result.labels.values.reshape(-1) == 1 - truth).all()
    assert result.rows[0].mean < result.rows[1].mean
    assert np.isnan(result.rows[0].center)


def test_a_composite_is_made_by_blocks(monkeypatch):
    """Beside the answer no more is held than a few blocks, though the input in float64 takes 64 MB."""
    monkeypatch.setattr(_band_images, "_BLOCK_BYTES", 1 << 22)
    data = np.random.default_rng(0).random((2, 8, 500, 1000), np.float32)
    bands = xr.Dataset({name: (("time", "y", "x"), image) for name, image in zip("ab", data, strict=True)})
    tracemalloc.start()
    found = _band_images.read_stack(_band_images.Stack.of(bands))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < found.nbytes + 5 * _band_images._BLOCK_BYTES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["red"], r"data is a DataArray over \('time', 'y', 'x'\); it must be an xarray.Dataset of bands"),
        (lambda d: d["red"].values, "data is a ndarray; it must be"),
        (lambda d: d.drop_vars(NAMES), "data holds no band"),
        (lambda d: d.assign(red=d["red"].isel(time=0)), "band 'red' has sizes"),
        (lambda d: d.assign(red=d["red"].rename(y="latitude")), r"band 'red' has the dimensions \('time', 'latitude', 'x'\)"),
        (lambda d: d.assign(red=d["red"].fillna(0).astype(np.int32)), "band 'red' is int32"),
        (lambda d: d.isel(y=slice(0)), "band 'blue' is empty"),
        (lambda d: d.to_dataarray("band").assign_coords(band=["a", "a", "b"]), "bands are a, a, b; each must have a name"),
        (lambda d: d * np.nan, "n_samples=0"),
        (lambda d: d.where(d["red"] < 0.15, np.inf), "infinity"),
        (lambda d: d * 0, "no more than 1 distinct"),
    ],
)
def test_what_cannot_be_clustered_is_said(images, change, message):
    with pytest.raises(ClusterError, match=message):
        cluster_bands(change(_dataset(images)), K)


def test_dates_that_are_not_there_are_said(images):
    bands = _dataset(images)
    with pytest.raises(
        ClusterError, match=r"there is no image of 2020-07-04; there are images of 2020-01-17, 2020-04-24, 2020-07"
    ):
        cluster_bands(bands, K, date="2020-07-04")
    with pytest.raises(ClusterError, match="date is 'summer'; it must be a day"):
        cluster_bands(bands, K, date="summer")
    for undated in (bands.isel(time=0, drop=True), bands.drop_vars("time")):
        with pytest.raises(ClusterError, match=r"no coordinate `time` that holds dates\. Leave out"):
            cluster_bands(undated, K, date="2020-07-03")


@pytest.mark.parametrize(("k", "message"), [(0, "n_clusters is 0"), (256, "n_clusters is 256"), ("5", "n_clusters is '5'")])
def test_numbers_of_clusters_are_checked(images, k, message):
    with pytest.raises(ClusterError, match=message):
        cluster_bands(_dataset(images), k)


def test_a_crs_among_the_variables_is_no_band_and_input_is_not_changed(images):
    bands = _dataset(images).reset_coords("spatial_ref")
    before = bands.copy(deep=True)
    assert cluster_bands(bands, K).features == NAMES
    xr.testing.assert_identical(bands, before)
