"""What to simulate: one frozen value that decides every byte."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from mlbmi.errors import InputError
from mlbmi.sentinel2 import BANDS
from mlbmi.simulate.orbits import overpass_on
from mlbmi.simulate.scenes import DialectName, Fault
from mlbmi.simulate.tiles import TILE_CORNERS

__all__ = ["DEMO_BANDS", "DEMO_DATES", "DIALECT_NAMES", "FAULTS", "FORMAT", "Recipe"]

FORMAT = 1
"""Version of what :func:`mlbmi.simulate.build` writes; part of the cache's key. Raise it when any byte changes."""

DIALECT_NAMES: tuple[DialectName, ...] = get_args(DialectName)
"""Catalogue dialects that can be written."""

FAULTS: tuple[Fault, ...] = get_args(Fault)
"""Faults that can be injected; what each does: :mod:`mlbmi.simulate.scenes`."""

DEMO_DATES: tuple[dt.date, ...] = tuple(
    dt.date.fromisoformat(day)
    for day in (
        *("2020-01-02", "2020-01-09", "2020-01-17", "2020-01-24", "2020-04-21", "2020-05-08", "2020-06-02", "2020-08-06"),
        *("2020-11-07", "2021-02-15", "2021-04-26", "2021-06-02", "2021-07-20", "2021-09-08", "2022-01-28", "2022-03-04"),
        *("2022-06-17", "2022-08-04", "2022-10-10"),
    )
)
"""Real overpasses. What the sky is like on each: :mod:`mlbmi.simulate.weather`."""

DEMO_BANDS: tuple[str, ...] = ("red", "nir", "rededge1", "rededge3", "swir16")
"""Reflectance bands of the demo: as many as fit into 150 MB (noise makes a band cost 1.5 bytes a pixel, overviews included).

Every band of :data:`mlbmi.sentinel2.BANDS` can be asked for; the scene classification is always written beside them.
"""

_SMALL_DATES = ("2020-01-09", "2020-01-17", "2020-01-24", "2020-06-02", "2020-08-06", "2022-06-17")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to simulate. Two equal recipes give the same bytes.

    Attributes
    ----------
    seed : int
        Of the landscape, the years, the skies and the noise. Other seeds draw other lands, in which a class may be rare.
    tiles : tuple of str
        ``33UUU``, ``32UQD`` or both.
    dates : tuple of datetime.date
        Days with an overpass (:func:`mlbmi.simulate.overpass_dates`), ascending.
    bands : tuple of str
        Canonical band names; ``scl`` is always added.
    dialect : str
        One of :data:`DIALECT_NAMES`.
    bounds : (west, south, east, north) or None
        Degrees; the part of the reserve to simulate, None for all of it. The outline beside the catalogue is clipped to it.
    margin : float
        Metres to add around that on each side.
    full_tiles : bool
        Whole tiles of 10 980 × 10 980 pixels instead: for benchmarks.
    faults : tuple of str
        From :data:`FAULTS`.

    Raises
    ------
    InputError
        If a value breaks its rule.

    Examples
    --------
    >>> Recipe.small().bands
    ('red', 'nir')
    >>> Recipe() == Recipe(), Recipe().key == Recipe(seed=9).key
    (True, False)
    """

    seed: int = 8
    tiles: tuple[str, ...] = ("33UUU", "32UQD")
    dates: tuple[dt.date, ...] = DEMO_DATES
    bands: tuple[str, ...] = DEMO_BANDS
    dialect: DialectName = "earth-search-v1"
    bounds: tuple[float, float, float, float] | None = None
    margin: float = 60.0
    full_tiles: bool = False
    faults: tuple[Fault, ...] = ("duplicates", "missing-asset", "wrong-flag")

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if not 0 <= self.seed < 2**31:
            raise InputError(f"seed is {self.seed}; it must lie in 0–2147483647")
        _check_members("tile", self.tiles, tuple(TILE_CORNERS))
        _check_members("band", self.bands, tuple(BANDS))
        _check_members("fault", self.faults, FAULTS, may_be_empty=True)
        _check_members("dialect", (self.dialect,), DIALECT_NAMES)
        if not self.dates or list(self.dates) != sorted(set(self.dates)):
            raise InputError(f"dates are {[str(day) for day in self.dates]}; they must be ascending, each once, at least one")
        for day in self.dates:
            overpass_on(day)
        if not 0 <= self.margin <= 50_000:
            raise InputError(f"margin is {self.margin} m; it must lie in 0–50000")

    @classmethod
    def small(cls, **changes: Any) -> Recipe:
        """Return a recipe for tests: 3 × 2 km across both polygons of the reserve, with all classes; six dates, red, nir and SCL.

        It builds in seconds. One date is clouded over, two tile-days come twice, one scene lacks its nir. ``changes`` replace
        single attributes.
        """
        small: dict[str, Any] = {
            "dates": tuple(dt.date.fromisoformat(day) for day in _SMALL_DATES),
            "bands": ("red", "nir"),
            "bounds": (13.035, 52.484, 13.077, 52.501),
            "faults": ("duplicates", "missing-asset"),
        }
        return cls(**(small | changes))

    @property
    def key(self) -> str:
        """Name for caches: changes with every value and with :data:`FORMAT`."""
        return hashlib.sha256(json.dumps([FORMAT, self.to_dict()], sort_keys=True).encode()).hexdigest()[:20]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self) | {"dates": [day.isoformat() for day in self.dates]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Recipe:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        InputError
            If the values are not those of a recipe.
        """
        names = {field.name for field in fields(cls)}
        if set(data) != names:
            raise InputError(f"a recipe has {sorted(names)}, not {sorted(data)}")
        tuples = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
        return cls(**(data | tuples | {"dates": tuple(dt.date.fromisoformat(day) for day in data["dates"])}))


def _check_members(what: str, given: tuple[str, ...], known: tuple[str, ...], *, may_be_empty: bool = False) -> None:
    unknown = [value for value in given if value not in known]
    if unknown:
        raise InputError(f"{what} {unknown[0]!r} is not simulated", remedy=f"There are: {', '.join(known)}.")
    if len(set(given)) != len(given) or not (given or may_be_empty):
        raise InputError(f"{what}s are {given}; each may be given once, and at least one")
