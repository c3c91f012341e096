"""How often each pixel was seen: maps, a figure, and the table of dates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlbmi.types import OUTSIDE
from mlbmi.write.charts import bare, colour_bar
from mlbmi.write.csvtext import number_cell, write_csv
from mlbmi.write.hygiene import file_part, plain_text
from mlbmi.write.lines import date_axis
from mlbmi.write.page import DPI, FAINT, INK, SCALE_BAR_HEIGHT, Frame, Page, save_figure
from mlbmi.write.pictures import IndexPicture, level_rgb
from mlbmi.write.pixels import shrink_area, shrink_index, shrink_step
from mlbmi.write.rasters import write_value_cog
from mlbmi.write.sheet import MAP_BOX
from mlbmi.write.words import share, thousands

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from odc.geo.geobox import GeoBox

    from mlbmi.types import Coverage

__all__ = ["COVERAGE_COLUMNS", "MappedCoverage", "coverage_figure", "write_coverage", "write_coverage_table"]

COVERAGE_COLUMNS = ("grid", "index", "date", "pixels", "clear", "clear_share", "days_since_previous", "outliers")
"""Columns of ``coverage.csv``; see :func:`write_coverage_table`."""

_SIDE = 5.6


class MappedCoverage(NamedTuple):
    """Coverage on its grid, as ``coverage.csv`` needs it.

    Attributes
    ----------
    grid : str
        MGRS tile, or ``mosaic``.
    coverage : Coverage
    outliers : sequence of int
        Pixels made missing as outliers, by date.
    """

    grid: str
    coverage: Coverage
    outliers: tuple[int, ...]


def write_coverage(
    coverage: Coverage,
    folder: str | os.PathLike[str],
    geobox: GeoBox,
    *,
    grid: str,
    figures: bool = True,
    place: str = "",
    credit: str = "",
) -> list[Path]:
    """Write ``<grid>/observations_<index>.tif`` and ``longest_gap_<index>.tif``, and draw ``figures/coverage_<index>.png``.

    Parameters
    ----------
    coverage : Coverage
        What to write.
    folder : path-like
        The output folder.
    geobox : GeoBox
        Its grid.
    grid : str
        MGRS tile, or ``mosaic``.
    figures : bool
        Whether to draw.
    place, credit : str
        Name of the area, and credit for the data, for the figure.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    WriteError
        If a file cannot be written.
    """
    home, index = Path(folder) / file_part(grid), file_part(coverage.index)
    period = f"{coverage.dates[0]} to {coverage.dates[-1]}"
    seen = f"dates with a clear {index.upper()}, of {len(coverage.dates)} from {period}"
    gap = f"most days between two dates with a clear {index.upper()}, {period}; both ends count as such dates"
    written = [
        write_value_cog(home / f"{name}_{index}.tif", values, geobox, band=name, description=words, nodata=OUTSIDE)
        for name, values, words in (
            ("observations", coverage.observations, seen),
            ("longest_gap", coverage.longest_gap, gap),
        )
    ]
    if figures:
        where = f"{place} ({grid})" if place else grid
        figure = coverage_figure(coverage, geobox, title=f"Clear observations · {where} · {period}", credit=credit)
        written.append(save_figure(figure, home / "figures" / f"coverage_{index}.png"))
    return written


def write_coverage_table(path: str | os.PathLike[str], entries: Iterable[MappedCoverage]) -> Path:
    """Write ``coverage.csv``: one row per grid, index and date of the cube.

    Columns: ``grid``; ``index``; ``date``; ``pixels`` of the area; ``clear`` ones among them; ``clear_share``, 0–1;
    ``days_since_previous`` date, empty for the first; ``outliers``, pixels made missing as such.
    """
    return write_csv(path, COVERAGE_COLUMNS, [row for entry in entries for row in _rows(entry)])


def _rows(entry: MappedCoverage) -> list[tuple[str, ...]]:
    coverage = entry.coverage
    total = coverage.pixels
    steps = [None, *((after - before).days for before, after in zip(coverage.dates, coverage.dates[1:], strict=False))]
    return [
        (
            plain_text(entry.grid),
            plain_text(coverage.index),
            date.isoformat(),
            str(total),
            str(clear),
            number_cell(clear / total if total else None, 6),
            "" if step is None else str(step),
            str(outliers),
        )
        for date, clear, step, outliers in zip(coverage.dates, coverage.clear, steps, entry.outliers, strict=True)
    ]


def coverage_figure(coverage: Coverage, geobox: GeoBox, *, title: str, credit: str = "") -> Figure:
    """Draw how often each pixel was seen: a map, how many pixels were seen how often, and how much of the area by date.

    Parameters
    ----------
    coverage : Coverage
    geobox : GeoBox
        Its grid.
    title : str
        What, where and when.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    frame = Frame.of(geobox)
    size = frame.fit(*MAP_BOX)
    height = max(size[1] + SCALE_BAR_HEIGHT, 5.2)
    left = size[0] + 1.6
    page = Page(left + _SIDE, height, title=title, subtitle=_gist(coverage), caption=frame.caption, credit=credit)
    inside = coverage.observations != OUTSIDE
    values = np.where(inside, coverage.observations, np.nan).astype(np.float32)
    limits = (0.0, float(max(len(coverage.dates), 1)))
    step = shrink_step(values.shape, int(max(size) * DPI))
    page.map(0, 0, size, IndexPicture(shrink_index(values, step), limits, shrink_area(inside, step)))
    page.scale_bar(0, size[1], size[0], frame)
    colour_bar(page, (size[0] + 0.15, 0.2, 0.16, min(size[1] - 0.2, 4.0)), limits, "dates")
    chart = (height - 1.35) / 2
    _often(page.axes(left, 0.1, _SIDE, chart), coverage, limits)
    _by_date(page.axes(left, chart + 0.9, _SIDE, chart), coverage)
    return page.figure


