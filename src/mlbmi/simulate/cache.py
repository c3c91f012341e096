"""Simulations built once and kept: one folder per recipe in the user's cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlbmi.errors import ReadError, WriteError
from mlbmi.simulate.build import build
from mlbmi.simulate.recipe import Recipe
from mlbmi.simulate.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["build_cached", "cache_folder"]


def cache_folder() -> Path:
    """Return where simulations are kept: under ``$MLBMI_CACHE`` if set, else the user's cache folder."""
    from platformdirs import user_cache_path

    root = os.environ.get("MLBMI_CACHE")
    return (Path(root) if root else user_cache_path("mlbmi", appauthor=False)) / "simulation"


def build_cached(
    recipe: Recipe | None = None, *, cache: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> Simulation:
    """Return the simulation of a recipe, built now if there is none yet that is whole.

    Processes that want the same recipe at once wait for the first one and take its result.

    Parameters
    ----------
    recipe : Recipe, optional
        The demo's if not given.
    cache : Path, optional
        Folder to keep simulations in; :func:`cache_folder` if not given.
    progress : callable, optional
        As for :func:`mlbmi.simulate.build`; not called if nothing is built.

    Returns
    -------
    Simulation

    Raises
    ------
    WriteError
        If the cache cannot be written.
    """
    recipe = recipe or Recipe()
    root = cache_folder() if cache is None else cache
    folder = root / recipe.key
    with _locked(root / f"{recipe.key}.lock"):
        if folder.exists():
            try:
                return Simulation.open(folder)
            except ReadError:
                _discard(folder)  # half a simulation, or one of an older format, is worth nothing: it is built anew
        return build(folder, recipe, progress=progress)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on a file; it ends with the process, whatever happens."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError as error:
        raise WriteError(
            f"the cache {path.parent} cannot be written: {error}", remedy="Set MLBMI_CACHE to a folder of yours."
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _discard(folder: Path) -> None:
    """Take a folder out of the way in one step, then remove it."""
    trash = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.trash")
    folder.replace(trash)
    shutil.rmtree(trash, ignore_errors=True)
