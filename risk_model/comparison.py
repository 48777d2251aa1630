"""Champion and challenger on the same enterprises: a paired test, what changes hands, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

from features.errors import InputError
from risk_model.evaluation.metrics import (
    CAPACITY,
    Metric,
    calibration_error,
    rank_auc,
    recall_at,
    resamples,
)
from risk_model.evaluation.selection import taken_at
from risk_model.model import RiskModel
from risk_model.publication import Publication
from risk_model.scale import INSUFFICIENT, TIERS
from risk_model.specification import MODELS, Strict, read_yaml, validate

METRICS: Mapping[str, Metric] = {
    "roc_auc": rank_auc,
    "average_precision": lambda y, s: float(average_precision_score(y, s)),
    "recall_at_10pct": recall_at,
}
NAMES = {
    "roc_auc": {"zh": "ROC曲线下面积", "en": "ROC AUC"},
    "average_precision": {"zh": "平均精度", "en": "average precision"},
    "recall_at_10pct": {"zh": "检查10%时的发现率", "en": "recall at 10 %"},
}
ALL_TIERS = (*TIERS, INSUFFICIENT)


class PromotionRule(Strict):
    """``models/promotion.yaml``: when a challenger may become champion."""

    fewest_rows: int = Field(ge=1)
    fewest_findings: int = Field(ge=1)
    tolerance: dict[str, float]
    largest_ece_increase: float = Field(ge=0)
    largest_tier_changes: float = Field(gt=0, le=1)
    directions: bool


def load_rule() -> PromotionRule:
    """Read ``models/promotion.yaml``."""
    rule = validate(PromotionRule, read_yaml(MODELS / "promotion.yaml"), source="models/promotion.yaml")
    unknown = sorted(set(rule.tolerance) - set(METRICS))
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is no metric of a comparison",
            field="tolerance",
            fix=f"There are {', '.join(METRICS)} (models/promotion.yaml).",
        )
    return rule


def paired_bootstrap(
    label: np.ndarray,
    champion: np.ndarray,
    challenger: np.ndarray,
    groups: np.ndarray,
    metrics: Mapping[str, Metric] = METRICS,
    *,
    repetitions: int = 500,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Compare two scores of the same rows.

    Parameters
    ----------
    label, champion, challenger
        Shape (n,).
    groups
        Enterprise of each row: whole enterprises are drawn, for both scores at once.
    metrics
        Name → function.
    repetitions, seed
        Of the bootstrap.

    Returns
    -------
    dict
        Metric → ``champion``, ``challenger``, ``difference`` (challenger less champion) with ``low``,
        ``high`` (95 %) and a two-sided ``p_value``.
    """
    draws: dict[str, list[float]] = {name: [] for name in metrics}
    for rows in resamples(groups, repetitions, seed):
        if len(np.unique(label[rows])) < 2:
            continue
        for name, metric in metrics.items():
            draws[name].append(metric(label[rows], challenger[rows]) - metric(label[rows], champion[rows]))
    found = {}
    for name, metric in metrics.items():
        both = metric(label, champion), metric(label, challenger)
        own = np.array(draws[name])
        # One draw is added to each side: no p-value of 0 from a finite number of draws.
        tail = min(int((own <= 0).sum()), int((own >= 0).sum()))
        found[name] = {
            "champion": both[0],
            "challenger": both[1],
            "difference": both[1] - both[0],
            "low": float(np.quantile(own, 0.025)),
            "high": float(np.quantile(own, 0.975)),
            "p_value": min(1.0, 2 * (tail + 1) / (len(own) + 1)),
        }
    return found


def jaccard_at(first: np.ndarray, second: np.ndarray, share: float = CAPACITY) -> float:
    """Return the overlap of two choices at capacity: both over either; ties share what room is left.

    Examples
    --------
    >>> jaccard_at(np.array([4, 3, 2, 1]), np.array([4, 1, 2, 3]), 0.5)
    0.3333333333333333
    """
    one = np.zeros(len(first))
    a, b = taken_at(first, one, share), taken_at(second, one, share)
    return float(np.minimum(a, b).sum() / np.maximum(a, b).sum())


