"""The errors and warnings of mlbmi, as one tree.

::

    MlbmiError                    exit code 1   something failed
    ├── InputError (ValueError)   exit code 2   the user's input breaks a rule
    │   ├── AOIError                            the outline cannot be used
    │   ├── ConfigError                         an option or a settings file cannot be used
    │   └── PaymentError                        data cost money, and nobody has allowed it
    ├── NothingFoundError         exit code 3   the question is sound and its answer is empty
    ├── SearchError               exit code 1   a catalogue cannot be reached or understood
    │   └── DialectError                        one item is not a Sentinel-2 L2A scene we can read
    ├── ReadError                 exit code 1   a raster cannot be opened or read
    ├── CubeError                 exit code 1   a cube breaks the schema, or its store is damaged
    ├── ClusterError              exit code 1   the data cannot be clustered as asked
    └── WriteError                exit code 1   an output cannot be written

    MlbmiWarning (UserWarning)
    └── MetadataWarning           metadata and pixels, or two pieces of metadata, disagree

Every error says *what* was found (with the value), the *rule* it breaks, and, where there is one, the *remedy*.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AOIError",
    "ClusterError",
    "ConfigError",
    "CubeError",
    "DialectError",
    "InputError",
    "MetadataWarning",
    "MlbmiError",
    "MlbmiWarning",
    "NothingFoundError",
    "PaymentError",
    "ReadError",
    "SearchError",
    "WriteError",
]


class MlbmiError(Exception):
    """The base of every error that mlbmi raises on purpose.

    Parameters
    ----------
    message : str
        What was found, with the value, and the rule that it breaks.
    remedy : str, optional
        What the user can do about it.

    Attributes
    ----------
    exit_code : int
        What the command line exits with: 1 failed, 2 wrong input, 3 nothing found.

    Examples
    --------
    >>> print(MlbmiError("cloud cover is 140; it must lie in 0-100", remedy="Give a percentage."))
    cloud cover is 140; it must lie in 0-100. Give a percentage.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Return message and remedy as one line."""
        if not self.remedy:
            return self.message
        return f"{self.message.rstrip('.')}. {self.remedy}"


class InputError(MlbmiError, ValueError):
    """The user's input breaks a rule."""

    exit_code = 2


class AOIError(InputError):
    """The area of interest cannot be read, or is not an area."""


class ConfigError(InputError):
    """An option, a settings file or a combination of them cannot be used."""


class PaymentError(InputError):
    """Reading would cost money, and nobody has allowed it: no byte has been read."""


class NothingFoundError(MlbmiError):
    """The question is sound and its answer is empty: no scene, or no clear pixel."""

    exit_code = 3


class SearchError(MlbmiError):
    """A catalogue cannot be reached, or its answer cannot be understood."""


class DialectError(SearchError):
    """One item is not a Sentinel-2 L2A scene that this package can read."""


class ReadError(MlbmiError):
    """A raster cannot be opened or read."""


class CubeError(MlbmiError):
    """A cube breaks the schema, or its store is damaged."""


class ClusterError(MlbmiError):
    """The data cannot be clustered as asked."""


class WriteError(MlbmiError):
    """An output cannot be written."""


class MlbmiWarning(UserWarning):
    """The base of every warning that mlbmi raises."""


class MetadataWarning(MlbmiWarning):
    """Metadata and pixels, or two pieces of metadata, disagree."""
