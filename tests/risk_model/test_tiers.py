"""Guarantees by repeated simulation, expected loss by brute force, overrides and their limits."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta

from features.errors import InputError
from features.home import Home
from risk_model.classification import ModelVersion, classify
from risk_model.scale import HIGHEST, CutRule, Labelled, TierPolicy, decide, find_cuts, load_policy
from risk_model.specification import validate
from risk_model.tiers.guarantee import certify_cut
from risk_model.tiers.overrides import Override, Overrides, load_rule

POLICY = load_policy()
SHARES = {"A": 0.62, "B": 0.28, "C": 0.07, "D": 0.03}


def policy_with(**cuts: Any) -> TierPolicy:
    return POLICY.model_copy(update={"cuts": validate(CutRule, cuts, source="test")})


def draw(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return margins, labels and true probabilities."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-2.2, 1.0, n)
    p = expit(margin)
    return margin, (rng.random(n) < p).astype(int), p


def test_a_guarantee_fails_no_more_often_than_promised() -> None:
    """Learn then test, by simulation: the true rate of the certified tail is below the promise rarely."""
    reference, _, p = draw(0, 20_000)
    certified, failed = 0, 0
    for seed in range(1, 401):
        score, label, _ = draw(seed, 600)
        # Where the truth of the 10 % tail is just at the promise, so that luck matters.
        promise = float(p[reference >= np.quantile(reference, 0.9)].mean())
        found = certify_cut(reference, score, label, at_least=promise, confidence=0.9)
        if found is not None:
            certified += 1
            failed += p[reference >= found.score].mean() < promise - 1e-9
    assert certified > 30
    assert failed / 400 <= 0.10


def test_what_is_certified_is_the_exact_binomial_bound() -> None:
    reference = np.arange(1000.0)
    score = np.repeat(np.arange(1000.0), 1)
    label = (score >= 900).astype(int)
    found = certify_cut(reference, score, label, at_least=0.5, confidence=0.9)
    assert found is not None
    assert found.share in {0.15, 0.1, 0.2}
    above = score >= found.score
    error = 0.1 / 10
    bound = beta.ppf(error, label[above].sum(), above.sum() - label[above].sum() + 1)
    assert found.lower == pytest.approx(bound)
    assert found.lower > 0.5
    assert certify_cut(reference, score, label * 0, at_least=0.5, confidence=0.9) is None


def test_low_scores_certify_where_a_grid_over_probabilities_would_not() -> None:
    """MAPIE's default grid runs over 0 to 1; ours lies where the scores are."""
    reference, _, _ = draw(1, 50_000)
    score, label, p = draw(2, 4_000)
    found = certify_cut(reference, score, label, at_least=0.2, confidence=0.9)
    assert found is not None
    assert p[score >= found.score].mean() > 0.2


def test_guaranteed_cuts_keep_the_order_of_tiers_and_an_uncertified_tier_is_empty() -> None:
    margin, label, _ = draw(3, 5_000)
    score = POLICY.score.score(margin)
    labelled = Labelled(score, label)
    rules = {"method": "guarantee", "shares": SHARES}
    possible = policy_with(**rules, guarantees={"D": {"at_least": 0.3}, "C": {"at_least": 0.2}})
    cuts = find_cuts(possible, score, labelled)
    by_share = find_cuts(policy_with(method="shares", shares=SHARES), score)
    assert cuts.b <= cuts.c <= cuts.d
    assert cuts.d >= by_share.d
    assert label[score >= cuts.d].mean() >= 0.3
    impossible = policy_with(**rules, guarantees={"D": {"at_least": 0.95}})
    cuts = find_cuts(impossible, score, labelled)
    assert cuts.d > HIGHEST
    assert (cuts.tier_index(score) < 3).all()
    assert find_cuts(possible, score).d > HIGHEST


LOSSES = {
    "A": {"violation": 30, "none": 0},
    "B": {"violation": 20, "none": 0.6},
    "C": {"violation": 12, "none": 2},
    "D": {"violation": 8, "none": 4},
}


def test_expected_loss_gives_everybody_the_cheapest_tier() -> None:
    policy = policy_with(method="expected_loss", losses=LOSSES)
    cuts = find_cuts(policy, np.zeros(0))
    margin = np.linspace(-5, 1, 500)
    score = policy.score.score(margin)
    loss = np.array(
        [
            expit(margin) * one["violation"] + (1 - expit(margin)) * one["none"]
            for one in (LOSSES[t] for t in "ABCD")
        ]
    )
    ordered = np.sort(loss, axis=0)
    clear = ordered[1] - ordered[0] > 0.02
    assert clear.sum() > 300
    assert (cuts.tier_index(score)[clear] == loss.argmin(axis=0)[clear]).all()


