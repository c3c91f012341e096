"""The values that travel between the steps: frozen, each field with its unit and convention.

Names follow the field: Item and Asset as in STAC, window and geobox as in GDAL and odc-geo. ``valid`` masks are True where a
pixel is usable. Missing is NaN in memory, :data:`INDEX_NODATA` in an int16 index, :data:`LABEL_NODATA` in a label map; never 0.
"""

from mlbmi.types.clusters import (
    MATCHED,
    NUMBERING,
    Change,
    Clustering,
    ClusterModel,
    ClusterRow,
    KScores,
    KSelection,
    Mode,
    Scaling,
    ScalingMethod,
    Transition,
)
from mlbmi.types.codes import INDEX_NODATA, INDEX_SCALE, LABEL_NODATA
from mlbmi.types.costs import FREE, Cost
from mlbmi.types.coverage import OUTSIDE, Coverage
from mlbmi.types.runs import RunRecord
from mlbmi.types.scenes import Acquisition, Asset, DayPlan, GridPlan, LeftOut, OffsetDecision, RunPlan, Scene, Status

__all__ = [
    "FREE",
    "INDEX_NODATA",
    "INDEX_SCALE",
    "LABEL_NODATA",
    "MATCHED",
    "NUMBERING",
    "OUTSIDE",
    "Acquisition",
    "Asset",
    "Change",
    "ClusterModel",
    "ClusterRow",
    "Clustering",
    "Cost",
    "Coverage",
    "DayPlan",
    "GridPlan",
    "KScores",
    "KSelection",
    "LeftOut",
    "Mode",
    "OffsetDecision",
    "RunPlan",
    "RunRecord",
    "Scaling",
    "ScalingMethod",
    "Scene",
    "Status",
    "Transition",
]
