"""The plan: which scenes, on which grids, for how many bytes. Reads metadata and raster headers, never a pixel."""

from __future__ import annotations

import itertools
import logging
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import shapely

from mlbmi.aoi import AOI
from mlbmi.catalogs import search
from mlbmi.errors import NothingFoundError, ReadError
from mlbmi.grid import aoi_geobox
from mlbmi.indices import get_index
from mlbmi.pipeline.paying import cost_of_reading
from mlbmi.read import configured, open_geobox
from mlbmi.sentinel2 import BANDS, tile_epsg
from mlbmi.types import DayPlan, GridPlan, LeftOut, RunPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from odc.geo.geobox import GeoBox

    from mlbmi.catalogs import SearchResult
    from mlbmi.config import RunConfig
    from mlbmi.types import Scene

__all__ = ["bands_for", "plan", "plan_grids"]

_log = logging.getLogger("mlbmi")

_NOTHING_NEW_DEG2 = 1e-9
"""Area in square degrees (about 8 m²) below which a further tile adds nothing to the area: rounding of published footprints."""

_COG_BLOCK = 1024
"""Side in pixels of the blocks of the public Sentinel-2 COGs, for the estimate of requests."""

_BYTES_PER_DN = 2


def bands_for(indices: Iterable[str]) -> tuple[str, ...]:
    """Return the reflectance bands that some indices need, in order of wavelength."""
    needed = {band for name in indices for band in get_index(name).bands}
    return tuple(name for name in BANDS if name in needed)


def plan(config: RunConfig) -> RunPlan:
    """Find the scenes and lay out the grids of a run, without reading a pixel.

    Parameters
    ----------
    config : RunConfig
        The settings.

    Returns
    -------
    RunPlan
        At least one grid with at least one day.

    Raises
    ------
    InputError
        If the outline, the catalogue's name or an index cannot be used.
    NothingFoundError
        If no scene answers the question.
    SearchError, ReadError
        If the catalogue, or the header of every candidate raster, cannot be read.
    PaymentError
        If reading costs money and ``config.allow_requester_pays`` is False; the message names the cost, and nothing has been
        read, not even a header.
    """
    aoi = AOI.from_file(config.aoi)
    for note in aoi.notes:
        _log.warning("AOI %s: %s", aoi.name, note)
    bands = bands_for(config.layers)
    found = search(
        aoi,
        start=config.start,
        end=config.end,
        cloud_cover=config.cloud_cover,
        catalog=config.catalog,
        collection=config.collection,
        bands=bands,
        tiles=config.tile,
        platforms=config.platform,
        baseline=config.baseline,
    )
    if not found.scenes:
        raise _nothing_found(found, config)
    cost = cost_of_reading(found.scenes, (*bands, "scl"), aoi, allowed=config.allow_requester_pays)
    with configured(allow_requester_pays=config.allow_requester_pays):
        grids, left_out = plan_grids(found.scenes, aoi, bands, grid=config.grid)
    if not grids:
        raise NothingFoundError(
            f"none of {len(found.scenes)} scenes has a pixel inside the AOI {aoi.name!r}", remedy="Check the outline on a map."
        )
    return RunPlan(
        grids=grids,
        bands=bands,
        indices=config.layers,
        left_out=(*found.left_out, *left_out),
        cost_expected=cost,
        **_estimate(grids, bands, config),
    )


def plan_grids(
    scenes: Sequence[Scene], aoi: AOI, bands: Sequence[str], *, grid: str
) -> tuple[tuple[GridPlan, ...], tuple[LeftOut, ...]]:
    """Lay scenes out on one mosaic grid, or on the grid of each tile.

    Parameters
    ----------
    scenes : sequence of Scene
        At most one for each tile and day, or the parts of a split granule in order of precedence.
    aoi : AOI
        The area.
    bands : sequence of str
        Bands that will be read: the finest decides the lattice of pixels.
    grid : str
        ``mosaic`` or ``tile``.

    Returns
    -------
    (tuple of GridPlan, tuple of LeftOut)
        The grids, and the scenes that have no place on them.
    """
    by_tile = _group_by_tile(scenes)
    if grid == "tile":
        return _tile_grids(by_tile, aoi, bands)
    return _mosaic_grid(by_tile, aoi, bands)


def _group_by_tile(scenes: Sequence[Scene]) -> dict[str, list[Scene]]:
    by_tile: dict[str, list[Scene]] = defaultdict(list)
    for scene in sorted(scenes, key=lambda scene: (scene.tile, scene.date)):
        by_tile[scene.tile].append(scene)
    return by_tile


def _tile_grids(
    by_tile: Mapping[str, list[Scene]], aoi: AOI, bands: Sequence[str]
) -> tuple[tuple[GridPlan, ...], tuple[LeftOut, ...]]:
    grids: list[GridPlan] = []
    left_out: list[LeftOut] = []
    for tile, scenes in by_tile.items():
        geobox = aoi_geobox(_native_geobox(scenes, bands), aoi, clip=True)
        if geobox is None:
            left_out += [_outside(scene) for scene in scenes]
        else:
            days = itertools.groupby(scenes, key=lambda scene: scene.date)
            planned = tuple(DayPlan(date=date, scenes=tuple(parts)) for date, parts in days)
            grids.append(GridPlan(name=tile, geobox=geobox, days=planned))
    return tuple(grids), tuple(left_out)


