"""Apply the model of an earlier run: its clusters for new dates or another area, and what of them does not fit."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from mlbmi.cluster import applied_clustering, apply_model
from mlbmi.errors import InputError
from mlbmi.grid import pixel_area_ha
from mlbmi.pipeline.clusterings import Task
from mlbmi.pipeline.outcome import Shown, Writer, summary_of
from mlbmi.write import MappedClustering, read_model, write_novelty

if TYPE_CHECKING:
    from pathlib import Path

    from mlbmi.aoi import AOI
    from mlbmi.cluster import Applied
    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.pipeline.outcome import Made
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import Clustering, RunPlan

__all__ = ["apply_and_write", "period_of_model", "settings_of_model"]


def settings_of_model(path: Path) -> dict[str, Any]:
    """Return the settings that a model decides: mode, index or bands, number of clusters.

    Parameters
    ----------
    path : Path
        The model file.

    Returns
    -------
    dict
        Names as in :class:`mlbmi.config.RunConfig`.

    Raises
    ------
    InputError
        If the model cannot be read, or cannot be applied anywhere else: images clustered each alone.
    """
    model = read_model(path)
    if model.mode == "images" and model.features != (model.index,):
        raise InputError(
            f"model {str(path)!r} is of images clustered each alone: it says nothing of any other image",
            remedy="Cluster them together, with --pooled.",
        )
    settings: dict[str, Any] = {"model": path, "mode": (model.mode,), "n_clusters": max(model.n_clusters, 2)}
    return settings | ({"bands": model.features} if model.mode == "bands" else {"index": (model.index,)})


def period_of_model(path: Path) -> dict[str, dt.date]:
    """Return, as settings, the first and the last of a model's dates; nothing if it has no dates.

    Parameters
    ----------
    path : Path
        The model file.

    Raises
    ------
    InputError
        If the model cannot be read.
    """
    dates = sorted(_dates(read_model(path).features))
    return {"start": dates[0], "end": dates[-1]} if dates else {}


def _dates(features: tuple[str, ...]) -> list[dt.date]:
    found = []
    for feature in features:
        try:
            found.append(dt.date.fromisoformat(feature))
        except ValueError:  # an index, a band, a coordinate
            continue
    return found


def apply_and_write(
    cube: CubeStore, plan: RunPlan, config: RunConfig, aoi: AOI, *, courses: CubeStore, out: Path, progress: Progress
) -> Made:
    """Give the pixels of every grid the clusters of ``config.model``, and write them.

    Parameters
    ----------
    cube, plan, config, aoi, courses, out, progress
        As for :func:`mlbmi.pipeline.cluster_and_write.cluster_and_write`; ``config.model`` is set.

    Returns
    -------
    Made

    Raises
    ------
    InputError, ClusterError, WriteError
        If the model cannot be read, does not fit the data at all, or an output cannot be written.
    """
    if config.model is None:
        raise InputError("there is no model to apply", remedy="Name one: RunConfig(model=…).")
    model = read_model(config.model)
    task = Task(model.mode, model.index, config.bands if model.mode == "bands" else (model.index,))
    grids = [grid for grid in plan.grids if grid.name in cube.grids]
    progress.start("apply", len(grids))
    writer = Writer(config, out)
    for grid in grids:
        shown = Shown.of(grid, aoi, config)
        data = task.read(cube, courses, grid.name)
        applied = apply_model(
            model, data, date_tolerance_days=config.date_tolerance_days, any_year=config.any_year, date=config.bands_date
        )
        mapped = MappedClustering(grid.name, applied_clustering(model, applied), pixel_area_ha(grid.geobox), model.names)
        writer.write(mapped, data, shown)
        writer.made.paths += _write_novelty(applied, mapped.clustering, out, grid.name)
        writer.made.summaries.append({**summary_of(mapped), **_fit_of(applied, config)})
        progress.advance("apply", grid.name)
    writer.write_tables({})
    return writer.made


def _write_novelty(applied: Applied, clustering: Clustering, out: Path, grid: str) -> list[Path]:
    return write_novelty(applied.novelty, out, grid=grid, mode=clustering.mode, index=clustering.index, k=clustering.n_clusters)


def _fit_of(applied: Applied, config: RunConfig) -> dict[str, Any]:
    """Return, as JSON values, how the model fits."""
    return {
        "model": str(config.model),
        "matched": [
            {"feature": match.feature, "date": match.date.isoformat() if match.date else None, "days": match.days}
            for match in applied.matched
        ],
        "novel_share": applied.novel_share,
        "warnings": list(applied.warnings),
    }
