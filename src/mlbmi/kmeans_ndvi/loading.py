"""Scenes → images by tile and resolution. What cannot be read is said, and the rest goes on."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.errors import ReadError
from mlbmi.kmeans_ndvi.bands import resolution, spoken
from mlbmi.kmeans_ndvi.images import TileImages
from mlbmi.kmeans_ndvi.messages import warning_message

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import xarray as xr

    from mlbmi.aoi import AOI
    from mlbmi.pipeline import Progress
    from mlbmi.pipeline.acquire import Recipe
    from mlbmi.types import DayPlan, GridPlan, Scene

__all__ = ["load_images"]


@dataclass(frozen=True, slots=True)
class _Read:
    """One day of one grid, read: its bands, and why others are absent."""

    images: dict[str, xr.DataArray]
    absent: dict[str, str]


def load_images(
    scenes: Sequence[Scene],
    aoi: AOI,
    bands: Sequence[str],
    *,
    keep: Collection[int],
    workers: int,
    progress: Progress,
    allow_requester_pays: bool = False,
) -> dict[tuple[str, str], TileImages]:
    """Read bands of scenes over an area, each tile on its own grid and each band at its own resolution.

    Parameters
    ----------
    scenes : sequence of Scene
        What was found; a scene may lack some of the bands.
    aoi : AOI
        The area; pixels whose centre lies outside are missing.
    bands : sequence of str
        Canonical names.
    keep : collection of int
        Scene classes that count as clear.
    workers : int
        Dates read at a time.
    progress : Progress
        Is told of each date.
    allow_requester_pays : bool
        Whether files may be read that the user pays for.

    Returns
    -------
    dict of (str, str) to TileImages
        By tile and resolution; those of which nothing can be read are left out, with a warning.

    Raises
    ------
    ReadError
        If nothing at all can be read.
    PaymentError
        If it costs money, and may not.
    """
    from mlbmi.pipeline.acquire import Recipe
    from mlbmi.pipeline.offsets import decide_offsets
    from mlbmi.pipeline.paying import cost_of_reading
    from mlbmi.read import configured

    cost_of_reading(scenes, (*bands, "scl"), aoi, allowed=allow_requester_pays)
    with configured(allow_requester_pays=allow_requester_pays):
        grids = [(name, group, *one) for name, group in _by_resolution(bands) for one in _grids(scenes, aoi, group)]
        progress.start("read", sum(len(grid.days) for *_, grid in grids))
        found = {}
        for name, group, band, grid in grids:
            offsets = decide_offsets([grid], [band], "auto", workers=workers)
            recipe = Recipe(bands=group, indices=group, keep=keep, offsets=offsets)
            images = _load_grid(name, recipe, grid, aoi, workers=workers, progress=progress)
            if images is not None:
                found[grid.name, name] = images
    if not found:
        raise ReadError(f"none of {len(scenes)} scenes could be read", remedy="The warnings above say why.")
    return found


def _by_resolution(bands: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, group in groupby(sorted(bands, key=resolution), key=resolution):
        yield name, tuple(group)


def _grids(scenes: Sequence[Scene], aoi: AOI, bands: Sequence[str]) -> Iterator[tuple[str, GridPlan]]:
    """Lay out each tile by a band that all its scenes have; one whose files cannot even be opened is left out, and said."""
    from mlbmi.pipeline.planning import plan_grids

    for tile, group in groupby(sorted(scenes, key=lambda scene: (scene.tile, scene.date)), key=lambda scene: scene.tile):
        those = list(group)
        band = max(bands, key=lambda name: sum(name in scene.assets for scene in those))
        openable = [scene for scene in those if band in scene.assets]
        try:
            grids, left_out = plan_grids(openable, aoi, [band], grid="tile") if openable else ((), ())
        except ReadError as error:
            warning_message(f"{tile}: {error}")
            continue
        for left in left_out:
            warning_message(f"{left.item_id}: {left.reason}")
        for scene in (scene for scene in those if scene not in openable):
            warning_message(f"{scene.item_id} has no {spoken([band])}")
        for grid in grids:
            yield band, grid


def _load_grid(name: str, recipe: Recipe, grid: GridPlan, aoi: AOI, *, workers: int, progress: Progress) -> TileImages | None:
    import xarray as xr

    from mlbmi.cube import assemble

    inside = xr.DataArray(aoi.mask(grid.geobox), dims=("y", "x"))

    def read(day: DayPlan) -> _Read:
        return _read_day(day, grid, recipe, inside)

    days: dict[str, _Read] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="mlbmi-read") as pool:
        for day, done in zip(grid.days, pool.map(read, grid.days), strict=True):
            progress.advance("read", f"{day.date} {grid.name}")
            for reason in dict.fromkeys(done.absent.values()):
                warning_message(f"{grid.name} {day.date}: {reason}")
            days[str(day.date)] = done
    if not any(done.images for done in days.values()):
        return None
    empty = xr.DataArray(np.full(grid.geobox.shape, np.nan, np.float32), dims=("y", "x"))
    filled = {day.date: {band: days[str(day.date)].images.get(band, empty) for band in recipe.bands} for day in grid.days}
    return TileImages(
        scene_id=grid.name,
        resolution=name,
        data=assemble(filled, grid.geobox).assign_coords(inside=inside),
        absent={(date, band): reason for date, done in days.items() for band, reason in done.absent.items()},
    )


def _read_day(day: DayPlan, grid: GridPlan, recipe: Recipe, inside: xr.DataArray) -> _Read:
    """Read the scenes of a day; where two have a value, the first one's counts."""
    images: dict[str, xr.DataArray] = {}
    absent: dict[str, str] = {}
    for scene in day.scenes:
        read = _read_scene(scene, grid, recipe)
        absent |= read.absent
        for band, values in read.images.items():
            images[band] = images[band].fillna(values) if band in images else values.where(inside)
    return _Read(images, {band: reason for band, reason in absent.items() if band not in images})


def _read_scene(scene: Scene, grid: GridPlan, recipe: Recipe) -> _Read:
    """Read all bands at once; if that fails, one by one, so that one bad file costs no other band."""
    from mlbmi.pipeline.acquire import scene_indices

    there = tuple(band for band in recipe.bands if band in scene.assets)
    absent = {band: f"{scene.item_id} has no {spoken([band])}" for band in recipe.bands if band not in there}
    images: dict[str, xr.DataArray] = {}
    for group in (there, *((band,) for band in there if len(there) > 1)):
        try:
            read, _ = scene_indices(scene, grid.geobox, dataclasses.replace(recipe, bands=group, indices=group))
        except ReadError as error:
            absent |= dict.fromkeys(group, str(error))
            continue
        images |= {band: values.drop_vars(set(values.coords) - {"y", "x"}) for band, values in read.items()}
        if group == there:
            break
    return _Read(images, {band: reason for band, reason in absent.items() if band not in images})
