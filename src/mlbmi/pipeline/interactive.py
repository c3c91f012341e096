"""The first steps on their own, for notebooks: search, then load a cube."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, get_args

import xarray as xr

from mlbmi import catalogs
from mlbmi.cube import assemble
from mlbmi.errors import InputError, NothingFoundError
from mlbmi.period import period
from mlbmi.pipeline.acquire import Recipe, scene_indices
from mlbmi.pipeline.ahead import ReadAhead, Want
from mlbmi.pipeline.finding import keep_clear
from mlbmi.pipeline.offsets import decide_offsets
from mlbmi.pipeline.planning import bands_for, plan_grids
from mlbmi.read import configured
from mlbmi.sentinel2 import SCL_KEEP
from mlbmi.settings import default_catalog
from mlbmi.types import OffsetRule

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mlbmi.aoi import AOI
    from mlbmi.catalogs import SearchResult
    from mlbmi.pipeline.acquire import ReadScene
    from mlbmi.types import DayPlan, GridPlan, Scene

__all__ = ["load", "search"]


def search(
    aoi: AOI,
    *,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    days_back: int | None = None,
    cloud_cover: float | None = None,
    aoi_cloud_cover: float | None = None,
    catalog: str | None = None,
    collection: str | None = None,
    tiles: Sequence[str] = (),
    platforms: Sequence[str] = (),
    baseline: str | None = None,
    indices: Sequence[str] = ("ndvi",),
    scl_keep: Collection[int] = SCL_KEEP,
) -> SearchResult:
    """Find the Sentinel-2 L2A scenes over an area.

    Parameters
    ----------
    aoi : AOI
        The area.
    start, end : str or datetime.date
        First and last UTC day, both included; ISO 8601 if text.
    days_back : int, optional
        In place of ``start``: so many days before ``end``, which is then today (UTC) by default.
    cloud_cover : float, optional
        Largest clouded share of the whole scene, per cent.
    aoi_cloud_cover : float, optional
        Largest share of the area that is not clear, in per cent of its pixels with data. Each scene's classes are then looked at
        in an overview, and the shares are in the result's ``clear``.
    catalog : str, optional
        ``earth-search``, ``earth-search-c1``, ``planetary-computer``, ``cdse``, the URL of a STAC API, or the path of a static
        catalogue. None: what the environment variable ``STAC_API_URL`` names, or a ``.env`` file of the working folder; else
        ``earth-search``.
    collection : str, optional
        Collection within it.
    tiles, platforms : sequence of str
        MGRS tiles (``33UUU``) and satellites (``sentinel-2a``) to keep to; empty: any.
    baseline : str, optional
        Least processing baseline, ``"04.00"``.
    indices : sequence of str
        Indices that the scenes must have the bands for.
    scl_keep : collection of int
        Scene classes that count as clear, for ``aoi_cloud_cover``.

    Returns
    -------
    SearchResult
        A sequence of :class:`~mlbmi.types.Scene`, one for each tile and day, or the parts of a split granule; what was left
        out, with reasons, is in its ``left_out``.

    Raises
    ------
    InputError
        If a date, an index or the catalogue's name cannot be used.
    SearchError
        If the catalogue cannot be read.
    """
    first, last = period(start, end, days_back)
    if aoi_cloud_cover is not None and not 0 <= aoi_cloud_cover <= 100:
        raise InputError(f"aoi_cloud_cover is {aoi_cloud_cover!r}; it must lie in 0-100 %")
    found = catalogs.search(
        aoi,
        start=first,
        end=last,
        cloud_cover=cloud_cover,
        catalog=catalog or default_catalog(),
        collection=collection,
        bands=bands_for(indices),
        tiles=tiles,
        platforms=platforms,
        baseline=baseline,
    )
    return found if aoi_cloud_cover is None else keep_clear(found, aoi, limit=aoi_cloud_cover, scl_keep=scl_keep)


def load(
    scenes: Iterable[Scene],
    aoi: AOI,
    *,
    indices: Sequence[str] = ("ndvi",),
    scl_keep: Collection[int] = SCL_KEEP,
    dilate_m: float = 0.0,
    offset: OffsetRule = "auto",
    chunks: Mapping[str, int] | None = None,
    allow_requester_pays: bool = False,
) -> xr.Dataset:
    """Load indices over an area as one cube, masked, on one grid.

    Parameters
    ----------
    scenes : iterable of Scene
        What :func:`search` found, or a part of it.
    aoi : AOI
        The area; pixels whose centre lies outside are missing.
    indices : sequence of str
        Short names of indices.
    scl_keep : collection of int
        Scene classes that count as clear.
    dilate_m : float
        Distance in metres by which clouds and shadows are grown.
    offset : str
        How the +1000 of processing baseline 04.00 is found: ``auto`` (by the pixels where they are sure, by metadata elsewhere),
        ``metadata`` (alone), or given for every scene: ``none``, ``-1000``. ``auto`` looks at a small sample of each scene at
        once, lazy or not.
    chunks : mapping, optional
        Sizes of Dask chunks for ``y`` and ``x``: the cube is then lazy. None reads at once.
    allow_requester_pays : bool
        Whether files may be read that you pay for.

    Returns
    -------
    xarray.Dataset
        One float32 variable an index, ``(time, y, x)``, NaN = missing, with CRS; ``time`` is the UTC day.

    Raises
    ------
    InputError
        If two scenes show the same tile on the same day, and are not parts of one split granule.
    NothingFoundError
        If there is no scene, or none has a pixel inside the area.
    ReadError
        If a raster cannot be read: nothing is skipped here.
    PaymentError
        If a file costs money, and ``allow_requester_pays`` is False.
    """
    scenes = list(scenes)
    _check_unique(scenes, aoi)
    _check_rule(offset)
    if not scenes:
        raise NothingFoundError("there is no scene to load")
    bands = bands_for(indices)
    with configured(allow_requester_pays=allow_requester_pays):
        grids, _ = plan_grids(scenes, aoi, bands, grid="mosaic")
        if not grids:
            raise NothingFoundError(f"none of {len(scenes)} scenes has a pixel inside the AOI {aoi.name!r}")
        offsets = decide_offsets(grids[:1], bands, offset)
        recipe = Recipe(bands=bands, indices=tuple(indices), keep=tuple(scl_keep), dilate_m=dilate_m, offsets=offsets)
        return _load_grid(grids[0], aoi, recipe, chunks)


def _load_grid(grid: GridPlan, aoi: AOI, recipe: Recipe, chunks: Mapping[str, int] | None) -> xr.Dataset:
    inside = xr.DataArray(aoi.mask(grid.geobox), dims=("y", "x"))
    if chunks is not None:
        return assemble({day.date: _fused_day(day, grid, recipe, inside, chunks=chunks) for day in grid.days}, grid.geobox)
    read_on = recipe.with_margin(grid.geobox)
    with ReadAhead((Want(scene, read_on) for day in grid.days for scene in day.scenes), recipe) as ahead:
        return assemble({day.date: _fused_day(day, grid, recipe, inside, read=ahead.take) for day in grid.days}, grid.geobox)


def _fused_day(
    day: DayPlan,
    grid: GridPlan,
    recipe: Recipe,
    inside: xr.DataArray,
    *,
    chunks: Mapping[str, int] | None = None,
    read: ReadScene | None = None,
) -> dict[str, xr.DataArray]:
    """Lay the scenes of a day over one another: the first valid value wins."""
    fused: dict[str, xr.DataArray] = {}
    for scene in day.scenes:
        values, _ = scene_indices(scene, grid.geobox, recipe, chunks=chunks, read=read)
        fused = {name: fused[name].fillna(new) if name in fused else new for name, new in values.items()}
    return {name: values.where(inside) for name, values in fused.items()}


def _check_rule(offset: str) -> None:
    known = get_args(OffsetRule)
    if offset not in known:
        raise InputError(f"offset is {offset!r}; it must be one of {', '.join(known)}")


def _check_unique(scenes: Sequence[Scene], aoi: AOI) -> None:
    seen: dict[tuple[str, dt.date], list[Scene]] = defaultdict(list)
    for scene in scenes:
        others = seen[scene.tile, scene.date]
        if scene.item_id in {other.item_id for other in others}:
            continue
        if others and not catalogs.is_further_part(scene, others, aoi.geometry):
            raise InputError(
                f"{others[0].item_id!r} and {scene.item_id!r} both show tile {scene.tile} on {scene.date}; there may be one",
                remedy="Take them from one `search`, which chooses.",
            )
        others.append(scene)
