"""How often each pixel was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["OUTSIDE", "Coverage"]

OUTSIDE = 65535
"""Number of observations, or of days, of a pixel outside the area."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """How often each pixel of a grid was clear, by one index.

    Attributes
    ----------
    index : str
    dates : tuple of datetime.date
        Of the cube, rising.
    observations : ndarray of uint16, shape (y, x)
        Dates with a value; 65535 outside the area.
    longest_gap : ndarray of uint16, shape (y, x)
        Most days between two dates with a value, the cube's first and last date counting as such; 65535 outside the area.
    clear : tuple of int
        Pixels with a value, by date.
    """

    index: str
    dates: tuple[dt.date, ...]
    observations: NDArray[np.uint16]
    longest_gap: NDArray[np.uint16]
    clear: tuple[int, ...]

    @property
    def pixels(self) -> int:
        """Pixels of the area."""
        return int((self.observations != OUTSIDE).sum())

    def summary(self) -> dict[str, Any]:
        """Return the gist as JSON values."""
        inside = self.observations != OUTSIDE
        seen, gaps = self.observations[inside], self.longest_gap[inside]
        return {
            "index": self.index,
            "dates": len(self.dates),
            "pixels": self.pixels,
            "observations": _quantiles(seen),
            "never_seen": int((seen == 0).sum()),
            "longest_gap_days": _quantiles(gaps),
        }


def _quantiles(values: NDArray[np.uint16]) -> dict[str, float]:
    import numpy as np

    if not values.size:
        return {}
    return {name: float(np.quantile(values, at)) for name, at in (("least", 0), ("median", 0.5), ("most", 1))}
