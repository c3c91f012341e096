"""From arrays to the pixels of a PNG: shrinking, colouring, the palette, the place on the page, the second thread."""

from __future__ import annotations

import io
import itertools
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure
from matplotlib.image import imread

from mlbmi.errors import WriteError
from mlbmi.write import palette, save_figure
from mlbmi.write.colours import MISSING_RGB
from mlbmi.write.lines import _apart
from mlbmi.write.page import DPI, Page
from mlbmi.write.pasted import Pasted
from mlbmi.write.pictures import ClassPicture, IndexPicture, MemberPicture, PlainPicture, class_codes, level_rgb
from mlbmi.write.pixels import shrink_area, shrink_index, shrink_labels
from mlbmi.write.png import indexed_png
from mlbmi.write.press import Press

WHITE = [255, 255, 255, 0]
GREY = [*MISSING_RGB, 255]


def _decoded(png):
    return np.rint(imread(io.BytesIO(png))[..., :3] * 255).astype(np.uint8)


def _rgba(rgb):
    return np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], axis=2)


def test_shrinking_averages_and_counts():
    values = np.array([[1, 3, np.nan], [np.nan, 2, np.nan]], dtype="float32")
    assert np.array_equal(shrink_index(values, 2), [[2, np.nan]], equal_nan=True)
    labels = np.array([[1, 1, 255], [2, 255, 255]], dtype="uint8")
    assert shrink_labels(labels, 2).tolist() == [[1, 255]]
    assert shrink_labels(np.array([[2, 1], [1, 2]], "uint8"), 2).tolist() == [[1]]
    assert shrink_area(labels != 255, 2).tolist() == [[True, False]]
    for step in (1, 3, 7, 50):
        big = np.full((101, 67), 3, "uint8")
        assert (shrink_labels(big, step) == 3).all()


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 7), st.integers(1, 20), st.integers(1, 20))
def test_shrinking_is_what_loops_would_do(data, step, rows, columns):
    labels = data.draw(arrays(np.uint8, (rows, columns), elements=st.sampled_from([0, 1, 2, 254, 255])))
    values = np.where(labels == 255, np.nan, labels / 7).astype("float32")
    small, means, inside = shrink_labels(labels, step), shrink_index(values, step), shrink_area(labels != 255, step)
    for row in range(small.shape[0]):
        for column in range(small.shape[1]):
            block = np.s_[row * step : (row + 1) * step, column * step : (column + 1) * step]
            counts = np.bincount(labels[block].ravel(), minlength=256)[:255]
            assert small[row, column] == (counts.argmax() if counts.any() else 255)
            assert inside[row, column] == counts.any()
            mean = np.nanmean(values[block]) if counts.any() else np.nan
            assert means[row, column] == pytest.approx(mean, rel=1e-5, nan_ok=True)


def test_missing_is_grey_and_outside_is_transparent():
    labels, area = np.array([[0, 1, 255, 255]], "uint8"), np.array([[True, True, True, False]])
    colours = palette(2)
    codes = class_codes(labels, area)
    one, two = [*colours[0], 255], [*colours[1], 255]
    assert ClassPicture(codes, colours).drawn(4, 1)[0].tolist() == [one, two, GREY, WHITE]
    member = MemberPicture(codes, 1, colours[1]).drawn(4, 1)[0].tolist()
    assert member[1:] == [two, GREY, WHITE]
    assert member[0] not in member[1:]
    shown = IndexPicture(np.array([[0.0, np.nan, np.nan]], "float32"), (0.0, 1.0), area[:, 1:]).drawn(3, 1)
    assert shown[0].tolist() == [[0xFF, 0xE4, 0xC1, 255], GREY, WHITE]


def test_labelled_pixels_outside_the_area_are_shown():
    codes = class_codes(np.array([[0, 255]], "uint8"), np.array([[False, False]]))
    assert ClassPicture(codes, palette(1)).drawn(2, 1)[0].tolist() == [[*palette(1)[0], 255], WHITE]


@pytest.mark.parametrize("size", [(3, 2), (7, 5), (13, 11), (29, 40)])
def test_no_colour_of_a_class_map_is_made_up(size):
    labels = np.random.default_rng(0).integers(0, 5, (11, 13)).astype("uint8")
    drawn = ClassPicture(class_codes(labels, labels < 9), palette(5)).drawn(*size)
    assert drawn.shape == (size[1], size[0], 4)
    assert {tuple(pixel) for pixel in drawn.reshape(-1, 4)[:, :3].tolist()} <= set(palette(5))


