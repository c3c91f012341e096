"""`mlbmi run` on real Sentinel-2 files, against a calculation that shares nothing with it but rasterio and NumPy."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
from rasterio.features import geometry_mask
from rasterio.warp import transform_geom
from sklearn.cluster import KMeans as PeerKMeans

import mlbmi
from mlbmi.sentinel2 import SCL

pytestmark = pytest.mark.realdata

CLEAR = (4, 5, 6, 7)
DAYS = ("2023-08-10", "2023-08-13", "2023-08-15", "2023-08-18", "2023-08-20")


@pytest.fixture(scope="module")
def outline(tmp_path_factory):
    """Seven corners about 20 km around a point inside tile 33TWL, so that no edge runs along the grid."""
    corners = [(-20, -14), (-9, -21), (12, -19), (21, -6), (17, 15), (2, 20), (-18, 12)]
    to_lonlat = pyproj.Transformer.from_crs(32633, 4326, always_xy=True)
    ring = [list(to_lonlat.transform(555_000 + 1000 * x, 5_045_000 + 1000 * y)) for x, y in [*corners, corners[0]]]
    path = tmp_path_factory.mktemp("aoi") / "forty_km.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


@pytest.fixture(scope="module")
def catalog(realdata):
    return realdata / "real" / "earthsearch-v1-33TWL" / "catalog.json"


@pytest.fixture(scope="module")
def finished(outline, catalog, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out"
    config = mlbmi.RunConfig(aoi=outline, start="2023-08-10", end="2023-08-20", catalog=str(catalog), n_clusters=5, out=out)
    return mlbmi.run(config)


@pytest.fixture(scope="module")
def oracle(outline, catalog):
    """NDVI in float64 and validity by day, on the whole tile: from the files, whose +1000 is already taken out."""
    found = {}
    geometry = json.loads(outline.read_text())
    for red_path in catalog.parent.rglob("B04.tif"):
        with rasterio.open(red_path) as raster:
            red, profile = raster.read(1).astype(float), raster.profile
        nir = rasterio.open(red_path.with_name("B08.tif")).read(1).astype(float)
        scl = rasterio.open(red_path.with_name("SCL.tif")).read(1)
        shape = transform_geom("EPSG:4326", profile["crs"], geometry)
        inside = geometry_mask([shape], scl.shape, profile["transform"], invert=True)
        valid = inside & (red > 0) & (nir > 0) & np.isin(scl, CLEAR)
        with np.errstate(invalid="ignore"):
            ndvi = (nir - red) / (nir + red)
        day = dt.datetime.strptime(red_path.parent.name.split("_")[2], "%Y%m%d").replace(tzinfo=dt.UTC).date()
        found[day.isoformat()] = (np.where(valid, ndvi, np.nan), inside, scl, profile["transform"])
    return found


def _window(whole, transform, like):
    """Cut out of a whole-tile array the part that a cube covers, by the coordinates of its pixels."""
    column = round((float(like.x[0]) - transform.c) / transform.a - 0.5)
    row = round((float(like.y[0]) - transform.f) / transform.e - 0.5)
    return whole[row : row + like.sizes["y"], column : column + like.sizes["x"]]


def test_every_promised_output_is_there(finished):
    names = set(finished.record.outputs)
    expected = {"acquisitions.csv", "clusters.csv", "model_images_ndvi_k5.json", "model_timeseries_ndvi_k5.json"}
    expected |= {f"mosaic/ndvi_{day}.tif" for day in DAYS} | {f"mosaic/images_ndvi_{day}_k5.tif" for day in DAYS}
    expected |= {"mosaic/timeseries_ndvi_k5.tif"}
    assert expected <= names
    assert (finished.out / "cube.zarr").is_dir()
    assert any(name.startswith("mosaic/figures/") and name.endswith(".png") for name in names)
    assert not (finished.out / ".mlbmi-work").exists()
    assert finished.exit_code == 0
    for name, digest in finished.record.outputs.items():
        assert hashlib.sha256((finished.out / name).read_bytes()).hexdigest() == digest, name


def test_files_hold_the_independent_ndvi_to_half_a_step(finished, oracle):
    for day in DAYS:
        with rasterio.open(finished.out / "mosaic" / f"ndvi_{day}.tif") as raster:
            raw, scale, nodata = raster.read(1), raster.scales[0], raster.nodata
            x, y = raster.xy(0, 0)
        assert scale == pytest.approx(1e-4, rel=1e-12)
        like = xr.DataArray(
            raw, dims=("y", "x"), coords={"y": y - 120 * np.arange(raw.shape[0]), "x": x + 120 * np.arange(raw.shape[1])}
        )
        expected, inside, _, transform = oracle[day]
        cut = _window(expected, transform, like)
        assert np.array_equal(raw != nodata, ~np.isnan(cut))
        valid = raw != nodata
        assert np.abs(raw[valid] * 1e-4 - cut[valid]).max() <= 5e-5 + 1e-12
        assert np.count_nonzero(inside) == np.count_nonzero(_window(inside, transform, like)), "the window holds the whole area"


def test_memory_holds_the_independent_ndvi_to_a_millionth(outline, catalog, oracle):
    aoi = mlbmi.AOI.from_file(outline)
    scenes = mlbmi.search(aoi, start="2023-08-10", end="2023-08-20", catalog=str(catalog))
    cube = mlbmi.load(scenes, aoi)
    assert [str(day)[:10] for day in cube.time.values] == list(DAYS)
    for day in DAYS:
        image = cube["ndvi"].sel(time=day)
        expected, _, _, transform = oracle[day]
        cut = _window(expected, transform, image)
        assert np.array_equal(np.isnan(image.values), np.isnan(cut))
        assert np.nanmax(np.abs(image.values - cut)) <= 1e-6


def test_lazy_cube_equals_the_eager_one(outline, catalog):
    aoi = mlbmi.AOI.from_file(outline)
    scenes = mlbmi.search(aoi, start="2023-08-18", end="2023-08-20", catalog=str(catalog))
    lazy = mlbmi.load(scenes, aoi, chunks={"y": 100, "x": 130}, dilate_m=240)
    assert lazy["ndvi"].chunks is not None
    xr.testing.assert_identical(lazy.compute(), mlbmi.load(scenes, aoi, dilate_m=240))


def test_offset_is_taken_as_already_applied_and_vegetation_is_green(finished, oracle):
    used = [acquisition for acquisition in finished.record.acquisitions if acquisition.status == "used"]
    assert {acquisition.offset.add for acquisition in used} == {0}
    assert all(acquisition.offset.contradiction for acquisition in used), "raster:offset −0.1 contradicts the flag"
    day = "2023-08-20"
    expected, _, scl, transform = oracle[day]
    with rasterio.open(finished.out / "mosaic" / f"ndvi_{day}.tif") as raster:
        raw = raster.read(1)
        x, y = raster.xy(0, 0)
    like = xr.DataArray(
        raw, dims=("y", "x"), coords={"y": y - 120 * np.arange(raw.shape[0]), "x": x + 120 * np.arange(raw.shape[1])}
    )
    green = (_window(scl, transform, like) == SCL.VEGETATION) & ~np.isnan(_window(expected, transform, like))
    assert np.median(raw[green]) * 1e-4 > 0.7


def _sse(values, labels, centers):
    return float(((values - centers[labels]) ** 2).sum())


def test_pooled_images_are_at_least_as_good_as_the_peers_best_of_ten(finished):
    coded, labels = [], []
    for day in DAYS:
        coded.append(rasterio.open(finished.out / "mosaic" / f"ndvi_{day}.tif").read(1).ravel())
        labels.append(rasterio.open(finished.out / "mosaic" / f"images_ndvi_{day}_k5.tif").read(1).ravel())
    coded, labels = np.concatenate(coded), np.concatenate(labels)
    assert np.array_equal(coded == -32768, labels == 255)
    values, labels = coded[labels != 255].astype(np.float64) * 1e-4, labels[labels != 255]
    model = json.loads((finished.out / "model_images_ndvi_k5.json").read_text())
    centers = np.array(model["centers"]).ravel()
    ours = _sse(values, labels, centers)
    peer = PeerKMeans(5, n_init=10, random_state=0).fit(values[:, None])
    theirs = _sse(values, peer.labels_, peer.cluster_centers_.ravel())
    assert ours <= theirs * (1 + 1e-12)
    assert ours == pytest.approx(model["inertia"], rel=1e-9)
    assert np.all(np.diff(centers) > 0)


def test_series_are_as_good_as_the_peers_best_of_ten(finished):
    cube = xr.open_zarr(finished.out / "cube.zarr", group="mosaic", consolidated=False)["ndvi"].load()
    complete = cube.where(cube.notnull().all("time"))
    assert complete.notnull().isel(time=0).sum() > 1000
    ours = mlbmi.cluster_timeseries(complete, n_clusters=5, seed=0)
    labels = ours.labels.values
    samples = complete.values[:, labels != 255].T.astype(np.float64)
    labels = labels[labels != 255]
    means = np.stack([samples[labels == cluster].mean(axis=0) for cluster in range(5)])
    peer = PeerKMeans(5, n_init=10, random_state=0).fit(samples)
    theirs = _sse(samples, peer.labels_, peer.cluster_centers_)
    assert _sse(samples, labels, means) <= 1.0005 * theirs


def test_series_with_gaps_are_as_good_as_lloyd_on_observed_dates_from_ten_starts(finished):
    """The gaps' own objective, re-computed with NumPy, against plain Lloyd on observed dates from ten random starts."""
    cube = xr.open_zarr(finished.out / "cube.zarr", group="mosaic", consolidated=False)["ndvi"].load()
    labels = rasterio.open(finished.out / "mosaic" / "timeseries_ndvi_k5.tif").read(1)
    samples = cube.values[:, labels != 255].T.astype(np.float64)
    labels = labels[labels != 255]
    observed = ~np.isnan(samples)
    weights = observed * (samples.shape[1] / observed.sum(axis=1, keepdims=True))
    filled = np.where(observed, samples, 0.0)
    ours = _observed_cost(filled, weights, labels)[0]
    rng = np.random.default_rng(1)
    best = min(_observed_lloyd(filled, weights, rng) for _ in range(10))
    assert ours <= 1.0005 * best


