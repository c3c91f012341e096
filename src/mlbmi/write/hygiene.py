"""What must not get out: secrets in addresses and settings, and text of strangers that acts up in a spreadsheet or a terminal.

Ids, reasons and addresses come from catalogues and from error messages of libraries: material of others.
"""

from __future__ import annotations

import re
import unicodedata

from mlbmi.errors import InputError

__all__ = ["REDACTED", "file_part", "is_secret_name", "plain_text", "scrub"]

REDACTED = "(redacted)"
"""Stands for a setting that is a secret."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s'\"<>|\\^`{}]+")
# Request libraries name the path alone: "Max retries exceeded with url: /a.tif?sig=…".
_PARAMETER = re.compile(r"([?&][\w.\-]*(?:sig|token|key|secret|credential|passw)[\w.\-]*=)[^&\s'\"<>)]+", re.IGNORECASE)
_HEADER = re.compile(r"(authorization['\"]?\s*[:=]\s*['\"]?)(?:\w+\s+)?[^\s'\",}]+", re.IGNORECASE)
_USER = re.compile(r"://[^/?#@]*@")
_SECRET_NAME = re.compile(
    r"secret|passw(or)?d|token|credential|signature|authorization|cookie|(api|access|account|private|subscription)[_-]?key",
    re.IGNORECASE,
)
# What a spreadsheet takes for the start of a formula: OWASP, "CSV Injection".
_FILE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def scrub(text: str) -> str:
    """Return a text with every address in it cut back to what anyone may see, and no signature, key or authorization left.

    Unlike :func:`mlbmi.hrefs.public_href`, which takes an address, this finds addresses in any text, and never fails.

    Examples
    --------
    >>> scrub("HTTP 403 for 'https://h.example/a.tif?sig=abc' (2 tries)")
    "HTTP 403 for 'https://h.example/a.tif' (2 tries)"
    """
    text = _URL.sub(_bare_address, text)
    text = _PARAMETER.sub(rf"\1{REDACTED}", text)
    return _HEADER.sub(rf"\1{REDACTED}", text)


def is_secret_name(name: str) -> bool:
    """Say whether a setting of this name holds a secret.

    Examples
    --------
    >>> is_secret_name("aws_secret_access_key"), is_secret_name("n_clusters")
    (True, False)
    """
    return _SECRET_NAME.search(name) is not None


def plain_text(text: str) -> str:
    r"""Return a text as one line that is safe in a spreadsheet's cell.

    Addresses are made public, control and direction marks and line ends become single spaces, and what a spreadsheet would
    take for a formula (``=``, ``+``, ``-`` or ``@`` in front) gets an apostrophe in front.

    Examples
    --------
    >>> plain_text('=HYPERLINK("x")'), plain_text("two\nlines")
    ('\'=HYPERLINK("x")', 'two lines')
    """
    printable = "".join(" " if unicodedata.category(sign) in _UNPRINTABLE else sign for sign in scrub(text))
    folded = " ".join(printable.split())
    return f"'{folded}" if folded.startswith(_FORMULA_STARTS) else folded


def _bare_address(match: re.Match[str]) -> str:
    return re.split(r"[?#]", _USER.sub("://", match[0]), maxsplit=1)[0]


def file_part(text: str) -> str:
    """Let through what may be part of a file's name, on every system.

    Raises
    ------
    InputError
        If it may not.

    Examples
    --------
    >>> file_part("33UUU")
    '33UUU'
    """
    if not _FILE_PART.fullmatch(text):
        raise InputError(f"{text!r} cannot be part of a file's name: letters, digits, '_', '-' and '.' can", remedy="Rename it.")
    return text
