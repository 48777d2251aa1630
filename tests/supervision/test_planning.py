"""What is mandatory, what is drawn, what is left out, and what is said when it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from supervision.plan_rules import PlanRules, RandomReserve, load_plan_rules
from supervision.sampling import Plan, plan_inspections
from supervision.sampling.calendar import days_after, month_bounds

MakeCandidates = Callable[..., pd.DataFrame]


def plan_food(candidates: pd.DataFrame, rules: PlanRules, capacity: int = 30, seed: str = "seed") -> Plan:
    return plan_inspections(
        candidates, sector="food", month="2025-09", capacity=capacity, seed=seed, rules=rules
    )


def mixed(candidates: MakeCandidates, count: int, seed: int) -> pd.DataFrame:
    """Return candidates of every kind: overdue, key, recent, capped, exempt, never inspected."""
    rng = np.random.default_rng(seed)
    frame = candidates(count, seed=seed)
    days = pd.to_datetime("2025-08-31") - pd.to_timedelta(rng.integers(0, 900, count), unit="D")
    full = days - pd.to_timedelta(rng.integers(0, 500, count), unit="D")
    return frame.assign(
        last_inspected=pd.Series(days).where(rng.random(count) > 0.1),
        last_full_inspection=pd.Series(full).where(rng.random(count) > 0.15),
        subject_since=pd.Series(full).where(rng.random(count) > 0.5),
        inspections_this_year=rng.integers(0, 4, count),
        key_item=rng.random(count) < 0.05,
        exempt_because=np.where(rng.random(count) < 0.03, "exempt", ""),
        probability=frame["probability"].where(rng.random(count) > 0.05),
    )


cases = st.tuples(
    st.integers(1, 250), st.integers(0, 1000), st.integers(1, 260), st.sampled_from([0, 0.05, 0.3])
)


@settings(max_examples=60, deadline=None)
@given(case=cases)
def test_what_holds_for_every_plan(
    case: tuple[int, int, int, float], candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    count, seed, capacity, reserve = case
    rules = food_rules.model_copy(
        update={"random_reserve": RandomReserve(share=reserve, source="test", trust="parameter")}
    )
    plan = plan_food(mixed(candidates, count, seed), rules, capacity)
    frame, summary = plan.frame, plan.summary
    chance, selected, part = frame["inclusion_probability"], frame["selected"], frame["part"]
    mandatory = part.isin(["statutory", "key"])

    assert selected.sum() == summary.selected == capacity - summary.unused
    assert chance.sum() == selected.sum()
    assert chance.between(0, 1).all()
    assert not (selected & (chance == 0)).any()
    assert selected[chance == 1].all()
    assert (chance[part == "excluded"] == 0).all()
    assert summary.shortfall == (mandatory & ~selected).sum()
    if mandatory.sum() <= capacity:
        assert summary.shortfall == 0
        assert (chance[mandatory] == 1).all()
        assert (frame.loc[part == "random", "reason"].isin(["random_draw", "no_capacity"])).all()
    else:
        assert summary.reserved == int(capacity * reserve)
        assert (frame["reason"] == "deferred").sum() == mandatory.sum() - capacity + summary.reserved
    pool = (part == "random") | (frame["reason"] == "deferred")
    if capacity > (mandatory & (frame["reason"] != "deferred")).sum():
        assert (chance[pool] > 0).all()
    else:
        assert (chance[pool] == 0).all()
    by_tier = frame[pool].groupby("tier")["inclusion_probability"].mean()
    by_tier = by_tier.reindex(["A", "B", "C", "D"]).dropna()
    assert (np.diff(by_tier) >= -1e-9).all()
    assert sum(row["candidates"] for row in summary.by_tier) == summary.candidates == count
    assert sum(row["selected"] for row in summary.by_tier) == summary.selected


def test_the_same_seed_gives_the_same_plan_in_any_order_of_rows(
    candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    frame = mixed(candidates, 300, 4)
    one = plan_food(frame, food_rules, 120)
    two = plan_food(frame.sample(frac=1, random_state=1)[frame.columns[::-1]], food_rules, 120)
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert one.fingerprint == two.fingerprint


def test_another_seed_gives_another_draw_with_the_same_probabilities(
    candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    one = plan_food(candidates(), food_rules)
    others = [plan_food(candidates(), food_rules, seed=f"another {i}") for i in range(5)]
    for two in others:
        pd.testing.assert_series_equal(one.frame["inclusion_probability"], two.frame["inclusion_probability"])
        assert one.fingerprint != two.fingerprint
    assert any((one.frame["selected"] != two.frame["selected"]).any() for two in others)


def test_without_an_objective_chances_follow_the_weights(
    candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    by_weight = food_rules.model_copy(update={"objective": None})
    plan = plan_food(candidates(1000), by_weight, 50)
    assert plan.summary.precision is None
    frame = plan.frame
    chance = frame.groupby("tier")["inclusion_probability"].mean()
    for tier, weight in food_rules.weights.by_tier().items():
        assert chance[tier] / chance["A"] == pytest.approx(weight, rel=1e-9)


@pytest.mark.parametrize(
    ("last_full", "since", "part"),
    [
        ("2023-09-30", None, "statutory"),
        ("2023-10-01", None, "random"),
        (None, "2023-09-30", "statutory"),
        (None, "2023-10-01", "random"),
        # Inspected in full since: the licence date no longer counts.
        ("2024-05-01", "2010-01-01", "random"),
        (None, None, "statutory"),
    ],
)
def test_two_years_that_run_out_this_month_are_statutory(
    candidates: MakeCandidates, food_rules: PlanRules, last_full: str | None, since: str | None, part: str
) -> None:
    frame = candidates(20, last_full_inspection=pd.Timestamp("2025-02-01"), subject_since=pd.NaT)
    frame.loc[7, "last_full_inspection"] = pd.Timestamp(last_full) if last_full else pd.NaT
    frame.loc[7, "subject_since"] = pd.Timestamp(since) if since else pd.NaT
    row = plan_food(frame, food_rules, 5).frame.iloc[7]
    assert row["part"] == part
    assert row["selected"] or part == "random"


@pytest.mark.parametrize(
    ("last", "part"), [("2025-06-01", "random"), ("2025-06-02", "excluded"), ("2025-08-31", "excluded")]
)
def test_no_repeat_within_three_months(
    candidates: MakeCandidates, food_rules: PlanRules, last: str, part: str
) -> None:
    frame = candidates(20)
    frame.loc[3, "last_inspected"] = pd.Timestamp(last)
    row = plan_food(frame, food_rules, 20).frame.iloc[3]
    assert row["part"] == part
    assert row["reason"] == ("no_repeat" if part == "excluded" else "random_draw")
    assert row["selected"] == (part == "random")


def test_cap_and_exemption_exclude_with_the_reason(candidates: MakeCandidates, food_rules: PlanRules) -> None:
    frame = candidates(20, tier="C", exempt_because="")
    frame.loc[2, "inspections_this_year"] = 3
    frame.loc[3, "inspections_this_year"] = 2
    frame.loc[4, "exempt_because"] = "第十七条"
    frame.loc[5, ["key_item", "inspections_this_year"]] = [True, 3]
    plan = plan_food(frame, food_rules, 20)
    assert plan.frame["reason"].iloc[[2, 3, 4, 5]].tolist() == [
        "annual_cap",
        "random_draw",
        "exempt",
        "annual_cap",
    ]
    assert plan.summary.selected == 17
    assert plan.summary.unused == 3


def test_a_statutory_minimum_goes_before_restrictions_and_is_counted(
    candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    frame = candidates(20, tier="A")
    frame.loc[2, "last_full_inspection"] = pd.Timestamp("2023-01-01")
    frame.loc[2, "inspections_this_year"] = 9
    plan = plan_food(frame, food_rules, 3)
    assert plan.frame.loc[2, "part"] == "statutory"
    assert plan.frame.loc[2, "selected"]
    assert plan.summary.despite_restriction == 1


def test_shortfall_is_stated_and_the_most_urgent_come_first(
    candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    rules = food_rules.model_copy(update={"random_reserve": None})
    frame = candidates(10, tier="B", probability=0.1)
    frame.loc[[1, 2], "key_item"] = True
    frame.loc[2, "tier"] = "D"
    frame.loc[3, "last_full_inspection"] = pd.Timestamp("2023-09-10")
    frame.loc[4, "last_full_inspection"] = pd.Timestamp("2022-09-10")
    frame.loc[5, "last_full_inspection"] = pd.NaT
    order = [5, 4, 3, 2, 1]
    for capacity in range(1, 6):
        plan = plan_food(frame, rules, capacity)
        assert set(np.flatnonzero(plan.frame["selected"])) == set(order[:capacity])
        assert plan.summary.shortfall == 5 - capacity
        assert (plan.frame.loc[order[capacity:], "reason"] == "deferred").all()
        assert (plan.frame.loc[[0, 6, 7, 8, 9], "reason"] == "no_capacity").all()


def test_expected_findings_beat_a_uniform_draw(candidates: MakeCandidates, food_rules: PlanRules) -> None:
    plan = plan_food(candidates(2000), food_rules, 200)
    chosen = plan.selected
    assert plan.summary.expected_findings == pytest.approx(chosen["probability"].sum())
    assert plan.summary.expected_findings_uniform == pytest.approx(200 * plan.frame["probability"].mean())
    assert plan.summary.expected_findings_of_design > 1.3 * plan.summary.expected_findings_uniform


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tier": "E"}, "tier"),
        ({"probability": 1.2}, "probability"),
        ({"credit_code": "91"}, "credit_code"),
        ({"credit_code": None}, "credit_code"),
        ({"inspections_this_year": -1}, "inspections_this_year"),
        ({"inspections_this_year": 0.5}, "inspections_this_year"),
        ({"inspections_this_year": None}, "inspections_this_year"),
        ({"key_item": 2}, "key_item"),
        ({"last_inspected": "soon"}, "last_inspected"),
        ({"last_inspected": pd.Timestamp("2025-10-01")}, "last_inspected"),
        ({"last_full_inspection": pd.Timestamp("2025-10-01")}, "last_full_inspection"),
        ({"probability": "high"}, "probability"),
    ],
)
def test_bad_candidates_are_named(
    candidates: MakeCandidates, food_rules: PlanRules, change: dict[str, object], field: str
) -> None:
    with pytest.raises(InputError) as error:
        plan_food(candidates(5, **change), food_rules)
    assert error.value.field == field


def test_a_missing_column_is_named(candidates: MakeCandidates, food_rules: PlanRules) -> None:
    with pytest.raises(InputError, match="lack key_item") as error:
        plan_food(candidates(5).drop(columns="key_item"), food_rules)
    assert error.value.field == "key_item"
    with pytest.raises(InputError, match="no candidates"):
        plan_food(candidates(5).head(0), food_rules)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"capacity": 0}, "capacity"),
        ({"capacity": 1.5}, "capacity"),
        ({"capacity": True}, "capacity"),
        ({"month": "2025-13"}, "month"),
        ({"month": "202509"}, "month"),
        ({"month": "2025-01"}, "rules"),
        ({"sector": "general"}, "sector"),
        ({"seed": ""}, "seed"),
    ],
)
def test_bad_arguments_are_named(
    candidates: MakeCandidates, food_rules: PlanRules, change: dict[str, object], field: str
) -> None:
    given = {"sector": "food", "month": "2025-09", "capacity": 3, "seed": "s", "rules": food_rules, **change}
    with pytest.raises(InputError) as error:
        plan_inspections(candidates(5), **given)  # type: ignore[arg-type]
    assert error.value.field == field


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 60))
def test_months_later_as_pandas_counts_them(day: date, months: int) -> None:
    number = np.array([(day - date(1970, 1, 1)).days])
    expected = (pd.Timestamp(day) + pd.DateOffset(months=months)).to_datetime64().astype("datetime64[D]")
    assert days_after(number, months)[0] == expected.astype(np.int64)


def test_month_bounds() -> None:
    assert month_bounds("2024-02") == (date(2024, 2, 1), date(2024, 2, 29))
    assert month_bounds("2025-12") == (date(2025, 12, 1), date(2025, 12, 31))


def test_food_has_the_two_year_rule_by_law_and_no_cap_before_2025() -> None:
    before, after = (load_plan_rules("food", date(year, 7, 1)) for year in (2024, 2025))
    assert before.annual_cap is None
    assert after.annual_cap is not None
    assert before.statutory_minimum is not None
    assert (before.statutory_minimum.years, before.statutory_minimum.trust) == (2, "law")
    assert "第二十二条" in before.statutory_minimum.source
