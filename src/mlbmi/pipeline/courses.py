"""The courses of pixels between the cube and the clusters: composites, gaps filled and marked, seasons, trends.

Work goes by windows of a few hundred rows and columns with all their dates, so that a tile needs no tile's memory; the courses go
into a store of their own, ``series.zarr``, and the maps into files that are mapped into memory until they are written.
"""

from __future__ import annotations

import functools
import math
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mlbmi.cube import CubeStore
from mlbmi.indices import get_index
from mlbmi.pipeline.outcome import Shown
from mlbmi.series import choose_lambda, composite, fill_gaps, period_starts, phenology, trend
from mlbmi.write import SampleCourse, replace_folder, write_series_figures, write_series_maps

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.pipeline.progress import Progress
    from mlbmi.pipeline.workspace import Workspace
    from mlbmi.types import RunPlan

__all__ = ["Courses", "make_courses", "seasons_begin"]

_WINDOW = (256, 1024)
"""Rows and columns worked on at once: with 100 dates about 0.5 GB in all their forms."""

_MAPPED = ("start", "peak", "end", "amplitude", "integral")
"""What of a season has a map."""

_SAMPLES = 6
"""Pixels whose courses are drawn."""

_LOOKED_AT, _SAMPLED = 16, 4096
"""Windows, and pixels in them, that λ is chosen on."""


@dataclass(slots=True)
class Courses:
    """What was made of the series.

    Attributes
    ----------
    cube : CubeStore
        The courses; the cube itself where none were asked for.
    paths : list of Path
        Files written.
    summaries : list of dict
        For the run record.
    """

    cube: CubeStore
    paths: list[Path] = field(default_factory=list)
    summaries: list[dict[str, Any]] = field(default_factory=list)


def make_courses(cube: CubeStore, plan: RunPlan, config: RunConfig, aoi: AOI, *, space: Workspace, progress: Progress) -> Courses:
    """Make composites, fill gaps, and measure seasons and trends, as far as the settings ask for it.

    Parameters
    ----------
    cube : CubeStore
        The published cube.
    plan, config, aoi
        The plan, the settings and the area.
    space : Workspace
        The output folder.
    progress : Progress
        Is told of each grid and index.

    Returns
    -------
    Courses

    Raises
    ------
    InputError
        If dates do not suit the way of filling.
    WriteError
        If an output cannot be written.
    """
    shutil.rmtree(space.out / "series.zarr", ignore_errors=True)  # of an earlier run
    if not config.makes_series:
        return Courses(cube)
    maker = _Maker(cube, config, aoi, space)
    store = maker.store()
    made = Courses(store)
    grids = [grid for grid in plan.grids if grid.name in cube.grids]
    progress.start("series", len(grids) * len(config.index))
    for grid in grids:
        shown = Shown.of(grid, aoi, config)
        for index in config.index:
            maps = maker.fill(store, grid.name, index)
            made.paths += write_series_maps(maps, store.geoboxes[grid.name], space.out, grid=grid.name, index=index)
            if config.figures:
                courses = maker.samples(store, grid.name, index, maps, shown.area)
                made.paths += write_series_figures(
                    courses, maps, store.geoboxes[grid.name], space.out, index=index, **shown.words()
                )
            made.summaries.append(maker.summary(grid.name, index, maps, shown.area))
            progress.advance("series", f"{index} {grid.name}")
    replace_folder(store.path, space.out / "series.zarr")
    made.cube = CubeStore.open(space.out / "series.zarr")
    return made


def seasons_begin(aoi: AOI) -> int:
    """Return the month with which years begin: January, or July where summer is at new year."""
    return 1 if aoi.geometry.representative_point().y >= 0 else 7


