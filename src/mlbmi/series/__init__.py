"""Series: composites by period, gaps filled and marked, seasons, trends.

Each function takes xarray data over ``time`` and any other dimensions, works on each pixel by itself, and is lazy where its input
is: :func:`composite`, :func:`fill_gaps`, :func:`phenology`, :func:`trend`.
"""

from mlbmi.series.composites import composite
from mlbmi.series.filling import fill_gaps
from mlbmi.series.seasons import phenology, season_date
from mlbmi.series.trends import trend

__all__ = ["composite", "fill_gaps", "phenology", "season_date", "trend"]
