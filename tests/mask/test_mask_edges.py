"""Numbers that were not measured: each pixel under its first cause, the same ones in chunks and whole."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.mask import DN_CAUSES, RINGING_PX, dn_edges

# red, nir, scl → cause, by hand
CASES = {
    "all missing": (0, 0, 0, "nodata"),
    "a band without data": (0, 300, 4, "nodata_disagrees"),
    "classes without data": (700, 300, 0, "nodata_disagrees"),
    "no data in the bands, but a class": (0, 0, 6, "nodata_disagrees"),
    "-1 to -1000 wrapped": (64_536, 300, 4, "wrapped"),
    "another one": (300, 65_534, 4, "wrapped"),
    "wrapped before saturated": (65_001, 40_000, 4, "wrapped"),
    "ESA's own mark": (65_535, 300, 4, "saturated"),
    "15 bits full": (300, 32_767, 4, "saturated"),
    "brighter than any surface": (300, 64_535, 4, "saturated"),
    "bright cloud": (32_766, 20_000, 9, ""),
    "no class": (700, 300, 12, "scl_unknown"),
    "filled up by the reader": (700, 300, 255, "scl_unknown"),
    "dark water": (3, 1, 6, ""),
    "land": (700, 3000, 4, ""),
}


def dataset(red, nir, scl):
    values = {"red": (red, np.uint16), "nir": (nir, np.uint16), "scl": (scl, np.uint8)}
    return xr.Dataset({name: (("y", "x"), np.array(numbers, dtype=kind)) for name, (numbers, kind) in values.items()})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_pixel_has_its_first_cause(case):
    red, nir, scl, cause = case
    found = dn_edges(dataset([[red]], [[nir]], [[scl]]), ["red", "nir"])
    assert tuple(found) == DN_CAUSES
    assert [name for name, where in found.items() if where.item()] == ([cause] if cause else [])


@pytest.mark.parametrize(("distance", "rings"), [(1, True), (RINGING_PX, True), (RINGING_PX + 1, False)])
def test_low_numbers_ring_near_missing_data_of_their_own_band_only(distance, rings):
    red = np.full((3, 40), 500)
    red[:, 0] = 0
    red[1, distance] = 9
    nir = np.full((3, 40), 2000)
    nir[1, 30] = 9
    found = dn_edges(dataset(red, nir, np.full((3, 40), 4)), ["red", "nir"])["ringing"].values
    assert found[1, distance] == rings
    assert not found[1, 30], "water in nir is far from nir's own missing data"
    assert found.sum() == rings


def test_ten_is_a_number_like_any_other():
    red = np.full((1, 4), 10)
    red[0, 0] = 0
    assert not dn_edges(dataset(red, red, np.full((1, 4), 4)), ["red"])["ringing"].any()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(9, 30))
def test_chunks_leave_no_trace_and_causes_exclude_one_another(seed, chunk):
    rng = np.random.default_rng(seed)
    numbers = np.array([0, 1, 9, 10, 900, 32_767, 64_536, 65_535])
    red, nir = (rng.choice(numbers, (40, 50), p=[0.03, 0.1, 0.1, 0.1, 0.6, 0.03, 0.02, 0.02]) for _ in range(2))
    dn = dataset(red, nir, rng.integers(0, 14, (40, 50)))
    whole = dn_edges(dn, ["red", "nir"])
    lazy = xr.Dataset(dn_edges(dn.chunk({"y": chunk, "x": chunk}), ["red", "nir"]))
    assert all(lazy[cause].chunks is not None for cause in DN_CAUSES)
    computed = lazy.compute(scheduler="synchronous")
    for cause in DN_CAUSES:
        np.testing.assert_array_equal(computed[cause].values, whole[cause].values)
    assert (sum(where.astype(int) for where in whole.values()) <= 1).all()
