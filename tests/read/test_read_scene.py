"""Every output pixel is traced to its source pixel."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import odc.geo.xr  # noqa: F401 — the accessor
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from mlbmi.errors import InputError, ReadError
from mlbmi.read import read_scene
from mlbmi.read.driver import SceneDriver


@pytest.fixture(scope="module")
def native(grid):
    return grid(200, 230)


@pytest.fixture(scope="module")
def values(native, distinct):
    return distinct(native)


@pytest.fixture(scope="module")
def scene(tmp_path_factory, native, values, grid, write_raster, make_scene):
    """A scene with a 10 m band, a 20 m class map and a 60 m band, all from one corner."""
    folder = tmp_path_factory.mktemp("scene")
    coarse = grid(100, 115, resolution=20)
    coarser = grid(34, 39, resolution=60)
    return make_scene(
        red=write_raster(folder / "red.tif", values, native),
        scl=write_raster(folder / "scl.tif", (np.arange(100 * 115) % 251 + 1).astype("uint8").reshape(100, 115), coarse),
        nir09=write_raster(folder / "nir09.tif", (np.arange(34 * 39) + 1).astype("uint16").reshape(34, 39), coarser),
    )


def shifted(geobox, columns, rows, shape):
    return GeoBox(shape, geobox.affine * Affine.translation(columns, rows), geobox.crs)


def by_rasterio(href, column, row, width, height):
    """Read a window with rasterio, 0 beyond the file."""
    with rasterio.open(href) as source:
        return source.read(1, window=rasterio.windows.Window(column, row, width, height), boundless=True, fill_value=0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    column=st.integers(-80, 260),
    row=st.integers(-80, 230),
    width=st.integers(1, 120),
    height=st.integers(1, 120),
    lazy=st.booleans(),
)
def test_a_window_on_the_lattice_is_the_file_s_own_pixels(scene, native, column, row, width, height, lazy):
    target = shifted(native, column, row, (height, width))
    read = read_scene(scene, ["red"], target, chunks={"y": 37, "x": 41} if lazy else None)["red"]
    np.testing.assert_array_equal(read.values, by_rasterio(scene.assets["red"].href, column, row, width, height))


def test_what_comes_back_is_dn_on_the_grid(scene, native):
    read = read_scene(scene, ["red", "scl"], native)
    assert read["red"].dims == read["scl"].dims == ("y", "x")
    assert (read["red"].dtype, read["scl"].dtype) == (np.uint16, np.uint8)
    assert read.odc.geobox == native
    assert "time" not in read.coords
    assert read["x"].values[0] == 399_965


@pytest.mark.parametrize(("column", "row"), [(0, 0), (7, 12), (33, 5)])
def test_20_m_classes_on_10_m_pixels_are_doubled(scene, native, column, row):
    read = read_scene(scene, ["scl"], shifted(native, column, row, (60, 70)))["scl"]
    with rasterio.open(scene.assets["scl"].href) as source:
        doubled = np.kron(source.read(1), np.ones((2, 2), dtype="uint8"))
    np.testing.assert_array_equal(read.values, doubled[row : row + 60, column : column + 70])


def test_60_m_pixels_are_repeated_six_times_and_end_where_the_file_ends(scene, native):
    read = read_scene(scene, ["nir09"], shifted(native, 6, 12, (200, 230)))["nir09"]
    with rasterio.open(scene.assets["nir09"].href) as source:
        repeated = np.kron(source.read(1), np.ones((6, 6), dtype="uint16"))[12:, 6:]
    expected = np.zeros((200, 230), dtype="uint16")
    expected[: min(200, repeated.shape[0]), : min(230, repeated.shape[1])] = repeated[:200, :230]
    np.testing.assert_array_equal(read.values, expected)


def test_a_finer_file_gives_the_pixel_right_below_the_centre(scene, values, grid):
    read = read_scene(scene, ["red"], grid(100, 115, resolution=20))["red"]
    np.testing.assert_array_equal(read.values, values[1::2, 1::2])


@pytest.mark.parametrize(("shift", "column"), [(0.0, 20), (0.3, 20), (0.49, 20), (0.51, 21), (0.9, 21)])
def test_off_the_lattice_the_pixel_under_the_centre_is_taken(scene, native, values, shift, column):
    read = read_scene(scene, ["red"], shifted(native, 20 + shift, 30 + shift, (5, 6)))["red"]
    np.testing.assert_array_equal(read.values, values[column + 10 : column + 15, column : column + 6])


@pytest.mark.parametrize(("rows", "columns"), [(0, -1), (150, 300)])
def test_a_grid_outside_the_file_is_all_missing(scene, native, rows, columns):
    read = read_scene(scene, ["red", "scl"], shifted(native, columns * 100, rows, (20, 20)))
    assert not read["red"].any()
    assert not read["scl"].any()


# Another UTM zone

ZONES = {
    "next zone west": ("EPSG:32633", (399_960, 5_900_040), "EPSG:32632"),
    "south of the equator": ("EPSG:32733", (399_960, 6_300_040), "EPSG:32734"),
    "over the antimeridian": ("EPSG:32760", (720_000, 7_900_000), "EPSG:32701"),
    "a conic projection": ("EPSG:32633", (399_960, 5_900_040), "EPSG:3035"),
}


@pytest.fixture(params=list(ZONES.values()), ids=list(ZONES))
def across(request, tmp_path, grid, distinct, write_raster, make_scene):
    """A file of distinct pixels, a scene of it, and a grid in another CRS that covers it."""
    crs, origin, other = request.param
    native = grid(210, 250, origin=origin, crs=crs)
    values = distinct(native)
    scene = make_scene(red=write_raster(tmp_path / "red.tif", values, native))
    return scene, native, values, native.to_crs(other, resolution=10)


def exact_source(native, target):
    """Return fractional source columns and rows of every pixel centre of a grid, by pyproj, pixel by pixel."""
    columns, rows = np.meshgrid(np.arange(target.shape[1]) + 0.5, np.arange(target.shape[0]) + 0.5)
    x, y = target.affine * (columns, rows)
    x, y = Transformer.from_crs(str(target.crs), str(native.crs), always_xy=True).transform(x, y)
    return ~native.affine * (x, y)


def test_every_pixel_comes_from_the_source_pixel_under_its_centre(across):
    scene, native, values, target = across
    columns, rows = exact_source(native, target)
    inside = (columns >= 0) & (columns < native.shape[1]) & (rows >= 0) & (rows < native.shape[0])
    expected = np.zeros(target.shape, dtype="uint16")
    expected[inside] = values[np.floor(rows[inside]).astype(int), np.floor(columns[inside]).astype(int)]
    read = read_scene(scene, ["red"], target)["red"].values
    assert inside.mean() > 0.5
    wrong = read != expected
    to_edge = np.minimum(np.abs(columns - np.round(columns)), np.abs(rows - np.round(rows)))
    assert wrong.mean() < 2e-4
    assert (to_edge[wrong] < 1e-3).all()


def test_chunks_leave_no_trace(across):
    scene, _, _, target = across
    whole = read_scene(scene, ["red"], target)["red"].values
    for chunks in ({"y": 64, "x": 64}, {"y": 37, "x": 1000}, {"y": 1000, "x": 41}):
        np.testing.assert_array_equal(read_scene(scene, ["red"], target, chunks=chunks)["red"].values, whole)
    blocks = [
        read_scene(scene, ["red"], target[row : min(row + 50, target.shape[0]), :])["red"].values
        for row in range(0, target.shape[0], 50)
    ]
    np.testing.assert_array_equal(np.vstack(blocks), whole)


def test_a_wide_grid_far_north_is_read_to_its_last_row_and_column(tmp_path, grid, distinct, write_raster, make_scene):
    # Projected edges bend: a footprint of four corners would miss the last chunk, of one row.
    native = grid(251, 251, resolution=1000, origin=(300_000, 8_200_000))
    values = distinct(native)
    scene = make_scene(red=write_raster(tmp_path / "red.tif", values, native))
    read = read_scene(scene, ["red"], native, chunks={"y": 125, "x": 125})["red"]
    np.testing.assert_array_equal(read.values, values)


def test_the_stated_footprint_decides_nothing(scene, native, values):
    # The scene's footprint is one degree square; the file lies outside it.
    assert not scene.footprint.contains(native.extent.to_crs("EPSG:4326").geom)
    np.testing.assert_array_equal(read_scene(scene, ["red"], native)["red"].values, values)


# Missing values and types


def test_another_missing_value_becomes_0(tmp_path, native, values, write_raster, make_scene):
    values = values.copy()
    values[5, 6] = 65535
    scene = make_scene(red=write_raster(tmp_path / "red.tif", values, native, nodata=65535))
    read = read_scene(scene, ["red"], native)["red"].values
    assert read[5, 6] == 0
    assert np.count_nonzero(read == 0) == 1


def test_a_class_that_does_not_fit_a_byte_is_no_class(tmp_path, native, write_raster, make_scene):
    classes = np.full(native.shape, 4, dtype="uint16")
    classes[0, 0] = 260  # 260 mod 256 would be vegetation
    scene = make_scene(scl=write_raster(tmp_path / "scl.tif", classes, native))
    read = read_scene(scene, ["scl"], native)["scl"].values
    assert (read[0, 0], read[0, 1]) == (255, 4)


# Failures


def truncated(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def corrupted(path):
    with rasterio.open(path) as source:
        offset = int(source.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[offset : offset + 50] = b"\xff" * 50
    path.write_bytes(data)


@pytest.mark.parametrize("other_zone", [False, True])
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("damage", [lambda path: truncated(path, 0.6), corrupted], ids=["truncated", "corrupted"])
def test_a_file_with_missing_pixels_is_an_error_not_a_hole(
    tmp_path, native, values, write_raster, make_scene, damage, lazy, other_zone
):
    path = tmp_path / "red.tif"
    write_raster(path, values, native)
    damage(path)
    target = native.to_crs("EPSG:32632", resolution=10) if other_zone else native
    with pytest.raises(ReadError, match=r"band red of S2A_33UUU_20230815_0_L2A cannot be read from .*red\.tif: \S") as caught:
        read_scene(make_scene(red=path), ["red"], target, chunks={} if lazy else None).compute()
    assert "\n" not in str(caught.value)


def test_lazy_opens_nothing_before_it_is_computed(tmp_path, native, make_scene):
    lazy = read_scene(make_scene(red=tmp_path / "gone.tif"), ["red"], native, chunks={"y": 100, "x": 100})
    assert lazy["red"].chunks is not None
    with pytest.raises(ReadError, match="No such file"):
        lazy.compute()


def test_a_missing_file_is_named(tmp_path, native, make_scene):
    with pytest.raises(ReadError, match=r"band red of S2A_33UUU_20230815_0_L2A cannot be read from .*gone\.tif: .*No such file"):
        read_scene(make_scene(red=tmp_path / "gone.tif"), ["red"], native)


def test_a_file_that_is_no_raster(tmp_path, native, make_scene):
    (tmp_path / "red.tif").write_text("<html>Sign in</html>")
    with pytest.raises(ReadError, match="not recognized"):
        read_scene(make_scene(red=tmp_path / "red.tif"), ["red"], native)


def test_float_pixels_are_refused(tmp_path, native, values, write_raster, make_scene):
    path = write_raster(tmp_path / "red.tif", values.astype("float32"), native)
    with pytest.raises(ReadError, match="it holds float32"):
        read_scene(make_scene(red=path), ["red"], native)


def test_a_band_that_the_scene_lacks(scene, native):
    with pytest.raises(ReadError, match="has no band 'nir'; it has red, scl, nir09"):
        read_scene(scene, ["nir"], native)


def test_a_sidecar_gives_a_local_file_its_crs(tmp_path, native, values, write_raster, make_scene):
    path = tmp_path / "red.tif"
    write_raster(path, values, GeoBox(native.shape, native.affine, native.crs), crs=None)
    (tmp_path / "red.tif.aux.xml").write_text(f"<PAMDataset><SRS>{native.crs.to_wkt()}</SRS></PAMDataset>")
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):  # what a user may have set for the cloud
        read = read_scene(make_scene(red=path), ["red"], native)["red"]
    np.testing.assert_array_equal(read.values, values)


def test_many_threads_read_at_once(tmp_path, native, values, write_raster, make_scene):
    scenes = [make_scene(red=write_raster(tmp_path / f"{number}.tif", values + number, native)) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        reads = list(pool.map(lambda scene: read_scene(scene, ["red"], native)["red"].values, scenes))
    for number, read in enumerate(reads):
        np.testing.assert_array_equal(read, values + number)


def test_a_graph_and_its_errors_travel():
    # Dask workers get the driver, and give back the error, by pickle.
    driver = pickle.loads(pickle.dumps(SceneDriver({"a": "band red of X"})))  # noqa: S301 — our own bytes
    with driver.restore_env(driver.capture_env(), None) as env:
        assert env["mlbmi"].gdal_options()["GDAL_HTTP_MAX_RETRY"] == "5"
    error = pickle.loads(pickle.dumps(ReadError("no", remedy="Look.")))  # noqa: S301 — our own bytes
    assert str(error) == "no. Look."


def test_a_grid_that_is_not_north_up_is_refused(scene, native):
    upside_down = GeoBox(native.shape, Affine(10, 0, 399_960, 0, 10, 5_800_000), native.crs)
    with pytest.raises(InputError, match="not north up"):
        read_scene(scene, ["red"], upside_down)
