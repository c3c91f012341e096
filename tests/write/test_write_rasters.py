"""Index and label maps, read back by rasterio and rio-cogeo."""

from __future__ import annotations

import datetime as dt
import resource
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rio_cogeo.cogeo import cog_validate

from mlbmi.errors import CubeError, InputError, WriteError
from mlbmi.write import palette, write_index_cog, write_label_cog

DATE = dt.date(2020, 1, 24)


@pytest.fixture
def big():
    """1100 × 1300: several blocks, two overviews; NaN in a corner."""
    y, x = np.mgrid[:1100, :1300]
    values = (0.5 + 0.4 * np.sin(x / 50) * np.cos(y / 70) + np.random.default_rng(0).normal(0, 0.02, x.shape)).astype("float32")
    values[:301, :203] = np.nan
    return values, GeoBox(values.shape, Affine(10, 0, 358000, 0, -10, 5830000), "EPSG:32633")


def _labels(values):
    return np.where(np.isnan(values), 255, np.digitize(values, [0.3, 0.5, 0.7])).astype("uint8")


def _write_labels(path, labels, geobox, names=("water", "bare", "grass", "Wald & Heide <ö>")):
    return write_label_cog(path, labels, geobox, names=names, colours=palette(len(names)), description="NDVI clusters", date=DATE)


def test_index_is_declared_so_that_readers_show_the_index(tmp_path, big):
    values, geobox = big
    path = write_index_cog(
        tmp_path / "i.tif", values, geobox, index="NDVI", date=DATE, long_name="Vegetation index", dtype="int16"
    )
    valid, errors, warnings = cog_validate(path, strict=True)
    assert valid, (errors, warnings)
    with rasterio.open(path) as source:
        assert source.dtypes == ("int16",)
        assert source.nodata == -32768
        assert source.scales == (1e-4,)
        assert source.offsets == (0.0,)
        assert source.descriptions == ("NDVI",)
        assert source.units == ("1",)
        assert source.crs.to_epsg() == 32633
        assert source.transform == geobox.affine
        assert source.block_shapes == [(512, 512)]
        assert source.compression.name == "deflate"
        assert source.overviews(1) == [2, 4]
        assert source.tags()["TIFFTAG_DATETIME"] == "2020:01:24 00:00:00"
        assert source.tags()["TIFFTAG_SOFTWARE"].startswith("mlbmi ")
        assert source.tags()["TIFFTAG_IMAGEDESCRIPTION"] == "Vegetation index"
        assert source.tags()["ACQUISITIONDATETIME"] == "2020-01-24 00:00:00"
        stored = source.read(1, masked=True)
        statistics = {key: float(value) for key, value in source.tags(1).items() if key.startswith("STATISTICS_")}
    shown = stored.astype("float64") * 1e-4
    assert np.array_equal(stored.mask, np.isnan(values))
    assert np.abs(shown.filled(0) - np.nan_to_num(values)).max() <= 5e-5 + 1e-9
    assert statistics["STATISTICS_MEAN"] == pytest.approx(stored.mean(), abs=1e-6)
    assert statistics["STATISTICS_MINIMUM"] == stored.min()
    assert statistics["STATISTICS_STDDEV"] == pytest.approx(stored.std(), rel=1e-6)
    assert list(tmp_path.iterdir()) == [path]


def test_xarray_shows_the_index(tmp_path, cube, geobox):
    """odc-geo's reader stands for all that ask rasterio for scale and nodata."""
    path = write_index_cog(tmp_path / "i.tif", cube[0].to_numpy(), geobox, index="NDVI", date=DATE, dtype="int16")
    with rasterio.open(path) as source:
        shown = source.read(1, masked=True).astype("float32") * np.float32(source.scales[0]) + source.offsets[0]
    assert np.allclose(shown.filled(np.nan), cube[0], atol=1e-6, equal_nan=True)


