"""How a run got where it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from mlbmi.types.scenes import Acquisition

__all__ = ["RunRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """How a run got where it is: the content of ``run.json``.

    Attributes
    ----------
    config : mapping
        The settings, without secrets, as JSON values.
    fingerprint : str
        SHA-256 of the settings and the items that decide the result.
    versions : mapping of str to str
        Of mlbmi, Python and the libraries that touch the numbers.
    acquisitions : tuple of Acquisition
        Every item seen.
    clusterings : tuple of mapping
        Summary of each clustering as JSON values: mode, index, grid, n_clusters, inertia, centers, …
    quality : mapping of str to list
        What was found out about the data, as JSON values: how each date fits into its series, the coverage, …
    timings_s : mapping of str to float
        Wall seconds by step.
    outputs : mapping of str to str
        SHA-256 by path relative to the output folder.
    started, finished : datetime.datetime
        UTC.
    """

    config: Mapping[str, Any]
    fingerprint: str
    versions: Mapping[str, str]
    acquisitions: tuple[Acquisition, ...]
    clusterings: tuple[Mapping[str, Any], ...]
    timings_s: Mapping[str, float]
    outputs: Mapping[str, str]
    started: dt.datetime
    finished: dt.datetime
    quality: Mapping[str, Any] = field(default_factory=dict)
