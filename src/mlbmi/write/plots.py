"""The figures of an index: one date with its distribution, and all dates at a glance.

Every function returns a matplotlib ``Figure``; :func:`mlbmi.write.page.save_figure` writes it. Titles say what, where and when;
white is outside the area, grey is missing inside it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.errors import InputError
from mlbmi.write.charts import colour_bar, flat_colour_bar, index_histogram
from mlbmi.write.page import DPI, FAINT, SCALE_BAR_HEIGHT, Frame, Page, pixel_hectares
from mlbmi.write.pictures import IndexPicture
from mlbmi.write.pixels import shrink_area, shrink_index, shrink_step
from mlbmi.write.sheet import MAP_BOX
from mlbmi.write.words import coverage, covered

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["display_limits", "index_figure", "overview_figure"]

_OVERVIEW_PANELS = 60


def display_limits(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return limits for colours: the 1st and 99th percentile of the valid values, rounded outwards to 0.05.

    Large arrays are sampled on a regular lattice of at most some 500 000 pixels. (0, 1) if nothing is valid.

    Examples
    --------
    >>> display_limits(np.linspace(0.12, 0.81, 1000).reshape(20, 50))
    (0.1, 0.85)
    """
    step = sample_step((values.shape[0], values.shape[1]))
    sample = values[::step, ::step]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 1.0
    low, high = np.percentile(sample, (1, 99))
    low, high = math.floor(low * 20 + 1e-6) / 20, math.ceil(high * 20 - 1e-6) / 20
    return (low, high) if high > low else (low, low + 0.05)


def sample_step(shape: tuple[int, int]) -> int:
    """Return the step of the lattice on which :func:`display_limits` looks; on that lattice alone it is 1."""
    return shrink_step(shape, 700)


def index_figure(
    values: NDArray[np.floating],
    geobox: GeoBox,
    *,
    title: str,
    label: str = "NDVI",
    area: NDArray[np.bool_] | None = None,
    limits: tuple[float, float] | None = None,
    boundaries: Sequence[float] = (),
    bins: int = 100,
    credit: str = "",
) -> Figure:
    """Draw one date of an index: its map and its distribution.

    Parameters
    ----------
    values : ndarray of float, shape (y, x)
        NaN where missing.
    geobox : GeoBox
        Its grid.
    title : str
        What, where and when.
    label : str
        Name of the index, for axes.
    area : ndarray of bool, shape (y, x), optional
        True inside the area of interest. Without it every missing pixel counts as outside.
    limits : (float, float), optional
        Values at the ends of the colours; :func:`display_limits` otherwise.
    boundaries : sequence of float
        Values to mark in the distribution, such as the limits between clusters.
    bins : int
        Bars of the distribution, from the least to the largest value.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If shapes do not fit.
    """
    inside = covered(values, geobox, area, np.isfinite(values))
    limits = limits or display_limits(values)
    frame = Frame.of(geobox)
    size = frame.fit(*MAP_BOX)
    height = max(size[1] + SCALE_BAR_HEIGHT, 3.6)
    left = size[0] + 1.25
    page = Page(
        left + 5.6 + 0.35,
        height,
        title=title,
        subtitle=coverage(np.isfinite(values), inside, pixel_hectares(geobox)),
        caption=frame.caption,
        credit=credit,
    )
    step = shrink_step(values.shape, int(max(size) * DPI))
    page.map(0, 0, size, IndexPicture(shrink_index(values, step), limits, shrink_area(inside, step)))
    page.scale_bar(0, size[1], size[0], frame)
    colour_bar(page, (size[0] + 0.15, 0.0, 0.16, min(size[1], 4.0)), limits, label)
    place = (left + 0.35, 0, 5.6, height - 0.5)
    index_histogram(page, place, values, limits, label=label, boundaries=boundaries, bins=bins)
    return page.figure


def overview_figure(
    images: Iterable[tuple[dt.date, NDArray[np.floating]]],
    geobox: GeoBox,
    *,
    title: str,
    limits: tuple[float, float],
    label: str = "NDVI",
    area: NDArray[np.bool_] | None = None,
    credit: str = "",
) -> Figure:
    """Draw every date of an index as a small map, with its valid share; all in the same colours.

    Parameters
    ----------
    images : iterable of (datetime.date, ndarray of float, shape (y, x))
        In order of date; NaN where missing. Taken one by one, so that they need not be in memory together. Beyond 60
        dates an even choice of them is drawn, and the figure says so.
    geobox : GeoBox
        Their grid.
    limits : (float, float)
        Values at the ends of the colours.
    title, label, credit
        As in :func:`index_figure`.
    area : ndarray of bool, shape (y, x), optional
        True inside the area of interest. Without it, all pixels that are valid on any date.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is no image, or shapes do not fit.
    """
    thumbnails, shares, inside = _thumbnails(images, geobox, area)
    chosen = np.unique(np.linspace(0, len(thumbnails) - 1, min(len(thumbnails), _OVERVIEW_PANELS)).round().astype(int))
    frame = Frame.of(geobox)
    columns = _columns(len(chosen), frame.aspect)
    rows = math.ceil(len(chosen) / columns)
    cell = (12.0 + 0.15) / columns
    size = frame.fit(cell - 0.15, 5.0)
    left_out = f" ({len(chosen)} of them shown)" if len(chosen) < len(thumbnails) else ""
    page = Page(
        cell * columns - 0.15,
        rows * (size[1] + 0.5) + 0.65,
        title=title,
        subtitle=f"{len(thumbnails)} dates{left_out}; below each date: share of the area with valid pixels; grey: missing",
        caption=frame.caption,
        credit=credit,
    )
    for number, (date, values) in enumerate(thumbnails[index] for index in chosen):
        row, column = divmod(number, columns)
        left, top = column * cell + (cell - 0.15 - size[0]) / 2, row * (size[1] + 0.5)
        page.text(left, top + 0.14, date.isoformat(), size=9, weight="bold")
        page.text(left, top + 0.31, f"{shares[chosen[number]]:.0%}".replace("%", " % valid"), size=8, color=FAINT)
        page.map(left, top + 0.38, size, IndexPicture(values, limits, inside))
    flat_colour_bar(page, (page.width / 2 - 2.5, page.height - 0.45, 5.0, 0.14), limits, label)
    return page.figure


def _columns(count: int, aspect: float) -> int:
    """Return the number of columns that makes a page of small maps about 4:3."""

    def shape(columns: int) -> float:
        cell = 12.0 / columns
        height = math.ceil(count / columns) * (min(cell / aspect, 5.0) + 0.5)
        return abs(math.log(12.0 / height / (4 / 3)))

    return min(range(1, min(count, 10) + 1), key=shape)


def _thumbnails(
    images: Iterable[tuple[dt.date, NDArray[np.floating]]], geobox: GeoBox, area: NDArray[np.bool_] | None
) -> tuple[list[tuple[dt.date, NDArray[np.float32]]], list[float], NDArray[np.bool_]]:
    step = shrink_step((geobox.shape[0], geobox.shape[1]), 450)
    thumbnails: list[tuple[dt.date, NDArray[np.float32]]] = []
    counts: list[int] = []
    union = np.zeros(tuple(geobox.shape), dtype=bool)
    for date, values in images:
        valid = np.isfinite(values)
        union = covered(values, geobox, area, union | valid)
        counts.append(int(valid.sum()))
        thumbnails.append((date, shrink_index(values, step)))
    if not thumbnails:
        raise InputError("there is no date to draw")
    total = max(1, int(union.sum()))
    return thumbnails, [count / total for count in counts], shrink_area(union, step)
