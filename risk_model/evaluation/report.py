"""One evaluation: the model beside its comparators on rows of a later time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from risk_model.dataset import Dataset
from risk_model.evaluation.comparators import (
    Columns,
    PublishedScores,
    base_margin,
    chosen,
    comparator_scores,
)
from risk_model.evaluation.metrics import (
    PROBABILISTIC,
    RANKING,
    Metric,
    days_gained,
    positives_at,
    recall_at,
    reliability,
    with_intervals,
)
from risk_model.evaluation.population import Outcomes
from risk_model.evaluation.selection import selection_report
from risk_model.evaluation.slices import kinds_of, slice_report
from risk_model.growing import grown_without
from risk_model.model import RiskModel
from risk_model.specification import ModelSpecification, validate

FEWEST_ROWS = 50
#: Points of the curves.
CURVE_POINTS = 50


def evaluate(
    model: RiskModel,
    dataset: Dataset,
    *,
    beside: Sequence[PublishedScores] = (),
    truth: pd.DataFrame | None = None,
    population: tuple[pd.DataFrame, Outcomes] | None = None,
    registration: pd.DataFrame | None = None,
    unseen: np.ndarray | None = None,
    repetitions: int = 300,
    comparators: str = "basic",
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
    population
        Everybody at risk at test dates and what was found of them, for figures of the whole
        population; without it these are refused.
    registration
        ``district`` and ``enterprise_type`` of the test rows, in their order, for slices.
    unseen
        Raw margins of the training rows by trees that were grown without their enterprise, for figures of
        the whole population, which their random draws help; grown here where they are not given.
    repetitions
        Of the bootstrap.
    comparators
        ``basic``, or ``all``, which takes minutes.

    Returns
    -------
    dict
        Rows, base rate, metrics with intervals of the model and of each comparator, reliability
        bins, curves, days gained, figures of the whole population, slices, and the metrics on the
        randomly drawn inspections alone where there are enough.
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
        "curves": curves(label, margin),
        "slices": slice_report(
            kinds_of(test, registration), label, margin, probabilities, groups, repetitions=repetitions
        ),
        "whole_population": whole_population(
            model, dataset, population=population, truth=truth, unseen=unseen, repetitions=repetitions
        ),
    }
    # A label that is not a visit (an incident that did not happen) has no date to be moved.
    if "selection" in test and test["event_date"].notna().all():
        result["sooner"] = sooner(model, test, margin, repetitions)
    ranking = dict(RANKING)
    columns = Columns.of_library(model.feature_names)
    scores = comparator_scores(dataset.part("train"), test, columns, comparators)
    compared: dict[str, Any] = {
        c.name: figures(scores[c.name], ranking | (dict(PROBABILISTIC) if c.probabilistic else {}))
        for c in chosen(comparators)
    }
    if model.base is not None:
        general = base_margin(model, test)
        compared["general_model_alone"] = figures(general, ranking)
        result["gain_over_general"] = figures(
            np.column_stack([margin, general]),
            {name: _difference(metric) for name, metric in ranking.items()},
        )
    for published in beside:
        score = published.of(test)
        keep = np.isfinite(score)
        compared[published.name] = {"rows": int(keep.sum()), **figures(score, ranking, keep)}
        result.setdefault("beside", {})[published.name] = {
            "rows": int(keep.sum()),
            "positives": int(label[keep].sum()),
            "model_on_the_same_rows": figures(margin, ranking, keep),
        }
    if truth is not None and f"p_{model.name}" in truth:
        true = _true_probability(test, truth, f"p_{model.name}")
        keep = np.isfinite(true)
        compared["true_probability"] = {"rows": int(keep.sum()), **figures(true, ranking, keep)}
    result["comparators"] = compared
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


def sooner(model: RiskModel, test: pd.DataFrame, margin: np.ndarray, repetitions: int) -> dict[str, Any]:
    """Return what visiting in the model's order would have gained, the dates of the visits kept.

    Returns
    -------
    dict
        ``days_gained`` a problem, and the share of the problems found in the first half of the
        visits, in the model's order and as they were held.

    Notes
    -----
    With a row an inspection, all inspections of the test period are one campaign; with a row an
    enterprise and date, those that follow one date are.
    """
    day = (test["event_date"] - test["event_date"].min()).dt.days.to_numpy(np.float64)
    by_event = model.facts["specification"]["windows"]["rows"] == "events"
    campaign = np.zeros(len(test)) if by_event else test["as_of"].rank(method="dense").to_numpy()
    half: dict[str, Metric] = {
        "days_gained": lambda y, s: days_gained(y, s[:, 0], s[:, 1], s[:, 2]),
        "found_in_first_half": lambda y, s: recall_at(y, s[:, 0], 0.5),
        "found_in_first_half_as_held": lambda y, s: recall_at(y, -s[:, 1], 0.5),
    }
    return with_intervals(
        test["label"].to_numpy(),
        np.column_stack([margin, day, campaign]),
        test["credit_code"].to_numpy(),
        half,
        repetitions=repetitions,
    )


def curves(label: np.ndarray, score: np.ndarray) -> dict[str, list[float]]:
    """Return the cumulative gain and the ROC curve, at equal shares of the rows; ties in expectation."""
    shares = np.linspace(0, 1, CURVE_POINTS + 1)
    found, clean = float(label.sum()), float((1 - label).sum())
    if not found or not clean:
        return {"share": [], "gain": [], "false_positive_rate": []}
    taken = np.array([0, *(max(1, round(share * len(label))) for share in shares[1:])])
    hits = np.array([0.0, *(positives_at(label, score, share) for share in shares[1:])])
    return {
        "share": shares.tolist(),
        "gain": (hits / found).tolist(),
        "false_positive_rate": ((taken - hits) / clean).tolist(),
    }


def whole_population(
    model: RiskModel,
    dataset: Dataset,
    *,
    population: tuple[pd.DataFrame, Outcomes] | None,
    truth: pd.DataFrame | None,
    unseen: np.ndarray | None = None,
    repetitions: int,
) -> dict[str, Any]:
    """Return figures of everybody at risk, or why nothing is claimed of them."""
    specification = model.facts["specification"]
    if specification["target"]["absence"] == "negative":
        return {
            "refused": {
                "zh": "标签对全部在营企业已知，上列指标已代表总体",
                "en": "every enterprise at risk is labelled: the figures above are those of the population",
            }
        }
    if population is None:
        return {
            "refused": {
                "zh": "样本中每行是一次检查，未被检查的企业不在其中，不能推断总体",
                "en": "each row is an inspection and those not inspected are not among them: "
                "nothing is claimed of the population",
            }
        }
    rows, found = population
    features = model.matrix(rows)
    margin = model.margin(features)
    column = f"p_{model.name}"
    true = None
    if truth is not None and column in truth:
        true = _true_probability(rows, truth, column)
    return selection_report(
        rows,
        found,
        margin,
        model.probability(features),
        features,
        earlier=earlier_draws(model, dataset, unseen),
        truth=true,
        repetitions=repetitions,
    )


def earlier_draws(
    model: RiskModel, dataset: Dataset, unseen: np.ndarray | None = None
) -> tuple[np.ndarray, pd.DataFrame] | None:
    """Return margins and rows of earlier random draws that no tree saw whose margin they are given.

    Parameters
    ----------
    model, dataset
        The calibration part counts as it is, the training part by trees grown without the enterprise.
    unseen
        Raw margins of the training rows by those; grown here where they are not given.

    Returns
    -------
    tuple or None
        Margins, shape (d,), and rows; None if no draw's probability is recorded.
    """
    if "inclusion_probability" not in dataset.rows:
        return None
    before, after = dataset.part("train"), dataset.part("calibration")
    if unseen is None:
        specification = validate(ModelSpecification, model.facts["specification"], source=model.name)
        unseen = grown_without(model, specification, before)
    margin = np.concatenate([model.calibration.margin(unseen), model.margin(model.matrix(after))])
    rows = pd.concat([before, after], ignore_index=True)
    drawn = (rows["selection"] == "random").to_numpy() & (rows["inclusion_probability"] > 0).to_numpy()
    return (margin[drawn], rows[drawn]) if drawn.any() else None


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
