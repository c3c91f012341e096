"""What a report is made from: the run record and the figures of an output folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlbmi.errors import InputError
from mlbmi.write.record import RECORD_FORMAT, RECORD_VERSION

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Story", "read_story"]


@dataclass(frozen=True, slots=True)
class Story:
    """An output folder, as far as a report tells it.

    Attributes
    ----------
    out : Path
        The folder.
    record : dict
        The content of its ``run.json``.
    figures : tuple of Path
        Its figures, those of single dates last.
    """

    out: Path
    record: dict[str, Any]
    figures: tuple[Path, ...]

    @property
    def dates(self) -> tuple[str, ...]:
        """Days of the scenes used, in order."""
        used = (item for item in self.record["acquisitions"] if item["status"] == "used" and item.get("scene"))
        return tuple(sorted({str(item["scene"]["datetime"])[:10] for item in used}))

    def is_of_one_date(self, figure: Path) -> bool:
        """Say whether a figure shows one date alone."""
        named = [date for date in self.dates if date in figure.stem]
        return len(named) == 1


_ORDER = ("timeseries", "located", "bands")
"""What a figure of the whole period is of, by the beginning of its name, the most telling first; others follow by name."""


def _rank(figure: Path) -> int:
    return next((place for place, start in enumerate(_ORDER) if figure.name.startswith(start)), len(_ORDER))


def read_story(out: Path) -> Story:
    """Read what a report needs.

    Raises
    ------
    InputError
        If the folder holds no record of a finished run, or one of a format not known here.
    """
    path = out / "run.json"
    if not path.is_file():
        raise InputError(f"{str(out)!r} holds no run.json", remedy="Give the output folder of a finished run.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error
    if not isinstance(record, dict) or record.get("format") != RECORD_FORMAT or record.get("format_version") != RECORD_VERSION:
        raise InputError(f"{str(path)!r} is no {RECORD_FORMAT} of version {RECORD_VERSION}", remedy="Run it again.")
    story = Story(out, record, ())
    listed = (out / name for name in record.get("outputs", {}) if name.endswith(".png"))
    figures = sorted(
        (path for path in listed if path.is_file() and path.resolve().is_relative_to(out.resolve())),
        key=lambda path: (story.is_of_one_date(path), path.parent == out, path.parent.parent.name, _rank(path), path.name),
    )
    return Story(out, record, tuple(figures))
