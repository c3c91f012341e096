"""Constants of Sentinel-2 against ESA's tables, retyped here by hand."""

from __future__ import annotations

import pytest

from mlbmi.sentinel2 import (
    BANDS,
    BASELINE_WITH_OFFSET,
    BOA_ADD_OFFSET,
    DN_NODATA,
    QUANTIFICATION,
    SCL,
    SCL_KEEP,
    TILE_SIZE_M,
    baseline_number,
    is_tile,
    tile_epsg,
)


def test_the_thirteen_bands_less_cirrus():
    assert [(band.esa, band.gsd_m) for band in BANDS.values()] == [
        ("B01", 60),
        ("B02", 10),
        ("B03", 10),
        ("B04", 10),
        ("B05", 20),
        ("B06", 20),
        ("B07", 20),
        ("B08", 10),
        ("B8A", 20),
        ("B09", 60),
        ("B11", 20),
        ("B12", 20),
    ]
    assert all(name == band.name for name, band in BANDS.items())


def test_bands_rise_in_wavelength():
    centres = [band.centre_nm for band in BANDS.values()]
    assert centres == sorted(centres)
    assert [BANDS[name].centre_nm for name in ("red", "nir", "swir16")] == [665, 842, 1610]


def test_reflectance_is_quantified_as_esa_says():
    assert (QUANTIFICATION, BOA_ADD_OFFSET, BASELINE_WITH_OFFSET, DN_NODATA) == (10_000, -1000, (4, 0), 0)


def test_a_tile_is_109_8_km():
    assert TILE_SIZE_M == 10_980 * 10


def test_scene_classes_and_those_kept():
    assert [int(value) for value in SCL] == list(range(12))
    assert (SCL(3), SCL(9), SCL(10), SCL(11)) == (SCL.CLOUD_SHADOW, SCL.CLOUD_HIGH_PROBABILITY, SCL.THIN_CIRRUS, SCL.SNOW_ICE)
    assert [int(value) for value in SCL_KEEP] == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("tile", "epsg"),
    [("33UUU", 32633), ("32UQD", 32632), ("29RKH", 32629), ("36MYB", 32736), ("01CCV", 32701), ("60NXX", None), ("5VML", 32605)],
)
def test_tiles_lie_in_their_zone(tile, epsg):
    if epsg is None:
        assert not is_tile(tile)  # rows of squares end at V
    else:
        assert is_tile(tile)
        assert tile_epsg(tile) == epsg


@pytest.mark.parametrize(
    "text",
    ["", "33UU", "33UUUU", "00UUU", "61UUU", "33IUU", "33OUU", "33AUU", "33YUU", "33UIU", "33UUO", "33uuu", " 33UUU", "33UUU\n"],
)
def test_what_is_no_tile(text):
    assert not is_tile(text)
    with pytest.raises(ValueError, match="is not the name of an MGRS tile"):
        tile_epsg(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("05.09", (5, 9)),
        ("N0509", (5, 9)),
        ("04.00", (4, 0)),
        (" 02.14 ", (2, 14)),
        ("0510", (5, 10)),
        ("5.9", None),
        ("", None),
        ("05.09.1", None),
    ],
)
def test_baselines_become_numbers(text, number):
    assert baseline_number(text) == number


def test_baselines_compare_as_numbers():
    assert baseline_number("03.01") < BASELINE_WITH_OFFSET <= baseline_number("04.00") < baseline_number("05.10")
