"""The two lists: what the rules allow, what features then see, what follows for others."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from features.errors import InputError
from features.store import RecordStore
from supervision.lists.entries import enter_list, remove_from_list, unreported_years
from supervision.lists.procedure import timetable
from supervision.lists.restrictions import load_restrictions, may
from supervision.lists.rules import lists_in_force, load_list_rules
from supervision.records import EnterpriseRecords, enterprise_records
from supervision.working_days import working_calendar
from tests.supervision.office import Office

ENTERED = date(2025, 7, 9)


def known(office: Office, code: str, on: date) -> EnterpriseRecords:
    return enterprise_records(RecordStore(office.home.store).snapshot(), code, on)


def asked(office: Office, code: str, action: str, on: date, tier: str | None = None) -> str:
    return may(known(office, code, on), action, tier=tier).verdict


def enter_abnormal(office: Office, code: str, ground: str = "4", on: date = ENTERED) -> None:
    enter_list(office.home, code, "abnormal", ground, on=on, provider="甲局", found=on)


@pytest.fixture
def penalised(office: Office) -> str:
    (code,) = office.register(0)
    fine = {"credit_code": code, "kind": "fine", "domain": "food", "amount": 5_000_000}
    office.put(
        penalty=[
            {**fine, "event_date": date(2024, 5, 6), "severity": "serious", "record_id": "heavy"},
            {**fine, "event_date": date(2024, 6, 6), "severity": "general", "record_id": "light"},
            {
                **fine,
                "event_date": date(2024, 6, 7),
                "severity": "serious",
                "domain": "pricing",
                "record_id": "prices",
            },
        ]
    )
    return code


def test_an_entry_is_seen_from_its_day_and_no_earlier(office: Office) -> None:
    (code,) = office.register(0)
    enter_abnormal(office, code)
    assert office.visible("abnormal_list", code, date(2025, 7, 8)) == []
    (seen,) = office.visible("abnormal_list", code, ENTERED)
    assert (seen["reason"], seen["removed_on"], seen["provider"]) == ("4", None, "甲局")

    remove_from_list(office.home, code, "abnormal", "4", on=date(2025, 9, 1), provider="甲局", condition="4")
    # What was known in between does not change.
    assert office.visible("abnormal_list", code, date(2025, 8, 31))[0]["removed_on"] is None
    assert office.visible("abnormal_list", code, date(2025, 9, 1))[0]["removed_on"] == date(2025, 9, 1)
    assert known(office, code, date(2025, 8, 31)).open_entries("abnormal_list")
    assert not known(office, code, date(2025, 9, 1)).open_entries("abnormal_list")


def test_the_same_decision_again_changes_nothing(office: Office) -> None:
    (code,) = office.register(0)
    first = enter_list(office.home, code, "abnormal", "4", on=ENTERED, provider="甲局")
    again = enter_list(office.home, code, "abnormal", "4", on=ENTERED, provider="甲局")
    assert (first.new, again.new) == (True, False)
    assert again.snapshot == first.snapshot
    assert first.document == again.document
    with pytest.raises(InputError, match="other content"):
        enter_list(office.home, code, "abnormal", "4", on=ENTERED, provider="乙局")


def test_a_second_ground_can_be_entered_the_same_ground_cannot(office: Office) -> None:
    (code,) = office.register(0)
    enter_abnormal(office, code)
    enter_abnormal(office, code, "3", date(2025, 7, 10))
    with pytest.raises(InputError, match="since 2025-07-09") as error:
        enter_abnormal(office, code, "4", date(2025, 8, 1))
    assert error.value.field == "ground"
    assert len(known(office, code, date(2025, 8, 1)).open_entries("abnormal_list")) == 2


def test_time_limits_count_working_days_and_say_what_is_late() -> None:
    rules = load_list_rules("abnormal", ENTERED)
    events = {"found": date(2025, 9, 25), "enter": date(2025, 10, 20)}
    steps = {s.name: s for s in timetable(rules, events, date(2025, 10, 21), working_calendar())}
    # 26, 28 (worked Sunday), 29, 30 September, then 9, 10, 11 (worked Saturday), 13, 14, 15 October.
    assert (steps["enter"].due, steps["enter"].late, steps["enter"].exact) == (date(2025, 10, 15), True, True)
    assert (steps["publish"].done, steps["publish"].late) == (None, False)
    assert "remove" not in steps


def test_an_unreported_enterprise_is_removed_only_when_it_has_filed(office: Office) -> None:
    (code,) = office.register(0)
    filed = [
        {"credit_code": code, "event_date": date(y + 1, 5, 1), "year": y, "record_id": f"report{y}"}
        for y in range(2015, 2023)
    ]
    office.put(annual_report=filed)
    assert unreported_years(known(office, code, date(2025, 6, 30))) == [2023]
    assert unreported_years(known(office, code, date(2025, 7, 1))) == [2024, 2023]
    enter_abnormal(office, code, "1")
    remove = {"on": date(2025, 9, 1), "provider": "甲局", "condition": "1"}
    with pytest.raises(InputError, match="2024, 2023"):
        remove_from_list(office.home, code, "abnormal", "1", **remove)
    office.put(
        annual_report=[
            {"credit_code": code, "event_date": date(2025, 8, 1), "year": y, "record_id": f"report{y}"}
            for y in (2023, 2024)
        ]
    )
    assert remove_from_list(office.home, code, "abnormal", "1", **remove).new


def test_the_serious_list_needs_a_heavier_penalty_that_fits(office: Office, penalised: str) -> None:
    decide = {"on": date(2024, 6, 20), "provider": "乙局", "reason": "多次、故意，危害较大"}
    for penalty in ("light", "prices", "unknown", None):
        with pytest.raises(InputError, match="heavy") as error:
            enter_list(office.home, penalised, "serious", "food", penalty=penalty, **decide)
        assert error.value.field == "penalty"
    with pytest.raises(InputError, match="does not say why"):
        enter_list(office.home, penalised, "serious", "food", penalty="heavy", **{**decide, "reason": " "})
    made = enter_list(office.home, penalised, "serious", "food", penalty="heavy", **decide)
    document = json.loads(made.document.read_text(encoding="utf-8"))
    assert document["penalty"] == "heavy"
    assert document["ends_on"] == "2027-06-20"
    assert {s["name"]: s["late"] for s in document["steps"]} == {"enter": True, "publish": False}


def test_the_serious_list_is_left_when_the_term_is_over(office: Office, penalised: str) -> None:
    enter_list(
        office.home,
        penalised,
        "serious",
        "food",
        on=date(2024, 6, 20),
        provider="乙局",
        penalty="heavy",
        reason="严重",
    )
    leave = {"provider": "乙局", "condition": "term"}
    with pytest.raises(InputError, match="ends on 2027-06-20"):
        remove_from_list(office.home, penalised, "serious", "food", on=date(2027, 6, 19), **leave)
    over = office.json("lists", "show", "--on", "2027-06-20")["lists"][1]["over"]
    assert [row["credit_code"] for row in over] == [penalised]
    assert remove_from_list(office.home, penalised, "serious", "food", on=date(2027, 6, 20), **leave).new
    assert office.json("lists", "show", "--on", "2027-06-20")["lists"][1]["enterprises"] == 0


def test_an_annulled_entry_is_gone_from_that_day(office: Office) -> None:
    (code,) = office.register(0)
    enter_abnormal(office, code, "1")
    # The reports are still missing: what was wrong is withdrawn all the same.
    remove_from_list(
        office.home, code, "abnormal", "1", on=date(2025, 8, 1), provider="甲局", condition="annulled"
    )
    assert office.visible("abnormal_list", code, date(2025, 7, 31))
    assert office.visible("abnormal_list", code, date(2025, 8, 1)) == []


def test_early_removal_from_the_serious_list_is_left_to_repair(office: Office, penalised: str) -> None:
    decide = {"on": date(2024, 6, 20), "provider": "乙局"}
    enter_list(office.home, penalised, "serious", "food", penalty="heavy", reason="严重", **decide)
    with pytest.raises(InputError, match="no reason of removal"):
        remove_from_list(
            office.home,
            penalised,
            "serious",
            "food",
            on=date(2025, 7, 1),
            provider="乙局",
            condition="repair",
        )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "black"}, "list"),
        ({"ground": "9"}, "ground"),
        ({"on": date(2013, 1, 1)}, "on"),
        ({"found": date(2025, 7, 10)}, "found"),
        ({"credit_code": "91310115MA1G4L1WXK"}, "credit_code"),
    ],
)
def test_a_wrong_argument_is_named(office: Office, change: dict[str, object], field: str) -> None:
    (code,) = office.register(0)
    given: dict[str, object] = {
        "credit_code": code,
        "name": "abnormal",
        "ground": "4",
        "on": ENTERED,
        "provider": "甲局",
        **change,
    }
    with pytest.raises(InputError) as error:
        enter_list(office.home, **given)  # type: ignore[arg-type]
    assert error.value.field == field
    assert not (office.home.root / "decisions").exists()


def test_who_is_gone_is_not_listed(office: Office) -> None:
    (code,) = office.register(0, status="4")
    with pytest.raises(InputError, match="status 4"):
        enter_abnormal(office, code)


def test_removal_needs_an_entry_a_fitting_condition_and_a_later_day(office: Office) -> None:
    (code,) = office.register(0)
    enter_abnormal(office, code)
    for change, match in (
        ({"ground": "3"}, "It is for: 4"),
        ({"condition": "1"}, "no reason of removal"),
        ({"on": ENTERED}, "2025-07-10 or later"),
    ):
        given = {"ground": "4", "condition": "5", "on": date(2025, 8, 1), **change}
        with pytest.raises(InputError, match=match):
            remove_from_list(office.home, code, "abnormal", given.pop("ground"), provider="甲局", **given)


def test_simplified_cancellation_is_refused_while_on_a_list(office: Office) -> None:
    (code,) = office.register(0)
    action = "simplified_cancellation"
    enter_abnormal(office, code)
    assert asked(office, code, action, date(2025, 7, 8)) == "allowed"
    answer = may(known(office, code, ENTERED), action)
    assert answer.verdict == "refused"
    assert "第三十三条" in answer.reasons[0].source
    assert answer.reasons[0].evidence[0].day == ENTERED
    remove_from_list(office.home, code, "abnormal", "4", on=date(2025, 9, 1), provider="甲局", condition="4")
    assert asked(office, code, action, date(2025, 9, 1)) == "allowed"


def test_a_rule_holds_from_its_own_date(office: Office) -> None:
    (code,) = office.register(0)
    enter_abnormal(office, code, on=date(2021, 8, 2))
    # The regulation on registration is in force from 2022-03-01.
    assert asked(office, code, "simplified_cancellation", date(2022, 2, 28)) == "allowed"
    assert asked(office, code, "simplified_cancellation", date(2022, 3, 1)) == "refused"


def test_a_fine_makes_it_conditional_and_a_list_goes_before(office: Office, penalised: str) -> None:
    answer = may(known(office, penalised, date(2025, 1, 1)), "simplified_cancellation")
    assert answer.verdict == "conditional"
    assert answer.reasons[0].condition is not None
    enter_abnormal(office, penalised)
    both = may(known(office, penalised, ENTERED), "simplified_cancellation")
    assert [r.outcome for r in both.reasons] == ["refused", "conditional"]


@pytest.mark.parametrize(
    ("action", "kind", "years", "article"),
    [
        ("equipment_licence", "equipment_filling", 3, "第九十六条"),
        ("food_licence", "food_trade", 5, "第一百三十五条"),
    ],
)
def test_after_a_revocation_no_new_licence_for_years(
    office: Office, action: str, kind: str, years: int, article: str
) -> None:
    (code,) = office.register(0)
    licence = {"credit_code": code, "kind": kind, "event_date": date(2018, 1, 1), "record_id": "x"}
    office.put(
        licence=[
            {**licence, "status": "valid"},
            {**licence, "status": "revoked", "recorded_at": date(2020, 2, 29)},
        ]
    )
    last = date(2020 + years, 2, 27)
    assert asked(office, code, action, date(2020, 2, 28)) == "allowed"
    answer = may(known(office, code, last), action)
    assert (answer.verdict, answer.reasons[0].trust) == ("refused", "law")
    assert article in answer.reasons[0].source
    assert asked(office, code, action, date(2020 + years, 2, 28)) == "allowed"


def test_commitments_and_being_left_alone_follow_the_tier(office: Office) -> None:
    (code,) = office.register(0)
    on = date(2025, 7, 1)
    verdicts = {tier: asked(office, code, "left_alone", on, tier) for tier in ("A", "B", "D", None)}
    assert verdicts == {"A": "conditional", "B": "refused", "D": "refused", None: "refused"}
    assert asked(office, code, "notify_commit", on, "C") == "allowed"
    assert asked(office, code, "notify_commit", on, "D") == "refused"
    office.put(
        commitment=[
            {
                "credit_code": code,
                "event_date": date(2024, 8, 1),
                "outcome": "broken",
                "verified_on": date(2025, 2, 1),
            }
        ]
    )
    assert asked(office, code, "notify_commit", date(2026, 1, 31), "A") == "refused"
    assert asked(office, code, "notify_commit", date(2026, 2, 1), "A") == "allowed"


def test_a_person_in_charge_elsewhere_is_found_by_pseudonym(office: Office) -> None:
    asking, listed, revoked, stranger = office.register(0, 1, 2, 3)
    held = {"kind": "legal_representative", "person_key": "P1"}
    day = date(2018, 1, 1)
    office.put(
        relation=[
            {**held, "credit_code": asking, "event_date": day},
            {**held, "credit_code": listed, "event_date": day},
            {**held, "credit_code": revoked, "event_date": day, "ended_on": date(2023, 7, 1)},
            {**held, "credit_code": stranger, "event_date": day, "kind": "shareholder"},
        ],
        serious_violation_list=[
            {"credit_code": c, "event_date": date(2022, 1, 1), "ground": "food"} for c in (listed, stranger)
        ],
    )
    action = "representative_elsewhere"
    answer = may(known(office, asking, date(2023, 1, 1)), action)
    assert (answer.verdict, [e.what for e in answer.reasons[0].evidence]) == ("refused", [f"{listed} food"])
    assert "P1" not in str(answer.as_dict())
    # That sentence of the regulation is known until 2024-04-30 only.
    assert asked(office, asking, action, date(2024, 5, 1)) == "allowed"
    office.put(
        enterprise=[
            {"credit_code": revoked, "event_date": date(2023, 6, 1), "name": "被吊销企业", "status": "2"}
        ]
    )
    assert asked(office, asking, action, date(2024, 5, 1)) == "conditional"
    assert asked(office, asking, action, date(2026, 6, 1)) == "allowed"
    assert asked(office, listed, action, date(2023, 1, 1)) == "refused"
    assert asked(office, stranger, "representative_elsewhere", date(2024, 5, 1)) == "allowed"


def test_every_restriction_names_its_source_and_unread_law_is_a_parameter() -> None:
    rules = load_restrictions()
    for restriction in rules.restrictions:
        assert restriction.source
        if "未核对" in restriction.source or "own parameter" in restriction.source:
            assert restriction.trust == "parameter"
    for day in (date(2014, 10, 1), date(2021, 9, 1), date(2024, 5, 1), date(2026, 1, 1)):
        for _, versions in lists_in_force(day):
            for part in (*versions.grounds.values(), *versions.steps, *versions.escalations):
                assert part.source
                if "未核对" in part.source:
                    assert part.trust == "parameter"


def test_what_long_entries_lead_to_changes_with_the_law(office: Office) -> None:
    (code,) = office.register(0)
    enter_abnormal(office, code, "4", date(2016, 3, 1))
    due = office.json("lists", "show", code, "--on", "2019-01-15")["due"]
    assert [(d["date"], d["reached"], d["trust"]) for d in due] == [("2019-03-01", False, "law")]
    assert office.json("lists", "show", code, "--on", "2018-12-15")["due"] == []
    # From 2021-09-01 three years alone lead nowhere; from 2024-05-01 two unreported years do.
    assert office.json("lists", "show", code, "--on", "2021-10-01")["due"] == []
    (revocation,) = office.json("lists", "show", code, "--on", "2024-05-01")["due"]
    assert revocation["what"] == "unreported_and_unreachable_to_revocation"
    assert revocation["reached"] is True
    office.put(
        annual_report=[{"credit_code": code, "event_date": date(2024, 5, 2), "year": 2022}],
    )
    assert office.json("lists", "show", code, "--on", "2024-05-03")["due"] == []


def test_the_commands_decide_and_answer(office: Office) -> None:
    (code,) = office.register(0)
    office.publish(date(2025, 6, 30), {"credit_code": code, "tier": "A"})
    decided = office.json(
        "lists", "enter", code, "--list", "abnormal", "--ground", "4", "--on", "2025-07-09",
        "--found", "2025-07-01", "--provider", "甲局",
    )  # fmt: skip
    assert decided["new"] is True
    answer = office.json("lists", "check", code, "--action", "honour", "--on", "2025-07-10")
    assert (answer["verdict"], answer["tier"], answer["known"]) == ("conditional", "A", True)
    assert office.json("lists", "check", code, "--action", "left_alone", "--on", "2025-06-29")["tier"] is None
    spoken = office.run("lists", "check", code, "--action", "simplified_cancellation", "--on", "2025-07-10")
    assert "refused" in spoken.output
    assert "第四十八条第一项" in spoken.output
    shown = office.run("lists", "show", code, "--on", "2025-07-10")
    assert "2025-07-09 – open" in shown.output
    assert "unreachable" in office.run("lists", "show", "--on", "2025-07-10").output
    removed = office.run(
        "lists", "remove", code, "--list", "abnormal", "--ground", "4", "--condition", "4",
        "--on", "2025-07-20", "--provider", "甲局",
    )  # fmt: skip
    assert removed.exit_code == 0, removed.output
    # Who has no registration on record is answered too, and told apart.
    stranger = office.json("lists", "check", office.codes[9], "--action", "honour", "--on", "2025-07-10")
    assert (stranger["verdict"], stranger["known"]) == ("allowed", False)
    refused = office.run("lists", "check", code, "--action", "fly")
    assert isinstance(refused.exception, InputError)


def test_rules_are_shown(office: Office) -> None:
    for on, names in (("2025-07-10", ["abnormal", "serious"]), ("2020-01-01", ["abnormal"])):
        done = office.run_anywhere("lists", "grounds", "--on", on, "--json")
        assert [one["list"] for one in json.loads(done.stdout)] == names
    spoken = office.run_anywhere("lists", "grounds", "--on", "2025-07-10").output
    assert "within 10 working days after found" in spoken


def test_a_department_hears_of_every_change(office: Office, tmp_path: Path) -> None:
    first, second = office.register(0, 1)
    out = tmp_path / "inbox"
    enter_abnormal(office, first)
    sent = office.json("lists", "push", "--to", "tax", "--out", str(out))
    assert sent["messages"] == 1
    assert office.json("lists", "push", "--to", "tax", "--out", str(out))["messages"] == 0

    enter_abnormal(office, second, on=date(2025, 7, 10))
    remove_from_list(
        office.home, first, "abnormal", "4", on=date(2025, 7, 20), provider="甲局", condition="4"
    )
    # Interrupted after the batch was written, before the position moved on.
    position = office.home.root / "outbox" / "tax.json"
    held = position.read_text(encoding="utf-8")
    office.json("lists", "push", "--to", "tax", "--out", str(out))
    position.write_text(held, encoding="utf-8")
    office.json("lists", "push", "--to", "tax", "--out", str(out))

    messages = [
        json.loads(line)
        for file in sorted(out.iterdir())
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    assert [(m["change"], m["record"]["credit_code"]) for m in messages] == [
        ("entered", first),
        ("removed", first),
        ("entered", second),
    ]
    # Another department starts from the beginning and gets the very same messages.
    office.json("lists", "push", "--to", "courts", "--out", str(out))
    (file,) = out.glob("courts-*")
    ids = {json.loads(line)["message_id"] for line in file.read_text(encoding="utf-8").splitlines()}
    assert ids == {m["message_id"] for m in messages}
    assert isinstance(office.run("lists", "push", "--to", "../x", "--out", str(out)).exception, InputError)


def test_a_department_whose_last_snapshot_is_gone_is_told_everything_again(
    office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = office.register(0, 1)
    enter_abnormal(office, first)
    out = tmp_path / "inbox"
    office.json("lists", "push", "--to", "tax", "--out", str(out))
    (file,) = out.iterdir()
    before = [json.loads(line)["message_id"] for line in file.read_text(encoding="utf-8").splitlines()]
    enter_abnormal(office, second, on=date(2025, 7, 10))
    RecordStore(office.home.store).retain(1)
    sent = office.json("lists", "push", "--to", "tax", "--out", str(out))
    assert "no longer kept" in caplog.text
    assert sent["messages"] == 2
    told = [json.loads(line) for line in Path(sent["file"]).read_text(encoding="utf-8").splitlines()]
    assert [one["record"]["credit_code"] for one in told] == [first, second]
    assert told[0]["message_id"] == before[0]
    assert office.json("lists", "push", "--to", "tax", "--out", str(out))["messages"] == 0
