"""Reach: 99 of 100 members lie within it, by plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.cluster import cluster_bands, cluster_images, cluster_located, cluster_timeseries
from mlbmi.cluster.reach import distances_to_own, level_reach, members_sample, reach
from mlbmi.cluster.scaling import scale


def test_distances_are_root_mean_squares_over_what_is_observed():
    rows = np.array([[1.0, 2.0, 3.0], [np.nan, 4.0, 0.0], [np.nan, np.nan, np.nan]])
    centers = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    found = distances_to_own(rows, np.array([0, 1, 1]), centers)
    np.testing.assert_allclose(found, [np.sqrt(5 / 3), np.sqrt(16 / 2), np.nan])


def test_a_feature_without_center_is_left_out():
    found = distances_to_own(np.array([[1.0, np.nan]]), np.array([0]), np.array([[3.0, np.nan]]))
    assert found.tolist() == [2.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300), st.integers(0, 2)), min_size=1, max_size=30))
def test_reach_of_levels_is_that_of_the_pixels_on_them(levels):
    distances, weights, labels = (np.array(column) for column in zip(*levels, strict=True))
    found = level_reach(distances.astype(float), labels, weights, 3)
    pixels, marks = np.repeat(distances.astype(float), weights), np.repeat(labels, weights)
    np.testing.assert_allclose(found, reach(pixels, marks, 3), rtol=1e-12)


def test_a_sample_is_spread_over_each_cluster():
    labels = np.random.default_rng(0).choice([0, 0, 0, 0, 1, 255], 50_000).astype(np.uint8)
    labels[777] = 2
    counts = np.bincount(labels, minlength=3)[:3]
    chosen = members_sample(labels.reshape(100, 500), counts, size=1000)
    own = labels[chosen]
    assert 990 <= chosen.size <= 1000
    assert (np.diff(chosen) > 0).all()
    assert (own == 2).sum() == 1
    assert (own == 0).sum() == pytest.approx(1000 * counts[0] / counts.sum(), abs=3)
    gaps = np.diff(np.flatnonzero(np.isin(np.flatnonzero(labels == 0), chosen)))
    assert gaps.max() - gaps.min() <= 1


def test_few_are_all_taken_and_none_is_none():
    labels = np.array([255, 1, 0, 1, 255])
    assert members_sample(labels, np.array([1, 2])).tolist() == [1, 2, 3]
    assert members_sample(np.full(5, 255, np.uint8), np.zeros(2, np.int64)).size == 0


@pytest.fixture
def cube(plain):
    """Return an int16 cube (3, 40, 50) with gaps."""
    values = plain.with_gaps(plain.mixture(seed=5, pixels=2000, dates=3, clusters=3, sd=0.1)[0], 0.2)
    numbers = np.where(np.isnan(values), -32768, np.rint(values * 1e4)).astype(np.int16)
    return xr.DataArray(
        numbers.T.reshape(3, 40, 50),
        dims=("time", "y", "x"),
        coords={"y": np.arange(40.0), "x": np.arange(50.0)},
        name="ndvi",
        attrs={"scale_factor": 1e-4},
    )


def _values(cube: xr.DataArray) -> np.ndarray:
    return np.where(cube.values == -32768, np.nan, cube.values * 1e-4)


@pytest.mark.parametrize("scaling", ["none", "robust", "profile"])
@pytest.mark.parametrize("weight", [None, 0.0, 0.8])
def test_the_reach_of_a_map_holds_99_of_100_members(cube, scaling, weight):
    """Nothing but the fields of the result is used: what applies a model has no more than that."""
    rows = _values(cube).reshape(3, -1).T
    if weight is None:
        result = cluster_timeseries(cube, 3, scaling=scaling)
        scaled = scale(rows, result.scaling)
    else:
        result = cluster_located(cube, 3, scaling=scaling, weight=weight)
        y, x = np.divmod(np.arange(2000.0), 50)
        scaled = scale(np.column_stack([rows, x, y]), result.scaling, places=2)
    centers = result.centers
    if result.scaling.shift.size:
        centers = (centers - result.scaling.shift) / result.scaling.scale
    labels = result.labels.values.reshape(-1)
    for j in range(3):
        own = np.sqrt(np.nanmean((scaled[labels == j] - centers[j]) ** 2, axis=1))
        assert result.reach[j] == pytest.approx(np.percentile(own, 99), rel=1e-4)
        assert (own <= result.reach[j]).mean() == pytest.approx(0.99, abs=0.01)


@pytest.mark.parametrize("scaling", ["none", "standard"])
@pytest.mark.parametrize("pooled", [True, False])
def test_the_reach_of_images_is_exact_and_the_same_for_floats(cube, scaling, pooled):
    values = _values(cube)
    result = cluster_images(cube, 3, scaling=scaling, pooled=pooled)
    floats = cluster_images(cube.copy(data=values).drop_attrs(), 3, scaling=scaling, pooled=pooled)
    unit = np.ones(1) if scaling == "none" else result.scaling.scale
    for j in range(3):
        own = np.abs(values - result.centers[j][:, None, None]) / unit[:, None, None]
        assert result.reach[j] == pytest.approx(np.percentile(own[result.labels.values == j], 99), rel=1e-9)
    np.testing.assert_allclose(floats.reach, result.reach, rtol=1e-9)


def test_the_reach_of_bands(cube):
    bands = xr.Dataset({name: (("y", "x"), image) for name, image in zip("abc", _values(cube), strict=True)})
    result = cluster_bands(bands, 3)
    rows, labels = _values(cube).reshape(3, -1).T, result.labels.values.reshape(-1)
    for j in range(3):
        own = np.sqrt(((rows[labels == j] - result.centers[j]) ** 2).mean(axis=1))
        assert result.reach[j] == pytest.approx(np.percentile(own, 99), rel=1e-9)
