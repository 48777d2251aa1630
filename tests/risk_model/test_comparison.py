"""Champion and challenger: the paired test, the swap set, the gate, and publications."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from features.errors import InputError
from risk_model.classification import ModelVersion, classify
from risk_model.comparison import (
    METRICS,
    Contestant,
    PromotionRule,
    compare_models,
    compare_publications,
    gate,
    jaccard_at,
    load_rule,
    migration,
    paired_bootstrap,
    recommendation,
    share_changed,
    swap_set,
)
from risk_model.publication import Publication

ONLY_AUC = {"roc_auc": METRICS["roc_auc"]}


def scores(seed: int, n: int = 1500, skill: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, a score with some noise, and one with as much noise, or less by ``skill``."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-2, 1, n)
    label = (rng.random(n) < expit(margin)).astype(int)
    return label, margin + rng.normal(size=n), margin + (1 - skill) * rng.normal(size=n)


def test_equals_are_told_apart_no_more_often_than_promised() -> None:
    rejected = []
    for seed in range(120):
        label, one, other = scores(seed, 600)
        told = paired_bootstrap(label, one, other, np.arange(600), ONLY_AUC, repetitions=100)["roc_auc"]
        rejected.append(told["low"] > 0 or told["high"] < 0)
    # 5 % of 120 are 6; 15 or more would come about once in a thousand times.
    assert sum(rejected) < 15


def test_a_better_one_is_seen() -> None:
    label, one, other = scores(1, 4000, skill=0.9)
    told = paired_bootstrap(label, one, other, np.arange(4000), repetitions=200)
    assert told["roc_auc"]["low"] > 0
    assert told["roc_auc"]["p_value"] < 0.02
    back = paired_bootstrap(label, other, one, np.arange(4000), repetitions=200)
    assert back["roc_auc"]["difference"] == -told["roc_auc"]["difference"]
    assert back["roc_auc"]["high"] == pytest.approx(-told["roc_auc"]["low"])


def test_the_same_score_twice_is_no_difference_at_all() -> None:
    label, one, _ = scores(2)
    for told in paired_bootstrap(label, one, one, np.arange(len(label)), repetitions=50).values():
        assert (told["difference"], told["low"], told["high"], told["p_value"]) == (0, 0, 0, 1)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=10, max_size=80, unique=True))
def test_jaccard_is_that_of_sets_where_nothing_is_tied(rows: list[tuple[int, int]]) -> None:
    first, second = (np.unique(column, return_index=True)[1].argsort() for column in np.array(rows).T)
    n = min(len(first), len(second))
    first, second = first[:n].argsort(), second[:n].argsort()
    k = max(1, round(0.1 * n))
    a, b = set(np.argsort(-first)[:k].tolist()), set(np.argsort(-second)[:k].tolist())
    assert jaccard_at(first, second) == pytest.approx(len(a & b) / len(a | b))


def test_the_swap_set_by_hand() -> None:
    label = np.array([1, 0, 1] + [0] * 17)
    champion = np.array([3.0, 2.0, 1.0] + [0.0] * 17)
    challenger = np.array([3.0, 1.0, 2.0] + [0.0] * 17)
    told = swap_set(label, champion, challenger, np.arange(20), repetitions=50)
    assert told["only_champion"] == {"rows": 1.0, "hit_rate": 0.0}
    assert told["only_challenger"] == {"rows": 1.0, "hit_rate": 1.0}
    assert told["difference"]["value"] == 1.0


def test_migration_counts_everybody_once() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.choice(list("ABCD"), (2, 500))
    matrix = migration(before, after)
    table = pd.crosstab(before, after)
    for first in "ABCD":
        for second in "ABCD":
            assert matrix[first][second] == table.loc[first, second]
    assert share_changed(matrix) == pytest.approx((before != after).mean())


# -- the gate --------------------------------------------------------------------------------------


def comparison(**changes: Any) -> dict[str, Any]:
    one = {
        "champion": 0.7,
        "challenger": 0.705,
        "difference": 0.005,
        "low": -0.01,
        "high": 0.02,
        "p_value": 0.5,
    }
    content: dict[str, Any] = {
        "rows": 1000,
        "findings": 100,
        "metrics": {name: dict(one) for name in METRICS},
        "calibration": {"champion": 0.01, "challenger": 0.012},
        "population": {"share_changed": 0.05},
    }
    return content | changes


def verdict(told: dict[str, Any], directions: bool | None = True) -> tuple[bool, str]:
    told["gate"] = gate(told, load_rule(), directions)
    return told["gate"]["passed"], recommendation(told)["en"]


def test_equals_pass_and_the_words_say_so() -> None:
    passed, words = verdict(comparison())
    assert passed
    assert words.startswith("The two are equals")


def test_the_better_is_recommended() -> None:
    told = comparison()
    told["metrics"]["roc_auc"]["low"] = 0.001
    passed, words = verdict(told)
    assert passed
    assert words == "Promote the challenger: better beyond chance in ROC AUC."


def _worse(told: dict[str, Any]) -> None:
    told["metrics"]["roc_auc"] |= {"difference": -0.004, "high": -0.001}


def _lower(told: dict[str, Any]) -> None:
    told["metrics"]["recall_at_10pct"] |= {"difference": -0.04}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_worse, "ROC AUC is worse beyond chance"),
        (_lower, "recall at 10 % is lower by 0.040"),
        (lambda t: t.update(rows=50), "too few labels"),
        (lambda t: t.update(findings=5), "too few labels"),
        (lambda t: t["calibration"].update(challenger=0.05), "the calibration error is larger by 0.040"),
        (lambda t: t["population"].update(share_changed=0.5), "tier of 50 % of the enterprises changes"),
    ],
)
def test_each_rule_of_the_gate_stops_a_challenger(change: Any, words: str) -> None:
    told = comparison()
    change(told)
    passed, said = verdict(told)
    assert not passed
    assert said.startswith("Keep the champion")
    assert words in said
    assert recommendation(told)["zh"].startswith("保留冠军模型")


@pytest.mark.parametrize(
    ("holds", "words"), [(False, "a declared direction is violated"), (None, "no certificate")]
)
def test_without_a_certificate_nobody_passes(holds: bool | None, words: str) -> None:
    passed, said = verdict(comparison(), holds)
    assert not passed
    assert words in said


def test_the_rule_is_reviewed_data() -> None:
    rule = load_rule()
    assert isinstance(rule, PromotionRule)
    assert set(rule.tolerance) == set(METRICS)


# -- models and publications -----------------------------------------------------------------------


def test_a_model_against_itself_and_against_a_spoilt_one(trainings: Any) -> None:
    training = trainings.general
    model, test = training.model, training.dataset.part("test")
    same = compare_models(
        Contestant(model, "1"), Contestant(model, "2", True), test, training.population, repetitions=40
    )
    assert same["metrics"]["roc_auc"]["difference"] == 0
    assert same["population"]["share_changed"] == 0
    assert same["population"]["jaccard_at_10pct"] == 1
    assert same["population"]["rank_correlation"] == pytest.approx(1)
    assert same["cautions"] == []
    flipped = replace(model.calibration, slope=-model.calibration.slope)
    worse = compare_models(
        Contestant(model, "1"),
        Contestant(replace(model, calibration=flipped), "2", True),
        test,
        training.population,
        repetitions=40,
    )
    assert not worse["gate"]["passed"]
    assert worse["metrics"]["roc_auc"]["high"] < 0
    later = model.facts | {
        "windows": {p: {"last": str(test["as_of"].max().date())} for p in ("train", "calibration")}
    }
    seen = compare_models(
        Contestant(replace(model, facts=later), "1"),
        Contestant(model, "2", True),
        test,
        training.population,
        repetitions=40,
    )
    assert "trained into the time" in seen["cautions"][0]["en"]


def test_two_classifications_of_the_same_records_and_model_are_one(
    trainings: Any, publication: Publication, tmp_path: Any
) -> None:
    models = {name: ModelVersion(model, "1") for name, model in trainings.models.items()}
    again = classify(trainings.snapshot, models, publication.as_of, tmp_path, previous=publication)
    told = compare_publications(publication, again, "general")
    assert told["share_changed"] == 0
    assert told["share_changed_without_new_records"] == 0
    assert told["jaccard_at_10pct"] == 1
    assert told["only_earlier"] == told["only_later"] == 0


def test_two_dates_are_compared_on_whom_both_hold(
    trainings: Any, publication: Publication, tmp_path: Any
) -> None:
    models = {"general": ModelVersion(trainings.general.model, "1")}
    earlier = classify(trainings.snapshot, models, date(2025, 6, 30), tmp_path)
    told = compare_publications(earlier, publication, "general")
    before, after = (
        p.rows(model="general").to_pandas().set_index("credit_code")["tier"] for p in (earlier, publication)
    )
    both = before.index.intersection(after.index)
    assert told["enterprises"] == len(both)
    assert told["only_earlier"] == len(before) - len(both)
    assert told["share_changed"] == pytest.approx((before[both] != after[both]).mean())
    assert sum(told["decided_by_of_changed"].values()) == (before[both] != after[both]).sum()
    with pytest.raises(InputError, match="has no model 'food'"):
        compare_publications(earlier, publication, "food")
