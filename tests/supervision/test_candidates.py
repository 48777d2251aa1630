"""Candidates from a classification and records, against enterprises worked out by hand."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from features.errors import InputError
from supervision.candidates import candidates_from
from supervision.plan_rules import PlanRules, load_plan_rules
from supervision.records import as_frame
from supervision.sampling import plan_inspections

NEVER = date(9999, 12, 31)


def classification(**tiers: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "credit_code": [*tiers, "other"],
            "name": "企业",
            "district": "510104",
            "industry": "C1411",
            "model": ["food"] * len(tiers) + ["general"],
            "tier": [*tiers.values(), "A"],
            "probability": 0.1,
        }
    )


def inspections(*rows: tuple[str, str, str, str, bool | None]) -> pd.DataFrame:
    """Return inspections (code, date, domain, kind, full), visible from their day on."""
    names = ["credit_code", "event_date", "domain", "kind", "full_item"]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    table = pa.table(
        {
            "credit_code": pa.array(columns[0], pa.string()),
            "event_date": pa.array([date.fromisoformat(d) for d in columns[1]], pa.date32()),
            **{name: pa.array(columns[i + 2], pa.string()) for i, name in enumerate(names[2:4])},
            "full_item": pa.array(columns[4], pa.bool_()),
        }
    )
    table = table.append_column("visible_from", table["event_date"])
    return as_frame(table.append_column("visible_to", pa.array([NEVER] * len(rows), pa.date32())))


def licences(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    """Return licences (code, date, kind, category, status)."""
    names = ["credit_code", "event_date", "kind", "category", "status"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(event_date=pd.to_datetime(frame["event_date"]), valid_to=pd.NaT)


def food(
    classified: pd.DataFrame,
    seen: pd.DataFrame,
    held: pd.DataFrame | None,
    rules: PlanRules,
    pending: pd.DataFrame | None = None,
) -> pd.DataFrame:
    made = candidates_from(
        classified,
        seen,
        held,
        sector="food",
        month="2025-09",
        as_of=date(2025, 8, 31),
        rules=rules,
        pending=pending,
    )
    # Whatever comes out can be planned with.
    plan_inspections(made, sector="food", month="2025-09", capacity=2, seed="s", rules=rules)
    return made.set_index("credit_code")


def test_last_inspections_and_counts(food_rules: PlanRules) -> None:
    seen = inspections(
        ("a", "2025-03-01", "food", "routine", True),
        ("a", "2025-05-01", "food", "random", None),
        ("a", "2025-06-01", "general", "random", True),
        ("a", "2025-07-01", "food", "complaint", False),
        ("a", "2025-07-02", "tax", "random", False),
        ("a", "2025-09-05", "food", "random", True),
        ("a", "2024-05-01", "food", "routine", True),
    )
    made = food(classification(a="A", b="A"), seen, None, food_rules)
    assert made.index.tolist() == ["a", "b"]
    assert made.loc["a", "last_inspected"] == pd.Timestamp("2025-07-01")
    assert made.loc["a", "last_full_inspection"] == pd.Timestamp("2025-03-01")
    # Not the complaint, not the tax office, not last year, not the future.
    assert made.loc["a", "inspections_this_year"] == 3
    assert pd.isna(made.loc["b", "last_inspected"])
    assert made.loc["b", "inspections_this_year"] == 0


def test_what_was_not_visible_does_not_count(food_rules: PlanRules) -> None:
    seen = inspections(
        ("a", "2025-03-01", "food", "routine", True), ("a", "2025-04-01", "food", "routine", True)
    )
    seen.loc[1, "visible_from"] = pd.Timestamp("2025-09-02")
    assert food(classification(a="A"), seen, None, food_rules).loc["a", "last_inspected"] == pd.Timestamp(
        "2025-03-01"
    )
    seen.loc[0, "visible_to"] = pd.Timestamp("2025-08-31")
    assert pd.isna(food(classification(a="A"), seen, None, food_rules).loc["a", "last_inspected"])


def test_a_missing_full_item_can_count_as_full(food_rules: PlanRules) -> None:
    seen = inspections(("a", "2025-03-01", "food", "routine", None))
    assert pd.isna(food(classification(a="A"), seen, None, food_rules).loc["a", "last_full_inspection"])
    assert food_rules.statutory_minimum is not None
    minimum = food_rules.statutory_minimum.model_copy(update={"missing_full_item": "full"})
    rules = food_rules.model_copy(update={"statutory_minimum": minimum})
    made = food(classification(a="A"), seen, None, rules)
    assert made.loc["a", "last_full_inspection"] == pd.Timestamp("2025-03-01")


def test_key_objects_by_licence_and_when_due(food_rules: PlanRules) -> None:
    held = licences(
        ("producer_c", "2020-01-01", "food_production", "糕点", "valid"),
        ("producer_c_recent", "2020-01-01", "food_production", "糕点", "valid"),
        ("seller_c", "2020-01-01", "food_trade", "", "valid"),
        ("seller_d", "2021-01-01", "food_trade", "", "valid"),
        ("seller_d", "2020-05-01", "catering", "", "cancelled"),
        ("special_a", "2024-02-01", "special_food_production", "保健食品", "valid"),
        ("kitchen_a", "2024-02-01", "catering", "中央厨房", "valid"),
        ("lost_d", "2020-01-01", "food_production", "糕点", "revoked"),
    )
    seen = inspections(
        ("producer_c", "2025-03-30", "food", "routine", True),
        ("producer_c_recent", "2025-04-01", "food", "routine", True),
        ("seller_c", "2025-01-01", "food", "routine", True),
        ("seller_d", "2025-05-30", "food", "routine", True),
        ("special_a", "2024-09-30", "food", "routine", True),
        ("lost_d", "2025-01-01", "food", "routine", True),
    )
    tiers = {"producer_c": "C", "producer_c_recent": "C", "seller_c": "C", "seller_d": "D"}
    made = food(classification(**tiers, special_a="A", kitchen_a="A", lost_d="D"), seen, held, food_rules)
    assert made.index[made["key_item"]].tolist() == ["producer_c", "seller_d", "special_a", "kitchen_a"]
    assert made.loc["seller_d", "key_reason"] == (
        "风险等级为D级的食品经营者（食品生产经营监督检查管理办法第二十二条）"
    )
    assert made.loc["seller_c", "key_reason"] == ""
    assert made.loc["seller_d", "subject_since"] == pd.Timestamp("2020-05-01")


def test_without_licences_the_industry_stands_in(food_rules: PlanRules) -> None:
    classified = classification(maker="C", diner="C", diner_d="D", shop="D")
    classified["industry"] = ["C1411", "H6210", "6210", None, "C"]
    made = food(classified, inspections(), None, food_rules)
    assert made["key_item"].tolist() == [True, False, True, False]


def test_post_licence_inspection_exempts_equipment_enterprises() -> None:
    rules = load_plan_rules("special_equipment", date(2025, 9, 1))
    classified = classification(a="B", b="B").assign(model="special_equipment")
    seen = inspections(
        ("a", "2025-03-01", "special_equipment", "post_licence", None),
        ("b", "2024-12-31", "special_equipment", "post_licence", None),
    )
    made = candidates_from(
        classified,
        seen,
        None,
        sector="special_equipment",
        month="2025-09",
        as_of=date(2025, 8, 31),
        rules=rules,
    ).set_index("credit_code")
    assert "第十七条" in made.loc["a", "exempt_because"]
    assert made.loc["b", "exempt_because"] == ""


def test_bad_tables_are_named(food_rules: PlanRules) -> None:
    with pytest.raises(InputError, match="inspections lacks domain"):
        food(classification(a="A"), inspections().drop(columns="domain"), None, food_rules)
    with pytest.raises(InputError, match="licences lacks kind"):
        food(
            classification(a="A"),
            inspections(),
            licences(("a", "2020-01-01", "x", "", "valid")).drop(columns="kind"),
            food_rules,
        )
    with pytest.raises(InputError, match="classification lacks tier"):
        food(classification(a="A").drop(columns="tier"), inspections(), None, food_rules)
    with pytest.raises(InputError, match="the models are: general"):
        food(classification(), inspections(), None, food_rules)
