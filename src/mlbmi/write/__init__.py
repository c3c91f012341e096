"""Step 7: what a run leaves behind. Maps, tables, models, figures and the run record, each whole or not at all.

Layout and names of the output folder are in :mod:`mlbmi.write.outputs`; rasterio and matplotlib load on first use.
"""

from mlbmi.write.atomic import atomic_path, replace_folder, sha256_file, write_text
from mlbmi.write.change import MappedChange, write_change, write_transitions
from mlbmi.write.change_flows import transitions_figure
from mlbmi.write.change_plot import change_figure
from mlbmi.write.cluster_plots import bands_figure, image_clusters_figure, timeseries_figure
from mlbmi.write.colours import palette
from mlbmi.write.coverage import MappedCoverage, coverage_figure, write_coverage, write_coverage_table
from mlbmi.write.mask_plot import mask_figure, write_mask_figure
from mlbmi.write.model import ClusterModel, read_model, write_model
from mlbmi.write.notebook import ndvi_statistics_figure, spatial_kmeans_figure, temporal_kmeans_figure
from mlbmi.write.novelty import write_novelty
from mlbmi.write.offset_plot import offset_figure, write_offset_figure
from mlbmi.write.outliers_plot import outliers_figure
from mlbmi.write.outputs import write_clustering, write_index_figures, write_outputs
from mlbmi.write.page import pixel_hectares, rendered, save_figure
from mlbmi.write.pca_plot import pca_figure
from mlbmi.write.plots import display_limits, index_figure, overview_figure
from mlbmi.write.rasters import write_index_cog, write_label_cog, write_value_cog
from mlbmi.write.record import write_record
from mlbmi.write.report import REPORT_NAME, write_report
from mlbmi.write.selection import write_selection
from mlbmi.write.selection_plot import selection_figure
from mlbmi.write.series import SeasonRow, write_phenology, write_series_figures, write_series_maps
from mlbmi.write.series_plots import SampleCourse, courses_figure, season_figure
from mlbmi.write.tables import MappedClustering, write_acquisitions, write_clusters_table

__all__ = [
    "REPORT_NAME",
    "ClusterModel",
    "MappedChange",
    "MappedClustering",
    "MappedCoverage",
    "SampleCourse",
    "SeasonRow",
    "atomic_path",
    "bands_figure",
    "change_figure",
    "courses_figure",
    "coverage_figure",
    "display_limits",
    "image_clusters_figure",
    "index_figure",
    "mask_figure",
    "ndvi_statistics_figure",
    "offset_figure",
    "outliers_figure",
    "overview_figure",
    "palette",
    "pca_figure",
    "pixel_hectares",
    "read_model",
    "rendered",
    "replace_folder",
    "save_figure",
    "season_figure",
    "selection_figure",
    "sha256_file",
    "spatial_kmeans_figure",
    "temporal_kmeans_figure",
    "timeseries_figure",
    "transitions_figure",
    "write_acquisitions",
    "write_change",
    "write_clustering",
    "write_clusters_table",
    "write_coverage",
    "write_coverage_table",
    "write_index_cog",
    "write_index_figures",
    "write_label_cog",
    "write_mask_figure",
    "write_model",
    "write_novelty",
    "write_offset_figure",
    "write_outputs",
    "write_phenology",
    "write_record",
    "write_report",
    "write_selection",
    "write_series_figures",
    "write_series_maps",
    "write_text",
    "write_transitions",
    "write_value_cog",
]
