"""The environment variables that give access. They are read where they are used, and kept nowhere."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VARIABLES", "adopt", "variable"]

VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AWS_ACCESS_KEY_ID": "Key for Amazon S3",
        "AWS_SECRET_ACCESS_KEY": "Its secret",
        "AWS_SESSION_TOKEN": "Token that goes with temporary keys",
        "AWS_PROFILE": "Section of `aws configure`'s files to take keys and region from",
        "AWS_DEFAULT_PROFILE": "The same, if AWS_PROFILE is not set",
        "AWS_CONFIG_FILE": "Where `aws configure` keeps its settings, if not in ~/.aws/config",
        "AWS_SHARED_CREDENTIALS_FILE": "Where it keeps its keys, if not in ~/.aws/credentials",
        "AWS_REGION": "Region of buckets that mlbmi does not know",
        "AWS_DEFAULT_REGION": "The same, if AWS_REGION is not set",
        "AWS_NO_SIGN_REQUEST": "YES: no request to Amazon S3 is signed",
        "AWS_S3_ENDPOINT": "host:port, or address, of an S3 to ask in place of the buckets' own",
        "AWS_ENDPOINT_URL_S3": "The same, as an address",
        "AWS_ENDPOINT_URL": "The same, if neither is set",
        "AWS_HTTPS": "NO: AWS_S3_ENDPOINT, given without http://, is spoken to without encryption",
        "AWS_EC2_METADATA_DISABLED": "true: do not ask a virtual machine of Amazon's for its keys",
        "CDSE_S3_ACCESS_KEY": "Key for Copernicus Data Space's S3, from its key manager",
        "CDSE_S3_SECRET_KEY": "Its secret",
        "CDSE_PROFILE": "Section of `aws configure`'s files with those keys; `cdse` if not set",
        "PC_SDK_SUBSCRIPTION_KEY": "Key of a Planetary Computer account: more tokens an hour; not needed",
        "PC_SDK_SAS_URL": "Where tokens of the Planetary Computer are asked for",
    }
)
"""By name, what each is for. These, and no others, are taken over from a ``.env`` file."""


def variable(*names: str) -> str:
    """Return the first of some variables that is set and not empty; else nothing."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), "")


def adopt(found: Mapping[str, str]) -> tuple[str, ...]:
    """Put those variables of an environment file into the process's environment that it does not have yet.

    They must be there, and not in a value that travels: GDAL, botocore and worker processes look for them there.

    Returns
    -------
    tuple of str
        Names of those taken over.
    """
    taken = tuple(name for name in VARIABLES if found.get(name) and not os.environ.get(name))
    for name in taken:
        os.environ[name] = found[name]
    return taken
