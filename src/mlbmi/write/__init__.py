"""Step 7: what a run leaves behind. Maps, tables, models, figures and the run record, each whole or not at all.

Layout and names of the output folder are in :mod:`mlbmi.write.outputs`; rasterio and matplotlib load on first use.
"""

from mlbmi.write.atomic import atomic_path, replace_folder, sha256_file, write_text
from mlbmi.write.colours import palette
from mlbmi.write.model import ClusterModel, read_model, write_model
from mlbmi.write.outputs import write_clustering, write_index, write_index_figures, write_outputs
from mlbmi.write.page import pixel_hectares, save_figure
from mlbmi.write.plots import display_limits, image_clusters_figure, index_figure, overview_figure, timeseries_figure
from mlbmi.write.rasters import write_index_cog, write_label_cog
from mlbmi.write.record import write_record
from mlbmi.write.tables import MappedClustering, write_acquisitions, write_clusters_table

__all__ = [
    "ClusterModel",
    "MappedClustering",
    "atomic_path",
    "display_limits",
    "image_clusters_figure",
    "index_figure",
    "overview_figure",
    "palette",
    "pixel_hectares",
    "read_model",
    "replace_folder",
    "save_figure",
    "sha256_file",
    "timeseries_figure",
    "write_acquisitions",
    "write_clustering",
    "write_clusters_table",
    "write_index",
    "write_index_cog",
    "write_index_figures",
    "write_label_cog",
    "write_model",
    "write_outputs",
    "write_record",
    "write_text",
]
