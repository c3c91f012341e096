"""The tables of the output folder: RFC 4180, UTF-8, decimal points, ISO dates, an empty cell where a value is missing."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlbmi.errors import InputError, WriteError
from mlbmi.write.csvtext import number_cell, write_csv
from mlbmi.write.hygiene import plain_text
from mlbmi.write.jsontext import iso_time

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from mlbmi.types import Acquisition, Clustering, ClusterRow

__all__ = [
    "ACQUISITION_COLUMNS",
    "CAUSES",
    "CLUSTER_COLUMNS",
    "MappedClustering",
    "cluster_names",
    "write_acquisitions",
    "write_clusters_table",
]

CLUSTER_COLUMNS = (
    "grid",
    "mode",
    "index",
    "k",
    "date",
    "cluster",
    "name",
    "pixels",
    "hectares",
    "share",
    "mean",
    "sd",
    "center",
)
"""Columns of ``clusters.csv``; see :func:`write_clusters_table`."""

ACQUISITION_COLUMNS = (
    "item_id",
    "tile",
    "time",
    "date",
    "platform",
    "baseline",
    "orbit",
    "cloud_cover",
    "grid",
    "status",
    "reason",
    "clear_share",
    "offset_add",
    "offset_source",
    "offset_reason",
    "offset_contradiction",
    "offset_metadata_add",
    "offset_pixels_add",
    "offset_probability",
    "offset_sure",
    "offset_pixels",
)
"""First columns of ``acquisitions.csv``; a column ``n_<cause>`` per cause follows; see :func:`write_acquisitions`."""

CAUSES = ("nodata", "scl", "dilation")
"""Causes of missing pixels that always have a column; others follow in alphabetical order."""


class MappedClustering(NamedTuple):
    """A clustering on its grid, as ``clusters.csv`` needs it.

    Attributes
    ----------
    grid : str
        MGRS tile, or ``mosaic``.
    clustering : Clustering
        What to list.
    pixel_area_ha : float
        Area of one pixel in hectares; NaN if unknown.
    names : sequence of str
        Of the clusters, by label; ``cluster 0``, ``cluster 1`` … if empty.
    """

    grid: str
    clustering: Clustering
    pixel_area_ha: float
    names: Sequence[str] = ()


def cluster_names(names: Sequence[str] | None, n_clusters: int) -> tuple[str, ...]:
    """Return the names given, or ``cluster 0``, ``cluster 1`` and so on.

    Raises
    ------
    InputError
        If there are names, but not as many as clusters.

    Examples
    --------
    >>> cluster_names(None, 2)
    ('cluster 0', 'cluster 1')
    """
    if not names:
        return tuple(f"cluster {label}" for label in range(n_clusters))
    if len(names) != n_clusters:
        raise InputError(f"{len(names)} names were given for {n_clusters} clusters; there must be one each")
    return tuple(names)


def write_clusters_table(
    path: str | os.PathLike[str],
    entries: Iterable[MappedClustering | tuple[str, Clustering, float]],
    *,
    keep_others: bool = False,
) -> Path:
    """Write ``clusters.csv``: one row per grid, mode, date and cluster.

    Columns: ``grid``; ``mode``; ``index``; ``k``, the number of clusters; ``date``, empty in rows about the whole period;
    ``cluster``, the label; ``name``; ``pixels`` (in rows of images about the whole period: pixels times dates);
    ``hectares`` (empty there, and where the pixel's area is unknown); ``share`` of the pixels in all clusters of that date, 0–1;
    ``mean`` and ``sd`` of the index; ``center`` of the model. What the last three mean: :class:`mlbmi.types.ClusterRow`.

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    entries : iterable of MappedClustering
        In the order in which to list them; plain tuples of grid, clustering and hectares per pixel will do.
    keep_others : bool
        True: rows that are in the file already, for other grids, modes, indices or numbers of clusters, stay in front.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        If it cannot be written, or rows shall be kept and the file there is another kind of table.
    InputError
        If names and clusters differ in number.
    """
    rows = [row for entry in entries for row in _cluster_rows(MappedClustering(*entry))]
    if keep_others and Path(path).exists():
        replaced = {row[:4] for row in rows}
        rows = [row for row in _existing_rows(Path(path), CLUSTER_COLUMNS) if row[:4] not in replaced] + rows
    return write_csv(path, CLUSTER_COLUMNS, rows)


def write_acquisitions(path: str | os.PathLike[str], acquisitions: Iterable[Acquisition]) -> Path:
    """Write ``acquisitions.csv``: one row per item and grid, in order of time, tile, id and grid; items not understood last.

    Columns: ``item_id``; ``tile``; ``time`` (UTC, ISO 8601); ``date``; ``platform``; ``baseline`` of processing; relative
    ``orbit``; ``cloud_cover`` of the scene, per cent; ``grid``; ``status`` (used, left out, failed); ``reason``;
    ``clear_share`` of the area's pixels, 0–1; ``offset_add`` (DN), ``offset_source``, ``offset_reason`` and
    ``offset_contradiction``, ``offset_metadata_add``, ``offset_pixels_add``, ``offset_probability``, ``offset_sure`` and
    ``offset_pixels`` (:class:`mlbmi.types.OffsetDecision`); then ``n_<cause>``: pixels of the area made missing, by cause.

    Text of catalogues is written as one line without addresses' keys, and guarded against being taken for a formula by a
    spreadsheet (an apostrophe in front of ``=``, ``+``, ``-`` and ``@``).

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    acquisitions : iterable of Acquisition
        In any order.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    ordered = sorted(acquisitions, key=_order)
    causes = (*CAUSES, *sorted({cause for item in ordered for cause in item.counts} - set(CAUSES)))
    header = (*ACQUISITION_COLUMNS, *(plain_text(f"n_{cause}") for cause in causes))
    return write_csv(path, header, [_acquisition_row(item, causes) for item in ordered])


def _cluster_rows(entry: MappedClustering) -> list[tuple[str, ...]]:
    clustering = entry.clustering
    names = cluster_names(entry.names, clustering.n_clusters)
    totals: dict[dt.date | None, int] = {}
    for row in clustering.rows:
        totals[row.date] = totals.get(row.date, 0) + row.pixels
    # Where there are rows of dates, a row of images without one counts pixels times dates, which are no area.
    pooled = clustering.mode == "images" and len(totals) > 1
    start = (plain_text(entry.grid), clustering.mode, plain_text(clustering.index), str(clustering.n_clusters))
    return [
        (*start, *_cluster_cells(row, names, totals[row.date], math.nan if pooled and row.date is None else entry.pixel_area_ha))
        for row in clustering.rows
    ]


def _cluster_cells(row: ClusterRow, names: Sequence[str], total: int, pixel_area_ha: float) -> tuple[str, ...]:
    return (
        row.date.isoformat() if row.date else "",
        str(row.cluster),
        plain_text(names[row.cluster]),
        str(row.pixels),
        number_cell(row.pixels * pixel_area_ha, 4),
        number_cell(row.pixels / total if total else math.nan, 6),
        number_cell(row.mean, 6),
        number_cell(row.sd, 6),
        number_cell(row.center, 6),
    )


def _order(item: Acquisition) -> tuple[bool, str, str, str, str]:
    scene = item.scene
    return scene is None, iso_time(scene.datetime) if scene else "", scene.tile if scene else "", item.item_id, item.grid


def _acquisition_row(item: Acquisition, causes: Sequence[str]) -> tuple[str, ...]:
    return (
        plain_text(item.item_id),
        *_scene_cells(item),
        plain_text(item.grid),
        item.status,
        plain_text(item.reason),
        number_cell(item.clear_share, 6),
        *_offset_cells(item),
        *_counts(item.counts, causes),
    )


def _scene_cells(item: Acquisition) -> tuple[str, ...]:
    scene = item.scene
    if scene is None:
        return ("",) * 7
    return (
        plain_text(scene.tile),
        iso_time(scene.datetime),
        scene.date.isoformat(),
        plain_text(scene.platform),
        plain_text(scene.baseline or ""),
        "" if scene.orbit is None else str(scene.orbit),
        number_cell(scene.cloud_cover, 6),
    )


def _offset_cells(item: Acquisition) -> tuple[str, ...]:
    if item.offset is None:
        return ("",) * 9
    offset = item.offset
    texts = (offset.source, offset.reason, offset.contradiction)
    adds = ("" if add is None else str(add) for add in (offset.metadata_add, offset.pixels_add))
    evidence = (number_cell(offset.probability, 6), "true" if offset.sure else "false", str(offset.pixels))
    return (str(offset.add), *(plain_text(text) for text in texts), *adds, *evidence)


def _counts(counts: Mapping[str, int], causes: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(counts[cause]) if cause in counts else "" for cause in causes)


def _existing_rows(path: Path, header: Sequence[str]) -> list[tuple[str, ...]]:
    try:
        rows = [tuple(row) for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WriteError(f"{str(path)!r} cannot be read to keep its rows: {error}", remedy="Move it away.") from error
    if not rows or rows[0] != tuple(header) or any(len(row) != len(header) for row in rows):
        raise WriteError(f"{str(path)!r} is not a table of these columns: {', '.join(header)}", remedy="Move it away.")
    return rows[1:]
