"""The original notebook's figures: what they say is what the data say."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection
from matplotlib.image import imread
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from sklearn.cluster import KMeans
from sklearn.preprocessing import RobustScaler

from mlbmi import cluster_images, cluster_timeseries
from mlbmi.errors import InputError
from mlbmi.kmeans_ndvi import StoredKMeans
from mlbmi.utils import sanity_check_ndvi_statistics, sanity_check_spatial_kmeans, sanity_check_temporal_kmeans
from mlbmi.write import palette, save_figure
from mlbmi.write.colours import MISSING_RGB
from mlbmi.write.pasted import Pasted

PLACE = ("33UUU", "R10m", "2020-01-24")
SHAPE = (60, 80)
LEVELS = np.array([[-0.2, -0.2], [0.2, 0.3], [0.5, 0.7], [0.8, 0.8]])


@pytest.fixture
def stack():
    """Four strips of levels over two dates, an area that leaves out the left quarter, and a missing corner inside it."""
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), SHAPE[0] // 4)[:, None] * np.ones(SHAPE, int)
    values = (np.moveaxis(LEVELS[truth], -1, 0) + random.normal(0, 0.01, (2, *SHAPE))).astype(np.float32)
    inside = np.ones(SHAPE, bool)
    inside[:, :20] = False
    values[:, ~inside] = np.nan
    values[:, :5, 70:] = np.nan
    geobox = GeoBox.from_bbox((360_000, 5_810_000, 360_800, 5_810_600), "EPSG:32633", resolution=10)
    coords = {"time": np.array(["2020-01-17", "2020-01-24"], "M8[ns]"), **xr_coords(geobox)}
    cube = xr.DataArray(values, dims=("time", "y", "x"), coords=coords, name="ndvi")
    return cube.assign_coords(inside=(("y", "x"), inside))


def _texts(figure):
    return [text.get_text() for text in figure.texts]


def _number(text):
    return float(text.replace(",", "").replace("−", "-").removesuffix(" %"))


def _bars(figure):
    return [path for part in figure.get_children() if isinstance(part, PolyCollection) for path in part.get_paths()]


def test_statistics_count_what_is_there_and_nothing_else(stack):
    figure = sanity_check_ndvi_statistics(stack[1], *PLACE, bins=40)
    texts = _texts(figure)
    valid, inside = int(np.isfinite(stack[1]).sum()), int(stack.coords["inside"].sum())
    assert "NDVI · 33UUU R10m · 2020-01-24" in texts
    assert f"{valid:,} valid of {inside:,} pixels ({inside / 100:,.0f} ha); {(inside - valid) / inside:.1%}".replace(
        "%", " %"
    ) in " ".join(texts)
    heights = [path.vertices[:, 1].max() for path in _bars(figure)]
    assert len(heights) == 40
    assert sum(heights) == valid  # no bar of zeros for the outside
    assert "Contains modified Copernicus Sentinel data 2020" in texts


def test_zero_is_a_value(stack):
    flat = stack[1].copy(data=np.where(np.isfinite(stack[1]), np.float32(0), np.float32(np.nan)))
    flat[30, 30] = 0.5
    heights = [path.vertices[:, 1].max() for path in _bars(sanity_check_ndvi_statistics(flat, *PLACE, bins=5))]
    assert heights[0] == int(np.isfinite(flat).sum()) - 1


def test_the_legend_names_centers_and_hectares(stack):
    kmeans = StoredKMeans(cluster_images(stack[1], 4, scaling="robust", quantile_range=(1, 99)))
    texts = _texts(sanity_check_spatial_kmeans(kmeans, stack[1], (1, 99), *PLACE))
    assert "NDVI center" in texts
    assert "hectares" in texts
    for label in range(4):
        row = texts.index(str(label))
        assert texts[row + 1].startswith(kmeans.names[label])
        assert _number(texts[row + 2]) == pytest.approx(kmeans.cluster_centers_[label, 0], abs=5e-4)
        assert _number(texts[row + 3]) == pytest.approx((kmeans.labels_ == label).sum() / 100, abs=0.05)


def test_the_first_panel_of_series_is_the_outside(stack, tmp_path):
    kmeans = StoredKMeans(cluster_timeseries(stack, 4, scaling="robust", quantile_range=(1, 99)))
    figure = sanity_check_temporal_kmeans(kmeans, stack, (1, 99), *PLACE[:2])
    texts = _texts(figure)
    titles = [text for text in texts if text == "outside the area" or re.match(r"\d · ", text)]
    assert titles[0] == "outside the area"
    assert len(titles) == 5
    assert "Temporal K-means of NDVI · 33UUU R10m · 2020-01-17 to 2020-01-24 · k = 4" in texts
    members = [part.picture for part in figure.get_children() if isinstance(part, Pasted)][1:]
    shares = [float((picture.codes == picture.label).mean()) for picture in members]
    labels = kmeans.labels_
    expected = [float((~stack.coords["inside"].values).mean()), *(float((labels == label).mean()) for label in range(4))]
    assert shares == pytest.approx(expected)
    drawn = np.rint(imread(save_figure(figure, tmp_path / "f.png"))[..., :3] * 255).astype(int)
    for colour in [*palette(4), MISSING_RGB, (0x5F, 0x6B, 0x72)]:
        assert (drawn == colour).all(axis=-1).sum() > 300, colour


def _spatial(kmeans, image, quantiles):
    texts = _texts(sanity_check_spatial_kmeans(kmeans, image, quantiles, *PLACE))
    return [_number(texts[texts.index(str(label)) + 2]) for label in range(4)]


def test_a_kmeans_of_scikit_learn_will_do(stack):
    """Fitted as the original notebook fitted: to scaled values; its centers come back in units of the index."""
    rows = stack[1].to_numpy()[np.isfinite(stack[1])].reshape(-1, 1)
    scaled = RobustScaler(quantile_range=(1, 99)).fit_transform(rows)
    kmeans = KMeans(4, n_init=5, random_state=3).fit(scaled)
    assert _spatial(kmeans, stack[1], (1, 99)) == pytest.approx(LEVELS[:, 1], abs=0.005)
    # The quantiles are those of the scaling: others would put the centers elsewhere.
    assert _spatial(kmeans, stack[1], (25, 75)) != pytest.approx(LEVELS[:, 1], abs=0.005)


def test_bare_arrays_have_the_pixels_that_the_resolution_says(stack):
    figure = sanity_check_ndvi_statistics(stack[1].to_numpy(), "33UUU", "R20m", "2020-01-24")
    assert any("20 units pixels" in text for text in _texts(figure))
    kmeans = StoredKMeans(cluster_timeseries(stack, 3))
    texts = _texts(sanity_check_temporal_kmeans(kmeans, stack.to_numpy(), scene_id="33UUU", res="R10m"))
    assert any("carry no dates" in text for text in texts)
    assert not [text for text in texts if "2000" in text]
    assert "pixels" in texts  # not hectares: nobody knows where it lies


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda stack: sanity_check_ndvi_statistics(stack, *PLACE), r"the shape \(2, 60, 80\); it must be \(y, x\)"),
        (lambda stack: sanity_check_ndvi_statistics(stack[1], *PLACE, bins=0), "bins is 0"),
        (lambda stack: sanity_check_ndvi_statistics(stack[1].to_numpy(), "33UUU", "10", "2020-01-24"), "res is '10'"),
        (
            lambda stack: sanity_check_spatial_kmeans(StoredKMeans(cluster_timeseries(stack, 3)), stack[1], (1, 99), *PLACE),
            "has 2 features, and the images have 1",
        ),
    ],
)
def test_what_does_not_fit_is_said(stack, call, message):
    with pytest.raises(InputError, match=message):
        call(stack)


def test_plot_now_shows_it_once(stack, monkeypatch):
    shown = []
    monkeypatch.setattr("mlbmi.kmeans_ndvi.showing.show", lambda figure: (shown.append(figure), figure)[1])
    assert sanity_check_ndvi_statistics(stack[1], *PLACE) is not None
    assert shown == []
    assert sanity_check_ndvi_statistics(stack[1], *PLACE, plot_now=True) is shown[0]
