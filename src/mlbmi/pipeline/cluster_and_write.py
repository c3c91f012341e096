"""Cluster the cube, each grid, index and mode in turn, and write what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlbmi.cluster import cluster_images, cluster_timeseries
from mlbmi.grid import pixel_area_ha
from mlbmi.write import MappedClustering, write_clustering, write_index_figures, write_model

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.pipeline.progress import Progress
    from mlbmi.types import Clustering, GridPlan, Mode, RunPlan

__all__ = ["Made", "cluster_and_write"]


@dataclass(slots=True)
class Made:
    """What clustering made.

    Attributes
    ----------
    clusterings : list of MappedClustering
        Each on its grid.
    summaries : list of dict
        For the run record.
    paths : list of Path
        Files written.
    """

    clusterings: list[MappedClustering] = field(default_factory=list)
    summaries: list[dict[str, Any]] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)


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
    """
    grids = [grid for grid in plan.grids if grid.name in cube.grids]
    progress.start("cluster", len(grids) * len(config.index) * len(config.mode))
    made = Made()
    for grid in grids:
        shown = _Shown(grid.name, aoi.mask(grid.geobox), aoi.name, _credit(grid, config))
        for index in config.index:
            data = cube.read(grid.name, index)
            if config.figures:
                made.paths += write_index_figures(
                    data, out, grid=shown.grid, area=shown.area, place=shown.place, credit=shown.credit
                )
            for mode in config.mode:
                clustering = _cluster(data, mode, config)
                made.paths += _write(clustering, data, shown, out, figures=config.figures)
                made.summaries.append(_summary(clustering, grid))
                made.clusterings.append(MappedClustering(grid.name, clustering, pixel_area_ha(grid.geobox)))
                progress.advance("cluster", f"{mode} {index} {grid.name}")
    return made


@dataclass(frozen=True, slots=True)
class _Shown:
    """What figures say of where and whose the pixels are."""

    grid: str
    area: NDArray[np.bool_]
    place: str
    credit: str


def _write(clustering: Clustering, data: xr.DataArray, shown: _Shown, out: Path, *, figures: bool) -> list[Path]:
    """Write a clustering; the model of a tile's own grid goes beside its maps, a mosaic's into the output folder itself."""
    mosaic = shown.grid == "mosaic"
    paths = write_clustering(
        clustering,
        out,
        grid=shown.grid,
        data=data,
        area=shown.area,
        model=mosaic,
        figures=figures,
        place=shown.place,
        credit=shown.credit,
    )
    if not mosaic:
        name = f"model_{clustering.mode}_{clustering.index}_k{clustering.n_clusters}.json"
        paths.append(write_model(out / shown.grid / name, clustering))
    return paths


def _credit(grid: GridPlan, config: RunConfig) -> str:
    """Return the credit given, or what Copernicus asks for where its data have been worked on."""
    if config.credit is not None:
        return config.credit
    years = sorted({day.date.year for day in grid.days})
    return f"Contains modified Copernicus Sentinel data {years[0] if len(years) == 1 else f'{years[0]}-{years[-1]}'}"


def _cluster(data: xr.DataArray, mode: Mode, config: RunConfig) -> Clustering:
    if mode == "images":
        return cluster_images(data, n_clusters=config.n_clusters)
    return cluster_timeseries(data, n_clusters=config.n_clusters, seed=config.seed, min_observations=config.min_observations)


def _summary(clustering: Clustering, grid: GridPlan) -> dict[str, Any]:
    whole = [row for row in clustering.rows if row.date is None]
    pixels = sum(row.pixels for row in whole)
    area = pixel_area_ha(grid.geobox)
    return {
        "grid": grid.name,
        "mode": clustering.mode,
        "index": clustering.index,
        "n_clusters": clustering.n_clusters,
        "method": clustering.method,
        "seed": clustering.seed,
        "inertia": clustering.inertia,
        "n_iter": clustering.n_iter,
        "converged": clustering.converged,
        "features": list(clustering.features),
        "centers": clustering.centers.tolist(),
        "pixels": pixels,
        "clusters": [
            {
                "cluster": row.cluster,
                "center": row.center,
                "pixels": row.pixels,
                "hectares": None if clustering.mode == "images" else round(row.pixels * area, 4),
                "share": row.pixels / pixels if pixels else 0.0,
            }
            for row in whole
        ],
    }
