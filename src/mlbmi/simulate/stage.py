"""Everything about a recipe that can be computed without writing a file: windows, land, skies, looks."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.simulate.instrument import View
from mlbmi.simulate.landscape import Ground, draw_ground
from mlbmi.simulate.orbits import Overpass, overpass_on, sun_position
from mlbmi.simulate.outline import recipe_bounds
from mlbmi.simulate.sky import CloudField, Sky, sky_over, snow_cover
from mlbmi.simulate.surface import HALO, Surface, surface_on
from mlbmi.simulate.tiles import Window, tile_window
from mlbmi.simulate.weather import residual, weather_on

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlbmi.simulate.recipe import Recipe
    from mlbmi.simulate.scenes import ScenePlan

__all__ = ["Block", "Stage"]

_BLOCK_PIXELS = 4_000_000  # of 10 m, worked on at once: some 0.5 GB
_BERLIN = (13.05, 52.49)  # degrees: the sun is reckoned for the reserve


@dataclass(frozen=True, slots=True)
class Block:
    """A band of rows of a tile's window.

    Attributes
    ----------
    window : Window
        The band.
    row : int
        Its first row of 10 m in the tile's window; a multiple of 6.
    """

    window: Window
    row: int

    def rows(self, gsd: int) -> slice:
        """Rows of the tile's window at a resolution in metres."""
        start = self.row * 10 // gsd
        return slice(start, start + self.window.shape(gsd)[0])


@dataclass(frozen=True)
class Stage:
    """A recipe, set up: a pure function of it, whatever is asked for, in whatever order."""

    recipe: Recipe

    @cached_property
    def windows(self) -> dict[str, Window]:
        """Window of each tile."""
        bounds = recipe_bounds(self.recipe)
        return {tile: tile_window(tile, bounds, margin=self.recipe.margin) for tile in self.recipe.tiles}

    @cached_property
    def region(self) -> tuple[float, float, float, float]:
        """Ground coordinates that hold all windows: west, south, east, north."""
        boxes = np.array([window.ground_bounds for window in self.windows.values()])
        west, south = boxes[:, :2].min(axis=0)
        east, north = boxes[:, 2:].max(axis=0)
        return float(west), float(south), float(east), float(north)

    def blocks(self, tile: str) -> Iterator[Block]:
        """Split a tile's window into bands of rows that fit into memory."""
        window = self.windows[tile]
        for block in window.blocks(_block_rows(window)):
            yield Block(block, (window.top - block.top) // 10)

    def ground(self, tile: str) -> Ground:
        """Return a tile's land, :data:`HALO` pixels beyond its window on each side."""
        return _whole_ground(self.windows[tile], self.recipe.seed)

    def surface(self, tile: str, date: dt.date, block: Block) -> Surface:
        """Return the land on a date, for one block and its halo."""
        return surface_on(_rows_of(self.ground(tile), block), date, self.recipe.seed)

    def sun(self, tile: str, date: dt.date) -> tuple[float, float]:
        """Return the sun's azimuth and elevation in degrees."""
        lon, lat = _BERLIN
        return sun_position(overpass_on(date).sensed(tile), lon=lon, lat=lat)

    def clouds(self, date: dt.date) -> CloudField:
        """Return a date's clouds: the same ones over every tile."""
        sun = self.sun(self.recipe.tiles[0], date)
        return CloudField.form(weather_on(date, self.recipe.seed), date, sun, self.region, self.recipe.seed)

    def view(self, plan: ScenePlan, block: Block) -> View:
        """Return a scene's look at one block."""
        clouds, surface = self.clouds(plan.date), self.surface(plan.tile, plan.date, block)
        overpass = overpass_on(plan.date)
        variant = plan.sequence if plan.reprocessed else 0  # a plain copy shows the same pixels
        look = f"{self.recipe.seed}/{plan.tile}/{plan.date}/{variant}"
        return View(
            surface=surface,
            sky=_part_of(sky_over(block.window, clouds), plan, block, self.windows[plan.tile]),
            snow=_inner(snow_cover(surface.ground, clouds.weather.snow)),
            gain=residual(plan.date, overpass.relative_orbit, variant, self.recipe.seed),
            sun_elevation=self.sun(plan.tile, plan.date)[1],
            look_seed=zlib.crc32(look.encode()),
            noise_seed=zlib.crc32(f"{look}/{block.row}".encode()),
        )

    def overpass(self, plan: ScenePlan) -> Overpass:
        """Return the overpass that a scene belongs to."""
        return overpass_on(plan.date)


def _block_rows(window: Window) -> int:
    return max(6, _BLOCK_PIXELS // window.shape(10)[1] // 6 * 6)


@lru_cache(maxsize=2)
def _whole_ground(window: Window, seed: int) -> Ground:
    """Draw a tile's land by blocks: 17 bytes a pixel stay in memory."""
    grown = window.grown(HALO)
    whole: dict[str, NDArray[Any]] = {}
    for block in grown.blocks(_block_rows(grown)):
        part = draw_ground(block, seed)
        start = (grown.top - block.top) // 10
        for name in Ground.__dataclass_fields__:
            values = getattr(part, name)
            whole.setdefault(name, np.empty(grown.shape(10), dtype=values.dtype))[start : start + len(values)] = values
    return Ground(**whole)


def _rows_of(ground: Ground, block: Block) -> Ground:
    rows = slice(block.row, block.row + block.window.shape(10)[0] + 2 * HALO)
    return Ground(**{name: getattr(ground, name)[rows] for name in Ground.__dataclass_fields__})


def _inner(values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    return None if values is None else values[HALO:-HALO, HALO:-HALO]


def _part_of(sky: Sky, plan: ScenePlan, block: Block, window: Window) -> Sky:
    """Blank what belongs to the other item of a split tile-day."""
    if plan.part == "whole":
        return sky
    row = np.arange(block.rows(20).start, block.rows(20).stop)[:, None]
    north = row < window.shape(20)[0] // 2
    return replace(sky, nodata=sky.nodata | (north if plan.part == "south" else ~north))
