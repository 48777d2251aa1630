"""What a feature adds, by its value, beside the direction that its declaration expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from features.definitions import Direction, Feature
from features.records import Label
from risk_model.explanation.values import value_in_words

#: Bins of a feature with many values, equally filled; fewer distinct values are bins of their own.
BINS = 10
#: Fewer rows than this are no bin of their own.
FEWEST = 5


@dataclass(frozen=True)
class Bin:
    """Rows with like values.

    Attributes
    ----------
    label
        The value, or the median of the values, in words.
    value
        The same as a number; NaN for rows without one.
    rows
        How many they are.
    mean, low, high
        Mean contribution and the range of the middle four fifths, in log-odds.
    """

    label: Label
    value: float
    rows: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Dependence:
    """What one feature adds, by its value.

    Attributes
    ----------
    feature
        Its declaration says the expected direction.
    bins
        By value; the last is that of rows without one, if there are any.
    correlation
        Rank correlation of value and contribution; NaN for a category or a constant.
    """

    feature: Feature
    bins: tuple[Bin, ...]
    correlation: float

    @property
    def follows(self) -> bool | None:
        """Whether larger values go with contributions as declared; None if nothing is declared or known."""
        if self.feature.direction is Direction.NONE or np.isnan(self.correlation):
            return None
        return bool(self.correlation * int(self.feature.direction) >= 0)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data; unknown is None."""
        return {
            "feature": self.feature.name,
            "label": {"zh": self.feature.label.zh, "en": self.feature.label.en},
            "direction": int(self.feature.direction),
            "correlation": None if np.isnan(self.correlation) else self.correlation,
            "follows": self.follows,
            "bins": [
                {
                    "label": {"zh": one.label.zh, "en": one.label.en},
                    "value": None if np.isnan(one.value) else one.value,
                    "rows": one.rows,
                    "mean": one.mean,
                    "low": one.low,
                    "high": one.high,
                }
                for one in self.bins
            ],
        }


def dependence(feature: Feature, values: np.ndarray, contributions: np.ndarray) -> Dependence:
    """Return what a feature adds, by its value.

    Parameters
    ----------
    feature
        Its declaration.
    values, contributions
        Of the rows, shape (n,); a missing value is NaN.
    """
    known = ~np.isnan(values)
    bins = [_bin(feature, rows, values, contributions) for rows in _alike(feature, values)]
    correlation = float("nan")
    if (
        feature.codes is None
        and len(np.unique(values[known])) > 1
        and len(np.unique(contributions[known])) > 1
    ):
        correlation = float(spearmanr(values[known], contributions[known]).statistic)
    return Dependence(feature, tuple(bins), correlation)


def _alike(feature: Feature, values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows of each bin, by value; last those without one."""
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    distinct, starts = np.unique(values[order], return_index=True)
    if feature.codes is None and len(distinct) > BINS:
        # Equally filled, but never with one value in two bins.
        edges = np.searchsorted(starts, np.arange(1, BINS) * len(order) / BINS)
        starts = np.unique(np.concatenate([[0], starts[np.minimum(edges, len(starts) - 1)]]))
    for rows in np.split(order, starts[1:]) if len(order) else ():
        if len(rows) >= FEWEST:
            yield rows
    missing = np.flatnonzero(np.isnan(values))
    if len(missing) >= FEWEST:
        yield missing


def _bin(feature: Feature, rows: np.ndarray, values: np.ndarray, contributions: np.ndarray) -> Bin:
    own = contributions[rows]
    # The lower median is a value that occurs: a category has no mean.
    middle = float(np.sort(values[rows])[(len(rows) - 1) // 2])
    low, high = np.quantile(own, [0.1, 0.9])
    return Bin(value_in_words(feature, middle), middle, len(rows), float(own.mean()), float(low), float(high))
