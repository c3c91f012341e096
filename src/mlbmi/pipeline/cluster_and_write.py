"""Cluster the cube, each grid, index and mode in turn, and write what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlbmi.grid import pixel_area_ha
from mlbmi.pipeline.clusterings import Clusterer, tasks_of
from mlbmi.pipeline.outcome import Shown, Writer, summary_of
from mlbmi.pipeline.seen import gap_findings
from mlbmi.write import MappedClustering, write_index_figures

if TYPE_CHECKING:
    from pathlib import Path

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.pipeline.outcome import Made
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import RunPlan

__all__ = ["cluster_and_write"]


def cluster_and_write(cube: CubeStore, plan: RunPlan, config: RunConfig, aoi: AOI, *, out: Path, progress: Progress) -> Made:
    """Cluster and write every combination of grid, index and mode.

    Parameters
    ----------
    cube : CubeStore
        The finished cube; grids without a clear day are absent from it.
    plan, config, aoi
        The plan, the settings and the area.
    out : Path
        The output folder.
    progress : Progress
        Is told of each clustering.

    Returns
    -------
    Made

    Raises
    ------
    ConfigError, InputError
        If a model to match fits nothing that is clustered, or cannot be read.
    ClusterError, WriteError
        If the data cannot be clustered as asked, or an output cannot be written.
    """
    grids, tasks = [grid for grid in plan.grids if grid.name in cube.grids], tasks_of(config)
    clusterer = Clusterer.for_tasks(config, tasks)
    progress.start("cluster", len(grids) * len(tasks))
    writer = Writer(config, out)
    for grid in grids:
        shown = Shown.of(grid, aoi, config)
        if config.figures:
            for index in config.index:
                writer.made.paths += write_index_figures(cube.read(grid.name, index), out, **shown.words())
        for task in tasks:
            data = task.read(cube, grid.name)
            clustering = clusterer.cluster(task, data)
            mapped = MappedClustering(grid.name, clustering, pixel_area_ha(grid.geobox), clusterer.names(task, clustering))
            writer.write(mapped, data, shown)
            writer.write_model(mapped, clusterer.numbering(task, clustering), cube.scales[task.layers[0]])
            writer.made.summaries.append(
                {**summary_of(mapped), "n_clusters_because": clusterer.reason(task), **gap_findings(clustering, data)}
            )
            progress.advance("cluster", f"{task.mode} {task.index} {grid.name}")
    writer.write_tables(clusterer.selections)
    return writer.made
