"""Exact models of grey levels, one for all dates or one for each, from histograms of int16 or from floats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._rows import any_seen, check_any, pooled, valued
from mlbmi.cluster._spread import level_spread, line_spread
from mlbmi.cluster._table import Table
from mlbmi.cluster.exact import KMeans1D, histogram, label, solve
from mlbmi.cluster.reach import level_reach, members_sample, reach
from mlbmi.cluster.scaling import spread_scaling
from mlbmi.cluster.statistics import Moments, level_moments, pixel_moments
from mlbmi.errors import ClusterError
from mlbmi.types import LABEL_NODATA, Scaling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mlbmi.cluster._coded import CodedCube
    from mlbmi.types import ScalingMethod

__all__ = ["Asked", "Found", "coding_of", "divisors", "float_models", "level_models"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for."""

    k: int
    scaling: ScalingMethod
    quantile_range: tuple[float, float]
    pooled: bool

    @property
    def quantiles(self) -> tuple[float, float] | None:
        """As :func:`line_spread` takes them."""
        return (float(self.quantile_range[0]), float(self.quantile_range[1])) if self.scaling == "robust" else None

    def scaled(self, spreads: Iterable[tuple[float, float]], coding: Table) -> Scaling:
        """Return the scaling made of shift and scale of each model's stored numbers, which are not looked at for none."""
        return Scaling() if self.scaling == "none" else spread_scaling(np.array(list(spreads)), coding, self.quantiles)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Labels and models, one for all dates or one for each.

    ``centers`` (k, n_models) are stored numbers, NaN where a model has fewer clusters; ``errors`` (n_models,) are squared errors
    in units of the index.
    """

    labels: NDArray[np.uint8]
    centers: NDArray[np.float64]
    errors: NDArray[np.float64]
    scaling: Scaling
    reach: NDArray[np.float64]
    by_date: list[Moments]

    @property
    def total(self) -> Moments:
        """Over all dates."""
        return pooled(self.by_date)


def divisors(scaling: Scaling, models: int) -> NDArray[np.float64]:
    """Return what distances are divided by, for each model."""
    return scaling.scale if scaling.scale.size else np.ones(models)


def coding_of(cube: CodedCube) -> Table:
    """Return how a cube's numbers are coded, without the numbers."""
    return Table(numbers=np.empty((0, 0)), nodata=cube.nodata, step=cube.scale, offset=cube.offset)


def level_models(cube: CodedCube, asked: Asked) -> Found:
    """Solve on histograms; label, block by block; describe each date by its own histogram."""
    levels, counts = _counted(cube)
    check_any(int(counts.sum()))
    models = counts.sum(axis=0)[None] if asked.pooled else counts
    solved = [_level_model(levels, row, asked.k) for row in models]
    _check_some_full([centers for centers, _ in solved], asked.k)
    labels = np.empty(cube.data.shape, np.uint8)
    for place, block in cube.blocks():
        _label_block(block, solved[0 if asked.pooled else place[0].start][0], labels[place], cube.nodata)
    coding, centers = coding_of(cube), _columns([centers for centers, _ in solved], asked.k)
    scaling = asked.scaled((level_spread(levels, row, asked.quantiles) for row in models), coding)
    own = [_level_labels(levels, column) for column in centers.T]
    shift = np.nanmean(centers, axis=1)
    of_date = [own[0 if asked.pooled else day] for day in range(len(counts))]
    return Found(
        labels=labels,
        centers=centers,
        errors=np.array([error for _, error in solved]) * cube.scale**2,
        scaling=scaling,
        reach=_levels_reach(levels, models, own, centers, abs(cube.scale) / divisors(scaling, len(models))),
        by_date=[valued(level_moments(levels, *pair, shift), coding) for pair in zip(counts, of_date, strict=True)],
    )


