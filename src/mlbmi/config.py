"""The settings of a run: one frozen, validated value.

No secret ever becomes part of a :class:`RunConfig`, so none can reach a run record.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlbmi.catalogs import baseline_name, platform_name, tile_name
from mlbmi.indices import get_index
from mlbmi.period import period
from mlbmi.sentinel2 import BANDS, SCL, SCL_KEEP
from mlbmi.series.words import CompositeMethod, FillMethod, period_name
from mlbmi.types import Mode, OffsetRule, ScalingMethod

__all__ = ["RunConfig"]


class RunConfig(BaseModel):
    """All that decides a run; frozen.

    Attributes
    ----------
    aoi : Path
        Vector file of the outline; all its features count.
    start, end : datetime.date
        First and last UTC day, both included.
    days_back : int or None
        In place of ``start``: the first day lies so many days before the last one, which is then today (UTC) by default.
    cloud_cover : float or None
        Largest clouded share of a whole scene, in per cent, as the catalogue states it; None: no limit (clouds are masked
        pixel by pixel anyway).
    aoi_cloud_cover : float or None
        Largest share of the area, in per cent of its pixels with data, that may not be clear in a scene, judged from an overview
        of its scene classes; None: no limit, and nothing is looked at.
    catalog : str
        Name of a catalogue (``earth-search``, …), URL of a STAC API, or path of a static catalogue.
    collection : str or None
        Collection within it; None: the catalogue's Sentinel-2 L2A collection.
    download : bool or None
        Whether to fetch whole files into the download folder first, and read them there (True), or windows of them where they are
        published (False). None: windows, but JPEG 2000 files whole where that costs less.
    download_folder : Path or None
        The download folder; None: ``assets`` in the user's cache folder.
    offline : bool
        Search the download folder's own catalogue in place of ``catalog``, and send no request.
    tile, platform : tuple of str
        MGRS tiles (``33UUU``) and satellites (``sentinel-2a``) to keep to; empty: any.
    baseline : str or None
        Least processing baseline, ``"04.00"``; None: any.
    index : tuple of str
        Short names of the indices to compute and cluster, in any case: :data:`mlbmi.indices.INDICES`, or any other of the Awesome
        Spectral Indices catalogue that Sentinel-2 has the bands for; the name of a band stands for its reflectance.
    n_clusters : int or "auto"
        Number of clusters, 2–255; ``auto``: chosen within ``k_range``, for each mode and index.
    k_range : (int, int)
        Least and largest number of clusters to choose from.
    mode : tuple of str
        ``images`` (each image's grey levels), ``timeseries`` (each pixel's series), ``bands`` (the colours of one composite),
        ``located`` (each pixel's series and its place).
    pooled : bool
        Whether images share one model; False clusters each alone, and its numbers mean nothing on another date.
    bands : tuple of str
        Bands of mode ``bands``.
    bands_date : datetime.date or None
        Date of mode ``bands``; None: the median of all dates.
    scaling : str
        What is done to features first: ``none``, ``robust``, ``standard`` or ``profile``
        (:data:`mlbmi.types.ScalingMethod`).
    quantile_range : (float, float)
        Quantiles of ``robust``, per cent.
    smoothness : float
        Weight of the agreement between neighbouring pixels; 0: none.
    location_weight : float
        Weight of the place in mode ``located``: 1 gives it as much variance as the series has.
    match : tuple of Path
        Model files of earlier runs, from which clusters of the same mode and index take their numbers.
    model : Path or None
        Model file to apply: its clusters are given to the pixels, none are sought. Decides mode and index.
    date_tolerance_days : int
        Most days between a date of the model and the image that stands for it.
    any_year : bool
        Whether dates of a model are compared by the day of the year.
    grid : str
        ``mosaic``: one grid for the area; ``tile``: one for each MGRS tile, with no resampling.
    out : Path
        Output folder.
    seed : int
        Seed of the K-means on series. Images need none.
    scl_keep : tuple of int
        Scene classes that count as clear.
    dilate_m : float
        Distance in metres by which clouds and their shadows are grown.
    offset : str
        How the +1000 of processing baseline 04.00 is found: ``auto`` (by the pixels where they are sure, by metadata elsewhere),
        ``metadata`` (alone), or given for every scene: ``none``, ``-1000``.
    speckle : int
        Patches of cloud of at most so many pixels of 20 m are taken for bright roofs, and kept; 0: none.
    n_sig : float
        An index value is an outlier, and missing, where it lies more than so many σ (from the median absolute deviation) from its
        pixel's median, alone among its neighbours in time. 0: no such test.
    outlier_dates : str
        What becomes of dates that lie below their series over large parts of the area (haze, unseen snow): ``warn``,
        ``leave-out`` the worst, or ``ignore``.
    coregister : bool
        Move a date back by whole pixels where several windows agree that it lies beside the others; False: only told.
    index_dtype : str
        ``int16`` (scaled by 1e-4) or ``float32`` in the index COGs.
    figures : bool
        Whether to draw figures: about a third of a second each, two for every date.
    credit : str or None
        Credit for the data at the foot of figures; None: what Copernicus asks for.
    min_observations : int or None
        Clear dates that a pixel needs to be clustered by its series; None: the method's own default.
    composite : str or None
        Period of the composites on which series are clustered, filled and measured: ``MS`` months, ``10D`` ten days …; None:
        the dates as they are.
    composite_method : str
        ``median``, ``mean``, ``medoid`` (the date nearest to the others) or ``max`` (the greenest date).
    fill : str
        How gaps in series are filled: ``none``, ``linear``, ``whittaker``, ``savgol`` or ``harmonic``
        (:func:`mlbmi.fill_gaps`).
    max_gap_days : float
        Most days between the two observations beside a gap that is filled.
    whittaker_lambda : float, "auto", "cv" or "vcurve"
        λ of ``whittaker`` in day³; ``auto``: by leaving each observation out in turn, one for
        all pixels of a grid; ``cv``: for each pixel; ``vcurve``: for each pixel at the foot of its V-curve.
    whittaker_robust : str
        ``none``; ``bisquare``: outliers weigh less; ``upper``: what lies below the curve weighs less.
    keep_observed : bool
        Whether observations stay as they are, or a curve that smooths stands in their place.
    phenology : bool
        Whether to measure seasons: start, peak, end, amplitude, integral. Needs gaps to be filled.
    trend : str
        ``none``; ``plain``: the median slope over all dates; ``seasonal``: over the same months of different years.
    workers : int
        Dates computed at a time; the next ones are read meanwhile.
    allow_requester_pays : bool
        Whether files may be read that the user pays for (some buckets of Amazon's). It decides no result.
    overwrite : bool
        Replace another run's results in ``out``.

    Examples
    --------
    >>> config = RunConfig(aoi="reserve.geojson", start="2020-01-01", end="2020-02-01")
    >>> config.catalog, config.n_clusters, config.end
    ('earth-search', 5, datetime.date(2020, 2, 1))
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    aoi: Path
    start: dt.date
    end: dt.date
    days_back: int | None = None
    cloud_cover: Annotated[float | None, Field(ge=0, le=100)] = None
    aoi_cloud_cover: Annotated[float | None, Field(ge=0, le=100)] = None
    catalog: Annotated[str, Field(min_length=1)] = "earth-search"
    collection: str | None = None
    download: bool | None = None
    download_folder: Path | None = None
    offline: bool = False
    tile: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    baseline: str | None = None
    index: Annotated[tuple[str, ...], Field(min_length=1)] = ("ndvi",)
    n_clusters: int | Literal["auto"] = 5
    k_range: tuple[Annotated[int, Field(ge=2, le=255)], Annotated[int, Field(ge=2, le=255)]] = (2, 10)
    mode: Annotated[tuple[Mode, ...], Field(min_length=1)] = ("images", "timeseries")
    pooled: bool = True
    bands: Annotated[tuple[str, ...], Field(min_length=1)] = ("blue", "green", "red", "nir")
    bands_date: dt.date | None = None
    scaling: ScalingMethod = "none"
    quantile_range: tuple[float, float] = (25.0, 75.0)
    smoothness: Annotated[float, Field(ge=0, le=1000)] = 0.0
    location_weight: Annotated[float, Field(ge=0, le=1000)] = 0.5
    match: tuple[Path, ...] = ()
    model: Path | None = None
    date_tolerance_days: Annotated[int, Field(ge=0, le=183)] = 5
    any_year: bool = False
    grid: Literal["mosaic", "tile"] = "mosaic"
    out: Path = Path("mlbmi-out")
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    scl_keep: Annotated[tuple[int, ...], Field(min_length=1)] = tuple(int(scl) for scl in SCL_KEEP)
    dilate_m: Annotated[float, Field(ge=0, le=5000)] = 0.0
    offset: OffsetRule = "auto"
    speckle: Annotated[int, Field(ge=0, le=1000)] = 0
    n_sig: Annotated[float, Field(ge=0, le=1000)] = 10.0
    outlier_dates: Literal["warn", "leave-out", "ignore"] = "warn"
    coregister: bool = False
    index_dtype: Literal["int16", "float32"] = "int16"
    figures: bool = True
    credit: str | None = None
    min_observations: Annotated[int | None, Field(ge=1)] = None
    composite: str | None = None
    composite_method: CompositeMethod = "median"
    fill: FillMethod = "none"
    max_gap_days: Annotated[float, Field(gt=0, le=3660)] = 60.0
    whittaker_lambda: Annotated[float, Field(gt=0, lt=1e15)] | Literal["auto", "cv", "vcurve"] = "auto"
    whittaker_robust: Literal["none", "bisquare", "upper"] = "none"
    keep_observed: bool = True
    phenology: bool = False
    trend: Literal["none", "plain", "seasonal"] = "none"
    workers: Annotated[int, Field(ge=1, le=64)] = 4
    allow_requester_pays: bool = False
    overwrite: bool = False

    @model_validator(mode="before")
    @classmethod
    def _period(cls, data: Any) -> Any:
        """Turn days back into the days that they stand for: what a run record shows must not depend on when it is read."""
        if not isinstance(data, dict) or data.get("days_back") is None:
            return data
        start, end = period(data.get("start"), data.get("end"), data["days_back"])
        return data | {"start": start, "end": end}

    @field_validator("tile")
    @classmethod
    def _tiles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tile_name(tile) for tile in value))

    @field_validator("platform")
    @classmethod
    def _platforms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(platform_name(platform) for platform in value))

    @field_validator("baseline")
    @classmethod
    def _baseline(cls, value: str | None) -> str | None:
        return None if value is None else baseline_name(value)

    @field_validator("n_clusters", mode="plain")
    @classmethod
    def _number_or_auto(cls, value: object) -> int | str:
        text = str(value).strip().lower()
        if text == "auto":
            return text
        if not (text.isascii() and text.isdigit()) or not 2 <= int(text) <= 255:
            raise ValueError("it must be a whole number from 2 to 255, or 'auto'")
        return int(text)

    @field_validator("scl_keep")
    @classmethod
    def _known_classes(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        known = {int(scl) for scl in SCL if scl is not SCL.NO_DATA}
        if unknown := sorted(set(value) - known):
            raise ValueError(f"scene classes are 1 to 11; {unknown} are not among them")
        return tuple(sorted(set(value)))

    @field_validator("bands")
    @classmethod
    def _known_bands(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name not in BANDS]:
            raise ValueError(f"bands are {', '.join(BANDS)}; {', '.join(unknown)} is not among them")
        return tuple(name for name in BANDS if name in value)

    @field_validator("index")
    @classmethod
    def _known_indices(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Turn names in any spelling into those that files have."""
        return tuple(get_index(name).name for name in value)

    @field_validator("index", "mode")
    @classmethod
    def _no_repeats(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @model_validator(mode="after")
    def _dates_in_order(self) -> RunConfig:
        if self.start > self.end:
            raise ValueError(f"start {self.start} lies after end {self.end}")
        if self.bands_date is not None and not self.start <= self.bands_date <= self.end:
            raise ValueError(f"bands_date {self.bands_date} lies outside {self.start} to {self.end}")
        return self

    @model_validator(mode="after")
    def _ranges_in_order(self) -> RunConfig:
        if self.k_range[0] > self.k_range[1]:
            raise ValueError(f"k_range {self.k_range} ends before it begins")
        low, high = self.quantile_range
        if not 0 <= low < high <= 100:
            raise ValueError(f"quantile_range {self.quantile_range} must be two rising numbers within 0 to 100")
        return self

    @model_validator(mode="after")
    def _images_have_no_profile(self) -> RunConfig:
        if self.scaling == "profile" and "images" in self.mode:
            raise ValueError("scaling 'profile' is of a pixel's several values, and images have one: leave mode images out")
        return self

    @field_validator("composite")
    @classmethod
    def _known_period(cls, value: str | None) -> str | None:
        if value is None or value.lower() == "none":
            return None
        return period_name(value)

    @model_validator(mode="after")
    def _series_options_are_used(self) -> RunConfig:
        """Refuse what would have no effect: who asks for it expects one."""
        if self.fill != "whittaker" and (self.whittaker_lambda != "auto" or self.whittaker_robust != "none"):
            raise ValueError(f"whittaker_lambda and whittaker_robust are of fill 'whittaker'; fill is {self.fill!r}")
        if not self.keep_observed and self.fill in {"none", "linear"}:
            raise ValueError(f"keep_observed is off, but fill {self.fill!r} has no curve to put in the place of observations")
        if self.composite is None and self.composite_method != "median":
            raise ValueError(f"composite_method is {self.composite_method!r}, but there is no composite: name its period")
        if self.phenology and self.fill == "none":
            raise ValueError("phenology needs gaps to be filled: name how, such as fill 'whittaker'")
        return self

    @property
    def makes_series(self) -> bool:
        """Whether series are worked on before they are clustered."""
        return self.composite is not None or self.fill != "none" or self.trend != "none"

    @property
    def fill_options(self) -> dict[str, Any]:
        """Options of :func:`mlbmi.fill_gaps`."""
        options: dict[str, Any] = {"max_gap_days": self.max_gap_days, "keep_observed": self.keep_observed}
        if self.fill == "whittaker":
            options |= {"lam": self.whittaker_lambda, "robust": self.whittaker_robust}
        return options

    @property
    def layers(self) -> tuple[str, ...]:
        """What the cube holds: the indices, and the bands where their colours are clustered."""
        return tuple(dict.fromkeys((*self.index, *(self.bands if "bands" in self.mode else ()))))
