"""How the model serves kinds of enterprises: by district, size, age, ownership, and how much is known.

Every figure has the number of rows and an interval; a warning is given where a kind is ill-served
beyond what chance explains.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom, norm

from features.records.codes import ENTERPRISE_TYPE
from risk_model.evaluation.metrics import rank_auc, with_intervals
from risk_model.evaluation.selection import taken_at

#: Rows and findings below which a kind is shown but not judged.
FEWEST_ROWS, FEWEST_FINDINGS = 50, 10
#: Differences that matter: of recall at capacity, and of observed less predicted rate.
ILL_SERVED_RECALL, ILL_SERVED_RATE = 0.10, 0.02
#: Family-wise error of the warnings of one dimension.
ERROR = 0.05
#: Groups of a dimension that are shown; the largest.
MOST_GROUPS = 30

DIMENSIONS = {
    "district": {"zh": "区划", "en": "district"},
    "size": {"zh": "规模（从业人数）", "en": "size (employees)"},
    "age": {"zh": "成立年限", "en": "age"},
    "ownership": {"zh": "企业类型", "en": "ownership (type of enterprise)"},
    "record": {"zh": "已知监管记录", "en": "records known"},
}
MEASURES = (
    "base_rate",
    "selection_rate",
    "precision",
    "recall",
    "false_positive_rate",
    "observed_less_predicted",
)
UNKNOWN = "unknown"
_SIZES = ((-np.inf, 10, "under 10"), (10, 50, "10-49"), (50, 300, "50-299"), (300, np.inf, "300 and more"))
_AGES = (
    (-np.inf, 1, "under 1 year"),
    (1, 3, "1-2 years"),
    (3, 5, "3-4 years"),
    (5, 10, "5-9 years"),
    (10, np.inf, "10 years and more"),
)
_RECORDS = ((-np.inf, 1, "none"), (1, 3, "1-2"), (3, 10, "3-9"), (10, np.inf, "10 and more"))


def kinds_of(rows: pd.DataFrame, registration: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the kind of each row in every dimension that its columns tell.

    Parameters
    ----------
    rows
        With features (``employees``, ``age_days``) and ``records``, as far as there are such columns.
    registration
        ``district`` and ``enterprise_type`` of each row, in the order of ``rows``; None if not known.
    """
    kinds = pd.DataFrame(index=rows.index)
    if registration is not None:
        kinds["district"] = registration["district"].fillna(UNKNOWN).to_numpy()
    if "employees" in rows:
        kinds["size"] = _band(rows["employees"], _SIZES)
    if "age_days" in rows:
        kinds["age"] = _band(rows["age_days"] / 365.25, _AGES)
    if registration is not None:
        names = {code: label.en for code, label in ENTERPRISE_TYPE.codes.items()}
        types = registration["enterprise_type"]
        kinds["ownership"] = types.map(names).fillna(types).fillna(UNKNOWN).to_numpy()
    if "records" in rows:
        kinds["record"] = _band(rows["records"], _RECORDS)
    return kinds


def _band(values: pd.Series, bands: tuple[tuple[float, float, str], ...]) -> np.ndarray:
    number = values.to_numpy(np.float64)
    names = np.full(len(number), UNKNOWN, dtype=object)
    for low, high, name in bands:
        names[(number >= low) & (number < high)] = name
    return names


def slice_report(
    kinds: pd.DataFrame,
    label: np.ndarray,
    margin: np.ndarray,
    probability: np.ndarray,
    groups: np.ndarray,
    *,
    repetitions: int = 300,
    seed: int = 0,
) -> dict[str, Any]:
    """Return error rates and calibration of every kind, disparities, and warnings.

    Parameters
    ----------
    kinds
        From :func:`kinds_of`, n rows.
    label, margin, probability
        Shape (n,).
    groups
        Enterprise of each row, shape (n,); whole enterprises are drawn in the bootstrap.
    repetitions, seed
        Of the bootstrap.

    Returns
    -------
    dict
        Dimension → ``groups`` (name → rows, findings, measures with intervals), ``disparities``
        (largest difference of recall, selection rate and false-positive rate between judged groups)
        and ``warnings``.

    Notes
    -----
    "Selected" is within the capacity of all rows together. A warning needs a difference that matters
    and that a test rejects, at 5 % a dimension (Bonferroni): of recall an exact binomial test against
    that of all, of the rate a normal test with the variance ``sum p (1 - p)``.
    """
    taken = taken_at(margin, np.zeros(len(margin)))
    member = np.unique(groups, return_inverse=True)[1]
    columns = np.column_stack(
        [np.ones(len(label)), label, taken, taken * label, taken * (1 - label), probability]
    )
    rng = np.random.default_rng(seed)
    weights = rng.poisson(1.0, (repetitions, int(member.max()) + 1))
    return {
        name: _dimension(kinds[name].to_numpy(), columns, weights, member, label, margin, groups, repetitions)
        | {"label": DIMENSIONS[name]}
        for name in map(str, kinds)
    }


