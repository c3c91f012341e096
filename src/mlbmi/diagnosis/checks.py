"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes
    ----------
    name : str
        What was looked at.
    ok : bool
        Whether it works.
    found : str
        What was found.
    remedy : str
        What to do if it does not work; empty if it does.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
