"""How an href becomes something to open: an address with headers for HTTP clients, a path with options for GDAL."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from mlbmi.access.environment import variable
from mlbmi.access.http import Address
from mlbmi.access.keys import Keys, chain_is_installed, keys_of, must_sign, sign
from mlbmi.access.places import s3_object, sas_container
from mlbmi.access.retries import Retries
from mlbmi.access.tokens import Tokens
from mlbmi.errors import PaymentError, ReadError
from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlbmi.access.places import Bucket, S3Object

__all__ = ["Access", "Opening"]

_SIGNATURE_LIFE_S: Final = 300.0
"""Amazon accepts a signature for 15 minutes; the same one is used again for five."""

_MOST_SIGNATURES: Final = 4096
_PAYER: Final = {"x-amz-request-payer": "requester"}


@dataclass(frozen=True, slots=True)
class Opening:
    """What GDAL opens.

    Attributes
    ----------
    path : str
        ``/vsis3/…``, ``/vsicurl/…`` or a local path; may hold a signature.
    options : mapping of str to str
        GDAL's options for it, keys among them.
    """

    path: str = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Signed:
    address: Address
    keys: Keys
    until: float


class Access:
    """The one door to published files: signs, renews, and pays only if it may. Safe for threads.

    Parameters
    ----------
    allow_requester_pays : bool
        Whether requests may be sent that the user pays for.
    retries : Retries, optional
        How patiently tokens are asked for.

    Examples
    --------
    >>> Access().opening("https://example.com/B04.tif").path
    '/vsicurl/https://example.com/B04.tif'
    >>> opening = Access().opening("s3://sentinel-cogs/B04.tif")
    >>> opening.path, opening.options["AWS_NO_SIGN_REQUEST"]
    ('/vsis3/sentinel-cogs/B04.tif', 'YES')
    >>> Access().opening("s3://sentinel-s2-l2a/B04.jp2")
    Traceback (most recent call last):
        ...
    mlbmi.errors.PaymentError: the reader pays for the bucket 'sentinel-s2-l2a', and ... --allow-requester-pays ...
    """

    def __init__(self, *, allow_requester_pays: bool = False, retries: Retries | None = None) -> None:
        self._may_pay = allow_requester_pays
        self._tokens = Tokens(retries or Retries())
        self._signed: dict[str, _Signed] = {}
        self._lock = threading.Lock()

    def resolve(self, href: str, *, renew: bool = False) -> Address:
        """Return where an HTTP client sends its request for an href; made to be asked before each request.

        Parameters
        ----------
        href : str
            ``https``, ``http`` or ``s3``.
        renew : bool
            The last address was refused with 403: sign anew, if there is something to sign. The same address comes back if not.

        Raises
        ------
        ReadError
            If its keys or its token cannot be had, or the href is none of these.
        PaymentError
            If it costs money and this may not pay.
        """
        found = s3_object(href)
        if found is not None:
            return self._s3_address(found)
        if urlsplit(href).scheme not in ("http", "https"):
            raise ReadError(
                f"{public_href(href)!r} is none of http, https and s3", remedy="Choose a catalogue that publishes such addresses."
            )
        return Address(self._with_token(href, renew=renew))

    def opening(self, href: str, *, renew: bool = False) -> Opening:
        """Return what GDAL opens for an href.

        Parameters
        ----------
        href : str
            URL or local path.
        renew : bool
            As for :meth:`resolve`.

        Raises
        ------
        ReadError, PaymentError
            As :meth:`resolve`.
        """
        found = s3_object(href)
        if found is not None:
            return Opening(f"/vsis3/{found.bucket.name}/{found.key}", self._s3_options(found.bucket))
        if urlsplit(href).scheme not in ("http", "https"):
            return Opening(href)
        return Opening(f"/vsicurl/{self._with_token(href, renew=renew)}")

    def _with_token(self, href: str, *, renew: bool) -> str:
        container = sas_container(href)
        query = "" if container is None else self._tokens.query(container, renew=renew)
        if not query:
            return href
        return f"{href}{'&' if '?' in href else '?'}{query}"

    def _check_pays(self, bucket: Bucket) -> None:
        if bucket.requester_pays and not self._may_pay:
            raise PaymentError(
                f"the reader pays for the bucket {bucket.name!r}, and nobody has said that you will",
                remedy="Give --allow-requester-pays to pay, or choose the catalogue earth-search, whose files are free.",
            )

    def _s3_address(self, found: S3Object) -> Address:
        """Sign, or give the signature of some minutes ago: only other keys make a refused address another one."""
        self._check_pays(found.bucket)
        url, keys = _url(found), keys_of(found.bucket)
        if keys is None:
            return Address(url)
        with self._lock:
            kept = self._signed.get(url)
            if kept is not None and kept.keys == keys and time.monotonic() < kept.until:
                return kept.address
            headers = sign(url, _PAYER if found.bucket.requester_pays else {}, keys, _region(found.bucket))
            if len(self._signed) >= _MOST_SIGNATURES:
                self._signed.clear()
            self._signed[url] = _Signed(Address(url, headers), keys, time.monotonic() + _SIGNATURE_LIFE_S)
            return self._signed[url].address

    def _s3_options(self, bucket: Bucket) -> dict[str, str]:
        self._check_pays(bucket)
        options = {"AWS_REGION": _region(bucket)}
        scheme, host, of_its_own = _endpoint(bucket)
        if of_its_own:
            options |= {
                "AWS_S3_ENDPOINT": host,
                "AWS_VIRTUAL_HOSTING": "FALSE",
                "AWS_HTTPS": "YES" if scheme == "https" else "NO",
            }
        if bucket.requester_pays:
            options["AWS_REQUEST_PAYER"] = "requester"
        # Without botocore, GDAL looks for keys itself: environment, `aws configure`'s files, virtual machines.
        gdal_looks = bucket.keys == "aws" and not variable("AWS_ACCESS_KEY_ID") and not chain_is_installed()
        if must_sign(bucket) and gdal_looks:
            return options
        keys = keys_of(bucket)
        if keys is None:
            return options | {"AWS_NO_SIGN_REQUEST": "YES"}
        named = {"AWS_ACCESS_KEY_ID": keys.access, "AWS_SECRET_ACCESS_KEY": keys.secret, "AWS_SESSION_TOKEN": keys.token}
        return options | {"AWS_NO_SIGN_REQUEST": "NO"} | named


def _region(bucket: Bucket) -> str:
    return bucket.region or variable("AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1"


def _endpoint(bucket: Bucket) -> tuple[str, str, bool]:
    """Return scheme and host of a bucket's S3, and whether it is another than Amazon's, with the bucket in the path."""
    stated = variable("AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") or bucket.endpoint
    if not stated:
        return "https", f"s3.{_region(bucket)}.amazonaws.com", False
    if "://" not in stated:
        plain = variable("AWS_HTTPS").upper() in ("NO", "FALSE", "OFF", "0")
        stated = f"{'http' if plain else 'https'}://{stated}"
    parts = urlsplit(stated)
    return parts.scheme, parts.netloc.rpartition("@")[2], True


def _url(found: S3Object) -> str:
    scheme, host, of_its_own = _endpoint(found.bucket)
    key = quote(found.key, safe="/-_.~")
    # A name with dots is none that Amazon's certificate covers.
    in_path = of_its_own or "." in found.bucket.name
    return f"{scheme}://{host}/{found.bucket.name}/{key}" if in_path else f"{scheme}://{found.bucket.name}.{host}/{key}"