def test_enlarging_repeats_pixels_north_up():
    labels = np.arange(6, dtype="uint8").reshape(2, 3)
    drawn = ClassPicture(class_codes(labels, labels < 9), palette(6)).drawn(9, 4)
    expected = np.array(palette(6))[np.repeat(np.repeat(labels, 2, axis=0), 3, axis=1)]
    assert np.array_equal(drawn[..., :3], expected)


def test_a_cluster_is_as_strong_as_its_share():
    labels = np.array([[1, 1, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0]], "uint8")
    drawn = MemberPicture(class_codes(labels, labels < 9), 1, (0, 100, 0)).drawn(3, 1)[0, :, :3].astype(int)
    pale = drawn[1]
    assert drawn[0].tolist() == [0, 100, 0]
    assert np.allclose(drawn[2], (pale + drawn[0]) / 2, atol=0.5)


def test_merged_pixels_show_the_mean_of_the_valid_ones():
    values = np.array([[0.2, 0.4, np.nan, 1.0], [0.2, 0.4, np.nan, np.nan]], "float32")
    drawn = IndexPicture(values, (0.0, 1.0), np.ones(values.shape, bool)).drawn(2, 1)[0, :, :3]
    assert np.array_equal(drawn, level_rgb(np.array([0.3, 1.0])))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 4), (5, 2), (12, 9), (17, 11), (13, 30)])
def test_merged_pixels_are_what_loops_would_do(width, height):
    rng = np.random.default_rng(2)
    values = np.where(rng.random((11, 17)) < 0.3, np.nan, rng.random((11, 17))).astype("float32")
    drawn = IndexPicture(values, (0.0, 1.0), np.ones(values.shape, bool)).drawn(width, height)
    rows, columns = (
        [slice(*_group(number, wanted, length)) for number in range(wanted)]
        for wanted, length in zip((height, width), values.shape, strict=True)
    )
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            block = values[row, column]
            expected = [*level_rgb(np.array([np.nanmean(block)]))[0].tolist(), 255] if np.isfinite(block).any() else GREY
            assert np.abs(drawn[y, x].astype(int) - expected).max() <= 3  # a mean on the edge of two levels


def _group(number, wanted, length):
    """Return where a group of pixels starts and ends; where there are fewer than wanted, the one nearest."""
    if wanted < length:
        return number * length // wanted, (number + 1) * length // wanted
    nearest = (2 * number + 1) * length // (2 * wanted)
    return nearest, nearest + 1


def test_values_beyond_the_limits_have_the_end_colours():
    drawn = IndexPicture(np.array([[-9.0, 9.0]]), (0.0, 1.0), np.ones((1, 2), bool)).drawn(2, 1)[0, :, :3]
    assert np.array_equal(drawn, level_rgb(np.array([0.0, 1.0])))


@pytest.mark.parametrize("count", [1, 2, 255, 256])
def test_up_to_256_colours_are_exact(count):
    rng = np.random.default_rng(count)
    colours = rng.choice(1 << 24, count, replace=False)
    chosen = colours[rng.integers(0, count, (31, 57))]
    rgb = np.stack([chosen >> 16, chosen >> 8 & 255, chosen & 255], axis=-1).astype(np.uint8)
    assert np.array_equal(_decoded(indexed_png(_rgba(rgb), dots_per_inch=150)), rgb)


def test_of_more_colours_frequent_and_odd_ones_are_exact_and_all_others_near():
    rng = np.random.default_rng(5)
    rgb = np.full((100, 100, 3), 255, np.uint8)
    rgb[:50] = np.array(palette(12), np.uint8)[rng.integers(0, 12, (50, 100))]
    rgb[60:90] = rng.integers(100, 256, (30, 100, 1))  # greys, and among them shades of another kind
    rgb[70:80, :, 1] = rng.integers(100, 256, (10, 100))
    rgb[99, 99] = (255, 0, 255)
    drawn = _decoded(indexed_png(_rgba(rgb), dots_per_inch=150))
    assert np.array_equal(drawn[:50], rgb[:50])
    assert drawn[99, 99].tolist() == [255, 0, 255]
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 256
    assert np.abs(drawn.astype(int) - rgb).max() <= 24
    # Each colour became the nearest of those there are.
    there = np.unique(drawn.reshape(-1, 3), axis=0).astype(int)
    some = rgb[60:90:7, ::9].reshape(-1, 3).astype(int)
    best = ((some[:, None] - there) ** 2).sum(axis=2).min(axis=1)
    assert np.array_equal(((some - drawn[60:90:7, ::9].reshape(-1, 3)) ** 2).sum(axis=1), best)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 1 / 13))
