"""The words of this room that settings use too; nothing heavy loads with them."""

from __future__ import annotations

import re
from typing import Literal

from mlbmi.errors import InputError

__all__ = ["CompositeMethod", "FillMethod", "period_name"]

CompositeMethod = Literal["median", "mean", "medoid", "max"]
"""Of the dates of a period: their median or mean, the date nearest to all others, or the greenest."""

FillMethod = Literal["none", "linear", "whittaker", "savgol", "harmonic"]
"""Nothing; straight lines; a penalised curve; moving polynomials; waves of the year."""

_PERIOD = re.compile(r"([1-9]\d{0,3})?(D|MS|QS|YS)")


def period_name(period: str) -> str:
    """Check the name of a period: so many days, months, quarters or years from their first day on.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> period_name("10D"), period_name("ms")
    ('10D', 'MS')
    """
    name = str(period).strip().upper()
    if not _PERIOD.fullmatch(name):
        raise InputError(
            f"period is {period!r}; it must be a whole number of days ('10D'), months ('MS'), quarters ('QS') or years ('YS')"
        )
    return name
