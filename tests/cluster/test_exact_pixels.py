"""Floating-point pixels through bins: the same optimum as on their sorted values, and an honest gap where that is cut short."""

from __future__ import annotations

import numpy as np
import pytest

from mlbmi.cluster import _exact_pixels
from mlbmi.cluster._exact_passes import Bins, Pixels
from mlbmi.cluster._exact_pixels import Limits, fit_pixels
from mlbmi.cluster._exact_search import Levels
from mlbmi.cluster.exact import histogram, label, solve
from mlbmi.errors import InputError

BINNED = Limits(few_pixels=0)
DIVIDED = Limits(few_pixels=0, most_values=300, rounds=12)

RNG = np.random.default_rng(0)
MIX = np.concatenate([RNG.normal(m, s, 3000) for m, s in ((-0.1, 0.03), (0.2, 0.05), (0.5, 0.1), (0.8, 0.05))])
CASES = {
    "mixture": MIX,
    "float32": MIX.astype(np.float32),
    "steps of 1e-4": np.round(MIX, 4),
    "uniform": RNG.uniform(size=10_000),
    "lognormal": RNG.lognormal(sigma=2, size=10_000),
    "cauchy": RNG.standard_cauchy(10_000),
    "one outlier": np.append(MIX, 1e6),
    "outliers on both sides": np.concatenate([MIX, [1e9, -1e9, 1e9]]),
    "far from zero": 1e6 + MIX,
    "two values": np.where(MIX > 0.3, 1.0, 3.0),
    "seven values": np.round(MIX * 5) / 5,
    "tight pairs": np.repeat([0.0, 1.0, 2.0, 3.0], 500) + RNG.choice([0, 1e-12], 2000),
    "symmetric tie": np.concatenate([MIX, -MIX]),
    "wide range": np.array([-4e149, 4e149, 0.0, 1e140] * 10),
}


def error(values, centers, weights=1.0) -> float:
    x = np.asarray(values, np.float64)
    return float((weights * ((x[:, None] - centers) ** 2).min(axis=1)).sum())


def least(values, k: int, weights=None) -> tuple[float, np.ndarray]:
    x = np.asarray(values, np.float64)
    solution = solve(x, np.ones(x.size) if weights is None else weights, k)[k]
    return error_at(x, solution.centers) if weights is None else error(x, solution.centers, weights), solution.centers


@pytest.mark.parametrize("limits", [Limits(), BINNED, DIVIDED], ids=["default", "binned", "divided"])
@pytest.mark.parametrize(("name", "k"), [(name, k) for name, v in CASES.items() for k in (1, 2, 5, 8) if np.unique(v).size >= k])
def test_pixels_have_the_optimum_of_their_sorted_values(name, k, limits):
    values = CASES[name]
    fit = fit_pixels(values, None, k, limits)
    expected, centers = least(values, k)
    assert error(values, fit.centers) <= expected * (1 + 1e-9) + values.size * np.spacing(np.abs(values).max()) ** 2
    if fit.excess == 0 and name != "symmetric tie":
        np.testing.assert_allclose(fit.centers, centers, rtol=1e-9, atol=1e-12 * float(np.ptp(values)))


@pytest.mark.parametrize("name", ["mixture", "float32", "steps of 1e-4", "uniform", "lognormal", "one outlier", "far from zero"])
def test_the_optimum_is_proven(name):
    assert fit_pixels(CASES[name], None, 5, BINNED).excess == 0


@pytest.mark.parametrize("limits", [BINNED, DIVIDED], ids=["binned", "divided"])
def test_weights_count_in_bins(limits):
    weights = np.random.default_rng(1).integers(0, 4, MIX.size).astype(float)
    for k in (2, 5):
        fit = fit_pixels(MIX, weights, k, limits)
        assert error(MIX, fit.centers, weights) <= least(MIX, k, weights)[0] * (1 + 1e-12)
        repeated = fit_pixels(np.repeat(MIX, weights.astype(int)), None, k, limits)
        np.testing.assert_allclose(fit.centers, repeated.centers, rtol=1e-12)


