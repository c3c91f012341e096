"""The same settings through the whole pipeline: an output folder as ``mlbmi run --grid tile`` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlbmi.errors import InputError
from mlbmi.kmeans_ndvi.bands import canonical_bands, esa_names, spoken
from mlbmi.kmeans_ndvi.indices import checked_index
from mlbmi.kmeans_ndvi.messages import info_message, warning_message
from mlbmi.kmeans_ndvi.showing import show_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlbmi.config import RunConfig
    from mlbmi.kmeans_ndvi.kmeans import KMeansBMI

__all__ = ["bands_of", "run_configs", "show_figures"]


def bands_of(indices: Sequence[str]) -> list[str]:
    """Return ESA's names of the bands that some indices need.

    Examples
    --------
    >>> bands_of(["ndvi", "gci"])
    ['B03', 'B04', 'B08']
    """
    from mlbmi.pipeline.planning import bands_for

    return esa_names(bands_for(indices))


def run_configs(
    notebook: KMeansBMI, indices: Sequence[str], *, out: Path | None = None, overwrite: bool = False
) -> list[RunConfig]:
    """Return the pipeline's settings for what a notebook object asks; files are fetched first where it says so.

    Parameters
    ----------
    notebook : KMeansBMI
        Its settings count; nothing that it has loaded does.
    indices : sequence of str
        ``ndvi``, ``gci``, ``rci``, ``wdrvi``. One whose bands are not among ``band_names`` is left out, with a warning.
    out : Path, optional
        The output folder; with several numbers of clusters, a folder ``k<K>`` in it for each.
    overwrite : bool
        Whether another run's results may be replaced.

    Returns
    -------
    list of RunConfig
        One for each number of clusters.

    Raises
    ------
    InputError
        If no index is left.
    """
    found = [checked_index(name, notebook.alpha) for name in indices]
    bands = canonical_bands(notebook.band_names)
    able = [index for index in found if set(index.bands) <= set(bands)]
    for index in found:
        if index not in able:
            warning_message(f"{index.name.upper()} cannot be computed without both {spoken(index.bands)}")
    if not able:
        raise InputError(
            f"no index can be computed from {', '.join(notebook.band_names)}", remedy=f"Give --band_names {_flags(indices)}."
        )
    common: dict[str, Any] = {
        "index": tuple(index.name for index in able),
        "mode": ("images", "timeseries"),
        "grid": "tile",
        "pooled": False,
        "scaling": "robust",
        "overwrite": overwrite,
    }
    base = notebook.settings(**common)
    if notebook.download:
        base = base.model_copy(update={"catalog": notebook.downloaded(base)})
    numbers = notebook.numbers()
    home = Path("mlbmi-out") if out is None else out
    return [
        base.model_copy(update={"n_clusters": number, "out": home if len(numbers) == 1 else home / f"k{number}"})
        for number in numbers
    ]


def _flags(indices: Sequence[str]) -> str:
    return " ".join(name.lower() for name in bands_of(indices))


def show_figures(out: Path) -> None:
    """Show the figures of an output folder on the screen; where there is none, say where they are."""
    from matplotlib.image import imread

    paths = sorted(out.glob("*/figures/*.png"))
    if not show_pixels(*(imread(path) for path in paths)):
        info_message(f"There is no screen to show figures on; {len(paths)} are in {out}/*/figures")
