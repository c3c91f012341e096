"""What a reader works with: an open raster, whether it is read in parts or by GDAL alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from mlbmi.read.header import native_geobox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["Source", "Whole"]


class Source(Protocol):
    """An open raster.

    Attributes
    ----------
    dataset : rasterio.DatasetReader
        For all that is not pixels.
    """

    dataset: Any

    def geobox(self) -> GeoBox:
        """Return the grid; raise ValueError if it is none to work on (:func:`mlbmi.read.header.native_geobox`)."""
        ...

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return pixels of the first band."""
        ...

    def factors(self) -> list[int]:
        """Return by how much each overview is coarser, the finest first; none where they would cost more than they save."""
        ...

    def overview(self, level: int) -> contextlib.AbstractContextManager[Source]:
        """Open an overview, by its place in :meth:`factors`."""
        ...


class Whole:
    """A raster that GDAL reads alone."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def geobox(self) -> GeoBox:
        """Return the grid; raise ValueError if it is none to work on."""
        return native_geobox(self.dataset)

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return pixels of the first band."""
        from rasterio.windows import Window

        pixels: NDArray[Any] = self.dataset.read(1, window=Window.from_slices(rows, columns))
        return pixels

    def factors(self) -> list[int]:
        """Return by how much each overview is coarser; none of JPEG 2000, which computes them, by averaging."""
        return list(self.dataset.overviews(1)) if self.dataset.driver == "GTiff" else []

    @contextlib.contextmanager
    def overview(self, level: int) -> Iterator[Whole]:
        """Open an overview."""
        import rasterio

        with rasterio.open(self.dataset.name, sharing=False, overview_level=level) as dataset:
            yield Whole(dataset)
