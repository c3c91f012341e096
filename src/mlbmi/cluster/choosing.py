"""The rule by which a number of clusters is chosen from its scores, and the sentence that gives the reasons."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from mlbmi.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlbmi.types import KScores

__all__ = ["STABLE", "Choice", "choose", "favourites"]

STABLE = 0.85
"""Stability from which clusters are taken to come again on other data."""

_SLACK = 0.05
"""Where no number is that stable: how far below the best one a stability may lie."""

_NEARLY = 0.02
"""Difference of silhouettes up to which another number is named as nearly as good."""

_WEAK, _NONE = 0.5, 0.25
"""Silhouettes up to which structure is weak, and not substantial (Kaufman & Rousseeuw 1990, Finding Groups in Data, p. 88)."""


class Choice(NamedTuple):
    """A number of clusters, and a sentence of reasons."""

    n_clusters: int
    reason: str


def choose(scores: Sequence[KScores]) -> Choice:
    """Choose a number of clusters.

    1. One, if it is among the numbers and no other has a gap above its own by more than a standard error.
    2. Otherwise only numbers whose clusters come again on other data are considered: a stability of at least 0.85, or, where none
       reaches that, within 0.05 of the best.
    3. Of those the one with the highest silhouette; where larger ones lie within one standard error of it, the largest of them
       (the one-standard-error rule of Breiman et al. 1984, turned towards detail, as all of them are stable).

    Calinski-Harabasz, Davies-Bouldin and the gap do not overrule that; what each alone would have chosen is said.

    Parameters
    ----------
    scores : sequence of KScores
        At least one.

    Returns
    -------
    Choice

    Raises
    ------
    ClusterError
        If there are no scores.

    Examples
    --------
    >>> from mlbmi.types import KScores
    >>> other = dict(sse=1.0, silhouette_sd=0.01, calinski_harabasz=9.0, davies_bouldin=0.5, gap=1.0, gap_sd=0.1)
    >>> rows = [(2, 0.6, 1.0), (3, 0.7, 0.99), (4, 0.8, 0.5)]
    >>> choose([KScores(n_clusters=k, silhouette=s, stability=a, **other) for k, s, a in rows]).n_clusters
    3
    """
    if not scores:
        raise ClusterError("there are no scores to choose from", remedy="Give at least one number of clusters.")
    ordered = sorted(scores, key=lambda row: row.n_clusters)
    if len(ordered) == 1:
        return Choice(ordered[0].n_clusters, f"{_clusters(ordered[0])}: the only number to choose from")
    if _unstructured(ordered):
        most = max(row.gap for row in ordered[1:] if not math.isnan(row.gap))
        gaps = f"the gap statistic of one is {ordered[0].gap:.2f}, of more {most:.2f} at most"
        return Choice(1, f"1 cluster: nothing speaks for dividing the data: {gaps}")
    several = [row for row in ordered if row.n_clusters > 1]
    stable = _stable(several)
    best = max(stable, key=lambda row: (_or(row.silhouette, -math.inf), row.n_clusters))
    taken = max((row for row in stable if _as_good(row, best)), key=lambda row: row.n_clusters)
    return Choice(taken.n_clusters, _sentence(taken, best, stable, several))


def favourites(scores: Sequence[KScores]) -> dict[str, int]:
    """Return what each score alone would have chosen, by its name; scores that are undefined throughout are left out.

    The gap's is the smallest number whose gap is at least the next one's minus its standard error (Tibshirani et al. 2001), or
    the largest number if there is none; of the others the best.

    Parameters
    ----------
    scores : sequence of KScores

    Returns
    -------
    dict of str to int
        For ``silhouette``, ``stability``, ``calinski_harabasz``, ``davies_bouldin`` and ``gap``.
    """
    ordered = sorted(scores, key=lambda row: row.n_clusters)
    found = {
        "silhouette": _best(ordered, lambda row: row.silhouette),
        "stability": _best(ordered, lambda row: row.stability),
        "calinski_harabasz": _best(ordered, lambda row: row.calinski_harabasz),
        "davies_bouldin": _best(ordered, lambda row: -row.davies_bouldin),
        "gap": _first_gap([row for row in ordered if not math.isnan(row.gap)]),
    }
    return {name: k for name, k in found.items() if k is not None}


def _best(ordered: Sequence[KScores], value: Callable[[KScores], float]) -> int | None:
    known = [row for row in ordered if not math.isnan(value(row))]
    return max(known, key=value).n_clusters if known else None


def _first_gap(known: Sequence[KScores]) -> int | None:
    for row, following in pairwise(known):
        if row.gap >= following.gap - _or(following.gap_sd, 0.0):
            return row.n_clusters
    return known[-1].n_clusters if known else None


def _unstructured(ordered: Sequence[KScores]) -> bool:
    """Say whether one cluster is among the numbers and no gap is above its own by more than a standard error."""
    one, *others = ordered
    gaps = [row.gap - _or(row.gap_sd, 0.0) for row in others if not math.isnan(row.gap)]
    # Without any error left there is structure, though log W, and so the gap, is not defined.
    return one.n_clusters == 1 and bool(gaps) and max(gaps) <= one.gap and all(row.sse > 0 for row in others)


def _stable(several: Sequence[KScores]) -> list[KScores]:
    """Return the numbers whose clusters come again; all of them where no stability is known."""
    known = [row for row in several if not math.isnan(row.stability)]
    if not known:
        return list(several)
    least = min(STABLE, max(row.stability for row in known) - _SLACK)
    return [row for row in known if row.stability >= least]


def _as_good(row: KScores, best: KScores) -> bool:
    return row is best or row.silhouette >= best.silhouette - _or(best.silhouette_sd, 0.0)


def _or(value: float, other: float) -> float:
    return other if math.isnan(value) else value


def _clusters(row: KScores) -> str:
    return f"{row.n_clusters} cluster{'' if row.n_clusters == 1 else 's'}"


def _sentence(taken: KScores, best: KScores, stable: Sequence[KScores], several: Sequence[KScores]) -> str:
    parts = [_merit(taken, best, stable), _rivals(taken, stable), _others(taken, several), _caution(taken, several)]
    return f"{_clusters(taken)}: {'; '.join(part for part in parts if part)}"


def _merit(taken: KScores, best: KScores, stable: Sequence[KScores]) -> str:
    own = f"{taken.silhouette:.3f}{'' if math.isnan(taken.silhouette_sd) else f' ± {taken.silhouette_sd:.3f}'}"
    numbers, firm = _listed([str(row.n_clusters) for row in stable]), taken.stability >= STABLE
    if firm and len(stable) == 1:
        again = "the only number whose clusters come again on other parts of the data"
        return f"{again} (stability {taken.stability:.2f}; silhouette {own})"
    merit = f"the highest silhouette ({own})"
    if taken is not best:
        against = f"{own}, against {best.silhouette:.3f} for {best.n_clusters}"
        merit = f"the largest number within a standard error of the highest silhouette ({against})"
    if math.isnan(taken.stability):
        return f"{merit}; stability is not known"
    come = "come again" if firm else "nearly come again, as none does,"
    return (
        f"{merit} among the numbers whose clusters {come} on other parts of the data ({numbers}; stability {taken.stability:.2f})"
    )


def _rivals(taken: KScores, stable: Sequence[KScores]) -> str:
    near = [row for row in stable if row is not taken and row.silhouette >= taken.silhouette - _NEARLY]
    if not near:
        return ""
    return f"{_listed([f'{row.n_clusters} (silhouette {row.silhouette:.3f})' for row in near])} would be nearly as good"


def _others(taken: KScores, several: Sequence[KScores]) -> str:
    names = {"calinski_harabasz": "Calinski–Harabasz", "davies_bouldin": "Davies–Bouldin", "gap": "the gap statistic"}
    found = {name: k for name, k in favourites(several).items() if name in names}
    agree = _listed([names[name] for name, k in found.items() if k == taken.n_clusters])
    differ = _listed([f"{names[name]} {k}" for name, k in found.items() if k != taken.n_clusters])
    parts = [
        f"{agree} would choose it too" if agree else "",
        f"other scores would choose differently: {differ}" if differ else "",
    ]
    return "; ".join(part for part in parts if part)


def _caution(taken: KScores, several: Sequence[KScores]) -> str:
    cautions = []
    if taken.silhouette <= _WEAK:
        structure = "no substantial structure" if taken.silhouette <= _NONE else "only weak structure"
        cautions.append(f"so low a silhouette says that there is {structure}")
    if taken is several[-1]:
        cautions.append("it is the largest number tried, so try larger ones too")
    return "; ".join(cautions)


def _listed(words: Sequence[str]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> _listed(["2"]), _listed(["2", "3", "4"])
    ('2', '2, 3 and 4')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
