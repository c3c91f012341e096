"""The charts of centers: over time, with the share observed below, and over wavelength."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.sentinel2 import BANDS
from mlbmi.write.charts import bare
from mlbmi.write.page import FAINT, INK, badge_style
from mlbmi.write.words import unit_rgb

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from mlbmi.write.colours import RGB

__all__ = ["center_lines", "center_spectra", "observed_bars"]

_NUMBERED_LINES = 12
_GRID = "#e3e6e8"


def center_lines(axes: Axes, centers: NDArray[np.float64], dates: Sequence[dt.date], colours: Sequence[RGB], unit: str) -> None:
    """Draw each cluster's center over time, a mark per date, its number at the right end; ``unit`` is the text of the axis."""
    bare(axes)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    days = np.array(dates, dtype="datetime64[D]")
    _lines(axes, days, centers, colours)
    _widen(axes)
    if len(days) == 1:
        axes.set_xlim(days[0] - np.timedelta64(45, "D"), days[0] + np.timedelta64(45, "D"))
    _number_lines(axes, days[-1], centers, colours)
    date_axis(axes)
    axes.set_ylabel(unit, fontsize=9.5, color=INK)


def center_spectra(
    axes: Axes,
    centers: NDArray[np.float64],
    bands: Sequence[str],
    colours: Sequence[RGB],
    unit: str,
    *,
    spread: NDArray[np.float64] | None = None,
    width: float,
) -> None:
    """Draw each cluster's center over wavelength; beside one another where a band is none of Sentinel-2's.

    Parameters
    ----------
    axes : Axes
        Where.
    centers : ndarray of float, shape (n_clusters, n_bands)
        By label.
    bands : sequence of str
        Names of the columns, in any order.
    colours : sequence of (red, green, blue)
        By label.
    unit : str
        Text of the axis.
    spread : ndarray of float, shape (n_clusters, n_bands), optional
        What to shade above and below the centers.
    width : float
        Width of the axes in inches.
    """
    bare(axes)
    axes.grid(color=_GRID, linewidth=0.8)
    known = all(band in BANDS for band in bands)
    places = np.array([BANDS[band].centre_nm for band in bands] if known else range(len(bands)), dtype=np.float64)
    order = np.argsort(places, kind="stable")
    places, centers, names = places[order], centers[:, order], [bands[number] for number in order]
    if spread is not None:
        _shade(axes, places, centers, spread[:, order], colours)
    _lines(axes, places, centers, colours)
    _widen(axes)
    low, high = float(places[0]), float(places[-1])
    margin = max(0.03 * (high - low), 0.5 if not known else 20.0)
    axes.set_xlim(low - margin, high + margin)
    _number_lines(axes, places[-1], centers, colours)
    _name_bands(axes, places, names, width)
    axes.set_xlabel("wavelength, nm" if known else "", fontsize=9.5, color=INK)
    axes.tick_params(labelbottom=known)
    axes.set_ylabel(unit, fontsize=9.5, color=INK)


def observed_bars(axes: Axes, lines: Axes, dates: Sequence[dt.date], observed: Sequence[float]) -> None:
    """Draw the share of pixels observed on each date, below the lines and on their axis."""
    bare(axes)
    axes.sharex(lines)
    axes.vlines(np.array(dates, dtype="datetime64[D]"), 0, [100 * share for share in observed], color=FAINT, linewidth=2.2)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 100])
    axes.set_ylabel("observed\n%", fontsize=8.5, color=INK)
    date_axis(axes)
    lines.tick_params(labelbottom=False)


def _lines(axes: Axes, places: NDArray[Any], centers: NDArray[np.float64], colours: Sequence[RGB]) -> None:
    from matplotlib.patheffects import withStroke

    axes.set_axisbelow(True)
    for row, colour in zip(centers, colours, strict=True):
        known = np.isfinite(row)
        (line,) = axes.plot(places[known], row[known], color=unit_rgb(colour), linewidth=2.0, marker="o", markersize=3.6)
        line.set_markeredgewidth(0)
        # The thin rim keeps the light colours visible on white.
        line.set_path_effects([withStroke(linewidth=2.6, foreground=FAINT)])