def _dimension(
    kind: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
    member: np.ndarray,
    label: np.ndarray,
    margin: np.ndarray,
    enterprise: np.ndarray,
    repetitions: int,
) -> dict[str, Any]:
    names, place = np.unique(kind.astype(str), return_inverse=True)
    sizes = np.bincount(place)
    sums = _sums(place, columns, np.ones(len(place)), len(names))
    value = _measures(sums)
    probability = columns[:, -1]
    variance = np.bincount(place, weights=probability * (1 - probability))
    draws = np.array([_measures(_sums(place, columns, w[member], len(names))) for w in weights])
    with np.errstate(invalid="ignore"):
        low, high = _percentiles(draws)
    findings = np.bincount(place, weights=label).astype(int)
    judged = (sizes >= FEWEST_ROWS) & (findings >= FEWEST_FINDINGS)
    shown = np.sort(np.argsort(-sizes, kind="stable")[:MOST_GROUPS])
    found: dict[str, Any] = {}
    for i in shown:
        own = place == i
        auc = with_intervals(
            label[own], margin[own], enterprise[own], {"roc_auc": rank_auc}, repetitions=repetitions
        )
        found[str(names[i])] = {
            "rows": int(sizes[i]),
            "findings": int(findings[i]),
            "judged": bool(judged[i]),
            "metrics": {
                measure: {
                    "value": float(value[i, j]),
                    "low": float(low[i, j]),
                    "high": float(high[i, j]),
                }
                for j, measure in enumerate(MEASURES)
            }
            | auc,
        }
    return {
        "groups": found,
        "groups_in_all": len(names),
        "disparities": _disparities(value, draws, judged),
        "warnings": _warnings(names, value, sums, variance, judged),
    }


def _sums(place: np.ndarray, columns: np.ndarray, weight: np.ndarray, groups: int) -> np.ndarray:
    """Return weighted sums of the columns by group, and of all rows in the last line."""
    by_group = np.column_stack([np.bincount(place, weights=weight * c, minlength=groups) for c in columns.T])
    return np.vstack([by_group, by_group.sum(axis=0)])


def _measures(sums: np.ndarray) -> np.ndarray:
    rows, found, taken, hit, false, predicted = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.column_stack(
            [
                found / rows,
                taken / rows,
                hit / taken,
                hit / found,
                false / (rows - found),
                (found - predicted) / rows,
            ]
        )


def _percentiles(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    blank = np.isnan(draws).all(axis=0)
    safe = np.where(blank, 0.0, draws)
    low, high = np.nanquantile(safe, [0.025, 0.975], axis=0)
    return np.where(blank, np.nan, low), np.where(blank, np.nan, high)


def _disparities(value: np.ndarray, draws: np.ndarray, judged: np.ndarray) -> dict[str, Any]:
    if judged.sum() < 2:
        return {}
    result = {}
    for measure in ("selection_rate", "recall", "false_positive_rate"):
        j = MEASURES.index(measure)
        own = value[:-1, j][judged]
        spread = np.ptp(draws[:, :-1, j][:, judged], axis=1)
        low, high = np.nanquantile(spread, [0.025, 0.975])
        result[measure] = {
            "difference": {"value": float(np.ptp(own)), "low": float(low), "high": float(high)}
        }
    return result


def _warnings(
    names: np.ndarray, value: np.ndarray, sums: np.ndarray, variance: np.ndarray, judged: np.ndarray
) -> list[dict[str, Any]]:
    """Return where a group is worse than all beyond chance; tests under the hypothesis that it is not.

    A bootstrap cannot tell here: of a group in which nothing was found it would draw nothing ever.
    """
    tests = 2 * int(judged.sum())
    if not tests:
        return []
    recall, rate = MEASURES.index("recall"), MEASURES.index("observed_less_predicted")
    warnings = []
    for i in np.flatnonzero(judged):
        _, found, _, hits, _, predicted = sums[i]
        gap = float(value[i, recall] - value[-1, recall])
        chance = float(binom.cdf(np.round(hits), int(found), value[-1, recall]))
        if gap < -ILL_SERVED_RECALL and chance < ERROR / tests:
            warnings.append(
                {
                    "group": str(names[i]),
                    "measure": "recall",
                    "difference": gap,
                    "zh": f"{names[i]}：容量内发现率比总体低 {-100 * gap:.0f} 个百分点",
                    "en": f"{names[i]}: recall at capacity is {-100 * gap:.0f} points below that of all",
                }
            )
        gap = float(value[i, rate])
        chance = float(2 * norm.sf(abs(found - predicted) / np.sqrt(variance[i])))
        if abs(gap) > ILL_SERVED_RATE and chance < ERROR / tests:
            words = ("低估", "under") if gap > 0 else ("高估", "over")
            warnings.append(
                {
                    "group": str(names[i]),
                    "measure": "observed_less_predicted",
                    "difference": gap,
                    "zh": f"{names[i]}：概率{words[0]} {100 * abs(gap):.1f} 个百分点",
                    "en": f"{names[i]}: probabilities are {words[1]}estimated by {100 * abs(gap):.1f} points",
                }
            )
    return warnings
