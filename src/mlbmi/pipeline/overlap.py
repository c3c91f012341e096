"""Where two scenes of a day show the same ground: by how much they differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OverlapTally"]

_STEPS = 2000
_STEP = 5e-5
"""Width of a bin, as a share of the legal range: 0.0001 of an NDVI. Differences beyond 0.2 of an NDVI count as that."""


@dataclass(slots=True)
class OverlapTally:
    """Differences between a scene and those before it on the same day, summed over blocks.

    Attributes
    ----------
    counts : ndarray of int64
        Pixels by difference, in steps.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2 * _STEPS + 1, dtype=np.int64))

    def add(self, before: NDArray[np.floating[Any]], now: NDArray[np.floating[Any]], width: float) -> None:
        """Count the differences of two images where both have a value; ``width`` is that of the legal range."""
        both = ~np.isnan(before) & ~np.isnan(now)
        steps = np.rint((now[both] - before[both]) / (_STEP * width)).astype(np.int64)
        self.counts += np.bincount(np.clip(steps, -_STEPS, _STEPS) + _STEPS, minlength=self.counts.size)

    def summary(self, width: float) -> dict[str, float]:
        """Return pixels, the median difference and what 95 of 100 absolute differences keep within; nothing without overlap."""
        pixels = int(self.counts.sum())
        if not pixels:
            return {}
        folded = self.counts[_STEPS:].copy()
        folded[1:] += self.counts[_STEPS - 1 :: -1]
        middle = int(np.searchsorted(np.cumsum(self.counts), pixels / 2)) - _STEPS
        p95 = int(np.searchsorted(np.cumsum(folded), 0.95 * pixels))
        unit = _STEP * width
        return {"pixels": pixels, "median": round(middle * unit, 6), "p95": round(p95 * unit, 6)}
