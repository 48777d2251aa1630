"""Inspectors drawn at random: eligible, in teams, within their workload, repeatable."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from supervision.assignment.assigning import Assignment, assign_inspectors
from supervision.assignment.pool import Inspector, pool_as_json, pool_from_json, read_pool
from supervision.assignment.rules import AssignmentRules, load_assignment_rules
from supervision.plan_rules import PlanRules
from supervision.plans import save_plan
from supervision.sampling import Plan, plan_inspections
from supervision.verification import verify_plan

MakeCandidates = Callable[..., pd.DataFrame]
RULES = load_assignment_rules("food", date(2025, 9, 1))
DISTRICTS = ("510104", "510105", "510703")


def inspector(number: int, **changes: Any) -> Inspector:
    given_values = {
        "inspector_id": f"i{number:02d}",
        "name": f"检查员{number}",
        "districts": DISTRICTS,
        "competences": ("food",),
        "visits": 20,
        "conflicts": (),
        **changes,
    }
    return Inspector(**given_values)


@pytest.fixture
def plan(candidates: MakeCandidates, food_rules: PlanRules) -> Plan:
    return plan_inspections(
        candidates(150), sector="food", month="2025-09", capacity=30, seed="种子", rules=food_rules
    )


def check(plan: Plan, made: Assignment, rules: AssignmentRules) -> None:
    """Check everything that an assignment promises."""
    pool = {i.inspector_id: i for i in made.pool}
    district = dict(zip(plan.selected["credit_code"], plan.selected["district"], strict=True))
    assert set(made.teams) == set(district)
    loads = Counter(i for team in made.teams.values() for i in team)
    assert all(loads[i] <= pool[i].visits for i in loads)
    for code, team in made.teams.items():
        assert len(team) == (rules.inspectors if made.reasons[code] == "assigned" else 0)
        assert len(set(team)) == len(team)
        if team:
            assert sum("food" in pool[i].competences for i in team) >= rules.competent
        for i in team:
            assert code not in pool[i].conflicts
            assert any(
                given_district == district[code] or district[code].startswith(given_district.rstrip("0"))
                for given_district in pool[i].districts
            )


def test_every_enterprise_gets_two_who_may_go(plan: Plan) -> None:
    conflicts = tuple(plan.selected["credit_code"][:10])
    pool = [
        *(inspector(i) for i in range(4)),
        inspector(4, conflicts=conflicts),
        inspector(5, districts=("510703",)),
        inspector(6, districts=("510100",)),
        inspector(7, competences=("general",), visits=1000),
    ]
    made = assign_inspectors(plan, pool, RULES)
    check(plan, made, RULES)
    assert made.summary.assigned == 30
    assert "i07" not in {i for team in made.teams.values() for i in team}


def test_one_competent_inspector_can_take_a_colleague_along(plan: Plan) -> None:
    rules = RULES.model_copy(update={"competent": 1})
    pool = [inspector(0, visits=30), inspector(1, competences=(), visits=30)]
    made = assign_inspectors(plan, pool, rules)
    check(plan, made, rules)
    assert set(made.teams.values()) == {("i00", "i01")}
    assert assign_inspectors(plan, pool, RULES).summary.without_eligible == 30


def test_the_same_inputs_give_the_same_teams_and_another_seed_others(
    plan: Plan, candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    pool = [inspector(i) for i in range(8)]
    made = assign_inspectors(plan, pool, RULES)
    assert assign_inspectors(plan, pool[::-1], RULES).teams == made.teams
    other = plan_inspections(
        candidates(150), sector="food", month="2025-09", capacity=30, seed="another", rules=food_rules
    )
    again = assign_inspectors(other, pool, RULES)
    common = set(again.teams) & set(made.teams)
    assert any(again.teams[code] != made.teams[code] for code in common)
    assert again.fingerprint != made.fingerprint


def test_everybody_is_as_likely_and_work_evens_out(candidates: MakeCandidates, food_rules: PlanRules) -> None:
    pool = [inspector(i, visits=100) for i in range(6)]
    first: Counter[str] = Counter()
    pairs: Counter[tuple[str, ...]] = Counter()
    spread = []
    for seed in range(120):
        plan = plan_inspections(
            candidates(60), sector="food", month="2025-09", capacity=30, seed=f"s{seed}", rules=food_rules
        )
        made = assign_inspectors(plan, pool, RULES)
        first.update(next(iter(made.teams.values())))
        pairs.update(made.teams.values())
        loads = Counter(i for team in made.teams.values() for i in team)
        spread.append(max(loads.values()) - min(loads.values()))
    # Of 120 teams of the first enterprise each of six is expected in 40; three standard deviations are 15.
    assert max(abs(first[i.inspector_id] - 40) for i in pool) < 20
    # Fifteen pairs, 3600 teams, 240 each.
    assert len(pairs) == 15
    assert max(abs(n - 240) for n in pairs.values()) < 75
    assert np.mean(spread) < 9


def test_a_full_inspector_hands_a_visit_on(plan: Plan) -> None:
    # 30 visits of two need all 60 places; the local ones can only go to their own district.
    count = plan.selected["district"].value_counts().to_dict()
    pool = [
        *(inspector(i, districts=(d,), visits=int(count.get(d, 0))) for i, d in enumerate(DISTRICTS)),
        *(inspector(10 + i, visits=10) for i in range(3)),
    ]
    made = assign_inspectors(plan, pool, RULES)
    check(plan, made, RULES)
    assert made.summary.places == 60
    assert made.summary.assigned == 30


def test_what_cannot_be_staffed_is_said(plan: Plan) -> None:
    made = assign_inspectors(plan, [inspector(0, visits=5), inspector(1, visits=9)], RULES)
    check(plan, made, RULES)
    assert (made.summary.assigned, made.summary.beyond_workload) == (5, 25)
    alone = assign_inspectors(plan, [inspector(0, visits=99)], RULES)
    assert alone.summary.without_eligible == 30


pools = st.lists(
    st.builds(
        lambda districts, competences, visits, conflicts: (districts, competences, visits, conflicts),
        st.lists(st.sampled_from([*DISTRICTS, "510100", "510000"]), max_size=2),
        st.sampled_from([("food",), ("general",), ("food", "general")]),
        st.integers(0, 12),
        st.lists(st.integers(0, 29), max_size=5),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pools, st.integers(0, 2))
def test_whatever_the_pool_the_promises_hold(
    plan: Plan, drawn: list[tuple[Any, ...]], competent: int
) -> None:
    codes = plan.selected["credit_code"].tolist()
    rules = RULES.model_copy(update={"competent": competent})
    pool = [
        inspector(
            number,
            districts=tuple(districts),
            competences=competences,
            visits=visits,
            conflicts=tuple(codes[c] for c in conflicts),
        )
        for number, (districts, competences, visits, conflicts) in enumerate(drawn)
    ]
    made = assign_inspectors(plan, pool, rules)
    check(plan, made, rules)
    assert made.summary.visits == 30
    # With full competence of all seats the augmenting chains find a largest assignment of seats: nobody
    # who could go alone is idle while an enterprise of his lacks only one.
    free = {i.inspector_id: i.visits for i in pool}
    for team in made.teams.values():
        for i in team:
            free[i] -= 1
    assert all(left >= 0 for left in free.values())


@pytest.fixture
def folder(plan: Plan, tmp_path: Path) -> Path:
    made = assign_inspectors(plan, [inspector(i) for i in range(8)], RULES)
    return save_plan(plan, tmp_path / "plans", assignment=made)


def failed(folder: Path) -> set[str]:
    return {c.name for c in verify_plan(folder).checks if not c.passed}


def test_a_plan_with_inspectors_verifies(folder: Path) -> None:
    report = verify_plan(folder)
    assert report.passed, report
    assert {"inspectors", "teams.csv", "assignment inputs"} <= {c.name for c in report.checks}


def test_every_change_of_teams_pool_or_rules_is_detected(folder: Path) -> None:
    teams = folder / "teams.csv"
    text = teams.read_text(encoding="utf-8-sig")
    first = text.splitlines()[1]
    ids = first.split(",")[3]
    other = next(i for i in ("i00;i01", "i02;i03") if i != ids)
    teams.write_text(text.replace(first, first.replace(ids, other)), encoding="utf-8-sig")
    assert failed(folder) == {"teams.csv"}
    teams.write_text(text, encoding="utf-8-sig")
    assert failed(folder) == set()

    pool = pool_from_json((folder / "inspectors.json").read_text(encoding="utf-8"))
    changed = [replace(pool[0], visits=19), *pool[1:]]
    (folder / "inspectors.json").write_text(pool_as_json(changed), encoding="utf-8")
    assert {"inspectors", "assignment inputs"} <= failed(folder)
    (folder / "inspectors.json").write_text("[]", encoding="utf-8")
    assert failed(folder) == {"assignment"}
    (folder / "inspectors.json").write_text(pool_as_json(pool), encoding="utf-8")

    document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    document["assignment"]["rules"]["competent"] = 1
    (folder / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    assert "assignment inputs" in failed(folder)


POOL_CSV = "inspector_id,name,districts,competences,visits,conflicts\n"


def test_the_pool_is_read_from_csv(tmp_path: Path) -> None:
    file = tmp_path / "pool.csv"
    file.write_text(
        POOL_CSV + "b,乙,510100;510703,food;general,12,\na,甲,510104,food,3,91X;91Y\n", encoding="utf-8-sig"
    )
    first, second = read_pool(file)
    assert first == Inspector("a", "甲", ("510104",), ("food",), 3, ("91X", "91Y"))
    assert second.districts == ("510100", "510703")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("inspector_id,name\na,甲\n", "districts"),
        (POOL_CSV, "inspectors"),
        (POOL_CSV + "a,甲,51,food,many,\n", "visits"),
        (POOL_CSV + ",甲,51,food,1,\n", "inspector_id"),
        (POOL_CSV + "a,甲,51,food,1,\na,乙,51,food,1,\n", "inspector_id"),
    ],
)
def test_a_bad_pool_is_named(tmp_path: Path, text: str, field: str) -> None:
    file = tmp_path / "pool.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_pool(file)
    assert error.value.field == field


def test_rules_are_dated_and_sourced() -> None:
    assert RULES.trust == "law"
    assert "第二十三条" in RULES.source
    with pytest.raises(InputError):
        load_assignment_rules("food", date(2020, 1, 1))
    with pytest.raises(InputError):
        load_assignment_rules("toys", date(2025, 1, 1))


def test_a_thousand_visits_use_every_place_there_is(
    candidates: MakeCandidates, food_rules: PlanRules
) -> None:
    frame = candidates(5000)
    plan = plan_inspections(frame, sector="food", month="2025-09", capacity=1000, seed="s", rules=food_rules)
    pool = [inspector(i, visits=25, districts=(DISTRICTS[i % 3],)) for i in range(90)]
    made = assign_inspectors(plan, pool, RULES)
    check(plan, made, RULES)
    count = plan.selected["district"].value_counts()
    # 30 inspectors of 25 visits a district, two to an enterprise.
    assert made.summary.assigned == sum(min(n, 375) for n in count)