@pytest.mark.parametrize("name", ["mixture", "uniform", "lognormal", "one outlier", "steps of 1e-4"])
def test_no_value_is_lost_or_counted_twice_when_bins_are_divided(name, monkeypatch):
    seen = []
    monkeypatch.setattr(_exact_pixels, "fit_search", lambda levels, *_: seen.append(levels))
    for most_values in (1, 20, 300):
        fit_pixels(CASES[name], None, 5, Limits(few_pixels=0, most_values=most_values, rounds=3))
        assert seen[-1].w.sum() == CASES[name].size
        assert (seen[-1].w * seen[-1].x).sum() == pytest.approx((seen[0].w * seen[0].x).sum(), rel=1e-12)
        assert (np.diff(seen[-1].x) >= 0).all()


def test_values_beside_an_undecided_level_are_not_taken_for_its_own():
    # Bin 5 holds an undecided level from 5.2 to 5.4 and a closed one, of mean 5.5, to which 5.45 and 5.55 belong.
    levels = Levels(*(np.array(c) for c in ([5.3, 5.5, 7.0], [1.0, 2.0, 1.0], [5.2, 5.5, 7.0], [5.4, 5.5, 7.0])))
    pixels = Pixels(np.array([5.55, 5.3, 7.0, 5.45]))
    pieces = list(_exact_pixels._in_levels(pixels, Bins(0.0, 1.0, 8), levels, np.array([True, False, False])))
    assert [(places.tolist(), weights.tolist()) for places, weights in pieces] == [([5.3], [1.0])]


def test_values_without_weight_do_not_count():
    values = np.append(MIX, [50.0, -70.0])
    weights = np.append(np.ones(MIX.size), [0.0, 0.0])
    for limits in (Limits(), BINNED):
        np.testing.assert_allclose(fit_pixels(values, weights, 4, limits).centers, fit_pixels(MIX, None, 4).centers, rtol=1e-12)


@pytest.mark.parametrize("limits", [Limits(), BINNED], ids=["default", "binned"])
def test_missing_values_do_not_count(limits):
    values = np.insert(MIX, [0, 5, 900, MIX.size], np.nan)
    expected = fit_pixels(MIX, None, 5, limits).centers
    np.testing.assert_allclose(fit_pixels(values, None, 5, limits).centers, expected, rtol=1e-13)


@pytest.mark.parametrize("rounds", [0, 1])
@pytest.mark.parametrize("name", ["mixture", "uniform", "lognormal", "cauchy"])
def test_where_it_is_cut_short_the_gap_is_no_smaller_than_the_truth(name, rounds):
    values = CASES[name]
    fit = fit_pixels(values, None, 4, Limits(few_pixels=0, most_values=1, rounds=rounds))
    assert fit.excess > 0
    assert error(values, fit.centers) - least(values, 4)[0] <= fit.excess * (1 + 1e-9)


def test_any_shape_and_layout_is_the_same():
    expected = fit_pixels(MIX, None, 4, BINNED).centers.tolist()
    block = MIX.reshape(40, 30, 10)
    for values in (block, block.transpose(1, 2, 0), np.asfortranarray(block), np.repeat(block, 2, axis=2)[:, :, ::2]):
        np.testing.assert_allclose(fit_pixels(values, None, 4, BINNED).centers, expected, rtol=1e-12)


