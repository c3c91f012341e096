"""One scene, or one day, on a grid: read, mask, compute, fuse; and what was lost on the way, by cause."""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlbmi.indices import compute, get_index, out_of_bounds
from mlbmi.mask import DN_CAUSES, RINGING_PX, clear_mask, dn_edges
from mlbmi.pipeline.overlap import OverlapTally
from mlbmi.read import band_offset, read_scene, to_reflectance
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


_UNSEEN = (*DN_CAUSES, "scl", "dilation")
"""Causes of loss before any index is computed."""
_SCL_PIXEL_M2 = 400
"""Area of a pixel of the scene classification, 20 m."""


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
    offsets : mapping of str to OffsetDecision
        What was decided about each scene, by item id; metadata decide about others.
    speckle : int
        Patches of cloud of at most so many pixels of 20 m count as clear.
    """

    bands: tuple[str, ...]
    indices: tuple[str, ...]
    keep: Collection[int]
    dilate_m: float = 0.0
    offsets: Mapping[str, OffsetDecision] = field(default_factory=lambda: MappingProxyType({}))
    speckle: int = 0

    @property
    def files(self) -> tuple[str, ...]:
        """The bands to read, the scene classes among them."""
        return (*self.bands, "scl")

    def with_margin(self, geobox: GeoBox) -> GeoBox:
        """Return the grid that is read for a grid."""
        return geobox.pad(self.margin_px(geobox))

    def margin_px(self, geobox: GeoBox) -> int:
        """Return by how many pixels more is read on each side: what clouds, speckle and ringing reach across."""
        return max(self.dilate_px(geobox) + self.speckle_px(geobox), RINGING_PX)

    def dilate_px(self, geobox: GeoBox) -> int:
        """Return the dilation in whole pixels of a grid, rounded up."""
        return math.ceil(self.dilate_m / abs(geobox.resolution.x) - 1e-9)

    def speckle_px(self, geobox: GeoBox) -> int:
        """Return the largest patch of speckle in pixels of a grid, rounded down."""
        return math.floor(self.speckle * _SCL_PIXEL_M2 / abs(geobox.affine.determinant) + 1e-9)


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
    overlap : OverlapTally
        Differences from the scenes before it, of the first index, where both are clear.
    """

    pixels: int = 0
    clear: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    overlap: OverlapTally = field(default_factory=OverlapTally)

    def acquisition(self, scene: Scene, grid: str, offset: OffsetDecision, *, index: str) -> Acquisition:
        """Sum up what became of a scene that was read whole; ``index`` is the first one."""
        share = self.clear / self.pixels if self.pixels else 0.0
        counts = MappingProxyType({cause: int(count) for cause, count in sorted(self.causes.items())})
        return Acquisition(
            item_id=scene.item_id,
            scene=scene,
            status="used",
            grid=grid,
            clear_share=share,
            counts=counts,
            offset=offset,
            overlap=MappingProxyType(self.overlap.summary(_width(index))),
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
        The grid; a margin around it is read as well, for what is decided by a pixel's surroundings.
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
        Indices by name, NaN where not clear, undefined or out of bounds; and bool masks by cause of loss, each pixel under its
        first cause: those of :data:`mlbmi.mask.DN_CAUSES`, ``scl``, ``dilation``, then ``undefined_<index>`` and
        ``range_<index>``. Beside them,
        with speckle, ``released``: clear pixels that the scene classes call cloud.

    Raises
    ------
    ReadError
        If any of its rasters cannot be read.
    """
    dilation, speckle = recipe.dilate_px(geobox), recipe.speckle_px(geobox)
    margin = recipe.margin_px(geobox)
    inner = {"y": slice(margin, -margin), "x": slice(margin, -margin)}
    dn = (read or read_scene)(scene, recipe.files, recipe.with_margin(geobox), chunks=chunks)
    mask = clear_mask(dn["scl"], keep=recipe.keep, dilate_px=dilation, speckle_px=speckle).isel(inner)
    lost = {cause: where.isel(inner) for cause, where in dn_edges(dn, recipe.bands).items()}
    dn = dn.isel(inner)
    measured = ~functools.reduce(operator.or_, lost.values())
    lost |= {cause: mask[cause] & measured for cause in ("scl", "dilation")}
    clear = mask["valid"] & measured
    if speckle:
        lost["released"] = mask["released"] & clear
    reflectance = {band: to_reflectance(dn[band], band_offset(scene, band, recipe.offsets), dtype=dtype) for band in recipe.bands}
    values: dict[str, xr.DataArray] = {}
    for name in recipe.indices:
        raw = compute(name, reflectance, dtype=dtype)
        outside = out_of_bounds(name, raw)
        lost[f"undefined_{name}"] = clear & np.isnan(raw)
        lost[f"range_{name}"] = clear & outside
        values[name] = raw.where(clear & ~outside).rename(name)
        # Not what the DNs said of themselves: their nodata 0 would make an index of 0 missing.
        values[name].attrs = {"long_name": get_index(name).long_name, "units": "1"}
    return values, lost


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
    tally.clear += int(np.count_nonzero(inside)) - sum(lost_pixels[cause] for cause in _UNSEEN)
    tally.causes.update(lost_pixels)
    first = recipe.indices[0]
    tally.overlap.add(fused[first], values[first].values, _width(first))
    for name, target in fused.items():
        gaps = np.isnan(target) & inside
        target[gaps] = values[name].values[gaps]


def _width(index: str) -> float:
    """Return the width of an index's legal range."""
    low, high = get_index(index).bounds
    return high - low
