"""Results of a plan come back with the probability with which each was drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from supervision.plan_rules import PlanRules
from supervision.plans import read_plan, save_plan
from supervision.results import ResultsReport, record_results
from supervision.sampling import horvitz_thompson_mean, plan_inspections
from tests.supervision.office import Office

MakeCandidates = Callable[..., pd.DataFrame]
ON = date(2025, 10, 9)


@pytest.fixture
def folder(office: Office, candidates: MakeCandidates, food_rules: PlanRules) -> Path:
    frame = candidates(100)
    frame.loc[0, "last_full_inspection"] = pd.NaT
    frame.loc[1, ["key_item", "key_reason"]] = [True, "重点"]
    plan = plan_inspections(frame, sector="food", month="2025-09", capacity=20, seed="s", rules=food_rules)
    return save_plan(plan, office.home.plans)


def selected(folder: Path) -> pd.DataFrame:
    frame = pd.read_parquet(folder / "frame.parquet")
    return frame[frame["selected"]].reset_index(drop=True)


def write(tmp_path: Path, rows: list[dict[str, Any]]) -> Path:
    file = tmp_path / "results.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


def load(office: Office, folder: Path, tmp_path: Path, rows: list[dict[str, Any]], on: date = ON) -> Any:
    return record_results(office.home, folder, write(tmp_path, rows), on=on, provider="甲局")


def stored(home: Home) -> pd.DataFrame:
    return RecordStore(home.store).snapshot().read("inspection").to_pandas().set_index("credit_code")


def test_probabilities_and_ways_of_selection(office: Office, folder: Path, tmp_path: Path) -> None:
    chosen = selected(folder)
    rows = [
        {"credit_code": code, "date": "2025-09-20", "outcome": "no_problem", "full_item": "true"}
        for code in chosen["credit_code"]
    ]
    report = load(office, folder, tmp_path, rows)
    assert (report.planned, report.reported, report.accepted, report.problems) == (20, 20, 20, 0)
    records = stored(office.home)
    for row in chosen.to_dict("records"):
        record = records.loc[row["credit_code"]]
        assert record["inclusion_probability"] == row["inclusion_probability"]
        assert record["selection"] == ("random" if row["part"] == "random" else "full_coverage")
        assert record["kind"] == ("random" if row["part"] == "random" else "routine")
        assert record["domain"] == "food"
    assert (records["selection"] == "full_coverage").sum() == 2
    assert set(records.loc[records["selection"] == "full_coverage", "inclusion_probability"]) == {1.0}
    # Known from the day they came on file: a feature of an earlier day does not see them.
    assert office.visible("inspection", chosen["credit_code"][0], date(2025, 10, 8)) == []
    assert office.visible("inspection", chosen["credit_code"][0], ON)


def test_deferred_enterprises_that_were_drawn_have_their_probability(
    office: Office, candidates: MakeCandidates, food_rules: PlanRules, tmp_path: Path
) -> None:
    frame = candidates(100, last_full_inspection=pd.NaT)
    plan = plan_inspections(frame, sector="food", month="2025-09", capacity=40, seed="s", rules=food_rules)
    folder = save_plan(plan, office.home.plans)
    deferred = plan.selected[plan.selected["reason"] == "deferred"]
    assert len(deferred) == 2
    rows = [
        {"credit_code": c, "date": "2025-09-20", "outcome": "problem"} for c in plan.selected["credit_code"]
    ]
    load(office, folder, tmp_path, rows)
    records = stored(office.home).loc[deferred["credit_code"]]
    assert set(records["selection"]) == {"random"}
    assert (records["inclusion_probability"] < 1).all()


def test_the_estimate_speaks_of_all_that_could_be_drawn(office: Office, folder: Path, tmp_path: Path) -> None:
    chosen = selected(folder)
    drawn = chosen[chosen["part"] == "random"]
    outcomes = ["problem", "severe", "censored", "neutral", *["no_problem"] * (len(drawn) - 4)]
    rows = [
        {"credit_code": code, "date": "2025-09-20", "outcome": outcome}
        for code, outcome in zip(drawn["credit_code"], outcomes, strict=True)
    ]
    report = load(office, folder, tmp_path, rows)
    telling = drawn[[o not in ("censored", "neutral") for o in outcomes]]
    found = [o in ("problem", "severe") for o in outcomes if o not in ("censored", "neutral")]
    expected = horvitz_thompson_mean(
        pd.Series(found, dtype=float).to_numpy(), telling["inclusion_probability"].to_numpy()
    )
    assert report.estimated_rate == pytest.approx(expected)
    assert (report.drawn, report.problems) == (len(telling), 2)
    assert report.expected == pytest.approx(drawn["probability"].sum())


def test_published_codes_give_the_gravest_outcome(office: Office, folder: Path, tmp_path: Path) -> None:
    codes = selected(folder)["credit_code"].tolist()
    given = {
        "1": "no_problem",
        "E": "corrected",
        "3，8": "severe",
        "B;E": "problem",
        "7": "censored",
        "F": "neutral",
    }
    rows = [
        {"credit_code": code, "date": "2025-09-20", "result_codes": published}
        for code, published in zip(codes, given, strict=False)
    ]
    load(office, folder, tmp_path, rows)
    records = stored(office.home)
    assert [records.loc[code, "outcome"] for code in codes[: len(given)]] == list(given.values())
    assert records.loc[codes[2], "result_codes"] == "3,8"


def test_the_same_file_changes_nothing_and_a_correction_is_a_new_version(
    office: Office, folder: Path, tmp_path: Path
) -> None:
    code = selected(folder)["credit_code"][0]
    row = {"credit_code": code, "date": "2025-09-20", "outcome": "no_problem"}
    assert load(office, folder, tmp_path, [row]).accepted == 1
    again = load(office, folder, tmp_path, [row])
    assert (again.accepted, again.duplicate) == (0, 1)
    with pytest.raises(InputError, match="contradict"):
        load(office, folder, tmp_path, [{**row, "outcome": "problem"}])
    load(office, folder, tmp_path, [{**row, "outcome": "problem"}], on=date(2025, 10, 20))
    assert office.visible("inspection", code, date(2025, 10, 19))[0]["outcome"] == "no_problem"
    assert office.visible("inspection", code, date(2025, 10, 20))[0]["outcome"] == "problem"


def test_late_results_are_counted_in_working_days(office: Office, folder: Path, tmp_path: Path) -> None:
    codes = selected(folder)["credit_code"].tolist()
    # Twenty working days after 2025-09-01 end on Sunday 2025-09-28, which is worked.
    rows = [
        {"credit_code": codes[0], "date": "2025-09-01", "outcome": "no_problem", "recorded_at": "2025-09-28"},
        {"credit_code": codes[1], "date": "2025-09-01", "outcome": "no_problem", "recorded_at": "2025-09-29"},
    ]
    assert load(office, folder, tmp_path, rows).late == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"credit_code": "91510100MA99999999"}, "credit_code"),
        ({"date": "2025-08-31"}, "date"),
        ({"date": "2025-10-10"}, "date"),
        ({"date": "soon"}, "date"),
        ({"outcome": "bad"}, "outcome"),
        ({"outcome": ""}, "outcome"),
        ({"result_codes": "Q"}, "result_codes"),
        ({"kind": "nice"}, "kind"),
        ({"critical_items": "-1"}, "critical_items"),
        ({"points": "many"}, "points"),
        ({"full_item": "maybe"}, "full_item"),
        ({"inspector": "甲"}, "inspector"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_loaded(
    office: Office, folder: Path, tmp_path: Path, change: dict[str, str], field: str
) -> None:
    codes = selected(folder)["credit_code"].tolist()
    good = {"credit_code": codes[0], "date": "2025-09-20", "outcome": "no_problem"}
    bad = {"credit_code": codes[1], "date": "2025-09-20", "outcome": "no_problem", **change}
    with pytest.raises(InputError) as error:
        load(office, folder, tmp_path, [good, bad])
    assert error.value.field == field
    assert not office.home.store.exists()


def test_twice_the_same_enterprise_and_no_authority_are_named(
    office: Office, folder: Path, tmp_path: Path
) -> None:
    row = {"credit_code": selected(folder)["credit_code"][0], "date": "2025-09-20", "outcome": "problem"}
    with pytest.raises(InputError, match="more than once"):
        load(office, folder, tmp_path, [row, row])
    with pytest.raises(InputError, match="authority"):
        record_results(office.home, folder, write(tmp_path, [row]), on=ON)


def test_plan_with_inspectors_and_results_by_command(
    office: Office, candidates: MakeCandidates, tmp_path: Path
) -> None:
    frame = candidates(60)
    office.publish(
        date(2025, 8, 31),
        *(
            {"model": model, **row}
            for model in ("general", "food")
            for row in frame[["credit_code", "name", "district", "tier", "probability"]].to_dict("records")
        ),
    )
    seen = {"kind": "routine", "domain": "food", "selection": "targeted", "outcome": "no_problem"}
    office.put(
        inspection=[
            {"credit_code": code, "event_date": date(2025, 2, 1), "full_item": True, **seen}
            for code in frame["credit_code"]
        ]
    )
    pool = tmp_path / "pool.csv"
    lines = [f"i{i},检查员{i},510000,food,20,\n" for i in range(4)]
    pool.write_text(
        "inspector_id,name,districts,competences,visits,conflicts\n" + "".join(lines), encoding="utf-8"
    )
    made = office.json(
        "plan", "--sector", "food", "--month", "2025-09", "--capacity", "10", "--seed", "s",
        "--inspectors", str(pool),
    )  # fmt: skip
    assert made["assignment"]["summary"]["assigned"] == 10
    assert office.json("plan", "verify", made["plan"])["passed"] is True
    teams = pd.read_csv(made["files"]["teams.csv"], dtype=str)
    assert teams["检查人员编号 inspector_ids"].str.count(";").tolist() == [1] * 10
    rows = [
        {"credit_code": code.strip(), "date": "2025-09-20", "outcome": "problem"}
        for code in teams["统一社会信用代码 credit_code"]
    ]
    arguments = (
        "plan",
        "results",
        made["plan"],
        str(write(tmp_path, rows)),
        "--provider",
        "甲局",
        "--on",
        "2025-09-30",
    )
    report = office.json(*arguments)
    assert (report["reported"], report["problems"], report["estimated_rate"]) == (10, 10, 1.0)
    assert "10 known" in office.run(*arguments).output
    spoken = office.run(
        "plan", "--sector", "food", "--month", "2025-09", "--capacity", "10", "--seed", "s",
        "--inspectors", str(pool),
    )  # fmt: skip
    assert "10 of 10 enterprises have a team" in spoken.output
    assert json.loads((office.home.plans / made["plan"] / "plan.json").read_text(encoding="utf-8"))[
        "assignment"
    ]


def test_findings_name_their_inspection(office: Office, folder: Path, tmp_path: Path) -> None:
    first, second = read_plan(folder).frame.query("selected")["credit_code"][:2]
    results, items = tmp_path / "results.csv", tmp_path / "items.csv"
    results.write_text(
        f"credit_code,date,outcome\n{first},2025-09-12,problem\n{second},2025-09-13,no_problem\n"
    )
    items.write_text(f"credit_code,item,severity,fined\n{first},进货查验,serious,2000\n{first},标签,minor,\n")

    def load() -> ResultsReport:
        return record_results(
            office.home, folder, results, on=date(2025, 9, 30), provider="甲局", findings=items
        )

    assert load().items == 2
    load()
    snapshot = RecordStore(office.home.store).snapshot()
    (inspection,) = [r for r in snapshot.read("inspection").to_pylist() if r["credit_code"] == first]
    found = snapshot.read("finding").to_pylist()
    assert [(r["item"], r["severity"], r["fined"]) for r in found] == [
        ("进货查验", "serious", 200_000),
        ("标签", "minor", None),
    ]
    assert {r["inspection_id"] for r in found} == {inspection["record_id"]}
    assert {r["event_date"] for r in found} == {inspection["event_date"]}


@pytest.mark.parametrize(
    ("line", "field"),
    [("nobody,标签,minor", "credit_code"), ("{code},标签,bad", "severity"), ("{code}, ,minor", "item")],
)
def test_a_bad_finding_is_named_and_nothing_is_loaded(
    office: Office, folder: Path, tmp_path: Path, line: str, field: str
) -> None:
    code = read_plan(folder).frame.query("selected")["credit_code"].iloc[0]
    results, items = tmp_path / "results.csv", tmp_path / "items.csv"
    results.write_text(f"credit_code,date,outcome\n{code},2025-09-12,problem\n")
    items.write_text(f"credit_code,item,severity\n{line.format(code=code)}\n")
    with pytest.raises(InputError, match="line 2") as error:
        record_results(office.home, folder, results, on=date(2025, 9, 30), provider="甲局", findings=items)
    assert error.value.field == field
    with pytest.raises(InputError, match="is empty"):
        RecordStore(office.home.store).snapshot()
