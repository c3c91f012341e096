"""Addresses out of a catalogue: which may be opened, and what they mean relative to the item that names them."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit
from urllib.request import url2pathname

from mlbmi.catalogs.checks import shown
from mlbmi.errors import DialectError
from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["is_url", "resolve_href"]

_SCHEMES = frozenset({"http", "https", "s3"})
_SIGNATURES = frozenset({"sig", "signature", "x-amz-signature", "x-goog-signature", "x-amz-security-token"})
_LONGEST = 4096


def is_url(address: str) -> bool:
    """Say whether an address is a URL that this package may open.

    Examples
    --------
    >>> is_url("s3://eodata/a.jp2"), is_url("/data/a.tif"), is_url("gopher://example.com")
    (True, False, False)
    """
    return address.partition("://")[0].lower() in _SCHEMES and "://" in address


def resolve_href(href: object, base: str | None, *, trusted: bool) -> str:
    """Return an absolute URL or an absolute local path, or refuse.

    Parameters
    ----------
    href : object
        As it stands in the catalogue.
    base : str or None
        Address of the document that holds it: URL or absolute path. None: it has none, so that relative hrefs mean nothing.
    trusted : bool
        Whether the document lies on the user's own disk. Only then may an href name a local file.

    Returns
    -------
    str
        An ``http``, ``https`` or ``s3`` URL without signature, or an absolute path. The query of a signed URL is dropped, since
        signatures expire and signing is for whoever opens the file; any other query is kept.

    Raises
    ------
    DialectError
        If it is not text, names another scheme, one of GDAL's ``/vsi…`` file systems, a local file where none may be named, or
        carries a password.

    Examples
    --------
    >>> resolve_href("./B04.tif", "/data/item.json", trusted=True)
    '/data/B04.tif'
    >>> resolve_href("../B04.tif", "https://example.com/a/b/item.json", trusted=False)
    'https://example.com/a/B04.tif'
    """
    if not isinstance(href, str) or not 0 < len(href) <= _LONGEST or not href.isprintable():
        raise DialectError(f"its href {shown(href)} is not a printable text of 1-{_LONGEST} characters")
    scheme = _scheme(href)
    if scheme in _SCHEMES:
        return _checked_url(href)
    if scheme and scheme != "file":
        raise _refusal(href, f"its scheme is none of {', '.join(sorted(_SCHEMES))}")
    if scheme == "file" or href.startswith(("/", "\\")):
        return _local_path(href, trusted=trusted)
    if base is None:
        raise _refusal(href, "it is relative, and the item has no address")
    if is_url(base):
        return _checked_url(_joined(base, href))
    return _local_path(str(Path(base).absolute().parent / href), trusted=trusted)


def _scheme(href: str) -> str:
    # RFC 3986, and the underscore of GDAL's GTIFF_DIR: and the like.
    match = re.match(r"([A-Za-z][A-Za-z0-9+._-]*):", href)
    return match[1].lower() if match else ""


def _refusal(href: str, why: str) -> DialectError:
    return DialectError(f"its href {shown(public_href(href))} is refused: {why}")


def _local_path(href: str, *, trusted: bool) -> str:
    if not trusted:
        raise _refusal(href, "a remote catalogue may not name a local file")
    if _scheme(href) == "file":
        parts = urlsplit(href)
        if parts.netloc not in ("", "localhost"):
            raise _refusal(href, "its file lies on another machine")
        href = url2pathname(parts.path)
    path = "/" + os.path.normpath(href).lstrip("/")
    if not path.isprintable() or re.match(r"/vsi[^/]*(/|$)", path, re.IGNORECASE):
        raise _refusal(href, "GDAL's virtual file systems may not be named")
    return path


def _joined(base: str, href: str) -> str:
    """Join as urllib does, which knows no s3."""
    parts = urlsplit(base)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(parts.path), href))
    return urlunsplit((parts.scheme, parts.netloc, "/" + path.lstrip("/"), "", ""))


def _checked_url(href: str) -> str:
    try:
        parts = urlsplit(href)
        _ = parts.port
    except ValueError as error:
        raise DialectError(f"its href {shown(href.partition('?')[0])} is not a URL") from error
    if not parts.hostname or re.search(r"[\s\\]", href):
        raise DialectError(f"its href {shown(public_href(href))} is not a URL: it names no host, or holds a blank or a backslash")
    if "@" in parts.netloc:
        raise _refusal(href, "it holds a user name or password")
    return urlunsplit((parts.scheme.lower(), parts.netloc, parts.path, _unsigned(parts, _SIGNATURES), ""))


def _unsigned(parts: SplitResult, signatures: Collection[str]) -> str:
    signed = any(key.lower() in signatures for key, _ in parse_qsl(parts.query, keep_blank_values=True))
    return "" if signed else parts.query
