"""What a long run tells whoever watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Receives the progress of a run; called from one thread only."""

    def start(self, step: str, total: int) -> None:
        """Announce a step and the number of its parts."""

    def advance(self, step: str, note: str = "") -> None:
        """Say that one part is done, and what it was."""


class Silent:
    """Says nothing: the default in Python and with ``--quiet``."""

    def start(self, step: str, total: int) -> None:
        """Ignore the announcement."""

    def advance(self, step: str, note: str = "") -> None:
        """Ignore the part."""


if TYPE_CHECKING:
    _silent_is_progress: Progress = Silent()
