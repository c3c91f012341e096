"""The map of change, and what it shares with the figure of transitions: colours, areas in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.write.charts import bare
from mlbmi.write.colours import MISSING_RGB, palette
from mlbmi.write.page import DPI, FAINT, INK, SCALE_BAR_HEIGHT, Frame, Page, pixel_hectares
from mlbmi.write.pixels import shrink_step
from mlbmi.write.sheet import MAP_BOX, SIDE
from mlbmi.write.tables import cluster_names
from mlbmi.write.words import covered, share, short, thousands, unit_rgb

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.types import Change
    from mlbmi.write.colours import RGB

__all__ = ["Amounts", "change_colours", "change_figure", "season_words"]

_MISSING = 65535
_PALE: RGB = (0xF6, 0xF6, 0xF4)
_PALENESS = 0.84  # with more the clusters that stayed look alike, with less they compete with those that changed
_ROW = 0.27
_ROWS = 16
_CHART = 1.9
_SAME_SEASON = 45
_BLOCK = 512


def change_colours(n_clusters: int) -> list[RGB]:
    """Return a colour for each code of a change map: that of the new cluster, and a pale one where it stayed as it was.

    Parameters
    ----------
    n_clusters : int
        1 to 255.

    Returns
    -------
    list of (red, green, blue)
        ``n_clusters²`` of them; that of "from a to b" is number ``a × n_clusters + b``.

    Examples
    --------
    >>> change_colours(2)
    [(243, 233, 211), (3, 85, 75), (227, 166, 36), (207, 220, 217)]
    """
    colours = palette(n_clusters)
    return [_muted(new) if new is old else new for old in colours for new in colours]


def _muted(colour: RGB) -> RGB:
    red, green, blue = (round(_PALENESS * pale + (1 - _PALENESS) * own) for pale, own in zip(_PALE, colour, strict=True))
    return red, green, blue


def change_figure(
    change: Change,
    geobox: GeoBox,
    *,
    title: str,
    names: Sequence[str] | None = None,
    area: NDArray[np.bool_] | None = None,
    credit: str = "",
) -> Figure:
    """Draw a map of change between each pixel's first and last labelled dates, what each cluster kept, lost and gained, and when.

    Changed pixels have the colour of their new cluster, others a pale shade of their own. The chart of first dates is left out
    where there are fewer than four: none can have settled in one cluster and then in another.

    Parameters
    ----------
    change : Change
        What to draw.
    geobox : GeoBox
        Its grid.
    title : str
        What, where and when.
    names : sequence of str, optional
        Of the clusters, by label.
    area : ndarray of bool, shape (y, x), optional
        True inside the area of interest. Without it every pixel that is labelled on fewer than two dates counts as outside.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If shapes, or names and clusters, do not fit.
    """
    codes, k = change.change.to_numpy(), change.n_clusters
    inside = covered(codes, geobox, area, codes != _MISSING)
    amounts = Amounts.of(geobox, int(inside.sum()))
    frame = Frame.of(geobox)
    size = frame.fit(*MAP_BOX)
    rows = min(k, _ROWS) + 2.6
    chart = _CHART if len(change.dates) > 3 else 0.0
    body = max(size[1] + SCALE_BAR_HEIGHT, rows * _ROW + 0.35 + chart)
    matrix = _counted(codes, k * k).reshape(k, k)
    page = Page(
        size[0] + 0.5 + SIDE,
        body,
        title=title,
        subtitle=_change_words(matrix, amounts) + season_words(change.dates),
        caption=frame.caption,
        credit=credit,
    )
    step = shrink_step(codes.shape, int(max(size) * DPI))
    page.map(0, 0, size, _change_pixels(codes[::step, ::step], change_colours(k), inside[::step, ::step]))
    page.scale_bar(0, size[1], size[0], frame)
    left = size[0] + 0.5
    _balance(page, left, matrix, cluster_names(names, k), amounts, missing=int(np.count_nonzero(inside & (codes == _MISSING))))
    if chart:
        _first_changes(page.axes(left + 0.6, body - chart + 0.25, SIDE - 0.6, chart - 0.6), change, amounts)
    return page.figure


@dataclass(frozen=True, slots=True)
class Amounts:
    """Pixels as hectares, with as many digits as the whole deserves; as pixels where their area is unknown.

    Attributes
    ----------
    hectares : float
        Area of a pixel; NaN if unknown.
    digits : int
        Behind the point.
    """

    hectares: float
    digits: int

    @classmethod
    def of(cls, geobox: GeoBox, pixels: int) -> Amounts:
        """Choose the digits for so many pixels."""
        hectares = pixel_hectares(geobox)
        whole = pixels * hectares
        return cls(hectares, 2 if whole < 100 else 1 if whole < 10_000 else 0)

    @property
    def unit(self) -> str:
        """Return what is counted."""
        return "pixels" if math.isnan(self.hectares) else "ha"

    def value(self, pixels: Any) -> Any:
        """Return the amount of some pixels."""
        return pixels if math.isnan(self.hectares) else pixels * self.hectares

    def text(self, pixels: int) -> str:
        """Return the amount in digits; what would read as 0, but is more, says so.

        Examples
        --------
        >>> [Amounts(0.01, 1).text(pixels) for pixels in (0, 3, 123_456)]
        ['0.0', '<0.1', '1,234.6']
        """
        if math.isnan(self.hectares):
            return f"{pixels:,}"
        least = 10.0**-self.digits
        little = 0 < pixels * self.hectares < least / 2
        return f"<{least:g}" if little else f"{pixels * self.hectares:,.{self.digits}f}"


def season_words(dates: Sequence[dt.date]) -> str:
    """Return a warning where the first and the last date are of different seasons, more than 45 days of the year apart.

    Examples
    --------
    >>> import datetime as dt
    >>> season_words([dt.date(2020, 1, 17), dt.date(2022, 10, 10)])
    '; the dates are of different seasons'
    >>> season_words([dt.date(2020, 12, 17), dt.date(2022, 1, 10)])
    ''
    """
    apart = abs(dates[0].timetuple().tm_yday - dates[-1].timetuple().tm_yday)
    return "; the dates are of different seasons" if min(apart, 365 - apart) > _SAME_SEASON else ""


def _counted(values: NDArray[Any], length: int) -> NDArray[np.int64]:
    """Count 0 … ``length`` − 1, by blocks of rows: NumPy counts on a copy of eight bytes per pixel."""
    counts = np.zeros(length, np.int64)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        counts += np.bincount(block[(block >= 0) & (block < length)], minlength=length)
    return counts


def _change_words(matrix: NDArray[np.int64], amounts: Amounts) -> str:
    changed, total = int(matrix.sum() - matrix.trace()), int(matrix.sum())
    return (
        f"each pixel's first labelled date against its last; {share(changed, total)} of "
        f"{amounts.text(total)} {amounts.unit} changed"
    )


def _change_pixels(codes: NDArray[np.uint16], colours: Sequence[RGB], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour codes: RGBA, outside the area transparent (white), missing inside it grey."""
    table = np.array([*colours, MISSING_RGB], np.uint8)
    pixels = np.full((*codes.shape, 4), 255, np.uint8)
    pixels[..., :3][inside] = table[np.minimum(codes[inside], len(colours))]
    pixels[..., 3] = np.where(inside, 255, 0)
    return pixels


