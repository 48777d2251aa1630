"""What a model is compared with, on the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from risk_model.dataset import Dataset
from risk_model.evaluation.comparators.columns import Columns
from risk_model.evaluation.comparators.contenders import (
    COMPARATORS,
    Comparator,
    chosen,
    comparator_scores,
    points,
)
from risk_model.evaluation.comparators.published import PublishedScores
from risk_model.model import RiskModel

__all__ = [
    "COMPARATORS",
    "Columns",
    "Comparator",
    "PublishedScores",
    "base_margin",
    "chosen",
    "comparator_scores",
    "logistic_regression",
    "points",
]


def logistic_regression(dataset: Dataset, features: tuple[str, ...]) -> np.ndarray:
    """Return test probabilities of a logistic regression on the same features and rows."""
    columns = Columns.of_library(features)
    return comparator_scores(dataset.part("train"), dataset.part("test"), columns, ("logistic_regression",))[
        "logistic_regression"
    ]


def base_margin(model: RiskModel, rows: pd.DataFrame) -> np.ndarray:
    """Return the general margin of rows of a sector model."""
    if model.base is None:
        msg = f"model {model.name!r} has no base"
        raise ValueError(msg)
    return model.base.margin(model.base.matrix(rows))
