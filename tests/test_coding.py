"""int16 steps: half a step at most, never a wrap."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlbmi.coding import decode, encode
from mlbmi.errors import CubeError


def test_by_hand():
    codes = encode(np.array([0.0, 0.5, -1.0, 1.0, 0.00006, -0.00004, np.nan, 3.2767, -3.2767]))
    assert codes.dtype == np.int16
    assert codes.tolist() == [0, 5000, -10_000, 10_000, 1, 0, -32768, 32767, -32767]


def test_ties_go_to_the_even_step():
    # In steps of 1/8 the ties are exact.
    assert encode(np.array([0.0625, 0.1875, 0.3125, -0.0625]), scale=0.125).tolist() == [0, 2, 2, 0]


@pytest.mark.parametrize("scale", [1e-4, 1e-3])
@settings(deadline=None)
@given(data=st.data())
def test_there_and_back_is_within_half_a_step(scale, data):
    limit = 3.25 if scale == 1e-4 else 32.5
    values = data.draw(arrays(np.float32, 50, elements=st.floats(-limit, limit, width=32) | st.just(np.nan)))
    codes = encode(values, scale=scale)
    back = codes * scale
    missing = np.isnan(values)
    np.testing.assert_array_equal(codes == -32768, missing)
    assert (np.abs(back - values.astype(np.float64))[~missing] <= scale / 2 * (1 + 1e-9)).all()
    assert np.isnan(decode(codes, scale)[missing]).all()


@pytest.mark.parametrize("scale", [1e-4, 1e-3])
def test_every_code_there_and_back(scale):
    codes = np.arange(-32768, 32768).astype(np.int16)
    values = decode(codes, scale)
    assert values.dtype == np.float32
    assert np.isnan(values[0])
    np.testing.assert_array_equal(values[1:], (codes[1:] * scale).astype(np.float32))
    np.testing.assert_array_equal(encode(values, scale=scale), codes)


@pytest.mark.parametrize("value", [3.27675001, -3.2768, 4.0, 6.5536, np.inf, -np.inf])
def test_what_would_wrap_is_refused(value):
    with pytest.raises(CubeError, match=r"1 values, the first .* cannot be stored as int16"):
        encode(np.array([0.5, value]))


def test_what_is_too_large_for_one_scale_fits_another():
    assert encode(np.array([12.3456]), scale=1e-3).tolist() == [12_346]


@pytest.mark.parametrize("lazy", [False, True])
def test_a_stored_array_is_decoded_by_its_own_scale(lazy):
    attrs = {"scale_factor": 1e-3, "_FillValue": -32768, "long_name": "Green Chlorophyll Index"}
    codes = xr.DataArray(np.array([[5000, -32768]], dtype=np.int16), dims=("y", "x"), coords={"x": [5, 15]}, attrs=attrs)
    values = decode(codes.chunk() if lazy else codes)
    assert (values.chunks is not None) is lazy
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values.values, np.float32([[5, np.nan]]))
    assert values.attrs == {"long_name": "Green Chlorophyll Index"}
    assert list(values["x"]) == [5, 15]
    assert codes.attrs == attrs


def test_the_shared_table_cannot_be_spoilt():
    decode(np.array([1], dtype=np.int16))[0] = 7
    assert decode(np.array([1], dtype=np.int16))[0] == np.float32(1e-4)
