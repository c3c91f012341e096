# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own area
#
# An outline, two dates, and a look before each step. Change the next two cells and run all. Here the outline is a corner of the Döberitzer Heide, so that the simulation has
# something to show; with `EARTH_SEARCH = True` it may lie anywhere on land.

# %%
EARTH_SEARCH = False

# %% [markdown]
# ## The outline
#
# A file (GeoJSON, GeoPackage, Shapefile, KML …), WKT as text, or four numbers: west, south, east, north. On [geojson.io](https://geojson.io) you can draw one.

# %%
OUTLINE = "POLYGON ((13.035 52.484, 13.077 52.486, 13.074 52.501, 13.040 52.500, 13.035 52.484))"
START, END = "2020-01-01", "2020-12-31"

# %%
import mlbmi

catalog, credit = None, None
if not EARTH_SEARCH:
    from mlbmi.simulate import build_cached

    catalog, credit = str(build_cached().catalog), "Simulated data"
area = mlbmi.AOI.from_file(OUTLINE)
print([round(edge, 3) for edge in area.bounds], *area.notes)

# %% [markdown]
# ## What is there?
#
# Before a pixel is read: how many scenes, and how cloudy? `cloud_cover` is of the whole scene; clouds over the area itself are masked pixel by pixel, so be generous.

# %%
scenes = mlbmi.search(area, start=START, end=END, cloud_cover=60, catalog=catalog)
for scene in scenes:
    print(scene.date, scene.tile, f"{scene.cloud_cover:5.1f} %", scene.item_id)

# %% [markdown]
# ## An index, and its clusters
#
# `scene_id` keeps to one tile. Take `bmi="gci"` for chlorophyll, `"wdrvi"` where NDVI saturates, and name the bands that it needs.

# %%
from mlbmi import KMeansBMI
from mlbmi.utils import sanity_check_ndvi_statistics, sanity_check_temporal_kmeans

mine = KMeansBMI(
    geojson=OUTLINE,
    start_date=START,
    end_date=END,
    cloud_cover=60,
    catalog=catalog,
    scene_id=scenes[0].tile,
    bmi="ndvi",
    n_clusters=[4, 6],
    quiet=True,
)
mine.compute_temporal_kmeans()
(tile,) = mine.scenes
series = mine.scenes[tile]["R10m"]["timeseries"]
series["timestamps"]

# %%
date = series["timestamps"][-2]
sanity_check_ndvi_statistics(series["ndvi"].sel(time=date), tile, "R10m", date, plot_now=True, credit=credit)

# %%
sanity_check_temporal_kmeans(series["kmeans"][6], series["ndvi"], mine.quantile_range, tile, "R10m", plot_now=True, credit=credit)

# %% [markdown]
# Four clusters or six? The larger number splits what the smaller one joins. Of what does it make two?

# %%
import pandas as pd

few, many = series["kmeans"][4], series["kmeans"][6]
seen = few.labels_ >= 0
print(pd.crosstab(pd.Series(few.labels_[seen], name="of 4"), pd.Series(many.labels_[seen], name="of 6")))

# %% [markdown]
# ## Keep it
#
# `write_outputs` writes maps for QGIS, a table in hectares, the model and the figures.

# %%
paths = mlbmi.write_outputs(many.clustering, "my-area", grid=tile, names=many.names, data=series["ndvi"], credit=credit or "")
for path in paths:
    print(path)

# %% [markdown]
# On the command line, with a run record besides: `mlbmi run my.geojson --start 2023-03-01 --end 2023-10-31 --out my-area`. For a country, or a machine beside the data:
# [in the cloud](../how-to/cloud.md).
