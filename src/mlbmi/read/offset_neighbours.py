"""What scenes say about one another's offset: the same ground on two days differs by about 0 DN, or by about 1000.

Each scene is tied to the one before it that it resembles most, so that the scenes of a grid form trees. On these the odds of all
scenes given all evidence are exact (the sum-product algorithm), and the same in whatever order scenes were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.read.offset_evidence import seen_well, usable
from mlbmi.sentinel2 import BOA_ADD_OFFSET, SCL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlbmi.read.offset_evidence import Sample

__all__ = ["REACH", "Tie", "compare", "joint_log_odds", "strongest"]

REACH = 30
"""Scenes before it that a scene is compared with: with every orbit in sight, some two to five months."""

_STABLE_BANDS = ("blue", "red")
"""Bands to compare: they change least from date to date."""

_CLEAR = (SCL.VEGETATION, SCL.NOT_VEGETATED, SCL.WATER)
_LEAST_PIXELS = 100
_SCALE_DN = 150.0
"""DN by which the same ground differs between two looks (angles, air, season): the scale of a Cauchy density, whose wide tails
leave room for what did change."""

_STEADY = 0.25
"""Share of the pixels, those that fit an offset best, on which it is judged: thin cloud, snow and growth change the others."""

_WEIGHT = 2.0
"""How many independent looks the pixels together are worth: they change together. Fitted, see ``benchmarks/bench_offset.py``."""

_LEAST_LIKENESS = -0.2
"""Below it even the steadiest quarter of the ground has changed too much for a comparison to mean anything."""

_CAP = 6.0
"""Most, in natural logarithms, that one comparison may say: one of 400 is allowed to be wrong."""


_VEIL = 3.0
"""Most that a comparison may say for 1000 DN *more* in a scene among clouds or snow: a thin veil does that, too. Too little to be
sure (:data:`mlbmi.read.offset_verdict.SURE_LOG_ODDS`)."""


@dataclass(frozen=True, slots=True)
class Tie:
    """What a comparison of two scenes says.

    Attributes
    ----------
    first, second : int
        Numbers of the scenes.
    same, second_more, first_more : float
        Log likelihoods, up to a constant: of no difference, and of 1000 DN more in the second or in the first.
    likeness : float
        The largest of them before it is bounded: how alike the scenes are, an offset apart.
    """

    first: int
    second: int
    same: float
    second_more: float
    first_more: float
    likeness: float

    def table(self) -> NDArray[np.float64]:
        """Return the log likelihoods by state of the first scene (row) and of the second: 0 none, 1 holds the +1000."""
        return np.array([[self.same, self.second_more], [self.first_more, self.same]])


def compare(number: int, sample: Sample, other: int, earlier: Sample) -> Tie | None:
    """Compare a scene with an earlier one over the pixels that both see clearly and in the same class.

    Parameters
    ----------
    number, other : int
        Numbers of the scene and of the earlier one.
    sample, earlier : Sample
        Their pixels, on the same grid.

    Returns
    -------
    Tie or None
        None if they have fewer than 100 such pixels, or no visible band, in common, or do not look alike whatever the offset.
    """
    bands = [band for band in _STABLE_BANDS if band in sample.bands and band in earlier.bands]
    trusted, trusted_earlier = usable(sample), usable(earlier)
    both = (sample.scl == earlier.scl) & np.isin(sample.scl, _CLEAR) & trusted & trusted_earlier
    if not bands or np.count_nonzero(both) < _LEAST_PIXELS:
        return None
    changes = np.stack([sample.bands[band][both].astype(np.float64) - earlier.bands[band][both] for band in bands])
    likes = [_likeness(changes - shift) for shift in (0, -BOA_ADD_OFFSET, BOA_ADD_OFFSET)]
    best = max(likes)
    if best < _LEAST_LIKENESS:
        return None
    same, second_more, first_more = (float(max(_WEIGHT * (like - best), -_CAP)) for like in likes)
    if not seen_well(sample, trusted):
        same = max(same, second_more - _VEIL)
    if not seen_well(earlier, trusted_earlier):
        same = max(same, first_more - _VEIL)
    return Tie(other, number, same, second_more, first_more, likeness=best)


def _likeness(changes: NDArray[np.float64]) -> float:
    """Return the mean log density, without its constant, of the steadiest quarter of changes, shape (bands, pixels)."""
    density = np.sort(-np.log1p(np.square(changes / _SCALE_DN)).mean(axis=0))
    return float(density[-max(1, round(_STEADY * density.size)) :].mean())


def strongest(number: int, sample: Sample, earlier: Mapping[int, Sample]) -> Tie | None:
    """Tie a scene to the one of some earlier ones, by number, that is most alike; to the later one of equals."""
    ties = [tie for other, seen in earlier.items() if (tie := compare(number, sample, other, seen)) is not None]
    return max(ties, key=lambda tie: (tie.likeness, tie.first), default=None)


def joint_log_odds(own: Sequence[float], ties: Sequence[Tie]) -> list[float]:
    """Return the log odds of each scene given its own evidence, that of all others, and the ties between them.

    Parameters
    ----------
    own : sequence of float
        Log odds of each scene for itself that it holds the +1000.
    ties : sequence of Tie
        At most one from each scene to one before it, so that they form trees.

    Returns
    -------
    list of float

    Examples
    --------
    A scene that says nothing lies 1000 DN above one that surely holds none:

    >>> above = Tie(0, 1, same=-6.0, second_more=0.0, first_more=-6.0, likeness=-0.1)
    >>> [round(odds, 1) for odds in joint_log_odds([-9.0, 0.0], [above])]
    [-14.3, 6.0]
    """
    below = [np.array([0.0, odds]) for odds in own]
    by_second = {tie.second: tie for tie in ties}
    for number in sorted(by_second, reverse=True):
        tie = by_second[number]
        below[tie.first] = below[tie.first] + _sum_out(tie.table() + below[number], axis=1)
    whole = list(below)
    for number in sorted(by_second):
        tie = by_second[number]
        others = whole[tie.first] - _sum_out(tie.table() + below[number], axis=1)
        whole[number] = below[number] + _sum_out(tie.table() + others[:, None], axis=0)
    return [float(weights[1] - weights[0]) for weights in whole]


def _sum_out(table: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return log sums of exponentials along an axis, shifted so that nothing overflows in long chains."""
    sums = np.logaddexp.reduce(table, axis=axis)
    return np.asarray(sums - sums.max())
