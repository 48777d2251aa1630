"""One evaluation: the model beside its comparators on rows of a later time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from risk_model.dataset import Dataset
from risk_model.evaluation.comparators import PublishedScores, base_margin, logistic_regression, points
from risk_model.evaluation.metrics import PROBABILISTIC, RANKING, Metric, reliability, with_intervals
from risk_model.model import RiskModel

FEWEST_ROWS = 50


def evaluate(
    model: RiskModel,
    dataset: Dataset,
    *,
    beside: Sequence[PublishedScores] = (),
    truth: pd.DataFrame | None = None,
    repetitions: int = 300,
) -> dict[str, Any]:
    """Evaluate a model out of time.

    Parameters
    ----------
    model
        Trained model.
    dataset
        Rows that it was trained, calibrated and is to be tested on.
    beside
        Published scores of other models for the same records.
    truth
        Of a simulation: ``credit_code``, ``as_of`` and ``p_<model>``, the true probability.
    repetitions
        Of the bootstrap.

    Returns
    -------
    dict
        Rows, base rate, metrics with intervals of the model and of each comparator, reliability
        bins, and the same on the randomly drawn inspections alone where there are enough.
    """
    test = dataset.part("test")
    label = test["label"].to_numpy()
    matrix = model.matrix(test)
    margin = model.margin(matrix)
    probabilities = model.probability(matrix)
    groups = test["credit_code"].to_numpy()

    def figures(
        score: np.ndarray, metrics: dict[str, Metric], keep: np.ndarray | None = None
    ) -> dict[str, Any]:
        rows = np.ones(len(label), dtype=bool) if keep is None else keep
        return with_intervals(label[rows], score[rows], groups[rows], metrics, repetitions=repetitions)

    result: dict[str, Any] = {
        "model": model.name,
        "target": model.facts["specification"]["target"]["label"],
        "data_snapshot": model.facts["data_snapshot"],
        "windows": dataset.windows,
        "rows": len(test),
        "enterprises": int(test["credit_code"].nunique()),
        "positives": int(label.sum()),
        "base_rate": float(label.mean()),
        "population": "enterprises that were inspected" if "selection" in test else "all enterprises at risk",
        "metrics": figures(margin, dict(RANKING)) | figures(probabilities, dict(PROBABILISTIC)),
        "reliability": reliability(label, probabilities),
        "learned": model.booster is not None,
    }
    ranking = dict(RANKING)
    comparators: dict[str, Any] = {
        "points_card": figures(points(test), ranking),
        "logistic_regression": figures(logistic_regression(dataset, model.feature_names), ranking),
    }
    if model.base is not None:
        general = base_margin(model, test)
        comparators["general_model_alone"] = figures(general, ranking)
        result["gain_over_general"] = figures(
            np.column_stack([margin, general]),
            {name: _difference(metric) for name, metric in ranking.items()},
        )
    for published in beside:
        score = published.of(test)
        keep = np.isfinite(score)
        comparators[published.name] = {"rows": int(keep.sum()), **figures(score, ranking, keep)}
        result.setdefault("beside", {})[published.name] = {
            "rows": int(keep.sum()),
            "positives": int(label[keep].sum()),
            "model_on_the_same_rows": figures(margin, ranking, keep),
        }
    if truth is not None and f"p_{model.name}" in truth:
        true = _true_probability(test, truth, f"p_{model.name}")
        keep = np.isfinite(true)
        comparators["true_probability"] = {"rows": int(keep.sum()), **figures(true, ranking, keep)}
    result["comparators"] = comparators
    if "selection" in test:
        drawn = (test["selection"] == "random").to_numpy()
        if drawn.sum() >= FEWEST_ROWS and len(np.unique(label[drawn])) == 2:
            result["random_draws_only"] = {
                "rows": int(drawn.sum()),
                "base_rate": float(label[drawn].mean()),
                "metrics": figures(margin, dict(RANKING), drawn)
                | figures(probabilities, dict(PROBABILISTIC), drawn),
            }
    return result


def _difference(metric: Metric) -> Metric:
    return lambda y, both: metric(y, both[:, 0]) - metric(y, both[:, 1])


def _true_probability(rows: pd.DataFrame, truth: pd.DataFrame, column: str) -> np.ndarray:
    """Return the truth of each row at the newest date on or before its as-of date."""
    right = truth[["credit_code", "as_of", column]].copy()
    right["as_of"] = pd.to_datetime(right["as_of"]).astype(rows["as_of"].dtype)
    left = rows[["credit_code", "as_of"]].reset_index(names="place").sort_values("as_of", kind="stable")
    joined = pd.merge_asof(
        left,
        right.sort_values("as_of", kind="stable"),
        on="as_of",
        by="credit_code",
        tolerance=pd.Timedelta(days=190),
    )
    return joined.set_index("place")[column].reindex(rows.index).to_numpy(np.float64)
