"""The table of a choice of the number of clusters: ``selection_<mode>_<index>.csv``."""

from __future__ import annotations

import math
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

from mlbmi.types import KScores
from mlbmi.write.csvtext import write_csv

if TYPE_CHECKING:
    import os

    from mlbmi.types import KSelection

__all__ = ["SELECTION_COLUMNS", "selection_name", "write_selection"]

SELECTION_COLUMNS = (*(field.name for field in fields(KScores)), "chosen")
"""Columns of the table; see :func:`write_selection`."""


def selection_name(selection: KSelection) -> str:
    """Return the file's name.

    Examples
    --------
    >>> from mlbmi.types import KSelection
    >>> selection_name(KSelection(mode="images", index="ndvi", n_clusters=3, reason="", scores=(), sample=0, seed=0))
    'selection_images_ndvi.csv'
    """
    return f"selection_{selection.mode}_{selection.index}.csv"


def write_selection(path: str | os.PathLike[str], selection: KSelection) -> Path:
    """Write the scores, one row per number of clusters, ascending.

    Columns: those of :class:`mlbmi.types.KScores`, nine significant digits, empty where undefined; then ``chosen``, ``true`` in
    the row of the number chosen and ``false`` in all others.

    Parameters
    ----------
    path : path-like
        The file, or a folder that is there already: then the file in it is named by :func:`selection_name`. It appears whole or
        not at all.
    selection : KSelection

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    place = Path(path)
    rows = [
        (*(_cell(value) for value in astuple(row)), str(row.n_clusters == selection.n_clusters).lower())
        for row in sorted(selection.scores, key=lambda row: row.n_clusters)
    ]
    return write_csv(place / selection_name(selection) if place.is_dir() else place, SELECTION_COLUMNS, rows)


def _cell(value: float) -> str:
    return f"{value:z.9g}" if math.isfinite(value) else ""