def _balance(page: Page, left: float, matrix: NDArray[np.int64], names: Sequence[str], amounts: Amounts, *, missing: int) -> None:
    """Draw the legend: a row for each cluster with what it kept, lost and gained; of many those that exchanged most."""
    kept, lost, gained = matrix.diagonal(), matrix.sum(axis=1) - matrix.diagonal(), matrix.sum(axis=0) - matrix.diagonal()
    colours, k = palette(len(names)), len(names)
    _row(page, left, 0, ("", "cluster", f"kept, {amounts.unit}", "lost", "gained"), color=FAINT, size=9)
    page.text(left, 0.2, "new  kept", size=7.5, color=FAINT)
    page.rule(left, _ROW + 0.02, SIDE)
    chosen = sorted(np.argsort(-(lost + gained), kind="stable")[:_ROWS].tolist())
    for row, number in enumerate(chosen, start=1):
        cells = (str(number), short(names[number], 20), *(amounts.text(part[number]) for part in (kept, lost, gained)))
        _row(page, left, row, cells)
        page.box(left, row * _ROW + 0.07, 0.26, 0.17, unit_rgb(colours[number]))
        page.box(left + 0.3, row * _ROW + 0.07, 0.26, 0.17, unit_rgb(_muted(colours[number])))
    end = len(chosen) + 1
    if missing:
        _row(page, left, end, ("", "on fewer than two dates", amounts.text(missing), "", ""), color=FAINT)
        page.box(left + 0.3, end * _ROW + 0.07, 0.26, 0.17, unit_rgb(MISSING_RGB))
    if k > _ROWS:
        page.text(left, (end + 1) * _ROW + 0.2, f"{_ROWS} of {k} clusters; all are in transitions.csv", color=FAINT)


def _row(page: Page, left: float, row: int, cells: Sequence[str], **style: Any) -> None:
    places = ((0.74, "center"), (0.92, "left"), (3.55, "right"), (4.5, "right"), (SIDE, "right"))
    for text, (place, side) in zip(cells, places, strict=True):
        page.text(left + place, row * _ROW + 0.2, text, ha=side, **style)


def _first_changes(axes: Axes, change: Change, amounts: Amounts) -> None:
    """Draw how much settled in another cluster on each date."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    counts = _counted(change.first_change.to_numpy(), len(change.dates))
    days = np.array(change.dates, "datetime64[D]")
    axes.vlines(days, 0, amounts.value(counts), color=INK, linewidth=3.0)
    margin = max((days[-1] - days[0]) * 0.03, np.timedelta64(1, "D"))
    axes.set_xlim(days[0] - margin, days[-1] + margin)
    axes.set_ylim(0, max(float(amounts.value(counts).max()) * 1.08, 1e-9))
    axes.set_title("settled in another cluster, twice running, by the first date", fontsize=9.5, color=INK, loc="left")
    axes.set_ylabel(amounts.unit, fontsize=9, color=INK)
    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_formatter(lambda value, _: thousands(value) if value >= 10 else f"{value:g}")
    axes.locator_params(axis="y", nbins=4)
    bare(axes)
