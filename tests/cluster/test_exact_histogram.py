"""Histograms and labels of 8- and 16-bit integers, against NumPy, in every layout."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from mlbmi.cluster import _histogram
from mlbmi.cluster._histogram import look_up
from mlbmi.cluster.exact import histogram, label, solve
from mlbmi.errors import InputError

TYPES = ["int16", "uint16", "int8", "uint8"]


def integers(dtype: str, shape, seed: int = 0) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(dtype)


def layouts(values: np.ndarray) -> dict[str, np.ndarray]:
    t, y, x = values.shape
    wide = np.zeros((t, y, 2 * x), values.dtype)
    wide[:, :, ::2] = values
    locked = values.copy()
    locked.flags.writeable = False
    return {
        "as it is": values,
        "Fortran": np.asfortranarray(values),
        "turned": values.copy().transpose(2, 0, 1),
        "every other column": wide[:, :, ::2],
        "backwards": values[:, ::-1],
        "read-only": locked,
        "other byte order": values.astype(values.dtype.newbyteorder()),
        "list of one": values[None],
    }


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", layouts(np.zeros((1, 1, 1), np.int16)))
def test_counts_equal_numpys_in_every_type_and_layout(dtype, layout, monkeypatch):
    monkeypatch.setattr(_histogram, "_CHUNK", 100)
    values = layouts(integers(dtype, (3, 20, 30)))[layout]
    levels, counts = histogram(values)
    limits = np.iinfo(dtype)
    assert levels.tolist() == list(range(limits.min, limits.max + 1))
    found, times = np.unique(values, return_counts=True)
    assert counts.dtype == np.int64
    assert levels[counts > 0].tolist() == found.tolist()
    assert counts[counts > 0].tolist() == times.tolist()


@pytest.mark.parametrize("layout", layouts(np.zeros((1, 1, 1), np.int16)))
def test_weights_add_up_in_every_layout(layout, monkeypatch):
    monkeypatch.setattr(_histogram, "_CHUNK", 100)
    plain = integers("int8", (3, 20, 30))
    weights = np.random.default_rng(1).integers(0, 9, plain.shape) / 4
    values, layouted = layouts(plain)[layout], layouts(weights)[layout]
    levels, counts = histogram(values, weights=layouted)
    expected = [weights[plain == level].sum() for level in levels]
    assert counts.tolist() == expected


def test_nodata_is_left_out_and_pools_add():
    first, second = integers("int16", (50, 60), 1), integers("int16", (7, 11), 2)
    first[:10] = -32768
    levels, counts = histogram(first, nodata=-32768)
    assert counts[levels == -32768] == [0]
    assert counts.sum() == (first != -32768).sum()
    pooled = counts + histogram(second, nodata=-32768)[1]
    both = np.concatenate([first.ravel(), second.ravel()])
    assert pooled.tolist() == histogram(both, nodata=-32768)[1].tolist()


def test_an_empty_array_has_no_counts():
    assert histogram(np.empty((0, 5), np.int16))[1].sum() == 0
    assert label(np.empty((0, 5), np.int16), np.array([1.0])).shape == (0, 5)


def test_sums_of_weights_do_not_depend_on_the_threads(monkeypatch):
    monkeypatch.setattr(_histogram, "_CHUNK", 1000)
    values = integers("uint8", 20_000)
    weights = np.random.default_rng(1).exponential(size=20_000)
    before = numba.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(histogram(values, weights=weights)[1].tobytes())
    finally:
        numba.set_num_threads(before)
    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", layouts(np.zeros((1, 1, 1), np.int16)))
def test_labels_are_those_of_the_nearest_center(dtype, layout, monkeypatch):
    monkeypatch.setattr(_histogram, "_CHUNK", 100)
    plain = integers(dtype, (3, 20, 30))
    plain[0, :3] = 7
    limits = np.iinfo(dtype)
    centers = np.linspace(limits.min, limits.max, 9)[1:-1]
    values = layouts(plain)[layout]
    before = values.copy()
    labels = label(values, centers, nodata=7)
    assert labels.dtype == np.uint8
    assert labels.shape == values.shape
    nearest = np.abs(values[..., None].astype(float) - centers).argmin(axis=-1)
    assert np.array_equal(labels, np.where(values == 7, 255, nearest))
    assert np.array_equal(values, before)


def test_labels_go_where_they_are_told_even_into_a_view():
    values = integers("int16", (40, 30))
    frame = np.full((80, 60), 99, np.int32)
    view = frame[::2, ::2]
    assert label(values, np.array([-5.0, 5.0]), out=view, nodata_label=-1) is view
    assert np.array_equal(view, (values > 0).astype(np.int32))
    assert (frame[1::2] == 99).all()


def test_halfway_between_two_centers_is_the_lower_cluster():
    assert label(np.array([4, 5, 6], np.int16), np.array([0.0, 10.0])).tolist() == [0, 0, 1]
    assert label(np.array([4.0, 5.0, 6.0]), np.array([0.0, 10.0])).tolist() == [0, 0, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_labelled_by_the_exact_midpoint_and_nan_is_missing(dtype):
    # 0.1 and 0.2 as float32 lie beside their float64 midpoints: every neighbour of the midpoint must fall on its own side.
    centers = np.array([0.1, 0.2, 0.7])
    near = np.concatenate([_around(np.array(m, dtype)) for m in (0.15, 0.45)]).astype(dtype)
    values = np.concatenate([near, [np.nan, -1e30, 1e30]]).astype(dtype)
    expected = (values[:, None].astype(np.float64) > (centers[:-1] + centers[1:]) / 2).sum(axis=1)
    labels = label(values, centers)
    assert labels.tolist() == np.where(np.isnan(values), 255, expected).tolist()


def _around(value):
    line = [value]
    for _ in range(5):
        line = [np.nextafter(line[0], value.dtype.type(-9)), *line, np.nextafter(line[-1], value.dtype.type(9))]
    return line


def test_pooled_levels_give_the_clusters_of_all_values():
    tiles = [integers("int8", 500, seed) for seed in range(3)]
    levels, counts = histogram(tiles[0])
    for tile in tiles[1:]:
        counts = counts + histogram(tile)[1]
    whole = np.concatenate(tiles)
    expected = solve(whole.astype(float), np.ones(whole.size), 6)
    for one, other in zip(solve(levels, counts, 6), expected, strict=True):
        assert one.centers.tolist() == other.centers.tolist()
        assert one.weights.sum() == whole.size


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: histogram(np.zeros(3)), "float64; levels are counted for int16"),
        (lambda: histogram(np.zeros(3, np.int32)), "int32"),
        (lambda: histogram(np.zeros(3, np.uint8), nodata=-1), "nodata is -1; for uint8"),
        (lambda: histogram(np.zeros(3, np.uint8), nodata=0.5), "nodata is 0.5"),
        (lambda: histogram(np.zeros(3, np.uint8), weights=np.ones(4)), "shapes"),
        (lambda: histogram(np.zeros(3, np.uint8), weights=np.array([1.0, -2.0, 0.0])), "between -2 and 1"),
        (lambda: label(np.zeros(3, np.int32), np.array([1.0])), "int32"),
        (lambda: label(np.zeros(3), np.array([1.0]), nodata=0), "nodata is 0"),
        (lambda: label(np.zeros(3), np.array([2.0, 1.0])), "ascending"),
        (lambda: label(np.zeros(3), np.array([])), "ascending"),
        (lambda: label(np.zeros(3), np.array([np.nan])), "finite"),
        (lambda: label(np.zeros(3), np.arange(256.0)), "256 clusters and the label 255"),
        (lambda: label(np.zeros(3), np.arange(3.0), nodata_label=2), "3 clusters and the label 2"),
        (lambda: label(np.zeros(3), np.arange(3.0), nodata_label=-1), "do not fit into uint8"),
        (lambda: label(np.zeros(3), np.arange(3.0), out=np.zeros(4, np.uint8)), "shapes"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_255_clusters_fit_into_a_byte():
    labels = label(np.arange(255, dtype=np.uint8), np.arange(255.0))
    assert labels.tolist() == list(range(255))


def test_look_up_writes_other_types_too():
    out = np.empty(3, np.float32)
    look_up(np.array([-1, 0, 127], np.int8), np.arange(256, dtype=np.float32), out)
    assert out.tolist() == [127, 128, 255]
