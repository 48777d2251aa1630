"""Joint visits: one draw, one team, one visit for several departments."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.store import RecordStore
from supervision.assignment.assigning import assign_inspectors
from supervision.assignment.pool import Inspector
from supervision.assignment.rules import load_assignment_rules
from supervision.joint import joint_assignment, joint_candidates, joint_rules, sectors_of
from supervision.pending import pending_visits
from supervision.plan_rules import PlanRules, load_plan_rules
from supervision.plans import save_plan
from supervision.results import record_results
from supervision.sampling import Plan, plan_inspections
from supervision.verification import verify_plan
from tests.supervision.conftest import MakeCandidates
from tests.supervision.office import Office, credit_code

MONTH, BOTH = "2025-09", "food+general"


@pytest.fixture(scope="module")
def rules() -> dict[str, PlanRules]:
    return {sector: load_plan_rules(sector, date(2025, 9, 1)) for sector in BOTH.split("+")}


def of_enterprises(candidates: MakeCandidates, count: int, seed: int, **columns: object) -> pd.DataFrame:
    codes = [credit_code(i) for i in range(count)]
    return candidates(count, seed=seed).assign(credit_code=codes, **columns)


def joined(
    candidates: MakeCandidates, rules: dict[str, PlanRules], food: int = 60, everybody: int = 150
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    each = {
        "food": of_enterprises(candidates, food, 1),
        "general": of_enterprises(candidates, everybody, 2),
    }
    return each, joint_candidates(each, rules, MONTH)


def planned(frame: pd.DataFrame, rules: dict[str, PlanRules], capacity: int = 30, seed: str = "s") -> Plan:
    return plan_inspections(
        frame, sector=BOTH, month=MONTH, capacity=capacity, seed=seed, rules=joint_rules(list(rules.values()))
    )


def test_an_enterprise_is_there_once_with_all_who_may_come(
    candidates: MakeCandidates, rules: dict[str, PlanRules]
) -> None:
    each, frame = joined(candidates, rules)
    assert frame["credit_code"].is_unique
    assert frame["sectors"].value_counts().to_dict() == {"general": 90, BOTH: 60}
    chances = [e.set_index("credit_code")["probability"].reindex(frame["credit_code"]) for e in each.values()]
    expected = 1 - (1 - chances[0].fillna(0)) * (1 - chances[1])
    np.testing.assert_allclose(frame["probability"], expected)
    assert (frame["exempt_because"] == "").all()


def test_a_barred_sector_stays_away_and_the_others_come(
    candidates: MakeCandidates, rules: dict[str, PlanRules]
) -> None:
    each, _ = joined(candidates, rules)
    soon = pd.Timestamp("2025-08-20")
    each["food"].loc[:9, "last_inspected"] = soon
    each["general"].loc[5:14, "last_inspected"] = soon
    frame = joint_candidates(each, rules, MONTH).set_index("credit_code")
    codes = [credit_code(i) for i in range(15)]
    assert list(frame.loc[codes, "sectors"]) == ["general"] * 5 + [""] * 5 + ["food"] * 5
    assert frame.loc[codes[7], "exempt_because"] == (
        "food: too soon after the last inspection; general: too soon after the last inspection"
    )
    plan = planned(frame.reset_index(), rules, 120)
    assert not plan.selected["credit_code"].isin(codes[5:10]).any()


def test_what_is_mandatory_in_one_sector_is_visited_and_the_most_urgent_first(
    candidates: MakeCandidates, rules: dict[str, PlanRules]
) -> None:
    each, _ = joined(candidates, rules)
    each["food"].loc[:2, "last_full_inspection"] = pd.Timestamp("2023-08-01")
    each["food"].loc[3:5, ["key_item", "key_reason"]] = [True, "重点"]
    frame = joint_candidates(each, rules, MONTH)
    plan = planned(frame, rules, 3)
    chosen = plan.selected.set_index("credit_code")
    # The capacity is short: the statutory ones first; one inspection may be kept for the draw.
    assert set(chosen[chosen["part"] == "statutory"].index) == {credit_code(i) for i in range(3)}
    plan = planned(frame, rules, 40).frame.set_index("credit_code")
    assert list(plan.loc[[credit_code(i) for i in range(6)], "part"]) == ["statutory"] * 3 + ["key"] * 3
    assert plan.loc[credit_code(4), "key_reason"] == "food: key-supervision object, due"


def test_one_draw_keeps_exact_probabilities(candidates: MakeCandidates, rules: dict[str, PlanRules]) -> None:
    _, frame = joined(candidates, rules)
    plan = planned(frame, rules)
    chance = plan.frame["inclusion_probability"]
    assert chance.sum() == 30
    assert (chance > 0).all()
    draws = 300
    counts = sum(planned(frame, rules, seed=str(i)).frame["selected"].to_numpy() for i in range(draws))
    error = np.sqrt(chance * (1 - chance) / draws)
    assert (np.abs(counts / draws - chance) <= 4.5 * error + 1e-12).all()


def test_the_rules_are_the_strictest_of_all(rules: dict[str, PlanRules]) -> None:
    made = joint_rules(list(rules.values()))
    assert made.weights.by_tier()["D"] == 20
    assert made.statutory_minimum == rules["food"].statutory_minimum
    assert made.annual_cap is None
    longer = rules["food"].statutory_minimum
    assert longer is not None
    other = rules["general"].model_copy(update={"statutory_minimum": longer.model_copy(update={"years": 3})})
    with pytest.raises(InputError, match="different length"):
        joint_rules([rules["food"], other])
    with pytest.raises(InputError, match="each once"):
        sectors_of("food+food")


def inspector(number: int, *competences: str, visits: int = 40) -> Inspector:
    return Inspector(f"i{number}", f"检查员{number}", ("5100", "5101", "5107"), competences, visits)


def test_a_team_knows_all_that_is_inspected(candidates: MakeCandidates, rules: dict[str, PlanRules]) -> None:
    _, frame = joined(candidates, rules)
    plan = planned(frame.assign(district="510104"), rules)
    teams = joint_assignment([load_assignment_rules(s, date(2025, 9, 1)) for s in BOTH.split("+")])
    pool = [
        inspector(1, "food", "general"),
        *(inspector(i, "food") for i in (2, 3)),
        *(inspector(i, "general") for i in (4, 5, 6)),
    ]
    made = assign_inspectors(
        plan, [i.__class__(**{**i.__dict__, "districts": ("5101",)}) for i in pool], teams
    )
    assert set(made.reasons.values()) == {"assigned"}
    able = {i.inspector_id: i.competences for i in pool}
    for code, sectors in zip(plan.selected["credit_code"], plan.selected["sectors"], strict=True):
        for sector in sectors.split("+"):
            assert sum(sector in able[i] for i in made.teams[code]) >= teams.competent
        # Who knows both saves a seat.
        assert len(made.teams[code]) <= (3 if sectors == BOTH else 2)


def test_the_plan_on_disk_its_visits_and_its_results(
    candidates: MakeCandidates, rules: dict[str, PlanRules], office: Office, tmp_path: Path
) -> None:
    _, frame = joined(candidates, rules)
    plan = planned(frame, rules)
    folder = save_plan(plan, office.home.plans)
    assert folder.name == "food+general-2025-09-1"
    assert verify_plan(folder).passed
    both = plan.selected[plan.selected["sectors"] == BOTH]["credit_code"].tolist()
    waiting = pending_visits(office.home.plans, sector="special_equipment", month=MONTH)
    assert waiting is not None
    assert sorted(waiting[waiting["credit_code"] == both[0]]["domain"]) == ["food", "general"]
    assert pending_visits(office.home.plans, sector="general", month=MONTH) is None

    file = tmp_path / "results.csv"
    lines = [f"{both[0]},2025-09-12,{s},{o}" for s, o in (("food", "problem"), ("general", "no_problem"))]
    file.write_text("credit_code,date,domain,outcome\n" + "\n".join(lines) + "\n", encoding="utf-8")
    report = record_results(office.home, folder, file, on=date(2025, 9, 30), provider="甲局")
    assert (report.reported, report.accepted, report.problems) == (2, 2, 1)
    rows = RecordStore(office.home.store).snapshot().read("inspection").to_pylist()
    chance = plan.frame.set_index("credit_code").loc[both[0], "inclusion_probability"]
    assert {r["domain"]: r["inclusion_probability"] for r in rows} == {"food": chance, "general": chance}
    file.write_text(f"credit_code,date,outcome\n{both[1]},2025-09-12,problem\n", encoding="utf-8")
    with pytest.raises(InputError, match="takes no part"):
        record_results(office.home, folder, file, on=date(2025, 9, 30), provider="甲局")


def test_a_joint_visit_counts_once_for_the_cap(office: Office) -> None:
    from supervision.candidates import candidates_from
    from tests.supervision.test_candidates import classification, inspections

    seen = inspections(
        ("a", "2025-03-01", "food", "random", True),
        ("a", "2025-03-01", "general", "random", None),
        ("a", "2025-05-01", "general", "random", None),
    )
    made = candidates_from(
        classification(a="A"), seen, None, sector="food", month=MONTH, as_of=date(2025, 8, 31),
        rules=load_plan_rules("food", date(2025, 9, 1)),
    )  # fmt: skip
    assert made["inspections_this_year"].tolist() == [2]
