"""The output folder and the figures of bands, location, shapes of series, and images clustered each alone."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import rasterio
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.image import imread
from odc.geo.geobox import GeoBox

from mlbmi.errors import InputError
from mlbmi.sentinel2 import BANDS
from mlbmi.types import ClusterRow, Scaling
from mlbmi.write import bands_figure, image_clusters_figure, palette, read_model, timeseries_figure, write_outputs
from mlbmi.write.gallery import map_stem
from mlbmi.write.portraits import portrait

FOUR = ("blue", "green", "red", "nir")
DATES = ("2020-01-17", "2020-01-24", "2020-08-07")


@pytest.fixture
def bands(series):
    """Four bands in an order that is not that of wavelengths."""
    centers = np.array([[0.30, 0.06, 0.20, 0.08], [0.40, 0.05, 0.06, 0.07], [0.50, 0.04, 0.03, 0.06]])
    return dataclasses.replace(
        series, mode="bands", index="nir-blue-red-green", features=("nir", "blue", "red", "green"), centers=centers
    )


@pytest.fixture
def colours_of(bands):
    """Reflectance of each pixel: its center, and a known noise."""
    labels = bands.labels.to_numpy()
    noise = np.random.default_rng(3).normal(0, 0.01, labels.shape)
    images = {
        band: np.where(labels == 255, np.nan, bands.centers[np.minimum(labels, 2), column] + noise * (column + 1))
        for column, band in enumerate(bands.features)
    }
    return xr.Dataset({band: bands.labels.copy(data=image.astype("float32")) for band, image in images.items()})


@pytest.fixture
def located(series, geobox):
    """Series and place: clusters at a quarter, the half and three quarters of the way from north-west to south-east."""
    height, width = geobox.shape
    places = [geobox.affine * (part * width, part * height) for part in (0.25, 0.5, 0.75)]
    return dataclasses.replace(
        series,
        mode="located",
        features=(*series.features, "x", "y"),
        centers=np.hstack([series.centers, places]),
        scaling=Scaling(method="robust", quantile_range=(10.0, 90.0)),
    )


@pytest.fixture
def alone(images):
    """Four clusters on each date but the second, which has three."""
    centers = np.array([[0.11, 0.12, 0.13], [0.31, 0.32, 0.33], [0.51, 0.52, 0.53], [0.71, np.nan, 0.73]])
    labels = images.labels.copy()
    labels[1] = labels[1].where(labels[1] != 3, 2)
    return dataclasses.replace(images, centers=centers, features=DATES, labels=labels)


def _files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _texts(figure):
    return [text.get_text() for text in figure.texts]


def _drawn(clustering, data=None, date=None, labels=None, **changes):
    geobox = clustering.labels.odc.geobox
    common = {"geobox": geobox, "names": None, "area": None, "credit": ""} | changes
    labels = clustering.labels.to_numpy() if labels is None else labels
    return portrait(clustering, labels, date, data=data, title=lambda what, dates: " ".join((what, *map(str, dates))), **common)


def test_files_of_bands(tmp_path, bands, colours_of, area):
    write_outputs(bands, tmp_path, grid="33UUU", data=colours_of, area=area, names=["bare", "grass", "wood"])
    stem = "bands_nir-blue-red-green_k3"
    maps = {f"33UUU/{stem}.tif", f"33UUU/{stem}.tif.aux.xml", f"33UUU/figures/{stem}.png"}
    assert _files(tmp_path) == {"clusters.csv", "model_bands_nir-blue-red-green_k3.json", *maps}
    with rasterio.open(tmp_path / "33UUU" / f"{stem}.tif") as source:
        assert np.array_equal(source.read(1), bands.labels)
        assert "nir-blue-red-green clusters (bands, k = 3)" in " ".join(source.tags().values())
    assert read_model(tmp_path / "model_bands_nir-blue-red-green_k3.json").features == bands.features
    drawn = np.rint(imread(tmp_path / f"33UUU/figures/{stem}.png")[..., :3] * 255)
    assert all((drawn == colour).all(axis=-1).sum() > 1000 for colour in palette(3))


def test_files_of_location(tmp_path, located, cube):
    write_outputs(located, tmp_path, data=cube)
    assert {f"mosaic/{part}located_ndvi_k3.{kind}" for part, kind in (("", "tif"), ("figures/", "png"))} <= _files(tmp_path)
    assert "model_located_ndvi_k3.json" in _files(tmp_path)


def test_files_of_images_alone(tmp_path, alone, cube):
    write_outputs(alone, tmp_path, data=cube)
    assert {f"mosaic/figures/images_ndvi_{date}_k4.png" for date in DATES} <= _files(tmp_path)


@pytest.mark.parametrize("mode", ["bands", "located", "alone", "profile"])
def test_same_bytes_twice(tmp_path, mode, bands, located, alone, series, colours_of, cube):
    profile = dataclasses.replace(series, scaling=Scaling(method="profile"))
    clustering = {"bands": bands, "located": located, "alone": alone, "profile": profile}[mode]
    data = colours_of if mode == "bands" else cube
    for folder in ("a", "b"):
        write_outputs(clustering, tmp_path / folder, data=data)
    for name in _files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_spectra_are_the_centers_over_wavelength(bands):
    (axes,) = _drawn(bands).axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 4]
    assert [line.get_xdata().tolist() for line in lines] == [[490, 560, 665, 842]] * 3
    assert np.array_equal([line.get_ydata() for line in lines], bands.centers[:, [1, 3, 2, 0]])
    assert [line.get_color() for line in lines] == [tuple(c / 255 for c in colour) for colour in palette(3)]
    assert "reflectance" in axes.get_ylabel()
    assert "wavelength, nm" in axes.get_xlabel()
    assert {text.get_text() for text in axes.texts} >= set(FOUR)


def test_spread_is_the_standard_deviation_of_the_pixels(bands, colours_of):
    figure = _drawn(bands, colours_of)
    shades = [shade for shade in figure.axes[0].collections if isinstance(shade, FillBetweenPolyCollection)]
    assert any("shading: one standard deviation" in text for text in _texts(figure))
    assert len(shades) == 3
    for number, shade in enumerate(shades):
        corners = shade.get_paths()[0].vertices
        for column, band in enumerate(bands.features):
            values = colours_of[band].to_numpy()[bands.labels.to_numpy() == number].astype(float)
            levels = corners[corners[:, 0] == BANDS[band].centre_nm, 1]
            half = (levels.max() - levels.min()) / 2
            assert half == pytest.approx(values.std(), rel=1e-4)
            assert levels.max() - half == pytest.approx(bands.centers[number, column])


def test_no_spread_of_many_clusters_or_of_shapes(bands, colours_of, geobox):
    assert not _drawn(dataclasses.replace(bands, scaling=Scaling(method="profile")), colours_of).axes[0].collections
    labels = np.zeros(geobox.shape, "uint8")
    figure = bands_figure(labels, geobox, title="x", centers=np.ones((7, 4)), bands=FOUR, spread=np.ones((7, 4)))
    assert not figure.axes[0].collections
    assert not any("shading" in text for text in _texts(figure))


def test_ndvi_of_the_centers_is_in_the_legend(bands):
    texts = _texts(_drawn(bands))
    assert "NDVI center" in texts
    for nir, _, red, _ in bands.centers:
        assert f"{(nir - red) / (nir + red):.3f}" in texts


def test_without_red_the_mean_over_bands_is_in_the_legend(bands):
    some = dataclasses.replace(bands, features=("nir", "blue"), index="nir-blue", centers=bands.centers[:, :2])
    texts = _texts(_drawn(some))
    assert "mean of bands" in texts
    assert {"0.180", "0.225", "0.270"} <= set(texts)


def test_bands_of_other_names_stand_side_by_side(bands):
    other = dataclasses.replace(bands, features=("a", "nir", "$b$", "c"), index="a-nir-b-c")
    axes = _drawn(other).axes[0]
    assert [line.get_xdata().tolist() for line in axes.lines if len(line.get_xdata()) == 4] == [[0, 1, 2, 3]] * 3
    assert "reflectance" not in axes.get_ylabel()


def test_one_band(bands, colours_of):
    single = dataclasses.replace(bands, features=("nir",), index="nir", centers=bands.centers[:, :1])
    assert {"NIR clusters, k = 3", "NIR center", "0.300", "pixels"} <= set(_texts(_drawn(single, colours_of["nir"])))


def test_date_of_bands_is_in_the_title(bands, cube):
    dated = dataclasses.replace(bands, labels=bands.labels.assign_coords(time=cube["time"][1]))
    assert "Clusters of nir, blue, red, green, k = 3 2020-01-24" in _texts(_drawn(dated))
    assert map_stem(dated, None) == "bands_nir-blue-red-green_k3"


def test_data_of_several_dates_give_bands_their_date(bands, colours_of, cube):
    dated = dataclasses.replace(bands, labels=bands.labels.assign_coords(time=cube["time"][1]))
    several = xr.concat([colours_of + 1, colours_of], "time").assign_coords(time=cube["time"][:2])
    assert (
        _drawn(dated, several).axes[0].collections[0].get_paths()[0].vertices
        == _drawn(bands, colours_of).axes[0].collections[0].get_paths()[0].vertices
    ).all()


def test_data_without_the_bands(bands, colours_of, cube):
    with pytest.raises(InputError, match="red, green"):
        _drawn(bands, colours_of[["nir", "blue"]])
    with pytest.raises(InputError, match="nir, blue, red, green"):
        _drawn(bands, cube)
    with pytest.raises(InputError, match="does not fit"):
        _drawn(bands, colours_of.isel(x=slice(5)))


def test_an_index_from_a_dataset(series, cube):
    ndvi, other = cube.to_dataset(name="ndvi"), cube.to_dataset(name="evi")
    observed = [_drawn(series, data).axes[1].collections[0].get_segments() for data in (ndvi, cube)]
    assert np.array_equal(*observed)
    with pytest.raises(InputError, match="no 'ndvi'"):
        _drawn(series, other)


def test_location_is_on_the_map_and_not_in_the_chart(located, cube):
    figure = _drawn(located, cube)
    lines = figure.axes[0].lines
    assert [line.get_ydata().tolist() for line in lines] == located.centers[:, :3].tolist()
    badges = [text for text in figure.texts if text.get_text() in {"0", "1", "2"} and text.get_bbox_patch() is not None]
    places = np.array([text.get_position() for text in badges]) * figure.get_size_inches()
    steps = np.diff(places, axis=0)
    assert np.allclose(steps, steps[0])
    assert steps[0][0] > 0 > steps[0][1]  # eastwards and southwards
    assert any("central places" in text for text in _texts(figure))
    assert any(text.startswith("Clusters of NDVI series with location, k = 3") for text in _texts(figure))


@pytest.mark.parametrize("fault", ["together", "unknown", "outside"])
def test_no_marks_where_they_would_hide_one_another(located, cube, fault):
    centers = located.centers.copy()
    if fault == "together":
        centers[:, -2:] = centers[1, -2:] + np.arange(3)[:, None]
    else:
        centers[0, -2] = np.nan if fault == "unknown" else 0.0
    figure = _drawn(dataclasses.replace(located, centers=centers), cube)
    assert not [text for text in figure.texts if text.get_bbox_patch() is not None]
    assert not any("central places" in text for text in _texts(figure))


def test_location_of_one_image_and_of_bands(images, bands, located, cube):
    labels = images.labels[0].drop_vars("time")
    places = np.vstack([located.centers[:, -2:], located.centers[:1, -2:] + [[200, 0]]])
    centers = np.hstack([images.centers, places])
    one = dataclasses.replace(images, mode="located", labels=labels, features=("ndvi", "x", "y"), centers=centers)
    figure = _drawn(one, cube[0])
    assert "0.300" in _texts(figure)
    assert any("central places" in text for text in _texts(figure))
    assert {"NDVI", "pixels"} <= set(_texts(figure))
    both = dataclasses.replace(
        bands, mode="located", features=(*bands.features, "x", "y"), centers=np.hstack([bands.centers, places[:3]])
    )
    figure = _drawn(both)
    assert "Clusters of nir, blue, red, green with location, k = 3" in _texts(figure)
    assert [len(line.get_xdata()) for line in figure.axes[0].lines if len(line.get_xdata()) > 2] == [4, 4, 4]


def test_shapes_of_series_are_in_their_own_units(series, cube):
    rows = tuple(ClusterRow(date=None, cluster=k, pixels=1, mean=0.111 * (k + 1), sd=0.1, center=0.0) for k in range(3))
    figure = _drawn(dataclasses.replace(series, scaling=Scaling(method="profile"), rows=rows), cube)
    assert figure.axes[0].get_ylabel().replace("\n", " ") == "standard deviations of a pixel's own series"
    assert {"0.111", "0.222", "0.333"} <= set(_texts(figure))
    unsaid = _drawn(dataclasses.replace(series, scaling=Scaling(method="profile"), rows=()), cube)
    assert _texts(unsaid).count("–") == 3


def test_images_alone_have_centers_of_their_own(alone, cube):
    for number, date in enumerate(DATES):
        day = np.datetime64(date).item()
        texts = _texts(_drawn(alone, cube, day, alone.labels[number].to_numpy()))
        assert {f"0.1{number + 1}0", f"0.3{number + 1}0", f"0.5{number + 1}0"} <= set(texts)
        assert (f"0.7{number + 1}0" in texts) == (number != 1)
        assert ("–" in texts) == (number == 1)
        assert "each image clustered alone" in texts


@pytest.mark.parametrize(
    ("scaling", "smoothness", "words"),
    [
        (Scaling(), 0.0, None),
        (Scaling(), 0.25, "smoothness 0.25"),
        (Scaling(method="standard"), 0.0, "scaled by mean and standard deviation"),
        (
            Scaling(method="robust", quantile_range=(5.0, 95.0)),
            2.0,
            "scaled by the median and the range of 5 to 95 % · smoothness 2",
        ),
    ],
)
def test_what_was_done_first_is_said(series, scaling, smoothness, words):
    plain, figure = _drawn(series), _drawn(dataclasses.replace(series, scaling=scaling, smoothness=smoothness))
    added = set(_texts(figure)) - set(_texts(plain))
    assert added == ({words} if words else set())


NAMES = ("WWWWW wide letters WWWWW: as wide as they come, and more", "deciduous/crop-like (suggested)", "bare")


def _boxes(figure):
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [text for text in figure.texts if text.get_text()]
    for axes in figure.axes:
        shown = [*axes.texts, axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            shown += [
                tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high and tick.label1.get_visible()
            ]
        texts += [text for text in shown if text.get_text()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts], figure.bbox


@pytest.mark.parametrize("k", [5, 8, 12])
@pytest.mark.parametrize("shape", [(900, 1300), (30, 40), (400, 90), (60, 400)])
@pytest.mark.parametrize("kind", ["images", "series", "bands"])
def test_no_text_lies_on_another_or_leaves_the_page(kind, shape, k, geobox):
    grid = GeoBox(shape, geobox.affine, geobox.crs)
    labels = (np.arange(shape[0] * shape[1]).reshape(shape) // 7 % (k + 1)).astype("uint8")
    labels[labels == k] = 255
    common = {
        "title": "Clusters of NDVI series with location, k = 12 · Döberitzer Heide (mosaic) · 2020-01-10 to 2020-10-16",
        "names": [NAMES[number % 3] for number in range(k)],
        "note": "scaled by the median and the range of 25 to 75 % · smoothness 0.5",
        "credit": "Contains modified Copernicus Sentinel data 2020",
        "area": np.ones(shape, bool),
    }
    centers = np.linspace(-0.2, 0.9, k)[:, None] + np.sin(np.arange(10) / 2) / 10
    if kind == "images":
        figure = image_clusters_figure(labels, grid, centers=centers[:, 0].tolist(), values=labels / 255, **common)
    elif kind == "series":
        dates = [np.datetime64(f"2020-{month:02}-11").item() for month in range(1, 11)]
        # All lines end close together: their numbers must find room.
        close = np.hstack([centers[:, :9], centers[:, 9:] / 50])
        figure = timeseries_figure(labels, grid, centers=close, dates=dates, observed=[0.5] * 10, **common)
    else:
        ten = [band for band in BANDS if band not in {"coastal", "nir09"}]
        figure = bands_figure(labels, grid, centers=centers, bands=ten, **common)
    boxes, page = _boxes(figure)
    for text, box in boxes:
        assert box.x0 >= page.x0, text
        assert box.x1 <= page.x1, text
        assert box.y0 >= page.y0, text
        assert box.y1 <= page.y1, text
    for (text, box), (other, near) in itertools.combinations(boxes, 2):
        over = min(box.x1, near.x1) - max(box.x0, near.x0), min(box.y1, near.y1) - max(box.y0, near.y0)
        assert min(over) <= 1.0, (text, other, over)


@pytest.mark.parametrize("k", [5, 8, 12])
def test_names_of_thirty_letters_stay_whole_in_the_legend(k, geobox):
    names = [("deciduous/crop-like (suggested", "evergreen-like, some meadows 0")[number % 2] for number in range(k)]
    labels = (np.arange(geobox.shape[0] * geobox.shape[1]).reshape(geobox.shape) % k).astype("uint8")
    figure = image_clusters_figure(labels, geobox, title="x", centers=[0.1] * k, names=names)
    sizes = [text.get_fontsize() for text in figure.texts if text.get_text() in names]
    assert len(sizes) == k
    assert min(sizes) >= 7.5
