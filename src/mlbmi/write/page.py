"""A figure as a page measured in inches: maps keep their proportions, and nothing lies on top of data.

Figures are drawn without pyplot: no global state, safe in threads, and the same bytes for the same input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlbmi._version import __version__
from mlbmi.write.atomic import atomic_path

if TYPE_CHECKING:
    import os

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["DPI", "Frame", "Page", "pixel_hectares", "save_figure"]

DPI = 150
"""Dots per inch of every figure."""

_PNG_EFFORT = 4
"""zlib's level: half the time of the default 6 for files 5 % larger."""

INK = "#1f2a30"
"""Colour of text."""

FAINT = "#5f6b72"
"""Colour of lesser text, and of axes."""

TITLE_HEIGHT = 0.85
FOOTER_HEIGHT = 0.32
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

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        What is drawn.
    """

    def __init__(self, width: float, height: float, *, title: str, subtitle: str, caption: str, credit: str) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self._full = (width + 2 * MARGIN, height + TITLE_HEIGHT + FOOTER_HEIGHT + MARGIN / 2)
        self.figure: Figure = Figure(figsize=self._full, dpi=DPI, facecolor="white")
        self.text(0, -0.50, title, size=_fitting(title, 14, width), weight="bold")
        self.text(0, -0.22, subtitle, size=_fitting(subtitle, 10, width), color=FAINT)
        self.text(0, height + FOOTER_HEIGHT, f"{caption} · mlbmi {__version__}", size=8, color=FAINT)
        self.text(width, height + FOOTER_HEIGHT, credit, size=8, color=FAINT, ha="right")

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return new axes at a place: inches from the left margin and from below the title."""
        x, y = self._place(left, top + height)
        return self.figure.add_axes((x, y, width / self._full[0], height / self._full[1]))

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        """Write a line whose baseline is at a place; ``$`` is a dollar, not mathematics."""
        x, y = self._place(left, top)
        self.figure.text(x, y, text, **{"color": INK, "size": 9.5, "va": "baseline", "parse_math": False, **style})

    def box(self, left: float, top: float, width: float, height: float, colour: Any) -> None:
        """Draw a filled box with a thin edge."""
        from matplotlib.patches import Rectangle

        x, y = self._place(left, top + height)
        size = (width / self._full[0], height / self._full[1])
        patch = Rectangle((x, y), *size, facecolor=colour, edgecolor=FAINT, linewidth=0.5, transform=self.figure.transFigure)
        self.figure.add_artist(patch)

    def rule(self, left: float, top: float, width: float) -> None:
        """Draw a thin horizontal line."""
        from matplotlib.lines import Line2D

        x, y = self._place(left, top)
        ends = ([x, x + width / self._full[0]], [y, y])
        self.figure.add_artist(Line2D(*ends, color="#c4cacd", linewidth=0.8, transform=self.figure.transFigure))

    def map(self, left: float, top: float, size: tuple[float, float], pixels: NDArray[np.uint8]) -> Axes:
        """Draw an RGBA image, north up, without axes."""
        axes = self.axes(left, top, *size)
        smaller = pixels.shape[1] <= size[0] * DPI
        axes.imshow(pixels, interpolation="nearest" if smaller else "antialiased", interpolation_stage="rgba", aspect="auto")
        axes.set_axis_off()
        return axes

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
    """Save a figure as PNG, whole or not at all; the same figure gives the same bytes.

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
    with atomic_path(path) as temporary:
        # Without its version, so that an update of matplotlib that draws alike writes alike.
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None}, pil_kwargs={"compress_level": _PNG_EFFORT})
    return Path(path)


def pixel_hectares(geobox: GeoBox) -> float:
    """Return the area of one pixel in hectares; NaN where the CRS does not measure in metres."""
    from mlbmi.grid import pixel_area_ha

    return pixel_area_ha(geobox) if _is_metric(geobox) else math.nan


def _fitting(text: str, size: float, width: float) -> float:
    """Return the size in points, at most ``size``, at which a line is no wider than so many inches."""
    # DejaVu Sans Bold, matplotlib's own font, takes 0.69 of its size per letter on average.
    return min(size, width * 72 / (0.69 * max(1, len(text))))


def _is_metric(geobox: GeoBox) -> bool:
    crs = geobox.crs
    return crs is not None and not crs.geographic and set(crs.units) == {"metre"}


def _round_length(length: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not longer."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(step * power for step in (1, 2, 5) if step * power <= length)
