"""One scene, or one day, on a grid: read, mask, compute, fuse; and what was lost on the way, by cause."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlbmi.indices import compute, get_index, out_of_bounds
from mlbmi.mask import clear_mask
from mlbmi.read import decide_offset, read_scene, to_reflectance
from mlbmi.sentinel2 import DN_NODATA
from mlbmi.types import Acquisition

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.types import OffsetDecision, Scene

__all__ = ["ReadScene", "Recipe", "SceneTally", "add_scene", "scene_indices"]


class ReadScene(Protocol):
    """Reads bands of a scene on a grid, as :func:`mlbmi.read.read_scene` does."""

    def __call__(self, scene: Scene, bands: Sequence[str], geobox: GeoBox, *, chunks: Any = None) -> xr.Dataset:
        """Return the pixels."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is made of a scene.

    Attributes
    ----------
    bands : tuple of str
        Reflectance bands to read.
    indices : tuple of str
        Indices to compute.
    keep : tuple of int
        Scene classes that count as clear.
    dilate_m : float
        Distance in metres by which clouds and shadows are grown.
    """

    bands: tuple[str, ...]
    indices: tuple[str, ...]
    keep: Collection[int]
    dilate_m: float = 0.0

    @property
    def files(self) -> tuple[str, ...]:
        """The bands to read, the scene classes among them."""
        return (*self.bands, "scl")

    def with_margin(self, geobox: GeoBox) -> GeoBox:
        """Return the grid that is read for a grid: where clouds are grown, with a margin around it."""
        margin = self.dilate_px(geobox)
        return geobox.pad(margin) if margin else geobox

    def dilate_px(self, geobox: GeoBox) -> int:
        """Return the dilation in whole pixels of a grid, rounded up."""
        return math.ceil(self.dilate_m / abs(geobox.resolution.x) - 1e-9)


@dataclass(slots=True)
class SceneTally:
    """Counts for one scene, summed over blocks; pixels outside the area are not counted.

    Attributes
    ----------
    pixels : int
        Pixels of the area seen so far.
    clear : int
        Of these, with data and in a class to keep.
    causes : Counter of str
        Of these, made missing, each under its first cause.
    """

    pixels: int = 0
    clear: int = 0
    causes: Counter[str] = field(default_factory=Counter)

    def acquisition(self, scene: Scene, grid: str, offset: OffsetDecision) -> Acquisition:
        """Sum up what became of a scene that was read whole."""
        share = self.clear / self.pixels if self.pixels else 0.0
        counts = MappingProxyType({cause: int(count) for cause, count in sorted(self.causes.items())})
        return Acquisition(
            item_id=scene.item_id, scene=scene, status="used", grid=grid, clear_share=share, counts=counts, offset=offset
        )


def scene_indices(
    scene: Scene,
    geobox: GeoBox,
    recipe: Recipe,
    *,
    chunks: Mapping[str, int] | None = None,
    dtype: type[np.floating[Any]] = np.float32,
    read: ReadScene | None = None,
) -> tuple[dict[str, xr.DataArray], dict[str, xr.DataArray]]:
    """Read a scene on a grid and compute its indices where it is clear.

    Parameters
    ----------
    scene : Scene
        The scene.
    geobox : GeoBox
        The grid; where clouds are to be grown, a margin around it is read as well.
    recipe : Recipe
        What to make of it.
    chunks : mapping, optional
        Sizes of Dask chunks for ``y`` and ``x``; None reads at once.
    dtype : float32 or float64
        Type of the arithmetic and of the indices.
    read : callable, optional
        What reads, in place of :func:`mlbmi.read.read_scene`.

    Returns
    -------
    (dict of str to DataArray, dict of str to DataArray)
        Indices by name, NaN where not clear, undefined or out of bounds; and bool masks by cause of loss, each pixel
        under its first cause: ``nodata``, ``scl``, ``dilation``, then ``undefined_<index>`` and ``range_<index>``.

    Raises
    ------
    ReadError
        If any of its rasters cannot be read.
    """
    margin = recipe.dilate_px(geobox)
    dn = (read or read_scene)(scene, recipe.files, recipe.with_margin(geobox), chunks=chunks)
    mask = clear_mask(dn["scl"], keep=recipe.keep, dilate_px=margin)
    if margin:
        inner = {"y": slice(margin, -margin), "x": slice(margin, -margin)}
        dn, mask = dn.isel(inner), mask.isel(inner)
    has_data = _has_data(dn, recipe.bands)
    lost = {"nodata": mask["nodata"] | ~has_data}
    lost["scl"] = mask["scl"] & ~lost["nodata"]
    lost["dilation"] = mask["dilation"] & ~lost["nodata"]
    clear = mask["valid"] & has_data
    reflectance = {band: to_reflectance(dn[band], decide_offset(scene, band), dtype=dtype) for band in recipe.bands}
    values: dict[str, xr.DataArray] = {}
    for name in recipe.indices:
        raw = compute(name, reflectance, dtype=dtype)
        outside = out_of_bounds(name, raw)
        lost[f"undefined_{name}"] = clear & np.isnan(raw)
        lost[f"range_{name}"] = clear & outside
        values[name] = raw.where(clear & ~outside).rename(name).assign_attrs(long_name=get_index(name).long_name, units="1")
    return values, lost


def _has_data(dn: xr.Dataset, bands: Sequence[str]) -> xr.DataArray:
    present = dn[bands[0]] != DN_NODATA
    for band in bands[1:]:
        present = present & (dn[band] != DN_NODATA)
    return present


def add_scene(
    fused: dict[str, NDArray[np.float64]],
    scene: Scene,
    geobox: GeoBox,
    recipe: Recipe,
    *,
    inside: NDArray[np.bool_],
    tally: SceneTally,
    read: ReadScene | None = None,
) -> None:
    """Fill what is still missing in ``fused`` from one scene, and count what the scene lost.

    Parameters
    ----------
    fused : dict of str to ndarray of float64
        Indices on the grid, NaN where missing; changed in place. float64, so that rounding to steps comes out exact.
        Scenes given earlier keep precedence.
    scene, geobox, recipe
        As for :func:`scene_indices`.
    inside : ndarray of bool
        True for pixels of the area.
    tally : SceneTally
        Changed in place.
    read : callable, optional
        As for :func:`scene_indices`.
    """
    values, lost = scene_indices(scene, geobox, recipe, dtype=np.float64, read=read)
    lost_pixels = {cause: int(np.count_nonzero(where.values & inside)) for cause, where in lost.items()}
    tally.pixels += int(np.count_nonzero(inside))
    tally.clear += int(np.count_nonzero(inside)) - sum(lost_pixels[cause] for cause in ("nodata", "scl", "dilation"))
    tally.causes.update(lost_pixels)
    for name, target in fused.items():
        gaps = np.isnan(target) & inside
        target[gaps] = values[name].values[gaps]
