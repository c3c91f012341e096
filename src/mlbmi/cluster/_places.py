"""Where pixels are: coordinates as two more features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.errors import ClusterError
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.cluster._spaces import Space

__all__ = ["Places"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Coordinates of the columns and rows, and where clustered pixels are.

    ``center`` and ``variance`` are of x and y over the clustered pixels; the variances are added.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    used: NDArray[np.bool_]
    center: NDArray[np.float64]
    variance: float

    @classmethod
    def of(cls, space: Space) -> Places:
        """Find where the pixels with enough observations are.

        Raises
        ------
        ClusterError
            If the grid has no coordinates that can be used.
        """
        x, y = (_coordinate(space.grid, name) for name in ("x", "y"))
        used = (space.table.observations() >= space.least).reshape(y.size, x.size)
        found = np.array([_weighted(line, used.sum(axis=axis)) for axis, line in enumerate((x, y))])
        return cls(x=x, y=y, used=used, center=found[:, 0], variance=float(found[:, 1].sum()))

    def scaled_columns(self, scale: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return scaled x, to be repeated for each row, and scaled y, for each column."""
        return (self.x - self.center[0]) / scale, ((self.y - self.center[1]) / scale)[:, None]

    def members(self, labels: NDArray[np.uint8], k: int) -> NDArray[np.float64]:
        """Return the mean place of the members of each cluster, (k, 2)."""
        marks = labels.reshape(self.used.shape)
        by_x, by_y = _tally(marks.T, k), _tally(marks, k)
        sums: NDArray[np.float64] = np.stack([by_x.T @ self.x, by_y.T @ self.y], axis=1)
        means: NDArray[np.float64] = sums / by_y.sum(axis=0)[:, None]
        return means


def _coordinate(grid: xr.DataArray, name: str) -> NDArray[np.float64]:
    """Return the coordinates along x or y."""
    if name not in grid.coords:
        raise ClusterError(f"data has no coordinate {name!r}; it must hold the centres of pixels", remedy="Use assign_coords.")
    values = grid[name].to_numpy()
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise ClusterError(f"coordinate {name!r} is {values.dtype} and must hold finite numbers")
    return values.astype(np.float64)


def _weighted(values: NDArray[np.float64], weights: NDArray[np.int64]) -> tuple[float, float]:
    """Return weighted mean and variance; 0 and 0 where nothing has weight."""
    total = max(float(weights.sum()), 1.0)
    mean = float(values[0] + (weights * (values - values[0])).sum() / total)
    return mean, float((weights * (values - mean) ** 2).sum() / total)


def _tally(marks: NDArray[np.uint8], k: int) -> NDArray[np.float64]:
    """Count each label, line by line: (n_lines, k)."""
    return np.array([np.bincount(line, minlength=LABEL_NODATA + 1)[:k] for line in marks], np.float64)
