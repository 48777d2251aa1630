"""Credit repair in both regimes, and what features see after it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from features.definitions import LIBRARY
from features.errors import InputError
from features.kernel import Plan
from features.runners import compute
from features.store import RecordStore
from supervision.lists.entries import enter_list
from supervision.publicity.rules import load_publicity
from supervision.publicity.selection import publishable, records_for_publication
from supervision.records import enterprise_records
from supervision.repair.check import RepairCheck, Shown, check_repair
from supervision.repair.decide import grant_repair, refuse_repair, revoke_repair
from supervision.repair.rules import REPAIR, load_regime
from supervision.sampling.calendar import months_later
from tests.supervision.office import Office

ALL_SHOWN = Shown(performed=True, harm_removed=True)
PENALISED = date(2024, 3, 15)


def penalty(office: Office, record: str = "p", on: date = PENALISED, **changes: object) -> str:
    (code,) = office.register(0)
    row = {
        "credit_code": code,
        "event_date": on,
        "recorded_at": on,
        "record_id": record,
        "kind": "fine",
        "severity": "general",
        "domain": "pricing",
        "amount": 600_000,
    }
    office.put(penalty=[{**row, **changes}])
    return code


def checked(office: Office, code: str, on: date, record: str = "p", shown: Shown = ALL_SHOWN) -> RepairCheck:
    return check_repair(
        enterprise_records(RecordStore(office.home.store).snapshot(), code, on), record, shown
    )


@pytest.mark.parametrize(
    ("change", "earliest_2021", "earliest_2025"),
    [
        ({}, date(2024, 9, 15), date(2024, 6, 15)),
        ({"domain": "food"}, date(2025, 3, 15), date(2024, 9, 15)),
        ({"domain": "special_equipment", "severity": "serious"}, date(2025, 3, 15), date(2025, 9, 15)),
        ({"severity": "serious"}, date(2024, 9, 15), date(2025, 3, 15)),
        ({"severity": "minor"}, date(2024, 9, 15), date(2024, 3, 15)),
        ({"kind": "warning", "severity": "minor"}, None, date(2024, 3, 15)),
        ({"kind": "licence_revocation", "severity": "serious"}, None, None),
        ({"kind": "shutdown"}, None, None),
    ],
)
def test_minimum_periods_by_class_and_regime(
    office: Office, change: dict[str, str], earliest_2021: date | None, earliest_2025: date | None
) -> None:
    code = penalty(office, **change)
    before, after = checked(office, code, date(2025, 12, 24)), checked(office, code, date(2025, 12, 25))
    assert (before.regime, after.regime) == ("2021", "2025")
    assert (before.earliest, after.earliest) == (earliest_2021, earliest_2025)
    assert before.eligible == (earliest_2021 is not None)
    assert after.eligible == (earliest_2025 is not None)


def test_the_day_before_is_too_early(office: Office) -> None:
    code = penalty(office)
    assert not checked(office, code, date(2024, 9, 14)).eligible
    assert checked(office, code, date(2024, 9, 15)).eligible


def test_the_period_runs_from_the_first_version_on_file(office: Office) -> None:
    code = penalty(office)
    penalty(office, on=PENALISED, recorded_at=date(2024, 8, 1), amount=500_000)
    assert checked(office, code, date(2024, 9, 15)).published == PENALISED


def test_a_repeated_violation_doubles_the_period(office: Office) -> None:
    code = penalty(office, "first", date(2023, 6, 1))
    penalty(office)
    found = checked(office, code, date(2024, 9, 15))
    assert (found.repeated, found.earliest, found.eligible) == (True, date(2025, 3, 15), False)
    # The earlier one was followed by another of the same kind: not repairable on that ground.
    first = checked(office, code, date(2025, 9, 15), "first")
    assert [c.name for c in first.conditions if not c.met] == ["not_penalised_again"]
    # In another domain, or longer ago, it does not count.
    other = penalty(office, "other", domain="quality")
    assert not checked(office, other, date(2024, 9, 15), "other").repeated


def test_conditions_that_only_the_applicant_can_show(office: Office) -> None:
    code = penalty(office)
    found = checked(office, code, date(2025, 1, 1), shown=Shown(performed=True))
    assert [c.name for c in found.conditions if not c.met] == ["harm_removed"]
    assert {c.trust for c in found.conditions if c.name != "period"} == {"law"}


def test_nothing_is_repaired_while_on_a_list(office: Office) -> None:
    code = penalty(office)
    enter_list(office.home, code, "abnormal", "4", on=date(2024, 12, 1), provider="甲局")
    assert checked(office, code, date(2024, 11, 30)).eligible
    found = checked(office, code, date(2024, 12, 1))
    assert [c.name for c in found.conditions if not c.met] == ["not_listed"]
    with pytest.raises(InputError, match="on neither of the two lists"):
        grant_repair(office.home, code, "p", on=date(2024, 12, 1), provider="甲局", shown=ALL_SHOWN)


def test_a_repaired_record_is_gone_from_that_day_and_was_there_before(office: Office) -> None:
    code = penalty(office)
    day = date(2024, 10, 8)
    made = grant_repair(office.home, code, "p", on=day, provider="甲局", shown=ALL_SHOWN)
    assert made.new
    assert [r["record_id"] for r in office.visible("penalty", code, date(2024, 10, 7))] == ["p"]
    assert office.visible("penalty", code, day) == []
    document = json.loads(made.document.read_text(encoding="utf-8"))
    assert document["check"]["class"]["minimum_months"] == 6
    with pytest.raises(InputError, match="no record 'p'"):
        checked(office, code, date(2024, 10, 9))


def test_a_refusal_says_why_and_changes_nothing(office: Office) -> None:
    code = penalty(office)
    refuse = {"on": date(2024, 4, 1), "provider": "甲局"}
    with pytest.raises(InputError, match="say why"):
        refuse_repair(office.home, code, "p", reason="", **refuse)
    assert refuse_repair(office.home, code, "p", reason="未履行义务", **refuse).row["decision"] == "refused"
    assert office.visible("penalty", code, date(2024, 4, 2))
    # A later application succeeds.
    assert grant_repair(office.home, code, "p", on=date(2024, 10, 1), provider="甲局", shown=ALL_SHOWN).new


def test_early_removal_from_the_serious_list_after_a_year(office: Office) -> None:
    code = penalty(office, severity="serious", domain="food")
    entry = enter_list(
        office.home, code, "serious", "food", on=date(2024, 4, 1), provider="乙局", penalty="p", reason="严重"
    ).row["record_id"]  # fmt: skip
    assert not checked(office, code, date(2025, 3, 31), entry).eligible
    grant_repair(office.home, code, entry, on=date(2025, 4, 1), provider="乙局", shown=ALL_SHOWN)
    listed = office.json("lists", "check", code, "--action", "honour", "--on", "2025-04-01")
    assert listed["verdict"] == "allowed"
    before = office.json("lists", "check", code, "--action", "honour", "--on", "2025-03-31")
    assert before["verdict"] == "refused"


def test_negative_results_of_inspections_are_repairable_from_2025_12_25(office: Office) -> None:
    (code,) = office.register(0)
    seen = {"credit_code": code, "kind": "random", "domain": "food", "selection": "random"}
    office.put(
        inspection=[
            {**seen, "event_date": date(2025, 9, 1), "outcome": "problem", "record_id": "bad"},
            {**seen, "event_date": date(2025, 9, 2), "outcome": "no_problem", "record_id": "good"},
        ],
        sampling_test=[
            {
                "credit_code": code,
                "event_date": date(2025, 9, 3),
                "result": "fail",
                "severity": "safety",
                "record_id": "test",
            }
        ],
    )
    old = checked(office, code, date(2025, 12, 24), "bad")
    assert (old.record_class, old.eligible) == (None, False)
    assert checked(office, code, date(2025, 12, 25), "bad").eligible
    assert checked(office, code, date(2025, 12, 25), "good").record_class is None
    assert checked(office, code, date(2025, 12, 25), "test").earliest == date(2026, 9, 3)
    listed = office.json("repair", "check", code, "--on", "2025-12-25")
    assert [one["record_id"] for one in listed] == ["bad", "test"]


def test_the_decision_is_due_in_working_days_of_the_regime(office: Office) -> None:
    code = penalty(office)
    # 15 working days after Friday 2025-09-26, over the National Day holidays of the calendar's file.
    assert checked(office, code, date(2025, 9, 26)).decide_by == date(2025, 10, 23)
    assert checked(office, code, date(2025, 12, 25)).decide_by == date(2026, 1, 6)


def test_the_commands(office: Office) -> None:
    code = penalty(office)
    shown = office.run("repair", "check", code, "--record", "p", "--on", "2024-10-08")
    assert "NOT met" in shown.output
    assert "第十四条第一款第一项 [law]" in shown.output
    assert "earliest repair" in office.run("repair", "check", code, "--on", "2024-10-08").output
    arguments = ("repair", "grant", code, "--record", "p", "--provider", "甲局", "--on", "2024-10-08")
    assert isinstance(office.run(*arguments).exception, InputError)
    granted = office.json(*arguments, "--performed", "--harm-removed")
    assert granted["record"]["decision"] == "granted"
    again = office.run(
        "repair", "refuse", code, "--record", "p", "--provider", "甲局", "--reason", "x", "--on", "2024-10-09"
    )
    assert isinstance(again.exception, InputError)


def test_rules_are_strict_and_before_them_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2021-09-01"):
        load_regime(date(2021, 8, 31))
    text = REPAIR.read_text(encoding="utf-8")
    for old, new in (
        ("severity: [minor]", "severity: [small]"),
        ("minimum_months: 6", "minimum_months: null"),
        ("table: inspection", "table: inspections"),
    ):
        assert old in text
        wrong = tmp_path / "repair.yaml"
        wrong.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InputError, match=r"repair\.yaml"):
            load_regime(date(2026, 1, 1), wrong)
    for day in (date(2022, 1, 1), date(2026, 1, 1)):
        regime = load_regime(day)
        for part in regime.classes:
            assert part.trust == ("law" if "信息公示规定" in part.source else "parameter")


def granted(office: Office, on: date = date(2024, 10, 8), **changes: object) -> str:
    """Have a repair granted, and return the enterprise."""
    code = penalty(office, **changes)  # type: ignore[arg-type]
    grant_repair(office.home, code, "p", on=on, provider="甲局", shown=ALL_SHOWN)
    return code


def revoke(office: Office, code: str, on: date, **changes: str) -> None:
    given = {"provider": "甲局", "ground": "false_materials", "reason": "材料虚假", **changes}
    revoke_repair(office.home, code, "p", on=on, **given)


@pytest.mark.parametrize("recorded", [date(2024, 10, 8), date(2026, 1, 20)], ids=["2021", "2025"])
def test_a_revoked_repair_counts_again_from_that_day(office: Office, recorded: date) -> None:
    code = granted(office, on=recorded, expires_at=date(2027, 3, 15))
    later = months_later(recorded, 2)
    before = [len(office.visible("penalty", code, d)) for d in (PENALISED, recorded, later)]
    revoke(office, code, later)
    day = timedelta(days=1)
    assert before == [1, 0, 0]
    seen = {
        when: len(office.visible("penalty", code, when))
        for when in (recorded - day, recorded, later - day, later, date(2027, 3, 14), date(2027, 3, 15))
    }
    # What was hidden stays hidden for the days on which it was; the old end of publication holds.
    assert list(seen.values()) == [1, 0, 0, 1, 1, 0]
    decision = office.visible("credit_repair", code, later)[-1]
    assert (decision["decision"], decision["reason"]) == ("revoked", "材料虚假")
    assert decision["basis"]


def test_features_follow_grant_and_revocation_point_in_time(office: Office) -> None:
    code = granted(office)
    revoke(office, code, date(2024, 12, 2))
    days = [date(2024, 10, 7), date(2024, 10, 8), date(2024, 12, 1), date(2024, 12, 2)]
    pairs = pa.table({"credit_code": [code] * 4, "as_of": pa.array(days, pa.date32())})
    plan = Plan([LIBRARY["penalties_3y"]])
    values = compute(RecordStore(office.home.store).snapshot(), plan, pairs)
    assert values["penalties_3y"].to_pylist() == [1.0, 0.0, 0.0, 1.0]


def test_publication_follows_grant_and_revocation(office: Office) -> None:
    # A fine large enough to be published for three years.
    code = granted(office, amount=60_000_000)
    revoke(office, code, date(2024, 12, 2))

    def published(on: date) -> bool:
        rules = load_publicity(on)
        records = records_for_publication(RecordStore(office.home.store).snapshot(), rules)
        return "p" in publishable(records, on, rules).tables["penalty"]["record_id"].to_pylist()

    assert [published(d) for d in (date(2024, 10, 7), date(2024, 11, 1), date(2024, 12, 2))] == [
        True,
        False,
        True,
    ]


def test_a_repair_can_be_granted_again_after_the_bar_alone(office: Office) -> None:
    code = granted(office)
    revoke(office, code, date(2024, 12, 2))
    early = checked(office, code, date(2025, 12, 1))
    assert [c.name for c in early.conditions if not c.met] == ["not_revoked"]
    grant_repair(office.home, code, "p", on=date(2025, 12, 2), provider="甲局", shown=ALL_SHOWN)
    assert [len(office.visible("penalty", code, d)) for d in (date(2025, 12, 1), date(2025, 12, 2))] == [1, 0]
    revoke(office, code, date(2026, 3, 1))
    assert len(office.visible("penalty", code, date(2026, 3, 1))) == 1
    assert len(office.visible("penalty", code, date(2026, 2, 28))) == 0


def test_only_a_repair_in_force_is_revoked_once_and_with_reasons(office: Office) -> None:
    code = penalty(office)
    with pytest.raises(InputError, match="no repair of p is in force"):
        revoke(office, code, date(2024, 10, 8))
    grant_repair(office.home, code, "p", on=date(2024, 10, 8), provider="甲局", shown=ALL_SHOWN)
    with pytest.raises(InputError, match="no repair of p is in force"):
        revoke(office, code, date(2024, 10, 7))
    with pytest.raises(InputError, match="no ground"):
        revoke(office, code, date(2024, 12, 2), ground="whim")
    with pytest.raises(InputError, match="say why"):
        revoke(office, code, date(2024, 12, 2), reason=" ")
    revoke(office, code, date(2024, 12, 2))
    revoke(office, code, date(2024, 12, 2))
    with pytest.raises(InputError, match="no repair of p is in force"):
        revoke(office, code, date(2024, 12, 3))


def test_a_restored_entry_bars_again(office: Office, tmp_path: Path) -> None:
    code = penalty(office, severity="serious", domain="food")
    entry = enter_list(
        office.home, code, "serious", "food", on=date(2024, 4, 1), provider="乙局", penalty="p", reason="严重"
    ).row["record_id"]  # fmt: skip
    grant_repair(office.home, code, entry, on=date(2025, 4, 1), provider="乙局", shown=ALL_SHOWN)
    asked = ("lists", "check", code, "--action", "honour", "--on")
    assert office.json(*asked, "2025-06-01")["verdict"] == "allowed"
    revoked = office.json(
        "repair", "revoke", code, "--record", entry, "--provider", "乙局", "--ground", "decision_wrong",
        "--reason", "程序违法", "--on", "2025-06-02",
    )  # fmt: skip
    assert revoked["record"]["decision"] == "revoked"
    assert [office.json(*asked, day)["verdict"] for day in ("2025-06-01", "2025-06-02")] == [
        "allowed",
        "refused",
    ]
    # Other departments are told once of the decision, and of the entry.
    delivered = office.json("lists", "push", "--to", "tax", "--out", str(tmp_path))
    lines = [json.loads(line) for line in Path(delivered["file"]).read_text(encoding="utf-8").splitlines()]
    assert sorted(line["change"] for line in lines) == ["entered", "repair_granted", "repair_revoked"]
