"""One clear line for a raster that cannot be read, without what an address may carry in secret."""

from __future__ import annotations

from mlbmi.access import without_secrets
from mlbmi.errors import ReadError
from mlbmi.hrefs import public_href

__all__ = ["innermost", "read_error"]

_REASON_LENGTH = 200


def read_error(what: str, href: str, reason: BaseException | str) -> ReadError:
    """Build the error for a raster that cannot be opened or read.

    Parameters
    ----------
    what : str
        What was wanted, e.g. ``band red of S2A_33UUU_20200124_0_L2A``.
    href : str
        The file; shown without query string and user info.
    reason : exception or str
        Of an exception, the innermost cause speaks: GDAL's own words.

    Returns
    -------
    ReadError
        One line.
    """
    shown = public_href(href)
    remedy = "Check the address, the network and your access." if "://" in href else "Check the file."
    return ReadError(f"{what} cannot be read from {shown}: {_in_short(reason, href)}", remedy=remedy)


def _in_short(reason: BaseException | str, href: str) -> str:
    text = reason if isinstance(reason, str) else innermost(reason)
    text = " ".join(text.replace(href, public_href(href)).split())
    text = without_secrets(text)
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 1] + "…"


def innermost(error: BaseException) -> str:
    """Return the message of the first cause; rasterio's outer errors say only that there is one."""
    while error.__cause__ is not None:
        error = error.__cause__
    # GDAL's errors carry (class, number, message).
    return str(getattr(error, "errmsg", "")) or str(error) or type(error).__name__
