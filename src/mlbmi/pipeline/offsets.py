"""The offset of every scene of a run, decided before any of them is read: by metadata, their own pixels, and one another's.

A small sample of each scene is read on one coarse grid, from overviews where there are any. Scenes are taken in order of time and
compared with the last few before them, so that memory is bounded, and the same scenes give the same decisions whatever the number
of workers.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlbmi.errors import ReadError
from mlbmi.grid import sample_geobox
from mlbmi.pipeline.sources import published
from mlbmi.read import (
    REACH,
    Evidence,
    Sample,
    align,
    configured,
    decide_offset,
    give_offset,
    joint_log_odds,
    judge,
    read_sample,
    strongest,
    weigh,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from odc.geo.geobox import GeoBox

    from mlbmi.config import RunConfig
    from mlbmi.pipeline.progress import Progress
    from mlbmi.pipeline.sources import Source
    from mlbmi.pipeline.workspace import Workspace
    from mlbmi.read import Tie
    from mlbmi.types import GridPlan, OffsetDecision, OffsetRule, RunPlan, Scene

__all__ = ["decide_offsets", "settle_offsets"]

_log = logging.getLogger("mlbmi")

_SIDE = 128
"""Pixels of a sample's side: 16 000 pixels, 0.1 MB a scene."""

_SILENT = Evidence(log_odds=0.0, pixels=0)


def settle_offsets(
    plan: RunPlan, config: RunConfig, space: Workspace, progress: Progress, source: Source = published
) -> dict[str, OffsetDecision]:
    """Decide the offsets of a run, or take up what an earlier, killed process of the same run decided.

    Of files that are fetched whole, only those are looked at that are fetched for the indices: what is in the download folder
    must be enough.
    """
    noted = space.noted_offsets()
    if noted is not None:
        return noted
    progress.start("offset", sum(len(day.scenes) for grid in plan.grids for day in grid.days))
    needed = frozenset((*plan.bands, "scl"))
    with configured(allow_requester_pays=config.allow_requester_pays):
        decided = decide_offsets(
            plan.grids,
            plan.bands,
            config.offset,
            workers=config.workers,
            source=(lambda scene: _without_others(source(scene), needed)) if config.download else source,
            seen=lambda scene: progress.advance("offset", scene.item_id),
        )
    space.note_offsets(decided)
    return decided


def decide_offsets(
    grids: Iterable[GridPlan],
    bands: Sequence[str],
    rule: OffsetRule,
    *,
    workers: int = 4,
    source: Source = published,
    seen: Callable[[Scene], None] = lambda _scene: None,
) -> dict[str, OffsetDecision]:
    """Decide for every scene of some grids how its DNs become reflectance.

    Parameters
    ----------
    grids : iterable of GridPlan
        The scenes and where they will be read.
    bands : sequence of str
        Reflectance bands to be read; the first one's metadata stand for the scene's.
    rule : str
        ``auto``, or without looking at pixels: ``metadata``, ``none``, ``-1000``.
    workers : int
        Half the number of scenes that are looked at at a time: they mostly wait for a server.
    source : Source
        Where each scene is read from.
    seen : callable
        Is told of each scene when its pixels have been seen.

    Returns
    -------
    dict of str to OffsetDecision
        By item id. A scene whose sample cannot be read is decided by metadata: reading it will say what is wrong.
    """
    decided: dict[str, OffsetDecision] = {}
    for grid in grids:
        scenes = sorted((scene for day in grid.days for scene in day.scenes), key=lambda scene: (scene.datetime, scene.item_id))
        if rule == "auto":
            decided |= _by_pixels(scenes, sample_geobox(grid.geobox, side=_SIDE), bands[0], _Looking(workers, source, seen))
        else:
            decided |= {scene.item_id: give_offset(scene, bands[0], rule) for scene in scenes}
    _warn(decided)
    return decided


@dataclass(frozen=True, slots=True)
class _Looking:
    """How scenes are looked at: how many at a time, where they are read from, and who is told."""

    workers: int
    source: Source
    seen: Callable[[Scene], None]


def _without_others(scene: Scene, bands: Collection[str]) -> Scene:
    kept = {band: asset for band, asset in scene.assets.items() if band in bands}
    return dataclasses.replace(scene, assets=MappingProxyType(kept))


def _by_pixels(scenes: Sequence[Scene], geobox: GeoBox, band: str, looking: _Looking) -> dict[str, OffsetDecision]:
    evidence, ties = [], []
    last: deque[tuple[int, Sample]] = deque(maxlen=REACH)
    for number, (scene, sample) in enumerate(zip(scenes, _samples(scenes, geobox, looking), strict=True)):
        own, tie = (_SILENT, None) if sample is None else _look(number, sample, dict(last))
        if sample is not None and own.pixels and not own.at_odds:
            last.append((number, sample))
        evidence.append(own)
        ties += [] if tie is None else [tie]
        looking.seen(scene)
    odds = joint_log_odds([own.log_odds for own in evidence], ties)
    metadata = [decide_offset(scene, band) for scene in scenes]
    judged = [judge(said, own, joint) for said, own, joint in zip(metadata, evidence, odds, strict=True)]
    return {scene.item_id: decision for scene, decision in zip(scenes, align(metadata, judged), strict=True)}


def _look(number: int, sample: Sample, last: Mapping[int, Sample]) -> tuple[Evidence, Tie | None]:
    own = weigh(sample)
    return own, strongest(number, sample, last) if own.pixels and not own.at_odds else None


def _samples(scenes: Sequence[Scene], geobox: GeoBox, looking: _Looking) -> Iterator[Sample | None]:
    """Read samples in order, a few ahead of what is asked for."""
    ahead = 2 * looking.workers
    with ThreadPoolExecutor(ahead, thread_name_prefix="mlbmi-offset") as pool:
        for start in range(0, len(scenes), ahead):
            yield from pool.map(lambda scene: _sample(scene, geobox, looking.source), scenes[start : start + ahead])


def _sample(scene: Scene, geobox: GeoBox, source: Source) -> Sample | None:
    try:
        return read_sample(source(scene), geobox)
    except ReadError as error:
        _log.info("the offset of %s is decided by metadata alone: %s", scene.item_id, error)
        return None


def _warn(decided: Mapping[str, OffsetDecision]) -> None:
    """Warn once for each cause, with an example."""
    causes: dict[str, tuple[str, str]] = {}
    counts: Counter[str] = Counter()
    for item_id, decision in sorted(decided.items()):
        cause = _cause(decision)
        if cause:
            causes.setdefault(cause, (item_id, decision.contradiction or decision.reason))
            counts[cause] += 1
    for cause, (item_id, words) in sorted(causes.items()):
        _log.warning("offset of %d of %d scenes: %s; %s: %s", counts[cause], len(decided), cause, item_id, words)


def _cause(decision: OffsetDecision) -> str:
    if decision.source == "given":
        return "given by the user against what metadata say" if decision.contradiction else ""
    if decision.metadata_add != decision.add:
        how = "show" if decision.sure else "make it likely"
        return f"the pixels {how} that metadata are wrong, and decide"
    undecided = decision.pixels and not decision.sure and decision.source not in ("pixels", "other dates")
    return "the pixels are not sure, metadata decide" if undecided else ""
