"""A simulated Döberitzer Heide with known truth: real COGs in a static STAC catalogue, for the demo, the tests and benchmarks.

The land is drawn once in ground coordinates, so that both tiles see the same; the years go over it; sky and sensor look at it;
and a catalogue describes the result in the dialect of a public one, with its faults. Everything follows from a :class:`Recipe`.

::

    recipe ─ scenes ──────────────┐
       │                          ├─ build ─ cogs, stac (dialects, facts) ─> folder ─ simulation, cache
    stage: tiles ─ landscape (noise, settlements) ─ surface (spectra) ─ instrument <─ sky (weather, orbits)

It imports no step of the pipeline, so that what the steps read is checked against something independent of them.
"""

from mlbmi.simulate.build import build
from mlbmi.simulate.cache import build_cached, cache_folder
from mlbmi.simulate.landscape import CLASS_COLOURS, CLASS_NAMES
from mlbmi.simulate.orbits import overpass_dates
from mlbmi.simulate.outline import outline_path
from mlbmi.simulate.recipe import DEMO_BANDS, DEMO_DATES, DIALECT_NAMES, FAULTS, Recipe
from mlbmi.simulate.simulation import Simulation

__all__ = [
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "DEMO_BANDS",
    "DEMO_DATES",
    "DIALECT_NAMES",
    "FAULTS",
    "Recipe",
    "Simulation",
    "build",
    "build_cached",
    "cache_folder",
    "outline_path",
    "overpass_dates",
]
