"""Split granules: a tile and day that comes as several items, each with its own part of the ground.

It happens where a datatake was received at two stations, or its processing was divided; Earth Search then counts the parts in the
sequence number of their ids, just as it counts duplicates. Footprints tell one from the other.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import shapely

from mlbmi.sentinel2 import baseline_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

    from mlbmi.types import Scene

__all__ = ["is_further_part", "most_alike"]

_ONE_PASS = dt.timedelta(minutes=30)
"""A datatake lasts at most about 25 minutes; the next orbit comes after 100 (SentiWiki, S2 Mission)."""

_NEW_SHARE = 0.05
"""Least share of a part's own ground that the others do not show.

Footprints of duplicates differ by less: by rounding, and by the rim of the swath, which each processing traces anew.
"""

_NOTHING_NEW_DEG2 = 1e-9
"""Square degrees (about 8 m²): rounding of published footprints."""


def is_further_part(scene: Scene, others: Sequence[Scene], area: BaseGeometry) -> bool:
    """Say whether a scene shows ground that others of its tile, day, datatake and baseline do not.

    Parameters
    ----------
    scene : Scene
        The candidate.
    others : sequence of Scene
        At least one, of the same tile and day.
    area : shapely geometry
        The area of interest, longitude and latitude: what lies outside does not count.

    Returns
    -------
    bool
        True if its pixels belong beside theirs. False for a duplicate, for another pass or baseline, and for a part that adds
        nothing of the area.
    """
    if not all(_of_one_datatake(scene, other) for other in others):
        return False
    new = shapely.difference(scene.footprint, shapely.union_all([other.footprint for other in others]))
    shown = shapely.intersection(new, area).area
    return bool(new.area >= _NEW_SHARE * scene.footprint.area and shown > _NOTHING_NEW_DEG2)


def most_alike(scene: Scene, others: Sequence[Scene]) -> Scene:
    """Return that of the others, best first, which shares most ground with a scene: what takes its place."""
    return max(others, key=lambda other: float(shapely.intersection(other.footprint, scene.footprint).area))


def _of_one_datatake(scene: Scene, other: Scene) -> bool:
    return (
        scene.item_id != other.item_id
        and baseline_number(scene.baseline or "") == baseline_number(other.baseline or "")
        and (not scene.platform or not other.platform or scene.platform == other.platform)
        and (scene.orbit is None or other.orbit is None or scene.orbit == other.orbit)
        and abs(scene.datetime - other.datetime) < _ONE_PASS
    )
