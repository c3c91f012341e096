"""Messages for people at work in a notebook: level, place in the code and text, through :mod:`logging`.

The logger is ``mlbmi.notebook``. Where nobody has set up logging, it writes to stderr in the form of the original notebook::

    INFO | notebook.py:7 in main()
           message: 'Computing NDVI'

The place is that of the caller: what asked for the message, not what prints it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

__all__ = ["debug_message", "info_message", "warning_message"]

_log = logging.getLogger("mlbmi.notebook")


class _Stderr(logging.StreamHandler[Any]):
    """Writes to whatever ``sys.stderr`` is at the time: notebooks and tests exchange it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(_Form())

    @property
    def stream(self) -> Any:
        """The stream of the moment."""
        return sys.stderr


class _Form(logging.Formatter):
    """``LEVEL | file:line in function()``, and the message below, indented to where the place begins."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the two lines."""
        place = f"{record.filename}:{record.lineno} in {record.funcName}()"
        return f"{record.levelname} | {place}\n{' ' * (len(record.levelname) + 3)}message: {record.getMessage()}"


def info_message(message: object, *, stacklevel: int = 1) -> None:
    """Say what is being done.

    Parameters
    ----------
    message : object
        Shown as ``repr`` shows it: text in quotes, an object as it describes itself.
    stacklevel : int
        How many callers up the place in the code lies; 1: whoever calls this.

    Examples
    --------
    >>> info_message("Computing NDVI")
    """
    _say(logging.INFO, message, stacklevel)


def warning_message(message: object, *, stacklevel: int = 1) -> None:
    """Say what went wrong without stopping the work; arguments as for :func:`info_message`."""
    _say(logging.WARNING, message, stacklevel)


def debug_message(message: object, *, stacklevel: int = 1) -> None:
    """Say a detail, shown where the level of the logger ``mlbmi.notebook`` is DEBUG; arguments as for :func:`info_message`."""
    _say(logging.DEBUG, message, stacklevel)


def _say(level: int, message: object, stacklevel: int) -> None:
    _ensure_shown()
    _log.log(level, "%r", message, stacklevel=stacklevel + 2)


def _ensure_shown() -> None:
    """Write to stderr, from INFO on, where neither the program nor the user has set up logging."""
    if not _log.hasHandlers():
        _log.addHandler(_Stderr())
    if _log.level == logging.NOTSET and not _log.isEnabledFor(logging.INFO) and any(type(h) is _Stderr for h in _log.handlers):
        _log.setLevel(logging.INFO)
