"""The offset decision, row by row of what each publisher says, expected by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from mlbmi.errors import InputError, ReadError
from mlbmi.read import decide_offset, to_reflectance
from mlbmi.types import Asset, OffsetDecision


def asset(key="red", offset=None, scale=None):
    return Asset(band="red", key=key, href="/data/B04.tif", offset=offset, scale=scale)


# dialect, key, baseline, flag, raster offset → DN to add, source, part of the contradiction
CASES = {
    "v1, applied, as 33TWL": ("earth-search-v1", "red", "05.09", True, -0.1, 0, "boa_offset_applied", "states the offset -0.1"),
    "v1, applied, offset 0": ("earth-search-v1", "red", "05.09", True, 0.0, 0, "boa_offset_applied", ""),
    "v1, not applied": ("earth-search-v1", "red", "04.00", False, -0.1, -1000, "boa_offset_applied", ""),
    "v1, not applied, offset 0": (
        "earth-search-v1",
        "red",
        "04.00",
        False,
        0.0,
        -1000,
        "boa_offset_applied",
        "states the offset 0",
    ),
    "v1, old baseline, as 29RKH": ("earth-search-v1", "red", "02.14", False, 0.0, 0, "baseline", ""),
    "v1, old baseline, no flag": ("earth-search-v1", "red", "03.01", None, None, 0, "baseline", ""),
    "v1, new baseline, no flag": ("earth-search-v1", "red", "05.10", None, -0.1, -1000, "baseline", ""),
    "v1, baseline unreadable": ("earth-search-v1", "red", "newest", None, -0.1, -1000, "raster:offset", ""),
    "v1 jp2 is raw although flagged": ("earth-search-v1", "red-jp2", "05.09", True, -0.1, -1000, "baseline", ""),
    "v1 jp2, old baseline": ("earth-search-v1", "red-jp2", "02.09", True, 0.0, 0, "baseline", ""),
    "v0, applied": ("earth-search-v0", "B04", "04.00", True, None, 0, "boa_offset_applied", ""),
    "v0, not applied": ("earth-search-v0", "B04", "04.00", False, None, -1000, "boa_offset_applied", ""),
    "c1": ("earth-search-c1", "red", "05.00", None, -0.1, -1000, "baseline", ""),
    "c1, offset missing": ("earth-search-c1", "red", "05.00", None, 0.0, -1000, "baseline", "states the offset 0"),
    "planetary computer, old": ("planetary-computer", "B04", "02.12", None, None, 0, "baseline", ""),
    "planetary computer, new": ("planetary-computer", "B04", "05.10", None, None, -1000, "baseline", ""),
    "cdse": ("cdse", "B04_10m", "05.00", None, -0.1, -1000, "raster:offset", ""),
    "cdse, old": ("cdse", "B04_10m", "02.14", None, 0.0, 0, "raster:offset", ""),
    "cdse, at odds": ("cdse", "B04_10m", "05.00", None, 0.0, 0, "raster:offset", "baseline 05.00 has the offset -1000"),
    "cdse, offset nonsense": ("cdse", "B04_10m", "05.00", None, -0.3, -1000, "baseline", "which is no offset"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_publisher_s_metadata_decide(make_scene, case):
    dialect, key, baseline, flag, offset, add, source, contradiction = case
    scene = make_scene(dialect=dialect, baseline=baseline, offset_applied=flag, red=asset(key, offset, 1e-4))
    decision = decide_offset(scene, "red")
    assert (decision.add, decision.source) == (add, source)
    assert decision.reason
    assert contradiction in decision.contradiction
    assert bool(decision.contradiction) == bool(contradiction)


@pytest.mark.parametrize("day", [dt.date(2016, 1, 1), dt.date(2021, 6, 1), dt.date(2024, 6, 1)])
@pytest.mark.parametrize(("baseline", "add"), [("03.01", 0), ("04.00", -1000), ("05.00", -1000)])
def test_the_baseline_decides_never_the_date(make_scene, day, baseline, add):
    scene = make_scene(dialect="planetary-computer", baseline=baseline, day=day, red=asset("B04"))
    assert decide_offset(scene, "red").add == add


@pytest.mark.parametrize(("scale", "add"), [(1e-4, -1000), (None, -1000)])
def test_the_stated_offset_is_reflectance_in_units_of_the_scale(make_scene, scale, add):
    scene = make_scene(dialect="cdse", baseline=None, red=asset("B04_10m", -0.1, scale))
    assert decide_offset(scene, "red").add == add


@pytest.mark.parametrize(
    ("day", "warned"), [(dt.date(2021, 10, 5), False), (dt.date(2022, 1, 24), False), (dt.date(2022, 1, 25), True)]
)
def test_where_nothing_is_said_none_is_taken_and_a_late_date_speaks_against_it(make_scene, day, warned):
    scene = make_scene(dialect="earth-search-v0", baseline=None, day=day, red=asset("B04"))
    decision = decide_offset(scene, "red")
    assert (decision.add, decision.source) == (0, "default")
    assert ("when files held an offset" in decision.contradiction) is warned


def test_an_unknown_dialect_is_decided_by_flag_then_baseline(make_scene):
    assert decide_offset(make_scene(dialect="mine", offset_applied=True, red=asset()), "red").add == 0
    assert decide_offset(make_scene(dialect="mine", red=asset()), "red").add == -1000


def test_scene_classes_have_no_offset(make_scene):
    with pytest.raises(InputError, match="'scl' is not a reflectance band"):
        decide_offset(make_scene(scl="/data/SCL.tif"), "scl")


def test_a_band_that_the_scene_lacks(make_scene):
    with pytest.raises(ReadError, match="has no band 'nir'; it has red"):
        decide_offset(make_scene(red=asset()), "nir")


# DN → reflectance

RAW = OffsetDecision(add=-1000, source="baseline", reason="")
SHIFTED = OffsetDecision(add=0, source="baseline", reason="")


def test_all_65_536_numbers_become_reflectance():
    dn = np.arange(65_536, dtype=np.uint16)
    for decision in (RAW, SHIFTED):
        expected = (dn.astype(np.float64) + decision.add) / 10_000
        expected[0] = np.nan
        result = to_reflectance(dn, decision)
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, expected.astype(np.float32))


def test_dark_raw_pixels_are_negative_and_do_not_wrap():
    assert to_reflectance(np.array([1, 999], dtype=np.uint16), RAW) == pytest.approx([-0.0999, -0.0001], abs=1e-7)


def test_xarray_keeps_its_coordinates_and_stays_lazy():
    dn = xr.DataArray(np.array([[0, 1500]], dtype=np.uint16), dims=("y", "x"), coords={"x": [5, 15]}).chunk()
    result = to_reflectance(dn, RAW)
    assert result.chunks is not None
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.values, [[np.nan, 0.05]], atol=1e-8)
    assert list(result["x"]) == [5, 15]
