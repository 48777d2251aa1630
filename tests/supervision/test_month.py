"""The scripted month of the documentation, as it stands there, through the command line."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from features.store import RecordStore
from supervision.plans import read_plan

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "supervision" / "month.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("month", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
def test_the_month_runs_and_each_step_shows_in_the_next(script: ModuleType, tmp_path: Path) -> None:
    state = script.month(tmp_path, 4_000)
    assert list(state) == [
        "classify",
        "plan",
        "inspection results",
        "list decision",
        "repair",
        "publish",
        "retrain",
        "next classification",
    ]
    plan, results = state["plan"], state["inspection results"]
    assert plan["verified"] is True
    assert plan["shortfall"] == 0
    assert plan["expected_findings"] > plan["as_many_drawn_uniformly"]
    assert results["reported"] == results["accepted"] == plan["selected"] == sum(results["outcomes"].values())

    # The results are in the records, each with the probability of the plan.
    rows = RecordStore(tmp_path / "store").snapshot().read("inspection").to_pylist()
    own = {r["credit_code"]: r for r in rows if r["record_id"].startswith(f"inspection:{plan['plan']}:")}
    frame = read_plan(tmp_path / "plans" / plan["plan"]).frame.set_index("credit_code")
    assert len(own) == plan["selected"]
    assert all(r["inclusion_probability"] == frame["inclusion_probability"][c] for c, r in own.items())

    # The listing bars, and the next classification sees it.
    assert state["list decision"]["may_cancel"] == "refused"
    after = state["next classification"]
    assert after["listed_now"].startswith(("C", "D"))
    # The repaired penalty is published no more, and features no longer see it.
    repaired = state["repair"]
    seen = (
        RecordStore(tmp_path / "store")
        .snapshot()
        .read("penalty", codes=(repaired["enterprise"], repaired["enterprise"]))
    )
    (ends,) = [r["visible_to"] for r in seen.to_pylist() if r["record_id"] == repaired["record"]]
    assert ends == date.fromisoformat(script.DECIDED)
    published = (Path(state["publish"]["site"]) / "data" / "penalty.csv").read_text(encoding="utf-8-sig")
    assert repaired["record"] not in published
    assert state["publish"]["rows"]["penalty"] == len(published.splitlines()) - 1
    assert set(state["retrain"]) == {"general", "food", "special_equipment"}
    assert after["classification"].startswith(script.NEXT)
