"""The one schema check: a cube passes, and each way of not being one is named."""

from __future__ import annotations

import datetime as dt

import dask.array as da
import numpy as np
import odc.geo.xr  # noqa: F401 — the accessor
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from mlbmi.cube import assemble, check_schema
from mlbmi.errors import CubeError

GRID = GeoBox((3, 4), Affine(10, 0, 399_960, 0, -10, 5_900_040), "EPSG:32633")
DAYS = [dt.date(2020, 1, 17), dt.date(2020, 1, 24), dt.date(2022, 12, 31)]


def image(value, **attrs):
    return xr.DataArray(np.full((3, 4), value, dtype="float32"), dims=("y", "x"), attrs=attrs)


@pytest.fixture
def cube():
    return assemble({day: {"ndvi": image(number), "evi": image(-number)} for number, day in enumerate(DAYS)}, GRID)


def test_what_assemble_makes_is_a_cube(cube):
    check_schema(cube)
    assert cube["ndvi"].dims == ("time", "y", "x")
    assert cube["ndvi"].shape == (3, 3, 4)
    assert cube["ndvi"].dtype == np.float32
    assert cube["time"].dtype == np.dtype("datetime64[ns]")
    assert cube.odc.geobox == GRID
    assert cube["x"].values[0] == 399_965
    assert cube["y"].values[0] == 5_900_035
    assert cube["ndvi"][:, 0, 0].values.tolist() == [0, 1, 2]


def test_days_are_put_in_order():
    cube = assemble({day: {"ndvi": image(day.year)} for day in reversed(DAYS)}, GRID)
    assert cube["ndvi"][:, 0, 0].values.tolist() == [2020, 2020, 2022]
    assert np.datetime_as_string(cube["time"].values, "D").tolist() == [str(day) for day in DAYS]


def test_attributes_come_along():
    cube = assemble({DAYS[0]: {"ndvi": image(0, long_name="Normalized Difference Vegetation Index")}}, GRID)
    assert cube["ndvi"].attrs == {"long_name": "Normalized Difference Vegetation Index", "units": "1"}


def test_lazy_images_make_a_lazy_cube():
    def fail(_):
        raise AssertionError("computed")

    lazy = xr.DataArray(
        da.zeros((3, 4), chunks=2, dtype="float32").map_blocks(fail, dtype="float32", meta=np.empty((0, 0), "float32")),
        dims=("y", "x"),
    )
    cube = assemble({day: {"ndvi": lazy} for day in DAYS}, GRID)
    assert cube["ndvi"].chunks == ((1, 1, 1), (2, 1), (2, 2))


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ({}, "no day"),
        ({DAYS[0]: {"ndvi": image(0)}, DAYS[1]: {"evi": image(0)}}, r"2020-01-24 has the variables \['evi'\], but 2020-01-17"),
        ({DAYS[0]: {"ndvi": image(0)[:2]}}, r"'y': 2, 'x': 4\}; the grid has y 3, x 4"),
        ({DAYS[0]: {"ndvi": image(0).T}}, "'x': 4, 'y': 3"),
    ],
)
def test_what_cannot_be_assembled(days, message):
    with pytest.raises(CubeError, match=message):
        assemble(days, GRID)


def shifted_time(cube, hours):
    return cube.assign_coords(time=cube["time"] + np.timedelta64(hours, "h"))


def without_crs(cube):
    bare = cube.drop_vars("spatial_ref")
    for variable in bare.variables.values():
        variable.attrs.pop("crs", None)
        variable.encoding.clear()
    return bare


BROKEN = {
    "no variable": (lambda cube: cube[[]], "no variable"),
    "other dimensions": (lambda cube: cube.transpose("y", "x", "time"), r"dimensions \('y', 'x', 'time'\)"),
    "float64": (lambda cube: cube.astype("float64"), "is float64; it must be float32"),
    "int16": (lambda cube: cube.astype("int16"), "is int16; it must be float32"),
    "no units": (lambda cube: cube.assign(ndvi=cube["ndvi"].drop_attrs()), "lacks the attributes long_name, units"),
    "a day twice": (lambda cube: cube.isel(time=[0, 1, 1]), r"at position 2 \(2020-01-24\)"),
    "days falling": (lambda cube: cube.isel(time=[1, 0]), r"at position 1 \(2020-01-17\)"),
    "an hour of the day": (lambda cube: shifted_time(cube, 10), "midnight"),
    "seconds as unit": (lambda cube: cube.assign_coords(time=cube["time"].astype("datetime64[s]")), r"datetime64\[s\]"),
    "numbers as time": (lambda cube: cube.assign_coords(time=[1, 2, 3]), "time is int64"),
    "south up": (lambda cube: cube.isel(y=slice(None, None, -1)), "'y' must fall"),
    "east first": (lambda cube: cube.isel(x=slice(None, None, -1)), "'x' must rise"),
    "a column left out": (lambda cube: cube.isel(x=[0, 1, 3]), "'x' must rise by equal steps; its steps are from 10 to 20"),
    "no x": (lambda cube: cube.drop_vars("x"), "no coordinate 'x'"),
    "no CRS": (without_crs, "CRS is None"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_cube_is_told_why(cube, case):
    breaks, message = case
    with pytest.raises(CubeError, match=message):
        check_schema(breaks(cube))


def test_degrees_are_refused():
    degrees = GeoBox((3, 4), Affine(0.01, 0, 13, 0, -0.01, 52), "EPSG:4326")
    with pytest.raises(CubeError):
        assemble({DAYS[0]: {"ndvi": image(0)}}, degrees)


def test_one_pixel_is_a_cube():
    one = xr.DataArray(np.zeros((1, 1), dtype="float32"), dims=("y", "x"))
    assert assemble({DAYS[0]: {"ndvi": one}}, GRID[:1, :1])["ndvi"].shape == (1, 1, 1)
