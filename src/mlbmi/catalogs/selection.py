"""Which scenes answer the question, one of them (or its parts) for each tile and day: pure, whatever a server has filtered."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlbmi.catalogs.filters import baseline_name, platform_name, tile_name
from mlbmi.catalogs.footprints import share_area
from mlbmi.catalogs.parts import is_further_part, most_alike
from mlbmi.errors import ConfigError
from mlbmi.sentinel2 import BANDS, baseline_number
from mlbmi.types import LeftOut, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlbmi.aoi import AOI

__all__ = ["Question", "answer", "select", "sorted_left_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is searched for; checked.

    Attributes
    ----------
    aoi : AOI
        Scenes must share area with it.
    start, end : datetime.date
        First and last UTC day, both included.
    cloud_cover : float or None
        Largest clouded share of the whole scene, per cent; None: any.
    bands : tuple of str
        Canonical reflectance bands that a scene must have; ``scl`` it must have besides.
    tiles : tuple of str
        MGRS tiles to keep to; empty: any.
    platforms : tuple of str
        Satellites to keep to, ``sentinel-2a`` and so on; empty: any.
    baseline : str or None
        Least processing baseline, ``"04.00"``; None: any.

    Raises
    ------
    ConfigError
        If the days are in the wrong order or no plain dates, the limit is outside 0-100, or a band, tile, satellite or baseline
        is none.
    """

    aoi: AOI
    start: dt.date
    end: dt.date
    cloud_cover: float | None = None
    bands: tuple[str, ...] = ("red", "nir")
    tiles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    baseline: str | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        for name, day in (("start", self.start), ("end", self.end)):
            if type(day) is not dt.date:  # a datetime is a date too, but of which day depends on its time zone
                raise ConfigError(f"{name} is {day!r}; it must be a datetime.date", remedy="Give the UTC day.")
        if self.start > self.end:
            raise ConfigError(f"start {self.start} lies after end {self.end}", remedy="Exchange them.")
        if self.cloud_cover is not None and not 0 <= self.cloud_cover <= 100:
            raise ConfigError(f"cloud cover {self.cloud_cover!r} must lie in 0-100 %")
        if unknown := [band for band in self.bands if band not in BANDS]:
            raise ConfigError(f"{unknown[0]!r} is not a Sentinel-2 band", remedy=f"Bands are {', '.join(BANDS)}.")
        # One spelling of each from here on; frozen only means that nobody else may.
        object.__setattr__(self, "tiles", tuple(tile_name(tile) for tile in self.tiles))
        object.__setattr__(self, "platforms", tuple(platform_name(platform) for platform in self.platforms))
        object.__setattr__(self, "baseline", None if self.baseline is None else baseline_name(self.baseline))


def select(
    scenes: Iterable[Scene],
    *,
    aoi: AOI,
    start: dt.date,
    end: dt.date,
    cloud_cover: float | None = None,
    bands: Sequence[str] = ("red", "nir"),
    tiles: Sequence[str] = (),
    platforms: Sequence[str] = (),
    baseline: str | None = None,
) -> tuple[tuple[Scene, ...], tuple[LeftOut, ...]]:
    """Keep the scenes that answer a question, one for each tile and UTC day or the parts of a split one; say why not the others.

    Parameters
    ----------
    scenes : iterable of Scene
        In any order; the result does not depend on it.
    aoi : AOI
        A scene's footprint must share area with it.
    start, end : datetime.date
        First and last UTC day, both included.
    cloud_cover : float, optional
        Largest clouded share of the whole scene, per cent. A scene that does not state its share is then left out.
    bands : sequence of str
        Canonical reflectance bands that a scene must have, besides ``scl``.
    tiles, platforms : sequence of str
        MGRS tiles and satellites to keep to; empty: any. A scene that does not state its satellite is left out
        where some are asked for.
    baseline : str, optional
        Least processing baseline. A scene that does not state its own is then left out.

    Returns
    -------
    kept : tuple of Scene
        By day, then tile. Among scenes of one tile and day that pass every other test: the newest processing baseline, then the
        highest sequence number, then the last id in alphabetical order. Beside it stand, in order of precedence, the further
        parts of a split granule: scenes of its datatake and baseline that show ground which it does not.
    left_out : tuple of LeftOut
        Every other scene, once, with the value and the rule.

    Raises
    ------
    ConfigError
        If the question cannot be asked (:class:`Question`).
    """
    question = Question(
        aoi=aoi,
        start=start,
        end=end,
        cloud_cover=cloud_cover,
        bands=tuple(bands),
        tiles=tuple(tiles),
        platforms=tuple(platforms),
        baseline=baseline,
    )
    return answer(scenes, question)


