"""A plan on disk verifies, and any change of it does not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from supervision.plan_rules import PlanRules
from supervision.plans import read_plan, save_plan
from supervision.sampling import Plan, plan_inspections
from supervision.verification import verify_plan

MakeCandidates = Callable[..., pd.DataFrame]


@pytest.fixture
def plan(candidates: MakeCandidates, food_rules: PlanRules) -> Plan:
    frame = candidates(150)
    frame.loc[3, "name"] = "=cmd|'/c calc'!A1"
    frame.loc[3, "key_item"] = True
    frame.loc[4, "credit_code"] = "915101001234567890"
    frame.loc[4, "last_full_inspection"] = pd.NaT
    frame.loc[5, "last_inspected"] = pd.NaT
    frame.loc[6, "probability"] = np.nan
    return plan_inspections(
        frame, sector="food", month="2025-09", capacity=40, seed="种子 2025-09", rules=food_rules
    )


@pytest.fixture
def folder(plan: Plan, tmp_path: Path) -> Path:
    return save_plan(plan, tmp_path / "plans", snapshot="2025-08-31-1", context={"district": None})


def failed(folder: Path, **published: str) -> set[str]:
    return {check.name for check in verify_plan(folder, **published).checks if not check.passed}


def edit_document(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    edit(document)
    (folder / "plan.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def edit_frame(folder: Path, column: str, row: int, value: object) -> None:
    frame = pd.read_parquet(folder / "frame.parquet")
    frame[column] = frame[column].astype("object")
    frame.loc[row, column] = value
    frame.to_parquet(folder / "frame.parquet", index=False)


def test_a_plan_verifies(plan: Plan, folder: Path) -> None:
    report = verify_plan(folder, commitment=plan.commitment, fingerprint=plan.fingerprint)
    assert report.passed, report
    assert report.as_dict()["passed"] is True
    assert folder.name == "food-2025-09-1"
    assert [path.name for path in folder.parent.iterdir()] == ["food-2025-09-1"]


def test_rows_in_another_order_are_the_same_plan(folder: Path) -> None:
    frame = pd.read_parquet(folder / "frame.parquet")
    frame.sample(frac=1, random_state=0).to_parquet(folder / "frame.parquet", index=False)
    assert not failed(folder)


def test_the_document_holds_all_inputs(plan: Plan, folder: Path) -> None:
    document = read_plan(folder).document
    assert document.seed == plan.seed
    assert document.rules == plan.rules
    assert document.snapshot == "2025-08-31-1"
    assert document.summary == plan.summary.as_dict()


def test_a_second_plan_of_a_month_does_not_replace_the_first(plan: Plan, folder: Path) -> None:
    second = save_plan(plan, folder.parent)
    assert second.name == "food-2025-09-2"
    assert read_plan(second).document.number == 2
    assert not failed(folder)
    assert not failed(second)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("probability", 0.5),
        ("tier", "D"),
        ("name", "别的名称"),
        ("district", "000000"),
        ("key_item", True),
        ("key_reason", "x"),
        ("inspections_this_year", 1),
        ("last_inspected", pd.Timestamp("2025-01-31").date()),
        ("last_full_inspection", pd.Timestamp("2025-01-31").date()),
        ("subject_since", pd.Timestamp("2025-01-31").date()),
        ("exempt_because", "x"),
        ("credit_code", "91510100MA0000000X"),
    ],
)
def test_a_changed_candidate_is_detected(plan: Plan, folder: Path, column: str, value: object) -> None:
    row = int(np.flatnonzero(plan.frame["tier"] == "A")[20])
    edit_frame(folder, column, row, value)
    assert {"candidates", "inputs"} <= failed(folder)


def test_a_removed_or_added_candidate_is_detected(folder: Path) -> None:
    frame = pd.read_parquet(folder / "frame.parquet")
    frame.drop(index=100).to_parquet(folder / "frame.parquet", index=False)
    assert {"candidates", "draw"} <= failed(folder)
    pd.concat([frame, frame.tail(1)]).to_parquet(folder / "frame.parquet", index=False)
    assert failed(folder) == {"inputs"}


@pytest.mark.parametrize("column", ["selected", "inclusion_probability", "part", "reason"])
def test_a_changed_result_is_detected(plan: Plan, folder: Path, column: str) -> None:
    row = int(np.flatnonzero((plan.frame["part"] == "random") & ~plan.frame["selected"])[0])
    changed = {"selected": True, "inclusion_probability": 0.9, "part": "key", "reason": "key_supervision"}
    edit_frame(folder, column, row, changed[column])
    assert failed(folder) == {"draw"}
    assert plan.frame["credit_code"][row] in next(
        c.detail for c in verify_plan(folder).checks if not c.passed
    )


def test_a_missing_result_column_is_detected(folder: Path) -> None:
    pd.read_parquet(folder / "frame.parquet").drop(columns="part").to_parquet(folder / "frame.parquet")
    assert failed(folder) == {"draw"}


def test_another_seed_rule_or_capacity_is_detected(folder: Path) -> None:
    original = (folder / "plan.json").read_text(encoding="utf-8")
    edit_document(folder, lambda d: d.update(seed="other"))
    assert {"seed", "inputs", "draw"} <= failed(folder)

    for edit, checks in (
        (lambda d: d["rules"]["weights"].update(D=60), {"inputs"}),
        (lambda d: d["rules"]["objective"].update(precision=0.5), {"inputs", "draw"}),
        # Changes nothing in the draw, and is a change all the same.
        (lambda d: d["rules"]["weights"].update(source="elsewhere"), {"inputs"}),
        (lambda d: d.update(capacity=41), {"inputs", "draw"}),
        (lambda d: d.update(month="2025-10"), {"inputs", "draw"}),
        (lambda d: d["summary"].update(shortfall=3), {"summary"}),
        (lambda d: d.update(capacity=0), {"inputs"}),
        (lambda d: d.update(frame_sha256="0"), {"candidates"}),
    ):
        (folder / "plan.json").write_text(original, encoding="utf-8")
        edit_document(folder, edit)
        assert checks <= failed(folder)


def test_a_consistent_forgery_fails_against_what_was_published(
    plan: Plan, folder: Path, candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    forged = plan_inspections(
        plan.frame, sector="food", month="2025-09", capacity=40, seed="better for a friend", rules=food_rules
    )
    other = save_plan(forged, folder.parent)
    assert not failed(other)
    assert failed(other, commitment=plan.commitment) == {"published commitment"}
    assert failed(other, fingerprint=plan.fingerprint) == {"published fingerprint"}


def test_a_changed_list_for_inspectors_is_detected(folder: Path) -> None:
    text = (folder / "selected.csv").read_text(encoding="utf-8-sig").splitlines()
    (folder / "selected.csv").write_text("\n".join(text[:-1]), encoding="utf-8-sig")
    assert failed(folder) == {"selected.csv"}
    (folder / "selected.csv").unlink()
    assert failed(folder) == {"selected.csv"}


def test_the_list_opens_in_a_spreadsheet(plan: Plan, folder: Path) -> None:
    raw = (folder / "selected.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert len(rows) == 40
    assert rows[0].keys() >= {
        "统一社会信用代码 credit_code",
        "企业名称 name",
        "抽中概率 inclusion_probability",
    }
    by_code = {row["统一社会信用代码 credit_code"]: row for row in rows}
    # Eighteen digits stay text, a formula stays a name.
    assert "915101001234567890\t" in by_code
    assert by_code["91510100MA00000003\t"]["企业名称 name"] == "'=cmd|'/c calc'!A1"
    assert by_code["915101001234567890\t"]["产生方式 part"] == "法定最低频次"


def test_what_is_no_plan_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no plan\.json"):
        verify_plan(tmp_path)
    edit_document(folder, lambda d: d.update(design="other"))
    with pytest.raises(InputError, match="design 'other'"):
        verify_plan(folder)
    (folder / "plan.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="not a plan"):
        verify_plan(folder)


def test_a_broken_frame_is_named(folder: Path) -> None:
    (folder / "frame.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"frame\.parquet cannot be read"):
        verify_plan(folder)