def test_overviews_average_valid_pixels_only(tmp_path):
    values = np.full((1024, 1024), np.nan, "float32")
    values[::2, ::2], values[1::2, 1::2] = 0.8, 0.4  # two pixels of four; a nodata of −32768 averaged in would give about −1.3
    geobox = GeoBox(values.shape, Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    path = write_index_cog(tmp_path / "i.tif", values, geobox, index="NDVI", date=None, dtype="int16")
    with rasterio.open(path, OVERVIEW_LEVEL=0) as overview:
        assert np.all(overview.read(1) == 6000)


def test_float32_by_wish_and_by_default(tmp_path, big):
    values, geobox = big
    path = write_index_cog(tmp_path / "i.tif", values, geobox, index="NDVI", date=DATE)
    assert cog_validate(path, strict=True)[0]
    with rasterio.open(path) as source:
        assert source.dtypes == ("float32",)
        assert np.isnan(source.nodata)
        assert source.scales == (1.0,)
        assert np.array_equal(source.read(1), values, equal_nan=True)


def test_int16_passes_unchanged_and_becomes_float_on_request(tmp_path, geobox):
    steps = np.arange(70 * 60, dtype="int16").reshape(70, 60)
    steps[0, 0] = -32768
    a = write_index_cog(tmp_path / "a.tif", steps, geobox, index="NDVI", date=DATE, scale=1e-3)
    b = write_index_cog(tmp_path / "b.tif", steps, geobox, index="NDVI", date=DATE, scale=1e-3, dtype="float32")
    with rasterio.open(a) as x, rasterio.open(b) as y:
        assert np.array_equal(x.read(1), steps)
        assert x.scales == (1e-3,)
        assert np.isnan(y.read(1)[0, 0])
        assert y.read(1)[0, 7] == np.float32(0.007)


def test_a_wholly_missing_date(tmp_path, geobox):
    path = write_index_cog(
        tmp_path / "i.tif", np.full(geobox.shape, np.nan, "float32"), geobox, index="NDVI", date=DATE, dtype="int16"
    )
    with rasterio.open(path) as source:
        assert (source.read(1) == -32768).all()


def test_nothing_is_clipped(tmp_path, geobox):
    values = np.full(geobox.shape, 0.5, "float32")
    values[3, 4] = 4.5
    with pytest.raises(CubeError, match=r"4\.5.*int16"):
        write_index_cog(tmp_path / "i.tif", values, geobox, index="GCI", date=DATE, dtype="int16")
    values[3, 4] = np.inf
    with pytest.raises(CubeError, match="inf"):
        write_index_cog(tmp_path / "i.tif", values, geobox, index="GCI", date=DATE, dtype="int16")
    assert not list(tmp_path.iterdir())


def test_same_input_same_bytes_for_any_number_of_threads(tmp_path, big, monkeypatch):
    values, geobox = big
    labels = _labels(values)
    files = []
    for threads in ("1", "2", "7", "2"):
        monkeypatch.setenv("GDAL_NUM_THREADS", threads)
        with rasterio.Env(GDAL_NUM_THREADS=threads):
            folder = tmp_path / str(len(files))
            index = write_index_cog(folder / "i.tif", values, geobox, index="NDVI", date=DATE, dtype="int16")
            map_ = _write_labels(folder / "l.tif", labels, geobox)
        files.append((index.read_bytes(), map_.read_bytes(), (folder / "l.tif.aux.xml").read_bytes()))
    assert len(set(files)) == 1


def test_threads_of_the_cog_driver_do_not_change_bytes(tmp_path, big, monkeypatch):
    """The creation option decides, whatever the environment says."""
    from mlbmi.write import rasters

    values, geobox = big
    profile, contents = rasters._profile, set()
    for threads in (1, 3, "ALL_CPUS"):
        monkeypatch.setattr(rasters, "_profile", lambda *a, threads=threads: {**profile(*a), "NUM_THREADS": threads})
        contents.add(write_index_cog(tmp_path / "i.tif", values, geobox, index="NDVI", date=DATE, dtype="int16").read_bytes())
    assert len(contents) == 1


def test_labels_with_colours_and_names(tmp_path, big):
    values, geobox = big
    labels = _labels(values)
    names = ("water", "bare", "grass", "Wald & Heide <ö>")
    path = _write_labels(tmp_path / "l.tif", labels, geobox, names)
    valid, errors, warnings = cog_validate(path, strict=True)
    assert valid, (errors, warnings)
    with rasterio.open(path) as source:
        assert source.dtypes == ("uint8",)
        assert source.nodata == 255
        assert source.colorinterp[0].name == "palette"
        table = source.colormap(1)
        assert [table[k][:3] for k in range(4)] == palette(4)
        assert table[255][3] == 0  # missing is transparent
        assert source.tags(1)["CLASS_3"] == names[3]
        assert source.descriptions == ("NDVI clusters",)
        assert np.array_equal(source.read(1), labels)
    assert {p.name for p in tmp_path.iterdir()} == {"l.tif", "l.tif.aux.xml"}
    band = ET.parse(tmp_path / "l.tif.aux.xml").getroot().find("PAMRasterBand")  # noqa: S314 - our own file
    assert [category.text for category in band.find("CategoryNames")] == list(names)
    rows = [[cell.text for cell in row] for row in band.find("GDALRasterAttributeTable").findall("Row")]
    assert rows[1] == ["1", "bare", *(str(channel) for channel in palette(4)[1])]


def test_gdal_reads_the_names(tmp_path, big):
    """What GDAL itself makes of the sidecar: it copies category names and attribute table into a VRT."""
    values, geobox = big
    path = _write_labels(tmp_path / "l.tif", _labels(values), geobox)
    rasterio.shutil.copy(path, tmp_path / "l.vrt", driver="VRT")
    band = ET.parse(tmp_path / "l.vrt").getroot().find("VRTRasterBand")  # noqa: S314 - our own file
    assert [category.text for category in band.find("CategoryNames")] == ["water", "bare", "grass", "Wald & Heide <ö>"]


def test_label_overviews_are_labels_of_the_majority(tmp_path):
    labels = np.zeros((1024, 1024), "uint8")
    labels[:, 512:] = 3
    labels[::2, ::2] = 1  # a quarter
    geobox = GeoBox(labels.shape, Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    path = _write_labels(tmp_path / "l.tif", labels, geobox)
    with rasterio.open(path, OVERVIEW_LEVEL=0) as overview:
        small = overview.read(1)
    assert (small[:, :256] == 0).all()
    assert (small[:, 256:] == 3).all()


@pytest.mark.parametrize(
    ("names", "colours", "message"),
    [
        (["a"], palette(1), "label 3 has no name"),
        (["a", "b"], palette(3), "2 names and 3 colours"),
        ([], [], "0 names"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, geobox, names, colours, message):
    labels = np.full(geobox.shape, 3, "uint8")
    with pytest.raises(InputError, match=message):
        write_label_cog(tmp_path / "l.tif", labels, geobox, names=names, colours=colours, description="x")
    assert not list(tmp_path.iterdir())


def test_shapes_types_and_crs(tmp_path, geobox):
    with pytest.raises(InputError, match=r"\(3, 3\).*\(70, 60\)"):
        write_index_cog(tmp_path / "i.tif", np.zeros((3, 3), "float32"), geobox, index="NDVI", date=DATE)
    with pytest.raises(InputError, match="int64"):
        write_index_cog(tmp_path / "i.tif", np.zeros(geobox.shape, "int64"), geobox, index="NDVI", date=DATE)
    with pytest.raises(InputError, match="coordinate reference system"):
        write_index_cog(
            tmp_path / "i.tif", np.zeros((3, 3), "float32"), GeoBox((3, 3), geobox.affine, None), index="NDVI", date=DATE
        )


@pytest.mark.parametrize("share", [0.02, 0.4, 0.7, 0.9, 0.97, 0.999])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, big, share):
    """A limit on the size of files stands for a full disk; GDAL alone would leave a file cut short, without an error."""
    values, geobox = big
    size = write_index_cog(tmp_path / "whole.tif", values, geobox, index="NDVI", date=DATE).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size * share), hard))
    try:
        with pytest.raises(WriteError):
            write_index_cog(tmp_path / "cut.tif", values, geobox, index="NDVI", date=DATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["whole.tif"]


def test_a_file_that_reads_back_differently_is_refused(tmp_path, geobox, monkeypatch):
    monkeypatch.setattr(rasterio.io.DatasetReader, "read", lambda *_, **__: np.ones(geobox.shape, "float32"))
    with pytest.raises(WriteError, match="does not read back"):
        write_index_cog(tmp_path / "i.tif", np.zeros(geobox.shape, "float32"), geobox, index="NDVI", date=DATE)
    assert not list(tmp_path.iterdir())
