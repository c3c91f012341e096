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
# # Döberitzer Heide: NDVI and its clusters
#
# West of Berlin, where tanks once trained, lies a heath with ponds, birches, pines and bison. This notebook looks at it from space, in the order of
# the original one: search, load, compute an index, cluster the grey levels of each image, cluster each pixel's history, and look at
# every result before believing it.
#
# With `EARTH_SEARCH = False` nothing leaves your computer: a simulated reserve with known truth stands in for the satellite. Set it to
# `True` for the real one. Only the windows over the reserve are read, some 10 MB; no account is needed.

# %%
EARTH_SEARCH = False

# %% [markdown]
# ## Settings
#
# A dataclass holds what the command line would take. `catalog=None` means: what `STAC_API_URL` names in the environment or in a `.env` file, else
# Earth Search.

# %%
from mlbmi import KMeansNDVI, KMeansNDVIParams, info_message

params = KMeansNDVIParams(quiet=True)
credit = None
if not EARTH_SEARCH:
    from mlbmi.simulate import build_cached

    simulation = build_cached()
    params.geojson, params.catalog = str(simulation.aoi), str(simulation.catalog)
    credit = "Simulated data"

ndvi = KMeansNDVI.from_params(params)
info_message(f"{ndvi.start_date} to {ndvi.end_date}, at most {ndvi.cloud_cover} % cloud, bands {ndvi.band_names}")

# %% [markdown]
# ## Search
#
# Four scenes answer: two days, each in two tiles, because the reserve lies where two UTM zones meet. Red (B04) and near infrared (B08) of each make eight
# files.

# %%
ndvi.download_and_acquire_images()
for path in ndvi.filepaths:
    print("/".join(path.split("/")[-2:]))

# %% [markdown]
# ## Load
#
# What is read is cut to the outline, freed of clouds and their shadows by the scene classification, and turned into reflectance. Missing is NaN; zero is a value.

# %%
ndvi.load_data_into_struct()
for tile, resolutions in ndvi.scenes.items():
    for resolution, dates in resolutions.items():
        print(tile, resolution, *dates)

# %% [markdown]
# ## NDVI
#
# Leaves drink red light and mirror the infrared. The normalised difference of the two, (B08 − B04) / (B08 + B04), runs from below zero over water, past 0.1 on sand,
# to 0.8 in a pine wood, in January too.

# %%
ndvi.compute_ndvi_for_all()
ndvi.allocate_ndvi_timeseries()
ndvi.scenes["33UUU"]["R10m"]["timeseries"]["timestamps"]

# %% [markdown]
# Look first. The histogram shows what a clustering has to work with: peaks that are far apart will be found by any method, a broad hill will be cut wherever it must.

# %%
from mlbmi.utils import sanity_check_ndvi_statistics, sanity_check_spatial_kmeans, sanity_check_temporal_kmeans

tile, resolution, date = "33UUU", "R10m", ndvi.scenes["33UUU"]["R10m"]["timeseries"]["timestamps"][-1]
image = ndvi.scenes[tile][resolution][date]["ndvi"]
sanity_check_ndvi_statistics(image, tile, resolution, date, bins=100, plot_now=True, credit=credit)

# %% [markdown]
# ## Clusters of one image
#
# Five clusters of grey: water, bare and built, sparse, and two kinds of green would be a guess. On a line the best partition can be found for certain, so there is no seed, and
# labels rise with the index: 0 is always the lowest.

# %%
ndvi.compute_spatial_kmeans()
kmeans = ndvi.scenes[tile][resolution][date]["kmeans"][ndvi.n_clusters]
kmeans.cluster_centers_.ravel().round(3)

# %%
sanity_check_spatial_kmeans(kmeans, image, ndvi.quantile_range, tile, resolution, date, plot_now=True, credit=credit)

# %% [markdown]
# Names begin with *maybe*: they are read off the centers alone. Whoever knows the land takes the word away.
#
# ## Clusters over time
#
# Now each pixel brings its values on all dates. Two winter days a week apart cannot tell a birch from grass; a year can, and
# [another notebook](a_year_and_change.md) has one. Each date is first divided by its own spread, as the original notebook did.

# %%
ndvi.compute_temporal_kmeans()
series = ndvi.scenes[tile][resolution]["timeseries"]
sanity_check_temporal_kmeans(
    series["kmeans"][5], series["ndvi"], ndvi.quantile_range, tile, resolution, plot_now=True, credit=credit
)

# %% [markdown]
# The first small panel is the outside: it is no cluster, and takes none of the five.
#
# ## How sure is that?
#
# The stored model reads like scikit-learn's. Here it numbers three pixels that it has never seen; NaN gets −1.

# %%
kmeans.predict([[-0.2], [0.75], [float("nan")]])

# %% [markdown]
# And because the simulated land is known, the clusters can be held against the truth: which land covers does each one hold?

# %%
if not EARTH_SEARCH:
    import numpy as np
    import pandas as pd

    truth, geobox = simulation.truth_classes(tile)
    place = ndvi.scenes[tile][resolution][date]["transform"]
    column, row = (round(number) for number in ~geobox.affine * (place.c, place.f))
    truth = truth[row : row + image.shape[0], column : column + image.shape[1]].ravel()
    labels = series["kmeans"][5].labels_
    table = pd.crosstab(np.array(simulation.class_names)[truth[labels >= 0]], labels[labels >= 0], normalize="index")
    print((100 * table).round(0).astype(int).rename_axis(index="per cent of", columns="cluster"))

# %% [markdown]
# In winter, NDVI knows evergreens from the rest, water and sand from what grows. It does not know a leafless wood from a meadow: that takes summer, or more bands.
