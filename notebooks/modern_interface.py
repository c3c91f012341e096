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
# # The same in five functions
#
# `search`, `load`, `cluster_images`, `cluster_timeseries`, `write_outputs`: values go in, values come out, and everything between is xarray. One
# map of the whole reserve, whatever tiles it lies in, and one model for all dates.

# %%
EARTH_SEARCH = False

# %%
from IPython.display import Image

import mlbmi

catalog, credit = "earth-search", ""
if EARTH_SEARCH:
    aoi = mlbmi.AOI.from_file("doeberitzer_multipolygon.geojson")
else:
    from mlbmi.simulate import build_cached

    simulation = build_cached()
    aoi, catalog, credit = mlbmi.AOI.from_file(simulation.aoi), str(simulation.catalog), "Simulated data"
aoi.name

# %% [markdown]
# ## Search
#
# What is found, and what is left out with the reason: nothing is dropped in silence.

# %%
import pandas as pd

scenes = mlbmi.search(aoi, start="2020-04-01", end="2021-04-30", cloud_cover=60, catalog=catalog)
pd.DataFrame({"date": scene.date, "tile": scene.tile, "cloud %": scene.cloud_cover} for scene in scenes).round(1)

# %%
for left in scenes.left_out[:3]:
    print(left.item_id, "·", left.reason)

# %% [markdown]
# ## Load
#
# A cube of NDVI over (time, y, x). A day's tiles are laid over one another; clouds are NaN.

# %%
cube = mlbmi.load(scenes, aoi, indices=["ndvi"])
print(dict(cube.sizes), cube["ndvi"].dtype, f"EPSG:{cube.odc.crs.epsg}")

# %%
from mlbmi.write import overview_figure, save_figure

images = [
    (time.astype("datetime64[D]").item(), image.to_numpy()) for time, image in zip(cube.time.values, cube["ndvi"], strict=True)
]
figure = overview_figure(images, cube.odc.geobox, title=f"NDVI · {aoi.name}", limits=(-0.3, 0.95), credit=credit)
Image(save_figure(figure, "overview.png"))

# %% [markdown]
# ## How many clusters?
#
# Ask the data, and read the reason before the number.

# %%
import textwrap

selection = mlbmi.select_n_clusters(cube["ndvi"], range(3, 9), mode="timeseries")
print(textwrap.fill(selection.reason, 110))

# %%
from mlbmi.write import selection_figure

Image(save_figure(selection_figure(selection, credit=credit), "selection.png"))

# %% [markdown]
# ## Cluster
#
# The series of a pixel has gaps where clouds were; nothing is filled in. `scaling="none"` keeps the amplitude, which for one index over time is information.

# %%
series = mlbmi.cluster_timeseries(cube["ndvi"], n_clusters=selection.n_clusters)
names = mlbmi.suggest_names(series)
hectares = abs(cube.odc.geobox.resolution.x * cube.odc.geobox.resolution.y) / 10_000
pd.DataFrame({"name": names, "hectares": (series.counts * hectares).round(1), "mean NDVI": series.centers.mean(axis=1).round(2)})

# %% [markdown]
# ## Write
#
# GeoTIFFs with colours and names for QGIS, tables in hectares, the model, and this figure.

# %%
paths = mlbmi.write_outputs(series, "modern", names=names, data=cube["ndvi"], place=aoi.name, credit=credit)
for path in paths:
    print(path)

# %%
Image(next(path for path in paths if path.suffix == ".png"))

# %% [markdown]
# ## Use the model again
#
# A model is a file. Read back, it becomes a scikit-learn estimator: here it numbers one pixel's year, with a cloud in the middle.

# %%
import numpy as np

model = mlbmi.read_model(next(path for path in paths if path.suffix == ".json"))
year = np.where(np.arange(len(model.features)) == 2, np.nan, series.centers[-1])
names[mlbmi.estimator_of(model).predict(year[None])[0]]
