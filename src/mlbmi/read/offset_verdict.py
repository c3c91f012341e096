"""The last word on a scene's offset: pixels where they have enough to say, metadata elsewhere."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from mlbmi.read.offset import decide_offset
from mlbmi.sentinel2 import BOA_ADD_OFFSET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlbmi.read.offset_evidence import Evidence
    from mlbmi.types import OffsetDecision, OffsetRule, Scene

__all__ = ["DECIDING_LOG_ODDS", "SURE_LOG_ODDS", "align", "band_offset", "give_offset", "judge"]

SURE_LOG_ODDS = math.log(0.99 / 0.01)
"""Log odds from which pixels are sure: a probability of 0.99. How often it is wrong in fact: ``benchmarks/bench_offset.py``."""

DECIDING_LOG_ODDS = math.log(0.9 / 0.1)
"""Log odds from which pixels decide, sure or not: a probability of 0.9. Metadata are not to be trusted more than that where
pixels speak against them: on lands looked at while choosing (``benchmarks/bench_offset.py``) this halved the wrong decisions."""

_MOST = math.log(0.9999 / 0.0001)
"""Log odds beyond which nothing is claimed: the measurement has not seen more scenes than that."""

PIXELS, OTHER_DATES, GIVEN = "pixels", "other dates", "given"

_FOR_ALL_BANDS = (PIXELS, OTHER_DATES, GIVEN)


def judge(metadata: OffsetDecision, evidence: Evidence, log_odds: float) -> OffsetDecision:
    """Decide between what metadata and what pixels say.

    Parameters
    ----------
    metadata : OffsetDecision
        Of metadata alone.
    evidence : Evidence
        Of the scene's own pixels.
    log_odds : float
        That the file holds the +1000, by its own pixels and those of other dates.

    Returns
    -------
    OffsetDecision

    Examples
    --------
    >>> from mlbmi.read.offset_evidence import Evidence
    >>> from mlbmi.types import OffsetDecision
    >>> flagged = OffsetDecision(add=-1000, source="boa_offset_applied", reason="the item says so", metadata_add=-1000)
    >>> decided = judge(flagged, Evidence(log_odds=-9.0, pixels=5000), -9.0)
    >>> decided.add, decided.source, decided.contradiction
    (0, 'pixels', 'metadata: the item says so')
    """
    if not evidence.pixels or not log_odds or evidence.at_odds:
        against = "; ".join(part for part in (metadata.contradiction, evidence.at_odds) if part)
        return dataclasses.replace(metadata, contradiction=against, pixels=evidence.pixels)
    probability = 1 / (1 + math.exp(-min(max(log_odds, -_MOST), _MOST)))
    pixels_add = BOA_ADD_OFFSET if log_odds > 0 else 0
    seen = dataclasses.replace(metadata, pixels_add=pixels_add, probability=probability, pixels=evidence.pixels)
    if abs(log_odds) < DECIDING_LOG_ODDS:
        unsure = f"the pixels are not sure (probability of +1000 in the file: {probability:.2f})"
        return dataclasses.replace(seen, reason=f"{metadata.reason}; {unsure}")
    sure = abs(log_odds) >= SURE_LOG_ODDS
    enough = SURE_LOG_ODDS if sure else DECIDING_LOG_ODDS
    alone = abs(evidence.log_odds) >= enough and (evidence.log_odds > 0) == (log_odds > 0)
    whose = "its pixels" if alone else "its pixels beside those of other dates"
    how = "show" if sure else "are not sure, but make it likely"
    return dataclasses.replace(
        seen,
        add=pixels_add,
        source=PIXELS if alone else OTHER_DATES,
        reason=f"{whose} {how} that the file {'holds' if pixels_add else 'does not hold'} the +1000",
        contradiction=metadata.contradiction if metadata.add == pixels_add else f"metadata: {metadata.reason}",
        sure=sure,
    )


def align(metadata: Sequence[OffsetDecision], judged: Sequence[OffsetDecision]) -> list[OffsetDecision]:
    """Let scenes whose pixels cannot decide learn from those that could, about which metadata say the same.

    A publisher's mistake is seldom made once. Where the nearest scenes with the same metadata whose pixels decided, the one
    before and the one after, all show that these metadata are wrong, they are taken to be wrong in between, too.

    Parameters
    ----------
    metadata, judged : sequence of OffsetDecision
        What metadata say about each scene, and what :func:`judge` made of it; in order of time.

    Returns
    -------
    list of OffsetDecision
    """
    aligned = list(judged)
    for number, decision in enumerate(judged):
        if decision.source in {PIXELS, OTHER_DATES} or not decision.pixels:
            continue
        said = metadata[number]
        alike = [
            other.source in {PIXELS, OTHER_DATES} and (m.source, m.add) == (said.source, said.add)
            for m, other in zip(metadata, judged, strict=True)
        ]
        before = next((judged[at] for at in range(number - 1, -1, -1) if alike[at]), None)
        after = next((judged[at] for at in range(number + 1, len(judged)) if alike[at]), None)
        nearest = [other for other in (before, after) if other is not None]
        if nearest and all(other.add != said.add for other in nearest):
            aligned[number] = dataclasses.replace(
                decision,
                add=nearest[0].add,
                source=OTHER_DATES,
                reason="its pixels are not sure; of the nearest scenes whose metadata say the same, the pixels show the contrary",
                contradiction=f"metadata: {said.reason}",
            )
    return aligned


def give_offset(scene: Scene, band: str, rule: OffsetRule) -> OffsetDecision:
    """Decide without looking at pixels: as the user says, or by metadata.

    Parameters
    ----------
    scene : Scene
    band : str
        A reflectance band that it has.
    rule : str
        Other than ``auto`` and ``metadata``, the user's word for every scene.
    """
    metadata = decide_offset(scene, band)
    if rule in {"auto", "metadata"}:
        return metadata
    add = 0 if rule == "none" else int(rule)
    against = "" if metadata.add == add else f"metadata: {metadata.reason}"
    return dataclasses.replace(metadata, add=add, source=GIVEN, reason="the user gave it", contradiction=against)


def band_offset(scene: Scene, band: str, decided: Mapping[str, OffsetDecision]) -> OffsetDecision:
    """Return what holds for one band: what pixels or the user decided for the scene, else what the band's own metadata say.

    Parameters
    ----------
    scene : Scene
    band : str
        A reflectance band that it has.
    decided : mapping of str to OffsetDecision
        Decisions on scenes, by item id.
    """
    whole = decided.get(scene.item_id)
    return whole if whole is not None and whole.source in _FOR_ALL_BANDS else decide_offset(scene, band)
