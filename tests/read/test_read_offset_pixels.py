"""What pixels say of the offset: on simulated land and real pixels whose offset is known, and by rules worked out by hand."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from scipy.special import logsumexp

from mlbmi.read import (
    Evidence,
    Sample,
    Tie,
    align,
    band_offset,
    compare,
    decide_offset,
    give_offset,
    joint_log_odds,
    judge,
    strongest,
    weigh,
)
from mlbmi.read.offset_verdict import DECIDING_LOG_ODDS, SURE_LOG_ODDS
from mlbmi.simulate import Recipe
from mlbmi.simulate.instrument import classify, digital_numbers
from mlbmi.simulate.scenes import ScenePlan
from mlbmi.simulate.stage import Stage
from mlbmi.types import Asset, OffsetDecision

BANDS = ("blue", "red", "nir")
DAYS = [
    dt.date.fromisoformat(day)
    for day in ("2020-01-02", "2020-01-24", "2020-04-21", "2020-06-02", "2020-11-07", "2021-02-15", "2022-06-17", "2022-08-04")
]


@pytest.fixture(scope="module")
def land():
    """By date: the same 200 × 280 pixels without and with the +1000; a land that no weight was fitted on."""
    bounds = (13.035, 52.484, 13.075, 52.501)
    stage = Stage(Recipe(seed=41, tiles=("33UUU",), bands=BANDS, bounds=bounds, faults=(), dates=tuple(DAYS)))
    block = next(iter(stage.blocks("33UUU")))
    looks = {}
    for day in DAYS:
        view = stage.view(ScenePlan(tile="33UUU", date=day, baseline="02.14"), block)
        scl = np.repeat(np.repeat(classify(view), 2, axis=0), 2, axis=1)
        looks[day] = [
            Sample({band: digital_numbers(view, band, holds_offset=state) for band in BANDS}, scl) for state in (False, True)
        ]
    return looks


def cut(sample, where, bands=BANDS):
    return Sample({band: sample.bands[band][where] for band in bands}, sample.scl[where])


WINDOWS = [np.s_[top : top + 90, left : left + 90] for top in (0, 90) for left in (0, 90, 180)]


@pytest.mark.parametrize("bands", [BANDS, ("red", "nir")], ids=["with blue", "without blue"])
def test_own_pixels_are_never_surely_wrong_and_mostly_sure(land, bands):
    right = wrong = asked = 0
    for (_, looks), where, holds in itertools.product(land.items(), WINDOWS, (0, 1)):
        odds = weigh(cut(looks[holds], where, bands)).log_odds * (1 if holds else -1)
        asked += 1
        right += odds >= SURE_LOG_ODDS
        wrong += odds <= -SURE_LOG_ODDS
    assert asked == len(DAYS) * len(WINDOWS) * 2
    assert wrong == 0
    assert right > 0.5 * asked


def decided(looks, states, where):
    """Decide a series as the pipeline does; return log odds."""
    samples = [cut(pair[state], where) for pair, state in zip(looks, states, strict=True)]
    ties = [strongest(n, sample, dict(enumerate(samples[:n]))) for n, sample in enumerate(samples)]
    return joint_log_odds([weigh(sample).log_odds for sample in samples], [tie for tie in ties if tie is not None])


@pytest.mark.parametrize("seed", range(4))
def test_other_dates_settle_what_a_scene_cannot_say_of_itself(land, seed):
    rng = np.random.default_rng(seed)
    looks = list(land.values())
    states = rng.integers(0, 2, len(looks))
    where = WINDOWS[seed]
    odds = np.array(decided(looks, states, where))
    sure = np.abs(odds) >= SURE_LOG_ODDS
    own = np.array([weigh(cut(pair[state], where)).log_odds for pair, state in zip(looks, states, strict=True)])
    assert ((odds > 0) == states)[sure].all()
    assert sure.sum() >= (np.abs(own) >= SURE_LOG_ODDS).sum()
    assert sure.sum() >= 5, "snow and the cloudy dates may stay open"


def desert(level, shape=(60, 60), seed=0):
    grain = np.random.default_rng(seed).normal(1, 0.05, shape)
    bands = {"blue": 1700 * grain, "red": 3400 * grain, "nir": 3900 * grain}
    return Sample({band: (dn + level).astype(np.uint16) for band, dn in bands.items()}, np.full(shape, 5, dtype=np.uint8))


def test_bright_desert_says_nothing_of_itself_and_a_step_of_1000_says_all():
    low, high = desert(0), desert(1000, seed=1)
    assert [abs(weigh(sample).log_odds) < 1 for sample in (low, high)] == [True, True]
    tie = compare(1, high, 0, low)
    odds = joint_log_odds([0.0, 0.0], [tie])
    assert odds[0] < -SURE_LOG_ODDS < SURE_LOG_ODDS < odds[1]
    same = compare(1, desert(0, seed=2), 0, low)
    assert joint_log_odds([0.0, 0.0], [same]) == [pytest.approx(0)] * 2, "two alike do not tell which they are"


def test_sparse_leaves_over_bright_soil_are_not_taken_for_raised_ones():
    """Their red is as bright as that of dense vegetation with 1000 added; their blue is not."""
    cover = np.tile(np.linspace(0.2, 0.8, 80), (80, 1)) + np.random.default_rng(3).normal(0, 0.02, (80, 80))
    soil, leaves = {"blue": 1400, "red": 3000, "nir": 3600}, {"blue": 300, "red": 500, "nir": 4000}
    bands = {band: (soil[band] * (1 - cover) + leaves[band] * cover).astype(np.uint16) for band in BANDS}
    ndvi = (bands["nir"] - 1.0 * bands["red"]) / (bands["nir"] + 1.0 * bands["red"])
    sample = Sample(bands, np.where(ndvi > 0.4, 4, 5).astype(np.uint8))
    assert np.percentile(bands["red"][sample.scl == 4], 10) > 1000
    assert weigh(sample).log_odds < -SURE_LOG_ODDS
    assert weigh(cut(sample, np.s_[:, :], ("red", "nir"))).log_odds < SURE_LOG_ODDS


def test_a_step_among_clouds_may_be_a_veil():
    low, high = desert(0), desert(1000, seed=1)
    high.scl[:30] = 9
    odds = joint_log_odds([-9.0, 0.0], [compare(1, high, 0, low)])
    assert 0 < odds[1] < SURE_LOG_ODDS


def test_brightness_among_clouds_proves_nothing_and_darkness_does(land):
    clear, raised = (cut(sample, np.s_[:, :]) for sample in land[dt.date(2020, 6, 2)])
    clear, raised = (replace(sample, scl=sample.scl.copy()) for sample in (clear, raised))
    assert weigh(raised).log_odds > DECIDING_LOG_ODDS
    for sample in (clear, raised):
        sample.scl[:90] = 10
    assert weigh(raised).log_odds <= 0
    assert weigh(clear).log_odds < -SURE_LOG_ODDS


def test_what_was_not_measured_is_not_looked_at(land):
    sample = cut(land[dt.date(2020, 6, 2)][1], np.s_[:90, :90])
    spoilt = Sample({band: dn.copy() for band, dn in sample.bands.items()}, sample.scl.copy())
    spoilt.bands["red"][40:44] = 0
    spoilt.bands["red"][44:46] = 5  # ringing
    spoilt.bands["nir"][60:70] = 65_400  # wrapped
    spoilt.scl[80:] = 13
    kept = np.r_[0:38, 46:60, 70:80]
    assert weigh(spoilt) == weigh(cut(sample, (kept, slice(None))))


def test_bands_that_were_treated_apart_say_nothing(land):
    low, high = land[dt.date(2020, 6, 2)]
    mixed = weigh(Sample({**low.bands, "blue": high.bands["blue"]}, low.scl))
    assert mixed.log_odds == 0
    assert mixed.at_odds.startswith("blue looks")
    assert not weigh(low).at_odds + weigh(high).at_odds


def test_odds_in_trees_are_those_of_counting_all_states():
    """Against the sum over all 2^7 states, on random trees."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        own = rng.normal(0, 4, 7)
        ties = [
            Tie(int(rng.integers(0, n)), n, *(float(x) for x in rng.uniform(-6, 0, 3)), likeness=-0.1)
            for n in range(1, 7)
            if rng.random() < 0.8
        ]
        states = np.array(list(itertools.product((0, 1), repeat=7)))
        weight = states @ own
        for tie in ties:
            weight = weight + tie.table()[states[:, tie.first], states[:, tie.second]]
        expected = [logsumexp(weight[states[:, n] == 1]) - logsumexp(weight[states[:, n] == 0]) for n in range(7)]
        np.testing.assert_allclose(joint_log_odds(own.tolist(), ties), expected, atol=1e-9)


