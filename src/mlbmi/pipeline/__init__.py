"""The order of the steps: plan, then compute. The only room that knows them all.

:func:`plan` reads metadata and raster headers, never a pixel; :func:`execute` does what a plan says; :func:`run` does both.
:func:`search` and :func:`load` are the first steps on their own, for notebooks.
"""

from __future__ import annotations

from mlbmi.pipeline.application import period_of_model, settings_of_model
from mlbmi.pipeline.execution import RunResult, execute, run
from mlbmi.pipeline.finding import find_scenes, outline
from mlbmi.pipeline.interactive import load, search
from mlbmi.pipeline.planning import bands_for, plan
from mlbmi.pipeline.progress import Progress, Silent

__all__ = [
    "Progress",
    "RunResult",
    "Silent",
    "bands_for",
    "execute",
    "find_scenes",
    "load",
    "outline",
    "period_of_model",
    "plan",
    "run",
    "search",
    "settings_of_model",
]