def test_numbers_find_room_within_limits(values, least):
    values = sorted(values)
    places = _apart(values, least, (0.0, 1.0))
    assert len(places) == len(values)
    assert all(after - before >= least - 1e-9 for before, after in itertools.pairwise(places))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    free = [min((abs(value - other) for other in values[:n] + values[n + 1 :]), default=1) for n, value in enumerate(values)]
    if all(gap >= least for gap in free):
        assert places == pytest.approx(values)


def test_png_says_its_resolution():
    png = indexed_png(np.zeros((1, 1, 4), np.uint8), dots_per_inch=150)
    at = png.index(b"pHYs") + 4
    assert int.from_bytes(png[at : at + 4], "big") == round(150 / 0.0254)
    assert png[at + 8] == 1


def test_a_figure_of_another_resolution_stays_as_it_is(tmp_path):
    figure = Figure(figsize=(2, 1), dpi=72)
    canvas = figure.canvas
    assert imread(save_figure(figure, tmp_path / "a.png")).shape[:2] == (DPI, 2 * DPI)
    assert figure.get_dpi() == 72
    assert figure.canvas is canvas


def test_a_map_lies_where_it_should_at_any_resolution(tmp_path):
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[0, 0], pixels[1, 1] = (255, 0, 0, 255), (0, 0, 255, 255)
    page = Page(4.0, 3.0, title="t", subtitle="s", caption="c", credit="")
    page.map(1.0, 0.5, (2.0, 1.0), pixels)
    for dpi in (100, 200):
        raw = io.BytesIO()
        page.figure.savefig(raw, format="png", dpi=dpi)
        drawn = np.rint(imread(io.BytesIO(raw.getvalue()))[..., :3] * 255).astype(int)
        rows, columns = np.nonzero((drawn == (255, 0, 0)).all(axis=2))
        assert (columns.min(), columns.max() + 1) == (round(1.35 * dpi), round(2.35 * dpi))
        assert rows.max() + 1 - rows.min() == pytest.approx(0.5 * dpi, abs=1)
        below, right = np.nonzero((drawn == (0, 0, 255)).all(axis=2))
        assert below.min() == rows.max() + 1
        assert right.min() == columns.max() + 1
    page.figure.savefig(tmp_path / "vectors.pdf")  # other backends draw it, too
    hidden = next(artist for artist in page.figure.get_children() if isinstance(artist, Pasted))
    hidden.set_visible(False)
    page.figure.savefig(raw := io.BytesIO(), format="png")
    assert not (imread(io.BytesIO(raw.getvalue()))[..., :3] == (1, 0, 0)).all(axis=2).any()


def test_the_press_writes_in_order_and_leaves_no_thread(tmp_path):
    before = threading.active_count()
    figures = [Page(1, 1, title=str(number), subtitle="", caption="", credit="").figure for number in range(4)]
    with Press() as press:
        for number, figure in enumerate(figures):
            press.save(figure, tmp_path / f"{number}.png")
    assert press.written == [tmp_path / f"{number}.png" for number in range(4)]
    assert threading.active_count() == before
    for number, figure in enumerate(figures):
        assert (tmp_path / f"{number}.png").read_bytes() == save_figure(figure, tmp_path / "again.png").read_bytes()


@pytest.mark.parametrize("last", [False, True])
def test_an_error_of_the_second_thread_is_raised(tmp_path, last):
    (tmp_path / "file").write_text("in the way")
    figure = Page(1, 1, title="", subtitle="", caption="", credit="").figure

    def print_both():
        with Press() as press:
            press.save(figure, tmp_path / "file" / "a.png")
            if not last:
                press.save(figure, tmp_path / "b.png")

    with pytest.raises(WriteError, match=r"a\.png"):
        print_both()
    assert not (tmp_path / "b.png").exists()


def test_an_error_while_drawing_ends_the_press(tmp_path):
    before = threading.active_count()
    figure = Page(1, 1, title="", subtitle="", caption="", credit="").figure

    def interrupted():
        with Press() as press:
            press.save(figure, tmp_path / "a.png")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threading.active_count() == before
    assert [path.name for path in tmp_path.iterdir()] in ([], ["a.png"])


def test_plain_images_keep_their_alpha():
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 4)).astype(np.uint8)
    assert np.array_equal(PlainPicture(pixels).drawn(6, 4), pixels)
    assert np.array_equal(PlainPicture(pixels).drawn(12, 8), np.repeat(np.repeat(pixels, 2, axis=0), 2, axis=1))
