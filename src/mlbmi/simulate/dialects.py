"""The dialects in which public catalogues describe a Sentinel-2 scene, as data: keys, names and properties.

Read off items of each catalogue: Earth Search v0 and v1 (Element 84), its Collection 1, the Planetary Computer and the
Copernicus Data Space. Values are the simulation's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mlbmi.simulate import copernicus, earth_search
from mlbmi.simulate.words import esa_name, esa_name_with_gsd, same_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlbmi.simulate.facts import SceneFacts
    from mlbmi.simulate.scenes import DialectName

__all__ = ["DIALECTS", "Dialect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One catalogue's way of describing scenes.

    Attributes
    ----------
    name, collection, stac_version : str
    extensions : tuple of str
        What ``stac_extensions`` lists: addresses of schemas, or short names in old versions.
    item_id : callable
        Scene → id of its item.
    key : callable
        Canonical band (or ``scl``) → key of its asset.
    file_name : callable
        Scene, key → name of the asset's file.
    properties : callable
        Scene → the item's properties.
    asset : callable
        Scene, band, → fields of the asset, apart from href, shape and transform.
    projection : str
        ``epsg`` with six numbers in the transform, ``epsg9`` with nine, or ``code`` (on the asset only).
    """

    name: DialectName
    collection: str
    stac_version: str
    extensions: tuple[str, ...]
    item_id: Callable[[SceneFacts], str]
    key: Callable[[str], str]
    file_name: Callable[[SceneFacts, str], str]
    properties: Callable[[SceneFacts], dict[str, Any]]
    asset: Callable[[SceneFacts, str], dict[str, Any]]
    projection: str


def _schemas(*names: str) -> tuple[str, ...]:
    return tuple(f"https://stac-extensions.github.io/{name}/schema.json" for name in names)


def _plain_file(facts: SceneFacts, band: str) -> str:
    del facts  # the item's folder says which scene it is
    return f"{esa_name(band)}.tif"


def _granule_file(facts: SceneFacts, band: str) -> str:
    return f"T{facts.plan.tile}_{facts.datatake}_{esa_name_with_gsd(band)}.tif"


_V1_SCHEMAS = _schemas(
    "processing/v1.1.0", "grid/v1.0.0", "raster/v1.1.0", "view/v1.0.0", "projection/v1.1.0", "mgrs/v1.0.0", "eo/v1.1.0"
)

DIALECTS: Mapping[DialectName, Dialect] = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            Dialect(
                name="earth-search-v1",
                collection="sentinel-2-l2a",
                stac_version="1.0.0",
                extensions=_V1_SCHEMAS,
                item_id=earth_search.v1_id,
                key=same_name,
                file_name=_plain_file,
                properties=earth_search.v1_properties,
                asset=earth_search.v1_asset,
                projection="epsg",
            ),
            Dialect(
                name="earth-search-c1",
                collection="sentinel-2-c1-l2a",
                stac_version="1.0.0",
                extensions=(*_V1_SCHEMAS, *_schemas("file/v2.1.0", "sentinel-2/v1.0.0")),  # no storage: the files are not on AWS
                item_id=earth_search.c1_id,
                key=same_name,
                file_name=_plain_file,
                properties=earth_search.c1_properties,
                asset=earth_search.c1_asset,
                projection="epsg",
            ),
            Dialect(
                name="earth-search-v0",
                collection="sentinel-s2-l2a-cogs",
                stac_version="1.0.0-beta.2",
                extensions=("eo", "view", "proj"),
                item_id=earth_search.v1_id,
                key=esa_name,
                file_name=_plain_file,
                properties=earth_search.v0_properties,
                asset=earth_search.v0_asset,
                projection="epsg9",
            ),
            Dialect(
                name="planetary-computer",
                collection="sentinel-2-l2a",
                stac_version="1.0.0",
                extensions=_schemas("eo/v1.1.0", "sat/v1.0.0", "projection/v1.1.0"),
                item_id=lambda facts: facts.product_without_baseline,
                key=esa_name,
                file_name=_granule_file,
                properties=copernicus.pc_properties,
                asset=copernicus.pc_asset,
                projection="epsg",
            ),
            Dialect(
                name="cdse",
                collection="sentinel-2-l2a",
                stac_version="1.1.0",
                extensions=_schemas(
                    *("eo/v2.0.0", "raster/v2.0.0", "sat/v1.0.0", "projection/v2.0.0", "grid/v1.1.0", "view/v1.0.0"),
                    *(
                        "file/v2.1.0",
                        "processing/v1.2.0",
                        "alternate-assets/v1.2.0",
                        "timestamps/v1.1.0",
                        "product/v0.1.0",
                        "storage/v2.0.0",
                    ),
                ),
                item_id=lambda facts: facts.product,
                key=esa_name_with_gsd,
                file_name=_granule_file,
                properties=copernicus.cdse_properties,
                asset=copernicus.cdse_asset,
                projection="code",
            ),
        )
    }
)
"""By name."""
