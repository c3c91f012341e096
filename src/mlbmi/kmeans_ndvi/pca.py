"""Principal components of the bands of each image, and of an index over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mlbmi.errors import ClusterError
from mlbmi.kmeans_ndvi.bands import esa_names
from mlbmi.kmeans_ndvi.estimators import StoredPCA
from mlbmi.kmeans_ndvi.indices import SentinelBMI, numbers_of
from mlbmi.kmeans_ndvi.messages import warning_message
from mlbmi.kmeans_ndvi.params import PCABMIParams
from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    import xarray as xr

    from mlbmi.kmeans_ndvi.params import SentinelAOIParams

__all__ = ["PCABMI", "fit_pca"]


class PCABMI(SentinelBMI):
    """Principal components of an area's images: over their bands, and of a biomass indicator over time.

    Every step may be called alone: it does first what it needs.

    Parameters
    ----------
    **settings
        The fields of :class:`~mlbmi.kmeans_ndvi.PCABMIParams`, with the same defaults.

    Examples
    --------
    >>> pca = PCABMI(band_names=["B04", "B08"], n_components=2)
    >>> pca.compute_temporal_pca()  # doctest: +SKIP
    >>> pca.scenes["33UUU"]["R10m"]["timeseries"]["pca"][2].explained_variance_ratio_  # doctest: +SKIP
    """

    Params: ClassVar[type[SentinelAOIParams]] = PCABMIParams

    n_components: int | list[int] | None

    def compute_spatial_pca(self) -> None:
        """Find the components of each image over the bands that it has at one resolution."""
        for images in self._loaded().values():
            for date in images.dates:
                bands = [band for band in BANDS if images.has(band, date)]
                if bands:
                    there = images.data[bands].sel(time=date)
                    source = there.to_dataarray("feature").assign_coords(feature=esa_names(bands))
                    self._keep(images.pca, ("bands", date), source, f"{images.scene_id} {images.resolution} {date}")

    def compute_temporal_pca(self) -> None:
        """Find the components of the index over the dates; pixels that lack one take no part."""
        for images, stack in self._series():
            dates = [date for date in images.dates if images.has(self.bmi, date)]
            source = stack.rename(time="feature").assign_coords(feature=dates)
            self._keep(images.pca, (self.bmi, None), source, f"{images.scene_id} {images.resolution} series")

    def _keep(self, models: Any, key: tuple[str, str | None], source: xr.DataArray, what: str) -> None:
        for number in self._numbers(source.sizes["feature"]):
            try:
                models[*key, number] = fit_pca(source, number)
            except ClusterError as error:
                warning_message(f"{what} has no PCA of {number} components: {error}", stacklevel=2)
                continue
            if self.verbose_plot:
                from mlbmi.kmeans_ndvi.showing import show
                from mlbmi.write import pca_figure

                show(pca_figure(models[*key, number], title=f"Principal components · {what}"))

    def _numbers(self, features: int) -> list[int]:
        asked = features if self.n_components is None else self.n_components
        return numbers_of("n_components", asked, least=1, most=1000)

    def _more_settings(self) -> dict[str, Any]:
        self._numbers(1)
        return super()._more_settings()


def fit_pca(source: xr.DataArray, n_components: int) -> StoredPCA:
    """Fit principal components to pixels that have every feature.

    Parameters
    ----------
    source : xarray.DataArray
        (feature, y, x), NaN where missing.
    n_components : int

    Returns
    -------
    StoredPCA
        The largest weight of each component is positive, so that signs do not depend on the solver.

    Raises
    ------
    ClusterError
        If there are fewer features, or fewer complete pixels, than components.
    """
    import xarray as xr
    from sklearn.decomposition import PCA

    values = source.to_numpy()
    rows = values.reshape(len(values), -1).T
    seen = np.isfinite(rows).all(axis=1)
    if n_components > min(rows.shape[1], int(seen.sum())):
        raise ClusterError(
            f"{n_components} components were asked for of {rows.shape[1]} features and {seen.sum()} complete pixels"
        )
    pca = PCA(n_components, svd_solver="full").fit(rows[seen].astype(np.float64))
    largest = np.abs(pca.components_).argmax(axis=1)
    pca.components_ *= np.sign(pca.components_[np.arange(n_components), largest])[:, None]
    scores = np.full((rows.shape[0], n_components), np.nan, np.float32)
    scores[seen] = pca.transform(rows[seen])
    coords = {name: coord for name, coord in source.coords.items() if set(coord.dims) <= {"y", "x"}}
    shown = xr.DataArray(scores.T.reshape(n_components, *values.shape[1:]), dims=("component", "y", "x"), coords=coords)
    return StoredPCA(pca, tuple(map(str, source["feature"].values)), shown, source)