def _observed_cost(filled, weights, labels):
    centers = np.zeros((5, filled.shape[1]))
    for cluster in range(5):
        members = labels == cluster
        total = weights[members].sum(axis=0)
        centers[cluster] = (weights[members] * filled[members]).sum(axis=0) / np.where(total > 0, total, 1)
    return float((weights * (filled - centers[labels]) ** 2).sum()), centers


def _observed_lloyd(filled, weights, rng):
    labels, cost = rng.integers(0, 5, len(filled)), np.inf
    for _ in range(300):
        new, centers = _observed_cost(filled, weights, labels)
        if new > cost * (1 - 1e-6):
            return new
        cost = new
        distances = np.stack([(weights * (filled - center) ** 2).sum(axis=1) for center in centers])
        labels = distances.argmin(axis=0)
    return cost


def test_tables_add_up(finished, oracle):
    with (finished.out / "acquisitions.csv").open(newline="") as file:
        rows = {row["date"]: row for row in csv.DictReader(file)}
    for day in DAYS:
        expected, inside, _, _ = oracle[day]
        row = rows[day]
        assert row["status"] == "used"
        assert float(row["clear_share"]) == pytest.approx(
            np.count_nonzero(~np.isnan(expected)) / np.count_nonzero(inside), abs=1e-6
        )
        lost = sum(int(value or 0) for name, value in row.items() if name.startswith("n_"))
        assert lost == np.count_nonzero(inside) - np.count_nonzero(~np.isnan(expected))
    with (finished.out / "clusters.csv").open(newline="") as file:
        clusters = list(csv.DictReader(file))
    whole = [row for row in clusters if row["mode"] == "timeseries" and not row["date"]]
    labels = rasterio.open(finished.out / "mosaic" / "timeseries_ndvi_k5.tif").read(1)
    assert [int(row["pixels"]) for row in whole] == [int((labels == cluster).sum()) for cluster in range(5)]
    assert sum(float(row["hectares"]) for row in whole) == pytest.approx((labels != 255).sum() * 1.44, rel=1e-6)


