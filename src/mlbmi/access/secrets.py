"""Secrets stay out of what is written: queries of signed addresses, passwords, keys and tokens, in logs and in errors.

The libraries below log what they send. ``urllib3`` shows addresses with their queries, ``botocore`` headers and canonical
requests, ``rasterio`` every option that it hands to GDAL and what GDAL says of it. Each of their loggers gets a filter that
rewrites the line, as long as this package is in use, whatever level and handler the user sets.
"""

from __future__ import annotations

import logging
import re
from typing import Final

__all__ = ["guard_logs", "without_secrets"]

_CUT: Final = re.compile(
    r"""(?<=//)[^/@\s'"]*@"""  # user and password before a host
    r"""|\?[^\s'">)\]]*"""  # a query, wherever signatures travel
)
_NAMED: Final = re.compile(
    r"""(?ix)
    (\b(?:[\w-]*(?:secret|token|password|signature|subscription-key|access_key|access-key|credential)[\w-]*|authorization|sig)
    ['"]?\s*[:=,]\s*b?['"]?)
    (?:(?:aws4-hmac-sha256|bearer|basic)\s+)?[^\s,;'"})\]]+"""
)
_SIGNED_LINE: Final = re.compile(r"AWS4-HMAC-SHA256.*", re.DOTALL)

_TALKATIVE: Final = (
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
    "urllib3.connection",
    "rasterio",
    "rasterio._env",
    "rasterio._io",
    "rasterio._filepath",
    "rasterio.env",
    "rasterio.session",
    "rasterio._base",
    "rasterio._err",
    "botocore",
    "fsspec",
)
_SILENCED: Final = ("botocore.auth", "botocore.hooks", "botocore.parsers", "botocore.httpsession", "pystac_client.stac_api_io")
"""Loggers whose debug lines are signatures and headers and nothing else."""


def without_secrets(text: str) -> str:
    """Return a text without user info and queries in its addresses, and without the values of what is named like a secret.

    Examples
    --------
    >>> without_secrets("GET https://user:pw@host/a.tif?sig=abc 'x-amz-security-token': 'FwoG' AWS_SECRET_ACCESS_KEY=wJalr")
    "GET https://host/a.tif 'x-amz-security-token': '-' AWS_SECRET_ACCESS_KEY=-"
    """
    return _NAMED.sub(r"\1-", _SIGNED_LINE.sub("AWS4-HMAC-SHA256 -", _CUT.sub("", text)))


class _WithoutSecrets(logging.Filter):
    """Rewrite a record, and let it pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), ()
        if record.exc_info:
            # A traceback of the library's own would show the address in the exception's text.
            record.exc_info, record.exc_text = None, None
        return True


class _FromInfo(logging.Filter):
    """Let debug lines go."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_WITHOUT_SECRETS, _FROM_INFO = _WithoutSecrets(), _FromInfo()


def guard_logs() -> None:
    """Put the filters on the libraries' loggers; again and again does no harm.

    A filter holds for its logger alone, not for those below it, hence the names one by one.
    """
    below = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in ("botocore", "rasterio", "urllib3")]
    for name in dict.fromkeys((*_TALKATIVE, *_SILENCED, *below)):
        logging.getLogger(name).addFilter(_WITHOUT_SECRETS)
    for name in _SILENCED:
        logging.getLogger(name).addFilter(_FROM_INFO)
