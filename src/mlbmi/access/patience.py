"""The policy of retries as urllib3 writes it, for clients that take only that. Imported where such a client is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urllib3 import Retry

from mlbmi.access.retries import TRANSIENT, Retries

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

__all__ = ["urllib3_retry"]

_INTERACTIVE = Retries(without_progress=5, longest_asked_s=60.0)
"""Somebody waits for the answer of a search: give up sooner than with a file."""


class _Patient(Retry):
    """Ask again, but never wait longer than the policy says because a server does."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds that the server asks for, at most those of the policy."""
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, _INTERACTIVE.longest_asked_s)


def urllib3_retry(retries: Retries = _INTERACTIVE) -> Retry:
    """Return the policy for questions that change nothing on the server, POST included.

    Examples
    --------
    >>> policy = urllib3_retry()
    >>> policy.total, 503 in policy.status_forcelist, 404 in policy.status_forcelist, policy.respect_retry_after_header
    (5, True, False, True)
    """
    return _Patient(
        total=retries.without_progress,
        connect=min(2, retries.without_progress),
        backoff_factor=retries.delay_s,
        backoff_max=retries.longest_s,
        backoff_jitter=retries.delay_s,
        status_forcelist=TRANSIENT,
        allowed_methods=None,
        raise_on_status=False,
    )
