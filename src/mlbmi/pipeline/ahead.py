"""Reading ahead: while one scene is being masked and computed, the next ones travel; never more of them than fit the budget."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mlbmi.errors import ReadError
from mlbmi.pipeline.sources import published
from mlbmi.read import abandon, begin_scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    import xarray as xr
    from odc.geo.geobox import GeoBox

    from mlbmi.pipeline.acquire import Recipe
    from mlbmi.pipeline.sources import Source
    from mlbmi.read import Reading
    from mlbmi.types import Scene

__all__ = ["ReadAhead", "Want"]

_BUDGET = 128 * 1024 * 1024
"""Bytes of pixels read or being read that nobody has taken: 47 dates of 600 x 900 pixels and three bands, or 2 of a whole tile's
blocks of 1000 rows. A year of a tile is never fetched ahead of its use."""

_BYTES_PER_DN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Want:
    """A window of a scene that will be asked for.

    Attributes
    ----------
    scene : Scene
    geobox : GeoBox
        As it will be read: with its margin.
    """

    scene: Scene
    geobox: GeoBox

    @property
    def key(self) -> tuple[str, GeoBox]:
        """What it is found by."""
        return self.scene.item_id, self.geobox


class ReadAhead:
    """Reads windows in the order in which they will be asked for, before they are.

    Use it as a context: at its end what has not begun is dropped, and after an error (or Ctrl-C) also what has.

    Parameters
    ----------
    wants : iterable of Want
        In order; taken from as the budget allows.
    recipe : Recipe
        Says which bands.
    source : callable
        Says from which files a scene is read; asked when that begins.
    budget : int
        Bytes of pixels read, or being read, that nobody has taken yet. One window is read however large it is.
    """

    def __init__(self, wants: Iterable[Want], recipe: Recipe, *, source: Source = published, budget: int = _BUDGET) -> None:
        self._wants, self._bands, self._source, self._budget = iter(wants), recipe.files, source, budget
        self._lock = threading.Lock()
        self._begun: dict[tuple[str, GeoBox], tuple[Reading, int]] = {}
        self._passed: set[tuple[str, GeoBox]] = set()
        self._held = 0
        self._next: Want | None = next(self._wants, None)

    def __enter__(self) -> Self:
        with self._lock:
            self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        with self._lock:
            self._next = None
            self._drop(list(self._begun))
        if kind is not None:
            abandon()

    def take(self, scene: Scene, bands: Sequence[str], geobox: GeoBox, *, chunks: None = None) -> xr.Dataset:  # noqa: ARG002
        """Return what :func:`mlbmi.read.read_scene` returns, and let the next windows begin; raise what it raises."""
        key = Want(scene, geobox).key
        with self._lock:
            reading, size = self._begun.pop(key, (None, 0))
            if reading is None:
                # Asked for sooner than its turn, or again after another scene of its day has failed.
                self._passed.add(key)
                reading = begin_scene(self._source(scene), bands, geobox)
            self._held -= size
            self._begin()
        return reading.result()

    def drop(self, scene: Scene) -> None:
        """Forget the windows of a scene: nobody will take them."""
        with self._lock:
            self._drop([key for key in self._begun if key[0] == scene.item_id])
            self._begin()

    def _drop(self, keys: list[tuple[str, GeoBox]]) -> None:
        for key in keys:
            reading, size = self._begun.pop(key)
            reading.cancel()
            self._held -= size

    def _begin(self) -> None:
        """Begin as many as the budget allows."""
        while self._next is not None:
            want = self._next
            size = want.geobox.shape[0] * want.geobox.shape[1] * _BYTES_PER_DN * len(self._bands)
            if self._held and self._held + size > self._budget:
                return
            if want.key not in self._passed:
                # What stands in the way of beginning is met again, and raised, when it is asked for.
                with contextlib.suppress(ReadError):
                    self._begun[want.key] = begin_scene(self._source(want.scene), self._bands, want.geobox), size
                    self._held += size
            self._next = next(self._wants, None)
