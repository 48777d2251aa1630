"""A dated entry in a province's own rule file: each month is decided by the rules of its time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError
from supervision.candidates import candidates_from
from supervision.plan_rules import load_plan_rules

RULES = Path(__file__).resolve().parents[2] / "examples" / "new_rule_version" / "plan_rules.yaml"
CODES = [f"9199010{n}MA0000000{n}" for n in range(5)]


def key_objects(month: str) -> list[str]:
    """Return the tiers of those who are key objects in a month; nobody was inspected before."""
    classification = pd.DataFrame(
        {
            "credit_code": CODES,
            "name": "甲",
            "district": "510104",
            "industry": "C3411",
            "model": "general",
            "tier": ["A", "B", "C", "D", "D"],
            "probability": [0.01, 0.05, 0.1, 0.3, 0.4],
        }
    )
    # The last of them was inspected lately.
    inspections = pd.DataFrame(
        {"credit_code": CODES[-1:], "event_date": [date(2026, 11, 2)], "domain": "general", "full_item": True}
    )
    year, number = map(int, month.split("-"))
    found = candidates_from(
        classification,
        inspections,
        None,
        sector="general",
        month=month,
        as_of=date(year - (number == 1), (number - 2) % 12 + 1, 28),
        rules=load_plan_rules("general", date(year, number, 1), RULES),
    )
    return list(found.loc[found["key_item"], "credit_code"])


def test_the_new_version_holds_from_its_day_on() -> None:
    before = load_plan_rules("general", date(2026, 12, 31), RULES)
    after = load_plan_rules("general", date(2027, 1, 1), RULES)
    assert before.key_objects == ()
    assert [one.name for one in after.key_objects] == ["tier_d"]
    assert after.weights == before.weights


def test_plans_follow_the_rules_of_their_month() -> None:
    assert key_objects("2026-12") == []
    assert key_objects("2027-01") == [CODES[3]]
    assert key_objects("2027-12") == CODES[3:]


def test_nothing_is_in_force_before_the_first_version() -> None:
    with pytest.raises(InputError, match=r"the first are of 2022-01-13.*add a version to plan_rules.yaml"):
        load_plan_rules("general", date(2021, 12, 1), RULES)
