"""Whether probabilities that were published came true, as far as the labels are in.

A label takes its horizon to happen and a while to be recorded. A classification is judged only when
both are over; before that it is said when it will be.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import logit
from scipy.stats import norm

from features.runners.threads import RecordReader
from risk_model.evaluation.selection import logistic_curve
from risk_model.labels import LabelledEvents, label_pairs
from risk_model.publication import Publication
from risk_model.specification import Target

#: Share of the records of a kind that are recorded within the delay.
DELAY_SHARE = 0.95
#: Difference of rates that matters, and error of a single verdict.
SIZE, ERROR = 0.02, 0.05
FEWEST_ROWS, FEWEST_DRAWS = 100, 100


def label_delay(events: LabelledEvents) -> int:
    """Return days after an event within which 95 % of its kind are recorded."""
    lag = (events.frame["recorded_at"] - events.frame["event_date"]).dt.days.to_numpy()
    return int(np.ceil(np.quantile(lag, DELAY_SHARE))) if len(lag) else 0


def newest_record(snapshot: RecordReader, target: Target) -> date | None:
    """Return the day on which the newest record of the target's table was recorded."""
    recorded = snapshot.read(target.table, columns=["recorded_at"])["recorded_at"].drop_null()
    return max(recorded.to_pylist()) if len(recorded) else None


def judge(
    publication: Publication, model: str, events: LabelledEvents, target: Target, newest: date, tests: int = 1
) -> dict[str, Any]:
    """Compare published probabilities with what was found.

    Parameters
    ----------
    publication, model
        What was published.
    events, target
        Labels.
    newest
        Day up to which records are in.
    tests
        Verdicts in all (Bonferroni).

    Returns
    -------
    dict
        ``as_of``, ``complete_on`` (when its labels are in), ``mature``, rows so far, and if it is
        mature: predicted and observed rate of the inspected and, with inverse inclusion probabilities,
        of the random draws; slope and intercept of a recalibration; ``p_value`` and ``alarm``.

    Notes
    -----
    The difference of observed and expected findings is normal with variance ``sum p (1 - p)`` if every
    probability is right (Spiegelhalter 1986 on the same ground). Random draws speak of everybody; the
    inspected do not, and the alarm is of the draws where there are enough.
    """
    complete = publication.as_of + timedelta(days=target.horizon_days + label_delay(events))
    columns = ["credit_code", "probability"]
    rows = publication.rows(model=model, columns=columns)
    pairs = pa.table(
        {
            "credit_code": rows["credit_code"],
            "as_of": pa.array([publication.as_of] * len(rows), pa.date32()),
        }
    )
    labelled = label_pairs(pairs, events, target)
    # What is not recorded yet is not known, whatever day it happened on.
    labelled = labelled[labelled["label_known"] <= pd.Timestamp(newest)]
    published = pd.Series(
        rows["probability"].to_numpy(), index=pd.Index(rows["credit_code"].to_numpy(zero_copy_only=False))
    )
    probability = published.loc[labelled["credit_code"]].to_numpy()
    label = labelled["label"].to_numpy(np.float64)
    result: dict[str, Any] = {
        "classification": publication.name,
        "as_of": str(publication.as_of),
        "complete_on": str(complete),
        "mature": complete <= newest,
        "rows": len(label),
    }
    if not result["mature"] or len(label) < FEWEST_ROWS:
        return result
    result["inspected"] = _verdict(label, probability, np.ones(len(label)), tests)
    if "inclusion_probability" in labelled:
        chance = labelled["inclusion_probability"].to_numpy(np.float64)
        drawn = (labelled["selection"] == "random").to_numpy() & (np.nan_to_num(chance) > 0)
        if drawn.sum() >= FEWEST_DRAWS:
            result["random_draws"] = _verdict(label[drawn], probability[drawn], 1 / chance[drawn], tests)
    judged = result.get("random_draws", result["inspected"])
    result["alarm"] = judged["alarm"]
    result["speaks_of"] = "all enterprises at risk" if "random_draws" in result else "the inspected"
    return result


def _verdict(label: np.ndarray, probability: np.ndarray, weight: np.ndarray, tests: int) -> dict[str, Any]:
    share = weight / weight.sum()
    observed, predicted = float(share @ label), float(share @ probability)
    error = float(np.sqrt((share**2) @ (probability * (1 - probability))))
    p_value = float(2 * norm.sf(abs(observed - predicted) / error)) if error else 1.0
    intercept, slope = logistic_curve(logit(np.clip(probability, 1e-9, 1 - 1e-9)), label, weight)
    return {
        "rows": len(label),
        "findings": int(label.sum()),
        "observed": observed,
        "predicted": predicted,
        "standard_error": error,
        "p_value": p_value,
        "intercept": float(intercept),
        "slope": float(slope),
        "alarm": abs(observed - predicted) > SIZE and p_value < ERROR / tests,
    }