@dataclass(frozen=True, slots=True, eq=False)
class _Maker:
    """Makes the courses of one grid and index after the other."""

    cube: CubeStore
    config: RunConfig
    aoi: AOI
    space: Workspace

    def store(self) -> CubeStore:
        """Make the store of courses, all of it missing."""
        grids = {name: (geobox, self._days(name)) for name, geobox in self.cube.geoboxes.items()}
        scales: dict[str, float] = {}
        for name in self.config.index:
            scales |= {name: self.cube.scales[name]} | dict.fromkeys(self._marks(name), 1.0)
        path = self.space.folder / "series.zarr"
        shutil.rmtree(path, ignore_errors=True)  # of a run that was killed
        long_names = {name: get_index(name).long_name for name in self.config.index}
        return CubeStore.create(path, grids, scales, chunk=_WINDOW, long_names=long_names)

    def fill(self, store: CubeStore, grid: str, index: str) -> dict[str, NDArray[np.float32]]:
        """Make the courses of an index, window by window; return its maps."""
        maps: dict[str, NDArray[np.float32]] = {}
        shape, options = self.cube.geoboxes[grid].shape, self.options(grid, index)
        for rows, columns in _windows((shape[0], shape[1])):
            values, found = self._window(grid, index, rows, columns, options)
            for name, array in values.items():
                for number in range(array.sizes["time"]):
                    store.write_rows(grid, name, number, rows, array[number].to_numpy(), columns=columns)
            for name, image in found.items():
                if name not in maps:
                    maps[name] = self._mapped(f"{grid}_{index}_{name}", (shape[0], shape[1]))
                maps[name][rows, columns] = image
        return maps

    @functools.lru_cache(maxsize=1)  # noqa: B019 - the run ends with its maker
    def options(self, grid: str, index: str) -> dict[str, Any]:
        """Return how gaps are filled: with a λ that is one for all windows."""
        options = self.config.fill_options
        if options.get("lam") != "auto":
            return options
        shape = self.cube.geoboxes[grid].shape
        windows = list(_windows((shape[0], shape[1])))
        chosen = np.unique(np.linspace(0, len(windows) - 1, min(len(windows), _LOOKED_AT)).round().astype(int))
        samples = [self._sample(grid, index, *windows[number], share=len(chosen)) for number in chosen]
        return options | {"lam": choose_lambda(xr.concat(samples, dim="pixel"))}

    def _sample(self, grid: str, index: str, rows: slice, columns: slice, *, share: int) -> xr.DataArray:
        """Return an even choice of the pixels of a window, (time, pixel)."""
        values = self._composited(grid, index, rows, columns)[0]
        step = math.ceil(math.sqrt(values[0].size * share / _SAMPLED))
        some = values[:, step // 2 :: step, step // 2 :: step] if step < min(values.shape[1:]) else values
        return some.stack(pixel=("y", "x")).drop_vars(["pixel", "y", "x"])

    def _window(
        self, grid: str, index: str, rows: slice, columns: slice, options: dict[str, Any]
    ) -> tuple[dict[str, xr.DataArray], dict[str, NDArray[np.float32]]]:
        """Return what is stored of a window, and what is mapped."""
        values, stored = self._composited(grid, index, rows, columns)
        maps: dict[str, NDArray[np.float32]] = {}
        if self.config.trend != "none":
            found = trend(values, seasonal=self.config.trend == "seasonal")
            maps |= {f"trend_{index}": found["slope"].to_numpy(), f"trend_{index}_p": found["p_value"].to_numpy()}
        filled = fill_gaps(values, self.config.fill, limits=get_index(index).bounds, **options)
        course = filled[index]
        if self.config.fill != "none":
            stored[f"{index}_filled"] = filled["filled"].where(course.notnull())
            maps[f"filled_share_{index}"] = filled["filled_share"].to_numpy()
        if self.config.phenology:
            seasons = phenology(course, year_begins=seasons_begin(self.aoi))
            for year in seasons["season"].to_numpy().tolist():
                for name in _MAPPED:
                    maps[f"phenology_{index}_{year}_{name}"] = seasons[name].sel(season=year).to_numpy()
        return {index: course, **stored}, maps

    def _composited(self, grid: str, index: str, rows: slice, columns: slice) -> tuple[xr.DataArray, dict[str, xr.DataArray]]:
        """Return an index as it was observed, or its composites with their counts."""
        config = self.config
        if config.composite is None:
            return self.cube.read(grid, index, rows=rows, columns=columns), {}
        # One date is chosen for all indices; medians and means are each index's own.
        names = config.index if config.composite_method in {"medoid", "max"} else (index,)
        several = xr.Dataset({name: self.cube.read(grid, name, rows=rows, columns=columns) for name in names})
        made = composite(several, config.composite, config.composite_method, start=config.start, end=config.end)
        return made[index], {f"{index}_count": made["count"].astype(np.float32)}

    def samples(
        self, store: CubeStore, grid: str, index: str, maps: dict[str, NDArray[np.float32]], area: NDArray[np.bool_]
    ) -> list[SampleCourse]:
        """Return the courses of a few pixels, from the one with the fewest filled values to the one with the most."""
        share = maps.get(f"filled_share_{index}")
        if share is None:
            return []
        courses = []
        for row, column in _spread(np.where(area, share, np.nan)):
            rows, columns = slice(row, row + 1), slice(column, column + 1)
            observed = self.cube.read(grid, index, rows=rows, columns=columns)[:, 0, 0]
            course = store.read(grid, index, rows=rows, columns=columns)[:, 0, 0]
            marks = store.read(grid, f"{index}_filled", rows=rows, columns=columns)[:, 0, 0]
            courses.append(SampleCourse(row, column, observed, course, marks.to_numpy() == 1))
        return courses

    def summary(self, grid: str, index: str, maps: dict[str, NDArray[np.float32]], area: NDArray[np.bool_]) -> dict[str, Any]:
        """Return the gist as JSON values, for the run record."""
        config, share = self.config, maps.get(f"filled_share_{index}")
        options = {name: value for name, value in self.options(grid, index).items() if config.fill != "none"}
        return {
            "grid": grid,
            "index": index,
            "composite": config.composite,
            "composite_method": config.composite_method if config.composite else None,
            "fill": config.fill,
            "options": options,
            "dates": [day.isoformat() for day in self._days(grid)],
            "mean_filled_share": None if share is None else _mean(np.asarray(share)[area]),
            "year_begins": seasons_begin(self.aoi) if config.phenology else None,
            "trend": config.trend,
            "maps": sorted(maps),
        }

    def _days(self, grid: str) -> list[dt.date]:
        if self.config.composite is None:
            return list(self.cube.days[grid])
        days = np.array(self.cube.days[grid], "datetime64[ns]")
        starts = period_starts(days, self.config.composite, start=self.config.start, end=self.config.end)
        first: list[dt.date] = starts[:-1].astype("datetime64[D]").tolist()
        return first

    def _marks(self, index: str) -> list[str]:
        """Return the names of what is stored beside an index."""
        counts = [] if self.config.composite is None else [f"{index}_count"]
        return counts + ([] if self.config.fill == "none" else [f"{index}_filled"])

    def _mapped(self, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
        path = self.space.folder / "maps" / f"{name}.npy"
        path.parent.mkdir(exist_ok=True)
        return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)


def _windows(shape: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    for row in range(0, shape[0], _WINDOW[0]):
        for column in range(0, shape[1], _WINDOW[1]):
            yield slice(row, min(row + _WINDOW[0], shape[0])), slice(column, min(column + _WINDOW[1], shape[1]))


def _spread(share: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return a few pixels whose values are spread evenly over all that there are.

    Examples
    --------
    >>> _spread(np.array([[0.5, np.nan, 0.1]], np.float32))
    [(0, 2), (0, 0)]
    """
    places = np.flatnonzero(~np.isnan(share))
    if not places.size:
        return []
    ordered = places[np.argsort(share.flat[places], kind="stable")]
    chosen = np.unique(np.linspace(0, ordered.size - 1, min(_SAMPLES, ordered.size)).round().astype(int))
    return [(int(place) // share.shape[1], int(place) % share.shape[1]) for place in ordered[chosen]]


def _mean(values: NDArray[np.float32]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if known.size else None
