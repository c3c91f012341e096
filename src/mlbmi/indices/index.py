"""What an index is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlbmi.types import INDEX_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]
    """Reflectances, or an index of them."""

__all__ = ["Index"]


@dataclass(frozen=True, slots=True)
class Index:
    """One spectral index.

    Attributes
    ----------
    name : str
        Short name in this package, lower case but for the two that another would then equal.
    long_name : str
        In full.
    bands : tuple of str
        Canonical names of the bands it needs, in the order of the formula's arguments.
    formula : callable
        From float arrays of reflectance to the index; inf or NaN where it has no value.
    bounds : (float, float)
        Legal range, inclusive: of reflectances 0–1 where the index is bounded, else as far as vegetation reaches, or, of the
        library's, as far as its int16 steps do. What lies outside is no index of a surface.
    reference : str
        Where it was published.
    spyndex : str
        Its short name in the Awesome Spectral Indices catalogue and in spyndex; empty for a band.
    scale : float
        Step when stored as int16; ``bounds`` fit into ±32767 steps.
    """

    name: str
    long_name: str
    bands: tuple[str, ...]
    formula: Callable[..., Values]
    bounds: tuple[float, float]
    reference: str
    spyndex: str
    scale: float = INDEX_SCALE
