"""Descriptive names for clusters of vegetation indices, read off their centers: suggestions, marked as such."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlbmi.cluster._apply_dates import dates_of_features
from mlbmi.cluster.models import is_hole

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlbmi.types import Clustering, ClusterModel

__all__ = ["MARK", "suggest_names"]

MARK = "maybe "
"""In front of every suggestion: whoever knows the land takes it away."""

_WATER = -0.02
_BARE = 0.2
_BARE_AT_BEST = 0.28
_SPARSE = 0.45
_DENSE = 0.6
_GREEN_IN_WINTER = 0.5
_LEAFY = 0.65
_SEASONAL = 0.3
"""A change over the year as that of a canopy which comes and goes."""

_WINTER = frozenset({11, 12, 1, 2})
_SUMMER = frozenset({5, 6, 7, 8, 9})


def suggest_names(model: Clustering | ClusterModel, *, southern: bool = False) -> tuple[str, ...]:
    """Suggest what the clusters may be, from the level and the season of their centers.

    ====================  ===========================================================================================
    suggestion            NDVI at the center; *high* and *low* are its 95th and 5th percentile over the dates
    ====================  ===========================================================================================
    maybe water           below −0.02 in the mean, high below 0.2
    maybe bare or built   high below 0.28
    maybe evergreen       high above 0.45, winter median of 0.5 or more, high − low below 0.3
    maybe deciduous or    high of 0.65 or more, high − low of 0.3 or more
    crop
    maybe grassland       high of 0.45 or more, and none of those above
    maybe sparse          the rest: between bare and green
    ====================  ===========================================================================================

    Without dates, or without any in winter (November to February) or summer (May to September), nobody can tell what is green
    all year: the level alone gives *water* (below −0.02), *bare or built* (below 0.2), *sparse* (below 0.45), *moderate green*
    (below 0.6) and *dense green*, unless the change between dates says *deciduous or crop*. So it is with images, whose clusters
    are levels of one day, and with bands, by the NDVI at their centers.

    Parameters
    ----------
    model : Clustering or ClusterModel
        Of NDVI, of EVI, EVI2, SAVI, OSAVI, MSAVI, kNDVI or WDRVI, or of bands with ``red`` and ``nir``.
    southern : bool, default=False
        The land is south of the equator: winter is from May to August, summer from November to March.

    Returns
    -------
    tuple of str
        One per cluster, each once: a second one of a kind gets ``(2)``. Plain letters, digits, spaces and brackets, fit for
        category names. ``cluster 0`` and so on for other indices and for profiles, whose centers have no level.

    Notes
    -----
    NDVI of 0.1 or less is typical of rock, sand and snow, about 0.2 to 0.5 of sparse vegetation such as shrubs and grassland, 0.6
    to 0.9 of dense forest and crops at their peak (U.S. Geological Survey, "NDVI, the Foundation for Remote Sensing Phenology");
    below 0.2 is bare soil, above 0.5 full cover (Sobrino & Raissouni 2000, Int. J. Remote Sens. 21:353-366); water is negative,
    as it reflects less near infrared than red (McFeeters 1996, Int. J. Remote Sens. 17:1425-1432). That level, amplitude and
    season of greenness tell kinds of land cover apart: DeFries & Townshend 1994, Int. J. Remote Sens. 15:3567-3586. The limits
    between are choices, for temperate land. kNDVI and WDRVI are turned back into NDVI (kNDVI has lost the sign, so no water);
    EVI, EVI2, SAVI and MSAVI are taken as NDVI / 1.6 and OSAVI as NDVI / 1.45, which is rough: they depend on brightness.

    The courses of the simulation's eight true classes all get a fit name (bare soil, where grass comes up in summer, is
    *sparse*). Of the pixels of its series clustered into eight, 96 % are in a cluster with a fit name, into five 78 %: there two
    kinds of wood are one cluster. The limits were chosen with that land in view; on other land expect less.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from mlbmi.cluster import cluster_timeseries
    >>> days = np.array(["2020-01-17", "2020-04-21", "2020-07-20", "2020-10-10"], "datetime64[ns]")
    >>> land = np.array([[-0.3, -0.2, -0.2, -0.3], [0.75, 0.76, 0.8, 0.77], [0.35, 0.7, 0.85, 0.6], [0.4, 0.5, 0.6, 0.5]])
    >>> ndvi = xr.DataArray(land.T[:, None], dims=("time", "y", "x"), coords={"time": days}, name="ndvi")
    >>> suggest_names(cluster_timeseries(ndvi, n_clusters=4))
    ('maybe water', 'maybe grassland', 'maybe deciduous or crop', 'maybe evergreen')
    """
    numbered = [f"cluster {label}" for label in range(model.n_clusters)]
    courses = _courses(model)
    if courses is None:
        return tuple(numbered)
    holes = is_hole(courses.ndvi)
    kinds = ["" if hole else _kind(ndvi, courses, southern=southern) for ndvi, hole in zip(courses.ndvi, holes, strict=True)]
    return tuple(name or number for name, number in zip(_unique(kinds), numbered, strict=True))


class _Courses(NamedTuple):
    """NDVI (n_clusters, n_dates), and the dates where they are known."""

    ndvi: NDArray[np.float64]
    dates: Sequence[dt.date]


def _courses(model: Clustering | ClusterModel) -> _Courses | None:
    """Return centers as NDVI; None where they are none."""
    if model.scaling.method == "profile":
        return None
    base = [name for name in model.features if not (model.mode == "located" and name in {"x", "y"})]
    centers = model.centers[:, : len(base)]
    if {"red", "nir"} <= set(base):
        red, nir = (centers[:, base.index(name)] for name in ("red", "nir"))
        total = np.where(red + nir > 0, red + nir, np.nan)
        return _Courses(((nir - red) / total)[:, None], ())
    as_ndvi = _AS_NDVI.get(model.index.lower())
    if as_ndvi is None:
        return None
    # Images clustered each alone: the same number on two dates is a rank, not a surface with a season.
    dates = () if model.mode == "images" else (dates_of_features(base) or ())
    return _Courses(as_ndvi(centers), dates)


def _from_kndvi(values: NDArray[np.float64]) -> NDArray[np.float64]:
    ndvi: NDArray[np.float64] = np.sqrt(np.arctanh(np.clip(values, 0.0, 0.76)))
    return ndvi


def _from_wdrvi(values: NDArray[np.float64], alpha: float = 0.1) -> NDArray[np.float64]:
    """Solve (αN − R) / (αN + R) for (N − R) / (N + R)."""
    near, red = (1 + values), alpha * (1 - values)
    return (near - red) / (near + red)


def _times(factor: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda values: values * factor


_AS_NDVI: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = MappingProxyType(
    {
        "ndvi": _times(1.0),
        "kndvi": _from_kndvi,
        "wdrvi": _from_wdrvi,
        "osavi": _times(1.45),
        **dict.fromkeys(("evi", "evi2", "savi", "msavi"), _times(1.6)),
    }
)


def _kind(ndvi: NDArray[np.float64], courses: _Courses, *, southern: bool) -> str:
    known = ~np.isnan(ndvi)
    values = ndvi[known]
    low, high = np.percentile(values, (5, 95))
    if values.mean() < _WATER and high < _BARE:
        return "water"
    if high >= _LEAFY and high - low >= _SEASONAL:
        return "deciduous or crop"
    months = [date.month for date, there in zip(courses.dates, known, strict=True) if there] if courses.dates else []
    seasons = [_season(month, southern=southern) for month in months]
    if not {"winter", "summer"} <= set(seasons):
        return _level(float(values.mean()))
    winter = float(np.median(values[[season == "winter" for season in seasons]]))
    return _seasonal_level(float(low), float(high), winter)


def _seasonal_level(low: float, high: float, winter: float) -> str:
    if high < _BARE_AT_BEST:
        return "bare or built"
    if high < _SPARSE:
        return "sparse"
    return "evergreen" if winter >= _GREEN_IN_WINTER and high - low < _SEASONAL else "grassland"


def _season(month: int, *, southern: bool) -> str:
    turned = (month + 5) % 12 + 1 if southern else month
    return "winter" if turned in _WINTER else "summer" if turned in _SUMMER else "between"


def _level(value: float) -> str:
    limits = ((_WATER, "water"), (_BARE, "bare or built"), (_SPARSE, "sparse"), (_DENSE, "moderate green"))
    return next((name for limit, name in limits if value < limit), "dense green")


def _unique(kinds: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for kind in kinds:
        seen[kind] += 1
        names.append(kind and f"{MARK}{kind}" + (f" ({seen[kind]})" if seen[kind] > 1 else ""))
    return names
