"""Smoothing on images small enough to try all labelings, or made so that the right answer is known."""

from __future__ import annotations

import itertools

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.cluster import _spatial_passes as passes
from mlbmi.cluster.spatial import smooth
from mlbmi.errors import ClusterError, InputError

DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def pairs(shape):
    """Return every pair of neighbours once, with its weight without contrast."""
    height, width = shape
    for (y, x), (down, right) in itertools.product(np.ndindex(*shape), DIRECTIONS):
        if y + down < height and 0 <= x + right < width:
            yield (y, x), (y + down, x + right), 1.0 if 0 in (down, right) else 0.5**0.5


def likeness(values, labels):
    """Return the weight of each pair by the definition, in plain float64: {(pixel, pixel): weight}."""
    found = {}
    for one, two, far in pairs(labels.shape):
        if 255 in (labels[one], labels[two]):
            continue
        gaps = values[(slice(None), *one)] - values[(slice(None), *two)]
        gaps = gaps[~np.isnan(gaps)]
        found[one, two] = (float((gaps**2).mean()) if gaps.size else None), far
    known = np.array([m for m, _ in found.values() if m is not None])
    usual = known.mean()
    mean = np.exp(-known / (2 * usual)).mean()
    return {pair: far * (1.0 if m is None else np.exp(-m / (2 * usual)) / mean) for pair, (m, far) in found.items()}


def plain_energy(values, labels, centers, price, weights=None):
    """Return the objective by its definition, in plain float64."""
    total = 0.0
    for place in np.ndindex(*labels.shape):
        if labels[place] != 255:
            x = values[(slice(None), *place)]
            there = ~np.isnan(x)
            total += len(x) / there.sum() * ((x - centers[labels[place]])[there] ** 2).sum()
    for one, two, far in pairs(labels.shape):
        if 255 not in (labels[one], labels[two]) and labels[one] != labels[two]:
            total += price * (far if weights is None else weights[one, two])
    return total


def nearest(values, centers):
    """Return the label of the nearest center over observed features, 255 where there is none."""
    squares = ((values[None] - centers[:, :, None, None]) ** 2).astype(np.float64)
    costs = np.where(np.isnan(values).all(axis=0), 0.0, np.nansum(squares, axis=1))
    return np.where(np.isnan(values).all(axis=0), 255, costs.argmin(axis=0)).astype(np.uint8)