def _gist(coverage: Coverage) -> str:
    summary: dict[str, Any] = coverage.summary()
    if not coverage.pixels:
        return "no pixel inside the area"
    seen, gap = summary["observations"], summary["longest_gap_days"]
    return (
        f"{summary['dates']} dates · seen on {seen['least']:.0f} to {seen['most']:.0f} of them, half of the pixels on "
        f"{seen['median']:.0f} and more · longest gap {gap['median']:.0f} days (median), {gap['most']:.0f} (most) · "
        f"never seen: {share(summary['never_seen'], coverage.pixels)}"
    )


def _often(axes: Axes, coverage: Coverage, limits: tuple[float, float]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    counts = np.bincount(coverage.observations[coverage.observations != OUTSIDE], minlength=len(coverage.dates) + 1)
    numbers = np.arange(len(counts))
    bare(axes)
    axes.bar(numbers, counts, width=0.9, color=level_rgb(numbers / limits[1]) / 255, edgecolor=FAINT, linewidth=0.4)
    axes.set_xlabel("clear dates of a pixel", fontsize=9.5, color=INK)
    axes.set_ylabel("pixels", fontsize=9.5, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: thousands(int(count))))


def _by_date(axes: Axes, coverage: Coverage) -> None:
    bare(axes)
    shares = [100 * clear / max(coverage.pixels, 1) for clear in coverage.clear]
    days = np.array(coverage.dates, dtype="datetime64[D]")
    axes.vlines(days, 0, shares, color=level_rgb(np.array([0.8]))[0] / 255, linewidth=2.6)
    axes.plot(days, shares, linestyle="none", marker="o", markersize=4, color=level_rgb(np.array([0.8]))[0] / 255)
    axes.set_ylim(0, 104)
    axes.set_ylabel("clear share of the area, %", fontsize=9.5, color=INK)
    date_axis(axes)
