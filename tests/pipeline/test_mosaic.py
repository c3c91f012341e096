"""One day over two tiles in two zones: every pixel traced to its source, and no seam on the same ground."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from mlbmi.aoi import AOI
from mlbmi.pipeline.acquire import Recipe, SceneTally, add_scene
from mlbmi.pipeline.overlap import OverlapTally
from mlbmi.pipeline.planning import plan_grids
from mlbmi.read import configured
from mlbmi.types import Asset, Scene

MERIDIAN = (12.0, 52.5)
"""Where zones 32 and 33 meet."""

SIDE = 130
"""Pixels of a tile's side: DN up to 16900, reflectance within the legal 2.0."""


def place(epsg, lon, lat):
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    return round(x / 10) * 10, round(y / 10) * 10


def tile_grid(epsg, east_m):
    """A square of 1300 m whose middle lies so far east of the meridian."""
    x, y = place(epsg, *MERIDIAN)
    return GeoBox((SIDE, SIDE), Affine(10, 0, x + east_m - 650, 0, -10, y + 650), f"EPSG:{epsg}")


def write(path, values, geobox):
    profile = {"driver": "GTiff", "dtype": values.dtype.name, "count": 1, "height": values.shape[0], "width": values.shape[1]}
    with rasterio.open(path, "w", crs=str(geobox.crs), transform=geobox.affine, nodata=0, **profile) as file:
        file.write(values, 1)
    return str(path)


def footprint(geobox):
    """The outline of a raster in degrees, with points enough that its sides bend as they do."""
    left, bottom, right, top = geobox.boundingbox
    ring = shapely.segmentize(shapely.box(left, bottom, right, top), 50)
    to_degrees = pyproj.Transformer.from_crs(str(geobox.crs), 4326, always_xy=True)
    return shapely.transform(ring, lambda at: np.stack(to_degrees.transform(at[:, 0], at[:, 1]), axis=1))


def scene(folder, tile, epsg, geobox, second=0, **layers):
    folder.mkdir(parents=True, exist_ok=True)
    assets = {band: Asset(band=band, key=band, href=write(folder / f"{tile}_{band}.tif", *layers[band])) for band in layers}
    return Scene(
        item_id=f"S2A_{tile}_20210908_0_L2A",
        collection="sentinel-2-l2a",
        dialect="earth-search-v1",
        datetime=dt.datetime(2021, 9, 8, 10, 0, second, tzinfo=dt.UTC),
        tile=tile,
        epsg=epsg,
        platform="sentinel-2a",
        baseline="03.01",
        sequence=0,
        orbit=65,
        cloud_cover=0.0,
        offset_applied=None,
        footprint=footprint(geobox),
        assets=assets,
    )


def fuse(scenes, area, bands, indices):
    """Plan and fuse as a run does."""
    (plan,), _ = plan_grids(scenes, area, bands, grid="mosaic")
    (day,) = plan.days
    recipe, inside = Recipe(bands=bands, indices=indices, keep=(4, 5, 6, 7)), area.mask(plan.geobox)
    fused = {name: np.full(plan.geobox.shape, np.nan) for name in indices}
    tallies = {one.tile: SceneTally() for one in day.scenes}
    with configured():
        for one in day.scenes:
            add_scene(fused, one, plan.geobox, recipe, inside=inside, tally=tallies[one.tile])
    return plan, day, fused, tallies, inside


def under(geobox, grid):
    """Row and column of the source pixel under each centre of a grid, exactly; −1 outside."""
    rows, columns = np.indices(grid.shape) + 0.5
    x, y = grid.affine * (columns, rows)
    x, y = pyproj.Transformer.from_crs(str(grid.crs), str(geobox.crs), always_xy=True).transform(x, y)
    columns, rows = (np.floor(part).astype(int) for part in ~geobox.affine * (x, y))
    there = (rows >= 0) & (columns >= 0) & (rows < geobox.shape[0]) & (columns < geobox.shape[1])
    return np.where(there, rows, -1), np.where(there, columns, -1)


