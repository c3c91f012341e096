"""The figures of series: courses before and after filling, and maps of a season."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlbmi.write.charts import bare, flat_colour_bar
from mlbmi.write.lines import date_axis
from mlbmi.write.page import DPI, INK, SCALE_BAR_HEIGHT, Frame, Page
from mlbmi.write.pictures import IndexPicture
from mlbmi.write.pixels import shrink_area, shrink_index, shrink_step
from mlbmi.write.portraits import values_of
from mlbmi.write.words import share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["SampleCourse", "courses_figure", "season_figure"]

_LINE = "#04733a"
_FILLED = "#c2410c"
_WHAT = {
    "start": "start, day of the year",
    "peak": "peak, day of the year",
    "end": "end, day of the year",
    "amplitude": "amplitude",
    "integral": "integral, index × days",
}


class SampleCourse(NamedTuple):
    """The course of one pixel.

    Attributes
    ----------
    row, column : int
        Where.
    observed : xarray.DataArray
        Over ``time``: what was observed; float with NaN or int16 steps.
    course : xarray.DataArray
        What became of it, perhaps on other dates.
    filled : ndarray of bool
        Which values of the course were filled.
    """

    row: int
    column: int
    observed: xr.DataArray
    course: xr.DataArray
    filled: NDArray[np.bool_]


def courses_figure(courses: Sequence[SampleCourse], geobox: GeoBox, *, title: str, label: str, credit: str = "") -> Figure:
    """Draw pixels' courses: what was observed, what became of it, and which of that was filled.

    Parameters
    ----------
    courses : sequence of SampleCourse
        One panel each.
    geobox : GeoBox
        Their grid.
    title : str
        What and where.
    label : str
        Name of the index.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(2, len(courses))
    rows = math.ceil(len(courses) / columns)
    width, height = 6.0, 2.35
    page = Page(
        columns * width - 0.3,
        rows * height + 0.1,
        title=title,
        subtitle="pixels from the fewest filled values to the most; · observed   ● course, observed   ○ course, filled",
        caption=Frame.of(geobox).caption,
        credit=credit,
    )
    every = np.concatenate([values_of(course.observed) for course in courses])
    every = np.concatenate([every, *[values_of(course.course) for course in courses]])
    days = courses[0].observed["time"].to_numpy()
    span = days[0] - np.timedelta64(10, "D"), days[-1] + np.timedelta64(10, "D")
    known = every[np.isfinite(every)]
    limits = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    for number, course in enumerate(courses):
        row, column = divmod(number, columns)
        axes = page.axes(column * width + 0.5, row * height + 0.3, width - 0.95, height - 0.72)
        _draw_course(axes, course, limits)
        axes.set_xlim(span[0], span[1])
        axes.set_ylabel(label, fontsize=9, color=INK)
        x, y = geobox.affine * (course.column + 0.5, course.row + 0.5)
        made = f"{share(int(course.filled.sum()), int(np.isfinite(values_of(course.course)).sum()))} filled"
        page.text(column * width + 0.5, row * height + 0.2, f"x {x:,.0f}, y {y:,.0f}: {made}", size=9)
    return page.figure


def _draw_course(axes: Axes, course: SampleCourse, limits: tuple[float, float]) -> None:
    bare(axes)
    axes.grid(axis="y", color="#e3e6e8", linewidth=0.8)
    axes.set_axisbelow(True)
    days, values = course.course["time"].to_numpy(), values_of(course.course)
    seen = np.isfinite(values) & ~course.filled
    axes.plot(days, values, color=_LINE, linewidth=1.3)
    axes.plot(days[seen], values[seen], "o", color=_LINE, markersize=3.6, markeredgewidth=0)
    axes.plot(days[course.filled], values[course.filled], "o", color="white", markeredgecolor=_FILLED, markersize=4.2)
    axes.plot(course.observed["time"].to_numpy(), values_of(course.observed), ".", color=INK, markersize=2.6)
    margin = 0.06 * max(limits[1] - limits[0], 0.1)
    axes.set_ylim(limits[0] - margin, limits[1] + margin)
    date_axis(axes)


def season_figure(
    images: Mapping[str, NDArray[np.float32]],
    geobox: GeoBox,
    *,
    title: str,
    area: NDArray[np.bool_],
    credit: str = "",
) -> Figure:
    """Draw the maps of a season as small multiples, each with its own colours.

    Parameters
    ----------
    images : mapping of str to ndarray of float32, shape (y, x)
        By measure: ``start``, ``peak``, ``end``, ``amplitude``, ``integral``; NaN where there is no season.
    geobox : GeoBox
        Their grid.
    title : str
        What, which season and where.
    area : ndarray of bool, shape (y, x)
        True inside the area of interest.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    frame = Frame.of(geobox)
    columns = 3 if frame.aspect < 2.5 else 1
    size = frame.fit(12.0 / columns - 0.3, 5.0)
    cell, tall = size[0] + 0.3, size[1] + 1.15
    rows = math.ceil(len(images) / columns)
    first = np.asarray(next(iter(images.values())))
    page = Page(
        max(cell * columns - 0.3, 7.0),
        rows * tall + SCALE_BAR_HEIGHT,
        title=title,
        subtitle=f"{share(int(np.isfinite(first).sum()), int(area.sum()))} of the area has a season; grey: none",
        caption=frame.caption,
        credit=credit,
    )
    step = shrink_step(first.shape, int(max(size) * DPI))
    inside = shrink_area(area, step)
    for number, (name, values) in enumerate(images.items()):
        row, column = divmod(number, columns)
        left, top = column * cell, row * tall
        page.text(left, top + 0.17, _WHAT.get(name, name), size=10, weight="bold")
        small = shrink_index(np.asarray(values), step)
        limits = _limits(small)
        page.map(left, top + 0.28, size, IndexPicture(small, limits, inside))
        flat_colour_bar(page, (left + 0.1, top + size[1] + 0.42, size[0] - 0.35, 0.12), limits, "")
    page.scale_bar(0, rows * tall, size[0], frame)
    return page.figure


def _limits(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return the 2nd and 98th percentile; apart, whatever the values."""
    known: Any = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = (float(limit) for limit in np.percentile(known, (2, 98)))
    return (low, high) if high - low > 1e-3 else (low - 0.5, high + 0.5)
