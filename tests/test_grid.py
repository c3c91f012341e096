"""The window around an area, on the raster's own lattice; and its blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import box

from mlbmi.aoi import AOI
from mlbmi.grid import aoi_geobox, pixel_area_ha, row_blocks

X, Y = 399_960, 5_900_040
NATIVE = GeoBox((300, 400), Affine(10, 0, X, 0, -10, Y), "EPSG:32633")
VALUES = np.arange(300 * 400).reshape(300, 400)
"""Each pixel of the raster tells which it is."""


def aoi_of(left, top, right, bottom):
    """Make an area that spans these (fractional) columns and rows of the raster."""
    shape = box(X + 10 * left, Y - 10 * bottom, X + 10 * right, Y - 10 * top)
    to_lonlat = Transformer.from_crs("EPSG:32633", "OGC:CRS84", always_xy=True).transform
    return AOI("test", shapely.transform(shape, lambda points: np.column_stack(to_lonlat(points[:, 0], points[:, 1]))))


def offset(window):
    """Return the window's first row and column on the raster's lattice, exact."""
    return (Y - window.affine.f) / 10, (window.affine.c - X) / 10


@given(
    left=st.floats(-50, 399),
    top=st.floats(-50, 299),
    width=st.floats(0.5, 200),
    height=st.floats(0.5, 200),
    clip=st.booleans(),
)
def test_the_window_is_the_smallest_on_the_lattice_that_holds_the_area(left, top, width, height, clip):
    right, bottom = left + width, top + height
    window = aoi_geobox(NATIVE, aoi_of(left, top, right, bottom), clip=clip)
    low = (0, 0) if clip else (-math.inf, -math.inf)
    high = NATIVE.shape if clip else (math.inf, math.inf)
    rows = (max(math.floor(top), low[0]), min(math.ceil(bottom), high[0]))
    columns = (max(math.floor(left), low[1]), min(math.ceil(right), high[1]))
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        assert window is None
        return
    near_an_edge = any(abs(value - round(value)) < 1e-5 for value in (left, top, right, bottom))
    if near_an_edge:
        return  # within rounding of an edge either side is right; edges have a test of their own
    assert offset(window) == (rows[0], columns[0])
    assert tuple(window.shape) == (rows[1] - rows[0], columns[1] - columns[0])
    assert window.crs == NATIVE.crs


def test_a_window_s_pixels_are_the_raster_s():
    window = aoi_geobox(NATIVE, aoi_of(20.3, 10.7, 23.1, 12.2), clip=True)
    row, column = (int(value) for value in offset(window))
    cut = VALUES[row : row + window.shape[0], column : column + window.shape[1]]
    assert cut.tolist() == [[4020, 4021, 4022, 4023], [4420, 4421, 4422, 4423], [4820, 4821, 4822, 4823]]


def test_vertices_on_pixel_edges_drag_in_no_further_row_or_column():
    for error in (-1e-7, 0, 1e-7):  # in pixels: rounding to degrees and back errs to either side
        window = aoi_geobox(NATIVE, aoi_of(20 + error, 10 + error, 30 - error, 15 - error), clip=True)
        assert (offset(window), tuple(window.shape)) == ((10, 20), (5, 10))


def test_beyond_the_raster_the_lattice_goes_on():
    aoi = aoi_of(-3.5, -2.5, 410.5, 301.5)
    clipped, open_ended = aoi_geobox(NATIVE, aoi, clip=True), aoi_geobox(NATIVE, aoi, clip=False)
    assert clipped == NATIVE
    assert (offset(open_ended), tuple(open_ended.shape)) == ((-3, -4), (305, 415))


@pytest.mark.parametrize("place", [(500, 10, 510, 20), (-30, 10, -20, 20), (10, 400, 20, 410), (10, -50, 20, -40)])
def test_an_area_outside_has_no_window(place):
    assert aoi_geobox(NATIVE, aoi_of(*place), clip=True) is None
    assert aoi_geobox(NATIVE, aoi_of(*place), clip=False) is not None


def test_an_area_in_another_zone_finds_the_same_ground():
    aoi = aoi_of(20.3, 10.7, 120.1, 90.2)
    other = GeoBox((3000, 3000), Affine(10, 0, 790_000, 0, -10, 5_920_000), "EPSG:32632")
    window = aoi_geobox(other, aoi, clip=True)
    west, south, east, north = aoi.to_crs("EPSG:32632").bounds
    found = window.boundingbox
    assert 0 <= west - found.left < 10
    assert 0 <= found.right - east < 10
    assert 0 <= south - found.bottom < 10
    assert 0 <= found.top - north < 10
    inside = aoi.mask(window)
    assert inside.any(axis=0).mean() > 0.95
    assert inside.any(axis=1).mean() > 0.95


@pytest.mark.parametrize(("resolution", "hectares"), [(10, 0.01), (20, 0.04), (60, 0.36), (120, 1.44)])
def test_the_area_of_a_pixel(resolution, hectares):
    assert pixel_area_ha(GeoBox((2, 2), Affine(resolution, 0, X, 0, -resolution, Y), "EPSG:32633")) == pytest.approx(hectares)


@given(height=st.integers(1, 60), width=st.integers(1, 40), max_pixels=st.integers(1, 3000))
def test_blocks_are_whole_rows_each_once_within_the_limit(height, width, max_pixels):
    grid = GeoBox((height, width), NATIVE.affine, NATIVE.crs)
    covered = []
    for rows, block in row_blocks(grid, max_pixels=max_pixels):
        assert tuple(block.shape) == (rows.stop - rows.start, width)
        assert block.shape[0] * width <= max_pixels or block.shape[0] == 1
        assert (block.affine.c, block.affine.f) == (X, Y - 10 * rows.start)
        covered += range(rows.start, rows.stop)
    assert covered == list(range(height))
