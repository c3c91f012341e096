"""Opening a raster and using it: signed if need be, tried again as the policy says, and failing in one clear line.

Remote GeoTIFFs are read in parts (:mod:`mlbmi.read.parts`); all else, and what turns out to be none, by GDAL alone. GDAL
tries single requests again, by itself, with delays that only double. Around that, here, the whole read is tried again, as far as
the policy goes: after a refused signature with a new one, and after any failure whose cause GDAL does not tell.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import rasterio
from rasterio.session import Session

from mlbmi.access import REFUSED_SIGNATURE, TRANSIENT, Patience, guard_logs
from mlbmi.errors import PaymentError, ReadError
from mlbmi.read.access import access_of, current_settings, gdal_options, host_turn, is_remote, remote_file
from mlbmi.read.failures import innermost, read_error
from mlbmi.read.parts import NotInPartsError, open_parts
from mlbmi.read.pool import readers
from mlbmi.read.source import Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlbmi.access import Opening
    from mlbmi.read.access import ReadSettings
    from mlbmi.read.source import Source

__all__ = ["with_raster"]

T = TypeVar("T")

_STATUS = re.compile(r"HTTP (?:response|error) code ?: ?(\d{3})")
_REFUSED = re.compile(r"AccessDenied|Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|NoSuchKey|NoSuchBucket")
_MOST_RENEWALS = 2
"""New signatures for one read: a token may end with another read of the same moment."""

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


_FAILURES = (rasterio.errors.RasterioError, rasterio.errors.CRSError, OSError, ValueError)


def with_raster(href: str, what: str, use: Callable[[Source], T], settings: ReadSettings | None = None) -> T:
    """Open a raster, give it to a function, and return what that returns.

    Parameters
    ----------
    href : str
        URL or path, as published.
    what : str
        What is wanted, for errors: ``band red of S2A_33UUU_20200124_0_L2A``.
    use : callable
        Gets the open raster; must bear being called again after a failure.
    settings : ReadSettings, optional
        By default those in force.

    Raises
    ------
    ReadError
        If it cannot be opened or read.
    PaymentError
        If it costs money that nobody has allowed.
    """
    settings = settings or current_settings()
    if threading.current_thread() is threading.main_thread():
        # What rasterio.Env sets there holds for the whole process.
        return readers().submit(_with_raster, href, what, use, settings).result()
    return _with_raster(href, what, use, settings)


def _with_raster(href: str, what: str, use: Callable[[Source], T], settings: ReadSettings) -> T:
    if _may_be_in_parts(href):
        with contextlib.suppress(NotInPartsError):
            return _in_parts(href, what, use, settings)
    return _by_gdal(href, what, use, settings)


def _in_parts(href: str, what: str, use: Callable[[Source], T], settings: ReadSettings) -> T:
    try:
        with open_parts(remote_file(href, settings)) as parts:
            return use(parts)
    except PaymentError:
        raise
    except ReadError as error:
        if urlsplit(href).scheme == "s3":  # keys that we do not find GDAL may
            raise NotInPartsError from None
        raise ReadError(f"{what} cannot be read: {error.message}", remedy=error.remedy) from None
    except _FAILURES as error:
        problem = error
    raise read_error(what, href, problem)


def _may_be_in_parts(href: str) -> bool:
    """Say whether an address is plain HTTP or S3, for which nothing has been set that GDAL alone understands."""
    parts = urlsplit(href)
    plain = parts.scheme in ("http", "https", "s3") and "@" not in parts.netloc
    return plain and PurePosixPath(parts.path).suffix.lower() != ".jp2" and not _gdal_is_set_up()


def _gdal_is_set_up() -> bool:
    """Say whether the user has told GDAL how to make its requests: headers, passwords, proxies, certificates, patience."""
    netrc = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    return netrc.exists() or any(name.startswith(("GDAL_HTTP_", "GDAL_HTTPS_", "CPL_VSIL_CURL_")) for name in os.environ)


def _by_gdal(href: str, what: str, use: Callable[[Source], T], settings: ReadSettings) -> T:
    attempts = _Attempts(href, what, settings)
    while True:
        try:
            return attempts.make(use)
        except _FAILURES as error:
            problem = error
        # Outside the except clause: GDAL's message may hold a signed address, and must not hang on ours as context.
        if not attempts.again(problem):
            raise read_error(what, href, problem)


class _Attempts:
    """The attempts at one read by GDAL alone."""

    def __init__(self, href: str, what: str, settings: ReadSettings) -> None:
        guard_logs()
        self._href, self._what, self._settings = href, what, settings
        # GDAL's attempts count: what is left of the policy is made around them.
        made = int(settings.retries.gdal_options()["GDAL_HTTP_MAX_RETRY"])
        around = replace(settings.retries, without_progress=settings.retries.without_progress - made)
        self._patience = Patience(around)
        self._renewals = 0
        self._opening = self._resolved(renew=False)

    def _resolved(self, *, renew: bool) -> Opening:
        try:
            return access_of(self._settings).opening(self._href, renew=renew)
        except ReadError as error:
            raise ReadError(f"{self._what} cannot be read: {error.message}", remedy=error.remedy) from None

    def make(self, use: Callable[[Source], T]) -> T:
        with host_turn(self._href), self._environment(), rasterio.open(self._opening.path, sharing=False) as dataset:
            return use(Whole(dataset))

    def again(self, problem: Exception) -> bool:
        """Say whether to make another attempt; wait before it."""
        if not is_remote(self._href) or not isinstance(problem, rasterio.errors.RasterioIOError):
            return False
        status = _status(problem)
        if status in REFUSED_SIGNATURE:
            return self._again_with_another_signature()
        if (status is not None and status not in TRANSIENT) or not self._patience.again():
            return False
        self._forget()
        # Where GDAL names no status, it may have been 403 in the middle of a read.
        self._opening = self._resolved(renew=status is None)
        return True

    def _again_with_another_signature(self) -> bool:
        self._renewals += 1
        before, self._opening = self._opening, self._resolved(renew=True)
        return self._renewals <= _MOST_RENEWALS and self._opening != before

    def _forget(self) -> None:
        """Make GDAL forget that a file could not be reached: it would not ask again."""
        path = self._opening.path
        with contextlib.suppress(rasterio.errors.RasterioError), self._environment(CPL_VSIL_CURL_NON_CACHED=path):
            rasterio.open(path, sharing=False).close()

    @contextlib.contextmanager
    def _environment(self, **more: str) -> Iterator[None]:
        options = dict(self._opening.options)
        keys = {name: options.pop(name) for name in _KEYS if name in options}
        with rasterio.Env(session=_Keys(keys), **gdal_options(self._href, self._settings), **options, **more):
            yield


class _Keys(Session):  # type: ignore[misc] # rasterio ships no types
    """Hands keys to GDAL: rasterio takes them from nowhere else."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys = keys

    @classmethod
    def hascreds(cls, config: object) -> bool:  # noqa: ARG003 - rasterio's signature
        """Say that keys in force stay in force."""
        return True

    def get_credential_options(self) -> dict[str, str]:
        """Return the keys as GDAL's options."""
        return dict(self._keys)


def _status(error: BaseException) -> int | None:
    text = innermost(error)
    found = _STATUS.search(text)
    if found is not None:
        return int(found[1])
    return 404 if _REFUSED.search(text) else None