def _shade(
    axes: Axes, places: NDArray[np.float64], centers: NDArray[np.float64], spread: NDArray[np.float64], colours: Sequence[RGB]
) -> None:
    for row, around, colour in zip(centers, spread, colours, strict=True):
        known = np.isfinite(row) & np.isfinite(around)
        axes.fill_between(places[known], (row - around)[known], (row + around)[known], color=unit_rgb(colour), alpha=0.22, lw=0)


def _widen(axes: Axes) -> None:
    """Keep centers all alike from blowing the axes up."""
    low, high = axes.get_ylim()
    middle, half = (low + high) / 2, max(high - low, 0.2) / 2
    axes.set_ylim(middle - half, middle + half)


def _number_lines(axes: Axes, end: Any, centers: NDArray[np.float64], colours: Sequence[RGB]) -> None:
    """Write each line's number at its right end, in its colour."""
    ends = sorted((float(row[np.isfinite(row)][-1]), number) for number, row in enumerate(centers) if np.isfinite(row).any())
    if not ends or len(ends) > _NUMBERED_LINES:
        return
    low, high = axes.get_ylim()
    room = 0.082 * (high - low)
    places = _apart([value for value, _ in ends], room, (low + room / 2, high - room / 2))
    for place, (_, number) in zip(places, ends, strict=True):
        axes.annotate(
            str(number),
            (end, place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            **badge_style(colours[number]),
        )


def _name_bands(axes: Axes, places: NDArray[np.float64], names: Sequence[str], width: float) -> None:
    """Write the bands' names above the axes, each joined to its place; upright where they are close."""
    low, high = axes.get_xlim()
    per_inch = (high - low) / width
    roomy = len(names) < 2 or float(np.diff(places).min()) > 0.65 * per_inch
    shifted = places.tolist() if roomy else _apart(places.tolist(), 0.14 * per_inch, (low, high))
    for name, place, above in zip(names, places, shifted, strict=True):
        axes.plot(
            [place, above],
            [1.0, 1.0 if roomy else 1.04],
            color=FAINT,
            lw=0.6,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
        )
        axes.text(
            above,
            1.02 if roomy else 1.05,
            name,
            size=8,
            color=INK,
            ha="center",
            va="bottom",
            rotation=0 if roomy else 90,
            parse_math=False,
            transform=axes.get_xaxis_transform(),
        )


def _apart(values: Sequence[float], least: float, limits: tuple[float, float]) -> list[float]:
    """Move ascending values apart until neighbours differ by ``least``, each group around its own middle, within limits.

    Examples
    --------
    >>> [round(value, 2) for value in _apart([0.0, 0.5, 0.5], 0.1, (0.0, 1.0))]
    [0.0, 0.45, 0.55]
    >>> [round(value, 2) for value in _apart([0.0, 0.0, 1.0, 1.0], 0.1, (0.0, 1.0))]
    [0.0, 0.1, 0.9, 1.0]
    """
    groups: list[tuple[float, int]] = []  # middle and size
    for value in values:
        groups.append((value, 1))
        while len(groups) > 1 and _touch(groups[-2], groups[-1], least):
            (high, more), (low, count) = groups.pop(), groups.pop()
            groups.append(((low * count + high * more) / (count + more), count + more))
    places = [middle + (place - (count - 1) / 2) * least for middle, count in groups for place in range(count)]
    for number, upper in enumerate(reversed(range(len(places)))):
        places[upper] = min(places[upper], limits[1] - number * least)
    return [max(place, limits[0] + number * least) for number, place in enumerate(places)]


def _touch(low: tuple[float, int], high: tuple[float, int], least: float) -> bool:
    return high[0] - (high[1] - 1) / 2 * least - (low[0] + (low[1] - 1) / 2 * least) < least


def date_axis(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.get_offset_text().set_fontsize(8.5)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
