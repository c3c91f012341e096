"""Names and colours of a label map's classes, in the sidecar that GDAL reads: ``<file>.aux.xml``.

A GeoTIFF has a place for colours and none for names. GDAL keeps names in its persistent auxiliary metadata (PAM), as category
names and as a raster attribute table; QGIS and ArcGIS take legends from there.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from mlbmi.write.atomic import write_text
from mlbmi.write.hygiene import plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlbmi.write.colours import RGB

__all__ = ["sidecar_path", "write_categories"]

# (column, GDALRATFieldType, GDALRATFieldUsage): types 0 integer, 2 string; usages 5 minimum and maximum of the class,
# 2 name, 6, 7, 8 red, green, blue. Source: GDAL, gdal_rat.h.
_COLUMNS = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))


def sidecar_path(path: Path) -> Path:
    """Return where GDAL looks for what ``path`` cannot hold itself."""
    return path.with_name(f"{path.name}.aux.xml")


def write_categories(path: Path, names: Sequence[str], colours: Sequence[RGB], *, colour_table: bool = False) -> Path:
    """Write the sidecar of a label map.

    Parameters
    ----------
    path : Path
        The label map.
    names : sequence of str
        By label.
    colours : sequence of (red, green, blue)
        By label.
    colour_table : bool
        Whether to write a colour table too, for a map that holds none itself.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    if colour_table:
        _colour_table(band, colours)
    categories = ET.SubElement(band, "CategoryNames")
    for name in names:
        ET.SubElement(categories, "Category").text = plain_text(name)
    _attribute_table(band, names, colours)
    ET.indent(root)
    return write_text(sidecar_path(path), ET.tostring(root, encoding="unicode") + "\n")


def _colour_table(band: ET.Element, colours: Sequence[RGB]) -> None:
    ET.SubElement(band, "ColorInterp").text = "Palette"
    table = ET.SubElement(band, "ColorTable")
    for red, green, blue in colours:
        ET.SubElement(table, "Entry", c1=str(red), c2=str(green), c3=str(blue), c4="255")


def _attribute_table(band: ET.Element, names: Sequence[str], colours: Sequence[RGB]) -> None:
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for index, (column, kind, usage) in enumerate(_COLUMNS):
        field = ET.SubElement(table, "FieldDefn", index=str(index))
        ET.SubElement(field, "Name").text = column
        ET.SubElement(field, "Type").text = str(kind)
        ET.SubElement(field, "Usage").text = str(usage)
    for label, (name, colour) in enumerate(zip(names, colours, strict=True)):
        row = ET.SubElement(table, "Row", index=str(label))
        for value in (label, plain_text(name), *colour):
            ET.SubElement(row, "F").text = str(value)
