"""What is tried again, how often and how patiently: decided here, for every request that mlbmi makes.

Tried again, with delays that double and a random part: connections that break or stall, 408, 425, 429 and what a server answers
when it is overloaded or has failed (500, 502, 503, 504). ``Retry-After`` is obeyed. Never: 401, 403, 404 and other refusals; a
403 leads to one new signature where there is something to sign.

Files, whole or in parts, the token client and the reader around GDAL ask :meth:`Retries.wait`; the STAC client gets the same
numbers as a urllib3 policy (:mod:`mlbmi.access.patience`), GDAL as its options (:meth:`Retries.gdal_options`). GDAL 3.10 itself
does not know ``Retry-After`` (it doubles its own delay), which is why the reader tries again around it.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Final

__all__ = ["REFUSED_SIGNATURE", "TRANSIENT", "Patience", "Retries"]

TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers worth another try (RFC 9110, 15.5.9 and 15.6; RFC 6585, 4; RFC 8470, 5.2)."""

REFUSED_SIGNATURE: Final = frozenset({403})
"""Answers that a new signature may change: an expired one is refused so. 401 means that no key was accepted."""

_GDAL_ATTEMPTS = 5
"""Most further attempts that are left to GDAL: its delays only grow, whatever a server asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """The policy.

    Attributes
    ----------
    without_progress : int
        Failures in a row, without one new byte, after which it is given up.
    total : int
        Failures altogether, of one file or one question.
    budget_s : float
        Seconds spent waiting between attempts altogether, of one file or one question.
    delay_s, longest_s : float
        First delay, doubled each time, and the longest. What is waited is a random share, a half or more, of it.
    longest_asked_s : float
        A server that asks for more (``Retry-After``) is not waited for.

    Examples
    --------
    >>> Retries(without_progress=3, delay_s=0.25).gdal_options()
    {'GDAL_HTTP_MAX_RETRY': '3', 'GDAL_HTTP_RETRY_DELAY': '0.25'}
    """

    without_progress: int = 8
    total: int = 100
    budget_s: float = 900.0
    delay_s: float = 0.5
    longest_s: float = 30.0
    longest_asked_s: float = 300.0

    def delay(self, failures: int, asked_s: float | None = None) -> float | None:
        """Return the seconds to wait after so many failures in a row; None if the server asks for too long a wait."""
        if asked_s is not None and asked_s > self.longest_asked_s:
            return None
        delay = min(self.longest_s, self.delay_s * 2.0 ** min(failures - 1, 30))
        return max(asked_s or 0.0, delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def gdal_options(self) -> dict[str, str]:
        """Return the policy as GDAL knows it (``/vsicurl/``): attempts and first delay."""
        attempts = min(self.without_progress, _GDAL_ATTEMPTS)
        return {"GDAL_HTTP_MAX_RETRY": str(attempts), "GDAL_HTTP_RETRY_DELAY": f"{self.delay_s:g}"}


class Patience:
    """What is left of a policy while one file is fetched, or one question asked.

    Parameters
    ----------
    retries : Retries
    stop : threading.Event, optional
        Set: waiting ends at once.

    Attributes
    ----------
    failures : int
        Failures so far.
    """

    def __init__(self, retries: Retries, stop: threading.Event | None = None) -> None:
        self._retries = retries
        self._stop = stop or threading.Event()
        self._in_a_row, self._waited = 0, 0.0
        self.failures = 0

    def progress(self) -> None:
        """Note that something new has come: only failures in a row count for giving up early."""
        self._in_a_row = 0

    def again(self, asked_s: float | None = None) -> bool:
        """Count a failure; wait and return True, or return False where patience is at its end.

        Parameters
        ----------
        asked_s : float, optional
            Seconds that the server asks for.
        """
        self.failures, self._in_a_row = self.failures + 1, self._in_a_row + 1
        if self._in_a_row > self._retries.without_progress or self.failures > self._retries.total:
            return False
        delay = self._retries.delay(self._in_a_row, asked_s)
        if delay is None or self._waited + delay > self._retries.budget_s:
            return False
        begun = time.monotonic()
        self._stop.wait(delay)
        self._waited += time.monotonic() - begun
        return True
