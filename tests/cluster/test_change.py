"""Change between label maps, against results by hand and a slow reference in plain Python."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import dask.array as da
import numba
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mlbmi.cluster import change as change_module
from mlbmi.cluster import cluster_images, cluster_timeseries
from mlbmi.cluster.change import detect_change, transition_matrix
from mlbmi.errors import InputError
from mlbmi.types import Clustering

_ = 255  # missing


def pooled(stack: np.ndarray, k: int, **coords) -> Clustering:
    """Return label maps, ten days apart, as a clustering of images under one model of k clusters."""
    stack = np.asarray(stack, np.uint8)
    days = np.datetime64("2020-05-30", "ns") + np.arange(len(stack)) * np.timedelta64(10, "D")
    labels = xr.DataArray(stack, dims=("time", "y", "x"), coords={"time": days, **coords}, name="labels")
    counts = np.bincount(stack.ravel(), minlength=256)[:k]
    return Clustering(
        mode="images",
        index="ndvi",
        labels=labels,
        centers=np.linspace(0.1, 0.8, k)[:, None],
        features=("ndvi",),
        counts=counts,
        inertia=0.0,
        n_iter=0,
        converged=True,
        seed=None,
        method="by hand",
        rows=(),
    )


def series(*pixels: list[int]) -> np.ndarray:
    """Return a stack (dates, 1, pixels) from each pixel's labels."""
    return np.array(pixels, np.uint8).T[:, None, :]


def reference(stack: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[tuple[int, int], Counter]]:
    """Say the same from the words of the contract, pixel by pixel, list by list."""
    shape = stack.shape[1:]
    codes, kept, since = np.empty(shape, np.uint16), np.empty(shape, np.float32), np.empty(shape, np.int32)
    for place in np.ndindex(shape):
        seen = [(day, int(label)) for day, label in enumerate(stack[(slice(None), *place)]) if label != 255]
        if len(seen) < 2:
            codes[place], kept[place], since[place] = 65535, np.nan, -2
            continue
        labels = [label for _, label in seen]
        steps = list(pairwise(labels))
        codes[place] = labels[0] * k + labels[-1]
        kept[place] = np.float32(sum(a == b for a, b in steps) / len(steps))
        settled = [(day, label) for (day, label), (_, then) in pairwise(seen) if label == then]
        since[place] = next((day for day, label in settled if label != settled[0][1]), -1)
    n = len(stack)
    pairs = {(a, a + 1) for a in range(n - 1)} | {(0, n - 1)}
    counts = {
        (a, b): Counter(
            (int(i), int(j)) for i, j in zip(stack[a].ravel(), stack[b].ravel(), strict=True) if i != 255 and j != 255
        )
        for a, b in pairs
    }
    return codes, kept, since, counts


def test_by_hand():
    change = detect_change(
        pooled(
            series(
                [0, 0, 0, 0, 0],  # stays
                [0, 2, 2, 2, 2],  # settles only after its first date
                [0, 0, 1, 0, 0],  # deviates once
                [0, 1, 0, 1, 2],  # never settles
                [0, 0, 0, 0, 1],  # only on the last date: it may not last
                [0, 0, _, 1, 1],  # changes, with a gap between
                [1, 1, 2, 2, 1],  # changes, and returns
                [2, _, _, _, 0],  # two dates: never settles
                [_, _, 1, _, _],  # one date
                [_, _, _, _, _],
            ),
            3,
        )
    )
    assert change.change.values.tolist() == [[0, 2, 0, 2, 1, 1, 4, 6, 65535, 65535]]
    np.testing.assert_array_equal(
        change.persistence.values[0], np.array([1, 3 / 4, 1 / 2, 0, 3 / 4, 2 / 3, 1 / 2, 0, np.nan, np.nan], np.float32)
    )
    assert change.first_change.values.tolist() == [[-1, -1, -1, -1, -1, 3, 2, -1, -2, -2]]
    first, last = change.dates[0], change.dates[-1]
    assert transition_matrix(change, first, last).tolist() == [[2, 2, 2], [0, 1, 0], [1, 0, 0]]
    assert transition_matrix(change, change.dates[1], change.dates[2]).tolist() == [[2, 1, 0], [1, 0, 1], [0, 0, 1]]
    assert change.index == "ndvi"
    assert change.n_clusters == 3
    assert change.dates == tuple(dt.date(2020, 5, 30) + dt.timedelta(10 * step) for step in range(5))


