"""The parts of the choice: the sample, stability, the gap statistic, the rule."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mlbmi.cluster._block_sample import block_edge, sample_in_blocks
from mlbmi.cluster._centers import centers_by_k
from mlbmi.cluster.choosing import STABLE, choose, favourites
from mlbmi.cluster.gap import gap_statistic
from mlbmi.cluster.stability import stability
from mlbmi.errors import ClusterError
from mlbmi.types import KScores

NAN = float("nan")


def _row(k, silhouette=0.5, stability=1.0, **others):
    values = {"sse": 10 / k, "silhouette_sd": 0.01, "calinski_harabasz": 5.0, "davies_bouldin": 0.5, "gap": 1.0, "gap_sd": 0.1}
    return KScores(n_clusters=k, silhouette=silhouette, stability=stability, **(values | others))


# The sample


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (65, 90), (216, 306), (700, 900)])
def test_sample_is_of_usable_pixels_each_once(shape):
    usable = np.random.default_rng(0).random(shape) < 0.6
    usable[0, 0] = True
    pixels, groups = sample_in_blocks(usable, 900, np.random.default_rng(1))
    assert usable.ravel()[pixels].all()
    assert np.unique(pixels).size == pixels.size == groups.size <= 900
    edge = block_edge(*shape)
    rows, columns = np.divmod(pixels, shape[1])
    places = rows // edge * shape[1] + columns // edge
    assert np.unique(np.stack([places, groups]), axis=1).shape[1] == np.unique(groups).size, "a group is one block"
    if usable.sum() > 900:
        assert pixels.size >= 0.99 * 900


def test_sample_takes_the_same_share_of_each_block():
    usable = np.ones((320, 320), bool)
    usable[:, 160:] = np.random.default_rng(0).random((320, 160)) < 0.25
    pixels, _ = sample_in_blocks(usable, 4000, np.random.default_rng(2))
    right = (pixels % 320 >= 160).mean()
    assert right == pytest.approx(usable[:, 160:].sum() / usable.sum(), abs=0.01)


def test_sample_spreads_over_a_large_area():
    usable = np.ones((3200, 3200), bool)
    pixels, groups = sample_in_blocks(usable, 8000, np.random.default_rng(3))
    assert np.unique(groups).size <= 400
    quarters = np.bincount((pixels // 3200 // 1600) * 2 + pixels % 3200 // 1600) / pixels.size
    assert (abs(quarters - 0.25) < 0.07).all()


# Centers


def test_centers_of_one_feature_are_exact_and_rows_without_value_do_not_count():
    values = np.array([0.0, 0.1, np.nan, 5.0, 5.1, 9.0])[:, None]
    (two, sse), (many, none) = centers_by_k(values, [2, 9], seed=0)
    # By hand: {0, 0.1} and {5, 5.1, 9}.
    assert two.ravel().tolist() == pytest.approx([0.05, 19.1 / 3])
    assert sse == pytest.approx(0.005 + ((np.array([5, 5.1, 9]) - 19.1 / 3) ** 2).sum())
    assert len(many) == 5
    assert none == 0


# Stability


def test_stability_is_one_for_the_true_number_and_less_beyond(plain):
    rows, _ = plain.mixture(1, 1500, 6, 4, 0.02)
    found = stability(rows, [1, 4, 5, 7], groups=np.arange(1500), n_resamples=5, seed=0)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1.0, abs=1e-3)
    assert found[2] < 0.97
    assert found[3] < found[2]


def test_stability_without_structure_is_low():
    rows = np.random.default_rng(0).normal(size=(2000, 8))
    assert (stability(rows, [3, 5], groups=np.arange(2000), n_resamples=4, seed=0) < 0.6).all()


def test_stability_never_splits_a_block():
    """Two blocks of different land: halves that hold one block each cannot agree; halves of pixels would."""
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(center, 0.1, (200, 2)) for center in ((0, 0), (0, 1), (9, 9), (9, 8))])
    blocks = np.repeat([0, 1], 400)
    assert stability(rows, [2], groups=blocks, n_resamples=3, seed=0)[0] < 0.2
    assert stability(rows, [2], groups=np.arange(800), n_resamples=3, seed=0)[0] > 0.99


def test_stability_of_more_clusters_than_a_half_has_rows_is_unknown():
    found = stability(np.arange(6.0)[:, None], [2, 4], groups=np.arange(6), n_resamples=2, seed=0)
    assert not np.isnan(found[0])
    assert np.isnan(found[1])
    assert np.isnan(stability(np.arange(6.0)[:, None], [2], groups=np.zeros(6, int), n_resamples=2, seed=0)).all(), "one block"


# Gap


def test_gap_of_one_feature_by_the_theory_of_uniform_data():
    """W of k equal parts of a uniform line is n L² / 12 k²; so is log W's mean over references, nearly."""
    values = np.sort(np.random.default_rng(0).normal(size=2000))[:, None]
    numbers = [1, 2, 4]
    found = gap_statistic(values, numbers, n_references=12, seed=0)
    length = float(values.max() - values.min())
    logs = [np.log(sse) for _, sse in centers_by_k(values, numbers, seed=0)]
    expected = [np.log(2000 * length**2 / 12 / k**2) - log for k, log in zip(numbers, logs, strict=True)]
    assert np.allclose(found.gap, expected, atol=0.03)
    assert (found.error > 0).all()
    assert (found.error < 0.05).all()


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_gap_has_its_peak_at_the_true_number(plain, gaps):
    rows, _ = plain.mixture(7, 800, 6, 3, 0.03)
    found = gap_statistic(plain.with_gaps(rows, gaps), [1, 2, 3, 4], n_references=4, seed=0).gap
    assert found[2] > found[1] > found[0]
    assert found[3] - found[2] < 0.1 * (found[2] - found[1])


