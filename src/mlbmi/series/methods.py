"""The ways of filling gaps, each a frozen value whose fields are its options; none looks beyond one pixel."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np

from mlbmi.errors import InputError
from mlbmi.series import _filling_kernels as filling
from mlbmi.series import _whittaker_kernels as whittaker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["METHODS", "Harmonic", "Linear", "Method", "SavitzkyGolay", "Untouched", "Whittaker", "method_of", "pooled_lambda"]

_YEAR = 365.2425

_CHOICES = {"cv": whittaker.LEAVE_ONE_OUT, "vcurve": whittaker.V_CURVE}
_ROBUST = {"none": whittaker.SYMMETRIC, "bisquare": whittaker.BISQUARE, "upper": whittaker.UPPER}

_LAMS: NDArray[np.float64] = 10.0 ** np.arange(8.0, 0.9, -0.5)
"""λ to choose from, day³, falling: from a straight line over a season to a curve that hardly bends from day to day."""

_EVEN = 0.12
"""Steps of an even grid keep this close to their median: those of months (28 to 31 days) do."""


class Method(Protocol):
    """A way of filling gaps."""

    smooths: ClassVar[bool]
    """Whether its curve misses the observations, so that it can stand in for them."""

    def curves(self, rows: NDArray[np.float64], days: NDArray[np.float64], max_gap: float) -> NDArray[np.float64]:
        """Return a curve for each row of observations (NaN = missing), at all dates; NaN where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Untouched:
    """Fills nothing."""

    smooths: ClassVar[bool] = False

    def curves(self, rows: NDArray[np.float64], days: NDArray[np.float64], max_gap: float) -> NDArray[np.float64]:  # noqa: ARG002 - Method
        """Return the observations."""
        return rows


