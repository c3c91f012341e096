"""``run.json``: how a run got where it is, for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlbmi.write.atomic import write_text
from mlbmi.write.hygiene import REDACTED, is_secret_name, scrub
from mlbmi.write.jsontext import iso_time, json_text

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from mlbmi.types import Acquisition, OffsetDecision, RunRecord, Scene

__all__ = ["RECORD_FORMAT", "RECORD_VERSION", "write_record"]

RECORD_FORMAT = "mlbmi run record"
"""Value of ``format`` in ``run.json``."""

RECORD_VERSION = 1
"""Value of ``format_version``; it rises when a key changes its meaning or goes."""


def write_record(path: str | os.PathLike[str], record: RunRecord) -> Path:
    """Write the run record as strict JSON: sorted keys, NaN as null, times in UTC.

    No secret gets in: addresses lose query strings and users, settings whose names speak of keys, tokens or passwords are
    redacted, and error texts are scrubbed of signed addresses.

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    record : RunRecord
        What to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        If it cannot be written.
    TypeError
        If the record holds a value that JSON has no word for.
    """
    content = {
        "format": RECORD_FORMAT,
        "format_version": RECORD_VERSION,
        "started": iso_time(record.started),
        "finished": iso_time(record.finished),
        "fingerprint": record.fingerprint,
        "config": _without_secrets(record.config),
        "versions": record.versions,
        "acquisitions": [_acquisition(item) for item in record.acquisitions],
        "clusterings": record.clusterings,
        "quality": record.quality,
        "timings_s": record.timings_s,
        "outputs": record.outputs,
    }
    return write_text(path, json_text(content))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: REDACTED if member and is_secret_name(str(key)) else _without_secrets(member) for key, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(member) for member in value]
    return value


def _acquisition(item: Acquisition) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "status": item.status,
        "reason": item.reason,
        "grid": item.grid,
        "clear_share": item.clear_share,
        "counts": item.counts,
        "overlap": item.overlap,
        "offset": None if item.offset is None else _offset(item.offset),
        "scene": None if item.scene is None else _scene(item.scene),
    }


def _offset(offset: OffsetDecision) -> dict[str, Any]:
    return {"add": offset.add, "source": offset.source, "reason": offset.reason, "contradiction": offset.contradiction}


def _scene(scene: Scene) -> dict[str, Any]:
    return {
        "collection": scene.collection,
        "dialect": scene.dialect,
        "datetime": scene.datetime,
        "tile": scene.tile,
        "epsg": scene.epsg,
        "platform": scene.platform,
        "baseline": scene.baseline,
        "sequence": scene.sequence,
        "orbit": scene.orbit,
        "cloud_cover": scene.cloud_cover,
        "offset_applied": scene.offset_applied,
        "bbox": [round(degree, 6) for degree in scene.footprint.bounds],
        "assets": {band: {"key": asset.key, "href": scrub(asset.href)} for band, asset in scene.assets.items()},
    }
