"""The expert points card: the comparator that a province already has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from risk_model.specification import MODELS, Strict, Words, read_yaml, validate


class PointsRule(Strict):
    """Points for each unit of a feature, up to a maximum."""

    feature: str
    each: float
    at_most: float = Field(gt=0)


class PointsCard(Strict):
    """``models/points_card.yaml``."""

    name: str
    label: Words
    points: tuple[PointsRule, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it looks at."""
        return tuple(rule.feature for rule in self.points)

    def score(self, table: pd.DataFrame) -> np.ndarray:
        """Return points of each row; the more, the riskier. What is missing gives none."""
        total = np.zeros(len(table))
        for rule in self.points:
            value = np.nan_to_num(table[rule.feature].to_numpy(np.float64))
            total += np.minimum(value * rule.each, rule.at_most)
        return total


def load_points_card(path: Path = MODELS / "points_card.yaml") -> PointsCard:
    """Read the points card."""
    return validate(PointsCard, read_yaml(path), source=f"models/{path.name}")
