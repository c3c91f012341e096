"""The original notebook's own interface: one object that goes from an outline to clusters, a method a step.

:class:`KMeansNDVI` (and :class:`KMeansBMI` for other indices, :class:`PCABMI` for principal components) keep the names, the order
of the steps and the shape of ``scenes`` that the original Döberitzer Heide notebook had; what they do is the pipeline's doing.
``docs/explanation/what-changed.md`` lists where results differ from the notebook's, and why.

>>> from mlbmi import KMeansNDVI, KMeansNDVIParams
>>> params = KMeansNDVIParams(n_clusters=5, quiet=True)
>>> ndvi = KMeansNDVI.from_params(params)  # doctest: +SKIP
>>> ndvi.compute_temporal_kmeans()  # doctest: +SKIP
>>> ndvi.scenes["33UUU"]["R10m"]["timeseries"]["kmeans"][5].cluster_centers_  # doctest: +SKIP

Each tile keeps its own grid of pixels, as in the notebook; :func:`mlbmi.run` lays tiles together in one map.
"""

from mlbmi.kmeans_ndvi.aoi import SentinelAOI
from mlbmi.kmeans_ndvi.estimators import StoredKMeans, StoredPCA
from mlbmi.kmeans_ndvi.indices import SentinelBMI
from mlbmi.kmeans_ndvi.kmeans import KMeansBMI, KMeansNDVI
from mlbmi.kmeans_ndvi.params import KMeansBMIParams, KMeansNDVIParams, PCABMIParams, SentinelAOIParams
from mlbmi.kmeans_ndvi.pca import PCABMI

__all__ = [
    "PCABMI",
    "KMeansBMI",
    "KMeansBMIParams",
    "KMeansNDVI",
    "KMeansNDVIParams",
    "PCABMIParams",
    "SentinelAOI",
    "SentinelAOIParams",
    "SentinelBMI",
    "StoredKMeans",
    "StoredPCA",
]
