"""Values of Python and NumPy as strict JSON: sorted, no NaN, no address with a key in it."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from os import PathLike, fspath
from typing import Any

import numpy as np

from mlbmi.write.hygiene import scrub

__all__ = ["iso_time", "json_text", "to_json"]


def json_text(value: Any) -> str:
    """Return JSON text: keys sorted, two spaces of indent, UTF-8 characters as they are, one line end at the end."""
    return json.dumps(to_json(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_json(value: Any) -> Any:  # noqa: PLR0911 - one return per kind of value reads as a table
    """Return a value made of dict, list, str, int, float, bool and None only.

    NaN and infinities become None: JSON has no word for them (RFC 8259). Times are ISO 8601 in UTC with ``Z``. Addresses lose
    query strings and users. Floats keep every digit: ``repr`` in, the same float out.

    Raises
    ------
    TypeError
        If a value is of no kind that JSON can say.

    Examples
    --------
    >>> to_json({"b": float("nan"), "a": (np.float64(0.1), dt.date(2020, 1, 24))})
    {'b': None, 'a': [0.1, '2020-01-24']}
    """
    if isinstance(value, Enum):
        return to_json(value.value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return _json_string(value)
    if isinstance(value, np.generic | np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, dt.datetime):
        return iso_time(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, PathLike):
        return _json_string(str(fspath(value)))
    return _json_container(value)


def _json_container(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(to_json(key)): to_json(member) for key, member in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((to_json(member) for member in value), key=str)
    if isinstance(value, Sequence):
        return [to_json(member) for member in value]
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON: {value!r:.80}")


def _json_string(text: str) -> str:
    # Half of a surrogate pair has no UTF-8: file names of other encodings can hold one.
    return scrub(text).encode("utf-8", "replace").decode("utf-8")


def iso_time(time: dt.datetime) -> str:
    """Return a time in UTC as ISO 8601 with ``Z``; a time without zone is taken as UTC.

    Examples
    --------
    >>> iso_time(dt.datetime(2020, 1, 24, 10, 13, 21, tzinfo=dt.UTC))
    '2020-01-24T10:13:21Z'
    """
    if time.tzinfo is not None:
        time = time.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{time.isoformat()}Z"
