"""The settings as dataclasses, which stand in a notebook for what the command line would give."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["KMeansBMIParams", "KMeansNDVIParams", "PCABMIParams", "SentinelAOIParams"]


@dataclass(kw_only=True)
class SentinelAOIParams:
    """Which images.

    Attributes
    ----------
    geojson : str
        Vector file of the outline, or any text that :meth:`mlbmi.AOI.from_file` understands. The default is the reserve's, which
        comes with the package if there is no such file in the working folder.
    start_date, end_date : str
        First and last UTC day, both included.
    days_back : int or None
        In place of ``start_date``: so many days before ``end_date``, or before today if that is empty.
    cloud_cover : float
        Largest clouded share of a whole scene, per cent.
    collection : str
        Collection of the catalogue; the retired ``sentinel-s2-l2a-cogs`` is understood.
    band_names : list of str
        ESA's names of bands, in upper or lower case.
    scene_id : str or None
        MGRS tile to keep to, such as ``33UUU``; None: every one that shows the area.
    catalog : str or None
        Name, URL or path of a catalogue; None: what ``STAC_API_URL`` names, else Earth Search.
    download : bool
        Fetch whole files into the download folder first. Otherwise only the windows over the area are read.
    allow_requester_pays : bool
        Whether files may be read that you pay for, such as those of the collection ``sentinel-s2-l2a``; without it the cost is
        named, and nothing is read.
    no_scl : bool
        Leave clouds and shadows in: do not use the scene classification.
    verbose : bool
        Say every step.
    verbose_plot : bool
        Show a figure of each result as it is made.
    quiet : bool
        No progress bar and no list of files.
    env_filename : str
        File of environment variables; ``.env`` need not exist, any other must.
    """

    geojson: str = "doeberitzer_multipolygon.geojson"
    start_date: str = "2020-01-01"
    end_date: str = "2020-02-01"
    days_back: int | None = None
    cloud_cover: float = 1
    collection: str = "sentinel-s2-l2a-cogs"
    band_names: list[str] = field(default_factory=lambda: ["b04", "b08"])
    scene_id: str | None = None
    catalog: str | None = None
    download: bool = False
    allow_requester_pays: bool = False
    no_scl: bool = False
    verbose: bool = False
    verbose_plot: bool = False
    quiet: bool = False
    env_filename: str = ".env"


@dataclass(kw_only=True)
class KMeansBMIParams(SentinelAOIParams):
    """Which images, which index of them, and how it is clustered; the first part is that of :class:`SentinelAOIParams`.

    Attributes
    ----------
    bmi : str
        Biomass indicator: ``ndvi``, ``gci``, ``rci``, ``wdrvi``, or another index of :data:`mlbmi.indices.INDICES`.
    alpha : float
        Weight of the near infrared in WDRVI, above 0 and at most 1; 0.1 to 0.2 are usual.
    n_sig : float
        A value that lies more than so many σ from its pixel's median, alone among its neighbours in time, becomes missing, and is
        counted; 0: none (:func:`mlbmi.mask.find_outliers`). A pixel is tested that was seen on seven dates or more.
    n_clusters : int or list of int
        Number of clusters; of several, one model each.
    quantile_range : (float, float)
        Quantiles, per cent, between which the spread is taken that each date is divided by before clustering.
    hist_bins : int
        Bins of the histograms that ``verbose_plot`` shows.
    """

    bmi: str = "ndvi"
    alpha: float = 0.1
    n_sig: float = 10
    n_clusters: int | list[int] = 5
    quantile_range: tuple[float, float] = (1, 99)
    hist_bins: int = 100


@dataclass(kw_only=True)
class KMeansNDVIParams(KMeansBMIParams):
    """The settings of :class:`mlbmi.KMeansNDVI`, with the original notebook's defaults; see :class:`KMeansBMIParams`.

    Examples
    --------
    >>> params = KMeansNDVIParams(cloud_cover=20)
    >>> params.n_clusters, params.quantile_range, params.band_names
    (5, (1, 99), ['b04', 'b08'])
    """


@dataclass(kw_only=True)
class PCABMIParams(SentinelAOIParams):
    """Which images, which index of them, and how many principal components.

    Attributes
    ----------
    bmi, alpha, n_sig, hist_bins
        As in :class:`KMeansBMIParams`.
    n_components : int or list of int or None
        Components to keep; of several numbers, one model each. None: as many as there are bands, or dates.
    """

    bmi: str = "ndvi"
    alpha: float = 0.1
    n_sig: float = 10
    n_components: int | list[int] | None = None
    hist_bins: int = 100
