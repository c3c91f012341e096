"""How a model meets new data: which image or band is which feature, and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster._apply_dates import REMEDY, MatchedFeature, dates_of_features, find_images
from mlbmi.cluster._apply_pixels import ByFeatures, ByValue, Lattice
from mlbmi.cluster._apply_sources import BandSource, CubeSource
from mlbmi.cluster._band_images import Stack
from mlbmi.cluster._coded import CodedCube, coded_cube
from mlbmi.cluster.scaling import scale_centers
from mlbmi.errors import ClusterError
from mlbmi.types import Scaling

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.cluster._apply_dates import Rules
    from mlbmi.cluster._apply_pixels import Numberer
    from mlbmi.cluster._apply_sources import Source
    from mlbmi.types import ClusterModel

__all__ = ["Job", "job_of"]

_PLACES = ("x", "y")
_WEIGHTLESS = 1e200
"""Scale of coordinates from which on they count for nothing: no map is that large."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """A model and data that fit.

    Attributes
    ----------
    source : Source
        The pixels, with the features that were found.
    numberer : Numberer
    layers : int
        Label maps to make.
    dated : bool
        They are over (time, y, x).
    least : int
        Observed features that a pixel needs.
    used : tuple of int
        Numbers of the model's features that were found, coordinates not counted; in the order of the source's features.
    dates : tuple of datetime.date or None
        Of the source's images.
    bands : tuple of str
        Names of the source's features, where they are bands.
    matched : tuple of MatchedFeature
    warnings : tuple of str
    """

    source: Source
    numberer: Numberer
    layers: int = 1
    dated: bool = False
    least: int = 1
    used: tuple[int, ...]
    dates: tuple[dt.date | None, ...] = (None,)
    bands: tuple[str, ...] = ()
    matched: tuple[MatchedFeature, ...]
    warnings: tuple[str, ...] = ()


def job_of(model: ClusterModel, data: xr.DataArray | xr.Dataset, rules: Rules) -> Job:
    """Fit new data to a model.

    Raises
    ------
    ClusterError
        If they do not fit.
    """
    base = _base(model)
    if model.mode == "bands" or (model.mode == "located" and not _are_dates(base)):
        job = _bands(model, data, base, rules)
    else:
        cube, said = _cube(model, data)
        job = (_images if model.mode == "images" else _series)(model, cube, base, rules)
        job = replace(job, warnings=(*said, *job.warnings))
    return replace(job, warnings=(*job.warnings, *_about_model(model)))


def _base(model: ClusterModel) -> tuple[str, ...]:
    """Return the features without coordinates."""
    return model.features[: -len(_PLACES)] if model.mode == "located" else model.features


def _are_dates(features: Sequence[str]) -> bool:
    """Say whether features are dates, or places in a series without any."""
    return dates_of_features(features) is not None or tuple(features) == tuple(str(place) for place in range(len(features)))


def _about_model(model: ClusterModel) -> list[str]:
    if not model.smoothness:
        return []
    return [
        f"In the model neighbouring pixels agree (smoothness {model.smoothness:g}); here each stands alone: the map is noisier."
    ]


def _cube(model: ClusterModel, data: xr.DataArray | xr.Dataset) -> tuple[CodedCube, list[str]]:
    cube = coded_cube(data)  # type: ignore[arg-type] # it refuses a data set, and says what to do
    if data.name is None:
        return cube, [f"The data have no name; they are taken for the model's index, {model.index}."]
    if cube.name.lower() != model.index.lower():
        raise ClusterError(
            f"the data are {cube.name!r} and the model is of {model.index!r}; centers of one index mean nothing in another",
            remedy=f"Give {model.index!r}, or rename the data if they are.",
        )
    return cube, []


def _images(model: ClusterModel, cube: CodedCube, base: tuple[str, ...], rules: Rules) -> Job:
    """Number each image by value; where each was clustered alone, by the centers of its own date."""
    centers = model.centers.T
    spread = model.scaling.scale if model.scaling.scale.size else np.ones(len(centers))
    used = [0]
    if len(base) == 1:
        matched = tuple(MatchedFeature(base[0], date, 0) for date in _dates(cube))
        said: list[str] = []
    else:
        known = _known(model, base)
        places, matched, said = find_images([base[number] for number in known], cube, rules)
        used = [number for number, place in zip(known, places, strict=True) if place is not None]
        centers, spread = centers[used], spread[used]
        cube = _at(cube, places)
    reach = _reach(model, 1.0 / float(spread.max()))
    return Job(
        source=CubeSource(cube),
        numberer=ByValue(centers, spread, reach),
        layers=cube.data.sizes["time"],
        dated=True,
        used=tuple(used),
        dates=_dates(cube),
        matched=matched,
        warnings=tuple(said),
    )


def _series(model: ClusterModel, cube: CodedCube, base: tuple[str, ...], rules: Rules) -> Job:
    known = _known(model, base)
    places, matched, said = find_images([base[number] for number in known], cube, rules)
    used = [number for number, place in zip(known, places, strict=True) if place is not None]
    if len(used) < model.min_observations:
        raise ClusterError(
            f"{len(used)} of the model's {len(known)} dates have an image; pixels need {model.min_observations} observations",
            remedy=REMEDY,
        )
    cube = _at(cube, places)
    return Job(
        source=CubeSource(cube),
        numberer=_by_features(model, used, model.min_observations, cube.data),
        least=model.min_observations,
        used=tuple(used),
        dates=_dates(cube),
        matched=(*matched, *_matched_places(model)),
        warnings=tuple(said),
    )


def _bands(model: ClusterModel, data: xr.DataArray | xr.Dataset, base: tuple[str, ...], rules: Rules) -> Job:
    stack = Stack.of(data).on(rules.date)
    missing = [name for name in base if name not in stack.names]
    if missing:
        raise ClusterError(
            f"the data lack the bands {', '.join(missing)} of the model; they have {', '.join(stack.names)}",
            remedy="Give all bands of the model.",
        )
    images = tuple(stack.images[stack.names.index(name)] for name in base)
    source = BandSource(replace(stack, names=base, images=images))
    return Job(
        source=source,
        numberer=_by_features(model, list(range(len(base))), len(base), source.grid),
        least=len(base),
        used=tuple(range(len(base))),
        bands=base,
        matched=(*(MatchedFeature(name, None, 0) for name in base), *_matched_places(model)),
    )


def _dates(cube: CodedCube) -> tuple[dt.date | None, ...]:
    return cube.dates or (None,) * cube.data.sizes["time"]


def _known(model: ClusterModel, base: tuple[str, ...]) -> list[int]:
    """Return the features on which there is any center; on the others nothing was observed in training."""
    seen = ~np.isnan(model.centers[:, : len(base)]).all(axis=0)
    return [int(number) for number in np.flatnonzero(seen)]


def _at(cube: CodedCube, places: Sequence[int | None]) -> CodedCube:
    """Return a cube of those images, in order of the features."""
    chosen = [place for place in places if place is not None]
    if chosen == list(range(cube.data.sizes["time"])):
        return cube
    dates = tuple(cube.dates[place] for place in chosen) if cube.dates else None
    return replace(cube, data=cube.data.isel(time=chosen), dates=dates)


def _by_features(model: ClusterModel, used: list[int], least: int, grid: xr.DataArray) -> ByFeatures:
    """Number by some of the features, and by the coordinates, if they are among them."""
    base, scaling = len(_base(model)), model.scaling
    lattice = _lattice(scaling, grid) if model.mode == "located" else None
    columns = [*used, *(range(base, len(model.features)) if lattice else ())]
    centers = scale_centers(model.centers, scaling)[:, columns]
    # Where only coordinates are shifted and scaled, the other features were taken as they lay in memory.
    own = Scaling(method=scaling.method)
    if scaling.method in {"robust", "standard"}:
        own = replace(scaling, shift=scaling.shift[used], scale=scaling.scale[used])
    per_step = 1.0 / float(np.median(own.scale)) if own.scale.size else 1.0
    return ByFeatures(centers=centers, scaling=own, reach=_reach(model, per_step), least=least, lattice=lattice)


def _reach(model: ClusterModel, per_step: float) -> NDArray[np.float64]:
    """Return the reach, at least half a step of the stored index: where training pixels were alike, rounding is no novelty."""
    if model.reach is None:
        return np.full(model.n_clusters, np.nan)
    return np.maximum(model.reach, model.index_scale / 2 * per_step)


def _lattice(scaling: Scaling, grid: xr.DataArray) -> Lattice:
    x, y = (
        (_coordinate(grid, name) - scaling.shift[number]) / scaling.scale[number]
        for name, number in zip(_PLACES, (-2, -1), strict=True)
    )
    return Lattice(x=x, y=y, weightless=bool(scaling.scale[-1] >= _WEIGHTLESS))


def _coordinate(grid: xr.DataArray, name: str) -> NDArray[np.float64]:
    if name not in grid.coords:
        raise ClusterError(f"the model clusters by place, and the data have no coordinate {name!r}", remedy="Use assign_coords.")
    return np.asarray(grid[name].to_numpy(), np.float64)


def _matched_places(model: ClusterModel) -> list[MatchedFeature]:
    return [MatchedFeature(name, None, 0) for name in _PLACES] if model.mode == "located" else []
