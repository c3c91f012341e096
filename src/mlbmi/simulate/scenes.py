"""Which scenes a recipe asks for, and what is wrong with some of them on purpose.

The faults, as met in real catalogues (FACTS: earth-search#66, #71, #76, #51):

- ``duplicates``: one tile-day is there again as reprocessed data of a later baseline, one again in the same baseline;
- ``split``: one tile-day comes as two items, each with a part of the tile and nodata elsewhere;
- ``missing-asset``: one item has no nir (or lacks its last band, where nir is not simulated);
- ``wrong-flag``: items of baseline ≥ 04.00 flagged "offset not applied" whose pixels *are* shifted already;
- ``unshifted``: an item flagged "offset applied" whose pixels still hold the +1000;
- ``missing-flag``: an item of baseline ≥ 04.00 without the flag, shifted all the same.

The last three need a catalogue that takes the offset out and says so: the dialects of Earth Search v0 and v1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mlbmi.sentinel2 import BASELINE_WITH_OFFSET, baseline_number
from mlbmi.simulate.orbits import baseline_on

if TYPE_CHECKING:
    import datetime as dt

    from mlbmi.simulate.recipe import Recipe

__all__ = ["DialectName", "Fault", "ScenePlan", "plan_scenes"]

DialectName = Literal["earth-search-v1", "earth-search-v0", "earth-search-c1", "planetary-computer", "cdse"]
"""Name of a catalogue dialect."""

Fault = Literal["duplicates", "split", "missing-asset", "wrong-flag", "unshifted", "missing-flag"]
"""Name of a fault that can be injected."""

_REPROCESSED = {"earth-search-c1", "cdse"}  # these hold Collection-1: early acquisitions too have the offset
_SHIFTING = {"earth-search-v0", "earth-search-v1"}  # these take the offset out of their COGs


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenePlan:
    """One item to write.

    Attributes
    ----------
    tile : str
    date : datetime.date
    baseline : str
        Processing baseline, ``"02.14"``.
    sequence : int
        0, or 1 for the second item of a tile-day.
    reprocessed : bool
        Whether the product was made long after the acquisition.
    part : str
        ``whole``, or the ``north`` or ``south`` of a split tile-day.
    missing : tuple of str
        Bands whose asset the item lacks.
    holds_offset : bool
        Whether the pixels hold the +1000.
    flag : bool or None
        What the item says about it (``boa_offset_applied``); None if it says nothing.
    faults : tuple of str
        What is wrong with the item, in words; empty if nothing is.
    """

    tile: str
    date: dt.date
    baseline: str
    sequence: int = 0
    reprocessed: bool = False
    part: Literal["whole", "north", "south"] = "whole"
    missing: tuple[str, ...] = ()
    holds_offset: bool = False
    flag: bool | None = None
    faults: tuple[str, ...] = ()

    @property
    def offset_in_baseline(self) -> bool:
        """Whether products of this baseline were published with the +1000."""
        return _has_offset(self.baseline)


def _has_offset(baseline: str) -> bool:
    return (baseline_number(baseline) or (0, 0)) >= BASELINE_WITH_OFFSET


def plan_scenes(recipe: Recipe) -> tuple[ScenePlan, ...]:
    """List the items of a recipe, by date, tile and sequence, with its faults put in."""
    scenes = [_sound(tile, day, recipe) for day in recipe.dates for tile in recipe.tiles]
    for fault in recipe.faults:
        scenes = _INJECT[fault](scenes, recipe)
    return tuple(sorted(scenes, key=lambda scene: (scene.date, recipe.tiles.index(scene.tile), scene.sequence)))


def _sound(tile: str, day: dt.date, recipe: Recipe) -> ScenePlan:
    baseline = baseline_on(day)
    reprocessed = recipe.dialect in _REPROCESSED
    if reprocessed:
        baseline = "05.10" if _has_offset(baseline) else "05.00"
    return _flagged(ScenePlan(tile=tile, date=day, baseline=baseline, reprocessed=reprocessed), recipe)


def _flagged(scene: ScenePlan, recipe: Recipe) -> ScenePlan:
    """Set what the pixels hold and what the item says, both right."""
    if recipe.dialect not in _SHIFTING:
        return replace(scene, holds_offset=scene.offset_in_baseline)
    says = scene.offset_in_baseline or recipe.dialect == "earth-search-v1"  # v0 had no such property before baseline 04.00
    return replace(scene, holds_offset=False, flag=scene.offset_in_baseline if says else None)


def _spoil(scenes: list[ScenePlan], at: int, fault: str, **changes: object) -> list[ScenePlan]:
    spoilt = replace(scenes[at], **changes, faults=(*scenes[at].faults, fault))  # type: ignore[arg-type]
    return [*scenes[:at], spoilt, *scenes[at + 1 :]]


def _sound_ones(scenes: list[ScenePlan], *, with_offset: bool | None = None, bright: bool = False) -> list[int]:
    """Return the places of whole scenes that nothing is wrong with, January's two clear days of 2020 spared.

    ``bright`` keeps to March–October, when there is something to see.
    """
    return [
        at
        for at, scene in enumerate(scenes)
        if not scene.faults
        and (scene.date.year, scene.date.month) != (2020, 1)
        and (with_offset is None or scene.offset_in_baseline == with_offset)
        and (not bright or 3 <= scene.date.month <= 10)
    ]


def _duplicate(scenes: list[ScenePlan], recipe: Recipe) -> list[ScenePlan]:
    old = _sound_ones(scenes, with_offset=False, bright=True) or _sound_ones(scenes)
    if old:
        first = scenes[old[0]]
        again = replace(first, sequence=1, baseline="05.10" if first.offset_in_baseline else "05.00", reprocessed=True)
        scenes = [
            *scenes,
            replace(_flagged(again, recipe), faults=(f"duplicate: same tile and day as baseline {first.baseline}",)),
        ]
    late = [at for at in _sound_ones(scenes, bright=True) if scenes[at].tile == recipe.tiles[-1] and at not in old[:1]]
    if late:
        scenes = [*scenes, replace(scenes[late[-1]], sequence=1, faults=("duplicate: same tile, day and baseline",))]
    return scenes


def _split(scenes: list[ScenePlan], recipe: Recipe) -> list[ScenePlan]:
    taken = {(scene.tile, scene.date) for scene in scenes if scene.sequence}
    places = [at for at in _sound_ones(scenes, bright=True) if (scenes[at].tile, scenes[at].date) not in taken]
    if not places:
        return scenes
    at = places[len(places) // 3]
    south = replace(scenes[at], sequence=1, part="south", faults=("split: the tile's south, north is another item",))
    return [*_spoil(scenes, at, "split: the tile's north, south is another item", part="north"), _flagged(south, recipe)]


def _lose_asset(scenes: list[ScenePlan], recipe: Recipe) -> list[ScenePlan]:
    band = "nir" if "nir" in recipe.bands else recipe.bands[-1]
    doubled = {(scene.tile, scene.date) for scene in scenes if scene.sequence}
    places = [
        at
        for at in _sound_ones(scenes, bright=True)
        if scenes[at].tile == recipe.tiles[0] and (scenes[at].tile, scenes[at].date) not in doubled
    ]
    if not places:
        return scenes
    return _spoil(scenes, places[len(places) // 2], f"missing asset: no {band}", missing=(band,))


def _flag_wrongly(scenes: list[ScenePlan], recipe: Recipe) -> list[ScenePlan]:
    fault = "wrong flag: says the offset is not applied, the pixels are shifted already"
    for tile in recipe.tiles:
        for at in _shifted(scenes, recipe, tile)[:2]:
            scenes = _spoil(scenes, at, fault, flag=False)
    return scenes


def _leave_unshifted(scenes: list[ScenePlan], recipe: Recipe) -> list[ScenePlan]:
    fault = "unshifted: says the offset is applied, the pixels still hold it"
    for at in _shifted(scenes, recipe, recipe.tiles[0])[-1:]:
        scenes = _spoil(scenes, at, fault, holds_offset=True)
    return scenes


def _drop_flag(scenes: list[ScenePlan], recipe: Recipe) -> list[ScenePlan]:
    for at in _shifted(scenes, recipe, recipe.tiles[-1])[-1:]:
        scenes = _spoil(scenes, at, "missing flag: does not say that the pixels are shifted already", flag=None)
    return scenes


def _shifted(scenes: list[ScenePlan], recipe: Recipe, tile: str) -> list[int]:
    """Return the places of a tile's sound scenes whose offset the catalogue has taken out."""
    if recipe.dialect not in _SHIFTING:
        return []
    return [at for at in _sound_ones(scenes, with_offset=True, bright=True) if scenes[at].tile == tile]


_INJECT = {
    "duplicates": _duplicate,
    "split": _split,
    "missing-asset": _lose_asset,
    "wrong-flag": _flag_wrongly,
    "unshifted": _leave_unshifted,
    "missing-flag": _drop_flag,
}
