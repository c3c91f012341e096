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
# # A year, and what changed
#
# A year of images tells plants apart by when they are green: pines always, birches from May to October, a field until the harvest. Then the same land
# a year later: what became what?

# %%
EARTH_SEARCH = False

# %%
from IPython.display import Image

import mlbmi

catalog, credit, outline = "earth-search", None, "doeberitzer_multipolygon.geojson"
if not EARTH_SEARCH:
    from mlbmi.simulate import build_cached

    simulation = build_cached()
    outline, catalog, credit = simulation.aoi, str(simulation.catalog), "Simulated data"

# %% [markdown]
# ## Run
#
# `mlbmi.run` does in one call what the command line does: all steps, all files, and a record of what was used and why. Six clusters of series.

# %%
config = mlbmi.RunConfig(
    aoi=outline, start="2020-04-01", end="2021-04-30", catalog=catalog, n_clusters=6, out="year", credit=credit, overwrite=True
)
result = mlbmi.run(config)
Image("year/mosaic/figures/timeseries_ndvi_k6.png")

# %% [markdown]
# The lines are the reading: flat and high is evergreen; a leap in May and a fall in November sheds its leaves; the grey bars show how much of the
# land was seen on each date. In February all fall together: it had snowed, and what is seen is what the snow left free.
#
# ## From June to the next June
#
# Change is only change between like seasons. Two dates a year apart, one model for both: the same number is the same range of NDVI.

# %%
scenes = mlbmi.search(mlbmi.AOI.from_file(outline), start="2020-06-01", end="2021-06-05", cloud_cover=40, catalog=catalog)
june = [scene for scene in scenes if scene.date.month == 6]
cube = mlbmi.load(june, mlbmi.AOI.from_file(outline))
change = mlbmi.detect_change(mlbmi.cluster_images(cube["ndvi"], n_clusters=5))
[str(date) for date in change.dates]

# %%
import numpy as np
import pandas as pd

hectares = abs(cube.odc.geobox.resolution.x * cube.odc.geobox.resolution.y) / 10_000
rows = [(step.from_cluster, step.to_cluster, step.pixels * hectares) for step in change.transitions[:25]]
table = pd.DataFrame(rows, columns=["from", "to", "hectares"]).pivot(index="from", columns="to", values="hectares")
print(table.round(0).astype(int))
stayed = float(np.diag(table).sum() / table.to_numpy().sum())
print(f"{stayed:.1%} stayed in its cluster")

# %% [markdown]
# From January to July the same table would show the leaves come out, and nothing else. In the output folder of the run are such tables for every pair of dates
# (`transitions.csv`), and a map between the first and the last.

# %%
Image(min(result.out.glob("mosaic/figures/change_ndvi_*.png")))

# %% [markdown]
# Principal components say it without clusters: of three clear days between April and October, the first component is how green a pixel is, the second when.
# A pixel needs every date here, so few clouds are asked for.

# %%
from mlbmi import PCABMI
from mlbmi.utils import sanity_check_pca

pca = PCABMI(
    geojson=str(outline),
    catalog=catalog,
    start_date="2020-04-01",
    end_date="2020-10-31",
    cloud_cover=10,
    scene_id="33UUU",
    quiet=True,
)
pca.compute_temporal_pca()
sanity_check_pca(pca.scenes["33UUU"]["R10m"]["timeseries"]["pca"][3], "33UUU", "R10m", plot_now=True, credit=credit or "")