def test_a_wrong_first_or_last_label_is_no_change():
    assert detect_change(pooled(series([1, 0, 0, 0], [0, 0, 0, 1]), 2)).first_change.values.tolist() == [[-1, -1]]


def test_a_change_dates_from_the_first_of_its_two_dates_and_the_first_one_counts():
    found = detect_change(pooled(series([0, 0, 1, 1, 2, 2], [0, 0, 2, 1, 1, 1], [_, 0, _, 0, 1, 1]), 3)).first_change
    assert found.values.tolist() == [[2, 3, 4]]


def test_two_dates_are_one_pair():
    change = detect_change(pooled(series([0, 1], [1, 1], [0, _]), 2))
    assert [(t.from_cluster, t.to_cluster, t.pixels) for t in change.transitions] == [(0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 1)]
    assert change.first_change.values.tolist() == [[-1, -1, -2]]
    assert change.change.values.tolist() == [[1, 3, 65535]]


def test_transitions_list_every_pair_in_order():
    change = detect_change(pooled(series([0, 1, _], [1, 1, 1]), 2))
    a, b, c = change.dates
    assert [(t.from_date, t.to_date) for t in change.transitions[::4]] == [(a, b), (b, c), (a, c)]
    assert [t.pixels for t in change.transitions] == [0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert all(type(value) is int for t in change.transitions for value in (t.from_cluster, t.to_cluster, t.pixels))


@st.composite
def stacks(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    k = draw(st.integers(1, 4))
    label = st.one_of(st.integers(0, k - 1), st.just(255))
    return draw(arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=6), elements=label)), k


@settings(max_examples=150, deadline=None)
@given(stacks())
def test_as_the_reference_says(case):
    stack, k = case
    change = detect_change(pooled(stack, k))
    codes, kept, since, counts = reference(stack, k)
    np.testing.assert_array_equal(change.change.values, codes)
    np.testing.assert_array_equal(change.persistence.values, kept)
    np.testing.assert_array_equal(change.first_change.values, since)
    assert len(change.transitions) == len(counts) * k * k
    for (a, b), counter in counts.items():
        matrix = transition_matrix(change, change.dates[a], change.dates[b])
        expected = [[counter[i, j] for j in range(k)] for i in range(k)]
        assert matrix.tolist() == expected
        assert matrix.sum() == np.count_nonzero((stack[a] != 255) & (stack[b] != 255))


@pytest.fixture(scope="module")
def large() -> Clustering:
    """Return seven maps of 410 × 330 pixels, a third missing: several chunks."""
    random = np.random.default_rng(5)
    return pooled(random.choice([0, 1, 2, 3, 255], (7, 410, 330), p=[0.3, 0.2, 0.1, 0.07, 0.33]), 4)


def test_several_chunks_and_any_number_of_threads(large):
    codes, kept, since, counts = reference(large.labels.values[:, ::29, ::31], 4)
    whole = detect_change(large)
    np.testing.assert_array_equal(whole.change.values[::29, ::31], codes)
    np.testing.assert_array_equal(whole.persistence.values[::29, ::31], kept)
    np.testing.assert_array_equal(whole.first_change.values[::29, ::31], since)
    assert counts.keys() == {(a, a + 1) for a in range(6)} | {(0, 6)}
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = detect_change(large)
    finally:
        numba.set_num_threads(threads)
    assert one.transitions == whole.transitions
    for name in ("change", "persistence", "first_change"):
        xr.testing.assert_identical(getattr(one, name), getattr(whole, name))