def picture(seed, shape, k, *, gaps=0.0, missing=0.0, sd=0.25, d=3):
    """Return noisy values around random centers in patches, the labels of a K-means step, the centers."""
    random = np.random.default_rng(seed)
    centers = random.uniform(0, 1, (k, d))
    truth = random.integers(0, k, tuple(-(-size // 3) for size in shape)).repeat(3, 0).repeat(3, 1)[: shape[0], : shape[1]]
    values = centers[truth].transpose(2, 0, 1) + random.normal(0, sd, (d, *shape))
    values[random.random(values.shape) < gaps] = np.nan
    values[:, random.random(shape) < missing] = np.nan
    return values, nearest(values, centers), centers


def lowest(values, centers, price):
    """Return the least energy over all labelings, from tables of costs and of pairs."""
    shape = values.shape[1:]
    k = len(centers)
    labelings = np.array(list(itertools.product(range(k), repeat=shape[0] * shape[1])), np.uint8)
    costs = ((values[None] - centers[:, :, None, None]) ** 2).sum(axis=1).reshape(k, -1)
    total = costs[labelings, np.arange(labelings.shape[1])].sum(axis=1)
    for one, two, far in pairs(shape):
        a, b = (np.ravel_multi_index(place, shape) for place in (one, two))
        total += price * far * (labelings[:, a] != labelings[:, b])
    return float(total.min())


@pytest.mark.parametrize("contrast", [False, True])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_energy_is_that_of_the_definition(contrast, kind):
    values, labels, centers = picture(1, (9, 11), 4, gaps=0.3, missing=0.1)
    values = values.astype(kind)
    result = smooth(values, labels, centers, unit=0.3, smoothness=0.5, contrast=contrast)
    weights = likeness(values.astype(np.float64), labels) if contrast else None
    expected = plain_energy(values.astype(np.float64), result.labels, result.centers, 0.15, weights)
    assert (labels == 255).any()
    assert (result.labels != labels).any()
    # Weights are kept in 8 bits.
    assert result.energy == pytest.approx(expected, rel=2e-3 if contrast else 1e-6)
    start = plain_energy(values.astype(np.float64), labels, centers, 0.15, weights)
    assert result.path[0] == pytest.approx(start, rel=2e-3 if contrast else 1e-6)


def test_a_single_row_or_column_is_solved_for_the_best_of_all_labelings():
    for seed in range(30):
        shape = ((1, 7), (7, 1))[seed % 2]
        values, labels, centers = picture(seed, shape, 3)
        result = smooth(values, labels, centers, unit=0.2, update_centers=False, contrast=False)
        assert result.energy == pytest.approx(lowest(values, centers, 0.2), rel=1e-6)


def test_on_three_by_three_pixels_no_labeling_is_better_in_nearly_all_cases():
    hits = 0
    for seed in range(40):
        k = 2 + seed % 2
        values, labels, centers = picture(seed, (3, 3), k, sd=0.4)
        result = smooth(values, labels, centers, unit=0.15, update_centers=False, contrast=False)
        best = lowest(values, centers, 0.15)
        assert result.energy == pytest.approx(plain_energy(values, result.labels, centers, 0.15), rel=1e-9)
        assert result.energy >= best - 1e-9
        hits += result.energy <= best * (1 + 1e-9)
    assert hits >= 36


@pytest.mark.parametrize("contrast", [False, True])
@pytest.mark.parametrize("smoothness", [0.5, 3.0])
def test_no_flip_of_a_single_pixel_lowers_the_energy(contrast, smoothness):
    values, labels, centers = picture(5, (9, 11), 4, gaps=0.2, missing=0.1, sd=0.5)
    result = smooth(values, labels, centers, smoothness=smoothness, contrast=contrast)
    known = passes.neighbours(values, passes.bordered(labels), np.nan, contrast=contrast)
    weights = {}
    for one, two, far in pairs(labels.shape):
        way = DIRECTIONS.index((two[0] - one[0], two[1] - one[1]))
        weights[one, two] = far * float(known.codes[way, one[0] + 1, one[1] + 1]) * known.step
    price = smoothness * result.unit
    lowest_found = plain_energy(values, result.labels, result.centers, price, weights)
    assert lowest_found == pytest.approx(result.energy, rel=1e-9)
    for place, other in itertools.product(np.argwhere(labels != 255), range(4)):
        flipped = result.labels.copy()
        flipped[tuple(place)] = other
        assert plain_energy(values, flipped, result.centers, price, weights) >= lowest_found * (1 - 1e-9)


def test_weights_are_those_of_the_definition():
    values, labels, _ = picture(2, (6, 8), 3, gaps=0.5, missing=0.15)
    found = passes.neighbours(values.astype(np.float32), passes.bordered(labels), np.float32(np.nan), contrast=True)
    expected = likeness(values, labels)
    for one, two, far in pairs(labels.shape):
        way = DIRECTIONS.index((two[0] - one[0], two[1] - one[1]))
        got = found.codes[way, one[0] + 1, one[1] + 1] * found.step * far
        assert got == pytest.approx(expected.get((one, two), 0.0), abs=found.step)
    assert found.codes[:, 0].max() == found.codes[:, -1].max() == found.codes[:, :, 0].max() == 0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), smoothness=st.floats(0.1, 8), contrast=st.booleans(), kind=st.sampled_from(["float64", "float32"])
)
def test_energy_never_rises(seed, smoothness, contrast, kind):
    values, labels, centers = picture(seed, (10, 12), 4, gaps=0.3, missing=0.1, sd=0.4)
    result = smooth(values.astype(kind), labels, centers, smoothness=smoothness, contrast=contrast, tol=0)
    slack = 1e-12 if kind == "float64" else 1e-6
    path = np.array(result.path)
    assert (np.diff(path) <= slack * path[0]).all()
    assert len(path) == 2 * result.n_iter + 2
    assert result.energy == path[-1] >= result.inertia > 0


@pytest.mark.parametrize("contrast", [False, True])
def test_looking_at_every_pixel_again_changes_none(contrast):
    """What was passed over because nothing had changed beside it would not have changed."""
    values, labels, centers = picture(13, (120, 120), 6, gaps=0.2, missing=0.05, sd=0.8)
    first = smooth(values, labels, centers, smoothness=2.0, update_centers=False, contrast=contrast)
    again = smooth(values, first.labels, centers, smoothness=2.0, unit=first.unit, update_centers=False, contrast=contrast)
    assert (first.labels != labels).mean() > 0.2
    np.testing.assert_array_equal(again.labels, first.labels)


def test_smoothness_zero_returns_what_came():
    values, labels, centers = picture(3, (8, 9), 3, missing=0.2)
    result = smooth(values, labels, centers, smoothness=0)
    np.testing.assert_array_equal(result.labels, labels)
    np.testing.assert_array_equal(result.centers, centers)
    assert (result.n_iter, result.converged, len(result.path)) == (0, True, 1)


def test_nothing_is_smoothed_where_clusters_have_no_spread():
    labels = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.uint8)
    result = smooth(labels[None].astype(np.float32), labels, np.array([[0.0], [1.0]]))
    np.testing.assert_array_equal(result.labels, labels)
    assert result.unit == 0


