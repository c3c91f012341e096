"""The figures, by their pixels and texts."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from affine import Affine
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.image import imread
from odc.geo.geobox import GeoBox

from mlbmi.errors import InputError
from mlbmi.write import (
    display_limits,
    image_clusters_figure,
    index_figure,
    overview_figure,
    palette,
    save_figure,
    timeseries_figure,
)
from mlbmi.write.colours import MISSING_RGB
from mlbmi.write.pasted import Pasted

DATES = (dt.date(2020, 1, 17), dt.date(2020, 1, 24), dt.date(2020, 8, 7))


def _texts(figure):
    return [text.get_text() for text in figure.texts]


def _polygons(figure):
    return [path for bars in figure.get_children() if isinstance(bars, PolyCollection) for path in bars.get_paths()]


def test_labels_are_drawn_in_their_colours(tmp_path, images, geobox, area):
    figure = image_clusters_figure(images.labels[1].to_numpy(), geobox, title="x", centers=[0.1, 0.3, 0.5, 0.8], area=area)
    drawn = np.rint(imread(save_figure(figure, tmp_path / "f.png"))[..., :3] * 255).astype(int)
    for colour in [*palette(4), MISSING_RGB]:
        assert (drawn == colour).all(axis=-1).sum() > 1000


def test_legend_says_areas_and_shares(images, geobox, area, cube):
    labels = images.labels[1].to_numpy()
    names = ["water", "bare", "grass", "wood"]
    figure = image_clusters_figure(
        labels,
        geobox,
        title="NDVI · 33UUU · 2020-01-24",
        centers=[-0.1, 0.3, 0.5, 0.8],
        names=names,
        values=cube[1].to_numpy(),
        area=area,
        credit="credit",
    )
    texts = _texts(figure)
    counts = np.bincount(labels.ravel(), minlength=256)
    missing = int((area & (labels == 255)).sum())
    expected = ["NDVI · 33UUU · 2020-01-24", "credit", "−0.100", "hectares", "grass", "missing (share of area)"]
    expected += [f"{counts[2] / 100:,.2f}", f"{100 * counts[2] / counts[:4].sum():.1f} %", f"{missing / 100:,.2f}"]
    expected += [f"{100 * missing / area.sum():.1f} %"]
    for text in expected:
        assert text in texts, text
    assert any(f"{(labels != 255).sum():,} valid of {area.sum():,} pixels" in text for text in texts)
    assert any("EPSG:32633 · 10 m pixels" in text for text in texts)


def test_bars_of_the_distribution_are_all_pixels(images, geobox, cube):
    figure = image_clusters_figure(
        images.labels[0].to_numpy(), geobox, title="x", centers=[0.1, 0.3, 0.5, 0.8], values=cube[0].to_numpy()
    )
    corners = [path.vertices for path in _polygons(figure)]
    # Each outline goes there above (two corners a bar), and back below; the last corner closes it.
    steps = [(points[200:400][::-2, 1], points[:200:2, 1]) for points in corners]
    assert all(np.array_equal(above[0], below[1]) for below, above in pairwise(steps))
    heights = [float((tops - bottoms).sum()) for bottoms, tops in steps]
    counts = np.bincount(images.labels[0].to_numpy().ravel(), minlength=4)[:4]
    assert heights == counts[counts > 0].tolist()
    figure = index_figure(cube[0].to_numpy(), geobox, title="x", boundaries=[0.2])
    bars = _polygons(figure)
    assert sum(path.vertices[:, 1].max() for path in bars) == np.isfinite(cube[0]).sum()


def test_center_lines(series, geobox, area):
    centers = series.centers.copy()
    centers[1, 1] = np.nan
    figure = timeseries_figure(
        series.labels.to_numpy(), geobox, title="x", centers=centers, dates=DATES, observed=[1.0, 0.8, 1.0], area=area
    )
    lines = [line for axes in figure.axes for line in axes.lines]
    assert [len(line.get_xdata()) for line in lines] == [3, 2, 3]
    assert lines[2].get_ydata().tolist() == centers[2].tolist()
    assert lines[0].get_xdata().astype("datetime64[D]").tolist() == list(DATES)
    assert [line.get_color() for line in lines] == [tuple(c / 255 for c in colour) for colour in palette(3)]


def test_overview_shares(cube, geobox, area):
    images = ((date, image.to_numpy()) for date, image in zip(DATES, cube, strict=True))
    texts = _texts(overview_figure(images, geobox, title="x", limits=(0, 1), area=area))
    assert [text for text in texts if text.startswith("2020-")] == [str(date) for date in DATES]
    share = np.isfinite(cube[1]).sum().item() / area.sum()
    assert [text for text in texts if "% valid" in text] == ["100 % valid", f"{100 * share:.0f} % valid", "100 % valid"]


def test_overview_of_many_dates_says_how_many_it_shows(geobox):
    values = np.full(geobox.shape, 0.5, "float32")
    dates = [dt.date(2020, 1, 1) + dt.timedelta(days=5 * n) for n in range(130)]
    texts = _texts(overview_figure(((date, values) for date in dates), geobox, title="x", limits=(0, 1)))
    assert any("130 dates (60 of them shown)" in text for text in texts)
    assert str(dates[0]) in texts
    assert str(dates[-1]) in texts


def test_same_figure_same_bytes(tmp_path, cube, images, series, geobox):
    labels, centers = images.labels[1].to_numpy(), [0.1, 0.3, 0.5, 0.8]

    def draw():
        yield index_figure(cube[1].to_numpy(), geobox, title="x")
        yield image_clusters_figure(labels, geobox, title="x", centers=centers, values=cube[1].to_numpy())
        yield timeseries_figure(
            series.labels.to_numpy(), geobox, title="x", centers=series.centers, dates=DATES, observed=[1, 1, 1]
        )
        yield overview_figure(zip(DATES, cube.to_numpy(), strict=True), geobox, title="x", limits=(0, 1))

    runs = [[save_figure(figure, tmp_path / "f.png").read_bytes() for figure in draw()] for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 4
    assert not any(b"matplotlib" in data.lower() for data in runs[0])
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("shape", [(300, 40), (40, 300), (1, 1), (57, 56)])
@pytest.mark.parametrize("k", [1, 7, 12, 20])
def test_text_stays_on_the_page(shape, k):
    """Every text of the sheet is within it, for any shape of area and number of clusters."""
    geobox = GeoBox(shape, Affine(10, 0, 358000, 0, -10, 5830000), "EPSG:32633")
    labels = (np.arange(shape[0] * shape[1]).reshape(shape) % k).astype("uint8")
    figure = image_clusters_figure(
        labels,
        geobox,
        title="NDVI clusters, k = 12 · Naturschutzgebiet Döberitzer Heide bei Berlin (33UUU) · 2020-01-24",
        centers=np.linspace(0, 1, k).tolist(),
        names=[f"a name that is rather long, number {n}" for n in range(k)],
        values=labels / 255,
    )
    renderer = FigureCanvasAgg(figure).get_renderer()
    page = figure.bbox
    for text in figure.texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0, text.get_text()
        assert box.x1 <= page.x1, text.get_text()
        assert box.y0 >= 0, text.get_text()
        assert box.y1 <= page.y1, text.get_text()


def test_maps_keep_their_proportions(geobox, cube):
    figure = index_figure(cube[0].to_numpy(), geobox, title="x")
    picture = next(artist for artist in figure.get_children() if isinstance(artist, Pasted))
    extent = picture.get_window_extent()
    assert extent.width / extent.height == pytest.approx(60 / 70, rel=0.002)


def test_nothing_valid_and_a_single_date(tmp_path, geobox):
    empty = np.full(geobox.shape, np.nan, "float32")
    everywhere = np.ones(geobox.shape, bool)
    save_figure(index_figure(empty, geobox, title="x", area=everywhere), tmp_path / "a.png")
    labels = np.full(geobox.shape, 255, "uint8")
    figure = image_clusters_figure(labels, geobox, title="x", centers=[0.1], values=empty, area=everywhere)
    assert "100.0 %" in _texts(figure)
    save_figure(figure, tmp_path / "b.png")
    save_figure(
        timeseries_figure(labels, geobox, title="x", centers=np.array([[0.1]]), dates=DATES[:1], observed=[0.0]),
        tmp_path / "c.png",
    )
    with pytest.raises(InputError, match="no date"):
        overview_figure([], geobox, title="x", limits=(0, 1))


def test_degrees_have_no_hectares(cube):
    geobox = GeoBox(cube.shape[1:], Affine(0.001, 0, 13, 0, -0.001, 52), "EPSG:4326")
    texts = _texts(image_clusters_figure(np.zeros(cube.shape[1:], "uint8"), geobox, title="x", centers=[0.1]))
    assert "pixels" in texts
    assert "hectares" not in texts
    assert not any(text.endswith((" m", " km")) for text in texts)


def test_shapes_must_fit(cube, geobox, area):
    with pytest.raises(InputError, match=r"\(3, 3\)"):
        index_figure(np.zeros((3, 3)), geobox, title="x")
    with pytest.raises(InputError, match="area of shape"):
        index_figure(cube[0].to_numpy(), geobox, title="x", area=area[:3])
    with pytest.raises(InputError, match="2 dates"):
        timeseries_figure(np.zeros(geobox.shape, "uint8"), geobox, title="x", centers=np.zeros((1, 3)), dates=DATES[:2])


def test_limits():
    assert display_limits(np.full((3, 3), np.nan)) == (0.0, 1.0)
    assert display_limits(np.full((3, 3), 0.5)) == (0.5, 0.55)
    low, high = display_limits(np.random.default_rng(0).uniform(-0.2, 0.9, (5000, 3000)))
    assert (low, high) == (-0.2, 0.9)


def test_no_pyplot_and_nothing_heavy_on_import():
    code = """
import sys
from itertools import pairwise
import mlbmi.write as w
heavy = {"matplotlib", "rasterio", "xarray", "odc.geo", "pandas"} & set(sys.modules)
assert not heavy, heavy
import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
w.index_figure(np.zeros((4, 4)), GeoBox((4, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633"), title="x")
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
