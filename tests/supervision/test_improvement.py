"""What an enterprise can do: every way shown really leads there, and none is what it cannot do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import typer
import yaml
from typer.testing import CliRunner

from features.errors import InputError
from features.home import Home
from features.records import TABLES
from features.runners import compute
from features.store import RecordStore
from risk_model.dataset import plan_of
from risk_model.pipeline import classify_all, train_models
from risk_model.registry import Registry
from risk_model.specification import MODEL_NAMES
from supervision.commands.improve import register
from supervision.improvement.actions import action_rules, open_actions
from supervision.improvement.search import Improvement, Improver
from supervision.records import EnterpriseRecords

AS_OF = date(2025, 12, 31)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, canonical: Mapping[str, Any]) -> Home:
    """Return a home with a classification of the simulated province."""
    root = tmp_path_factory.mktemp("improvement")
    home = Home(root)
    RecordStore(home.store).load(
        {name: table.rows for name, table in canonical.items()}, load_id="1", source="test"
    )
    windows = {"train_dates": 6, "every_months": 6, "test_dates": 2}
    quick = {"windows": windows, "learner": {"trees": 40}, "minimum_labels": 100}
    profile = root / "quick.yaml"
    profile.write_text(yaml.safe_dump(dict.fromkeys(MODEL_NAMES, quick)))
    train_models(home, MODEL_NAMES, profile=str(profile))
    classify_all(home, AS_OF)
    return home


@pytest.fixture(scope="module")
def improver(home: Home) -> Improver:
    return Improver(home)


@pytest.fixture(scope="module")
def found(improver: Improver) -> list[Improvement]:
    rows = improver.publication.rows().to_pandas()
    worst = rows[rows["tier"].isin(["C", "D"]) & (rows["model"] != "general")]
    chosen = worst.sample(40, random_state=1)
    return [
        improver.find(code, model) for code, model in zip(chosen["credit_code"], chosen["model"], strict=True)
    ]


def test_the_present_is_that_of_the_classification(found: list[Improvement], improver: Improver) -> None:
    for one in found:
        row = improver.publication.find(one.credit_code, one.model)
        assert one.now.score == row["score"]
        assert one.now.tier_by_score == row["tier_by_score"]


def test_a_way_that_is_shown_leads_into_a_lower_tier_and_no_smaller_one_does(
    found: list[Improvement],
) -> None:
    reached = [one for one in found if one.reaches]
    assert len(reached) >= 5
    for one in reached:
        assert one.then.tier < one.now.tier
        assert one.actions
        assert set(one.actions) <= set(one.open)


def test_nothing_on_the_way_raises_the_score_but_to_lift_a_floor(found: list[Improvement]) -> None:
    for one in found:
        if one.now.decided_by == "score":
            assert one.then.score <= one.now.score


def test_only_what_it_can_do_is_proposed(found: list[Improvement]) -> None:
    rules = action_rules()
    kinds = {action.kind for one in found for action in one.open}
    assert kinds <= set(rules)
    assert len(kinds) >= 4
    for rule in rules.values():
        assert rule.source
        assert rule.label.zh
        assert rule.label.en


def test_a_repair_that_is_granted_has_the_effect_that_was_promised(
    found: list[Improvement],
    home: Home,
    improver: Improver,
    tmp_path: Path,
    canonical: Mapping[str, Any],
    rows: Any,
) -> None:
    """By another route: the decision is recorded in a store and the batch computes the features."""
    repairs = [one for one in found if one.actions and {a.kind for a in one.actions} == {"repair"}][:3]
    assert repairs
    store = RecordStore(tmp_path / "store")
    store.load({name: table.rows for name, table in canonical.items()}, load_id="1", source="test")
    tables = {
        one.credit_code: {a.record: _table_of(improver, one.credit_code, a.record) for a in one.actions}
        for one in repairs
    }
    decisions = [
        {
            "credit_code": code,
            "event_date": AS_OF,
            "recorded_at": AS_OF,
            "record_id": f"repair:{record}",
            "target_table": table,
            "target_record_id": record,
            "decision": "granted",
        }
        for code, targets in tables.items()
        for record, table in targets.items()
    ]
    store.load({"credit_repair": rows("credit_repair", decisions)}, load_id="2", source="test")
    for one in repairs:
        model, _ = Registry(home).load(one.model)
        pairs = pa.table({"credit_code": [one.credit_code], "as_of": pa.array([AS_OF], pa.date32())})
        matrix = model.matrix(compute(store.snapshot(), plan_of(model.needed), pairs))
        assert model.score(model.margin(matrix))[0] == pytest.approx(one.then.score, abs=0.11)


def test_every_way_reaches_its_tier_when_the_batch_scores_the_records_as_they_would_be(
    found: list[Improvement], improver: Improver, tmp_path: Path, canonical: Mapping[str, Any], rows: Any
) -> None:
    """By another route for every kind of step: a store with the changed records, and the batch runner."""
    ways = [one for one in found if one.reaches]
    codes = pa.array([one.credit_code for one in ways])
    assert len(set(codes.to_pylist())) == len(ways)
    changed: dict[str, list[dict[str, Any]]] = {}
    for one in ways:
        known = EnterpriseRecords(improver._snapshot, one.credit_code, AS_OF)
        records = {name: list(known.rows(name)) for name in TABLES if improver._snapshot.exists(name)}
        for action in one.actions:
            action.change(records)
        for name, lines in records.items():
            columns = TABLES[name].arrow_schema.names
            for line in lines:
                # What is to be done has no number yet; in the store each record has one of its own.
                number = line["record_id"]
                number = f"{one.credit_code}:{number}" if number.startswith("action:") else number
                changed.setdefault(name, []).append({**{c: line[c] for c in columns}, "record_id": number})
    store = RecordStore(tmp_path / "store")
    others = {
        name: table.rows.filter(pc.invert(pc.is_in(table.rows["credit_code"], value_set=codes)))
        for name, table in canonical.items()
    }
    store.load(others, load_id="1", source="test")
    store.load({name: rows(name, lines) for name, lines in changed.items()}, load_id="2", source="test")
    pairs = pa.table({"credit_code": codes, "as_of": pa.array([AS_OF] * len(ways), pa.date32())})
    # What is known of all others is that of the classification: only this enterprise has changed.
    context = improver.publication.context()
    table = compute(store.snapshot(), improver._scorer.plan, pairs.sort_by("credit_code"), context=context)
    place = {code: row for row, code in enumerate(table["credit_code"].to_pylist())}
    for one in ways:
        own = table.slice(place[one.credit_code], 1).drop_columns(["credit_code", "as_of"])
        decided = improver._scorer.decide(own)[one.model]
        assert decided.score == one.then.score
        assert decided.tier == one.then.tier < one.now.tier


def test_no_smaller_set_of_all_steps_reaches_a_lower_tier(
    found: list[Improvement], improver: Improver
) -> None:
    tried = 0
    for one in found:
        known = EnterpriseRecords(improver._snapshot, one.credit_code, AS_OF)
        before = {name: known.rows(name) for name in TABLES if improver._snapshot.exists(name)}
        smaller = range(1, len(one.actions) if one.reaches else len(one.open) + 1)
        sets = (chosen for size in smaller for chosen in combinations(one.open, size))
        for chosen in islice(sets, 40):
            then = improver._decide(before, chosen, one.model, known)
            assert then is None or then.tier >= one.now.tier
            tried += 1
    assert tried > 50


def test_monotone_directions_hold_on_every_way(found: list[Improvement], improver: Improver) -> None:
    """Each feature that a way changes moves the margin in its declared direction, the others kept."""
    steps = 0
    for one in found:
        if not one.actions:
            continue
        known = EnterpriseRecords(improver._snapshot, one.credit_code, AS_OF)
        records = {name: list(known.rows(name)) for name in TABLES if improver._snapshot.exists(name)}
        model = improver._scorer.models[one.model].model
        before = model.matrix(_features(improver, records, one.credit_code))[0]
        for action in one.actions:
            action.change(records)
        after = model.matrix(_features(improver, records, one.credit_code))[0]
        for column, feature in enumerate(model.features):
            rise = after[column] - before[column]
            if not feature.direction or np.isnan(rise) or rise == 0:
                continue
            moved = before.copy()
            moved[column] = after[column]
            effect = model.margin(moved[None])[0] - model.margin(before[None])[0]
            assert effect * rise * int(feature.direction) >= -1e-12, feature.name
            steps += 1
    assert steps > 20


def _features(improver: Improver, records: dict[str, list[Any]], code: str) -> pa.Table:
    tables = {
        name: pa.Table.from_pylist(
            [{c: line[c] for c in TABLES[name].arrow_schema.names} for line in lines],
            schema=TABLES[name].arrow_schema,
        )
        for name, lines in records.items()
    }
    return improver._scorer.features(tables, code, AS_OF)


def _table_of(improver: Improver, code: str, record: str) -> str:
    known = EnterpriseRecords(improver._snapshot, code, AS_OF)
    return next(
        table
        for table in ("penalty", "serious_violation_list", "inspection", "sampling_test")
        if any(row["record_id"] == record for row in known.rows(table))
    )


def test_actions_of_an_enterprise_with_known_faults(tmp_path: Path, rows: Any) -> None:
    store = RecordStore(tmp_path / "store")
    common = {"credit_code": "SIM:1", "provider": "甲"}

    def record(record_id: str, **more: Any) -> dict[str, Any]:
        return {
            **common,
            "event_date": date(2020, 1, 1),
            "recorded_at": date(2020, 1, 1),
            "record_id": record_id,
            **more,
        }

    store.load(
        {
            "enterprise": rows(
                "enterprise", [record("e", name="甲", status="1", established_on=date(2019, 1, 1))]
            ),
            "abnormal_list": rows("abnormal_list", [record("a1", reason="1"), record("a4", reason="4")]),
            "licence": rows(
                "licence",
                [
                    record(
                        "l1", kind="catering", status="valid", valid_to=date(2025, 1, 1), licence_no="JY1"
                    ),
                    record(
                        "l2", kind="catering", status="valid", valid_to=date(2026, 1, 1), licence_no="JY2"
                    ),
                ],
            ),
            "equipment": rows(
                "equipment",
                [
                    record(
                        "q1", equipment_id="E1", category="3000", status="in_use", next_due=date(2025, 6, 1)
                    ),
                    record(
                        "q2", equipment_id="E2", category="3000", status="stopped", next_due=date(2025, 6, 1)
                    ),
                ],
            ),
            "inspection": rows(
                "inspection",
                [
                    record("i1", kind="routine", domain="food", selection="random", outcome="problem"),
                    record("i2", kind="routine", domain="general", selection="random", outcome="no_problem"),
                ],
            ),
        },
        load_id="1",
        source="test",
    )
    actions = open_actions(EnterpriseRecords(store.snapshot(), "SIM:1", AS_OF))
    assert sorted((action.kind, action.record) for action in actions if action.kind != "repair") == [
        ("file_annual_report", "a1"),
        ("inspect_equipment", "E1"),
        ("pass_reinspection", "i1"),
        ("renew_licence", "JY1"),
        ("restore_contact", "a4"),
    ]
    records: dict[str, list[dict[str, Any]]] = {
        name: list(EnterpriseRecords(store.snapshot(), "SIM:1", AS_OF).rows(name))
        for name in ("abnormal_list", "annual_report", "licence")
    }
    next(a for a in actions if a.kind == "file_annual_report").change(records)
    assert {row["record_id"]: row["removed_on"] for row in records["abnormal_list"]} == {
        "a1": AS_OF,
        "a4": None,
    }
    assert [row["year"] for row in records["annual_report"]] == [2024]


def test_the_command_says_the_steps_with_their_source(home: Home, found: list[Improvement]) -> None:
    app = typer.Typer()
    register(app)
    one = next(one for one in found if one.reaches)
    arguments = [one.credit_code, "--model", one.model, "--home", str(home.root)]
    said = CliRunner().invoke(app, [*arguments, "--lang", "en"], env={"COLUMNS": "200"})
    assert said.exit_code == 0, said.output
    assert f"-> tier {one.then.tier}" in said.output
    content = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert content["reaches_a_lower_tier"] is True
    assert {step["action"] for step in content["actions"]} == {action.kind for action in one.actions}
    with pytest.raises(InputError, match="is not classified"):
        CliRunner().invoke(app, ["nobody", "--home", str(home.root)], catch_exceptions=False)
