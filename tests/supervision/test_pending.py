"""Visits that are planned count until their results are on file, or until it is clear that none comes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from supervision.pending import COLUMNS, pending_visits
from supervision.plan_rules import PlanRules
from supervision.plans import save_plan
from supervision.sampling import plan_inspections
from tests.supervision.conftest import MakeCandidates
from tests.supervision.test_candidates import classification, food, inspections


@pytest.fixture
def plans(tmp_path: Path, candidates: MakeCandidates, food_rules: PlanRules) -> Path:
    """Keep plans of food for June to September, the last drawn twice."""
    for month in ("2025-06", "2025-07", "2025-08", "2025-09", "2025-09"):
        plan = plan_inspections(
            candidates(60), sector="food", month=month, capacity=10, seed=f"seed {month}", rules=food_rules
        )
        save_plan(plan, tmp_path)
    return tmp_path


def months_of(found: pd.DataFrame | None) -> set[str]:
    assert found is not None
    assert list(found.columns) == list(COLUMNS)
    return set(found["planned_from"].dt.strftime("%Y-%m"))


def test_earlier_plans_count_for_three_months(plans: Path) -> None:
    assert months_of(pending_visits(plans, sector="food", month="2025-09")) == {
        "2025-06",
        "2025-07",
        "2025-08",
    }
    assert months_of(pending_visits(plans, sector="food", month="2025-11")) == {"2025-08", "2025-09"}
    assert pending_visits(plans, sector="food", month="2026-02") is None


def test_another_sectors_plan_of_the_month_counts_and_its_last_draw_only(plans: Path) -> None:
    found = pending_visits(plans, sector="general", month="2025-09")
    assert months_of(found) == {"2025-06", "2025-07", "2025-08", "2025-09"}
    assert found is not None
    assert (found["planned_from"] == "2025-09-01").sum() == 10


def pending(code: str, first: str, last: str, *, full: bool, domain: str = "food") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "credit_code": [code],
            "domain": domain,
            "kind": "routine",
            "plan": f"{domain}-{first}",
            "planned_from": pd.Timestamp(first),
            "planned_until": pd.Timestamp(last),
            "full_item": full,
        }
    )


def made(waiting: pd.DataFrame, *rows: tuple[str, str, str, str, bool | None], rules: PlanRules) -> pd.Series:
    frame = food(classification(a="A"), inspections(*rows), None, rules, waiting)
    result: pd.Series = frame.loc["a"]
    return result


def test_a_planned_visit_counts_as_an_inspection(food_rules: PlanRules) -> None:
    row = made(pending("a", "2025-08-01", "2025-08-31", full=True), rules=food_rules)
    assert row["last_inspected"] == pd.Timestamp("2025-08-31")
    assert row["last_full_inspection"] == pd.Timestamp("2025-08-31")
    assert row["inspections_this_year"] == 1


def test_a_drawn_visit_is_not_taken_as_full(food_rules: PlanRules) -> None:
    row = made(pending("a", "2025-08-01", "2025-08-31", full=False), rules=food_rules)
    assert pd.isna(row["last_full_inspection"])


def test_the_result_on_file_takes_its_place(food_rules: PlanRules) -> None:
    waiting = pending("a", "2025-08-01", "2025-08-31", full=True)
    row = made(waiting, ("a", "2025-08-05", "food", "random", False), rules=food_rules)
    assert row["last_inspected"] == pd.Timestamp("2025-08-05")
    assert pd.isna(row["last_full_inspection"])
    assert row["inspections_this_year"] == 1


def test_a_visit_of_another_sector_counts_for_the_cap_alone(food_rules: PlanRules) -> None:
    waiting = pending("a", "2025-09-01", "2025-09-30", full=False, domain="general")
    row = made(waiting, ("a", "2025-01-07", "food", "random", True), rules=food_rules)
    assert row["last_inspected"] == pd.Timestamp("2025-01-07")
    assert row["inspections_this_year"] == 2


def test_two_plans_of_one_month_are_two_visits_and_a_joint_plan_is_one(food_rules: PlanRules) -> None:
    first, last = "2025-08-01", "2025-08-31"
    two = [pending("a", first, last, full=False, domain=domain) for domain in ("food", "general")]
    assert made(pd.concat(two), rules=food_rules)["inspections_this_year"] == 2
    joint = pd.concat(two).assign(plan="food+general-2025-08-1")
    assert made(joint, rules=food_rules)["inspections_this_year"] == 1


def test_plans_of_months_are_read_from_the_home(plans: Path) -> None:
    (plans / "food-2025-08-1" / "plan.json").unlink()
    assert months_of(pending_visits(plans, sector="food", month="2025-09")) == {"2025-06", "2025-07"}