def _mosaic_grid(
    by_tile: Mapping[str, list[Scene]], aoi: AOI, bands: Sequence[str]
) -> tuple[tuple[GridPlan, ...], tuple[LeftOut, ...]]:
    """Take the lattice of the tile that covers most of the area, and go on along it as far as the area reaches.

    Tiles that cover as much are ranked by how near the area lies to the meridian of their zone, then by scenes.
    """
    rank = {tile: (-_covered(scenes, aoi), _off_meridian(tile, aoi), -len(scenes), tile) for tile, scenes in by_tile.items()}
    main = min(rank, key=lambda tile: rank[tile])
    geobox = aoi_geobox(_native_geobox(by_tile[main], bands), aoi, clip=False)
    if geobox is None:
        return (), tuple(_outside(scene) for scenes in by_tile.values() for scene in scenes)
    ordered = sorted(itertools.chain(*by_tile.values()), key=lambda scene: (scene.date, rank[scene.tile]))
    days, left_out = [], []
    for date, scenes in itertools.groupby(ordered, key=lambda scene: scene.date):
        needed, spare = _needed(list(scenes), aoi)
        days.append(DayPlan(date=date, scenes=needed))
        left_out += spare
    return (GridPlan(name="mosaic", geobox=geobox, days=tuple(days)),), tuple(left_out)


def _needed(scenes: list[Scene], aoi: AOI) -> tuple[tuple[Scene, ...], list[LeftOut]]:
    """Keep, in order of precedence, the scenes of a day that add area to those before them."""
    needed: list[Scene] = []
    spare: list[LeftOut] = []
    missing = aoi.geometry
    for scene in scenes:
        rest = shapely.difference(missing, scene.footprint)
        if needed and missing.area - rest.area <= _NOTHING_NEW_DEG2:
            tiles = " and ".join(kept.tile for kept in needed)
            spare.append(LeftOut(item_id=scene.item_id, scene=scene, reason=f"tile {tiles} covers all that it shows of the area"))
        else:
            needed.append(scene)
            missing = rest
    return tuple(needed), spare


def _covered(scenes: Iterable[Scene], aoi: AOI) -> float:
    """Share of the area that the scenes of a tile cover, rounded so that equal tiles tie."""
    union = shapely.union_all([scene.footprint for scene in scenes])
    return round(float(shapely.intersection(union, aoi.geometry).area / aoi.geometry.area), 6)


def _off_meridian(tile: str, aoi: AOI) -> float:
    """Degrees of longitude between the area and the central meridian of a tile's UTM zone, where the plane is truest."""
    zone = tile_epsg(tile) % 100
    off = (aoi.centre_longitude - (6 * zone - 183) + 180) % 360 - 180
    return round(abs(off), 6)


def _native_geobox(scenes: Sequence[Scene], bands: Sequence[str]) -> GeoBox:
    """Open headers until one answers: the lattice of a tile is the same for all its scenes."""
    finest = min(bands, key=lambda band: BANDS[band].gsd_m)
    failures: list[ReadError] = []
    for scene in scenes:
        try:
            return open_geobox(scene.assets[finest])
        except ReadError as error:
            failures.append(error)
    raise failures[0]


def _outside(scene: Scene) -> LeftOut:
    return LeftOut(item_id=scene.item_id, scene=scene, reason="no pixel of its raster lies inside the area")


def _nothing_found(found: SearchResult, config: RunConfig) -> NothingFoundError:
    limit = "" if config.cloud_cover is None else f" with at most {config.cloud_cover:g} % cloud"
    question = f"no scene of {found.catalog!r} shows the AOI from {config.start} to {config.end}{limit}"
    if not found.left_out:
        return NothingFoundError(question, remedy="Widen the dates, or check the outline on a map.")
    (reason, times), *_ = Counter(left.reason for left in found.left_out).most_common(1)
    return NothingFoundError(
        f"{question}; {len(found.left_out)} items were left out, most often ({times}) because: {reason}",
        remedy="`mlbmi search` lists them all.",
    )


def _estimate(grids: Sequence[GridPlan], bands: Sequence[str], config: RunConfig) -> dict[str, int]:
    """Estimate bytes, range requests and memory: uncompressed pixels, so an upper bound for what travels."""
    bytes_expected = requests = memory = 0
    for grid in grids:
        height, width = grid.geobox.shape
        reads = sum(len(day.scenes) for day in grid.days)
        share = sum((10 / BANDS[band].gsd_m) ** 2 for band in bands) * _BYTES_PER_DN + 0.25
        bytes_expected += round(reads * height * width * share)
        blocks = (height // _COG_BLOCK + 2) * (width // _COG_BLOCK + 2)
        requests += reads * (len(bands) + 1) * (2 + blocks // 2)
        memory = max(memory, height * width * _BYTES_PER_DN * len(grid.days) * len(config.layers))
    return {"bytes_expected": bytes_expected, "requests_expected": requests, "memory_expected": memory}
