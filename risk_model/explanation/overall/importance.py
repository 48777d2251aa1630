"""How much each fact moves the scores, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.records import Label
from risk_model.explanation.overall.facts import FactContributions

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure with its bootstrap interval."""

    value: float
    low: float
    high: float

    def as_floats(self, unit: float = 1.0) -> dict[str, float]:
        """Return the three numbers by name, in another unit; NaN where nothing is known."""
        return {name: value * unit for name, value in self.__dict__.items()}

    def as_dict(self) -> dict[str, float | None]:
        """Return it as plain data; None where nothing is known."""
        return {name: None if math.isnan(value) else value for name, value in self.__dict__.items()}


@dataclass(frozen=True)
class Importance:
    """How much one fact moves the scores.

    Attributes
    ----------
    name, label
        Of the fact.
    mean_absolute
        Mean absolute contribution, in log-odds.
    """

    name: str
    label: Label
    mean_absolute: Interval

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "label": {"zh": self.label.zh, "en": self.label.en},
            "mean_absolute": self.mean_absolute.as_dict(),
        }


def importance(
    found: FactContributions, groups: np.ndarray, *, repetitions: int = 300, seed: int = 0
) -> tuple[Importance, ...]:
    """Return the mean absolute contribution of each fact, the largest first.

    Parameters
    ----------
    found
        Contributions, shape (n, facts).
    groups
        Enterprise of each row, shape (n,).
    repetitions, seed
        Of the bootstrap.
    """
    intervals = mean_with_intervals(np.abs(found.values), groups, repetitions=repetitions, seed=seed)
    told = [Importance(*one) for one in zip(found.names, found.labels, intervals, strict=True)]
    return tuple(sorted(told, key=lambda one: -one.mean_absolute.value))


def mean_with_intervals(
    values: np.ndarray, groups: np.ndarray, *, repetitions: int = 300, seed: int = 0
) -> list[Interval]:
    """Return the mean of each column with a percentile interval of 95 %.

    Parameters
    ----------
    values
        Shape (n, columns).
    groups
        Enterprise of each row: whole enterprises are drawn, since rows of one are not independent.
    repetitions, seed
        Of the bootstrap.

    Notes
    -----
    A mean needs only how often each enterprise was drawn: all repetitions are one product of matrices.
    """
    if not len(values):
        return [Interval(float("nan"), float("nan"), float("nan"))] * values.shape[1]
    _, member = np.unique(groups, return_inverse=True)
    sizes = np.bincount(member).astype(np.float64)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, member, values)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=repetitions)
    means = (drawn @ sums) / (drawn @ sizes)[:, None]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, tail, axis=0), np.quantile(means, 1 - tail, axis=0)
    whole = values.mean(axis=0)
    return [Interval(*map(float, one)) for one in zip(whole, low, high, strict=True)]