@dataclass(frozen=True, slots=True)
class Linear:
    """Straight lines between observations."""

    smooths: ClassVar[bool] = False

    def curves(self, rows: NDArray[np.float64], days: NDArray[np.float64], max_gap: float) -> NDArray[np.float64]:
        """Return observations and lines."""
        return filling.interpolated(rows, days, max_gap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whittaker:
    """A penalised curve (see :mod:`._whittaker_kernels`).

    Attributes
    ----------
    lam : float or "auto" or "cv" or "vcurve"
        λ in day³; chosen for all pixels (by who calls: :func:`.filling.choose_lambda`); or chosen for each pixel.
    robust : str
    envelope : float
        For ``robust="upper"``.
    """

    lam: float | Literal["auto", "cv", "vcurve"] = "auto"
    robust: Literal["none", "bisquare", "upper"] = "none"
    envelope: float = 0.9
    smooths: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options."""
        if self.lam not in {"auto", *_CHOICES} and not (_is_number(self.lam) and 0 < float(self.lam) < 1e15):
            raise InputError(f"lam is {self.lam!r}; it must be a number above 0 (day³), 'auto', 'cv' or 'vcurve'")
        if self.robust not in _ROBUST:
            raise InputError(f"robust is {self.robust!r}; it must be one of {', '.join(_ROBUST)}")
        if not (_is_number(self.envelope) and 0.5 <= self.envelope < 1):
            raise InputError(f"envelope is {self.envelope!r}; it must be at least 0.5 and below 1")

    def fit(self, rows: NDArray[np.float64], days: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the curves, and the λ of each."""
        lams = _LAMS if isinstance(self.lam, str) else np.array([float(self.lam)])
        how = _CHOICES[self.lam] if isinstance(self.lam, str) else whittaker.FIXED
        bands = whittaker.curvature_bands(days)
        return whittaker.smooth_rows(rows, bands, lams, how, _ROBUST[self.robust], float(self.envelope))

    def curves(self, rows: NDArray[np.float64], days: NDArray[np.float64], max_gap: float) -> NDArray[np.float64]:  # noqa: ARG002 - Method
        """Return the curves."""
        return self.fit(rows, days)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavitzkyGolay:
    """Moving polynomials along an even grid, over gaps that straight lines have bridged.

    Attributes
    ----------
    window : int
        Dates at a time; odd.
    degree : int
        Of the polynomial.
    """

    window: int = 5
    degree: int = 2
    smooths: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options."""
        if not (_is_whole(self.window) and self.window >= 3 and self.window % 2):
            raise InputError(f"window is {self.window!r}; it must be an odd number of dates, 3 or more")
        if not (_is_whole(self.degree) and 0 <= self.degree < self.window):
            raise InputError(f"degree is {self.degree!r}; it must be a whole number from 0 to {self.window - 1}")

    def curves(self, rows: NDArray[np.float64], days: NDArray[np.float64], max_gap: float) -> NDArray[np.float64]:
        """Return the curves; raise an :class:`InputError` where dates are not even."""
        steps = np.diff(days)
        if steps.size and np.abs(steps / np.median(steps) - 1).max() > _EVEN:
            raise InputError(
                f"method 'savgol' needs dates at even steps; these are {steps.min():g} to {steps.max():g} days apart",
                remedy="Make composites of even periods first (mlbmi.composite, --composite), or choose another method.",
            )
        powers = np.vander(np.arange(self.window) - self.window // 2, self.degree + 1).astype(np.float64)
        hat = powers @ np.linalg.pinv(powers)
        return filling.polynomial_rows(filling.interpolated(rows, days, max_gap), np.ascontiguousarray(hat))


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmonic:
    """Waves of a year and its parts, and a straight line, by least squares.

    Attributes
    ----------
    order : int
        Waves: 1 is the year, 2 its half as well, and so on.
    slope : bool
        Whether the line may rise.
    ridge : float
        Penalty of the squared amplitudes, per observation.
    """

    order: int = 2
    slope: bool = False
    ridge: float = 1e-3
    smooths: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options."""
        if not (_is_whole(self.order) and 1 <= self.order <= 6):
            raise InputError(f"order is {self.order!r}; it must be a whole number from 1 to 6")
        if not (_is_number(self.ridge) and self.ridge >= 0):
            raise InputError(f"ridge is {self.ridge!r}; it must be a number, 0 or more")

    @property
    def least(self) -> int:
        """Observations that a pixel needs: two more than there are terms."""
        return 2 * self.order + 1 + int(self.slope) + 2

    def basis(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the terms at some days, shape (dates, terms)."""
        years = days / _YEAR
        waves = [wave(2 * np.pi * n * years) for n in range(1, self.order + 1) for wave in (np.cos, np.sin)]
        line = [years - years.mean()] if self.slope else []
        return np.ascontiguousarray(np.column_stack([np.ones_like(years), *line, *waves]))

    def curves(self, rows: NDArray[np.float64], days: NDArray[np.float64], max_gap: float) -> NDArray[np.float64]:  # noqa: ARG002 - Method
        """Return the curves; none where a pixel has too few observations."""
        ridge = np.full(2 * self.order + 1 + int(self.slope), float(self.ridge))
        ridge[: 1 + int(self.slope)] = 0.0
        return filling.harmonic_rows(rows, self.basis(days), ridge, self.least)


METHODS: Mapping[str, type[Any]] = {
    "none": Untouched,
    "linear": Linear,
    "whittaker": Whittaker,
    "savgol": SavitzkyGolay,
    "harmonic": Harmonic,
}
"""By the name that users give."""


def pooled_lambda(rows: NDArray[np.float64], days: NDArray[np.float64]) -> float:
    """Return the λ with which the observations of all rows are predicted best when each is left out in turn."""
    sums = whittaker.errors_left_out(rows, whittaker.curvature_bands(days), _LAMS)
    return float(_LAMS[int(np.argmin(sums))])


def method_of(name: str, options: Mapping[str, Any]) -> Method:
    """Return a method with its options.

    Raises
    ------
    InputError
        If there is no such method, it has no such option, or a value breaks its rule.

    Examples
    --------
    >>> method_of("savgol", {"window": 7})
    SavitzkyGolay(window=7, degree=2)
    """
    if name not in METHODS:
        raise InputError(f"method is {name!r}; it must be one of {', '.join(METHODS)}")
    known = [field.name for field in dataclasses.fields(METHODS[name])]
    if unknown := sorted(set(options) - set(known)):
        have = f"it has {', '.join(known)}" if known else "it has none"
        raise InputError(f"method {name!r} has no option {', '.join(unknown)}; {have}")
    made: Method = METHODS[name](**options)
    return made


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