@pytest.fixture
def two(tmp_path):
    """Tiles whose every pixel, of both together, holds another number."""
    east, west = tile_grid(32633, 300), tile_grid(32632, -500)
    numbers = np.random.default_rng(0).permutation(np.arange(1, 2 * SIDE * SIDE + 1))
    # Distinct within each tile, and none of those that a lossy file rings with at its edges (1-9).
    numbers = (numbers % 16_899 + 10).reshape(2, SIDE, SIDE).astype(np.uint16)
    clear = np.full((SIDE // 2, SIDE // 2), 4, np.uint8)
    scenes = []
    for name, epsg, box, dn, second in (("33UTU", 32633, east, numbers[0], 0), ("32UQD", 32632, west, numbers[1], 1)):
        coarse = GeoBox((SIDE // 2, SIDE // 2), box.affine * Affine.scale(2), box.crs)
        scenes.append(scene(tmp_path / name, name, epsg, box, second, red=(dn, box), scl=(clear, coarse)))
    middle = shapely.transform(shapely.box(-1000, -400, 800, 400), lambda at: at / [67_900, 111_200] + MERIDIAN)
    return scenes, AOI(name="both", geometry=middle, notes=()), (east, west), numbers


def test_every_pixel_of_a_day_over_two_zones_is_its_source_pixel(two):
    scenes, area, (east, west), numbers = two
    plan, day, fused, _, inside = fuse(scenes, area, ("red",), ("red",))
    assert plan.geobox.crs.epsg == 32633, "the zone of the tile that covers most"
    assert [one.tile for one in day.scenes] == ["33UTU", "32UQD"]
    got = np.rint(fused["red"] * 10_000)
    (row_e, col_e), (row_w, col_w) = under(east, plan.geobox), under(west, plan.geobox)
    expected = np.where(row_e >= 0, numbers[0][row_e, col_e], np.where(row_w >= 0, numbers[1][row_w, col_w], np.nan))
    expected[~inside] = np.nan
    np.testing.assert_array_equal(got, expected)
    assert np.isfinite(got[row_e < 0]).sum() > 1000, "the other zone's tile fills what the first does not show"
    assert np.isfinite(got[row_e >= 0]).sum() > 5000


def ground(geobox, band):
    """Reflectance of a landscape that is a function of the place alone, at the centres of pixels."""
    rows, columns = np.indices(geobox.shape) + 0.5
    x, y = geobox.affine * (columns, rows)
    lon, lat = pyproj.Transformer.from_crs(str(geobox.crs), 4326, always_xy=True).transform(x, y)
    east, north = (lon - MERIDIAN[0]) * 67_900, (lat - MERIDIAN[1]) * 111_200
    wave = np.sin(east / 90) * np.cos(north / 70)
    value = 0.08 - 0.04 * wave if band == "red" else 0.3 + 0.08 * wave
    return np.rint(10_000 * value).astype(np.uint16)


def test_the_same_ground_shows_no_seam(tmp_path):
    east, west = tile_grid(32633, 300), tile_grid(32632, -500)
    clear = np.full((SIDE, SIDE), 4, np.uint8)
    scenes = [
        scene(tmp_path / n, n, epsg, box, red=(ground(box, "red"), box), nir=(ground(box, "nir"), box), scl=(clear, box))
        for n, epsg, box in (("33UTU", 32633, east), ("32UQD", 32632, west))
    ]
    middle = shapely.transform(shapely.box(-1000, -400, 800, 400), lambda at: at / [67_900, 111_200] + MERIDIAN)
    plan, _, fused, tallies, _ = fuse(scenes, AOI(name="both", geometry=middle, notes=()), ("red", "nir"), ("ndvi",))
    red, nir = (ground(plan.geobox, band).astype(float) for band in ("red", "nir"))
    error = fused["ndvi"] - (nir - red) / (nir + red)
    first = under(east, plan.geobox)[0] >= 0
    assert np.nanmax(np.abs(error[first])) < 1e-12, "no resampling on the first tile's own lattice"
    assert abs(np.nanmean(error[~first])) < 0.002, "seam"
    jump = np.diff(fused["ndvi"], axis=1)
    at_seam = np.diff(first.astype(int), axis=1) != 0
    usual = np.diff((nir - red) / (nir + red), axis=1)
    assert abs(np.nanmean(jump[at_seam] - usual[at_seam])) < 0.002
    overlap = tallies["32UQD"].overlap.summary(2.0)
    assert overlap["pixels"] > 3000
    assert abs(overlap["median"]) < 0.002
    assert tallies["33UTU"].overlap.summary(2.0) == {}


def test_the_tile_that_covers_most_comes_first_and_gives_the_grid(two):
    scenes, _, (_, west), numbers = two
    middle = shapely.transform(shapely.box(-1150, -400, 300, 400), lambda at: at / [67_900, 111_200] + MERIDIAN)
    plan, day, fused, _, inside = fuse(scenes, AOI(name="west", geometry=middle, notes=()), ("red",), ("red",))
    assert plan.geobox.crs.epsg == 32632
    assert [one.tile for one in day.scenes] == ["32UQD", "33UTU"]
    rows, columns = under(west, plan.geobox)
    own = (rows >= 0) & inside
    np.testing.assert_array_equal(np.rint(fused["red"] * 10_000)[own], numbers[1][rows, columns][own])


def test_a_tile_that_is_brighter_is_told_by_its_overlap():
    rng = np.random.default_rng(2)
    before, tally = rng.uniform(0, 0.5, (100, 100)), OverlapTally()
    before[:50] = np.nan
    now = before + 0.03 + rng.normal(0, 0.01, before.shape)
    for rows in (slice(0, 70), slice(70, 100)):
        tally.add(before[rows], now[rows], 2.0)
    difference = (now - before)[50:]
    assert tally.summary(2.0)["pixels"] == 5000
    assert tally.summary(2.0)["median"] == pytest.approx(np.median(difference), abs=1e-4)
    assert tally.summary(2.0)["p95"] == pytest.approx(np.quantile(np.abs(difference), 0.95), abs=2e-4)
