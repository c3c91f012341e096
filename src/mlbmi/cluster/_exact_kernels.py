"""Kernels of exact 1-D K-means: the cost of an interval in double-double arithmetic, and one dynamic programme over edges.

The squared error of consecutive levels comes from differences of prefix sums of w, wx and wx². In plain float64 that loses
every digit where a cluster is narrow beside the whole range; sums are therefore kept as unevaluated pairs ``high + low`` (about
106 bits) and the cost is evaluated in pairs (error-free sums and products: Dekker, Numerische Mathematik 18, 1971, pp. 224-242).
No flag of fast arithmetic may touch these functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["interval_costs", "prefix_sums", "run_layers"]

_SPLIT = 134_217_729.0  # 2**27 + 1: cuts a float64 into two halves of 26 bits
_EPSILON = 2.0**-52
_LIGHT = 1e-12  # share of the whole weight below which plain differences of sums say nothing
_UNSURE = 1e308


@kernel(inline=True)
def _two_sum(a: float, b: float) -> tuple[float, float]:
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


@kernel(inline=True)
def _two_product(a: float, b: float) -> tuple[float, float]:
    product = a * b
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@kernel(inline=True)
def _add_pair(high: float, low: float, more_high: float, more_low: float) -> tuple[float, float]:
    total, rest = _two_sum(high, more_high)
    rest += low + more_low
    result = total + rest
    return result, rest - (result - total)


@kernel()
def prefix_sums(x: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of w, wx, wx² before each level as pairs: shape (n + 1, 6), columns high, low, high, low, high, low."""
    sums = np.zeros((x.size + 1, 6))
    for i in range(x.size):
        first, first_low = _two_product(w[i], x[i])
        second, second_low = _two_product(first, x[i])
        second_low += first_low * x[i]
        here, there = sums[i], sums[i + 1]
        there[0], there[1] = _add_pair(here[0], here[1], w[i], 0.0)
        there[2], there[3] = _add_pair(here[2], here[3], first, first_low)
        there[4], there[5] = _add_pair(here[4], here[5], second, second_low)
    return sums


@kernel()
def _cost(sums: NDArray[np.float64], start: int, stop: int) -> float:
    """Return the squared error of levels ``start`` to ``stop`` (exclusive) about their mean; 0 for none and for one.

    With the mean c rounded to float64 the sum is Q + c (c W - 2 S); the rounding of c enters squared and does not count.
    """
    if stop - start <= 1:
        return 0.0
    a, b = sums[start], sums[stop]
    w, w_low = _add_pair(b[0], b[1], -a[0], -a[1])
    s, s_low = _add_pair(b[2], b[3], -a[2], -a[3])
    q, q_low = _add_pair(b[4], b[5], -a[4], -a[5])
    c = s / w
    t, t_low = _two_product(c, w)
    t, t_low = _add_pair(t, t_low + c * w_low, -2.0 * s, -2.0 * s_low)
    u, u_low = _two_product(c, t)
    r, r_low = _add_pair(q, q_low, u, u_low + c * t_low)
    return max(r + r_low, 0.0)


