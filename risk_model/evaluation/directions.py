"""A certificate that every declared direction holds, and what the constraint costs.

Trees are steps: between two neighbouring thresholds nothing changes. Walking a feature of an
enterprise through a value in every step between all thresholds of the trees, everything else as it is,
therefore covers every value that the feature could have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from risk_model.dataset import Dataset
from risk_model.evaluation.metrics import RANKING, rank_auc, with_intervals
from risk_model.explanation.trees.ensemble import read_ensemble
from risk_model.model import RiskModel

#: Enterprises that are walked.
SAMPLE = 100
#: A step against the direction below this is rounding of sums of leaves (log-odds).
TOLERANCE = 1e-9


def thresholds(model: RiskModel) -> dict[int, np.ndarray]:
    """Return the thresholds of the numerical splits of a model and its base, by column of its matrix."""
    found: dict[int, list[float]] = {}
    if model.base is not None:
        found = {column: values.tolist() for column, values in thresholds(model.base).items()}
    if model.booster is not None:
        for tree in read_ensemble(model.booster.model_to_string()).trees:
            for feature, threshold, categories in zip(
                tree.feature, tree.threshold, tree.categories, strict=True
            ):
                if categories is None:
                    found.setdefault(int(model.own_columns[feature]), []).append(float(threshold))
    return {column: np.unique(values) for column, values in sorted(found.items())}


def walk(model: RiskModel, matrix: np.ndarray, column: int, steps: np.ndarray) -> np.ndarray:
    """Return the margins of rows along a feature.

    Parameters
    ----------
    model
        The model.
    matrix
        Rows, shape (n, features).
    column
        The feature that is walked.
    steps
        Its thresholds in ascending order, shape (t,).

    Returns
    -------
    numpy.ndarray
        Shape (n, t + 1): below the first threshold, between each two, above the last.
    """
    # A split sends x <= threshold to the left: each threshold is itself a value of its step.
    values = np.append(steps, np.nextafter(steps[-1] + 1.0, np.inf))
    rows = np.repeat(matrix, len(values), axis=0)
    rows[:, column] = np.tile(values, len(matrix))
    return model.margin(rows).reshape(len(matrix), len(values))


def certify(model: RiskModel, matrix: np.ndarray, *, sample: int = SAMPLE, seed: int = 0) -> dict[str, Any]:
    """Walk every declared direction on a sample of enterprises.

    Parameters
    ----------
    model
        The model.
    matrix
        Rows to choose from, shape (n, features).
    sample
        Rows that are walked.
    seed
        Of the choice.

    Returns
    -------
    dict
        ``holds``, ``enterprises``, ``steps`` walked in all, ``violations``, the largest step against a
        declared direction, and by feature the direction, steps and violations.

    Notes
    -----
    From no value to a value nothing is declared and nothing is certified. A declared feature on which
    no tree splits holds trivially and is counted in ``unused``.
    """
    rng = np.random.default_rng(seed)
    rows = matrix[rng.permutation(len(matrix))[:sample]]
    splits = thresholds(model)
    features: list[dict[str, Any]] = []
    unused = 0
    for column, feature in enumerate(model.features):
        direction = int(feature.direction)
        if not direction:
            continue
        if column not in splits or not len(rows):
            unused += 1
            continue
        change = direction * np.diff(walk(model, rows, column, splits[column]), axis=1)
        features.append(
            {
                "feature": feature.name,
                "label": {"zh": feature.label.zh, "en": feature.label.en},
                "direction": "raises" if direction > 0 else "lowers",
                "steps": int(change.size),
                "violations": int((change < -TOLERANCE).sum()),
                "largest_violation": float(max(-change.min(), 0.0)),
                "largest_effect": float(change.sum(axis=1).max()),
            }
        )
    violations = sum(f["violations"] for f in features)
    return {
        "holds": violations == 0,
        "enterprises": len(rows),
        "steps": sum(f["steps"] for f in features),
        "violations": violations,
        "largest_violation": max((f["largest_violation"] for f in features), default=0.0),
        "declared": len(features) + unused,
        "unused": unused,
        "features": features,
    }


def cost_of_directions(
    model: RiskModel, twin: RiskModel, dataset: Dataset, *, repetitions: int = 300
) -> dict[str, Any]:
    """Return what the constraints cost out of time, against the same model without them.

    Parameters
    ----------
    model, twin
        With and without constraints, otherwise alike.
    dataset
        Rows; the test part is looked at.
    repetitions
        Of the paired bootstrap.

    Returns
    -------
    dict
        ROC AUC of both, and ``cost``: unconstrained less constrained, with intervals.
    """
    test = dataset.part("test")
    matrix = model.matrix(test)
    both = np.column_stack([model.margin(matrix), twin.margin(matrix)])
    found = with_intervals(
        test["label"].to_numpy(),
        both,
        test["credit_code"].to_numpy(),
        {
            "constrained": lambda y, s: rank_auc(y, s[:, 0]),
            "unconstrained": lambda y, s: rank_auc(y, s[:, 1]),
            "cost": lambda y, s: rank_auc(y, s[:, 1]) - rank_auc(y, s[:, 0]),
        },
        repetitions=repetitions,
    )
    return {"metric": next(iter(RANKING)), **found}
