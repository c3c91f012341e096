"""Keys for S3: where they are found, and the signature that they make."""

from __future__ import annotations

import importlib.util
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlbmi.access.environment import variable
from mlbmi.access.secrets import guard_logs
from mlbmi.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlbmi.access.places import Bucket

__all__ = ["Keys", "chain_is_installed", "keys_of", "must_sign", "sign"]

_INSTALL = "pip install 'mlbmi[s3]'"
_AWS_REMEDY = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run `aws configure`."
_CDSE_REMEDY = (
    "Make keys at https://eodata-s3keysmanager.dataspace.copernicus.eu (free), and set CDSE_S3_ACCESS_KEY and "
    "CDSE_S3_SECRET_KEY, or put them into the section [cdse] of ~/.aws/credentials."
)
_SIGNS_OF_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_FROM_CHAIN: dict[str, Any] = {}
"""Credentials of botocore by profile: they renew themselves."""

_CHAIN_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Keys:
    """What S3 requests are signed with."""

    access: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False, default="")


def keys_of(bucket: Bucket) -> Keys | None:
    """Return the keys that a bucket is read with; None: it is read unsigned.

    Raises
    ------
    ReadError
        If it cannot be read without keys and there are none, or what finds them is not installed.
    """
    if bucket.keys == "cdse":
        return _cdse_keys(bucket)
    if not must_sign(bucket):
        return None
    found = _aws_keys()
    if found is None and bucket.requester_pays:
        raise ReadError(f"bucket {bucket.name!r} is read with keys of an AWS account, and none are found", remedy=_AWS_REMEDY)
    return found


def must_sign(bucket: Bucket) -> bool:
    """Say whether requests to a bucket are to be signed: where it pays, or may be private and there seem to be keys."""
    if bucket.requester_pays or bucket.keys != "aws":
        return True
    return not bucket.public and variable("AWS_NO_SIGN_REQUEST").upper() not in ("YES", "TRUE", "ON", "1") and _has_aws_keys()


def chain_is_installed() -> bool:
    """Say whether botocore is there to look for keys."""
    return importlib.util.find_spec("botocore") is not None


def _has_aws_keys() -> bool:
    """Say whether keys for Amazon's S3 seem to be there, without asking anybody for them."""
    files = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config",
    )
    return bool(variable(*_SIGNS_OF_KEYS)) or any(Path(file).expanduser().is_file() for file in files)


def _aws_keys() -> Keys | None:
    access, secret = variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")
    if access and secret and not variable("AWS_PROFILE"):
        return Keys(access, secret, variable("AWS_SESSION_TOKEN"))
    return _from_chain()


def _cdse_keys(bucket: Bucket) -> Keys:
    access, secret = variable("CDSE_S3_ACCESS_KEY"), variable("CDSE_S3_SECRET_KEY")
    if access and secret:
        return Keys(access, secret)
    found = _from_profile(variable("CDSE_PROFILE") or "cdse")
    # Whoever has pointed AWS_S3_ENDPOINT at Copernicus Data Space, as its documentation shows, means the keys of AWS_….
    if found is None and "copernicus" in variable("AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        found = _aws_keys()
    if found is None:
        raise ReadError(
            f"bucket {bucket.name!r} of Copernicus Data Space is read with keys, and none are found", remedy=_CDSE_REMEDY
        )
    return found


def _from_profile(name: str) -> Keys | None:
    """Read a section of the credentials file; its format is that of ``aws configure``."""
    import configparser

    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        # The parser's message quotes the line, and with it perhaps a key.
        parser.clear()
    section = parser[name] if parser.has_section(name) else {}
    access, secret = section.get("aws_access_key_id", ""), section.get("aws_secret_access_key", "")
    return Keys(access, secret, section.get("aws_session_token", "")) if access and secret else None


def _from_chain() -> Keys | None:
    """Ask botocore, which knows profiles, single sign-on, roles and virtual machines, and renews what expires."""
    botocore, profile = _botocore(), variable("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    with _CHAIN_LOCK:
        if profile not in _FROM_CHAIN:
            try:
                found = botocore.session.Session(profile=profile or None).get_credentials()
            except botocore.exceptions.BotoCoreError as error:
                raise ReadError(f"keys for Amazon S3 cannot be had: {type(error).__name__}", remedy=_AWS_REMEDY) from None
            if found is None:
                return None
            _FROM_CHAIN[profile] = found
        frozen = _FROM_CHAIN[profile].get_frozen_credentials()
    return Keys(frozen.access_key, frozen.secret_key, frozen.token or "")


def sign(url: str, headers: Mapping[str, str], keys: Keys, region: str) -> dict[str, str]:
    """Return the headers that sign a GET of an S3 object: Signature Version 4. ``Range`` and ``If-Range`` may be added.

    Raises
    ------
    ReadError
        If botocore is not installed.
    """
    botocore = _botocore()
    request = botocore.awsrequest.AWSRequest(method="GET", url=url, headers=dict(headers))
    credentials = botocore.credentials.Credentials(keys.access, keys.secret, keys.token or None)
    botocore.auth.S3SigV4Auth(credentials, "s3", region).add_auth(request)
    return dict(request.headers.items())


def _botocore() -> Any:
    try:
        import botocore.auth
        import botocore.awsrequest
        import botocore.credentials
        import botocore.exceptions
        import botocore.session
    except ImportError as error:
        raise ReadError("signing requests to S3 needs botocore, which is not installed", remedy=f"{_INSTALL}.") from error
    guard_logs()
    return botocore