def test_scenes_without_common_clear_ground_are_not_tied():
    low, high = desert(0), desert(0, seed=1)
    high.scl[:] = 8
    assert compare(1, high, 0, low) is None
    assert compare(1, replace(low, scl=low.scl), 0, replace(low, bands={"nir": low.bands["nir"]})) is None


# the verdict

FLAGGED = OffsetDecision(add=-1000, source="boa_offset_applied", reason="flagged", metadata_add=-1000)
SEEN = Evidence(log_odds=-9.0, pixels=900)


@pytest.mark.parametrize(
    ("evidence", "odds", "add", "source", "sure"),
    [
        (SEEN, -9.0, 0, "pixels", True),
        (Evidence(0.4, 900), -6.0, 0, "other dates", True),
        (Evidence(9.0, 900), 9.0, -1000, "pixels", True),
        (Evidence(-3.2, 900), -3.2, 0, "pixels", False),
        (Evidence(0.0, 900), -4.0, 0, "other dates", False),
        (Evidence(-2.0, 900), -2.0, -1000, "boa_offset_applied", False),
        (Evidence(0.0, 0), -9.0, -1000, "boa_offset_applied", False),
        (Evidence(0.0, 900, at_odds="red says this, blue that"), -9.0, -1000, "boa_offset_applied", False),
    ],
)
def test_pixels_win_where_they_have_enough_to_say(evidence, odds, add, source, sure):
    decision = judge(FLAGGED, evidence, odds)
    assert (decision.add, decision.source, decision.sure, decision.metadata_add) == (add, source, sure, -1000)
    assert (decision.contradiction == "metadata: flagged") == (add == 0)
    assert evidence.at_odds in decision.contradiction
    assert ("likely" in decision.reason) == (add == 0 and not sure)