def answer(scenes: Iterable[Scene], question: Question) -> tuple[tuple[Scene, ...], tuple[LeftOut, ...]]:
    """Do what :func:`select` does, for a question that has been checked."""
    candidates, left_out = _filtered(list(scenes), question)
    kept: list[Scene] = []
    for _, rivals in itertools.groupby(sorted(candidates, key=_rank), key=_place):
        *losers, winner = rivals
        used = [winner]
        for loser in reversed(losers):
            if is_further_part(loser, used, question.aoi.geometry):
                used.append(loser)
            else:
                left_out.append(_left(loser, _defeat(loser, most_alike(loser, used))))
        kept += used
    return tuple(kept), sorted_left_out(left_out)


def sorted_left_out(left_out: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Put in order of day, id and reason; items that were not understood come first."""
    return tuple(sorted(left_out, key=lambda left: (left.scene.date if left.scene else dt.date.min, left.item_id, left.reason)))


def _filtered(scenes: Sequence[Scene], question: Question) -> tuple[list[Scene], list[LeftOut]]:
    candidates: list[Scene] = []
    left_out: list[LeftOut] = []
    covered = share_area(question.aoi.geometry, (scene.footprint for scene in scenes))
    for scene, covers in zip(scenes, covered, strict=True):
        reason = _objection(scene, question, covers=bool(covers))
        if reason:
            left_out.append(_left(scene, reason))
        else:
            candidates.append(scene)
    return candidates, left_out


def _objection(scene: Scene, question: Question, *, covers: bool) -> str:
    """Return the first rule that the scene breaks; empty if it breaks none."""
    if not question.start <= scene.date <= question.end:
        return f"its day {scene.date} lies outside {question.start} to {question.end}"
    if not covers:
        return "its footprint does not cover any of the area"
    if question.cloud_cover is not None:
        limit = f"the limit is {question.cloud_cover:g} %"
        if scene.cloud_cover is None:
            return f"it states no cloud cover, and {limit}"
        if scene.cloud_cover > question.cloud_cover:
            return f"its cloud cover is {scene.cloud_cover:.6g} %, and {limit}"
    if reason := _not_asked_for(scene, question):
        return reason
    lacking = [band for band in (*question.bands, "scl") if band not in scene.assets]
    return f"it lacks {', '.join(lacking)}" if lacking else ""


def _not_asked_for(scene: Scene, question: Question) -> str:
    """Return which filter of tile, satellite or baseline the scene does not pass; empty if it passes all."""
    if question.tiles and scene.tile not in question.tiles:
        return f"its tile {scene.tile} is not {' or '.join(question.tiles)}"
    if question.platforms and scene.platform not in question.platforms:
        stated = f"its satellite is {scene.platform}" if scene.platform else "it states no satellite"
        return f"{stated}, and {' or '.join(question.platforms)} is asked for"
    if question.baseline is None:
        return ""
    least = baseline_number(question.baseline) or (0, 0)
    if not scene.baseline:
        return f"it states no processing baseline, and the least is {question.baseline}"
    if _numbers(scene) < least:
        return f"its processing baseline is {scene.baseline}, and the least is {question.baseline}"
    return ""


def _left(scene: Scene, reason: str) -> LeftOut:
    return LeftOut(item_id=scene.item_id, reason=reason, scene=scene)


def _place(scene: Scene) -> tuple[dt.date, str]:
    return scene.date, scene.tile


def _numbers(scene: Scene) -> tuple[int, int]:
    return baseline_number(scene.baseline or "") or (-1, -1)


def _rank(scene: Scene) -> tuple[object, ...]:
    """Order by day and tile, best last; total, so that the order of the input never shows."""
    hrefs = sorted(asset.href for asset in scene.assets.values())
    tie_breakers = (scene.item_id, scene.collection, scene.datetime, scene.cloud_cover or 0.0, hrefs)
    return (*_place(scene), _numbers(scene), scene.sequence, *tie_breakers)


def _defeat(loser: Scene, winner: Scene) -> str:
    if _numbers(loser) != _numbers(winner):
        why = f"its processing baseline {winner.baseline} is newer than {loser.baseline or 'an unknown one'}"
    elif loser.sequence != winner.sequence:
        why = f"its sequence number {winner.sequence} is higher than {loser.sequence}"
    elif loser.item_id != winner.item_id:
        why = "its id is the last in alphabetical order"
    else:
        why = "it is listed more than once"
    return f"{winner.item_id} is used for tile {winner.tile} on {winner.date}: {why}"
