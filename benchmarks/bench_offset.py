"""How often the offset is decided wrongly: simulated and real scenes, by content, size of the area, dialect and metadata.

    python benchmarks/bench_offset.py          # the tables, three minutes of a free processor
    python benchmarks/bench_offset.py --fit    # fits the weights of the rules on other lands, and prints them

Beside each other in one run: metadata alone (what every other reader does), each scene's own pixels, and with the other dates.
Fitted on simulated lands 11-14, 33TWL and dry land on simulated soil. Rules and thresholds were then chosen while looking at
lands 11-23, 51, 52, 61, 62, 71 and 72, so what counts is measured on 81 and 82, looked at once, when all was fixed; and on real
scenes, of which 29RKH, the Belgian composites and dry land on 29RKH's soil took no part in the fit.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from shapely.geometry import box

from mlbmi.read import align, decide_offset, judge
from mlbmi.read.offset_evidence import statistics, usable, weigh
from mlbmi.read.offset_neighbours import REACH, compare, joint_log_odds
from mlbmi.read.offset_verdict import SURE_LOG_ODDS
from mlbmi.types import Asset, Scene
from offset_scenes import SIDE, dry_land, mountains, real_folder, real_series, simulated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlbmi.types import OffsetDecision
    from offset_scenes import Look

DIALECTS = ("earth-search-v1", "earth-search-v0", "earth-search-c1", "planetary-computer", "cdse")
FLAGS = ("right", "wrong", "missing")
LANDS = (81, 82)
"""Seeds of the simulated lands that are measured on."""
_LEAST_CLEAR = 0.005


@dataclass
class Count:
    """Decisions: all, wrong ones by metadata, by own pixels, at the end; and how sure they were."""

    scenes: int = 0
    metadata_wrong: int = 0
    own_unsure: int = 0
    own_wrong: int = 0
    unsure: int = 0
    wrong: int = 0
    surely_wrong: int = 0
    dark_surely_wrong: int = 0

    def add(self, truth: int, decided: OffsetDecision, own: float, *, dark: bool) -> None:
        """Count one decision."""
        own_sure, wrong = abs(own) >= SURE_LOG_ODDS, decided.add != -1000 * truth
        self.scenes += 1
        self.metadata_wrong += decided.metadata_add != -1000 * truth
        self.own_unsure += not own_sure
        self.own_wrong += own_sure and int(own > 0) != truth
        self.unsure += not decided.sure
        self.wrong += wrong
        self.surely_wrong += decided.sure and wrong
        self.dark_surely_wrong += dark and decided.sure and wrong


def published(dialect: str, flags: str, date: dt.date, number: int) -> tuple[int, Scene]:
    """Return what a file holds (1: the +1000) and the item that describes it.

    ``wrong``: every other item of baseline 04.00 and later says what is not so (a flag "not applied" on shifted pixels, or pixels
    that do not hold what all metadata say). ``missing``: neither flag, nor baseline, nor offset is stated.
    """
    late = date >= dt.date(2022, 1, 25) or dialect in {"earth-search-c1", "cdse"}
    shifting = dialect in {"earth-search-v0", "earth-search-v1"}
    truth = int(late and not shifting)
    baseline, flag, offset = ("05.10" if late else "02.14"), (True if shifting and late else None), (-0.1 if late else 0.0)
    if flags == "missing":
        baseline, flag, offset = None, None, None
    if flags == "wrong" and late and number % 2:
        flag, truth = (False, truth) if shifting and number % 4 == 1 else (flag, 1 - truth)
    key = {"earth-search-v0": "B04", "planetary-computer": "B04", "cdse": "B04_10m"}.get(dialect, "red")
    stated = None if dialect in {"earth-search-v0", "planetary-computer"} else offset
    asset = Asset(band="red", key=key, href="/none.tif", scale=1e-4, offset=stated)
    time = dt.datetime.combine(date, dt.time(10, 20), dt.UTC)
    return truth, Scene(
        item_id=f"S2A_33UUU_{date:%Y%m%d}_0_L2A", collection="", dialect=dialect, datetime=time, tile="33UUU", epsg=32633,
        platform="", baseline=baseline, sequence=0, orbit=None, cloud_cover=None, offset_applied=flag,
        footprint=box(13, 52, 14, 53), assets={"red": asset},
    )  # fmt: skip


def measure(looks: list[Look], size: str, counts: dict[tuple[str, str], Count]) -> None:
    """Decide a series of scenes for every dialect and kind of flags."""

    @cache
    def tie(second: int, state: int, first: int, other: int):  # noqa: ANN202
        return compare(second, looks[second].samples[state], first, looks[first].samples[other])

    own = [[weigh(sample) for sample in look.samples] for look in looks]
    for dialect, flags in itertools.product(DIALECTS, FLAGS):
        dates = [look.date or dt.date(2022, 6, 1) + dt.timedelta(days=5 * n) for n, look in enumerate(looks)]
        known = [published(dialect, flags, date, n) for n, date in enumerate(dates)]
        truths = [truth for truth, _ in known]
        evidence = [own[n][truth] for n, truth in enumerate(truths)]
        ties = [
            max(
                (t for m in range(max(0, n - REACH), n) if (t := tie(n, truths[n], m, truths[m])) is not None),
                key=lambda t: (t.likeness, t.first),
                default=None,
            )
            for n in range(len(looks))
        ]
        joint = joint_log_odds([e.log_odds for e in evidence], [t for t in ties if t is not None])
        metadata = [decide_offset(scene, "red") for _, scene in known]
        judged = align(metadata, [judge(*given) for given in zip(metadata, evidence, joint, strict=True)])
        for n, look in enumerate(looks):
            if look.clear < _LEAST_CLEAR:
                counts["(nothing clear: not used)", ""].scenes += 1
                continue
            for group in (("content", look.content), ("size", size), ("dialect", dialect), ("flags", flags), ("all", "")):
                counts[group].add(truths[n], judged[n], evidence[n].log_odds, dark=look.share(4, 6) >= 0.05)


_HEADINGS = ("decisions", "metadata wrong", "own unsure", "own wrong", "unsure", "wrong", "surely wrong", "of these dark")


def show(title: str, counts: dict[tuple[str, str], Count]) -> None:
    """Print a table. "own": each scene's pixels alone. "dark": scenes with 5 % vegetation or water. The last two are numbers."""
    print(f"\n{title}; per cent of the decisions")
    print(f"{'':<28}" + "".join(f"{heading:>16}" for heading in _HEADINGS))
    for (group, name), c in sorted(counts.items()):
        shares = [100 * n / c.scenes for n in (c.metadata_wrong, c.own_unsure, c.own_wrong, c.unsure, c.wrong)]
        numbers = f"{c.surely_wrong:>16}{c.dark_surely_wrong:>16}"
        print(f"{group + ' ' + name:<28}{c.scenes:>16}" + "".join(f"{share:>16.2f}" for share in shares) + numbers)


