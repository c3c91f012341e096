"""Series: composites by period, gaps filled and marked, seasons, trends.

Each function takes xarray data over ``time`` and any other dimensions, works on each pixel by itself, and is lazy where its input
is: :func:`composite`, :func:`fill_gaps`, :func:`phenology`, :func:`trend`. They load on first use: settings read the words of
this room, and must stay light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlbmi.series.composites import composite, period_starts
    from mlbmi.series.filling import choose_lambda, fill_gaps
    from mlbmi.series.seasons import MEASURES, phenology, season_date
    from mlbmi.series.trends import trend

__all__ = ["MEASURES", "choose_lambda", "composite", "fill_gaps", "period_starts", "phenology", "season_date", "trend"]

_HOMES = {
    "MEASURES": "seasons",
    "choose_lambda": "filling",
    "composite": "composites",
    "fill_gaps": "filling",
    "period_starts": "composites",
    "phenology": "seasons",
    "season_date": "seasons",
    "trend": "trends",
}


def __getattr__(name: str) -> Any:
    """Import a name from its module, on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
