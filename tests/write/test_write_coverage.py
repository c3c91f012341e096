"""Coverage on disk: maps with their nodata, the table by hand, and figures that can be drawn of little and of nothing."""

from __future__ import annotations

import csv
import datetime as dt

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from mlbmi.types import OUTSIDE, Coverage, OutlierExample
from mlbmi.write import MappedCoverage, coverage_figure, outliers_figure, save_figure, write_coverage, write_coverage_table

GEOBOX = GeoBox((2, 3), Affine(10, 0, 500_000, 0, -10, 5_800_000), "EPSG:32633")
DAYS = (dt.date(2020, 1, 1), dt.date(2020, 1, 6), dt.date(2020, 2, 1))


@pytest.fixture
def seen():
    observations = np.array([[3, 0, 1], [2, OUTSIDE, OUTSIDE]], np.uint16)
    gaps = np.array([[26, 31, 31], [26, OUTSIDE, OUTSIDE]], np.uint16)
    return Coverage(index="ndvi", dates=DAYS, observations=observations, longest_gap=gaps, clear=(1, 3, 2))


def test_maps_hold_numbers_and_say_what_they_are(seen, tmp_path):
    paths = write_coverage(seen, tmp_path, GEOBOX, grid="mosaic", place="heath", credit="nobody")
    assert [path.name for path in paths] == ["observations_ndvi.tif", "longest_gap_ndvi.tif", "coverage_ndvi.png"]
    for path, expected in zip(paths, (seen.observations, seen.longest_gap), strict=False):
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(file.read(1), expected)
            assert (file.dtypes[0], file.nodata) == ("uint16", OUTSIDE)
            assert "2020-01-01 to 2020-02-01" in file.tags()["TIFFTAG_IMAGEDESCRIPTION"]


def test_the_table_by_hand(seen, tmp_path):
    path = write_coverage_table(tmp_path / "coverage.csv", [MappedCoverage("mosaic", seen, (0, 7, 0))])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["date"], row["clear"], row["clear_share"], row["days_since_previous"], row["outliers"]) for row in rows] == [
        ("2020-01-01", "1", "0.250000", "", "0"),
        ("2020-01-06", "3", "0.750000", "5", "7"),
        ("2020-02-01", "2", "0.500000", "26", "0"),
    ]
    assert {row["pixels"] for row in rows} == {"4"}


def test_the_gist(seen):
    summary = seen.summary()
    assert summary["observations"] == {"least": 0, "median": 1.5, "most": 3}
    assert (summary["never_seen"], summary["longest_gap_days"]["most"]) == (1, 31)


def test_nothing_inside_can_be_drawn_too(tmp_path):
    nothing = np.full((2, 3), OUTSIDE, np.uint16)
    empty = Coverage(index="ndvi", dates=DAYS, observations=nothing, longest_gap=nothing, clear=(0, 0, 0))
    assert save_figure(coverage_figure(empty, GEOBOX, title="x"), tmp_path / "empty.png").stat().st_size > 1000


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_series_before_and_after_can_be_drawn(count, tmp_path):
    example = OutlierExample(row=1, column=2, values=np.float32([0.8, 0.1, np.nan]), outlying=np.array([False, True, False]))
    figure = outliers_figure([example] * count, DAYS, (0, 4, 0), (9, 0, 0), label="NDVI", title="x")
    assert len(figure.axes) == min(count, 4) + 1
    save_figure(figure, tmp_path / "series.png")
