"""The original notebook's helpers, by their old names: messages, and figures to look at before a result is believed.

The figures are drawn by :mod:`mlbmi.write`. With ``plot_now`` they are shown at once; they are returned in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlbmi.kmeans_ndvi.messages import debug_message, info_message, warning_message

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from mlbmi.write.notebook import FittedKMeans
    from mlbmi.write.pca_plot import FittedPCA

__all__ = [
    "debug_message",
    "info_message",
    "sanity_check_ndvi_statistics",
    "sanity_check_pca",
    "sanity_check_spatial_kmeans",
    "sanity_check_temporal_kmeans",
    "warning_message",
]


def sanity_check_ndvi_statistics(
    image: xr.DataArray | NDArray[np.floating[Any]],
    scene_id: str,
    res: str,
    date: str,
    *,
    bins: int = 100,
    plot_now: bool = False,
    credit: str | None = None,
) -> Figure:
    """Draw an index with its distribution; arguments as for :func:`mlbmi.write.ndvi_statistics_figure`.

    Missing pixels are in neither the map's colours nor the histogram, and zero is a value like any other.
    """
    from mlbmi.write import ndvi_statistics_figure

    return _shown(ndvi_statistics_figure(image, scene_id, res, date, bins=bins, credit=credit), plot_now=plot_now)


def sanity_check_spatial_kmeans(  # noqa: PLR0917 - the original notebook's order
    kmeans: FittedKMeans,
    image: xr.DataArray | NDArray[np.floating[Any]],
    quantile_range: tuple[float, float] = (1, 99),
    scene_id: str = "",
    res: str = "R10m",
    date: str = "",
    *,
    plot_now: bool = False,
    credit: str | None = None,
) -> Figure:
    """Draw an image as its clusters; arguments as for :func:`mlbmi.write.spatial_kmeans_figure`."""
    from mlbmi.write import spatial_kmeans_figure

    figure = spatial_kmeans_figure(kmeans, image, quantile_range, scene_id, res, date, credit=credit)
    return _shown(figure, plot_now=plot_now)


def sanity_check_temporal_kmeans(
    kmeans: FittedKMeans,
    image_stack: xr.DataArray | NDArray[np.floating[Any]],
    quantile_range: tuple[float, float] = (1, 99),
    scene_id: str = "",
    res: str = "R10m",
    *,
    plot_now: bool = False,
    credit: str | None = None,
) -> Figure:
    """Draw series as their clusters; arguments as for :func:`mlbmi.write.temporal_kmeans_figure`."""
    from mlbmi.write import temporal_kmeans_figure

    figure = temporal_kmeans_figure(kmeans, image_stack, quantile_range, scene_id, res, credit=credit)
    return _shown(figure, plot_now=plot_now)


def sanity_check_pca(
    pca: FittedPCA, scene_id: str, res: str, date: str = "", *, plot_now: bool = False, credit: str = ""
) -> Figure:
    """Draw principal components of an image's bands, or (without a date) of a series."""
    from mlbmi.write import pca_figure

    what = " · ".join(part for part in ("Principal components", f"{scene_id} {res}", date or "over time") if part)
    return _shown(pca_figure(pca, title=what, credit=credit), plot_now=plot_now)


def _shown(figure: Figure, *, plot_now: bool) -> Figure:
    from mlbmi.kmeans_ndvi.showing import show

    return show(figure) if plot_now else figure
