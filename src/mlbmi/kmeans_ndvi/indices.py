"""Biomass indicators of the loaded bands, and their time series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mlbmi.errors import ConfigError
from mlbmi.kmeans_ndvi.aoi import SentinelAOI
from mlbmi.kmeans_ndvi.bands import spoken
from mlbmi.kmeans_ndvi.messages import warning_message
from mlbmi.kmeans_ndvi.params import KMeansBMIParams

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.indices import Index
    from mlbmi.kmeans_ndvi.images import TileImages
    from mlbmi.kmeans_ndvi.params import SentinelAOIParams

__all__ = ["SentinelBMI", "checked_index", "numbers_of"]


class SentinelBMI(SentinelAOI):
    """Images of an area and an index of them; the common ground of :class:`KMeansBMI` and :class:`PCABMI`.

    Parameters
    ----------
    **settings
        The fields of :class:`~mlbmi.kmeans_ndvi.KMeansBMIParams`.

    Attributes
    ----------
    bmi : str
        The index at work: what ``compute_bmi_for_all`` was asked for last.
    """

    Params: ClassVar[type[SentinelAOIParams]] = KMeansBMIParams

    bmi: str
    alpha: float
    n_sig: float
    hist_bins: int

    def compute_bmi_for_all(self, bmi: str | None = None) -> None:
        """Compute an index wherever all its bands were loaded, and make it the one at work.

        Parameters
        ----------
        bmi : str, optional
            ``ndvi``, ``gci``, ``rci``, ``wdrvi`` or another index; by default the one at work.

        Raises
        ------
        ConfigError
            If there is no such index.

        Notes
        -----
        Values that have no meaning (a denominator of 0, beyond the index's range) or that ``n_sig`` calls outliers are NaN. Where
        a band is missing, a warning says so, and the rest goes on.
        """
        index = checked_index(_plain(bmi or self.bmi), self.alpha)
        self.bmi = _plain(bmi or self.bmi)
        found = self._loaded()
        if not any(_able(images, index) for images in found.values()):
            warning_message(f"{self._spoken()} cannot be computed without both {spoken(index.bands)}", stacklevel=1)
            return
        for images in found.values():
            if _able(images, index):
                self._compute(images, index)

    def allocate_bmi_timeseries(self) -> None:
        """Make the series of the index available as ``scenes[…]['timeseries']``: a view of the images."""
        for images in self._with_index():
            if any(images.has(self.bmi, date) for date in images.dates):
                images.series.add(self.bmi)

    def _compute(self, images: TileImages, index: Index) -> None:
        from mlbmi.indices import compute, out_of_bounds

        images.forget(self.bmi)
        values = compute(index, {band: images.data[band] for band in index.bands})
        values = values.where(~out_of_bounds(index, values))
        away = self._outliers(values.data, index)
        values.data[away] = np.nan
        for place, date in enumerate(images.dates):
            lacking = [band for band in index.bands if not images.has(band, date)]
            if lacking:
                images.absent[date, self.bmi] = f"{spoken(lacking)} is missing"
                warning_message(
                    f"{self._spoken()} cannot be computed without both {spoken(index.bands)}: {images.scene_id} {date} "
                    f"lacks {spoken(lacking)}"
                )
                continue
            images.outliers[date, self.bmi] = int(np.count_nonzero(away[place]))
        images.add(self.bmi, values.rename(self.bmi).assign_attrs(long_name=index.long_name, units="1"))
        self._tell(f"{self._spoken()} of {images.scene_id}: {len(images.dates)} dates, {self._away(images)} outliers")
        if self.verbose_plot:
            self._plot_indices(images)

    def _outliers(self, values: NDArray[np.float32], index: Index) -> NDArray[np.bool_]:
        """Say which values do not fit their pixel's series; none where ``n_sig`` is 0."""
        from mlbmi.mask import find_outliers
        from mlbmi.pipeline.outliers import least_scatter

        if not self.n_sig:
            return np.zeros(values.shape, dtype=bool)
        return find_outliers(values, n_sig=self.n_sig, floor=least_scatter(index))

    def _away(self, images: TileImages) -> int:
        return sum(count for (_, name), count in images.outliers.items() if name == self.bmi)

    def _plot_indices(self, images: TileImages) -> None:
        from mlbmi.kmeans_ndvi.showing import show
        from mlbmi.write import ndvi_statistics_figure

        for date, image in images.images(self.bmi):
            show(ndvi_statistics_figure(image, images.scene_id, images.resolution, date, bins=self.hist_bins))

    def _with_index(self) -> Iterator[TileImages]:
        """Yield the images that have the index, computed if it has not been."""
        if not any(self.bmi in images.data for images in self._loaded().values()):
            self.compute_bmi_for_all()
        return (images for images in self._images.values() if self.bmi in images.data)

    def _series(self) -> Iterator[tuple[TileImages, xr.DataArray]]:
        """Yield the series of the index, allocated if they have not been."""
        if not any(self.bmi in images.series for images in self._images.values()):
            self.allocate_bmi_timeseries()
        return ((images, images.stack(self.bmi)) for images in self._images.values() if self.bmi in images.series)

    def _index_name(self) -> str:
        return self.bmi

    def _spoken(self) -> str:
        return self.bmi.upper()

    def _more_settings(self) -> dict[str, Any]:
        self.bmi = _plain(self.bmi)
        checked_index(self.bmi, self.alpha)
        _check_positive("hist_bins", self.hist_bins)
        return {"n_sig": self.n_sig}


def _plain(bmi: str) -> str:
    return bmi.strip().lower()


def checked_index(bmi: str, alpha: object) -> Index:
    """Return an index; WDRVI with the weight asked for."""
    from mlbmi.indices import get_index

    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 1e-4 <= alpha <= 1:
        raise ConfigError(f"alpha is {alpha!r}; it must lie in 0.0001 to 1", remedy="0.1 to 0.2 are usual.")
    weighted = f"wdrvi-{round(alpha, 4):g}".replace(".", "p")
    return get_index(weighted if bmi == "wdrvi" else bmi)


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"{name} is {value!r}; it must be a number above 0")


def _able(images: TileImages, index: Index) -> bool:
    """Say whether all bands of an index were loaded at this resolution."""
    return all(band in images.data for band in index.bands)


def numbers_of(name: str, value: int | list[int] | tuple[int, ...], *, least: int, most: int) -> list[int]:
    """Return one number or several as a list.

    Raises
    ------
    ConfigError
        If one is out of range.

    Examples
    --------
    >>> numbers_of("n_clusters", 5, least=2, most=255), numbers_of("n_clusters", [3, 5, 3], least=2, most=255)
    ([5], [3, 5])
    """
    numbers: list[Any] = list(dict.fromkeys(value if isinstance(value, list | tuple) else [value]))
    wrong = [
        number for number in numbers if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most
    ]
    if wrong or not numbers:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number from {least} to {most}, or a list of such")
    return numbers