def halves(sd, seed=0, size=60):
    """Return a noisy image of two halves along a diagonal, its K-means labels, the centers, the truth."""
    truth = np.triu(np.ones((size, size), np.uint8))
    centers = np.array([[0.3], [0.7]])
    values = centers[truth][None, :, :, 0] + np.random.default_rng(seed).normal(0, sd, (1, size, size))
    return values.astype(np.float32), nearest(values, centers), centers, truth


@pytest.mark.parametrize("contrast", [False, True])
def test_salt_and_pepper_is_cleaned_and_a_diagonal_edge_kept(contrast):
    values, labels, centers, truth = halves(0.13)
    result = smooth(values, labels, centers, contrast=contrast)
    assert (labels != truth).mean() > 0.05
    assert (result.labels != truth).mean() < 0.25 * (labels != truth).mean()
    near = np.abs(np.subtract.outer(np.arange(60), np.arange(60))) <= 1
    assert (result.labels != truth)[near].mean() < (labels != truth)[near].mean()
    np.testing.assert_allclose(result.centers, centers, atol=0.02)


def test_lines_of_one_pixel_stay():
    """A street in a meadow: kept by contrast, though without it a Potts term alone would take it."""
    truth = np.zeros((40, 40), np.uint8)
    truth[:, 20] = 1
    truth[np.arange(40), np.arange(40)] = 1
    centers = np.array([[0.2], [0.6]])
    values = (centers[truth][None, :, :, 0] + np.random.default_rng(0).normal(0, 0.05, (1, 40, 40))).astype(np.float32)
    labels = nearest(values, centers)
    kept = smooth(values, labels, centers, smoothness=2.0)
    assert (kept.labels == truth).all()
    price = 30 * kept.unit
    eager = [smooth(values, labels, centers, smoothness=1, unit=price, contrast=choice).labels for choice in (True, False)]
    assert [(marks == truth)[truth == 1].mean() > 0.9 for marks in eager] == [True, False]


def test_labels_do_not_depend_on_threads_nor_on_how_work_is_cut(monkeypatch):
    values, labels, centers = picture(8, (90, 300), 5, gaps=0.2, missing=0.05, sd=0.6)
    before = numba.get_num_threads()
    results = []
    try:
        for threads, lines in ((1, 64), (2, 64), (2, 7)):
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
            monkeypatch.setattr(passes, "_LINES", lines)
            results.append(smooth(values, labels, centers, smoothness=2.0))
    finally:
        numba.set_num_threads(before)
    assert (results[0].labels != labels).mean() > 0.05
    for other in results[1:]:
        np.testing.assert_array_equal(results[0].labels, other.labels)
        np.testing.assert_allclose(results[0].centers, other.centers, rtol=1e-12)
    assert results[0].path == results[1].path


def test_missing_pixels_get_no_label_and_have_no_vote():
    values, labels, centers = picture(4, (20, 20), 3, missing=0.3, sd=0.4)
    values = values.astype(np.float32)
    result = smooth(values, labels, centers)
    np.testing.assert_array_equal(result.labels == 255, labels == 255)
    assert result.counts.sum() == (labels != 255).sum()
    filled = values.copy()
    filled[:, labels == 255] = 7.0  # values under a missing label: too few observations to be used
    np.testing.assert_array_equal(smooth(filled, labels, centers).labels, result.labels)
    alone = np.full((3, 3), 255, np.uint8)
    alone[1, 1] = 1
    lonely = smooth(np.full((1, 3, 3), 0.4), alone, np.array([[0.0], [1.0]]), unit=100.0, update_centers=False)
    assert lonely.labels[1, 1] == 0


def test_a_cluster_that_loses_all_pixels_keeps_its_center():
    values = np.full((1, 9, 9), 0.2) + np.random.default_rng(0).normal(0, 0.02, (1, 9, 9))
    values[0, 4, 4] = 0.3
    labels = np.zeros((9, 9), np.uint8)
    labels[4, 4] = 1
    result = smooth(values, labels, np.array([[0.2], [0.3]]), unit=0.1, contrast=False)
    assert (result.labels == 0).all()
    np.testing.assert_array_equal(result.counts, [81, 0])
    assert result.centers[1] == 0.3
    assert result.centers[0] == pytest.approx(values.mean())


def test_centers_are_weighted_means_of_their_pixels(plain):
    values, labels, centers = picture(6, (12, 12), 3, gaps=0.4, sd=0.4)
    result = smooth(values, labels, centers, max_iter=200, tol=0)
    x = values.reshape(3, -1).T
    own = np.where(result.labels == 255, -1, result.labels.astype(int)).reshape(-1)
    seen = ~np.isnan(x)
    heavy = seen * (3 / np.maximum(seen.sum(axis=1), 1))[:, None]
    means = [np.nansum(heavy[own == j] * x[own == j], axis=0) / heavy[own == j].sum(axis=0) for j in range(3)]
    np.testing.assert_allclose(result.centers, means, rtol=1e-9)
    assert result.converged
    assert result.inertia == pytest.approx(plain.objective(x, result.centers, own))