def test_desert_date_through_python(realdata, tmp_path):
    """29RKH: one date of baseline 02.14, in which no offset was ever added."""
    files = realdata / "real" / "sentinel-cogs-29RKH"
    published = json.loads((files / "S2A_29RKH_20200219_0_L2A.json").read_text())
    for asset in published["assets"].values():  # the item names the public bucket; its files lie beside it here
        asset["href"] = str(files / asset["href"].rpartition("/")[2])
    item = tmp_path / "item.json"
    item.write_text(json.dumps(published))
    west, south, east, north = published["bbox"]
    middle = ((west + east) / 2, (south + north) / 2)
    aoi = mlbmi.AOI.from_bbox(middle[0] - 0.2, middle[1] - 0.2, middle[0] + 0.2, middle[1] + 0.2)
    scenes = mlbmi.search(aoi, start="2020-02-19", end="2020-02-19", catalog=str(item))
    assert [scene.item_id for scene in scenes] == ["S2A_29RKH_20200219_0_L2A"]
    cube = mlbmi.load(scenes, aoi)
    red, nir, scl = (rasterio.open(files / f"{band}.tif") for band in ("B04", "B08", "SCL"))
    window = rasterio.windows.from_bounds(*cube.odc.geobox.boundingbox, transform=red.transform).round()
    r, n = (raster.read(1, window=window).astype(float) for raster in (red, nir))
    rows = np.floor((cube.y.values[:, None] - scl.transform.f) / scl.transform.e).astype(int)
    columns = np.floor((cube.x.values[None, :] - scl.transform.c) / scl.transform.a).astype(int)
    classes = scl.read(1)[rows, columns]
    inside = aoi.mask(cube.odc.geobox)
    valid = inside & (r > 0) & (n > 0) & np.isin(classes, CLEAR)
    expected = np.where(valid, (n - r) / np.where(valid, n + r, 1), np.nan)
    image = cube["ndvi"].values[0]
    assert np.array_equal(np.isnan(image), np.isnan(expected))
    assert np.nanmax(np.abs(image - expected)) <= 1e-6
    assert 0 < np.nanmedian(image) < 0.2
    images = mlbmi.cluster_images(cube["ndvi"], n_clusters=3)
    assert set(np.unique(images.labels.values)) == {0, 1, 2, 255}
    assert mlbmi.write_outputs(images, tmp_path / "out")


def test_labelled_scene_through_python(realdata, tmp_path):
    """Leipzig has no catalogue: an image of one's own goes straight into the clustering."""
    import odc.geo.xr

    with rasterio.open(realdata / "real" / "leipzig-labelled" / "leipzig_raster.tif") as raster:
        bands = {name: raster.read(number).astype(np.float64) for number, name in enumerate(raster.descriptions, start=1)}
        transform, crs = raster.transform, raster.crs
    red, nir = bands["b04"] if "b04" in bands else bands["B04"], bands["b08"] if "b08" in bands else bands["B08"]
    ndvi = odc.geo.xr.wrap_xr((nir - red) / (nir + red), odc.geo.geobox.GeoBox(red.shape, transform, crs))
    model = mlbmi.cluster_images(ndvi, n_clusters=4)
    peer = PeerKMeans(4, n_init=10, random_state=0).fit(ndvi.values.reshape(-1, 1))
    labels = model.labels.values.ravel()
    ours = _sse(ndvi.values.ravel(), labels, model.centers.ravel())
    assert ours <= _sse(ndvi.values.ravel(), peer.labels_, peer.cluster_centers_.ravel()) * (1 + 1e-9)
    assert mlbmi.write_outputs(model, tmp_path / "out")