def test_chunked_labels_are_taken_by_their_rows(large):
    lazy = replace(large, labels=large.labels.copy(data=da.from_array(large.labels.values, chunks=(2, 100, 150))))
    chunked, whole = detect_change(lazy), detect_change(large)
    assert chunked.transitions == whole.transitions
    for name in ("change", "persistence", "first_change"):
        xr.testing.assert_identical(getattr(chunked, name), getattr(whole, name))


def test_255_clusters_fit(monkeypatch):
    monkeypatch.setattr(change_module, "_CHUNK", 1)
    change = detect_change(pooled(series([254, 254], [0, 254], [254, 0]), 255))
    assert change.change.values.tolist() == [[65024, 254, 64770]]
    assert change.transitions[-1].pixels == 1


def test_maps_keep_the_grid_and_say_what_they_are():
    coords = {"y": [30.0, 20.0], "x": [5.0, 15.0, 25.0], "spatial_ref": ((), 0, {"crs_wkt": "x"})}
    clustering = pooled(np.zeros((3, 2, 3)), 2, **coords)
    clustering.labels.encoding["grid_mapping"] = "spatial_ref"
    change = detect_change(clustering)
    for name, dtype in (("change", np.uint16), ("persistence", np.float32), ("first_change", np.int32)):
        array = getattr(change, name)
        assert array.name == name
        assert array.dtype == dtype
        assert array.dims == ("y", "x")
        assert set(array.coords) == {"y", "x", "spatial_ref"}
        assert array.encoding["grid_mapping"] == "spatial_ref"
        assert "date" in array.attrs["long_name"]
    assert change.change.attrs["nodata"] == 65535
    assert "nodata" not in change.persistence.attrs


def test_what_cluster_images_returns():
    random = np.random.default_rng(1)
    days = np.array(["2020-06-01", "2020-06-11", "2020-06-21"], "datetime64[ns]")
    ndvi = xr.DataArray(random.random((3, 8, 9)), dims=("time", "y", "x"), coords={"time": days}, name="ndvi")
    ndvi[1, :4] = np.nan
    images = cluster_images(ndvi, 3)
    change = detect_change(images)
    codes, _, since, _ = reference(images.labels.values, 3)
    np.testing.assert_array_equal(change.change.values, codes)
    np.testing.assert_array_equal(change.first_change.values, since)
    with pytest.raises(InputError, match=r"mode 'timeseries'.*cluster_images"):
        detect_change(cluster_timeseries(ndvi, 2))


def test_a_wholly_missing_date():
    change = detect_change(pooled(series([0, 0, _, 1, 1], [1, 1, _, 1, 1]), 2))
    assert change.first_change.values.tolist() == [[3, -1]]
    assert sum(t.pixels for t in change.transitions) == 2 + 2 + 2


def test_what_cannot_be_compared_is_refused():
    good = pooled(series([0, 1], [1, 1]), 2)
    with pytest.raises(InputError, match="clustered alone"):
        detect_change(replace(good, features=("2020-05-30", "2020-06-09")))
    with pytest.raises(InputError, match=r"one date, 2020-05-30.*at least two"):
        detect_change(pooled(series([0], [1]), 2))
    with pytest.raises(InputError, match="no dates"):
        detect_change(replace(good, labels=good.labels.drop_vars("time")))
    with pytest.raises(InputError, match=r"2020-05-30 follows 2020-06-09.*ascend"):
        detect_change(replace(good, labels=good.labels[::-1]))
    twice = good.labels.assign_coords(time=np.array(["2020-06-01T10:00", "2020-06-01T10:01"], "datetime64[ns]"))
    with pytest.raises(InputError, match="2020-06-01 follows 2020-06-01"):
        detect_change(replace(good, labels=twice))
    with pytest.raises(InputError, match=r"hold 2, which is none of 2 clusters \(0 to 1"):
        detect_change(pooled(series([0, 2], [1, 1]), 2))
    with pytest.raises(InputError, match=r"from 2020-06-09 to 2020-05-30. Known are: 2020-05-30 to 2020-06-09\."):
        transition_matrix(detect_change(good), dt.date(2020, 6, 9), dt.date(2020, 5, 30))
