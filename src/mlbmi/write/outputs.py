"""The output folder: which file is called what, and what goes into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlbmi.write.categories import sidecar_path
from mlbmi.write.colours import palette
from mlbmi.write.gallery import Gallery, geobox_of, map_stem, maps_of
from mlbmi.write.hygiene import file_part
from mlbmi.write.model import write_model
from mlbmi.write.page import pixel_hectares
from mlbmi.write.portraits import shown_name
from mlbmi.write.rasters import write_label_cog
from mlbmi.write.tables import MappedClustering, cluster_names, write_clusters_table

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.types import Clustering

__all__ = ["write_clustering", "write_index_figures", "write_outputs"]


def write_index_figures(
    data: xr.DataArray,
    folder: str | os.PathLike[str],
    *,
    grid: str,
    area: NDArray[np.bool_] | None = None,
    place: str = "",
    credit: str = "",
) -> list[Path]:
    """Draw an index: ``<grid>/figures/<index>_<date>.png`` per date, and ``<index>_overview.png``.

    Parameters
    ----------
    data : xarray.DataArray
        ``(time, y, x)``, float with NaN or int16 steps, named after the index, with a CRS. One date is in memory at a time.
    folder : path-like
        The output folder.
    grid : str
        MGRS tile, or ``mosaic``.
    area : ndarray of bool, shape (y, x), optional
        True inside the area of interest. Without it, all pixels that are valid on any date.
    place : str
        Name of the area, for titles.
    credit : str
        Credit for the data, for the foot of figures.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If the array has no name, no CRS or two images of a date.
    WriteError
        If a file cannot be written.
    """
    file_part("" if data.name is None else str(data.name))
    home = Path(folder) / file_part(grid)
    gallery = Gallery(folder=home / "figures", geobox=geobox_of(data), grid=grid, place=place, area=area, credit=credit)
    return gallery.index(data)


def write_clustering(
    clustering: Clustering,
    folder: str | os.PathLike[str],
    *,
    grid: str,
    names: Sequence[str] | None = None,
    data: xr.DataArray | xr.Dataset | None = None,
    area: NDArray[np.bool_] | None = None,
    model: bool = True,
    figures: bool = True,
    place: str = "",
    credit: str = "",
) -> list[Path]:
    """Write a clustering: its maps and figures under ``<grid>/``, and its model beside the grids.

    The maps are ``images_<index>_<date>_k<K>.tif``, one per date, or ``<mode>_<index>_k<K>.tif`` for the modes that make one map
    (``timeseries_ndvi_k5.tif``, ``bands_red-nir_k4.tif``), each with its names in ``<map>.aux.xml``; figures have the same names
    under ``figures/``; the model is ``model_<mode>_<index>_k<K>.json``.

    Parameters
    ----------
    clustering : Clustering
        What to write; its labels carry a CRS.
    folder : path-like
        The output folder.
    grid : str
        MGRS tile, or ``mosaic``.
    names : sequence of str, optional
        Of the clusters, by label; ``cluster 0``, ``cluster 1`` … by default.
    data : xarray.DataArray or xarray.Dataset, optional
        What was clustered, on the dates and grid of the clustering: an index ``(time, y, x)``, by itself or in a dataset, gives
        images their distributions and series the share observed; a dataset with a variable ``(y, x)`` or ``(time, y, x)`` per
        band gives spectra their spread.
    area : ndarray of bool, shape (y, x), optional
        True inside the area of interest; for figures. Without it, all pixels that have a label on any date.
    model : bool
        Whether to write the model: it is one for all grids.
    figures : bool
        Whether to draw figures.
    place : str
        Name of the area, for titles.
    credit : str
        Credit for the data, for the foot of figures.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If the labels have no CRS or two maps of a date, or names and clusters differ in number.
    WriteError
        If a file cannot be written.
    """
    geobox, index, count = geobox_of(clustering.labels), file_part(clustering.index), clustering.n_clusters
    shown, home = cluster_names(names, count), Path(folder) / file_part(grid)
    written: list[Path] = []
    for date, labels in maps_of(clustering):
        path = home / f"{map_stem(clustering, date)}.tif"
        title = f"{shown_name(clustering)} clusters ({clustering.mode}, k = {count})"
        write_label_cog(path, labels, geobox, names=shown, colours=palette(count), description=title, date=date)
        written += [path, sidecar_path(path)]
    if figures:
        gallery = Gallery(folder=home / "figures", geobox=geobox, grid=grid, place=place, area=area, credit=credit)
        written += gallery.clustering(clustering, shown, data)
    if model:
        written.append(write_model(Path(folder) / f"model_{clustering.mode}_{index}_k{count}.json", clustering, names=shown))
    return written


def write_outputs(
    clustering: Clustering,
    out: str | os.PathLike[str],
    *,
    grid: str = "mosaic",
    names: Sequence[str] | None = None,
    data: xr.DataArray | xr.Dataset | None = None,
    area: NDArray[np.bool_] | None = None,
    figures: bool = True,
    place: str = "",
    credit: str = "",
) -> list[Path]:
    """Write one clustering as ``mlbmi run`` does: maps, model, figures, and its rows of ``clusters.csv``.

    Rows of other grids, modes, indices and numbers of clusters that are in ``clusters.csv`` already stay there.

    Parameters
    ----------
    clustering : Clustering
        What a function such as :func:`mlbmi.cluster_timeseries` returned.
    out : path-like
        The output folder; made if missing.
    grid, names, data, area, figures, place, credit
        As in :func:`mlbmi.write.write_clustering`.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If the labels carry no CRS: a map without one has no place on earth and its classes no hectares.
    WriteError
        If a file cannot be written.
    """
    hectares = pixel_hectares(geobox_of(clustering.labels))
    written = write_clustering(
        clustering, out, grid=grid, names=names, data=data, area=area, figures=figures, place=place, credit=credit
    )
    entry = MappedClustering(file_part(grid), clustering, hectares, tuple(names or ()))
    return [*written, write_clusters_table(Path(out) / "clusters.csv", [entry], keep_others=True)]
