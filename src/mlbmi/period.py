"""When: the first and the last day of a question, given as two days or as a number of days back."""

from __future__ import annotations

import datetime as dt

from mlbmi.errors import InputError

__all__ = ["period"]

_MOST_DAYS_BACK = 20_000
"""More than Sentinel-2's age for decades to come; beyond it, a slip of the keyboard."""


def period(
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    days_back: int | str | None = None,
    *,
    today: dt.date | None = None,
) -> tuple[dt.date, dt.date]:
    """Return the first and the last day, both included.

    Parameters
    ----------
    start, end : str or datetime.date, optional
        Days in UTC; ISO 8601 if text.
    days_back : int or str, optional
        In place of ``start``: the first day lies so many days before the last one, which is today (UTC) unless it is given.
    today : datetime.date, optional
        For tests; by default the day it is in UTC.

    Raises
    ------
    InputError
        If a day is missing or is none, or ``start`` and ``days_back`` contradict one another.

    Examples
    --------
    >>> first, last = period(end="2020-02-01", days_back=31)
    >>> str(first), str(last)
    ('2020-01-01', '2020-02-01')
    """
    if days_back is None:
        return _day(start, "start"), _day(end, "end")
    last = _day((today or dt.datetime.now(dt.UTC).date()) if end is None else end, "end")
    first = last - dt.timedelta(days=_number(days_back))
    if start is not None and _day(start, "start") != first:
        raise InputError(f"start {start} and days_back {days_back} contradict one another", remedy="Give one of them.")
    return first, last


def _day(value: object, name: str) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if value is None:
        remedy = "Give it, or days_back instead of start." if name == "start" else "Give it."
        raise InputError(f"{name!r} is required and was not given", remedy=remedy)
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise InputError(f"{name} = {value!r} is not a date such as '2020-01-31'") from error


def _number(days_back: int | str) -> int:
    text = str(days_back).strip()
    if not (text.isascii() and text.isdigit()) or int(text) > _MOST_DAYS_BACK:
        raise InputError(f"days_back = {days_back!r} must be a whole number from 0 to {_MOST_DAYS_BACK}")
    return int(text)