def fit() -> None:
    """Fit the weights of the rules, by logistic regression with a small penalty; no weight below 0.1, none above 1.5."""
    found: list[tuple[str, int, list[np.ndarray]]] = []
    for kind, looks in _to_fit_on():
        for look, state in itertools.product(looks, (0, 1)):
            if look.clear >= _LEAST_CLEAR:
                rows = []
                for chosen in (look, look.only(("red", "nir"))):
                    row = np.zeros(12)
                    for number, value in statistics(chosen.samples[state], usable(chosen.samples[state])).items():
                        row[number] = value
                    rows.append(row)
                found.append((kind, state, rows))
    states = np.array([state for _, state, _ in found])
    kinds = [kind for kind, _, _ in found]
    weights = np.array([{"simulated": 0.5, "mountains": 0.3, "dry land": 0.2}[kind] / kinds.count(kind) for kind in kinds])
    for place, name in enumerate(("with blue", "without blue")):
        rows = np.array([rows[place] for _, _, rows in found])

        def loss(w: np.ndarray, rows: np.ndarray = rows) -> float:
            odds = rows @ w
            return float(weights @ (np.logaddexp(0, odds) - states * odds) + 0.001 * w @ w)

        best = minimize(loss, np.full(12, 0.5), bounds=[(0.1, 1.5)] * 12, method="L-BFGS-B").x
        print(name, [round(float(w), 2) for w in best])


def _to_fit_on() -> Iterator[tuple[str, list[Look]]]:
    from offset_scenes import _same_place

    rng = np.random.default_rng(3)
    for seed in range(11, 15):
        yield from (("simulated", looks) for _, looks in simulated(seed, (40, SIDE, 3 * SIDE)))
    if folder := real_folder():
        dates = mountains(folder)
        yield from (("mountains", _same_place(rng, "mountains", dates, (40, SIDE, 3 * SIDE)[n % 3])) for n in range(40))
    for _ in range(60):
        bright = rng.uniform(0.7, 1.5) * rng.normal(1, 0.08, (96, 96))
        soil = {
            "red": 2350 * bright,
            "nir": 2930 * bright * rng.uniform(0.9, 1.2),
            "blue": 2350 * bright * rng.uniform(0.4, 0.65),
        }
        yield "dry land", dry_land(rng, soil, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit", action="store_true", help="fit the weights anew")
    if parser.parse_args().fit:
        fit()
        return
    measured = [series for seed in LANDS for series in simulated(seed, (40, 3 * SIDE))]
    _tables("SIMULATED", [(f"{int(name.split()[-1]) / 100:g} km", looks) for name, looks in measured])
    if folder := real_folder():
        series = real_series(np.random.default_rng(19), folder, 6, (40, SIDE, 3 * SIDE))
        _tables("REAL PIXELS", [(f"{name.split()[-1]} px", looks) for name, looks in series])


def _tables(title: str, series: list[tuple[str, list[Look]]]) -> None:
    scenes = sum(len(looks) for _, looks in series)
    for bands, words in ((("blue", "red", "nir"), "with blue"), (("red", "nir"), "without blue")):
        counts: dict[tuple[str, str], Count] = defaultdict(Count)
        for size, looks in series:
            measure([look.only(bands) for look in looks], size, counts)
        show(f"{title}, {words}: {scenes} scenes, each under 5 dialects x 3 kinds of flags", counts)


if __name__ == "__main__":
    main()
