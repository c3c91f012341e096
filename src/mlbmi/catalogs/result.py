"""What a search found, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from mlbmi.types import ClearShare, LeftOut, Scene

__all__ = ["SearchResult"]


@dataclass(frozen=True, slots=True, repr=False)
class SearchResult(Sequence["Scene"]):
    """The scenes that a search found, as a sequence, and what it left out.

    Attributes
    ----------
    scenes : tuple of Scene
        By day, then tile; one for each, or the parts of a split granule in order of precedence.
    left_out : tuple of LeftOut
        Every other item that the catalogue offered, with the reason.
    catalog : str
        Name, URL (without query or password) or path of the catalogue.
    collection : str or None
        Collection that was asked for; None: any.
    clear : mapping of str to ClearShare
        By item id, how much of the area is clear, where that was looked at; empty otherwise.

    Examples
    --------
    >>> SearchResult((), (), catalog="earth-search", collection="sentinel-2-l2a")
    SearchResult: no scene in 'earth-search', 0 left out
    """

    scenes: tuple[Scene, ...]
    left_out: tuple[LeftOut, ...]
    catalog: str
    collection: str | None
    clear: Mapping[str, ClearShare] = field(default_factory=lambda: MappingProxyType({}))

    def __len__(self) -> int:
        """Return the number of scenes."""
        return len(self.scenes)

    @overload
    def __getitem__(self, index: int) -> Scene: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Scene, ...]: ...

    def __getitem__(self, index: int | slice) -> Scene | tuple[Scene, ...]:
        """Return one scene, or a tuple of some."""
        return self.scenes[index]

    def __repr__(self) -> str:
        """Say how many scenes, of which tiles and days, and how many were left out."""
        if not self.scenes:
            return f"SearchResult: no scene in {self.catalog!r}, {len(self.left_out)} left out"
        tiles = ", ".join(sorted({scene.tile for scene in self.scenes}))
        days = f"{self.scenes[0].date} to {self.scenes[-1].date}"
        return f"SearchResult: {len(self)} scenes of {tiles}, {days}, in {self.catalog!r}, {len(self.left_out)} left out"
