"""How every table is written: RFC 4180, UTF-8, decimal points, an empty cell where a number is missing; whole or not at all."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from mlbmi.write.atomic import write_text

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["number_cell", "write_csv"]


def number_cell(value: float | None, digits: int) -> str:
    """Return a number with fixed decimals; nothing where it is missing or infinite.

    Examples
    --------
    >>> number_cell(0.25, 4), number_cell(-0.00001, 2), number_cell(None, 1), number_cell(float("nan"), 1)
    ('0.2500', '0.00', '', '')
    """
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:z.{digits}f}"  # z: no minus in front of a zero


def write_csv(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write a table.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return write_text(path, text.getvalue())
