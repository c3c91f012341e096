"""Maps, table and figures of series."""

from __future__ import annotations

import csv
import dataclasses
import math

import numpy as np
import pytest
import rasterio

from mlbmi.errors import InputError
from mlbmi.write import (
    SampleCourse,
    SeasonRow,
    courses_figure,
    season_figure,
    write_phenology,
    write_series_figures,
    write_series_maps,
)
from mlbmi.write.series import PHENOLOGY_COLUMNS

ROW = SeasonRow(
    grid="mosaic",
    mode="timeseries",
    index="ndvi",
    k=2,
    cluster=1,
    name='maybe "heath", dry',
    pixels=120,
    season=2020,
    start="2019-12-30",
    peak="2020-06-01",
    end="2020-10-01",
    length_days=276.04,
    base=0.2,
    peak_value=0.8,
    amplitude=0.6,
    integral=150.123,
    integral_above_base=94.9,
)


def test_the_table_has_a_row_for_each_season_and_nothing_where_there_is_none(tmp_path):
    none = dict.fromkeys(("length_days", "base", "peak_value", "amplitude", "integral", "integral_above_base"), math.nan)
    missing = dataclasses.replace(ROW, cluster=0, start="", peak="", end="", **none)
    with write_phenology(tmp_path / "phenology.csv", [missing, ROW]).open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert tuple(first) == PHENOLOGY_COLUMNS == tuple(field.name for field in dataclasses.fields(SeasonRow))
    assert [first[name] for name in ("start", *none)] == [""] * 7
    assert second["name"] == ROW.name
    assert (second["start"], second["length_days"], second["integral"]) == ("2019-12-30", "276.0", "150.12")


@pytest.fixture
def maps(cube):
    image = cube[0].to_numpy()
    names = ("start", "peak", "end", "amplitude", "integral")
    seasons = {f"phenology_ndvi_2020_{name}": image * 10 * (number + 1) for number, name in enumerate(names)}
    return {"filled_share_ndvi": image, **seasons, "trend_ndvi": image / 100, "trend_ndvi_p": abs(image)}


def test_each_map_says_what_it_is(tmp_path, geobox, maps):
    paths = write_series_maps(maps, geobox, tmp_path, grid="mosaic", index="ndvi")
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [f"mosaic/{name}.tif" for name in maps]
    said = {}
    for path, values in zip(paths, maps.values(), strict=True):
        with rasterio.open(path) as source:
            np.testing.assert_array_equal(source.read(1), values)
            assert np.isnan(source.nodata)
            said[path.stem] = (source.descriptions[0], source.tags()["TIFFTAG_IMAGEDESCRIPTION"])
    assert said["trend_ndvi_p"][0] == "p"
    assert said["trend_ndvi"][0] == "slope per year"
    assert said["phenology_ndvi_2020_end"][1].startswith("NDVI: end of the season: day counted from 1 January")
    assert len({description for _, description in said.values()}) == len(maps)


def test_a_name_that_leads_elsewhere_is_refused(tmp_path, geobox, maps):
    with pytest.raises(InputError):
        write_series_maps(maps, geobox, tmp_path, grid="../mosaic", index="ndvi")


@pytest.fixture
def courses(cube):
    course = cube[:, 30, 25].interpolate_na("time", use_coordinate=False)
    marks = np.array([False, True, False])
    return [
        SampleCourse(30, 25, cube[:, 30, 25], course, marks),
        SampleCourse(40, 5, cube[:, 40, 5], cube[:, 40, 5], ~marks & marks),
    ]


def test_marks_of_the_courses_are_where_values_were_filled(courses, geobox):
    figure = courses_figure(courses, geobox, title="title", label="NDVI")
    first, second = figure.axes
    drawn = [line for line in first.lines if line.get_markerfacecolor() == "white"]
    assert len(drawn) == 1
    assert drawn[0].get_ydata().tolist() == courses[0].course.to_numpy()[[1]].tolist()
    assert [line.get_ydata().size for line in second.lines if line.get_markerfacecolor() == "white"] == [0]
    assert first.get_xlim() == second.get_xlim()
    assert first.get_ylim() == second.get_ylim()


def test_figures_are_named_after_index_and_year_and_the_same_again(tmp_path, courses, maps, geobox, area):
    common = {"grid": "mosaic", "index": "ndvi", "area": area, "place": "Heath", "credit": "nobody"}
    one, two = (write_series_figures(courses, maps, geobox, tmp_path / name, **common) for name in "ab")
    assert [path.name for path in one] == ["courses_ndvi.png", "phenology_ndvi_2020.png"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert write_series_figures([], {}, geobox, tmp_path / "c", **common) == []


def test_a_year_without_season_is_drawn_too(geobox, area):
    empty = np.full(geobox.shape, np.nan, np.float32)
    assert season_figure({"start": empty, "peak": empty}, geobox, title="none", area=area)
