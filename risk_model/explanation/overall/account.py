"""Importance, dependence and stability of one model, worked out together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from risk_model.explanation.explanation import SMALLEST_POINTS
from risk_model.explanation.overall.dependence import Dependence, dependence
from risk_model.explanation.overall.facts import facts_of, of_facts
from risk_model.explanation.overall.importance import Importance, importance
from risk_model.explanation.overall.stability import Stability, stability
from risk_model.model import RiskModel

#: Rows that are looked at, at most; they are chosen at random.
MOST_ROWS = 5_000
#: Features of which the dependence is told, those that move the scores most.
TOLD = 12


@dataclass(frozen=True)
class OverallExplanation:
    """What moves the scores of a model.

    Attributes
    ----------
    model
        Its name.
    rows
        Rows that were looked at.
    importance
        Of all facts, the largest first.
    dependence
        Of the features that move the scores most.
    against
        The version that it was compared with.
    stability
        What the comparison found; None without one.
    """

    model: str
    rows: int
    importance: tuple[Importance, ...]
    dependence: tuple[Dependence, ...]
    against: str | None = None
    stability: Stability | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "model": self.model,
            "rows": self.rows,
            "importance": [one.as_dict() for one in self.importance],
            "dependence": [one.as_dict() for one in self.dependence],
            "against": self.against,
            "stability": None if self.stability is None else self.stability.as_dict(),
        }


def explain_overall(
    model: RiskModel,
    population: pd.DataFrame,
    *,
    against: RiskModel | None = None,
    against_version: str | None = None,
    most_rows: int = MOST_ROWS,
    repetitions: int = 300,
    seed: int = 0,
) -> OverallExplanation:
    """Say what moves the scores of a model.

    Parameters
    ----------
    model
        The model.
    population
        ``credit_code`` and the features of the model, and those of ``against``.
    against, against_version
        Another version, whose reasons for the same enterprises are compared.
    most_rows
        Rows that are looked at, at most.
    repetitions, seed
        Of the bootstrap over enterprises, and of the choice of rows.

    Raises
    ------
    InputError
        If the population lacks a feature.
    """
    chosen = np.random.default_rng(seed).permutation(len(population))[:most_rows]
    rows = population.iloc[np.sort(chosen)]
    groups = rows["credit_code"].to_numpy()
    matrix = model.matrix(rows)
    values = model.contributions(matrix).values
    facts = of_facts(model.features, values)
    order = np.argsort(-np.abs(values).sum(axis=0), kind="stable")[:TOLD]
    told = [
        dependence(model.features[column], matrix[:, column], values[:, column])
        for column in order
        if np.any(values[:, column])
    ]
    compared = None
    if against is not None and len(rows):
        compared = stability(
            facts_of(against, against.matrix(rows)),
            facts,
            groups,
            smallest=SMALLEST_POINTS / model.policy.score.factor,
            repetitions=repetitions,
            seed=seed,
        )
    return OverallExplanation(
        model=model.name,
        rows=len(rows),
        importance=importance(facts, groups, repetitions=repetitions, seed=seed) if len(rows) else (),
        dependence=tuple(told),
        against=against_version if compared is not None else None,
        stability=compared,
    )
