"""How values are stored: what one step of an integer means, and what missing is."""

from __future__ import annotations

__all__ = ["INDEX_NODATA", "INDEX_SCALE", "LABEL_NODATA"]

INDEX_SCALE = 1e-4
"""Value of one step of an index stored as int16."""

INDEX_NODATA = -32768
"""Missing value of an index stored as int16."""

LABEL_NODATA = 255
"""Missing value of a label map (uint8). Never a class: there are at most 255 clusters, 0 … 254."""
