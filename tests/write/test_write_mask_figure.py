"""The figure of the mask adds up to the whole area, scene by scene."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from mlbmi.write import mask_figure, write_mask_figure


@pytest.fixture
def scenes(used):
    """1000 pixels of area: all clear but for two outliers; half cloud, a tenth grown, a fifth without data; none."""

    def on(day, share, **counts):
        scene = dataclasses.replace(used.scene, datetime=dt.datetime(2020, 1, day, 10, tzinfo=dt.UTC))
        return dataclasses.replace(used, item_id=f"S2A_{day}", scene=scene, clear_share=share, counts=counts)

    return [
        on(20, 0.2, scl=500, dilation=100, nodata=150, nodata_disagrees=50, undefined_ndvi=10, range_ndvi=10, outlier_evi=77),
        on(10, 1.0, scl=0, outlier_ndvi=2),
        on(30, 0.0, scl=900, ringing=60, wrapped=40),
    ]


def heights(figure):
    """Heights of the bars, by colour in order of the stack: per cent for each scene."""
    bars = figure.axes[0].containers
    return [[round(bar.get_height(), 6) for bar in stack] for stack in bars]


def test_bars_are_what_is_left_and_what_was_lost_in_order_of_time(scenes):
    left, nodata, unmeasured, classes, grown, undefined, outliers = heights(mask_figure(scenes, index="ndvi"))
    assert left == [99.8, 18.0, 0.0]
    assert nodata == [0.0, 20.0, 0.0]
    assert unmeasured == [0.0, 0.0, 10.0]
    assert classes == [0.0, 50.0, 90.0]
    assert grown == [0.0, 10.0, 0.0]
    assert undefined == [0.0, 2.0, 0.0]
    assert outliers == [0.2, 0.0, 0.0]


def test_dates_stand_below_and_every_kind_in_the_legend(scenes):
    figure = mask_figure(scenes, index="ndvi")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["2020-01-10", "2020-01-20", "2020-01-30"]
    words = {text.get_text() for text in figure.texts}
    assert {"left", "no data", "not measured", "grown clouds", "outliers"} <= words


def test_nothing_is_written_where_nothing_was_read(used, scenes, tmp_path):
    path = tmp_path / "mask.png"
    assert write_mask_figure(path, [dataclasses.replace(used, clear_share=None)], index="ndvi") == []
    assert write_mask_figure(path, scenes, index="ndvi") == [path]
    assert path.stat().st_size > 10_000
