"""Real scenes against a calculation of their own: rasterio and NumPy on the same files."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest
import rasterio

from mlbmi.read import decide_offset, open_geobox, read_scene, to_reflectance
from mlbmi.types import Asset

pytestmark = pytest.mark.realdata

DAYS = ["S2B_33TWL_20230810", "S2B_33TWL_20230813", "S2A_33TWL_20230815", "S2A_33TWL_20230818", "S2B_33TWL_20230820"]


def scene_of(item_file, make_scene, keys, dialect):
    """Make a scene of an item file by hand, with the metadata that decide."""
    item = json.loads(item_file.read_text())
    properties = item["properties"]
    assets = {}
    for band, key in keys.items():
        stated = item["assets"][key].get("raster:bands", [{}])[0]
        href = str(item_file.parent / item["assets"][key]["href"].rpartition("/")[2])
        assets[band] = Asset(band=band, key=key, href=href, scale=stated.get("scale"), offset=stated.get("offset"))
    return make_scene(
        dialect=dialect,
        baseline=properties.get("s2:processing_baseline", properties.get("sentinel:processing_baseline")),
        offset_applied=properties.get("earthsearch:boa_offset_applied", properties.get("sentinel:boa_offset_applied")),
        day=dt.date.fromisoformat(properties["datetime"][:10]),
        **assets,
    )


@pytest.fixture(params=DAYS)
def alpine(request, realdata, make_scene):
    """One of the five dates of tile 33TWL, and the window of about 40 by 48 km that is looked at."""
    name = f"{request.param}_0_L2A"
    file = realdata / "real" / "earthsearch-v1-33TWL" / "sentinel-2-l2a" / name / f"{name}.json"
    scene = scene_of(file, make_scene, {"red": "red", "nir": "nir", "scl": "scl"}, "earth-search-v1")
    return scene, (slice(210, 546), slice(180, 580))


def ndvi(scene, geobox):
    """NDVI by this package's steps of this room, and float64 arithmetic that is plain to see."""
    dn = read_scene(scene, ["red", "nir", "scl"], geobox)
    red, nir = (to_reflectance(dn[band], decide_offset(scene, band)) for band in ("red", "nir"))
    return ((nir - red) / (nir + red)).values, dn


def test_33twl_is_read_as_already_shifted(alpine):
    scene, _ = alpine
    decision = decide_offset(scene, "red")
    assert (decision.add, decision.source) == (0, "boa_offset_applied")
    assert "-0.1" in decision.contradiction


def test_33twl_the_opened_file_decides_where_pixels_lie(alpine):
    scene, _ = alpine
    native = open_geobox(scene.assets["red"])
    assert (native.shape, native.resolution.x, native.crs) == ((915, 915), 120, "EPSG:32633")


def test_33twl_ndvi_equals_an_independent_calculation(alpine):
    scene, (rows, columns) = alpine
    values, dn = ndvi(scene, open_geobox(scene.assets["red"])[rows, columns])
    with rasterio.open(scene.assets["red"].href) as red_file, rasterio.open(scene.assets["nir"].href) as nir_file:
        red = red_file.read(1)[rows, columns].astype("float64")
        nir = nir_file.read(1)[rows, columns].astype("float64")
    with rasterio.open(scene.assets["scl"].href) as scl_file:
        np.testing.assert_array_equal(dn["scl"].values, scl_file.read(1)[rows, columns])
    has_data = (red > 0) & (nir > 0)
    np.testing.assert_array_equal(~np.isnan(values), has_data)
    expected = (nir[has_data] - red[has_data]) / (nir[has_data] + red[has_data])  # add 0: ten thousandths cancel
    np.testing.assert_allclose(values[has_data], expected, rtol=0, atol=1e-6)


def test_33twl_clear_vegetation_is_green(alpine):
    # With the stated offset of -0.1 taken off again, red would be negative and NDVI beyond 1.
    scene, (rows, columns) = alpine
    values, dn = ndvi(scene, open_geobox(scene.assets["red"])[rows, columns])
    vegetation = values[(dn["scl"].values == 4) & ~np.isnan(values)]
    assert vegetation.size > 1000
    assert np.median(vegetation) > 0.7
    assert np.percentile(vegetation, 99) < 1


@pytest.fixture
def desert(realdata, make_scene):
    file = realdata / "real" / "sentinel-cogs-29RKH" / "S2A_29RKH_20200219_0_L2A.json"
    return scene_of(file, make_scene, {"red": "red", "nir": "nir", "swir16": "swir16", "scl": "scl"}, "earth-search-v1")


def test_29rkh_of_baseline_02_14_needs_no_offset(desert):
    assert desert.baseline == "02.14"
    decision = decide_offset(desert, "red")
    assert (decision.add, decision.contradiction) == (0, "")


def test_29rkh_ndvi_equals_an_independent_calculation(desert):
    values, _ = ndvi(desert, open_geobox(desert.assets["red"]))
    with rasterio.open(desert.assets["red"].href) as red_file, rasterio.open(desert.assets["nir"].href) as nir_file:
        red, nir = red_file.read(1).astype("float64"), nir_file.read(1).astype("float64")
    has_data = (red > 0) & (nir > 0)
    np.testing.assert_array_equal(~np.isnan(values), has_data)
    np.testing.assert_allclose(values[has_data], ((nir - red) / (nir + red))[has_data], rtol=0, atol=1e-6)
    assert 0.02 < np.nanmedian(values) < 0.2  # sand and rock
