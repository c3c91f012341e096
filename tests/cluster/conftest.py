"""An independent K-means on partial data, in plain float64 NumPy, and series to try it on."""

from __future__ import annotations

import numpy as np
import pytest


class PlainKMeans:
    """What the kernels must agree with; written from the definition, slow and simple."""

    @staticmethod
    def mixture(seed: int, pixels: int, dates: int, clusters: int, sd: float) -> tuple[np.ndarray, np.ndarray]:
        """Return series (pixels, dates), float64, around random centers, and the center each comes from."""
        random = np.random.default_rng(seed)
        truth = random.integers(0, clusters, pixels)
        centers = random.uniform(0, 0.9, (clusters, dates))
        return centers[truth] + random.normal(0, sd, (pixels, dates)), truth

    @staticmethod
    def with_gaps(series: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
        """Return a copy with a share of the values missing at random."""
        return np.where(np.random.default_rng(seed).random(series.shape) < share, np.nan, series)

    @staticmethod
    def squares(x: np.ndarray, centers: np.ndarray, *, scaled: bool = True) -> np.ndarray:
        """Return Σ over observed dates of (x − c)², times d/|O| if scaled, shape (pixels, clusters)."""
        squares = np.nansum((x[:, None, :] - centers[None]) ** 2, axis=2)
        share = x.shape[1] / np.maximum((~np.isnan(x)).sum(axis=1), 1)
        return squares * share[:, None] if scaled else squares

    @classmethod
    def objective(
        cls, x: np.ndarray, centers: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None, *, scaled: bool = True
    ) -> float:
        """Return the objective at labels and centers; label −1 does not count."""
        kept = labels >= 0
        own = cls.squares(x[kept], centers, scaled=scaled)[np.arange(kept.sum()), labels[kept]]
        return float(own.sum() if weights is None else (weights[kept] * own).sum())

    @classmethod
    def lloyd(cls, x: np.ndarray, centers: np.ndarray, updates: int, *, scaled: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return centers and labels after so many updates; no cluster may become empty."""
        seen = ~np.isnan(x)
        weight = x.shape[1] / np.maximum(seen.sum(axis=1), 1) if scaled else np.ones(len(x))
        labels = cls.squares(x, centers).argmin(axis=1)
        for _ in range(updates):
            heavy = [weight[labels == k, None] * seen[labels == k] for k in range(len(centers))]
            sums = [(w * np.nan_to_num(x[labels == k])).sum(axis=0) / w.sum(axis=0) for k, w in enumerate(heavy)]
            centers = np.array(sums)
            labels = cls.squares(x, centers).argmin(axis=1)
        return centers, labels


@pytest.fixture(scope="session")
def plain() -> type[PlainKMeans]:
    """Return the independent K-means."""
    return PlainKMeans
