"""How often each pixel was seen, written; and whether clusters follow what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

from mlbmi.cluster import gap_associations
from mlbmi.cube import coverage
from mlbmi.pipeline.outcome import Shown
from mlbmi.write import MappedCoverage, outliers_figure, save_figure, write_coverage, write_coverage_table

if TYPE_CHECKING:
    from pathlib import Path

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.cube import CubeStore
    from mlbmi.pipeline.outliers import Outliers
    from mlbmi.types import Clustering, OutlierExample, RunPlan

__all__ = ["gap_findings", "report_coverage"]


def report_coverage(
    cube: CubeStore, plan: RunPlan, config: RunConfig, aoi: AOI, outliers: Outliers, *, out: Path
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
            lost = tuple(outliers.counts[grid.name, index, day] for day in seen.dates)
            entries.append(MappedCoverage(grid.name, seen, lost))
            examples = outliers.examples.get((grid.name, index), [])
            if config.figures and examples:
                title = f"Outliers · {shown.place} ({grid.name}) · {seen.dates[0]} to {seen.dates[-1]}"
                common = {"label": index.upper(), "title": title, "credit": shown.credit}
                figure = outliers_figure(_most_telling(examples), seen.dates, lost, seen.clear, **common)
                paths.append(save_figure(figure, out / grid.name / "figures" / f"outliers_{index}.png"))
    paths.append(write_coverage_table(out / "coverage.csv", entries))
    return paths, [{"grid": entry.grid, **entry.coverage.summary()} for entry in entries]


def _most_telling(examples: list[OutlierExample]) -> list[OutlierExample]:
    """Return examples with most outliers first."""
    return sorted(examples, key=lambda one: (-int(one.outlying.sum()), one.row, one.column))


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