@pytest.mark.parametrize(
    "cuts",
    [
        {"method": "expected_loss", "losses": {"A": LOSSES["A"]}},
        {"method": "expected_loss", "losses": {**LOSSES, "D": {"violation": 12, "none": 4}}},
        {"method": "expected_loss", "losses": {**LOSSES, "B": LOSSES["C"], "C": LOSSES["B"]}},
        {"method": "guarantee", "shares": SHARES},
        {"method": "guarantee", "shares": SHARES, "guarantees": {"A": {"at_least": 0.1}}},
        {"method": "guarantee", "guarantees": {"D": {"at_least": 0.1}}},
    ],
)
def test_rules_that_make_no_cuts_are_refused(cuts: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        validate(CutRule, cuts, source="test")


# -- overrides -------------------------------------------------------------------------------------

CODE = "91350100M000100Y43"


def decision(**changes: Any) -> Override:
    content = {
        "credit_code": CODE,
        "model": "general",
        "tier": "C",
        "by": "王某",
        "role": "head_of_credit_supervision",
        "reason": "现场核查发现记录未反映的重大变化",
        "decided_on": "2025-12-01",
        "expires_on": "2026-03-01",
    }
    return validate(Override, content | changes, source="test")


def test_an_override_is_kept_and_holds_until_it_expires(tmp_path: Path) -> None:
    overrides = Overrides(Home(tmp_path))
    assert overrides.all() == []
    first, second = decision(), decision(tier="B", decided_on="2025-12-20")
    overrides.add(first)
    overrides.add(second)
    assert overrides.all() == [first, second]
    assert overrides.in_force(date(2025, 11, 30)) == []
    assert overrides.in_force(date(2025, 12, 1)) == [first]
    assert overrides.in_force(date(2026, 2, 28)) == [second]
    assert overrides.in_force(date(2026, 3, 1)) == []
    overrides.path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 1 of overrides\.jsonl"):
        overrides.all()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "intern"),
        ("reason", "因为"),
        ("expires_on", "2027-01-01"),
        ("credit_code", "91350100M000100Y44"),
    ],
)
def test_what_the_rule_does_not_allow_is_refused(tmp_path: Path, field: str, value: str) -> None:
    with pytest.raises(InputError) as refused:
        Overrides(Home(tmp_path)).add(decision(**{field: value}))
    assert refused.value.field == field
    assert not Overrides(Home(tmp_path)).path.exists()


@pytest.mark.parametrize("changes", [{"expires_on": "2025-12-01"}, {"tier": "E"}, {"by": ""}])
def test_what_is_no_decision_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(InputError):
        decision(**changes)


def test_longest_is_allowed_and_a_day_more_is_not(tmp_path: Path) -> None:
    rule = load_rule()
    last = date(2025, 12, 1) + timedelta(days=rule.longest_days)
    Overrides(Home(tmp_path)).add(decision(expires_on=str(last)))
    with pytest.raises(InputError):
        Overrides(Home(tmp_path)).add(decision(expires_on=str(last + timedelta(days=1))))


def test_nobody_goes_below_a_floor() -> None:
    policy = load_policy()
    cuts = find_cuts(policy_with(method="fixed", scores={"B": 400, "C": 500, "D": 600}), np.zeros(0))
    tier, by_score, decided = decide(
        policy,
        cuts,
        np.array([650.0, 650.0, 300.0, 300.0, 650.0, 300.0]),
        records=np.array([5, 5, 5, 0, 5, 5]),
        floor_values={"abnormal_now": np.array([0.0, 1, 1, 0, np.nan, 1])},
        overridden=np.array(["A", "A", "D", "B", "", ""], dtype=object),
    )
    assert tier.tolist() == ["A", "C", "D", "B", "D", "C"]
    assert by_score.tolist() == ["D", "D", "A", "A", "D", "A"]
    assert decided.tolist() == [
        "override",
        "floor:on_abnormal_list",
        "override",
        "override",
        "score",
        "floor:on_abnormal_list",
    ]


def test_a_classification_states_what_was_overridden(trainings: Any, tmp_path: Path) -> None:
    model = ModelVersion(trainings.general.model, "1")
    day = date(2025, 12, 31)
    plain = classify(trainings.snapshot, {"general": model}, day, tmp_path / "plain")
    rows = plain.rows().to_pandas()
    code = rows[(rows["tier"] == "A") & (rows["decided_by"] == "score")]["credit_code"].iloc[0]
    one = decision(credit_code=code, tier="D")
    changed = classify(trainings.snapshot, {"general": model}, day, tmp_path / "changed", overrides=[one])
    found = changed.find(code, "general")
    assert (found["tier"], found["tier_by_score"], found["decided_by"]) == ("D", "A", "override")
    assert changed.document["overrides"] == [one.model_dump(mode="json")]
    assert changed.document["models"]["general"]["decided_by"]["override"] == 1
    others = changed.rows().to_pandas()
    same = others["credit_code"] != code
    assert (others[same]["tier"] == rows[same]["tier"]).all()
    from risk_model.explanation.explanation import explain_published

    words = explain_published(changed, code).sentences("en")[0]
    assert "An authorised person set this tier; by the score alone tier A" in words