def _counted(cube: CodedCube) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the levels of int16 and how often each occurs by date, (n_dates, n_levels)."""
    counts: NDArray[np.int64] = np.zeros((cube.data.sizes["time"], 1 << 16), np.int64)
    for (day, _, _), block in cube.blocks():
        levels, found = histogram(block, nodata=cube.nodata)
        counts[day.start] += found
    return levels, counts


def _level_model(levels: NDArray[np.float64], counts: NDArray[np.int64], k: int) -> tuple[NDArray[np.float64], float]:
    """Return centers, and the squared error."""
    if not counts.any():
        return np.empty(0), 0.0
    best = list(solve(levels, counts, k))[-1]
    return best.centers, best.sse


def _check_some_full(centers: list[NDArray[np.float64]], k: int) -> None:
    most = max(column.size for column in centers)
    if most < k:
        where = "on any date" if len(centers) > 1 else "in all"
        raise ClusterError(
            f"{k} clusters were asked for, but there are only {most} distinct values {where}", remedy=f"Ask for at most {most}."
        )


def _label_block(block: NDArray[Any], centers: NDArray[np.float64], out: NDArray[np.uint8], nodata: int | None) -> None:
    if centers.size:
        label(block, centers, out=out, nodata=nodata)
    else:
        out[:] = LABEL_NODATA


def _columns(models: list[NDArray[np.float64]], k: int) -> NDArray[np.float64]:
    """Return the centers of all models side by side, (k, n_models)."""
    columns = np.full((k, len(models)), np.nan)
    for place, centers in enumerate(models):
        columns[: centers.size, place] = centers
    return columns


def _level_labels(levels: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the label of every level of int16; a model without clusters has no pixels either."""
    there = centers[~np.isnan(centers)]
    return label(levels.astype(np.int16), there).astype(np.int64) if there.size else np.zeros(levels.size, np.int64)


def _levels_reach(
    levels: NDArray[np.float64],
    counts: NDArray[np.int64],
    own: list[NDArray[np.int64]],
    centers: NDArray[np.float64],
    units: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the reach over all pixels of all models; ``units`` (n_models,) turn stored numbers into clustered ones."""
    distances, marks, weights = [], [], []
    for place, row in enumerate(counts):
        there = row > 0
        marks.append(own[place][there])
        distances.append(np.abs(levels[there] - centers[marks[-1], place]) * units[place])
        weights.append(row[there])
    return level_reach(np.concatenate(distances), np.concatenate(marks), np.concatenate(weights), len(centers))


def float_models(cube: CodedCube, asked: Asked) -> Found:
    values = np.asarray(cube.data.data)
    check_any(any(any_seen(image.reshape(-1), None) for image in values))
    lines = values.reshape(1 if asked.pooled else len(values), -1)
    fits = [_float_model(line, asked.k) for line in lines]
    _check_some_full([fit.centers for fit in fits], asked.k)
    centers = _columns([fit.centers for fit in fits], asked.k)
    labels = np.stack([fit.labels for fit in fits]).reshape(values.shape)
    scaling = asked.scaled((line_spread(line, asked.quantiles, None) for line in lines), coding_of(cube))
    shift = np.nanmean(centers, axis=1)
    by_date = [pixel_moments(image, marks, shift) for image, marks in zip(values, labels, strict=True)]
    return Found(
        labels=labels,
        centers=centers,
        errors=np.array([fit.error for fit in fits]),
        scaling=scaling,
        reach=_floats_reach(lines, labels.reshape(lines.shape), centers, pooled(by_date).count, scaling),
        by_date=by_date,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _FloatModel:
    centers: NDArray[np.float64]
    labels: NDArray[np.uint8]
    error: float


def _float_model(line: NDArray[Any], k: int) -> _FloatModel:
    distinct = _distinct(line, k)
    if not distinct:
        return _FloatModel(np.empty(0), np.full(line.size, LABEL_NODATA, np.uint8), 0.0)
    model = KMeans1D(distinct).fit(line.reshape(-1, 1))
    # −1, missing, becomes 255 by the rules of C.
    return _FloatModel(model.cluster_centers_[:, 0], model.labels_.astype(np.uint8), float(model.inertia_))


def _distinct(line: NDArray[Any], most: int) -> int:
    """Count distinct values, up to ``most``; nearly always the first few tell."""
    for some in (line[: 1 << 12], line):
        found = np.unique(some[~np.isnan(some)]).size
        if found >= most:
            return most
    return int(found)


def _floats_reach(
    lines: NDArray[Any],
    labels: NDArray[np.uint8],
    centers: NDArray[np.float64],
    counts: NDArray[np.int64],
    scaling: Scaling,
) -> NDArray[np.float64]:
    """Return the reach over an evenly spaced sample."""
    chosen = members_sample(labels, counts)
    place, own = chosen // lines.shape[1], labels.reshape(-1)[chosen]
    distances = np.abs(lines.reshape(-1)[chosen].astype(np.float64) - centers[own, place])
    return reach(distances / divisors(scaling, len(lines))[place], own, len(centers))
