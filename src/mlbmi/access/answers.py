"""What an answer's headers say of the file that it is a part of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlbmi.access.http import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["extent", "version"]


def extent(status: int, headers: Mapping[str, str]) -> tuple[int, int | None]:
    """Return where an answer's body begins in the file, and how long the file is.

    Raises
    ------
    RefusedError
        If it is a part that does not say of what.
    """
    if status == 200:
        length = headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    stated = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", "").strip())
    if stated is None:
        raise RefusedError("the server sent a part without saying which", status)
    return int(stated[1]), int(stated[2])


def version(headers: Mapping[str, str]) -> str:
    """Return what tells a file's versions apart: a strong ETag, else the date of its last change (RFC 9110, 13.1.5)."""
    etag = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
