"""Scenes whose offset is known, for the measurement of the offset decision and the fit of its weights: simulated and real pixels.

Each scene comes twice, once as files without an offset hold it and once as files with the +1000 do. Real ones are read from the
folder that MLBMI_REALDATA names; "dry land" mixes a canopy into real (or, to fit on, simulated) desert soil.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.read.offset_evidence import Sample
from mlbmi.simulate import DEMO_DATES, Recipe
from mlbmi.simulate.instrument import classify, digital_numbers
from mlbmi.simulate.scenes import ScenePlan
from mlbmi.simulate.stage import Stage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from numpy.typing import NDArray

BANDS = ("blue", "red", "nir")
SIDE = 128
"""Pixels of a sample, as the pipeline takes them."""

_BOUNDS = (13.0, 52.46, 13.13, 52.54)
_COVERS = {"forest": (5, 6), "water": (0,), "bare": (3,), "crops": (7,), "town": (1, 2), "heath": (4,)}


@dataclass(frozen=True)
class Look:
    """One scene over one area: the same pixels without (0) and with (1) the +1000, and what is to be seen."""

    content: str
    date: dt.date | None
    samples: tuple[Sample, Sample]
    area: tuple[slice, slice] = (slice(None), slice(None))

    @property
    def clear(self) -> float:
        """Share of the area's pixels in the classes that a run keeps."""
        return float(np.isin(self.samples[0].scl[self.area], (4, 5, 6, 7)).mean())

    def share(self, *classes: int) -> float:
        """Share of the sample's pixels in some classes."""
        return float(np.isin(self.samples[0].scl, classes).mean())

    def only(self, bands: tuple[str, ...]) -> Look:
        """Return the same with fewer bands."""
        without, holding = (
            Sample({band: sample.bands[band] for band in bands if band in sample.bands}, sample.scl) for sample in self.samples
        )
        return replace(self, samples=(without, holding))


def _raised(bands: dict[str, NDArray[np.uint16]]) -> dict[str, NDArray[np.uint16]]:
    return {band: np.where(dn > 0, dn + 1000, 0).astype(np.uint16) for band, dn in bands.items()}


def _area(side: int) -> tuple[slice, slice]:
    """Return where in a sample an area lies: in the middle, where it is smaller than the sample."""
    rim = max(0, SIDE - side) // 2
    return (slice(rim, SIDE - rim),) * 2


def _crop(bands: dict[str, NDArray[np.uint16]], scl: NDArray[np.uint8], where: tuple[slice, slice]) -> Sample:
    return Sample({band: dn[where] for band, dn in bands.items()}, scl[where])


