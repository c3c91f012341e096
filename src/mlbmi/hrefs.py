"""Addresses fit to be shown: what may carry a secret is taken off before an href reaches a log, a record or an error."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

__all__ = ["public_href"]


def public_href(href: str) -> str:
    """Return an address without user name, password, query string and fragment; a local path comes back as it is.

    Signatures and tokens travel in the query string (S3, Azure) or before the host; no published Sentinel-2 href needs either.

    Examples
    --------
    >>> public_href("https://user:secret@example.com/a/B04.tif?sig=abc#x")
    'https://example.com/a/B04.tif'
    >>> public_href("/data/B04.tif")
    '/data/B04.tif'
    """
    if "://" not in href:
        return href
    parts = urlsplit(href)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