def test_probability_is_that_of_the_odds():
    assert judge(FLAGGED, Evidence(2.0, 10), 2.0).probability == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_scene_learns_from_those_whose_pixels_only_lean_as_well():
    leaning, silent = (Evidence(-3.2, 900), -3.2), (Evidence(0.1, 900), 0.1)
    judged = [judge(FLAGGED, *given) for given in (leaning, silent, leaning)]
    assert [decision.sure for decision in judged] == [False] * 3
    assert [decision.add for decision in judged] == [0, -1000, 0]
    assert [decision.add for decision in align([FLAGGED] * 3, judged)] == [0, 0, 0]


def test_an_unsure_scene_learns_from_sure_ones_that_say_the_same():
    right = replace(FLAGGED, source="baseline")
    metadata = [FLAGGED, right, FLAGGED, right, FLAGGED]
    odds = [-9.0, 9.0, 0.5, 0.5, -9.0]
    judged = [judge(said, Evidence(own, 900), own) for said, own in zip(metadata, odds, strict=True)]
    aligned = align(metadata, judged)
    assert [decision.add for decision in aligned] == [0, -1000, 0, -1000, 0]
    assert [decision.sure for decision in aligned] == [True, True, False, False, True]
    disagreeing = [judge(said, Evidence(own, 900), own) for said, own in zip(metadata, [-9.0, 9, 0.5, 0.5, 9.0], strict=True)]
    assert align(metadata, disagreeing)[2].add == -1000, "one saw it right, the other wrong"


def test_the_user_has_the_last_word(make_scene):
    scene = make_scene(dialect="planetary-computer", red=Asset(band="red", key="B04", href="/data/B04.tif"))
    assert decide_offset(scene, "red").add == -1000
    for rule, add in (("none", 0), ("-1000", -1000)):
        given = give_offset(scene, "red", rule)
        assert (given.add, given.source, bool(given.contradiction)) == (add, "given", add == 0)
        assert band_offset(scene, "red", {scene.item_id: given}) == given
    assert band_offset(scene, "red", {}) == give_offset(scene, "red", "metadata") == decide_offset(scene, "red")


# real pixels, both ways


def _real(folder, names):
    def read(path):
        with rasterio.open(path) as file:
            return file.read(1)

    bands = {band: read(folder / f"{esa}.tif") for band, esa in names.items()}
    scl = read(folder / "SCL.tif")
    return bands, scl if scl.shape == bands["red"].shape else np.repeat(np.repeat(scl, 2, axis=0), 2, axis=1)


@pytest.mark.realdata
def test_real_mountains_are_read_as_already_shifted_and_raised_ones_not(realdata):
    items = sorted((realdata / "real" / "earthsearch-v1-33TWL" / "sentinel-2-l2a").glob("S2*"))
    assert len(items) == 5
    right = []
    for item in items:
        bands, scl = _real(item, {"blue": "B02", "red": "B04", "nir": "B08"})
        plain = Sample({band: dn[::7, ::7] for band, dn in bands.items()}, scl[::7, ::7])
        raised = Sample({band: np.where(dn > 0, dn + 1000, 0).astype(np.uint16) for band, dn in plain.bands.items()}, plain.scl)
        assert weigh(plain).log_odds < -SURE_LOG_ODDS
        odds = weigh(raised).log_odds
        assert odds > -1
        right.append(odds > SURE_LOG_ODDS)
    assert sum(right) >= 3, "cloudy dates leave it to the others"


@pytest.mark.realdata
def test_real_desert_is_left_to_metadata(realdata):
    bands, scl = _real(realdata / "real" / "sentinel-cogs-29RKH", {"blue": "B02", "red": "B04", "nir": "B08"})
    for level in (0, 1000):
        sample = Sample({band: (dn[::8, ::8] + level).astype(np.uint16) for band, dn in bands.items()}, scl[::8, ::8])
        assert abs(weigh(sample).log_odds) < SURE_LOG_ODDS
