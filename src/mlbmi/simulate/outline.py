"""The outline of the Döberitzer Heide, which ships with the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from mlbmi.errors import InputError

if TYPE_CHECKING:
    from mlbmi.simulate.recipe import Recipe

__all__ = ["outline_path", "recipe_bounds", "recipe_outline"]

_NAME = "doeberitzer_multipolygon.geojson"


def outline_path() -> Path:
    """Return the path of the outline: beside this module in an installed package, in ``examples/`` in a checkout.

    Raises
    ------
    InputError
        If it is in neither place: the installation is damaged.

    Examples
    --------
    >>> outline_path().name
    'doeberitzer_multipolygon.geojson'
    """
    here = Path(__file__).resolve()
    places = (here.with_name(_NAME), here.parents[3] / "examples" / _NAME)
    for place in places:
        if place.is_file():
            return place
    raise InputError(f"{_NAME} is missing from the installation", remedy="Install mlbmi anew.")


def recipe_outline(recipe: Recipe) -> dict[str, Any]:
    """Return the outline as GeoJSON, clipped to the recipe's bounds if it has any.

    Raises
    ------
    InputError
        If the bounds do not touch the reserve.
    """
    collection: dict[str, Any] = json.loads(outline_path().read_text(encoding="utf-8"))
    if recipe.bounds is None:
        return collection
    clip = shapely.box(*recipe.bounds)
    parts = []
    for feature in collection["features"]:
        cut = shapely.intersection(shapely.geometry.shape(feature["geometry"]), clip)
        if cut.area > 0:
            parts.append(feature | {"geometry": shapely.geometry.mapping(shapely.set_precision(cut, 1e-7))})
    if not parts:
        raise InputError(
            f"bounds {recipe.bounds} do not touch the Döberitzer Heide", remedy="Give west, south, east, north in degrees."
        )
    return collection | {"features": parts}


def recipe_bounds(recipe: Recipe) -> tuple[float, float, float, float] | None:
    """Return the rectangle to simulate in degrees; None for whole tiles."""
    if recipe.full_tiles:
        return None
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in recipe_outline(recipe)["features"]]
    west, south, east, north = shapely.total_bounds(shapes)
    return float(west), float(south), float(east), float(north)
