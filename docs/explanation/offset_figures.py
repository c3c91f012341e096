"""Draw the figure of offset.md: NDVI across January 2022 from scenes of mixed publishers, by metadata and by pixels.

    python docs/explanation/offset_figures.py

Takes about a minute.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import mlbmi
from mlbmi.simulate import Recipe, Simulation, build
from mlbmi.write import save_figure

IMAGES = Path(__file__).with_name("images")
GREEN, ORANGE, GREY = "#117744", "#cc6611", "#666666"
CHANGE = dt.date(2022, 1, 25)
DATES = tuple(
    dt.date.fromisoformat(day)
    for day in ("2020-08-06", "2021-04-26", "2021-06-02", "2021-07-20", "2022-03-04", "2022-06-17", "2022-08-04", "2022-10-10")
)
PUBLISHERS = (
    ("earth-search-v1", ("wrong-flag",)),
    ("planetary-computer", ()),
    ("earth-search-v0", ("wrong-flag", "missing-flag", "unshifted")),
    ("earth-search-c1", ()),
)


def simulations(folder: Path, dates: tuple[dt.date, ...] = DATES) -> list[Simulation]:
    """The same land as four publishers would have it."""
    return [
        build(folder / dialect, Recipe.small(dates=dates, dialect=dialect, faults=faults, tiles=("33UUU",)))
        for dialect, faults in PUBLISHERS
    ]


def mixed(published: list[Simulation], turn: int) -> list[mlbmi.Scene]:
    """One scene a date, from one publisher after the other, beginning with number ``turn``."""
    aoi = mlbmi.AOI.from_file(published[0].aoi)
    days = published[0].recipe.dates
    found = [mlbmi.search(aoi, start=days[0], end=days[-1], catalog=str(simulation.catalog)) for simulation in published]
    by_day = [{scene.date: scene for scene in scenes} for scenes in found]
    return [by_day[(number + turn) % len(by_day)][day] for number, day in enumerate(days)]


def errors(scenes: list[mlbmi.Scene], simulation: Simulation, offset: str) -> np.ndarray:
    """Median difference of NDVI from the truth, date by date, over pixels that are truly clear."""
    aoi = mlbmi.AOI.from_file(simulation.aoi)
    cube = mlbmi.load(scenes, aoi, offset=offset)["ndvi"]
    origin = simulation.geobox("33UUU").affine
    row, column = round((origin.f - float(cube["y"][0]) - 5) / 10), round((float(cube["x"][0]) - 5 - origin.c) / 10)
    where = np.s_[row : row + cube.sizes["y"], column : column + cube.sizes["x"]]
    found = []
    for scene, got in zip(scenes, cube.values, strict=True):
        red, nir = (simulation.true_reflectance("33UUU", scene.date, band)[where] for band in ("red", "nir"))
        truth = (nir - red) / (nir + red)
        clear = simulation.clear_mask("33UUU", scene.date)[where] & np.isfinite(got)
        found.append(float(np.median(got[clear] - truth[clear])))
    return np.array(found)


def steps(values: np.ndarray, dates: tuple[dt.date, ...]) -> float:
    """How far the farthest date after the change lies from the mean of the dates before."""
    after = np.array([date >= CHANGE for date in dates])
    return float(np.abs(values[after] - values[~after].mean()).max())


def main() -> None:
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    axes = figure.subplots()
    with tempfile.TemporaryDirectory() as folder:
        published = simulations(Path(folder))
        for offset, colour, words in (("metadata", ORANGE, "metadata alone"), ("auto", GREEN, "pixels, then metadata")):
            step = 0.0
            for turn in range(len(PUBLISHERS)):
                found = errors(mixed(published, turn), published[0], offset)
                step = max(step, steps(found, DATES))
                label = words if turn == 0 else None
                axes.plot(range(len(DATES)), found, "o-", color=colour, linewidth=1, markersize=4, alpha=0.8, label=label)
            print(f"{words}: largest step across January 2022: {step:.4f}")  # noqa: T201 — the figure in a number
    axes.axvline(sum(date < CHANGE for date in DATES) - 0.5, color=GREY, linestyle=":")
    axes.text(
        sum(date < CHANGE for date in DATES) - 0.45,
        axes.get_ylim()[1],
        "25 January 2022: baseline 04.00",
        color=GREY,
        va="top",
        fontsize=8,
    )
    axes.set_xticks(range(len(DATES)), [date.isoformat() for date in DATES], fontsize=8)
    axes.set(ylabel="NDVI found − true NDVI (median)", title="One land, four mixtures of publishers")
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, IMAGES / "offset.png")


if __name__ == "__main__":
    main()
