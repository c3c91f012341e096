"""What the figures of clusters share: the map, the legend with areas, a panel per cluster."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.types import LABEL_NODATA
from mlbmi.write.colours import MISSING_RGB, palette
from mlbmi.write.page import DPI, FAINT, SCALE_BAR_HEIGHT, Frame, Page, pixel_hectares
from mlbmi.write.pictures import ClassPicture, MemberPicture, class_codes
from mlbmi.write.pixels import shrink_area, shrink_labels, shrink_step
from mlbmi.write.tables import cluster_names
from mlbmi.write.words import coverage, covered, share, signed, unit_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.write.colours import RGB

__all__ = ["MAP_BOX", "ClusterSheet"]

MAP_BOX = (7.0, 6.2)
"""Largest width and height of the main map, in inches."""

SIDE = 5.4
"""Width of what stands beside the map, in inches."""

_GAP = 0.5
_WIDE = 1.9  # width over height from which the legend goes below the map
_ROW = 0.27
_PANELS = 12
_LEGEND_ROWS = 16
_NAME = 2.5  # width of a name in the legend
_OUTSIDE_RGB: RGB = (0x5F, 0x6B, 0x72)
_MARKS = 12  # clusters up to which their places are marked on the map
_MARK = 0.24  # least distance of two marks, in inches


class ClusterSheet:
    """What the figures of images and of series share: map, legend, panels. Lengths in inches.

    Attributes
    ----------
    chart : (float, float, float, float)
        Left, top, width and height of the room for a chart below the legend.
    outside : bool
        Whether a first panel shows what lies outside the area.
    """

    def __init__(
        self,
        labels: NDArray[np.uint8],
        geobox: GeoBox,
        centers: Sequence[float],
        names: Sequence[str] | None,
        area: NDArray[np.bool_] | None,
        *,
        chart_height: float,
        marks: NDArray[np.floating] | None = None,
        outside: bool = False,
    ) -> None:
        self.labels = labels
        self.outside = outside
        self.centers = centers
        self.names = cluster_names(names, len(centers))
        self.colours = palette(len(centers))
        self.inside = covered(labels, geobox, area, labels != LABEL_NODATA)
        self.hectares = pixel_hectares(geobox)
        self.frame = Frame.of(geobox)
        self.legend_height = (min(len(centers), _LEGEND_ROWS) + 2.5) * _ROW + 0.25
        if self.frame.aspect > _WIDE:
            self._place_below(chart_height)
        else:
            self._place_beside(chart_height)
        self._arrange_panels()
        self.marks = None if marks is None else self._readable(marks, geobox)

    def _place_beside(self, chart_height: float) -> None:
        """Put the legend to the right of the map, and the chart below the legend."""
        self.size = self.frame.fit(*MAP_BOX)
        self.legend_left, self.legend_top = self.size[0] + _GAP, 0.0
        self.width = self.legend_left + SIDE
        self.body = max(self.size[1] + SCALE_BAR_HEIGHT, self.legend_height + chart_height)
        self.chart = (self.legend_left + 0.55, self.legend_height, SIDE - 0.55, self.body - self.legend_height)

    def _place_below(self, chart_height: float) -> None:
        """Put the legend below a wide map, and the chart to the right of the legend."""
        self.width = 2 * SIDE + 1.2
        self.size = self.frame.fit(self.width, MAP_BOX[1])
        self.legend_left, self.legend_top = 0.0, self.size[1] + SCALE_BAR_HEIGHT + 0.15
        height = max(self.legend_height, chart_height)
        self.body = self.legend_top + height
        self.chart = (SIDE + 1.2, self.legend_top + 0.1, SIDE, height - 0.1)

    def _arrange_panels(self) -> None:
        count = len(self.centers)
        panels = count + self.outside if 1 < count <= _PANELS else 0  # one cluster is the map itself
        self.columns = panels if panels <= 6 else math.ceil(panels / 2)
        self.cell = (self.width + 0.15) / max(self.columns, 1)
        self.panel = self.frame.fit((self.width + 0.15) / max(self.columns, 4) - 0.15, 2.6)
        rows = math.ceil(panels / self.columns) if panels else 0
        self.panels_height = rows * (self.panel[1] + 0.38) + (0.1 if rows else 0.0)

    def _readable(self, marks: NDArray[np.floating], geobox: GeoBox) -> NDArray[np.float64] | None:
        """Return places, (n, 2) in units of the CRS, in inches on the map; None if marks there would hide one another."""
        columns, rows = ~geobox.affine * (marks[:, 0], marks[:, 1])
        places = np.column_stack([columns / geobox.shape[1] * self.size[0], rows / geobox.shape[0] * self.size[1]])
        gaps = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + np.where(np.eye(len(places)), np.inf, 0)
        known = np.isfinite(places).all() and (places >= 0).all() and (places <= self.size).all()
        return places if known and len(places) <= _MARKS and (gaps >= _MARK).all() else None

    def draw(self, *, title: str, heading: str, credit: str, note: str = "") -> Page:
        """Draw all but the chart; ``heading`` is the title of the legend's column of centers."""
        notes = (note, "" if self.marks is None else "numbers on the map: the clusters' central places")
        page = Page(
            self.width,
            self.body + self.panels_height,
            title=title,
            subtitle=coverage(self.labels != LABEL_NODATA, self.inside, self.hectares),
            caption=self.frame.caption,
            credit=credit,
            note=" · ".join(text for text in notes if text),
        )
        step = shrink_step(self.labels.shape, int(max(self.size) * DPI))
        codes = class_codes(shrink_labels(self.labels, step), shrink_area(self.inside, step))
        page.map(0, 0, self.size, ClassPicture(codes, self.colours))
        page.scale_bar(0, self.size[1], self.size[0], self.frame)
        for number, (left, top) in enumerate(() if self.marks is None else self.marks):
            page.badge(left, top, str(number), self.colours[number])
        self._legend(page, heading)
        self._panels(page, codes)
        return page

    def _legend(self, page: Page, heading: str) -> None:
        counts = np.bincount(self.labels.ravel(), minlength=256)[: len(self.centers)]
        self._legend_row(page, 0, ("", "cluster", heading, self._unit(), "share"), color=FAINT, size=9)
        page.rule(self.legend_left, self.legend_top + _ROW + 0.02, SIDE)
        shown = _shown_labels(len(self.centers))
        for row, number in enumerate(shown, start=1):
            cells = (str(number), self.names[number], signed(self.centers[number]))
            self._legend_row(page, row, (*cells, self._amount(counts[number]), share(counts[number], counts.sum())))
            self._swatch(page, row, self.colours[number])
        self._legend_end(page, len(shown))

    def _legend_end(self, page: Page, shown: int) -> None:
        missing, total = int(np.count_nonzero(self.inside & (self.labels == LABEL_NODATA))), int(self.inside.sum())
        if shown < len(self.centers):
            text = f"{shown} of {len(self.centers)} clusters; all are in clusters.csv"
            self._legend_row(page, shown + 1, ("", text, "", "", ""), color=FAINT)
        elif missing:
            cells = ("", "missing (share of area)", "", self._amount(missing), share(missing, total))
            self._legend_row(page, shown + 1, cells, color=FAINT)
            self._swatch(page, shown + 1, MISSING_RGB)

    def _legend_row(self, page: Page, row: int, cells: tuple[str, str, str, str, str], **style: Any) -> None:
        number, name, *numbers = cells
        top = self.legend_top + row * _ROW + 0.2
        if number:
            page.text(self.legend_left + 0.42, top, number, ha="center", **style)
        page.line(self.legend_left + 0.62, top, name, SIDE - 0.62 if not any(numbers) else _NAME, least=7.5, **style)
        for text, place in zip(numbers, (3.75, 4.72, SIDE), strict=True):
            if text:
                page.text(self.legend_left + place, top, text, ha="right", **style)

    def _swatch(self, page: Page, row: int, colour: RGB) -> None:
        page.box(self.legend_left, self.legend_top + row * _ROW + 0.07, 0.26, 0.17, unit_rgb(colour))

    def _unit(self) -> str:
        return "hectares" if math.isfinite(self.hectares) else "pixels"

    def _amount(self, count: int) -> str:
        if math.isnan(self.hectares):
            return f"{count:,}"
        # As many digits for all rows as the whole map deserves.
        digits = 2 if self.inside.sum() * self.hectares < 100 else 1
        return f"{count * self.hectares:,.{digits}f}"

    def _panels(self, page: Page, codes: NDArray[np.uint16]) -> None:
        if not self.columns:
            return
        if self.outside:
            area = shrink_area(self.inside, max(1, round(self.inside.shape[0] / codes.shape[0])))
            self._panel(page, 0, "outside the area", MemberPicture((~area).astype(np.uint16), 1, _OUTSIDE_RGB))
        for number, colour in enumerate(self.colours):
            self._panel(page, number + self.outside, self._panel_title(number), MemberPicture(codes, number, colour))

    def _panel(self, page: Page, place: int, title: str, picture: MemberPicture) -> None:
        row, column = divmod(place, self.columns)
        left = column * self.cell
        top = self.body + 0.1 + row * (self.panel[1] + 0.38)
        page.box(left, top + 0.06, 0.2, 0.13, unit_rgb(picture.colour))
        page.line(left + 0.28, top + 0.18, title, self.cell - 0.46, size=9, least=7.5)
        page.map(left, top + 0.28, self.panel, picture)

    def _panel_title(self, number: int) -> str:
        name = self.names[number]
        return name if name.endswith(f" {number}") else f"{number} · {name}"


def _shown_labels(count: int) -> list[int]:
    return list(range(count)) if count <= _LEGEND_ROWS else np.linspace(0, count - 1, _LEGEND_ROWS).round().astype(int).tolist()
