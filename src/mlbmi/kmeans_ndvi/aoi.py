"""Search, acquire and load: the first steps, which every class of this room shares."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from mlbmi.errors import InputError, NothingFoundError
from mlbmi.hrefs import public_href
from mlbmi.kmeans_ndvi.bands import canonical_bands, esa_names, spoken
from mlbmi.kmeans_ndvi.messages import debug_message, info_message, warning_message
from mlbmi.kmeans_ndvi.params import SentinelAOIParams
from mlbmi.kmeans_ndvi.scenes import Scenes
from mlbmi.sentinel2 import SCL, SCL_KEEP

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mlbmi.aoi import AOI
    from mlbmi.config import RunConfig
    from mlbmi.kmeans_ndvi.images import TileImages
    from mlbmi.pipeline import Progress
    from mlbmi.types import Scene

__all__ = ["SentinelAOI"]

_RESERVE = "doeberitzer_multipolygon.geojson"
_ALL_CLASSES = tuple(int(scl) for scl in SCL if scl is not SCL.NO_DATA)


class SentinelAOI:
    """Sentinel-2 images of an area of interest.

    Every step may be called alone: it does first what it needs, and does nothing twice.

    Parameters
    ----------
    **settings
        The fields of :class:`~mlbmi.SentinelAOIParams`, with the same defaults. They become attributes of the same names.

    Attributes
    ----------
    filepaths : tuple of str
        The files of the bands: local paths, or addresses where nothing is downloaded.
    scenes : mapping
        ``scenes[scene_id][res][date]`` holds what was loaded; see :class:`mlbmi.kmeans_ndvi.scenes.Scenes`.

    Raises
    ------
    InputError
        If a setting breaks its rule.

    Examples
    --------
    >>> SentinelAOI(geojson="13.0,52.45,13.1,52.53", cloud_cover=20)
    SentinelAOI:
                                AOI: 13.0,52.45,13.1,52.53
                         Start Date: 2020-01-01
                           End Date: 2020-02-01
                    Cloud Cover Max: 20
                         Collection: sentinel-s2-l2a-cogs
                         Band Names: ['B04', 'B08']
    """

    Params: ClassVar[type[SentinelAOIParams]] = SentinelAOIParams

    geojson: str
    start_date: str
    end_date: str
    days_back: int | None
    cloud_cover: float
    collection: str
    band_names: list[str]
    scene_id: str | None
    catalog: str | None
    download: bool
    allow_requester_pays: bool
    no_scl: bool
    verbose: bool
    verbose_plot: bool
    quiet: bool
    env_filename: str

    def __init__(self, **settings: Any) -> None:
        params = self.Params(**settings)
        for field in fields(params):
            setattr(self, field.name, getattr(params, field.name))
        self.band_names = esa_names(canonical_bands(self.band_names))
        self.settings()  # says at once what cannot be asked
        self._found: tuple[Scene, ...] | None = None
        self._images: dict[tuple[str, str], TileImages] = {}
        self.filepaths: tuple[str, ...] = ()
        self.scenes = Scenes(self._images, self._index_name)

    @classmethod
    def from_params(cls, params: SentinelAOIParams) -> Self:
        """Make one from its settings as a dataclass."""
        return cls(**{field.name: getattr(params, field.name) for field in fields(params)})

    def __repr__(self) -> str:
        """Return the settings that decide which images, one a line."""
        shown = {
            "AOI": self.geojson,
            "Start Date": self.start_date if self.days_back is None else f"{self.days_back} days before the end",
            "End Date": self.end_date,
            "Cloud Cover Max": self.cloud_cover,
            "Collection": self.collection,
            "Band Names": self.band_names,
        }
        return "\n".join(("SentinelAOI:", *(f"{name:>31}: {value}" for name, value in shown.items())))

    def download_and_acquire_images(self) -> None:
        """Search the catalogue, fetch the files where ``download`` says so, and list them in ``filepaths``.

        Raises
        ------
        NothingFoundError
            If no scene answers the question.
        SearchError
            If the catalogue cannot be read.
        """
        config = self.settings()
        catalog = self.downloaded(config) if self.download else None
        self._found = self._searched(config, self._aoi(), catalog)
        self._images.clear()
        bands = canonical_bands(self.band_names)
        self.filepaths = tuple(scene.assets[band].href for scene in self._found for band in bands if band in scene.assets)
        tell = debug_message if self.quiet else info_message
        for path in self.filepaths:
            tell(public_href(path))

    def load_data_into_struct(self) -> None:
        """Read the bands over the area into ``scenes``: reflectance, NaN where missing.

        A file that cannot be read, and a band that a scene lacks, are said in a warning; the rest goes on.

        Raises
        ------
        ReadError
            If nothing can be read.
        PaymentError
            If the files cost money, and ``allow_requester_pays`` is False.
        """
        from mlbmi.kmeans_ndvi.loading import load_images

        if self._found is None:
            self.download_and_acquire_images()
        config = self.settings()
        with self._progress() as shown:
            images = load_images(
                self._found or (),
                self._aoi(),
                canonical_bands(self.band_names),
                keep=config.scl_keep,
                workers=config.workers,
                allow_requester_pays=config.allow_requester_pays,
                progress=shown,
            )
        self._images.clear()
        self._images.update(images)
        self._tell(f"Loaded {len(self.filepaths)} files of {', '.join(self.scenes)}")

    def _loaded(self) -> dict[tuple[str, str], TileImages]:
        """Return the images, read if they have not been."""
        if not self._images:
            self.load_data_into_struct()
        return self._images

    def _index_name(self) -> str:
        """Return the index that ``scenes[…]['kmeans']`` is of; none here."""
        return ""

    def _tell(self, message: str) -> None:
        (info_message if self.verbose else debug_message)(message, stacklevel=2)

    def _progress(self) -> AbstractContextManager[Progress]:
        from mlbmi import terminal

        return terminal.progress(quiet=self.quiet)

    def _aoi(self) -> AOI:
        from mlbmi.aoi import AOI

        return AOI.from_file(_outline(self.geojson))

    def settings(self, **more: Any) -> RunConfig:
        """Return the settings as the pipeline has them, checked.

        Parameters
        ----------
        **more
            Further fields of :class:`mlbmi.RunConfig`.
        """
        from mlbmi.settings import load_config

        given = {
            "aoi": _outline(self.geojson),
            "start": self.start_date if self.days_back is None else None,
            "end": self.end_date or None,
            "days_back": self.days_back,
            "cloud_cover": self.cloud_cover,
            "catalog": self.catalog,
            "collection": self.collection or None,
            "tile": (self.scene_id,) if self.scene_id else None,
            "index": canonical_bands(self.band_names),
            "scl_keep": _ALL_CLASSES if self.no_scl else tuple(int(scl) for scl in SCL_KEEP),
            "mode": ("timeseries",),
            "allow_requester_pays": self.allow_requester_pays,
            **self._more_settings(),
            **more,
        }
        named = self.env_filename not in ("", ".env")
        return load_config(given, dotenv=Path(self.env_filename) if named else None)

    def _more_settings(self) -> dict[str, Any]:
        """Return what a class adds to the pipeline's settings, to be checked with them."""
        return {}

    def downloaded(self, config: RunConfig) -> str:
        """Fetch the files of the bands, and the scene classification; return the catalogue over them."""
        from mlbmi.pipeline.downloading import download_scenes

        with self._progress() as shown:
            result = download_scenes(self._aoi(), config, bands=(*canonical_bands(self.band_names), "scl"), progress=shown)
        for outcome in result.incomplete:
            warning_message(f"{outcome.wanted.item_id} {outcome.wanted.band} could not be had: {outcome.error}")
        self._tell(f"Files are in {result.folder}")
        return str(result.catalog)

    def _searched(self, config: RunConfig, aoi: AOI, catalog: str | None) -> tuple[Scene, ...]:
        """Return the scenes, among them those that lack some of the bands where no better one shows their tile and day."""
        from mlbmi.catalogs import search, select
        from mlbmi.catalogs.known import is_of_collection

        bands = canonical_bands(self.band_names)
        question: dict[str, Any] = {
            "start": config.start,
            "end": config.end,
            "cloud_cover": config.cloud_cover,
            "tiles": config.tile,
        }
        where = {"catalog": config.catalog, "collection": config.collection} if catalog is None else {"catalog": catalog}
        found = search(aoi, bands=bands, **where, **question)
        left = [item.scene for item in found.left_out if item.scene is not None]
        spare = [scene for scene in left if is_of_collection(scene.collection, found.collection)]
        places = {(scene.tile, scene.date) for scene in found.scenes}
        some = [scene for scene in select(spare, aoi=aoi, bands=(), **question)[0] if (scene.tile, scene.date) not in places]
        some = [scene for scene in some if any(band in scene.assets for band in bands)]
        for scene in some:
            lacking = [band for band in bands if band not in scene.assets]
            if lacking:
                warning_message(f"{scene.item_id} has no {spoken(lacking)}", stacklevel=2)
        scenes = tuple(sorted((*found.scenes, *some), key=lambda scene: (scene.date, scene.tile)))
        if not scenes:
            raise _nothing(found.left_out, config)
        return scenes


def _outline(geojson: str) -> str:
    """Return the outline to read: the reserve's own comes with the package, where the working folder has none."""
    if geojson == _RESERVE and not Path(geojson).is_file():
        from mlbmi.simulate import outline_path

        return str(outline_path())
    if not isinstance(geojson, str | Path):
        raise InputError(f"geojson is {geojson!r}; it must be the path of a vector file")
    return str(geojson)


def _nothing(left_out: Any, config: RunConfig) -> NothingFoundError:
    limit = "" if config.cloud_cover is None else f" with at most {config.cloud_cover:g} % cloud"
    tiles = f" in tile {' or '.join(config.tile)}" if config.tile else ""
    question = f"no scene of {public_href(config.catalog)!r} shows the area from {config.start} to {config.end}{limit}{tiles}"
    reasons = sorted({left.reason for left in left_out})
    more = f"; {len(left_out)} were left out, one because {reasons[0]}" if reasons else ""
    return NothingFoundError(f"{question}{more}", remedy="Widen the dates, raise cloud_cover, or check the outline on a map.")
