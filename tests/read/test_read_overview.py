"""Scene classes from overviews: as near to all pixels as their number allows, and never from averages of classes."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer
from scipy.ndimage import gaussian_filter

from mlbmi.aoi import AOI
from mlbmi.errors import ReadError
from mlbmi.read import overview as room
from mlbmi.read import read_scl_overview
from mlbmi.types import Asset, Scene

CLEAR = (4, 5, 6, 7)
TRANSFORM = Affine(20, 0, 300_000, 0, -20, 5_900_040)


@pytest.fixture(scope="module")
def classes():
    """Vegetation, soil, cloud and its rim in patches of 10 to 30 pixels, with nodata at the eastern edge."""
    rng = np.random.default_rng(5)
    field = gaussian_filter(rng.standard_normal((1373, 1201)), 9)
    cuts = np.quantile(field, [0.35, 0.6, 0.7])
    found = np.array([4, 5, 8, 9], dtype=np.uint8)[np.digitize(field, cuts)]
    found[:, 1100:] = 0
    return found


def scene_of(path):
    globe = shapely.box(-180, -90, 180, 90)
    return Scene(
        item_id="made",
        collection="",
        dialect="earth-search-v1",
        datetime=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        tile="33UUU",
        epsg=32633,
        platform="",
        baseline=None,
        sequence=0,
        orbit=None,
        cloud_cover=None,
        offset_applied=None,
        footprint=globe,
        assets={"scl": Asset(band="scl", key="scl", href=str(path))},
    )


def write(path, classes, *, resampling, driver="COG", **options):
    profile = {"width": classes.shape[1], "height": classes.shape[0], "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    kind = {"overview_resampling": resampling, "compress": "deflate", "blocksize": 256} if driver == "COG" else {}
    with rasterio.open(path, "w", driver=driver, transform=TRANSFORM, nodata=0, **profile, **kind, **options) as raster:
        raster.write(classes, 1)
    return scene_of(path)


def area(left=0.0, top=0.0, right=1.0, bottom=1.0):
    """Return an outline with a slanting side: shares of the 1373 × 1201 pixels from its left and its top."""
    corners = [(left, top), (right, top), ((left + right) / 2, bottom), (left, bottom)]
    points = [TRANSFORM * (1201 * x, 1373 * y) for x, y in corners]
    return AOI.from_geojson(shapely.geometry.mapping(shapely.Polygon(_lonlat(points))))


def _lonlat(points):
    to_lonlat = Transformer.from_crs(32633, "OGC:CRS84", always_xy=True)
    return [to_lonlat.transform(*point) for point in points]


def share(view, aoi):
    classes = view.classes[aoi.mask(view.geobox)]
    return float(np.isin(classes[classes > 0], CLEAR).mean()), int((classes > 0).sum())


def full_share(classes, aoi):
    from odc.geo.geobox import GeoBox

    inside = aoi.mask(GeoBox(classes.shape, TRANSFORM, "EPSG:32633"))
    values = classes[inside & (classes > 0)]
    return float(np.isin(values, CLEAR).mean())


def tolerance(classes, factor, samples):
    """Four standard errors: a sample is uncertain only where the pixels that it stands for differ, and there by half at most."""
    height, width = (length // factor * factor for length in classes.shape)
    cells = np.isin(classes[:height, :width], CLEAR).reshape(height // factor, factor, width // factor, factor)
    mixed = (cells.any(axis=(1, 3)) & ~cells.all(axis=(1, 3))).mean() * samples
    return 4 * 0.5 * math.sqrt(mixed) / samples


@pytest.mark.parametrize(("most", "factor"), [(4_000_000, 1), (500_000, 2), (50_000, 8), (8_000, 24)])
def test_an_overview_made_by_taking_pixels_gives_the_share_of_all_pixels(classes, tmp_path, most, factor):
    scene, aoi = write(tmp_path / "scl.tif", classes, resampling="nearest"), area()
    view = read_scl_overview(scene, aoi, most_samples=most)
    assert view.classes.size <= most
    got, samples = share(view, aoi)
    assert view.geobox.resolution.x == pytest.approx(20 * factor, rel=0.02)
    assert got == pytest.approx(full_share(classes, aoi), abs=tolerance(classes, factor, samples) if factor > 1 else 1e-12)


@pytest.mark.parametrize("resampling", ["average", "cubic", "bilinear"])
def test_averaged_overviews_are_not_believed(classes, tmp_path, monkeypatch, resampling):
    scene, aoi = write(tmp_path / "scl.tif", classes, resampling=resampling), area()
    expected = full_share(classes, aoi)
    got, samples = share(read_scl_overview(scene, aoi, most_samples=50_000), aoi)
    assert got == pytest.approx(expected, abs=tolerance(classes, 8, samples))
    monkeypatch.setattr(room, "_is_averaged", lambda *_: False)
    believed, _ = share(read_scl_overview(scene, aoi, most_samples=50_000), aoi)
    assert abs(believed - expected) > 0.03, "there was something to guard against"


def test_without_overviews_every_nth_pixel_is_taken(classes, tmp_path):
    scene, aoi = write(tmp_path / "scl.tif", classes, resampling=None, driver="GTiff", tiled=True), area()
    view = read_scl_overview(scene, aoi, most_samples=30_000)
    assert 15_000 < view.classes.size <= 30_000
    got, samples = share(view, aoi)
    assert got == pytest.approx(full_share(classes, aoi), abs=tolerance(classes, 8, samples))


def test_jpeg_2000_is_read_in_full_since_its_resolutions_are_averages(classes, tmp_path):
    options = {"QUALITY": "100", "REVERSIBLE": "YES"}
    scene, aoi = write(tmp_path / "scl.jp2", classes, resampling=None, driver="JP2OpenJPEG", **options), area()
    view = read_scl_overview(scene, aoi, most_samples=30_000)
    step = round(view.geobox.resolution.x / 20)
    rows, columns = (np.arange(step // 2, length, step) for length in classes.shape)
    assert np.array_equal(view.classes, classes[np.ix_(rows, columns)])


def test_samples_lie_where_their_pixels_lie(classes, tmp_path):
    """Each sample of a thinned view, looked up by the coordinates of its centre, is the pixel of the file there."""
    scene = write(tmp_path / "scl.tif", classes, resampling=None, driver="GTiff")
    view = read_scl_overview(scene, area(0.2, 0.3, 0.7, 0.8), most_samples=9_000)
    rows, columns = np.indices(view.classes.shape)
    x, y = view.geobox.affine * (columns + 0.5, rows + 0.5)
    of_file_columns, of_file_rows = ~TRANSFORM * (x, y)
    assert np.array_equal(view.classes, classes[of_file_rows.astype(int), of_file_columns.astype(int)])


def test_a_small_area_is_seen_at_full_resolution(classes, tmp_path):
    scene, aoi = write(tmp_path / "scl.tif", classes, resampling="average"), area(0.4, 0.4, 0.5, 0.5)
    view = read_scl_overview(scene, aoi)
    assert view.geobox.resolution.x == 20
    assert share(view, aoi)[0] == full_share(classes, aoi)


def test_an_area_off_the_raster_has_no_view(classes, tmp_path):
    assert read_scl_overview(write(tmp_path / "scl.tif", classes, resampling="nearest"), AOI.from_bbox(20, 10, 21, 11)) is None


def test_what_cannot_be_read_is_an_error_that_names_the_scene(tmp_path):
    (tmp_path / "scl.tif").write_bytes(b"no raster")
    with pytest.raises(ReadError, match="band scl of made cannot be read"):
        read_scl_overview(scene_of(tmp_path / "scl.tif"), area())


@pytest.mark.realdata
def test_real_scenes_whose_overviews_are_averaged(realdata):
    """33TWL: overviews by GDAL's default. Judged from at most 60 000 samples, as from all pixels of the file."""
    for path in sorted((realdata / "real" / "earthsearch-v1-33TWL").rglob("SCL.tif")):
        with rasterio.open(path) as raster:
            pixels = raster.read(1)
        whole = AOI.from_bbox(14, 44, 18, 47)
        got, samples = share(read_scl_overview(scene_of(path), whole, most_samples=60_000), whole)
        expected = float(np.isin(pixels[pixels > 0], CLEAR).mean())
        assert got == pytest.approx(expected, abs=tolerance(pixels, 4, samples)), path.parent.name
