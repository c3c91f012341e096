"""The figure of principal components: their maps, what each explains, and what each is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlbmi.write.charts import bare, colour_bar
from mlbmi.write.gallery import geobox_of
from mlbmi.write.page import DPI, FAINT, INK, SCALE_BAR_HEIGHT, Frame, Page, pixel_hectares
from mlbmi.write.pictures import IndexPicture
from mlbmi.write.pixels import shrink_area, shrink_index, shrink_step
from mlbmi.write.words import coverage, covered

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["FittedPCA", "pca_figure"]

_SHOWN = 4
_MAP = (3.6, 4.6)
_GAP = 0.95


class FittedPCA(Protocol):
    """What principal components must offer to be drawn; those of ``scenes`` do."""

    @property
    def features(self) -> Sequence[str]:
        """Bands, or dates."""
        ...

    @property
    def scores(self) -> xr.DataArray:
        """(component, y, x)."""
        ...

    @property
    def components_(self) -> NDArray[np.float64]:
        """(n_components, n_features)."""
        ...

    @property
    def explained_variance_ratio_(self) -> NDArray[np.float64]:
        """Shares, 0 to 1."""
        ...


def pca_figure(pca: FittedPCA, *, title: str, credit: str = "") -> Figure:
    """Draw principal components: maps of the first four, the variance that each explains, and the weights of the features.

    Parameters
    ----------
    pca : FittedPCA
        Of ``scenes``.
    title : str
        What, where and when.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If its maps carry no CRS.
    """
    scores = pca.scores
    values = scores.to_numpy()[:_SHOWN]
    geobox = geobox_of(scores)
    area = np.asarray(scores.coords["inside"].values, bool) if "inside" in scores.coords else None
    inside = covered(values[0], geobox, area, np.isfinite(values[0]))
    frame = Frame.of(geobox)
    size = frame.fit(*_MAP)
    cell = max(size[0] + _GAP, 3.4)
    width = max(cell * len(values), 10.0)
    page = Page(
        width,
        size[1] + SCALE_BAR_HEIGHT + 0.35 + 3.2,
        title=title,
        subtitle=coverage(np.isfinite(values[0]), inside, pixel_hectares(geobox)),
        caption=frame.caption,
        credit=credit,
        note="each map from its 1st to its 99th percentile; only pixels with every feature take part",
    )
    step = shrink_step(values.shape[1:], int(max(size) * DPI))
    shares = pca.explained_variance_ratio_
    for number, component in enumerate(values):
        left = number * cell
        low, high = _limits(component)
        page.text(left, 0.12, f"component {number + 1} · {100 * shares[number]:.1f} % of the variance", weight="bold")
        page.map(left, 0.28, size, IndexPicture(shrink_index(component, step), (low, high), shrink_area(inside, step)))
        colour_bar(page, (left + size[0] + 0.1, 0.5, 0.12, min(size[1], 3.0) - 0.25), (low, high), "")
    page.scale_bar(0, 0.28 + size[1], size[0], frame)
    top = 0.28 + size[1] + SCALE_BAR_HEIGHT + 0.45
    _explained(page.axes(0.55, top, 0.28 * width - 0.55, 2.2), shares)
    _weights(page.axes(0.36 * width, top, 0.6 * width, 2.2), pca)
    return page.figure


def _limits(values: NDArray[np.floating[Any]]) -> tuple[float, float]:
    seen = values[np.isfinite(values)]
    low, high = (float(edge) for edge in np.percentile(seen, (1, 99))) if seen.size else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _explained(axes: Axes, shares: NDArray[np.float64]) -> None:
    bare(axes)
    numbers = np.arange(1, len(shares) + 1)
    axes.bar(numbers, 100 * shares, color="#528a2e", width=0.7)
    axes.plot(numbers, 100 * np.cumsum(shares), color=INK, marker="o", markersize=3.5, linewidth=1.2)
    axes.set_ylim(0, 105)
    axes.set_xticks(numbers if len(numbers) <= 12 else numbers[:: len(numbers) // 8])
    axes.set_xlabel("component", fontsize=9.5, color=INK)
    axes.set_ylabel("explained variance, %\n(line: summed up)", fontsize=9, color=INK)


def _weights(axes: Axes, pca: FittedPCA) -> None:
    bare(axes)
    places = np.arange(len(pca.features))
    colours = ("#043a4b", "#047339", "#8f9e27", "#e3a624")
    axes.axhline(0, color=FAINT, linewidth=0.8)
    for number, weights in enumerate(pca.components_[:_SHOWN]):
        axes.plot(
            places, weights, color=colours[number], marker="o", markersize=4, linewidth=1.8, label=f"component {number + 1}"
        )
    every = max(1, len(places) // 14)
    axes.set_xticks(places[::every], [pca.features[place] for place in places[::every]], rotation=30 if len(places) > 5 else 0)
    axes.margins(x=0.06)
    axes.set_ylabel("weight", fontsize=9.5, color=INK)
    axes.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(0.0, 1.22), ncols=_SHOWN)