def _windows(rng: np.random.Generator, shape: tuple[int, int], side: int) -> tuple[slice, slice]:
    step = max(1, side // SIDE)
    reach = min(max(side, SIDE), *shape)
    top, left = (int(rng.integers(0, size - reach + 1)) for size in shape)
    return slice(top, top + reach, step), slice(left, left + reach, step)


def simulated(seed: int, sides: tuple[int, ...], dates: tuple[dt.date, ...] = DEMO_DATES) -> Iterator[tuple[str, list[Look]]]:
    """Yield series of looks: for each kind of cover and side the window, of fifty tried, that holds most of it."""
    rng = np.random.default_rng(seed)
    stage = Stage(Recipe(seed=seed, tiles=("33UUU",), bands=BANDS, bounds=_BOUNDS, faults=(), dates=dates))
    block = next(iter(stage.blocks("33UUU")))
    cover = stage.ground("33UUU").cover[6:-6, 6:-6]
    places = {}
    for side in sides:
        tried = [_windows(rng, cover.shape, side) for _ in range(50)]
        places["mixed", side] = tried[0]
        for name, classes in _COVERS.items():
            places[name, side] = max(tried, key=lambda place, classes=classes: float(np.isin(cover[place], classes).mean()))
    series: dict[tuple[str, int], list[Look]] = {place: [] for place in places}
    for date in dates:
        view = stage.view(ScenePlan(tile="33UUU", date=date, baseline="02.14"), block)
        scl = np.repeat(np.repeat(classify(view), 2, axis=0), 2, axis=1)
        both = [{band: digital_numbers(view, band, holds_offset=state) for band in BANDS} for state in (False, True)]
        for (name, side), where in places.items():
            look = Look(name, date, (_crop(both[0], scl, where), _crop(both[1], scl, where)), _area(side))
            series[name, side].append(replace(look, content=_weather(look) or name))
    for (name, side), looks in series.items():
        yield f"{name} {side}", looks


def _weather(look: Look) -> str:
    if look.share(11) > 0.3:
        return "snow"
    return "cloud" if look.share(8, 9, 10) > 0.5 else ""


def real_folder() -> Path | None:
    folder = Path(os.environ.get("MLBMI_REALDATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "real"
    return folder if folder.is_dir() else None


def _read(path: str | Path) -> NDArray[np.uint16]:
    import warnings

    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            return np.asarray(file.read())


def mountains(folder: Path) -> list[tuple[dict[str, NDArray[np.uint16]], NDArray[np.uint8]]]:
    """Return the five dates of 33TWL: Abruzzo in August, read as already shifted."""
    items = sorted((folder / "earthsearch-v1-33TWL" / "sentinel-2-l2a").glob("S2*"), key=lambda item: item.name[10:18])
    names = {"blue": "B02", "red": "B04", "nir": "B08"}
    return [({band: _read(item / f"{esa}.tif")[0] for band, esa in names.items()}, _read(item / "SCL.tif")[0]) for item in items]


def desert(folder: Path) -> tuple[dict[str, NDArray[np.uint16]], NDArray[np.uint8]]:
    """Return 29RKH: the Moroccan desert in February, baseline 02.14."""
    home = folder / "sentinel-cogs-29RKH"
    bands = {band: _read(home / f"{esa}.tif")[0] for band, esa in (("blue", "B02"), ("red", "B04"), ("nir", "B08"))}
    return bands, np.repeat(np.repeat(_read(home / "SCL.tif")[0], 2, axis=0), 2, axis=1)


def composites(folder: Path) -> Iterator[tuple[dict[str, NDArray[np.uint16]], NDArray[np.uint8]]]:
    """Yield monthly composites of Belgian farmland; their classes are made here, from the NDVI."""
    name = f"netcdf:{folder / 'worldcereal-belgium' / 'worldcereal_preprocessed_inputs.nc'}:S2-L2A-"
    months = {band: _read(f"{name}{esa}") for band, esa in (("blue", "B02"), ("red", "B04"), ("nir", "B08"))}
    for month in range(len(months["red"])):
        bands = {band: dn[month].astype(np.uint16) for band, dn in months.items()}
        missing = np.any([dn == 65535 for dn in bands.values()], axis=0)
        if missing.mean() < 0.5:
            bands = {band: np.where(missing, 0, dn).astype(np.uint16) for band, dn in bands.items()}
            yield bands, _classes(bands["red"].astype(float), bands["nir"].astype(float), 0.42, missing)


def _classes(red: NDArray, nir: NDArray, limit: float, missing: NDArray[np.bool_]) -> NDArray[np.uint8]:
    ndvi = (nir - red) / np.maximum(nir + red, 1)
    return np.where(missing, 0, np.where(ndvi > limit, 4, 5)).astype(np.uint8)


def real_series(rng: np.random.Generator, folder: Path, count: int, sides: tuple[int, ...]) -> Iterator[tuple[str, list[Look]]]:
    """Yield real series: mountains over five dates; the desert, its pixels varied a little for five dates; farmland by month."""
    dates = mountains(folder)
    bands, scl = desert(folder)
    months = list(composites(folder))
    for side in sides:
        for _ in range(count):
            yield f"mountains {side}", _same_place(rng, "mountains", dates, side)
            where = _windows(rng, scl.shape, side)
            looks = [
                ({b: np.rint(dn[where] * rng.normal(1, 0.02)).astype(np.uint16) for b, dn in bands.items()}, scl[where])
                for _ in range(5)
            ]
            yield f"desert {side}", [_look("desert", *look) for look in looks]
            yield f"dry land {side}", dry_land(rng, {band: dn[where] for band, dn in bands.items()}, 5)
        yield f"farmland {side}", _same_place(rng, "farmland", months, side)


def _same_place(rng: np.random.Generator, content: str, dates: list, side: int) -> list[Look]:
    where = _windows(rng, dates[0][1].shape, side)
    return [_look(content, {band: dn[where] for band, dn in bands.items()}, scl[where]) for bands, scl in dates]


def _look(content: str, bands: dict[str, NDArray[np.uint16]], scl: NDArray[np.uint8]) -> Look:
    look = Look(content, None, (Sample(bands, scl), Sample(_raised(bands), scl)))
    return replace(look, content=_weather(look) or content)


def dry_land(rng: np.random.Generator, soil: dict[str, NDArray], count: int) -> list[Look]:
    """Mix a patchy canopy over bright soil, a little more or less of it on each of ``count`` dates."""
    from scipy.ndimage import gaussian_filter

    shape = soil["red"].shape
    patches = gaussian_filter(rng.normal(size=shape), rng.choice([2, 5, 12]))
    patches = patches / patches.std() + 0.4 * rng.normal(size=shape)
    mean, spread = rng.uniform(0.15, 0.6), rng.uniform(0.08, 0.25)
    red, bright = rng.uniform(300, 700), rng.uniform(0.5, 1.1)
    canopy = {"blue": red * rng.uniform(0.6, 0.9), "red": red, "nir": rng.uniform(2600, 4500)}
    limit = rng.uniform(0.36, 0.45)
    looks = []
    for _ in range(count):
        cover = np.clip(mean + rng.normal(0, 0.03) + patches * spread, 0, 0.95)
        bands = {band: bright * soil[band] * (1 - cover) + canopy[band] * cover for band in BANDS}
        scl = _classes(bands["red"], bands["nir"], limit, np.zeros(shape, dtype=bool))
        looks.append(_look("dry land", {band: np.rint(dn).astype(np.uint16) for band, dn in bands.items()}, scl))
    return looks
