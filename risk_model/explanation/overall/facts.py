"""Contributions of many rows, the windows of one fact together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.definitions import Feature
from features.records import Label
from risk_model.model import RiskModel


@dataclass(frozen=True)
class FactContributions:
    """What each declared fact adds to the margin.

    Attributes
    ----------
    names, labels
        Facts (declarations), in the order of the model.
    values
        Log-odds, shape (n, facts).
    """

    names: tuple[str, ...]
    labels: tuple[Label, ...]
    values: np.ndarray

    def of(self, names: Sequence[str]) -> np.ndarray:
        """Return the values of some facts, 0 for those that the model does not look at."""
        place = {name: i for i, name in enumerate(self.names)}
        out = np.zeros((len(self.values), len(names)))
        for column, name in enumerate(names):
            if name in place:
                out[:, column] = self.values[:, place[name]]
        return out


def of_facts(features: Sequence[Feature], contributions: np.ndarray) -> FactContributions:
    """Add up contributions by declaration.

    Parameters
    ----------
    features
        Columns of ``contributions``.
    contributions
        Shape (n, features).
    """
    names = tuple(dict.fromkeys(feature.group for feature in features))
    member = np.array([[feature.group == name for name in names] for feature in features], dtype=np.float64)
    labels = {feature.group: feature.label for feature in reversed(features)}
    return FactContributions(
        names, tuple(labels[name] for name in names), contributions @ member.reshape(-1, len(names))
    )


def facts_of(model: RiskModel, matrix: np.ndarray) -> FactContributions:
    """Explain the rows of a matrix by fact."""
    return of_facts(model.features, model.contributions(matrix).values)