def test_labels_do_not_depend_on_units_nor_on_how_often_a_feature_is_told():
    values, labels, centers = picture(7, (30, 30), 4, sd=0.3)
    once = smooth(values, labels, centers)
    assert (once.labels != labels).any()
    thrice = smooth(np.concatenate([values] * 3), labels, np.hstack([centers] * 3))
    np.testing.assert_array_equal(once.labels, thrice.labels)
    assert thrice.unit == pytest.approx(3 * once.unit)
    coded = np.rint(values * 5000).astype(np.int16)
    stored = smooth(coded, labels, centers * 5000, nodata=-32768)
    assert (stored.labels != once.labels).mean() < 0.01
    assert stored.unit == pytest.approx(once.unit * 5000**2, rel=1e-3)


def test_unit_is_twice_the_variance_of_independent_noise():
    random = np.random.default_rng(0)
    values = random.normal(0, 0.1, (6, 100, 100))
    values[random.random(values.shape) < 0.3] = np.nan
    labels = np.where(np.isnan(values).all(axis=0), 255, 0).astype(np.uint8)
    assert smooth(values, labels, np.zeros((1, 6))).unit == pytest.approx(0.02, rel=0.03)


def test_nodata_and_nan_are_the_same():
    values, labels, centers = picture(9, (15, 15), 3, gaps=0.4, missing=0.1)
    coded = np.where(np.isnan(values), -32768, np.rint(values * 10_000)).astype(np.int16)
    as_float = np.where(coded == -32768, np.nan, coded).astype(np.float32)
    one = smooth(coded, labels, centers * 10_000, nodata=-32768)
    two = smooth(as_float, labels, centers * 10_000)
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.centers, two.centers)


def test_a_feature_never_observed_does_not_count():
    values, labels, centers = picture(10, (12, 12), 3, sd=0.4)
    blank = np.insert(values, 1, np.nan, axis=0)
    result = smooth(blank, labels, np.insert(centers, 1, np.nan, axis=1))
    expected = smooth(values, labels, centers)
    np.testing.assert_array_equal(result.labels, expected.labels)
    assert np.isnan(result.centers[:, 1]).all()
    assert result.energy == pytest.approx(expected.energy)


def test_inputs_are_read_only_and_centers_can_be_held():
    values, labels, centers = picture(11, (12, 12), 3, sd=0.4)
    for array in (values, labels, centers):
        array.flags.writeable = False
    result = smooth(values, labels, centers, update_centers=False)
    np.testing.assert_array_equal(result.centers, centers)
    assert result.converged
    assert (result.labels != labels).any()


def test_stopping_early_is_said():
    values, labels, centers = picture(12, (30, 30), 5, sd=0.6)
    result = smooth(values, labels, centers, max_iter=1, tol=0)
    assert (result.n_iter, result.converged) == (1, False)


GOOD = {"values": np.zeros((2, 3, 4), np.float32), "labels": np.zeros((3, 4), np.uint8), "centers": np.zeros((2, 2))}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smoothness": -1.0}, "smoothness is -1.0"),
        ({"smoothness": np.nan}, "smoothness is nan"),
        ({"unit": np.inf}, "unit is inf"),
        ({"tol": "small"}, "tol is 'small'"),
        ({"values": np.zeros((3, 4))}, r"shape \(3, 4\)"),
        ({"values": np.zeros((2, 3, 4), np.uint8)}, "values is uint8"),
        ({"values": np.full((2, 3, 4), np.inf)}, "infinity"),
        ({"labels": np.zeros((4, 3), np.uint8)}, r"shape \(4, 3\)"),
        ({"labels": np.zeros((3, 4), np.int32)}, "labels is int32"),
        ({"labels": np.full((3, 4), 2, np.uint8)}, "none from 2"),
        ({"labels": np.full((3, 4), 255, np.uint8)}, "at least one label"),
        ({"centers": np.zeros((2, 3))}, r"centers has the shape \(2, 3\)"),
        ({"centers": np.array([[0, np.nan], [0, 1]])}, "NaN only on a feature"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    arguments = GOOD | change
    with pytest.raises(InputError, match=message):
        smooth(**arguments)


def test_a_label_without_any_observation_is_refused():
    values = np.full((1, 2, 2), 0.5)
    values[0, 0, 0] = np.nan
    with pytest.raises(ClusterError, match="no feature was observed"):
        smooth(values, np.zeros((2, 2), np.uint8), np.array([[0.5], [0.9]]))