@kernel()
def interval_costs(sums: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cost of each interval between consecutive edges."""
    costs = np.empty(edges.size - 1)
    for i in range(costs.size):
        costs[i] = _cost(sums, edges[i], edges[i + 1])
    return costs


@kernel()
def _smallest(values: NDArray[np.float64]) -> float:
    """Return the least value; four at a time, because one running minimum waits for itself."""
    a = b = c = d = np.inf
    whole = values.size - values.size % 4
    for i in range(0, whole, 4):
        a, b = min(a, values[i]), min(b, values[i + 1])
        c, d = min(c, values[i + 2]), min(d, values[i + 3])
    for i in range(whole, values.size):
        a = min(a, values[i])
    return min(a, b, c, d)


@kernel()
def _quick_values(
    columns: NDArray[np.float64],
    base: NDArray[np.float64],
    row: NDArray[np.float64],
    w_least: float,
    values: NDArray[np.float64],
) -> None:
    """Write base + cost of each column in plain float64, or a huge value where too little weight lies between for that."""
    w, s, q = columns[0], columns[1], columns[2]
    for i in range(values.size):
        weight, first = row[0] - w[i], row[2] - s[i]
        value = base[i] + ((row[4] - q[i]) - first * first / weight)
        values[i] = value if weight >= w_least else _UNSURE


@kernel()
def run_layers(  # noqa: C901, PLR0917 - one programme, entered once; kernels take arrays by position
    sums: NDArray[np.float64],
    edges: NDArray[np.int64],
    first: NDArray[np.int64],
    credit: NDArray[np.float64],
    best: NDArray[np.float64],
    previous: NDArray[np.int64],
) -> None:
    """Fill the tables of the dynamic programme, layer by layer.

    Layer m holds the places, in order, where its m-th threshold may lie: ``edges[first[m]:first[m + 1]]``. Then ::

        best[m, r] = min over c of best[m - 1, c] - credit[m - 1, c] + cost(edge(m - 1, c), edge(m, r))

    over the columns c whose edge is not beyond row r's. The cost is concave Monge and the other terms belong to one column, so
    the leftmost minimiser never moves left as r grows: the middle row bounds the search of the rows on both sides (Grønlund et
    al. 2017, arXiv:1701.07204), O(n log n) a layer.

    Columns are first compared in plain float64, whose error is bounded: with |x| ≤ 1 each of the three sums is off by a few units
    in the last place of the whole weight. Only the columns within that error of the least are evaluated in pairs.

    Parameters
    ----------
    sums : ndarray of float64, shape (n + 1, 6)
        From :func:`prefix_sums`, of x within ±1.
    edges : ndarray of int64
        All layers, one after the other; layer 0 is the single edge 0.
    first : ndarray of int64, shape (layers + 1,)
        Where each layer begins.
    credit : ndarray of float64, same length as ``edges``
    best, previous : ndarray, same length as ``edges``
        Filled here; ``previous`` is the minimiser's place within its own layer.
    """
    best[: first[1]] = 0.0
    previous[: first[1]] = 0
    total = sums[sums.shape[0] - 1, 0]
    scratch = np.empty(edges.size)
    for layer in range(1, first.size - 1):
        places, rows = edges[first[layer - 1] : first[layer]], edges[first[layer] : first[layer + 1]]
        least, where = best[first[layer] : first[layer + 1]], previous[first[layer] : first[layer + 1]]
        base = best[first[layer - 1] : first[layer]] - credit[first[layer - 1] : first[layer]]
        columns = np.empty((3, places.size))
        largest = 0.0
        for c in range(places.size):
            columns[0, c], columns[1, c], columns[2, c] = sums[places[c], 0], sums[places[c], 2], sums[places[c], 4]
            if abs(base[c]) < np.inf:
                largest = max(largest, abs(base[c]))
        error = _EPSILON * (64 * total + 8 * largest)
        step = 1
        while 2 * step <= rows.size:
            step *= 2
        while step:
            for row in range(step - 1, rows.size, 2 * step):
                low = where[row - step] if row >= step else 0
                high = where[row + step] if row + step < rows.size else places.size - 1
                while high >= low and places[high] > rows[row]:
                    high -= 1
                values = scratch[: high - low + 1]
                _quick_values(columns[:, low : high + 1], base[low : high + 1], sums[rows[row]], _LIGHT * total, values)
                limit = _smallest(values) + error
                least[row], where[row] = np.inf, low
                for c in range(low, high + 1):
                    if values[c - low] <= limit or values[c - low] == _UNSURE:
                        value = base[c] + _cost(sums, places[c], rows[row])
                        if value < least[row]:
                            least[row], where[row] = value, c
            step //= 2
