"""The figures of clusters: of one date, of series over time, of bands over wavelength.

Each is a map, a legend with areas, a chart and a panel per cluster; colours are those of :func:`mlbmi.write.colours.palette`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.errors import InputError
from mlbmi.write.charts import cluster_histogram
from mlbmi.write.lines import center_lines, center_spectra, observed_bars
from mlbmi.write.sheet import ClusterSheet

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["bands_figure", "image_clusters_figure", "timeseries_figure"]

_NAMES = 0.5  # inches above spectra for the bands' names
_SPREADS = 6  # clusters up to which spreads can be told apart


def image_clusters_figure(
    labels: NDArray[np.uint8],
    geobox: GeoBox,
    *,
    title: str,
    centers: Sequence[float],
    names: Sequence[str] | None = None,
    values: NDArray[np.floating] | None = None,
    label: str = "NDVI",
    marks: NDArray[np.floating] | None = None,
    area: NDArray[np.bool_] | None = None,
    note: str = "",
    credit: str = "",
) -> Figure:
    """Draw the clusters of one date: map, legend with areas, distribution if there are values, and a panel per cluster.

    Parameters
    ----------
    labels : ndarray of uint8, shape (y, x)
        255 where missing.
    geobox : GeoBox
        Its grid.
    title : str
        What, where and when.
    centers : sequence of float
        By label; NaN for a cluster that is not on this date.
    names : sequence of str, optional
        By label.
    values : ndarray of float, shape (y, x), optional
        The index that was clustered.
    label : str
        Name of the index.
    marks : ndarray of float, shape (n_clusters, 2), optional
        Place of each cluster, x and y in units of the CRS: its number is written there, unless numbers would hide one another.
    area : ndarray of bool, shape (y, x), optional
        True inside the area of interest. Without it every missing pixel counts as outside.
    note : str
        What else must be said, in a small line.
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
    chart_height = 2.6 if values is not None else 0.0
    sheet = ClusterSheet(labels, geobox, centers, names, area, chart_height=chart_height, marks=marks)
    page = sheet.draw(title=title, heading=f"{label} center", credit=credit, note=note)
    if values is not None:
        left, top, width, height = sheet.chart
        cluster_histogram(page, (left, top, width, height - 0.55), values, labels, colours=sheet.colours, label=label)
    return page.figure


def timeseries_figure(
    labels: NDArray[np.uint8],
    geobox: GeoBox,
    *,
    title: str,
    centers: NDArray[np.floating],
    dates: Sequence[dt.date],
    names: Sequence[str] | None = None,
    levels: Sequence[float] | None = None,
    observed: Sequence[float] | None = None,
    label: str = "NDVI",
    unit: str = "",
    marks: NDArray[np.floating] | None = None,
    area: NDArray[np.bool_] | None = None,
    outside: bool = False,
    note: str = "",
    credit: str = "",
) -> Figure:
    """Draw the clusters of a period: map, legend with areas, the centers over time, and a panel per cluster.

    Parameters
    ----------
    labels, geobox, title, names, label, marks, area, note, credit
        As in :func:`image_clusters_figure`.
    centers : ndarray of float, shape (n_clusters, n_dates)
        By label; NaN where unknown.
    dates : sequence of datetime.date
        Of the columns.
    levels : sequence of float, optional
        Mean of the index in each cluster, for the legend; by default means of the centers.
    observed : sequence of float, optional
        Share, 0–1, of the clustered pixels with an observation, by date.
    unit : str
        What the centers are, for the axis; by default those of the index.
    outside : bool
        Whether to begin the panels with one of what lies outside the area.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If shapes do not fit.
    """
    values_at = _checked(centers, len(dates), "dates")
    chart_height = 3.5 if observed is not None else 3.0
    shown = _row_means(values_at) if levels is None else levels
    sheet = ClusterSheet(labels, geobox, shown, names, area, chart_height=chart_height, marks=marks, outside=outside)
    page = sheet.draw(title=title, heading=f"mean {label}", credit=credit, note=note)
    left, top, width, height = sheet.chart
    width -= 0.25  # for the numbers at the ends of the lines
    lines_height = height - (1.15 if observed is not None else 0.5)
    lines = page.axes(left, top, width, lines_height)
    center_lines(lines, values_at, dates, sheet.colours, unit or f"{label} of the centers")
    if observed is not None:
        observed_bars(page.axes(left, top + lines_height + 0.3, width, 0.4), lines, dates, observed)
    return page.figure


def bands_figure(
    labels: NDArray[np.uint8],
    geobox: GeoBox,
    *,
    title: str,
    centers: NDArray[np.floating],
    bands: Sequence[str],
    names: Sequence[str] | None = None,
    levels: Sequence[float] | None = None,
    heading: str = "mean of bands",
    spread: NDArray[np.floating] | None = None,
    unit: str = "reflectance of the centers",
    marks: NDArray[np.floating] | None = None,
    area: NDArray[np.bool_] | None = None,
    note: str = "",
    credit: str = "",
) -> Figure:
    """Draw the clusters of band colours: map, legend with areas, the centers over wavelength, and a panel per cluster.

    Parameters
    ----------
    labels, geobox, title, names, marks, area, note, credit
        As in :func:`image_clusters_figure`.
    centers : ndarray of float, shape (n_clusters, n_bands)
        By label.
    bands : sequence of str
        Names of the columns; those of :data:`mlbmi.sentinel2.BANDS` stand at their wavelengths.
    levels : sequence of float, optional
        A number for each cluster, for the legend; by default means of the centers.
    heading : str
        What ``levels`` are.
    spread : ndarray of float, shape (n_clusters, n_bands), optional
        Standard deviation of each cluster's pixels, shaded around the centers of up to 6 clusters.
    unit : str
        What the centers are, for the axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If shapes do not fit.
    """
    values_at = _checked(centers, len(bands), "bands")
    around = None if spread is None or len(centers) > _SPREADS else _checked(spread, len(bands), "bands")
    if around is not None:
        note = " · ".join(text for text in (note, "shading: one standard deviation of the pixels") if text)
    shown = _row_means(values_at) if levels is None else levels
    sheet = ClusterSheet(labels, geobox, shown, names, area, chart_height=3.6, marks=marks)
    page = sheet.draw(title=title, heading=heading, credit=credit, note=note)
    left, top, width, height = sheet.chart
    axes = page.axes(left, top + _NAMES, width - 0.25, height - 0.5 - _NAMES)
    center_spectra(axes, values_at, bands, sheet.colours, unit, spread=around, width=width - 0.25)
    return page.figure


def _checked(centers: NDArray[np.floating], columns: int, what: str) -> NDArray[np.float64]:
    if centers.ndim != 2 or centers.shape[1] != columns:
        raise InputError(f"centers of shape {centers.shape} do not fit {columns} {what}")
    return np.asarray(centers, dtype=np.float64)


def _row_means(centers: NDArray[np.float64]) -> list[float]:
    return [float(row[np.isfinite(row)].mean()) if np.isfinite(row).any() else math.nan for row in centers]
