"""Each formula by hand, its limits, and the promise that nothing undefined becomes a number."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlbmi.errors import ConfigError, InputError
from mlbmi.indices import INDICES, compute, get_index, out_of_bounds
from mlbmi.sentinel2 import BANDS
from mlbmi.types import INDEX_SCALE

LEAF = {"blue": 0.03, "green": 0.06, "red": 0.04, "rededge1": 0.1, "rededge3": 0.35, "nir": 0.4, "swir16": 0.2}
"""Reflectances of a green leaf canopy, made up."""

BY_HAND = {
    "ndvi": 0.36 / 0.44,
    "evi": 2.5 * 0.36 / (0.4 + 0.24 - 0.225 + 1),
    "evi2": 2.5 * 0.36 / (0.4 + 0.096 + 1),
    "savi": 1.5 * 0.36 / 0.94,
    "osavi": 0.36 / 0.6,
    "msavi": (1.8 - math.sqrt(3.24 - 2.88)) / 2,
    "gndvi": 0.34 / 0.46,
    "ndwi": -0.34 / 0.46,
    "ndmi": 0.2 / 0.6,
    "ndre": 0.3 / 0.5,
    "gci": 0.4 / 0.06 - 1,
    "rci": 2.5,
    "wdrvi": 0.0,  # 0.1 × 0.4 = 0.04
    "kndvi": math.tanh((0.36 / 0.44) ** 2),
}


def leaf(dtype="float32"):
    return {band: np.array([value], dtype=dtype) for band, value in LEAF.items()}


def test_every_index_has_a_value_by_hand():
    assert set(BY_HAND) == set(INDICES)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_leaf_by_hand(name):
    result = compute(name, leaf())
    assert result.dtype == np.float32
    assert result[0] == pytest.approx(BY_HAND[name], abs=1e-6)


def test_msavi_is_the_published_formula():
    nir, red = np.meshgrid(np.linspace(0.01, 1, 40), np.linspace(0.0, 1, 40))
    published = (2 * nir + 1 - np.sqrt((2 * nir + 1) ** 2 - 8 * (nir - red))) / 2
    np.testing.assert_allclose(get_index("msavi").formula(nir, red), published, rtol=0, atol=1e-7)


def test_wdrvi_weighs_nir_alone():
    # Weighing red too, or the numerator only, gives other numbers: (0.03 - 0.04) / (0.03 + 0.04).
    assert compute("wdrvi", {"nir": np.float32([0.3]), "red": np.float32([0.04])})[0] == pytest.approx(-1 / 7, abs=1e-6)


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_the_catalogue_keeps_its_promises(index):
    assert index.name == index.name.lower()
    assert set(index.bands) <= set(BANDS)
    low, high = index.bounds
    assert low < high
    assert max(-low, high) / index.scale <= 32767
    assert index.scale == (1e-3 if index.name in {"gci", "rci"} else INDEX_SCALE)
    assert index.long_name
    assert index.spyndex
    assert any(character.isdigit() for character in index.reference)


@pytest.mark.parametrize("index", [i for i in INDICES.values() if i.name not in {"evi", "gci", "rci"}], ids=lambda i: i.name)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_reflectances_from_0_to_1_stay_in_bounds(index, data):
    unit = arrays(np.float32, 20, elements=st.floats(0, 1, width=32))
    values = compute(index, {band: data.draw(unit) for band in index.bands})
    assert not out_of_bounds(index, values).any()


@pytest.mark.parametrize("name", INDICES)
def test_a_missing_input_is_missing(name):
    for band in get_index(name).bands:
        assert np.isnan(compute(name, leaf() | {band: np.float32([np.nan])})[0])


ZERO_DENOMINATORS = {
    "ndvi": {"nir": 0, "red": 0},
    "gndvi": {"nir": 0, "green": 0},
    "ndwi": {"nir": 0, "green": 0},
    "ndmi": {"nir": 0.1, "swir16": -0.1},
    "ndre": {"nir": 0, "rededge1": 0},
    "gci": {"nir": 0.3, "green": 0},
    "rci": {"rededge3": 0.3, "rededge1": 0},
    "wdrvi": {"nir": 0, "red": 0},
    "kndvi": {"nir": 0.25, "red": -0.25},
    "savi": {"nir": -0.25, "red": -0.25},
    "evi": {"nir": 0.5, "red": 0, "blue": 0.2},
    "msavi": {"nir": 0.5, "red": -0.1},  # the root of -0.8
}


@pytest.mark.parametrize("name", ZERO_DENOMINATORS)
def test_undefined_is_missing_never_0_and_warns_nobody(name):
    reflectance = {band: np.array([value], dtype=np.float32) for band, value in ZERO_DENOMINATORS[name].items()}
    assert np.isnan(compute(name, reflectance)[0])


def test_zero_is_a_legal_value():
    assert compute("ndvi", {"nir": np.float32([0.2]), "red": np.float32([0.2])})[0] == 0


def test_bounds_are_legal_and_beyond_them_is_said():
    values = np.array([-1.0001, -1, 0, 1, 1.0001, np.nan, np.inf])
    assert out_of_bounds("ndvi", values).tolist() == [True, False, False, False, True, False, True]


def test_a_negative_reflectance_takes_ndvi_out_of_bounds():
    values = compute("ndvi", {"nir": np.float32([0.3]), "red": np.float32([-0.01])})
    assert out_of_bounds("ndvi", values)[0]


def as_xarray(values):
    return xr.DataArray(values, dims=("y", "x"), coords={"x": [5.0, 15.0]})


@pytest.mark.parametrize("name", INDICES)
def test_numpy_xarray_and_dask_agree(name):
    rng = np.random.default_rng(0)
    numpy = {band: rng.random((3, 2)).astype("float32") for band in LEAF}
    for values in numpy.values():
        values[0, 0] = 0
    expected = compute(name, numpy)
    bare = compute(name, {band: da.from_array(values, chunks=(2, 1)) for band, values in numpy.items()})
    plain = compute(name, {band: as_xarray(values) for band, values in numpy.items()})
    lazy = compute(name, {band: as_xarray(values).chunk({"y": 2}) for band, values in numpy.items()})
    assert isinstance(bare, da.Array)
    assert lazy.chunks is not None
    assert isinstance(out_of_bounds(name, bare), da.Array)
    assert list(plain["x"]) == [5, 15]
    for other in (bare, plain.values, lazy):
        assert other.dtype == np.float32
        np.testing.assert_array_equal(np.asarray(other), expected)
    np.testing.assert_array_equal(np.asarray(out_of_bounds(name, lazy)), out_of_bounds(name, expected))


@pytest.mark.parametrize("name", INDICES)
def test_float32_costs_no_step_of_the_stored_scale(name):
    index = get_index(name)
    rng = np.random.default_rng(3)
    reflectance = {band: (rng.integers(1, 8000, 50_000) / 10_000).astype("float32") for band in index.bands}
    reflectance["nir"] = np.concatenate(
        [reflectance.get("nir", np.empty(0, "float32"))[:40_000], np.linspace(0.49, 0.51, 10_000, dtype="float32")]
    )
    for band in set(index.bands) & {"red", "blue"}:
        reflectance[band] = reflectance[band] / 8  # what lies over land: EVI's denominator is well above 0
        reflectance[band][40_000:45_000] = 0
    exact = index.formula(*(reflectance[band].astype("float64") for band in index.bands))
    error = np.abs(compute(name, reflectance) - exact) / np.maximum(1, np.abs(exact))
    assert error.max() < index.scale / 50


def test_float32_is_as_good_as_float64_for_every_pair_of_dns():
    dn = np.arange(1, 16_000, 37)
    nir, red = np.meshgrid(dn, dn[::7])
    result = compute("ndvi", {"nir": (nir / 10_000).astype("float32"), "red": (red / 10_000).astype("float32")})
    np.testing.assert_allclose(result, (nir - red) / (nir + red), rtol=0, atol=1e-6)


def test_bands_that_are_not_needed_are_ignored_and_needed_ones_are_asked_for():
    with pytest.raises(InputError, match="'evi' needs nir, red, blue; not given: blue"):
        compute("evi", {"nir": np.float32([0.4]), "red": np.float32([0.1]), "green": np.float32([0.1])})


def test_names_in_any_case_and_near_misses():
    assert get_index("kNDVI") is INDICES["kndvi"]
    with pytest.raises(ConfigError, match=r"no index 'nvdi'; there are ndvi, evi, .* Did you mean .*ndvi.*\?"):
        get_index("nvdi")
    with pytest.raises(ConfigError, match="Take one of these"):
        get_index("temperature")


def test_a_band_is_a_layer_of_its_own():
    layer = get_index("NIR")
    assert (layer.name, layer.bands) == ("nir", ("nir",))
    assert compute("nir", leaf())[0] == np.float32(0.4)
    assert out_of_bounds("red", np.array([-0.2, -0.05, 1.9, 2.1, np.nan])).tolist() == [True, False, False, True, False]
    assert all(get_index(band).scale == INDEX_SCALE for band in BANDS)


@pytest.mark.parametrize(("name", "alpha"), [("wdrvi-0p2", 0.2), ("WDRVI-0p125", 0.125), ("wdrvi-1", 1.0)])
def test_wdrvi_with_another_weight(name, alpha):
    nir, red = np.float32([0.4, 0.05]), np.float32([0.05, 0.1])
    index = get_index(name)
    np.testing.assert_allclose(compute(index, {"nir": nir, "red": red}), (alpha * nir - red) / (alpha * nir + red), rtol=1e-5)
    assert (index.name, f"alpha = {alpha:g}" in index.long_name) == (name.lower(), True)
    assert get_index(index.name).long_name == index.long_name


@pytest.mark.parametrize("name", ["wdrvi-0p0", "wdrvi-2", "wdrvi-0.2", "wdrvi-", "ndvi-0p2"])
def test_no_other_weight(name):
    with pytest.raises(ConfigError, match="there is no index"):
        get_index(name)
