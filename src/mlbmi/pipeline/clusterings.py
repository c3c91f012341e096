"""What is clustered in a run, and how: tasks, the number of clusters, and numbers that mean the same on every grid."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mlbmi.cluster import (
    cluster_bands,
    cluster_images,
    cluster_located,
    cluster_timeseries,
    match_to,
    select_n_clusters,
    suggest_names,
)
from mlbmi.cluster.matching import matching
from mlbmi.errors import ConfigError
from mlbmi.types import MATCHED, NUMBERING
from mlbmi.write import read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.types import Clustering, ClusterModel, KSelection, Mode

__all__ = ["Clusterer", "Task", "tasks_of"]

_log = logging.getLogger("mlbmi")


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to cluster on every grid.

    Attributes
    ----------
    mode : Mode
    index : str
        As in :class:`mlbmi.types.Clustering`: an index, or bands joined by ``-``.
    layers : tuple of str
        Arrays of the cube that it takes.
    """

    mode: Mode
    index: str
    layers: tuple[str, ...]

    @property
    def is_of_series(self) -> bool:
        """Whether it clusters the courses of pixels over time."""
        return self.mode in {"timeseries", "located"}

    def read(self, cube: CubeStore, courses: CubeStore, grid: str) -> xr.DataArray | xr.Dataset:
        """Return its data on a grid, as stored: an index as observed, its courses, or the bands."""
        if self.is_of_series:
            return courses.read(grid, self.index)
        if self.mode != "bands":
            return cube.read(grid, self.index)
        return xr.Dataset({layer: cube.read(grid, layer) for layer in self.layers})


def tasks_of(config: RunConfig) -> tuple[Task, ...]:
    """List what a run clusters: each index in each mode, and the bands once."""
    of_indices = [Task(mode, index, (index,)) for index in config.index for mode in config.mode if mode != "bands"]
    bands = [Task("bands", "-".join(config.bands), config.bands)] if "bands" in config.mode else []
    return (*of_indices, *bands)


@dataclass(slots=True)
class Clusterer:
    """Clusters task by task, grid by grid.

    The number of clusters is chosen once for a task, on its first grid; and clusters take their numbers from the model given for
    the task, else from the first grid's, so that the same number (and colour) means the same on all.

    Attributes
    ----------
    config : RunConfig
    selections : dict of Task to KSelection
        What was chosen so far, where numbers are chosen.
    """

    config: RunConfig
    selections: dict[Task, KSelection] = field(default_factory=dict)
    _references: dict[Task, Clustering | ClusterModel] = field(default_factory=dict)

    @classmethod
    def for_tasks(cls, config: RunConfig, tasks: tuple[Task, ...]) -> Clusterer:
        """Make one, with the models whose numbers are to be taken.

        Raises
        ------
        ConfigError
            If a model to match fits none of the tasks, or is to number images clustered each alone.
        InputError
            If a model cannot be read.
        """
        made = cls(config)
        by_name = {(task.mode, task.index): task for task in tasks}
        for path in config.match:
            model = read_model(path)
            if (model.mode, model.index) not in by_name:
                have = ", ".join(f"{task.mode} of {task.index}" for task in tasks)
                raise ConfigError(
                    f"model {str(path)!r} is of mode {model.mode} and index {model.index}; this run clusters {have}",
                    remedy="Give a model of the same mode and index.",
                )
            if model.mode == "images" and not config.pooled:
                raise ConfigError(
                    f"model {str(path)!r} cannot number images that are clustered each alone", remedy="Cluster them together."
                )
            made._references[by_name[model.mode, model.index]] = model
        return made

    def cluster(self, task: Task, data: xr.DataArray | xr.Dataset) -> Clustering:
        """Cluster one task on one grid."""
        found = self._found(task, data, self._number(task, data))
        if task.mode == "images" and not self.config.pooled:
            return found
        reference = self._references.setdefault(task, found)
        if reference is found:
            return found
        self._report(task, found, reference)
        return match_to(found, reference)

    def names(self, task: Task, clustering: Clustering) -> tuple[str, ...]:
        """Return names for the clusters: of the model given for the task, else suggestions from the first grid's centers."""
        reference = self._references.get(task, clustering)
        given: tuple[str, ...] = getattr(reference, "names", None) or suggest_names(reference)
        more = suggest_names(clustering)[len(given) :]
        return (*given, *(f"{name} (new)" if name in given else name for name in more))

    def numbering(self, task: Task, clustering: Clustering) -> str:
        """Say how the clusters got their numbers."""
        return NUMBERING if self._references.get(task, clustering) is clustering else MATCHED

    def reason(self, task: Task) -> str:
        """Say why there are as many clusters as there are."""
        return self.selections[task].reason if task in self.selections else "as asked"

    def _number(self, task: Task, data: xr.DataArray | xr.Dataset) -> int:
        if self.config.n_clusters != "auto":
            return self.config.n_clusters
        if task not in self.selections:
            low, high = self.config.k_range
            chosen = select_n_clusters(
                data,
                range(low, high + 1),
                mode=task.mode,
                seed=self.config.seed,
                scaling=self.config.scaling,
                quantile_range=self.config.quantile_range,
                min_observations=self.config.min_observations if task.mode in {"timeseries", "located"} else None,
                date=self.config.bands_date if task.mode == "bands" else None,
            )
            self.selections[task] = chosen
        return self.selections[task].n_clusters

    def _found(self, task: Task, data: xr.DataArray | xr.Dataset, k: int) -> Clustering:
        config = self.config
        how: dict[str, Any] = {
            "scaling": config.scaling,
            "quantile_range": config.quantile_range,
            "smoothness": config.smoothness,
        }
        if isinstance(data, xr.Dataset):
            return cluster_bands(data, k, date=config.bands_date, seed=config.seed, **how)
        if task.mode == "images":
            return cluster_images(data, k, pooled=config.pooled, **how)
        how |= {"seed": config.seed, "min_observations": config.min_observations}
        if task.mode == "located":
            return cluster_located(data, k, weight=config.location_weight, **how)
        return cluster_timeseries(data, k, **how)

    def _report(self, task: Task, found: Clustering, reference: Clustering | ClusterModel) -> None:
        """Warn of clusters that take a number from one that they hardly resemble: farther than half the way to its neighbour."""
        room = _nearest(reference) / 2
        for pair in matching(found, reference):
            if pair.new < room.size and pair.distance > room[pair.new]:
                _log.warning(
                    "%s of %s: a cluster takes number %d, but its center is %.3g away from that of its namesake: they may differ",
                    task.mode,
                    task.index,
                    pair.new,
                    pair.distance,
                )


def _nearest(model: Clustering | ClusterModel) -> NDArray[np.float64]:
    """Return, for each center, the root mean square distance to the nearest other, places apart."""
    columns = [place for place, feature in enumerate(model.features) if feature not in {"x", "y"}]
    centers = model.centers[:, columns]
    squares = (centers[:, None] - centers[None]) ** 2
    seen = ~np.isnan(squares)
    means = np.where(seen, squares, 0).sum(axis=2) / np.maximum(seen.sum(axis=2), 1)
    means[~seen.any(axis=2)] = np.inf  # numbers that are kept free
    np.fill_diagonal(means, np.inf)
    nearest: NDArray[np.float64] = np.sqrt(means.min(axis=1))
    return nearest
