"""A figure as a page measured in inches: maps keep their proportions, and nothing lies on top of data.

Figures are drawn without pyplot: no global state, safe in threads, and the same bytes for the same input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi._version import __version__
from mlbmi.write.atomic import atomic_path
from mlbmi.write.pictures import PlainPicture
from mlbmi.write.png import indexed_png
from mlbmi.write.words import fitted, unit_rgb

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.write.colours import RGB
    from mlbmi.write.pictures import Picture

__all__ = ["DPI", "Frame", "Page", "badge_style", "pixel_hectares", "rendered", "save_figure", "write_png"]

DPI = 150
"""Dots per inch of every figure."""

INK = "#1f2a30"
"""Colour of text."""

FAINT = "#5f6b72"
"""Colour of lesser text, and of axes."""

TITLE_HEIGHT = 0.85
FOOTER_HEIGHT = 0.32
NOTE_HEIGHT = 0.2
MARGIN = 0.35
SCALE_BAR_HEIGHT = 0.42


@dataclass(frozen=True, slots=True)
class Frame:
    """The piece of ground that a map shows.

    Attributes
    ----------
    aspect : float
        Width over height, on the ground.
    width_m : float
        Width in metres; NaN where the CRS does not measure in metres.
    caption : str
        CRS and size of pixels.
    """

    aspect: float
    width_m: float
    caption: str

    @classmethod
    def of(cls, geobox: GeoBox) -> Frame:
        """Make the frame of a grid."""
        height, width = (float(length) for length in geobox.shape)
        step_x, step_y = abs(geobox.resolution.x), abs(geobox.resolution.y)
        metric = _is_metric(geobox)
        unit = " m" if metric else "°" if geobox.crs is not None and geobox.crs.geographic else " units"
        code = geobox.crs.to_epsg() if geobox.crs is not None else None
        return cls(
            aspect=width * step_x / (height * step_y),
            width_m=width * step_x if metric else math.nan,
            caption=f"{f'EPSG:{code}' if code else 'own CRS'} · {step_x:g}{unit} pixels",
        )

    def fit(self, width: float, height: float) -> tuple[float, float]:
        """Return the largest width and height of this shape within a box."""
        return (width, width / self.aspect) if width / self.aspect <= height else (height * self.aspect, height)


class Page:
    """A white sheet with a title, a footer, and places measured in inches from its upper left corner.

    Parameters
    ----------
    width, height : float
        Inches of the space between title and footer and between the margins.
    title, subtitle, caption, credit : str
        Texts: title and line below it; footer, left and right.
    note : str
        What else must be said, in a line of its own above the footer.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        What is drawn.
    """

    def __init__(
        self, width: float, height: float, *, title: str, subtitle: str, caption: str, credit: str, note: str = ""
    ) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        foot = height + FOOTER_HEIGHT + (NOTE_HEIGHT if note else 0.0)
        self._full = (width + 2 * MARGIN, foot + TITLE_HEIGHT + MARGIN / 2)
        self.figure: Figure = Figure(figsize=self._full, dpi=DPI, facecolor="white")
        self.line(0, -0.50, title, width, size=14, weight="bold")
        self.line(0, -0.22, subtitle, width, size=10, color=FAINT)
        self.line(0, foot - NOTE_HEIGHT, note, width, size=8, color=FAINT)
        self.line(0, foot, f"{caption} · mlbmi {__version__}", 0.45 * width, size=8, color=FAINT)
        self.line(width, foot, credit, 0.53 * width, size=8, color=FAINT, ha="right")

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return new axes at a place: inches from the left margin and from below the title."""
        x, y = self._place(left, top + height)
        return self.figure.add_axes((x, y, width / self._full[0], height / self._full[1]))

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        """Write a line whose baseline is at a place; ``$`` is a dollar, not mathematics."""
        x, y = self._place(left, top)
        self.figure.text(x, y, text, **{"color": INK, "size": 9.5, "va": "baseline", "parse_math": False, **style})

    def line(self, left: float, top: float, text: str, width: float, *, least: float = 1.0, **style: Any) -> None:
        """Write a line that takes at most ``width``: smaller if need be, down to ``least`` points, then cut off."""
        if text:
            shown, size = fitted(text, style.pop("size", 9.5), width, least=least, weight=style.get("weight", "normal"))
            self.text(left, top, shown, size=size, **style)

    def box(self, left: float, top: float, width: float, height: float, colour: Any) -> None:
        """Draw a filled box with a thin edge."""
        from matplotlib.patches import Rectangle

        x, y = self._place(left, top + height)
        size = (width / self._full[0], height / self._full[1])
        patch = Rectangle((x, y), *size, facecolor=colour, edgecolor=FAINT, linewidth=0.5, transform=self.figure.transFigure)
        self.figure.add_artist(patch)

    def rule(self, left: float, top: float, width: float) -> None:
        """Draw a thin horizontal line."""
        self.stroke((left, left + width), (top, top), color="#c4cacd")

    def stroke(self, lefts: Sequence[float], tops: Sequence[float], **style: Any) -> None:
        """Draw a line through places."""
        from matplotlib.lines import Line2D

        ends = zip(*(self._place(left, top) for left, top in zip(lefts, tops, strict=True)), strict=True)
        style = {"color": FAINT, "linewidth": 0.8, **style}
        self.figure.add_artist(Line2D(*map(list, ends), transform=self.figure.transFigure, **style))

    def bbox(self, left: float, top: float, width: float, height: float) -> Bbox:
        """Return a box of the page as shares of the figure."""
        from matplotlib.transforms import Bbox

        return Bbox([self._place(left, top + height), self._place(left + width, top)])

    def map(self, left: float, top: float, size: tuple[float, float], picture: Picture | NDArray[np.uint8]) -> None:
        """Draw a picture, or an RGBA image, north up."""
        from mlbmi.write.pasted import Pasted

        x, y = self._place(left, top + size[1])
        box = (x, y, size[0] / self._full[0], size[1] / self._full[1])
        self.figure.add_artist(Pasted(PlainPicture(picture) if isinstance(picture, np.ndarray) else picture, box))

    def badge(self, left: float, top: float, text: str, colour: RGB) -> None:
        """Write a short text in a rounded box whose middle is at a place, above all else."""
        x, y = self._place(left, top)
        style = badge_style(colour)
        style["bbox"] |= {"edgecolor": "white", "linewidth": 1.0}  # so that it stands out from its own cluster
        self.figure.text(x, y, text, ha="center", va="center", zorder=5, **style)

    def scale_bar(self, left: float, top: float, width: float, frame: Frame) -> None:
        """Draw a bar of a round length, and a north arrow, below a map of this width."""
        if math.isfinite(frame.width_m):
            length = _round_length(frame.width_m * 0.3)
            inches = width * length / frame.width_m
            self.box(left, top + 0.12, inches / 2, 0.06, INK)
            self.box(left + inches / 2, top + 0.12, inches / 2, 0.06, "white")
            self.text(left, top + 0.36, f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m", size=8.5)
        self.text(left + width, top + 0.30, "N ▲", size=9.5, ha="right")

    def _place(self, left: float, top: float) -> tuple[float, float]:
        return (left + MARGIN) / self._full[0], 1 - (top + TITLE_HEIGHT) / self._full[1]


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Save a figure as PNG of at most 256 colours, whole or not at all; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to save.
    path : path-like
        The file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    return write_png(rendered(figure), path)


def rendered(figure: Figure) -> NDArray[np.uint8]:
    """Return a figure's pixels: RGBA, shape (height, width, 4)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas, dots_per_inch = figure.canvas, figure.get_dpi()
    try:
        if dots_per_inch != DPI:
            figure.set_dpi(DPI)
        agg = FigureCanvasAgg(figure)
        agg.draw()  # type: ignore[no-untyped-call]
        return np.asarray(agg.buffer_rgba())  # type: ignore[no-untyped-call]
    finally:
        figure.set_canvas(canvas)
        if dots_per_inch != DPI:
            figure.set_dpi(dots_per_inch)


def write_png(pixels: NDArray[np.uint8], path: str | os.PathLike[str]) -> Path:
    """Write pixels that :func:`rendered` gave.

    Raises
    ------
    WriteError
        If they cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(indexed_png(pixels, dots_per_inch=DPI))
    return Path(path)


def pixel_hectares(geobox: GeoBox) -> float:
    """Return the area of one pixel in hectares; NaN where the CRS does not measure in metres."""
    from mlbmi.grid import pixel_area_ha

    return pixel_area_ha(geobox) if _is_metric(geobox) else math.nan


def badge_style(colour: RGB) -> dict[str, Any]:
    """Return how a number on a rounded box of this colour is written, for any text of matplotlib."""
    box = {"boxstyle": "round,pad=0.18", "facecolor": unit_rgb(colour), "edgecolor": FAINT, "linewidth": 0.5}
    return {"size": 8, "color": "white" if sum(colour) < 330 else INK, "bbox": box}


def _is_metric(geobox: GeoBox) -> bool:
    crs = geobox.crs
    return crs is not None and not crs.geographic and set(crs.units) == {"metre"}


def _round_length(length: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not longer."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(step * power for step in (1, 2, 5) if step * power <= length)