def migration(before: np.ndarray, after: np.ndarray) -> dict[str, dict[str, int]]:
    """Return how many enterprises went from each tier to each: tier before → tier after → number."""
    return {
        first: {second: int(((before == first) & (after == second)).sum()) for second in ALL_TIERS}
        for first in ALL_TIERS
    }


def share_changed(matrix: Mapping[str, Mapping[str, int]]) -> float:
    """Return the share of enterprises whose tier changed."""
    total = sum(sum(row.values()) for row in matrix.values())
    kept = sum(matrix[tier][tier] for tier in matrix)
    return 1 - kept / total if total else 0.0


def swap_set(
    label: np.ndarray,
    champion: np.ndarray,
    challenger: np.ndarray,
    groups: np.ndarray,
    *,
    repetitions: int = 500,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare those whom only one of two scores would visit at capacity.

    Returns
    -------
    dict
        ``only_champion`` and ``only_challenger`` with rows (expected, over ties) and hit rate, and the
        ``difference`` of the hit rates with a 95 % interval.
    """
    one = np.zeros(len(label))
    a, b = taken_at(champion, one), taken_at(challenger, one)
    lost, gained = np.maximum(a - b, 0), np.maximum(b - a, 0)

    def rates(rows: np.ndarray) -> tuple[float, float]:
        return _rate(label[rows], lost[rows]), _rate(label[rows], gained[rows])

    whole = rates(np.arange(len(label)))
    draws = np.array([np.subtract(*rates(rows)[::-1]) for rows in resamples(groups, repetitions, seed)])
    draws = draws[np.isfinite(draws)]
    low, high = np.quantile(draws, [0.025, 0.975]) if len(draws) else (np.nan, np.nan)
    return {
        "only_champion": {"rows": float(lost.sum()), "hit_rate": whole[0]},
        "only_challenger": {"rows": float(gained.sum()), "hit_rate": whole[1]},
        "difference": {"value": whole[1] - whole[0], "low": float(low), "high": float(high)},
    }


def _rate(label: np.ndarray, weight: np.ndarray) -> float:
    total = float(weight.sum())
    return float(label @ weight) / total if total else float("nan")


@dataclass(frozen=True)
class Contestant:
    """A model and what is known of its run.

    Attributes
    ----------
    model
        The model.
    version
        Under which it is registered.
    directions_hold
        By its certificate; None if it has none.
    """

    model: RiskModel
    version: str
    directions_hold: bool | None = None


def compare_models(
    champion: Contestant,
    challenger: Contestant,
    test: pd.DataFrame,
    population: pd.DataFrame,
    *,
    rule: PromotionRule | None = None,
    repetitions: int = 500,
) -> dict[str, Any]:
    """Compare two models on the same labelled rows and the same population.

    Parameters
    ----------
    champion, challenger
        The models.
    test
        Labelled rows with the features of both, of a later time than either was grown on.
    population
        Everybody at risk at the newest date, with the features of both and ``records``.
    rule
        Of promotion; ``models/promotion.yaml`` by default.
    repetitions
        Of the bootstrap.

    Returns
    -------
    dict
        ``metrics`` (paired test), ``calibration`` (ECE of both), ``swap_set``, ``population``
        (Jaccard at capacity, rank correlation, tier migration), ``gate`` (``passed``, ``reasons``) and
        ``recommendation`` in words.
    """
    old, new = champion.model, challenger.model
    label, groups = test["label"].to_numpy(), test["credit_code"].to_numpy()
    if len(np.unique(label)) < 2:
        raise InputError(
            "the rows to compare on hold one class only", field="model", fix="Wait for more records."
        )
    margins = old.margin(old.matrix(test)), new.margin(new.matrix(test))
    everybody = old.margin(old.matrix(population)), new.margin(new.matrix(population))
    tiers = tuple(
        _tiers(model, margin, population) for model, margin in zip((old, new), everybody, strict=True)
    )
    matrix = migration(*tiers)
    result: dict[str, Any] = {
        "model": new.name,
        "champion": champion.version,
        "challenger": challenger.version,
        "rows": len(test),
        "findings": int(label.sum()),
        "as_of": sorted({str(day.date()) for day in test["as_of"]}),
        "metrics": paired_bootstrap(label, *margins, groups, repetitions=repetitions),
        "calibration": {
            "champion": calibration_error(label, old.probability(old.matrix(test))),
            "challenger": calibration_error(label, new.probability(new.matrix(test))),
        },
        "swap_set": swap_set(label, *margins, groups, repetitions=repetitions),
        "population": {
            "rows": len(population),
            "jaccard_at_10pct": jaccard_at(*everybody),
            "rank_correlation": float(spearmanr(*everybody).statistic),
            "migration": matrix,
            "share_changed": share_changed(matrix),
        },
        "cautions": _cautions(old, test),
    }
    result["gate"] = gate(result, rule or load_rule(), challenger.directions_hold)
    result["recommendation"] = recommendation(result)
    return result


def _tiers(model: RiskModel, margin: np.ndarray, population: pd.DataFrame) -> np.ndarray:
    """Return tiers by score alone, hysteresis and floors aside: what the models themselves decide."""
    if model.cuts is None:
        raise InputError(f"model {model.name!r} has no cuts", field="model", fix="Train it again.")
    tier = np.array(TIERS, dtype=object)[model.cuts.tier_index(model.score(margin))]
    thin = population["records"].to_numpy() < model.policy.insufficient_record.minimum_records
    return np.where(thin, INSUFFICIENT, tier)


def _cautions(champion: RiskModel, test: pd.DataFrame) -> list[dict[str, str]]:
    """Return what makes the comparison unequal: labels of the test that the champion learned from."""
    horizon = pd.Timedelta(days=champion.facts["specification"]["target"]["horizon_days"])
    windows = champion.facts["windows"]
    last = max(pd.Timestamp(windows[part]["last"]) for part in ("train", "calibration"))
    if last + horizon <= test["as_of"].min():
        return []
    return [
        {
            "zh": "冠军模型的训练期与本次检验期重叠，比较对挑战模型偏严",
            "en": "the champion was trained into the time of this test: the comparison is hard on the "
            "challenger",
        }
    ]


def gate(comparison: Mapping[str, Any], rule: PromotionRule, directions_hold: bool | None) -> dict[str, Any]:
    """Decide by the recorded rule whether a challenger may become champion.

    Returns
    -------
    dict
        ``passed``, ``reasons`` against it in both languages, and the ``rule``.
    """
    reasons: list[dict[str, str]] = []

    def against(zh: str, en: str) -> None:
        reasons.append({"zh": zh, "en": en})

    if comparison["rows"] < rule.fewest_rows or comparison["findings"] < rule.fewest_findings:
        against(
            f"标签太少：{comparison['rows']:,} 行、{comparison['findings']:,} 个发现问题",
            f"too few labels: {comparison['rows']:,} rows with {comparison['findings']:,} findings "
            f"(at least {rule.fewest_rows} and {rule.fewest_findings})",
        )
    for name, allowed in rule.tolerance.items():
        one = comparison["metrics"][name]
        if one["high"] < 0:
            against(
                f"{NAMES[name]['zh']}显著更差（{one['difference']:+.3f}）",
                f"{NAMES[name]['en']} is worse beyond chance ({one['difference']:+.3f}, "
                f"p = {one['p_value']:.3f})",
            )
        elif one["difference"] < -allowed:
            against(
                f"{NAMES[name]['zh']}低 {-one['difference']:.3f}，超过容许的 {allowed:g}",
                f"{NAMES[name]['en']} is lower by {-one['difference']:.3f}, more than {allowed:g} allowed",
            )
    worse = comparison["calibration"]["challenger"] - comparison["calibration"]["champion"]
    if worse > rule.largest_ece_increase:
        against(f"校准误差增加 {worse:.3f}", f"the calibration error is larger by {worse:.3f}")
    changed = comparison["population"]["share_changed"]
    if changed > rule.largest_tier_changes:
        against(
            f"{100 * changed:.0f}% 的企业等级改变",
            f"the tier of {100 * changed:.0f} % of the enterprises changes",
        )
    if rule.directions and directions_hold is not True:
        missing = directions_hold is None
        against(
            "没有方向性证书" if missing else "有方向性约束被违反",
            "there is no certificate of directions" if missing else "a declared direction is violated",
        )
    return {"passed": not reasons, "reasons": reasons, "rule": rule.model_dump(mode="json")}


def recommendation(comparison: Mapping[str, Any]) -> dict[str, str]:
    """Say in words what to do."""
    told = comparison["gate"]
    better = [name for name, one in comparison["metrics"].items() if one["low"] > 0]
    if not told["passed"]:
        return {
            "zh": "保留冠军模型：" + "；".join(reason["zh"] for reason in told["reasons"]) + "。",
            "en": "Keep the champion: " + "; ".join(reason["en"] for reason in told["reasons"]) + ".",
        }
    if better:
        return {
            "zh": "建议启用挑战模型：" + "、".join(NAMES[name]["zh"] for name in better) + "显著更好。",
            "en": "Promote the challenger: better beyond chance in "
            + ", ".join(NAMES[name]["en"] for name in better)
            + ".",
        }
    return {
        "zh": "两个模型不分上下：可以启用挑战模型，但没有证据表明它更好。",
        "en": "The two are equals: the challenger may be promoted, but nothing shows that it is better.",
    }


def compare_publications(earlier: Publication, later: Publication, model: str) -> dict[str, Any]:
    """Compare two published classifications of the enterprises that both hold.

    Parameters
    ----------
    earlier, later
        The classifications.
    model
        Whose rows are compared.

    Returns
    -------
    dict
        Enterprises in both and in one only, Jaccard at capacity, rank correlation, tier migration, and
        the share whose tier changed, with and without new records.

    Raises
    ------
    InputError
        If one of them does not hold the model, or they share no enterprise.
    """
    for one in (earlier, later):
        if model not in one.models:
            raise InputError(
                f"classification {one.name} has no model {model!r}",
                field="model",
                fix=f"It has {', '.join(one.models)}.",
            )
    columns = ["credit_code", "margin", "tier", "records", "decided_by"]
    first, second = (
        one.rows(model=model, columns=columns).to_pandas().set_index("credit_code")
        for one in (earlier, later)
    )
    both = first.merge(second, left_index=True, right_index=True, suffixes=("_before", "_after"))
    if both.empty:
        raise InputError(f"{earlier.name} and {later.name} have no enterprise in common", field="snapshot")
    matrix = migration(both["tier_before"].to_numpy(), both["tier_after"].to_numpy())
    moved = both["tier_before"] != both["tier_after"]
    known = both["records_before"] == both["records_after"]
    margins = both["margin_before"].to_numpy(), both["margin_after"].to_numpy()
    # A constant score has no order to correlate.
    varied = all(np.ptp(margin) > 0 for margin in margins)
    return {
        "model": model,
        "earlier": earlier.name,
        "later": later.name,
        "versions": [one.document["models"][model]["version"] for one in (earlier, later)],
        "enterprises": len(both),
        "only_earlier": len(first) - len(both),
        "only_later": len(second) - len(both),
        "jaccard_at_10pct": jaccard_at(*margins),
        "rank_correlation": float(spearmanr(*margins).statistic) if varied else float("nan"),
        "migration": matrix,
        "share_changed": share_changed(matrix),
        "share_changed_without_new_records": float(moved[known].mean()) if known.any() else 0.0,
        "decided_by_of_changed": both[moved]["decided_by_after"].value_counts().sort_index().to_dict(),
    }
