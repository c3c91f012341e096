"""Values out of foreign JSON, each checked for its type before use; absent and null are the same.

Every function raises :class:`~mlbmi.errors.DialectError` with the key and the value when the type is wrong.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from mlbmi.errors import DialectError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["flag", "identifier", "integer", "mapping", "number", "sanitised_id", "shown", "text"]

_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_MOST_SHOWN = 80


def shown(value: object) -> str:
    r"""Return a foreign value as one short printable line, fit for a message.

    Examples
    --------
    >>> shown("a\nb"), len(shown("x" * 1000))
    ("'a\\nb'", 80)
    """
    line = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else f"a {type(value).__name__}"
    return line if len(line) <= _MOST_SHOWN else line[: _MOST_SHOWN - 1] + "…"


def sanitised_id(value: object) -> str:
    """Return an id with every character outside ``A-Za-z0-9_.-`` replaced by ``?``, at most 128 long; ``?`` where there is none.

    Examples
    --------
    >>> sanitised_id("../../etc"), sanitised_id(None)
    ('..?..?etc', '?')
    """
    return re.sub(r"[^A-Za-z0-9_.-]", "?", value[:128]) or "?" if isinstance(value, str) else "?"


def identifier(data: Mapping[str, Any], key: str) -> str | None:
    """Return an id that may become part of a file's name: letters, digits, ``_``, ``-`` and ``.``, without ``..``."""
    value = text(data, key)
    if value is None or (_IDENTIFIER.fullmatch(value) and ".." not in value):
        return value
    raise DialectError(f"its {key} is {shown(value)}; allowed are 1-128 of A-Z a-z 0-9 _ . -, without '..'")


def text(data: Mapping[str, Any], key: str) -> str | None:
    """Return a text."""
    value = data.get(key)
    if value is None or isinstance(value, str):
        return value
    raise DialectError(f"{key} is {shown(value)}, not a text")


def number(data: Mapping[str, Any], key: str) -> float | None:
    """Return a finite number."""
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DialectError(f"{key} is {shown(value)}, not a number")
    # 10**400 is legal JSON and an integer in Python, but no float.
    if abs(value) > 1e300 or not math.isfinite(value):
        raise DialectError(f"{key} is {shown(float('inf'))} or not a number at all; it must be finite")
    return float(value)


def integer(data: Mapping[str, Any], key: str) -> int | None:
    """Return an integer from 0 to 999999, published as a number or as digits (Earth Search: ``"s2:sequence": "0"``)."""
    value = data.get(key)
    if value is None:
        return None
    digits = value if isinstance(value, str) else str(value) if type(value) is int and abs(value) < 10**6 else ""
    if re.fullmatch(r"[0-9]{1,6}", digits):
        return int(digits)
    raise DialectError(
        f"{key} is {shown(value) if isinstance(value, str) else 'no number that fits'}; it must be an integer from 0"
    )


def flag(data: Mapping[str, Any], key: str) -> bool | None:
    """Return a truth value."""
    value = data.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise DialectError(f"{key} is {shown(value)}, neither true nor false")


def mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object; an empty one where it is absent."""
    value = data.get(key)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise DialectError(f"{key} is {shown(value)}, not an object")
