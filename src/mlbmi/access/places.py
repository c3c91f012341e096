"""Where published files lie and what it takes to have them: a table of buckets and hosts, for nothing else to know them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BUCKETS",
    "SAS_ENDPOINT",
    "Bucket",
    "Container",
    "S3Object",
    "bucket_named",
    "requester_pays",
    "s3_object",
    "sas_container",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket of S3, Amazon's or another's.

    Attributes
    ----------
    name : str
    region : str
        Where it lies; empty if not known: then ``AWS_REGION`` or ``AWS_DEFAULT_REGION`` says.
    endpoint : str
        ``https://host`` of an S3 that is not Amazon's; empty for Amazon's.
    public : bool
        Whether anybody may read it, unsigned.
    requester_pays : bool
        Whether the reader pays for requests and bytes.
    keys : str
        Whose keys open it: ``aws`` or ``cdse``.
    """

    name: str
    region: str = ""
    endpoint: str = ""
    public: bool = False
    requester_pays: bool = False
    keys: str = "aws"


BUCKETS: Final[Mapping[str, Bucket]] = MappingProxyType(
    {
        bucket.name: bucket
        for bucket in (
            # The COGs of Earth Search (registry.opendata.aws/sentinel-2-l2a-cogs, and its Collection 1).
            Bucket(name="sentinel-cogs", region="us-west-2", public=True),
            Bucket(name="e84-earth-search-sentinel-data", region="us-west-2", public=True),
            # ESA's products as Sinergise copies them (registry.opendata.aws/sentinel-2: "Requester Pays"); the `-jp2` assets of
            # Earth Search v1 lie here.
            Bucket(name="sentinel-s2-l2a", region="eu-central-1", requester_pays=True),
            Bucket(name="sentinel-s2-l1c", region="eu-central-1", requester_pays=True),
            Bucket(name="sentinel-s2-l2a-zips", region="eu-central-1", requester_pays=True),
            Bucket(name="sentinel-s2-l1c-zips", region="eu-central-1", requester_pays=True),
            # Copernicus Data Space (documentation.dataspace.copernicus.eu/APIs/S3.html); its region has no name that matters.
            Bucket(name="eodata", region="us-east-1", endpoint="https://eodata.dataspace.copernicus.eu", keys="cdse"),
        )
    }
)
"""Buckets that are known. Of any other it is supposed that it is Amazon's, and that it is signed for if there are keys."""

SAS_ENDPOINT: Final = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
"""Where the Planetary Computer gives out its tokens, by account and container; no account is needed."""

_SAS_HOST: Final = re.compile(r"(?P<account>[a-z0-9]{3,24})\.blob\.core\.windows\.net")
_AMAZON_HOST: Final = re.compile(r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")


@dataclass(frozen=True, slots=True)
class S3Object:
    """A file in a bucket; ``key`` is not percent-encoded."""

    bucket: Bucket
    key: str


@dataclass(frozen=True, slots=True)
class Container:
    """A container of Azure Blob Storage whose files need a token."""

    account: str
    name: str


def bucket_named(name: str) -> Bucket:
    """Return what is known of a bucket."""
    return BUCKETS.get(name) or Bucket(name=name)


def s3_object(href: str) -> S3Object | None:
    """Return the S3 object that an href names; None if it is to be fetched as it stands.

    An ``https`` address of Amazon's is one only where the reader pays: else it is public and needs nothing.

    Examples
    --------
    >>> s3_object("s3://sentinel-s2-l2a/tiles/33/U/UU/R10m/B04.jp2").bucket.requester_pays
    True
    >>> s3_object("https://sentinel-s2-l2a.s3.eu-central-1.amazonaws.com/tiles/B04.jp2").key
    'tiles/B04.jp2'
    >>> s3_object("https://sentinel-cogs.s3.us-west-2.amazonaws.com/B04.tif")
    """
    parts = urlsplit(href)
    if parts.scheme == "s3":
        return S3Object(bucket_named(parts.netloc), href.removeprefix(f"s3://{parts.netloc}/"))
    host = _AMAZON_HOST.fullmatch((parts.hostname or "").lower())
    if parts.scheme not in ("http", "https") or host is None:
        return None
    path = unquote(parts.path).lstrip("/")
    name, key = (host["bucket"], path) if host["bucket"] else path.split("/", 1) if "/" in path else (path, "")
    return S3Object(bucket_named(name), key) if bucket_named(name).requester_pays else None


def requester_pays(href: str) -> bool:
    """Say whether reading an href costs its reader money.

    Examples
    --------
    >>> requester_pays("s3://sentinel-s2-l2a/B04.jp2"), requester_pays("s3://sentinel-cogs/B04.tif")
    (True, False)
    """
    found = s3_object(href)
    return found is not None and found.bucket.requester_pays


def sas_container(href: str) -> Container | None:
    """Return the container of the Planetary Computer that an href lies in; None if it is in none, or is signed already.

    Examples
    --------
    >>> sas_container("https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/33/U/UU/B04.tif")
    Container(account='sentinel2l2a01', name='sentinel2-l2')
    >>> sas_container("https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/B04.tif?sig=x")
    """
    parts = urlsplit(href)
    host = _SAS_HOST.fullmatch((parts.hostname or "").lower())
    name = parts.path.lstrip("/").partition("/")[0]
    if host is None or not re.fullmatch(r"[$a-z0-9-]{3,63}", name) or "sig" in parse_qs(parts.query):
        return None
    return Container(host["account"], name)
