"""transitions.csv, the maps of change and their figures, read back by csv, rasterio, rio-cogeo and GDAL."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import xarray as xr
from affine import Affine
from matplotlib.image import imread
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rio_cogeo.cogeo import cog_validate

from mlbmi.errors import InputError, WriteError
from mlbmi.types import Change, Transition
from mlbmi.write import MappedChange, change_figure, palette, transitions_figure, write_change, write_transitions, write_value_cog
from mlbmi.write.change_plot import change_colours
from mlbmi.write.colours import MISSING_RGB
from mlbmi.write.page import save_figure
from mlbmi.write.rasters import write_label_cog

DATES = (dt.date(2020, 6, 1), dt.date(2020, 6, 11), dt.date(2020, 6, 21), dt.date(2021, 6, 3))
NAMES = ("bare/built", "dry heath", "Wald & Heide <ö>")


def _transitions(dates, tables):
    pairs = [*pairwise(dates), (dates[0], dates[-1])]
    return tuple(
        Transition(from_date=a, to_date=b, from_cluster=i, to_cluster=j, pixels=int(table[i][j]))
        for (a, b), table in zip(pairs, tables, strict=True)
        for i in range(len(table))
        for j in range(len(table))
    )


@pytest.fixture
def change(geobox, area):
    """Three clusters on 70 × 60 pixels; the tables of transitions are made up, with sums that differ."""
    random = np.random.default_rng(3)
    maps = {
        "change": np.where(area, random.integers(0, 9, area.shape), 65535).astype("uint16"),
        "persistence": np.where(area, random.integers(0, 3, area.shape) / 2, np.nan).astype("float32"),
        "first_change": np.where(area, random.integers(-1, 4, area.shape), -2).astype("int32"),
    }
    arrays = {name: xr.DataArray(values, dims=("y", "x"), coords=xr_coords(geobox), name=name) for name, values in maps.items()}
    tables = (
        [[5, 0, 1], [0, 0, 0], [2, 3, 400]],
        [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
        [[1, 1, 1], [2, 2, 2], [3, 3, 3]],
        [[50, 30, 20], [0, 0, 0], [0, 7, 100]],
    )
    return Change(index="ndvi", n_clusters=3, transitions=_transitions(DATES, tables), dates=DATES, **arrays)


def _read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_transitions_by_hand(tmp_path, change):
    path = write_transitions(tmp_path / "transitions.csv", [MappedChange("33UUU", change, 0.01, NAMES)])
    rows = _read(path)
    assert list(rows[0]) == [
        *("grid", "index", "k", "from_date", "to_date", "from_cluster", "to_cluster", "from_name", "to_name"),
        *("pixels", "hectares", "share"),
    ]
    assert len(rows) == 4 * 9
    assert rows[2] == {
        "grid": "33UUU",
        "index": "ndvi",
        "k": "3",
        "from_date": "2020-06-01",
        "to_date": "2020-06-11",
        "from_cluster": "0",
        "to_cluster": "2",
        "from_name": "bare/built",
        "to_name": "Wald & Heide <ö>",
        "pixels": "1",
        "hectares": "0.0100",
        "share": "0.166667",
    }
    assert [row["share"] for row in rows[3:6]] == ["", "", ""], "no pixel had cluster 1"
    assert (rows[27]["from_date"], rows[27]["to_date"], rows[27]["share"]) == ("2020-06-01", "2021-06-03", "0.500000")
    assert path.read_bytes().count(b"\r\n") == 37


def test_shares_of_a_cluster_sum_to_one(tmp_path, change):
    sums = {}
    for row in _read(write_transitions(tmp_path / "t.csv", [("33UUU", change, 0.01)])):
        key = (row["from_date"], row["to_date"], row["from_cluster"])
        sums[key] = sums.get(key, 0.0) + float(row["share"] or 0)
    assert sorted(round(total, 5) for total in sums.values()) == [0, 0] + [1] * 10


def test_several_grids_unknown_areas_and_names_that_act_up(tmp_path, change):
    entries = [("33UUU", change, 0.01), MappedChange("mosaic", change, math.nan, ("=1+1", "two\nlines", "c"))]
    rows = _read(write_transitions(tmp_path / "t.csv", entries))
    assert [row["grid"] for row in rows] == ["33UUU"] * 36 + ["mosaic"] * 36
    assert rows[0]["from_name"] == "cluster 0"
    assert {row["hectares"] for row in rows[36:]} == {""}
    assert {row["from_name"] for row in rows[36:]} == {"'=1+1", "two lines", "c"}
    assert len(_read(write_transitions(tmp_path / "t.csv", []))) == 0
    with pytest.raises(InputError, match="2 names were given for 3 clusters"):
        write_transitions(tmp_path / "t.csv", [MappedChange("33UUU", change, 0.01, ("a", "b"))])


@pytest.fixture
def written(tmp_path, change):
    return {path.name: path for path in write_change(change, tmp_path, grid="33UUU", names=NAMES, figures=False)}


def test_files_and_places(tmp_path, change, area):
    paths = write_change(change, tmp_path, grid="33UUU", names=NAMES, area=area)
    home = tmp_path / "33UUU"
    assert [path.relative_to(home).as_posix() for path in paths] == [
        "change_ndvi_2020-06-01_2021-06-03_k3.tif",
        "change_ndvi_2020-06-01_2021-06-03_k3.tif.aux.xml",
        "persistence_ndvi_k3.tif",
        "first_change_ndvi_k3.tif",
        "figures/change_ndvi_2020-06-01_2021-06-03_k3.png",
        "figures/transitions_ndvi_2020-06-01_2021-06-03_k3.png",
        "figures/persistence_ndvi_k3.png",
    ]
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(paths)


def test_change_map_opens_with_names_and_colours(tmp_path, written, change):
    path = written["change_ndvi_2020-06-01_2021-06-03_k3.tif"]
    assert cog_validate(path, strict=True) == (True, [], [])
    with rasterio.open(path) as source:
        assert source.dtypes == ("uint16",)
        assert source.nodata == 65535
        assert source.crs.to_epsg() == 32633
        assert source.colorinterp[0].name == "palette"
        table = source.colormap(1)
        assert len(table) == 9, "a colour table of 65536 entries makes as many classes in QGIS"
        assert [table[code][:3] for code in (1, 4, 6)] == [palette(3)[1], change_colours(3)[4], palette(3)[0]]
        assert source.tags(1)["CLASS_5"] == "dry heath -> Wald & Heide <ö>"
        assert "from × 3 + to" in source.tags()["TIFFTAG_IMAGEDESCRIPTION"]
        assert np.array_equal(source.read(1), change.change.to_numpy())
    assert path.stat().st_size < 100_000, "a colour table in the file would take 400 kB"
    rasterio.shutil.copy(path, tmp_path / "l.vrt", driver="VRT")  # GDAL copies what it makes of the sidecar
    band = ET.parse(tmp_path / "l.vrt").getroot().find("VRTRasterBand")  # noqa: S314 - our own file
    names = [category.text for category in band.find("CategoryNames")]
    assert names[:5] == [
        "bare/built, unchanged",
        "bare/built -> dry heath",
        "bare/built -> Wald & Heide <ö>",
        "dry heath -> bare/built",
        "dry heath, unchanged",
    ]
    assert len(names) == 9


def test_persistence_and_first_change_open(written, change):
    with rasterio.open(written["persistence_ndvi_k3.tif"]) as source:
        assert (source.dtypes, source.descriptions) == (("float32",), ("persistence",))
        assert math.isnan(source.nodata)
        assert np.array_equal(source.read(1), change.persistence.to_numpy(), equal_nan=True)
    with rasterio.open(written["first_change_ndvi_k3.tif"]) as source:
        assert source.dtypes == ("int32",)
        assert source.nodata == -(2**31)
        assert "YYYYMMDD" in source.descriptions[0]
        assert "twice running; 0: none" in source.tags()["TIFFTAG_IMAGEDESCRIPTION"]
        days = source.read(1)
    for number, day in ((-2, -(2**31)), (-1, 0), (0, 20200601), (1, 20200611), (2, 20200621), (3, 20210603)):
        assert np.array_equal(days == day, change.first_change.to_numpy() == number)
    for name in ("persistence_ndvi_k3.tif", "first_change_ndvi_k3.tif"):
        assert cog_validate(written[name], strict=True) == (True, [], [])


def test_two_dates_have_no_first_change(tmp_path, change):
    two = dataclasses.replace(change, dates=DATES[::3], transitions=change.transitions[-9:])
    names = [path.name for path in write_change(two, tmp_path, grid="mosaic")]
    assert "change_ndvi_2020-06-01_2021-06-03_k3.tif" in names
    assert not [name for name in names if name.startswith("first_change")]


def test_same_input_same_bytes(tmp_path, change):
    once, twice = (write_change(change, tmp_path / folder, grid="33UUU") for folder in ("a", "b"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in twice]


def test_what_cannot_be_written(tmp_path, change):
    with pytest.raises(InputError, match=r"'\.\./x' cannot be part"):
        write_change(change, tmp_path, grid="../x")
    with pytest.raises(InputError, match="2 names"):
        write_change(change, tmp_path, grid="a", names=("a", "b"))
    nowhere = dataclasses.replace(change, change=xr.DataArray(change.change.to_numpy(), dims=("y", "x")))
    with pytest.raises(InputError, match="coordinate reference system"):
        write_change(nowhere, tmp_path, grid="a")
    assert not list(tmp_path.iterdir())


def test_colours_say_what_became_of_a_pixel():
    for k in (2, 5, 8, 12):
        colours = np.array(change_colours(k)).reshape(k, k, 3)
        stays = colours[np.arange(k), np.arange(k)]
        for new in range(k):
            others = [old for old in range(k) if old != new]
            assert (colours[others, new] == palette(k)[new]).all()
        assert stays.min() > 195, "pale"
        assert np.abs(stays - MISSING_RGB).sum(axis=1).min() > 40, "not the grey of missing pixels"
        assert len({*map(tuple, stays.tolist()), *palette(k)}) == 2 * k


def test_map_of_change_shows_each_code_missing_and_outside(tmp_path):
    codes = np.repeat(np.array([[0, 1, 1, 2, 3, 65535, 65535]], "uint16"), 2, axis=0).repeat(40, axis=0).repeat(40, axis=1)
    geobox = GeoBox(codes.shape, Affine(10, 0, 358000, 0, -10, 5830000), "EPSG:32633")
    maps = {
        "change": codes,
        "persistence": np.zeros(codes.shape, "float32"),
        "first_change": np.where(codes == 1, 1, -1).astype("int32"),
    }
    arrays = {name: xr.DataArray(values, dims=("y", "x"), coords=xr_coords(geobox)) for name, values in maps.items()}
    change = Change(index="ndvi", n_clusters=2, transitions=_transitions(DATES, [np.eye(2)] * 4), dates=DATES, **arrays)
    area = np.broadcast_to(np.arange(codes.shape[1]) < 240, codes.shape)
    figure = change_figure(change, geobox, title="x", names=("bare", "wood"), area=area)
    drawn = np.rint(imread(save_figure(figure, tmp_path / "f.png"))[..., :3] * 255).astype(int)
    counts = [(drawn == colour).all(axis=-1).sum() for colour in [*change_colours(2), MISSING_RGB]]
    assert min(counts) > 5000
    assert np.array(counts) / counts[0] == pytest.approx([1, 2, 1, 1, 1], rel=0.15)
    texts = [text.get_text() for text in figure.texts]
    # 40 × 80 pixels of 0.01 ha are 32 ha
    assert texts[texts.index("bare") + 1 :][:3] == ["32.0", "64.0", "32.0"]
    assert texts[texts.index("wood") + 1 :][:3] == ["32.0", "32.0", "64.0"]
    assert "each pixel's first labelled date against its last; 60.0 % of 160.0 ha changed" in texts
    bars = figure.axes[-1].collections[0].get_segments()
    assert [segment[1][1] for segment in bars] == pytest.approx([0, 64, 0, 0])


def test_transitions_figure_says_areas(change, geobox):
    figure = transitions_figure(change, geobox, title="x", names=NAMES)
    texts = [text.get_text() for text in figure.texts]
    assert "2.07 ha labelled on both dates; 27.5 % changed" in texts
    matrix, flows = figure.axes
    cells = [text.get_text() for text in matrix.texts]
    assert cells == [
        "0.50",
        "0.30",
        "0.20",
        "1.00",
        "–",
        "–",
        "–",
        "–",
        "–",
        "0.07",
        "1.00",
        "1.07",
        "0.50",
        "0.37",
        "1.20",
        "2.07",
    ]
    assert {text.get_text() for text in flows.texts} >= {"0: 1.00 ha", "2: 1.07 ha", "1: 0.37 ha", "2020-06-01", "2021-06-03"}
    assert len(flows.patches) - 2 * 3 == 5, "a band for each transition that occurred, and a bar per cluster and date"


def test_figures_of_seasons_of_many_clusters_and_of_nothing(change, geobox):
    winter = dataclasses.replace(change, dates=(dt.date(2020, 1, 1), *DATES[1:]))
    for figure in (change_figure(winter, geobox, title="x"), transitions_figure(winter, geobox, title="x")):
        assert [text for text in figure.texts if text.get_text().endswith("; the dates are of different seasons")]
    assert "no pixel labelled on both dates; – changed; the dates are of different seasons" in [
        text.get_text() for text in transitions_figure(winter, geobox, title="x").texts
    ]
    many = dataclasses.replace(change, n_clusters=30, transitions=_transitions(DATES, [np.eye(30, dtype=int)] * 4))
    texts = [text.get_text() for text in change_figure(many, geobox, title="x").texts]
    assert "16 of 30 clusters; all are in transitions.csv" in texts
    assert not transitions_figure(many, geobox, title="x").axes[0].texts


def test_wide_labels_and_values_are_checked(tmp_path, geobox):
    codes = np.full(geobox.shape, 4, "uint16")
    with pytest.raises(InputError, match="label 4 has no name: 4 names"):
        write_label_cog(tmp_path / "l.tif", codes, geobox, names=["a"] * 4, colours=palette(4), description="x")
    with pytest.raises(InputError, match="values are uint8; they must be float32 or int32"):
        write_value_cog(tmp_path / "l.tif", codes.astype("uint8"), geobox, band="x", description="x")
    assert not list(tmp_path.iterdir())


def test_overviews_of_days_are_days(tmp_path):
    days = np.full((1024, 1024), 20200601, "int32")
    days[::2, ::2] = 20210603  # a quarter; a mean would be no day
    geobox = GeoBox(days.shape, Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    path = write_value_cog(tmp_path / "d.tif", days, geobox, band="day", description="day", nodata=-1)
    with rasterio.open(path, OVERVIEW_LEVEL=0) as overview:
        assert (overview.read(1) == 20200601).all()


def test_a_value_map_that_reads_back_differently_is_refused(tmp_path, change, monkeypatch):
    monkeypatch.setattr(rasterio.io.DatasetReader, "read", lambda *_, **__: np.ones((70, 60), "float32"))
    with pytest.raises(WriteError, match="does not read back"):
        write_change(change, tmp_path, grid="a", figures=False)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
