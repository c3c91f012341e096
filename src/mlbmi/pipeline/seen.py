"""How often each pixel was seen, written; and whether clusters follow what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

from mlbmi.cluster import gap_associations
from mlbmi.cube import coverage
from mlbmi.pipeline.outcome import Shown
from mlbmi.write import MappedCoverage, write_coverage, write_coverage_table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.types import Clustering, RunPlan

__all__ = ["gap_findings", "report_coverage"]


def report_coverage(
    cube: CubeStore, plan: RunPlan, config: RunConfig, aoi: AOI, outliers: Mapping[tuple[str, str, dt.date], int], *, out: Path
) -> tuple[list[Path], list[dict[str, Any]]]:
    """Write maps, figures and the table of coverage of every grid and index.

    Returns
    -------
    (list of Path, list of dict)
        The files, and the gist of each for the run record.
    """
    paths: list[Path] = []
    entries: list[MappedCoverage] = []
    for grid in plan.grids:
        if grid.name not in cube.grids:
            continue
        shown = Shown.of(grid, aoi, config)
        for index in config.index:
            seen = coverage(cube, grid.name, index, shown.area)
            words = {"grid": grid.name, "place": shown.place, "credit": shown.credit}
            paths += write_coverage(seen, out, grid.geobox, figures=config.figures, **words)
            entries.append(MappedCoverage(grid.name, seen, tuple(outliers.get((grid.name, index, day), 0) for day in seen.dates)))
    paths.append(write_coverage_table(out / "coverage.csv", entries))
    return paths, [{"grid": entry.grid, **entry.coverage.summary()} for entry in entries]


def gap_findings(clustering: Clustering, data: xr.DataArray | xr.Dataset) -> dict[str, Any]:
    """Return, as JSON values, how closely a map of series follows the gaps of each date, and a warning where it does."""
    if clustering.mode not in {"timeseries", "located"} or not isinstance(data, xr.DataArray):
        return {}
    found = gap_associations(clustering, data)
    warnings = [
        f"clusters of {clustering.mode} {clustering.index} follow the gaps of {one.date}, when {one.missing:.0%} of the pixels "
        f"are missing, rather than vegetation alone: association {one.v:.2f}, by chance up to {one.chance:.2f}"
        for one in found
        if one.suspicious
    ]
    gaps = [{"date": one.date.isoformat(), "v": round(one.v, 4), "chance": round(one.chance, 4)} for one in found]
    return {"gap_association": gaps, **({"warnings": warnings} if warnings else {})}