@pytest.mark.parametrize("limits", [Limits(), BINNED], ids=["default", "binned"])
@pytest.mark.parametrize(
    ("values", "k", "message"),
    [
        (np.array([1.0, np.inf]), 1, "infinity"),
        (np.array([-np.inf, np.nan, 1.0]), 1, "infinity"),
        (np.array([np.nan, np.nan]), 1, r"every value is missing \(NaN\)"),
        (np.array([]), 1, "every value is missing"),
        (np.array([1.0, 2.0, 2.0, np.nan]), 3, "3 clusters were asked for, but only 2 distinct"),
        (np.full(70_000, 2.5), 2, "only 1 distinct"),
        (np.array([-1.7e308, 1.7e308]), 1, "squared distances"),
    ],
)
def test_what_cannot_be_clustered_is_refused(values, k, message, limits):
    with pytest.raises(InputError, match=message):
        fit_pixels(values, None, k, limits)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_must_be_finite_and_not_negative(weight):
    with pytest.raises(InputError, match="finite and not negative"):
        fit_pixels(np.array([1.0, 2.0]), np.array([1.0, weight]), 1)


def test_all_weights_zero_is_refused():
    for limits in (Limits(), BINNED):
        with pytest.raises(InputError, match="nothing to cluster"):
            fit_pixels(np.array([1.0, 2.0]), np.zeros(2), 1, limits)


@pytest.mark.parametrize("beyond", [np.inf, -np.inf])
def test_an_infinite_value_that_no_sample_saw_is_refused(beyond):
    values = np.random.default_rng(0).normal(size=100_000)
    values[12_345] = beyond
    with pytest.raises(InputError, match="infinity"):
        fit_pixels(values, None, 3)


def test_values_that_no_sample_saw_have_clusters_of_their_own():
    values = np.random.default_rng(0).normal(size=100_000)
    values[[12_345, 54_321, 54_323]] = [1e7, -1e9, -1e9 - 5]
    fit = fit_pixels(values, None, 4)
    assert fit.excess == 0
    assert error_at(values, fit.centers) <= least(values, 4)[0] * (1 + 1e-12)
    assert fit.centers[[0, -1]].tolist() == [-1e9 - 2.5, 1e7]


def test_one_value_a_million_times():
    fit = fit_pixels(np.full(1_000_000, -0.3, np.float32), None, 1)
    assert fit.centers.tolist() == [float(np.float32(-0.3))]


@pytest.mark.realdata
def test_real_ndvi_of_five_dates_and_of_its_int16_coding(realdata):
    import rasterio

    folder = realdata / "real" / "earthsearch-v1-33TWL"
    pairs = zip(sorted(folder.rglob("*B04*.tif")), sorted(folder.rglob("*B08*.tif")), strict=True)
    ndvi = np.stack([_ndvi(rasterio, red, nir) for red, nir in pairs])
    assert ndvi.shape[0] == 5
    fit = fit_pixels(ndvi, None, 5)
    there = ndvi[~np.isnan(ndvi)]
    assert fit.excess == 0
    assert error_at(there, fit.centers) <= error_at(there, least(there, 5)[1]) * (1 + 1e-12)

    coded = np.where(np.isnan(ndvi), -32768, np.round(ndvi * 1e4)).astype(np.int16)
    levels, counts = histogram(coded, nodata=-32768)
    assert counts.sum() == there.size
    np.testing.assert_allclose(solve(levels, counts, 5)[5].centers * 1e-4, fit.centers, atol=1e-4)
    labels = label(coded, solve(levels, counts, 5)[5].centers, nodata=-32768)
    assert np.array_equal(labels == 255, np.isnan(ndvi))


def _ndvi(rasterio, red_path, nir_path):
    with rasterio.open(red_path) as red, rasterio.open(nir_path) as nir:
        low, high = red.read(1).astype(np.float32), nir.read(1).astype(np.float32)
    valid = (low > 0) & (high > 0)
    return np.where(valid, (high - low) / np.where(valid, high + low, 1), np.float32(np.nan)).astype(np.float32)


def error_at(values, centers) -> float:
    """Return the error of many values, with little memory."""
    x = values.astype(np.float64)
    return float(((x - centers[np.searchsorted((centers[1:] + centers[:-1]) / 2, x)]) ** 2).sum())
