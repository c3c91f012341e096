"""K-means of an index: of each image's grey levels, and of each pixel's series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlbmi.errors import ClusterError
from mlbmi.kmeans_ndvi.estimators import StoredKMeans
from mlbmi.kmeans_ndvi.indices import SentinelBMI, numbers_of
from mlbmi.kmeans_ndvi.messages import warning_message
from mlbmi.kmeans_ndvi.params import KMeansBMIParams, KMeansNDVIParams

if TYPE_CHECKING:
    from mlbmi.kmeans_ndvi.images import TileImages
    from mlbmi.kmeans_ndvi.params import SentinelAOIParams

__all__ = ["KMeansBMI", "KMeansNDVI"]


class KMeansBMI(SentinelBMI):
    """K-means clusters of a biomass indicator, image by image and over time.

    Every step may be called alone: it does first what it needs.

    Parameters
    ----------
    **settings
        The fields of :class:`~mlbmi.kmeans_ndvi.KMeansBMIParams`, with the same defaults.

    Examples
    --------
    >>> gci = KMeansBMI(bmi="gci", band_names=["B03", "B08"], n_clusters=[4, 6])
    >>> gci.compute_temporal_kmeans()  # doctest: +SKIP
    >>> gci.scenes["33UUU"]["R10m"]["timeseries"]["kmeans"][6].labels_  # doctest: +SKIP
    """

    Params: ClassVar[type[SentinelAOIParams]] = KMeansBMIParams

    n_clusters: int | list[int]
    quantile_range: tuple[float, float]

    def compute_spatial_kmeans(self) -> None:
        """Cluster the grey levels of each image alone, exactly; labels rise with the index.

        An image with fewer distinct values than clusters is left out, with a warning.
        """
        from mlbmi.cluster import cluster_images

        for images in self._with_index():
            for date, image in images.images(self.bmi):
                for k in self.numbers():
                    try:
                        found = cluster_images(image, k, scaling="robust", quantile_range=self._quantiles())
                    except ClusterError as error:
                        warning_message(f"{images.scene_id} {date} has no spatial K-means of {k} clusters: {error}")
                        continue
                    images.kmeans[self.bmi, date, k] = StoredKMeans(found)
            self._tell(f"Spatial K-means of {images.scene_id} is done")
            if self.verbose_plot:
                self._plot_spatial(images)

    def compute_temporal_kmeans(self) -> None:
        """Cluster each pixel's series over the dates on which it was seen; labels rise with the mean index.

        A tile whose series cannot be clustered is left out, with a warning.
        """
        from mlbmi.cluster import cluster_timeseries

        for images, stack in self._series():
            for k in self.numbers():
                try:
                    found = cluster_timeseries(stack, k, scaling="robust", quantile_range=self._quantiles())
                except ClusterError as error:
                    warning_message(f"{images.scene_id} has no temporal K-means of {k} clusters: {error}")
                    continue
                images.kmeans[self.bmi, None, k] = StoredKMeans(found)
            self._tell(f"Temporal K-means of {images.scene_id} is done")
            if self.verbose_plot:
                self._plot_temporal(images)

    def numbers(self) -> list[int]:
        """Return the numbers of clusters as a list."""
        return numbers_of("n_clusters", self.n_clusters, least=1, most=255)

    def _quantiles(self) -> tuple[float, float]:
        low, high = self.quantile_range
        return float(low), float(high)

    def _more_settings(self) -> dict[str, Any]:
        self.numbers()
        return {**super()._more_settings(), "quantile_range": self.quantile_range}

    def _plot_spatial(self, images: TileImages) -> None:
        from mlbmi.kmeans_ndvi.showing import show
        from mlbmi.write import spatial_kmeans_figure

        for (index, date, _), kmeans in images.kmeans.items():
            if index == self.bmi and date is not None:
                image = images.image(self.bmi, date)
                show(spatial_kmeans_figure(kmeans, image, self._quantiles(), images.scene_id, images.resolution, date))

    def _plot_temporal(self, images: TileImages) -> None:
        from mlbmi.kmeans_ndvi.showing import show
        from mlbmi.write import temporal_kmeans_figure

        for (index, date, _), kmeans in images.kmeans.items():
            if index == self.bmi and date is None:
                stack = images.stack(self.bmi)
                show(temporal_kmeans_figure(kmeans, stack, self._quantiles(), images.scene_id, images.resolution))


class KMeansNDVI(KMeansBMI):
    """K-means clusters of NDVI: the original notebook's own class.

    Every step may be called alone: it does first what it needs.

    Parameters
    ----------
    **settings
        The fields of :class:`~mlbmi.KMeansNDVIParams`, with the same defaults.

    Examples
    --------
    >>> jp2_data = KMeansNDVI(start_date="2020-01-01", end_date="2020-02-01", cloud_cover=1, quiet=True)
    >>> jp2_data.compute_spatial_kmeans()  # doctest: +SKIP
    >>> jp2_data.scenes["33UUU"]["R10m"]["2020-01-24"]["kmeans"][5].cluster_centers_  # doctest: +SKIP
    """

    Params: ClassVar[type[SentinelAOIParams]] = KMeansNDVIParams

    def compute_ndvi_for_all(self) -> None:
        """Compute NDVI wherever B04 and B08 were loaded; see :meth:`compute_bmi_for_all`."""
        self.compute_bmi_for_all("ndvi")

    def allocate_ndvi_timeseries(self) -> None:
        """Make the NDVI series available as ``scenes[…]['timeseries']``: a view of the images."""
        if self.bmi != "ndvi":
            self.compute_ndvi_for_all()
        self.allocate_bmi_timeseries()
