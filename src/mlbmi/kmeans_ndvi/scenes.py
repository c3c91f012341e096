"""``scenes[scene_id][res][date][…]``: the notebook's nested keys, as a view of typed values.

::

    scenes['33UUU']['R10m']['2020-01-24']['B04']            reflectance, xarray.DataArray (y, x), NaN where missing
                                         ['ndvi']           an index, the same
                                         ['transform']      affine.Affine of the pixels
                                         ['kmeans'][5]      StoredKMeans of the image
                                         ['pca'][2]         StoredPCA of the bands
    scenes['33UUU']['R10m']['timeseries']['ndvi']           xarray.DataArray (time, y, x)
                                         ['timestamps']     list of ISO dates
                                         ['kmeans'][5]      StoredKMeans of the series
                                         ['pca'][2]         StoredPCA of the series

Nothing is stored here: each key looks the value up, and an absent one says what there is, or why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlbmi.kmeans_ndvi.bands import esa_names, resolution
from mlbmi.kmeans_ndvi.images import SceneKeyError, TileImages
from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from affine import Affine

__all__ = ["Scenes"]

_SERIES = "timeseries"
_BY_ESA = {band.esa: name for name, band in BANDS.items()}

Images = dict[tuple[str, str], TileImages]


class _View(Mapping[str, Any]):
    """A mapping whose keys are listed, and whose values are looked up."""

    what = "key"

    def _keys(self) -> list[str]:
        raise NotImplementedError

    def _value(self, key: str) -> Any:
        raise NotImplementedError

    def __getitem__(self, key: str) -> Any:
        """Look a value up; the error names what there is."""
        if key not in self._keys():
            raise SceneKeyError(self._missing(key))
        return self._value(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def __repr__(self) -> str:
        """Return the keys: values may be large."""
        return f"{{{', '.join(f'{key!r}: …' for key in self)}}}"

    def _missing(self, key: str) -> str:
        there = ", ".join(map(str, self._keys())) or "none yet"
        return f"there is no {self.what} {key!r}; there is: {there}"


@dataclass(frozen=True, eq=False, repr=False)
class Scenes(_View):
    """The tiles, by name; see the module's own description of what lies below.

    Attributes
    ----------
    images : dict of (str, str) to TileImages
        By tile and resolution.
    index : callable
        Returns the index that ``kmeans`` and ``pca`` of series are of.
    """

    images: Images
    index: Callable[[], str]
    what = "tile"

    def _keys(self) -> list[str]:
        return sorted({tile for tile, _ in self.images})

    def _value(self, key: str) -> _Tile:
        return _Tile(self.images, self.index, key)

    def _missing(self, key: str) -> str:
        hint = "" if self.images else ": load_data_into_struct() reads them"
        return f"{super()._missing(key)}{hint}"


@dataclass(frozen=True, eq=False, repr=False)
class _Tile(_View):
    images: Images
    index: Callable[[], str]
    tile: str
    what = "resolution"

    def _keys(self) -> list[str]:
        return sorted(res for tile, res in self.images if tile == self.tile)

    def _value(self, key: str) -> _Dates:
        return _Dates(self.images[self.tile, key], self.index)


@dataclass(frozen=True, eq=False, repr=False)
class _Dates(_View):
    """Dates, and ``timeseries`` once it has been allocated."""

    found: TileImages
    index: Callable[[], str]
    what = "date"

    def _keys(self) -> list[str]:
        return [*self.found.dates, *([_SERIES] if self.found.series else [])]

    def _value(self, key: str) -> _View:
        return _Series(self.found, self.index) if key == _SERIES else _Date(self.found, self.index, key)


@dataclass(frozen=True, eq=False, repr=False)
class _Date(_View):
    found: TileImages
    index: Callable[[], str]
    date: str
    what = "image"

    def _keys(self) -> list[str]:
        own = [band for band in BANDS if resolution(band) == self.found.resolution]
        bands = esa_names(band for band in own if self.found.has(band, self.date))
        indices = [str(name) for name in self.found.data.data_vars if name not in BANDS and self.found.has(str(name), self.date)]
        return [*bands, *indices, "transform", *(kind for kind in ("kmeans", "pca") if len(self._models(kind)))]

    def _value(self, key: str) -> Any:
        if key in ("kmeans", "pca"):
            return self._models(key)
        if key == "transform":
            return _transform(self.found)
        return self.found.image(_BY_ESA.get(key, key), self.date)

    def _models(self, kind: str) -> _Models:
        return _Models(self.found, kind, "bands" if kind == "pca" else self.index(), self.date)

    def _missing(self, key: str) -> str:
        reason = self.found.absent.get((self.date, _BY_ESA.get(key, key)), "")
        return f"{super()._missing(key)}{f'. {reason}' if reason else ''}"


@dataclass(frozen=True, eq=False, repr=False)
class _Series(_View):
    found: TileImages
    index: Callable[[], str]
    what = "series"

    def _keys(self) -> list[str]:
        models = [kind for kind in ("kmeans", "pca") if len(self._models(kind))]
        return [*sorted(self.found.series), "timestamps", *models]

    def _value(self, key: str) -> Any:
        if key in ("kmeans", "pca"):
            return self._models(key)
        if key == "timestamps":
            name = self.index() if self.index() in self.found.series else min(self.found.series)
            return [date for date in self.found.dates if self.found.has(name, date)]
        return self.found.stack(key)

    def _models(self, kind: str) -> _Models:
        return _Models(self.found, kind, self.index(), None)


@dataclass(frozen=True, eq=False, repr=False)
class _Models(Mapping[int, Any]):
    """Models of one image or series, by the number of clusters or components."""

    found: TileImages
    kind: str
    index: str
    date: str | None

    def _all(self) -> dict[int, Any]:
        models: dict[tuple[str, str | None, int], Any] = getattr(self.found, self.kind)
        return {number: model for (index, date, number), model in models.items() if (index, date) == (self.index, self.date)}

    def __getitem__(self, key: int) -> Any:
        """Look a model up; the error names the numbers that there are."""
        models = self._all()
        if key not in models:
            where = self.date or _SERIES
            raise SceneKeyError(f"{where} has no {self.kind} model of {key!r}; there is: {', '.join(map(str, models)) or 'none'}")
        return models[key]

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


def _transform(found: TileImages) -> Affine:
    import odc.geo.xr  # noqa: F401 - registers the accessor

    transform: Affine = found.data.odc.geobox.affine
    return transform
