"""From a recipe to a folder: COGs, catalogue, outline and truth, whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import WriteError
from mlbmi.sentinel2 import BANDS, SCL
from mlbmi.simulate.cogs import write_cog, write_mask
from mlbmi.simulate.dialects import DIALECTS
from mlbmi.simulate.facts import SceneFacts
from mlbmi.simulate.instrument import View, classify, digital_numbers
from mlbmi.simulate.outline import recipe_outline
from mlbmi.simulate.recipe import FORMAT, Recipe
from mlbmi.simulate.scenes import ScenePlan, plan_scenes
from mlbmi.simulate.simulation import AOI_NAME, MANIFEST, Simulation, classes_path, clear_path
from mlbmi.simulate.stac import build_item, footprint, write_catalog, write_json
from mlbmi.simulate.stage import Stage
from mlbmi.simulate.surface import HALO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


__all__ = ["build"]

_SNOW_SEEN = 0.02  # share of a pixel under snow from which the ground is not truly seen
_MANY_PIXELS = 20_000_000  # of 10 m: above, one scene at a time, to bound the memory


def build(folder: Path, recipe: Recipe | None = None, *, progress: Callable[[int, int], None] | None = None) -> Simulation:
    """Build a simulation.

    Parameters
    ----------
    folder : Path
        Where; must not exist yet, or be empty.
    recipe : Recipe, optional
        The demo's if not given.
    progress : callable, optional
        Called with scenes done and scenes in all, after each, from this thread.

    Returns
    -------
    Simulation
        Of the folder, which appears by rename when everything is written.

    Raises
    ------
    WriteError
        If the folder is taken, or a file cannot be written; nothing is left behind then.
    """
    recipe = recipe or Recipe()
    folder = folder.absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise WriteError(f"{folder} exists and is not an empty folder", remedy="Name a new folder.")
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        draft.mkdir(parents=True)
        _fill(draft, recipe, progress or _silent)
        draft.replace(folder)
    except OSError as error:
        raise WriteError(f"{folder} cannot be written: {error}", remedy="Check the disk's space and permissions.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # after the rename there is none; a failed build leaves nothing
    return Simulation.open(folder)


def _silent(done: int, total: int) -> None:
    """Report to nobody."""


def _fill(folder: Path, recipe: Recipe, progress: Callable[[int, int], None]) -> None:
    stage = Stage(recipe)
    write_json(folder / AOI_NAME, recipe_outline(recipe))
    scenes = plan_scenes(recipe)
    items = _write_scenes(folder, stage, scenes, progress)
    write_catalog(folder, DIALECTS[recipe.dialect], items)
    _write_manifest(folder, recipe, scenes, items)


def _write_scenes(
    folder: Path, stage: Stage, scenes: tuple[ScenePlan, ...], progress: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """Write scene after scene, tile by tile so that one tile's land is in memory; return the items in the scenes' order."""
    items: dict[ScenePlan, dict[str, Any]] = {}
    for tile, window in stage.windows.items():
        write_cog(classes_path(folder, tile), _true_classes(stage, tile), window, gsd=10, categorical=True, nodata=None)
        large = window.shape(10)[0] * window.shape(10)[1] > _MANY_PIXELS
        with ThreadPoolExecutor(1 if large else min(4, os.cpu_count() or 1)) as pool:
            jobs = {pool.submit(_write_scene, folder, stage, plan): plan for plan in scenes if plan.tile == tile}
            try:
                for job in as_completed(jobs):
                    items[jobs[job]] = job.result()
                    progress(len(items), len(scenes))
            except BaseException:  # Ctrl-C included: what is queued must not go on writing into a folder that is being removed
                pool.shutdown(cancel_futures=True)
                raise
    return [items[plan] for plan in scenes]


def _true_classes(stage: Stage, tile: str) -> NDArray[Any]:
    return np.ascontiguousarray(stage.ground(tile).cover[HALO:-HALO, HALO:-HALO])


@dataclass(frozen=True, slots=True)
class _Recorded:
    """Pixels of one scene: by band (``scl`` among them), and where the ground was truly seen, at 10 m."""

    bands: dict[str, NDArray[Any]]
    clear: NDArray[np.bool_]


def _gsd(band: str) -> int:
    return 20 if band == "scl" else BANDS[band].gsd_m


def _record(stage: Stage, plan: ScenePlan) -> _Recorded:
    """Look at every block of a tile's window."""
    window = stage.windows[plan.tile]
    bands = [band for band in stage.recipe.bands if band not in plan.missing]
    pixels: dict[str, NDArray[Any]] = {band: np.empty(window.shape(_gsd(band)), dtype=np.uint16) for band in bands}
    pixels["scl"] = np.empty(window.shape(20), dtype=np.uint8)
    clear = np.empty(window.shape(10), dtype=bool)
    for block in stage.blocks(plan.tile):
        view = stage.view(plan, block)
        for band in bands:
            pixels[band][block.rows(_gsd(band))] = digital_numbers(view, band, holds_offset=plan.holds_offset)
        pixels["scl"][block.rows(20)] = classify(view)
        clear[block.rows(10)] = _truly_clear(view)
    return _Recorded(pixels, clear)


def _truly_clear(view: View) -> NDArray[np.bool_]:
    clear = np.repeat(np.repeat(view.sky.clear(), 2, axis=0), 2, axis=1)
    return clear if view.snow is None else clear & (view.snow < _SNOW_SEEN)


def _write_scene(folder: Path, stage: Stage, plan: ScenePlan) -> dict[str, Any]:
    window, dialect = stage.windows[plan.tile], DIALECTS[stage.recipe.dialect]
    recorded = _record(stage, plan)
    facts = SceneFacts(plan, stage.overpass(plan), window, _shares(recorded.bands["scl"]), stage.sun(plan.tile, plan.date))
    home = folder / dialect.collection / dialect.item_id(facts)
    files = {}
    for band, pixels in recorded.bands.items():
        files[band] = home / dialect.file_name(facts, band)
        write_cog(files[band], pixels, window, gsd=_gsd(band), categorical=band == "scl")
    clouds = stage.clouds(plan.date)
    shape = footprint(window, part=plan.part, edge=clouds.edge if clouds.weather.swath_edge else None)
    item = build_item(dialect, facts, shape, files)
    write_json(home / f"{item['id']}.json", item)
    if plan.sequence == 0 and plan.part == "whole":
        write_mask(clear_path(folder, plan.tile, plan.date), recorded.clear, window, gsd=10)
    return item


def _shares(scene: NDArray[Any]) -> dict[SCL, float]:
    """Return per cent by class: of all pixels for "no data", of the seen ones for the others."""
    counts = np.bincount(scene.ravel(), minlength=len(SCL))
    seen = max(1, int(counts[1:].sum()))
    shares = {cls: 100 * float(counts[cls]) / seen for cls in SCL}
    return shares | {SCL.NO_DATA: 100 * float(counts[0]) / scene.size}


def _write_manifest(folder: Path, recipe: Recipe, scenes: tuple[ScenePlan, ...], items: list[dict[str, Any]]) -> None:
    """Write what the folder is and what belongs to it: last, so that a folder with a manifest is whole."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "format": FORMAT,
        "recipe": recipe.to_dict(),
        "faults": {item["id"]: list(plan.faults) for plan, item in zip(scenes, items, strict=True) if plan.faults},
        "files": {path.relative_to(folder).as_posix(): path.stat().st_size for path in files},
    }
    write_json(folder / MANIFEST, manifest)