def test_gap_of_unstructured_data_is_highest_for_one():
    rows = np.random.default_rng(0).normal(size=(1000, 3))
    assert gap_statistic(rows, [1, 2, 3, 4], n_references=4, seed=0).gap.argmax() == 0


def test_references_lie_along_the_principal_axes():
    """A long, thin, slanting cloud: in an upright box around it even one cluster would look like structure."""
    random = np.random.default_rng(0)
    along, across = random.uniform(-5, 5, 1000), random.uniform(-0.05, 0.05, 1000)
    slanting = np.stack([along + across, along - across], axis=1)
    found = gap_statistic(slanting, [1, 2, 3], n_references=4, seed=0).gap
    assert np.abs(found).max() < 0.1


def test_no_error_within_has_no_gap():
    found = gap_statistic(np.repeat([[0.0, 1.0], [5.0, 5.0]], 20, axis=0), [1, 2], n_references=2, seed=0)
    assert np.isfinite(found.gap[0])
    assert np.isnan(found.gap[1])


# The rule


def test_the_highest_silhouette_of_the_stable_ones():
    rows = [_row(2, 0.6), _row(3, 0.8, 0.95), _row(4, 0.9, STABLE - 0.01), _row(5, 0.7)]
    assert choose(rows).n_clusters == 3


def test_within_a_standard_error_the_largest():
    rows = [_row(2, 0.6), _row(3, 0.80), _row(4, 0.791), _row(5, 0.789)]
    assert choose(rows).n_clusters == 4
    assert choose([dataclasses.replace(row, silhouette_sd=NAN) for row in rows]).n_clusters == 3


def test_none_stable_means_near_the_stablest():
    rows = [_row(2, 0.6, 0.5), _row(3, 0.5, 0.7), _row(4, 0.55, 0.66), _row(5, 0.9, 0.6)]
    choice = choose(rows)
    assert choice.n_clusters == 4
    assert "none does" in choice.reason


def test_unknown_stability_and_silhouettes():
    assert choose([_row(2, 0.6, NAN), _row(3, 0.7, NAN)]).n_clusters == 3
    assert choose([_row(2, 0.6, 1.0), _row(3, 0.9, NAN)]).n_clusters == 2
    assert choose([_row(2, NAN, NAN), _row(3, NAN, NAN)]).n_clusters == 3


def test_one_cluster_where_no_gap_is_above_its_own():
    one = _row(1, NAN, NAN, gap=1.0)
    assert choose([one, _row(2, gap=0.9), _row(3, gap=1.05)]).n_clusters == 1
    assert choose([one, _row(2, gap=0.9), _row(3, 0.4, gap=1.2)]).n_clusters == 2
    assert choose([one]).n_clusters == 1
    unknown = [one, _row(2, gap=0.9), _row(3, 0.9, gap=NAN)]
    assert choose(unknown).reason.endswith("of more 0.90 at most")
    assert choose([*unknown[:2], _row(3, 0.9, gap=NAN, sse=0.0)]).n_clusters == 3


def test_reasons_name_figures_rivals_and_limits():
    reason = choose([_row(2, 0.452), _row(3, 0.466, 0.973, calinski_harabasz=9.0), _row(4, 0.30, 0.4, davies_bouldin=0.2)]).reason
    for words in ("3 clusters", "0.466 ± 0.010", "0.97", "2 (silhouette 0.452)", "Calinski–Harabasz", "Davies–Bouldin 4", "weak"):
        assert words in reason
    assert "largest number tried" not in reason
    assert "largest number tried" in choose([_row(2, 0.5), _row(3, 0.9)]).reason
    assert "no substantial" in choose([_row(2, 0.2), _row(3, 0.1)]).reason


def test_favourites_by_hand():
    rows = [
        _row(2, 0.3, 1.0, gap=0.5, gap_sd=0.01, calinski_harabasz=9.0, davies_bouldin=0.4),
        _row(3, 0.8, 0.9, gap=0.9, gap_sd=0.01, calinski_harabasz=8.0, davies_bouldin=0.9),
        _row(4, 0.2, 0.5, gap=0.905, gap_sd=0.02, calinski_harabasz=7.0, davies_bouldin=0.3),
    ]
    expected = {"silhouette": 3, "stability": 2, "calinski_harabasz": 2, "davies_bouldin": 4, "gap": 3}
    assert favourites(rows) == favourites(rows[::-1]) == expected
    assert "stability" not in favourites([dataclasses.replace(row, stability=NAN) for row in rows])


def test_nothing_to_choose_from():
    with pytest.raises(ClusterError, match="no scores"):
        choose([])
