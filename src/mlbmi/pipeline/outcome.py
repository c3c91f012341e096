"""What comes of clusterings: maps, models, change, tables, and their summaries for the run record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import xarray as xr

from mlbmi.cluster import detect_change, model_of
from mlbmi.write import (
    MappedChange,
    MappedClustering,
    SeasonRow,
    save_figure,
    selection_figure,
    write_change,
    write_clustering,
    write_clusters_table,
    write_model,
    write_phenology,
    write_selection,
    write_transitions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.pipeline.clusterings import Task
    from mlbmi.types import GridPlan, KSelection

__all__ = ["Made", "Shown", "Writer", "summary_of"]


@dataclass(slots=True)
class Made:
    """What clustering made.

    Attributes
    ----------
    summaries : list of dict
        For the run record.
    paths : list of Path
        Files written.
    """

    summaries: list[dict[str, Any]] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shown:
    """What figures say of where and whose the pixels are.

    Attributes
    ----------
    grid : str
    area : ndarray of bool, shape (y, x)
        True inside the area.
    place, credit : str
    """

    grid: str
    area: NDArray[np.bool_]
    place: str
    credit: str

    @classmethod
    def of(cls, grid: GridPlan, aoi: AOI, config: RunConfig) -> Shown:
        """Gather it for one grid."""
        return cls(grid.name, aoi.mask(grid.geobox), aoi.name, _credit(grid, config))

    def words(self) -> dict[str, Any]:
        """Return the keyword arguments of the writers."""
        return {"grid": self.grid, "area": self.area, "place": self.place, "credit": self.credit}


@dataclass(slots=True)
class Writer:
    """Writes clustering after clustering, and at the end the tables of all.

    Attributes
    ----------
    config : RunConfig
    out : Path
        The output folder.
    made : Made
        What was written so far.
    clusterings, changes, seasons : list
        What the tables will list.
    """

    config: RunConfig
    out: Path
    made: Made = field(default_factory=Made)
    clusterings: list[MappedClustering] = field(default_factory=list)
    changes: list[MappedChange] = field(default_factory=list)
    seasons: list[SeasonRow] = field(default_factory=list)

    def write(self, mapped: MappedClustering, data: xr.DataArray | xr.Dataset, shown: Shown) -> None:
        """Write the maps and figures of a clustering, and what they say of change."""
        clustering, names = mapped.clustering, mapped.names
        common: dict[str, Any] = {**shown.words(), "names": names, "figures": self.config.figures}
        self.made.paths += write_clustering(clustering, self.out, data=self._drawn(data), model=False, **common)
        self.clusterings.append(mapped)
        if clustering.mode == "images" and self.config.pooled and clustering.labels.sizes["time"] > 1:
            change = detect_change(clustering)
            self.made.paths += write_change(change, self.out, **common)
            self.changes.append(MappedChange(shown.grid, change, mapped.pixel_area_ha, names))

    def _drawn(self, data: xr.DataArray | xr.Dataset) -> xr.DataArray | xr.Dataset | None:
        """Return the data that figures may draw: of bands the day that was clustered; of their medians, nothing."""
        if isinstance(data, xr.DataArray):
            return data
        return None if self.config.bands_date is None else data.sel(time=str(self.config.bands_date)).squeeze("time")

    def write_model(self, mapped: MappedClustering, numbering: str, step: float) -> None:
        """Write the model: that of a mosaic into the output folder itself, that of a tile's own grid beside its maps."""
        clustering = mapped.clustering
        folder = self.out if mapped.grid == "mosaic" else self.out / mapped.grid
        path = folder / f"model_{clustering.mode}_{clustering.index}_k{clustering.n_clusters}.json"
        model = model_of(clustering, mapped.names, numbering=numbering, index_scale=step)
        self.made.paths.append(write_model(path, model))

    def write_tables(self, selections: Mapping[Task, KSelection]) -> None:
        """Write what is one file for all grids."""
        self.made.paths.append(write_clusters_table(self.out / "clusters.csv", self.clusterings))
        if self.changes:
            self.made.paths.append(write_transitions(self.out / "transitions.csv", self.changes))
        if self.seasons:
            self.made.paths.append(write_phenology(self.out / "phenology.csv", self.seasons))
        for task, selection in selections.items():
            stem = self.out / f"selection_{task.mode}_{task.index}"
            self.made.paths.append(write_selection(stem.with_name(f"{stem.name}.csv"), selection))
            if self.config.figures:
                self.made.paths.append(save_figure(selection_figure(selection), stem.with_name(f"{stem.name}.png")))


def summary_of(mapped: MappedClustering) -> dict[str, Any]:
    """Return the gist of a clustering as JSON values, for the run record."""
    clustering = mapped.clustering
    whole = [row for row in clustering.rows if row.date is None]
    pixels = sum(row.pixels for row in whole)
    return {
        "grid": mapped.grid,
        "mode": clustering.mode,
        "index": clustering.index,
        "n_clusters": clustering.n_clusters,
        "method": clustering.method,
        "seed": clustering.seed,
        "inertia": clustering.inertia,
        "n_iter": clustering.n_iter,
        "converged": clustering.converged,
        "scaling": clustering.scaling.method,
        "smoothness": clustering.smoothness,
        "min_observations": clustering.min_observations,
        "features": list(clustering.features),
        "centers": clustering.centers.tolist(),
        "pixels": pixels,
        "clusters": [
            {
                "cluster": row.cluster,
                "name": mapped.names[row.cluster],
                "center": row.center,
                "pixels": row.pixels,
                "hectares": None if clustering.mode == "images" else round(row.pixels * mapped.pixel_area_ha, 4),
                "share": row.pixels / pixels if pixels else 0.0,
            }
            for row in whole
        ],
    }


def _credit(grid: GridPlan, config: RunConfig) -> str:
    """Return the credit given, or what Copernicus asks for where its data have been worked on."""
    if config.credit is not None:
        return config.credit
    years = sorted({day.date.year for day in grid.days})
    return f"Contains modified Copernicus Sentinel data {years[0] if len(years) == 1 else f'{years[0]}-{years[-1]}'}"
