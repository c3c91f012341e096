"""Numbers and texts as figures show them, and what of an area is covered."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mlbmi.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.write.colours import RGB

__all__ = ["coverage", "covered", "fitted", "share", "short", "signed", "thousands", "unit_rgb"]


def covered(values: NDArray[Any], geobox: GeoBox, area: NDArray[np.bool_] | None, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which pixels are inside the area: those of the area given, and every valid one.

    Raises
    ------
    InputError
        If shapes do not fit.
    """
    if values.shape != tuple(geobox.shape):
        raise InputError(f"values of shape {values.shape} do not fit a grid of shape {tuple(geobox.shape)}")
    if area is not None and area.shape != values.shape:
        raise InputError(f"an area of shape {area.shape} does not fit values of shape {values.shape}")
    return valid if area is None else area | valid


def coverage(valid: NDArray[np.bool_], inside: NDArray[np.bool_], hectares: float) -> str:
    """Return a line on how much of an area is valid, in pixels and hectares."""
    total, count = int(inside.sum()), int(valid.sum())
    ground = "" if math.isnan(hectares) else f" ({total * hectares:,.0f} ha)"
    missing = f"; {share(total - count, total)} missing (grey)" if count < total else ""
    return f"{count:,} valid of {total:,} pixels{ground}{missing}"


def share(part: float, whole: float) -> str:
    """Return a share in per cent.

    Examples
    --------
    >>> share(1, 8), share(0, 0)
    ('12.5 %', '–')
    """
    return f"{100 * part / whole:.1f} %" if whole else "–"


def signed(value: float) -> str:
    """Return a value with three digits and a true minus sign; a dash if it is unknown."""
    return f"{value:z.3f}".replace("-", "−") if math.isfinite(value) else "–"


def short(text: str, length: int = 24) -> str:
    """Return a text of at most so many characters.

    Examples
    --------
    >>> short("evergreen forest", 10)
    'evergreen…'
    """
    return text if len(text) <= length else f"{text[: length - 1]}…"


def fitted(text: str, size: float, width: float, *, least: float, weight: str = "normal") -> tuple[str, float]:
    """Return a text and a size in points at which it is no wider than so many inches.

    Parameters
    ----------
    text : str
        One line.
    size, least : float
        Points: the size wanted, and the smallest one; what is too wide even then loses its end.
    width : float
        Inches.
    weight : str
        Of matplotlib's own font.

    Examples
    --------
    >>> fitted("evergreen-like", 9.0, 2.0, least=7.0)
    ('evergreen-like', 9.0)
    >>> fitted("evergreen-like, with some water", 9.0, 1.0, least=9.0)
    ('evergreen-lik…', 9.0)
    """
    size = max(least, min(size, width / max(_inches(text, weight), 1e-9)))
    if _inches(text, weight) * size <= width * (1 + 1e-9):
        return text, size
    length = next(
        count for count in range(len(text) - 1, -1, -1) if _inches(f"{text[:count]}…", weight) * size <= width or not count
    )
    return f"{text[:length].rstrip()}…", size


@lru_cache(maxsize=4096)
def _inches(text: str, weight: str) -> float:
    """Return the width of a text of one point."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=100, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 7200


def unit_rgb(colour: RGB) -> tuple[float, ...]:
    """Return a colour as matplotlib wants it: 0 to 1 each."""
    return tuple(channel / 255 for channel in colour)


def thousands(count: float) -> str:
    """Return a count as short as an axis needs it.

    Examples
    --------
    >>> thousands(2500), thousands(2_500_000)
    ('2,500', '2.5 M')
    """
    return f"{count / 1e6:g} M" if count >= 1e6 else f"{count:,.0f}"
