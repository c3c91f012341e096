"""The kernels on blocks of pixels, each against the definition in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.cluster._lloyd_blocks import BLOCK, aligned, load_run, split_missing
from mlbmi.cluster._lloyd_nearest import distance, nearest
from mlbmi.cluster._lloyd_sums import accumulate

KINDS = st.sampled_from([np.float32, np.float64])


def _block(seed: int, dates: int, share: float, kind: type) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.normal(0, 1, (dates, BLOCK))
    return np.where(random.random(x.shape) < share, np.nan, x).astype(kind)


def _squares(x: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return Σ over observed dates of (x − c)², shape (clusters, pixels), in float64."""
    return np.nansum((x.astype(np.float64)[None] - centers.astype(np.float64)[:, :, None]) ** 2, axis=1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    dates=st.integers(1, 11),
    clusters=st.integers(1, 7),
    share=st.sampled_from([0.0, 0.4]),
    kind=KINDS,
)
def test_nearest_two_and_labels_are_those_of_a_sort(seed, dates, clusters, share, kind):
    x = _block(seed, dates, share, kind)
    centers = np.random.default_rng(seed + 1).normal(0, 1, (clusters, dates)).astype(kind)
    near, second, label = np.empty(BLOCK, kind), np.empty(BLOCK, kind), np.empty(BLOCK, np.int32)
    nearest(x, share > 0, centers, near, second, label, np.empty((2, BLOCK), kind))
    true = _squares(x, centers)
    ordered = np.sort(np.vstack([true, np.full(BLOCK, np.inf)]), axis=0)
    rough = 1e-5 if kind == np.float32 else 1e-12
    np.testing.assert_allclose(near, ordered[0], rtol=rough, atol=rough)
    np.testing.assert_allclose(second, ordered[1], rtol=rough, atol=rough)
    clear = ordered[1] - ordered[0] > 1e-4
    np.testing.assert_array_equal(label[clear], true.argmin(axis=0)[clear])
    work = np.empty(BLOCK, kind)
    distance(x, share > 0, centers[-1], work)
    np.testing.assert_allclose(work, true[-1], rtol=rough, atol=rough)


@pytest.mark.parametrize("clusters", [2, 3, 4, 5])
@pytest.mark.parametrize("gappy", [False, True])
def test_of_equal_centers_the_lower_number_is_taken(clusters, gappy):
    x = _block(0, 3, 0.3 if gappy else 0.0, np.float32)
    centers = np.ones((clusters, 3), np.float32)
    near, second, label = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.int32)
    nearest(x, gappy, centers, near, second, label, np.empty((2, BLOCK), np.float32))
    assert not label.any()
    np.testing.assert_array_equal(near, second)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    dates=st.integers(1, 11),
    clusters=st.integers(1, 7),
    share=st.sampled_from([0.0, 0.4]),
    kind=KINDS,
)
def test_sums_are_those_of_the_members_observed(seed, dates, clusters, share, kind):
    random = np.random.default_rng(seed)
    x, gappy = _block(seed, dates, share, kind), share > 0
    centers = random.normal(0, 1, (clusters, dates)).astype(kind)
    label = random.integers(0, clusters, BLOCK).astype(np.int32)
    weight = random.choice([-1.0, 0.0, 1.0, 2.5], BLOCK).astype(kind)  # −1: too few observations
    residual, mass, members = np.ones((clusters, dates)), np.ones((clusters, dates)), np.ones(clusters, np.int64)
    accumulate(x, gappy, centers, label, weight, np.empty((2, BLOCK), kind), residual, mass, members)
    heavy = np.maximum(weight, 0).astype(np.float64)
    for k in range(clusters):
        mine = heavy * (label == k)
        seen = ~np.isnan(x)
        step = np.where(seen, x.astype(np.float64) - centers[k][:, None].astype(np.float64), 0)
        rough = 1e-3 if kind == np.float32 else 1e-9
        np.testing.assert_allclose(residual[k] - 1, (mine * step).sum(axis=1), atol=rough)
        np.testing.assert_allclose(mass[k] - 1, (mine * seen).sum(axis=1), atol=rough)
        assert members[k] - 1 == (mine > 0).sum()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("by_date", [True, False])
def test_loading_finds_what_is_not_finite(bad, by_date):
    table = np.arange(3 * 600, dtype=np.float32).reshape(3, 600)
    offsets, stride = (np.arange(3) * 600, 1) if by_date else (np.arange(3), 3)
    flat = (table if by_date else table.T).reshape(-1).copy()
    x = np.empty((3, BLOCK), np.float32)
    assert not load_run(flat, stride, offsets, 512, 88, np.float32(np.nan), x)
    np.testing.assert_array_equal(x, np.pad(table[:, 512:], ((0, 0), (0, BLOCK - 88))))
    flat[offsets[1] + 550 * stride] = bad
    assert load_run(flat, stride, offsets, 512, 88, np.float32(np.nan), x)
    assert not load_run(flat, stride, offsets, 256, BLOCK, np.float32(np.nan), x)
    assert load_run(flat, stride, offsets, 256, BLOCK, np.float32(600 + 256), x)  # the first value of date 1, as nodata


def test_missing_is_counted_and_becomes_nan():
    x = np.ones((4, BLOCK), np.float32)
    x[0, 3], x[1, 3], x[2, 5], x[3, 7] = np.nan, -9, np.inf, -np.inf
    count = np.empty(BLOCK, np.float32)
    assert split_missing(x, np.float32(-9), count) == 2
    expected = np.full(BLOCK, 4.0)
    expected[3] = 2
    np.testing.assert_array_equal(count, expected)
    assert np.isnan(x[:2, 3]).all()
    assert np.isnan(x).sum() == 2


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
def test_buffers_begin_on_a_cache_line(kind):
    for rows in range(1, 8):
        buffer = aligned(rows, np.empty(0, kind))
        assert buffer.shape == (rows, BLOCK)
        assert buffer.dtype == kind
        assert buffer.ctypes.data % 64 == 0
        assert buffer.flags.c_contiguous
