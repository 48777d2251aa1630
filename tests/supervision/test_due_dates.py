"""What falls due in a period: each kind on its day, nothing before, after, or known only later."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from features.errors import InputError
from features.records import TABLES
from features.store import RecordStore
from supervision.due_dates import KINDS, due_dates
from supervision.lists.entries import due_on_list
from supervision.records import enterprise_records
from supervision.repair.check import check_repair
from tests.supervision.office import Office

ON, UNTIL = date(2025, 9, 1), date(2025, 10, 2)


def found(office: Office, on: date = ON, until: date = UNTIL) -> list[tuple[str, str, str]]:
    rows = due_dates(RecordStore(office.home.store).snapshot(), on, until)
    return [
        (code, kind, str(day)[:10])
        for code, kind, day in zip(rows["credit_code"], rows["kind"], rows["date"], strict=True)
    ]


def licence(code: str, ends: date) -> dict[str, Any]:
    return {
        "credit_code": code,
        "event_date": date(2020, 9, 1),
        "kind": "catering",
        "status": "valid",
        "valid_to": ends,
    }


def penalty(code: str, day: date, **changes: Any) -> dict[str, Any]:
    return {
        "credit_code": code,
        "event_date": day,
        "kind": "fine",
        "domain": "advertising",
        "severity": "general",
        **changes,
    }


def test_licences_and_equipment_within_the_period(office: Office) -> None:
    codes = office.register(0, 1, 2, 3)
    office.put(
        licence=[
            licence(codes[0], ON),
            licence(codes[1], UNTIL),
            licence(codes[2], ON - timedelta(days=1)),
            licence(codes[3], UNTIL + timedelta(days=1)),
        ],
        equipment=[
            {
                "credit_code": codes[0],
                "event_date": date(2024, 1, 1),
                "category": "3000",
                "status": "in_use",
                "equipment_id": f"L{days}",
                "next_due": ON + timedelta(days=days),
            }
            for days in (-3, 4, 31, 32)
        ],
    )
    assert found(office) == [
        (codes[0], "licence_due", "2025-09-01"),
        (codes[0], "equipment_due", "2025-09-05"),
        (codes[0], "equipment_due", "2025-10-02"),
        (codes[1], "licence_due", "2025-10-02"),
    ]


def test_the_end_of_the_term_on_the_serious_list(office: Office) -> None:
    codes = office.register(0, 1, 2)
    codes_of_grounds = TABLES["serious_violation_list"].column("ground").codes
    assert codes_of_grounds is not None
    entry = {"ground": next(iter(codes_of_grounds.codes))}
    office.put(
        serious_violation_list=[
            {"credit_code": codes[0], "event_date": date(2022, 9, 15), **entry},
            {"credit_code": codes[1], "event_date": date(2022, 10, 3), **entry},
            {
                "credit_code": codes[2],
                "event_date": date(2022, 9, 15),
                "removed_on": date(2024, 1, 1),
                **entry,
            },
        ]
    )
    (of_list,) = [one for one in found(office) if one[1] == "list"]
    assert of_list == (codes[0], "list", "2025-09-15")
    told = due_on_list(enterprise_records(RecordStore(office.home.store).snapshot(), codes[0], ON))
    assert [str(one["date"]) for one in told if one["what"] == "term_ends"] == ["2025-09-15"]


def test_commitments_to_verify(office: Office) -> None:
    codes = office.register(0, 1, 2)
    made = {"kind": "notify_commit", "outcome": "pending"}
    office.put(
        commitment=[
            {"credit_code": codes[0], "event_date": date(2025, 6, 20), **made},
            {"credit_code": codes[1], "event_date": date(2025, 5, 20), **made},
            {"credit_code": codes[2], "event_date": date(2025, 6, 20), **made, "outcome": "kept"},
        ]
    )
    assert found(office) == [(codes[0], "commitment", "2025-09-20")]


def test_the_first_day_of_repair_is_that_of_the_check(office: Office) -> None:
    codes = office.register(0, 1, 2)
    office.put(
        penalty=[
            penalty(codes[0], date(2025, 3, 10)),
            penalty(codes[1], date(2025, 1, 10)),
            # Never repaired early.
            penalty(codes[2], date(2025, 3, 10), kind="closure"),
        ]
    )
    snapshot = RecordStore(office.home.store).snapshot()
    checks = [
        (code, "repair", str(check.earliest))
        for code in codes
        for row in enterprise_records(snapshot, code, ON).rows("penalty")
        for check in [check_repair(enterprise_records(snapshot, code, ON), row["record_id"])]
        if check.earliest is not None and ON <= check.earliest <= UNTIL
    ]
    assert found(office) == checks
    assert [code for code, _, _ in checks] == [codes[0]]


def test_who_is_gone_and_what_is_known_later_do_not_count(office: Office) -> None:
    (gone,) = office.register(0, status="4")
    (here,) = office.register(1)
    office.put(
        licence=[
            licence(gone, ON + timedelta(days=3)),
            {**licence(here, ON + timedelta(days=3)), "recorded_at": ON + timedelta(days=1)},
        ]
    )
    assert found(office) == []
    assert set(KINDS) == {"licence_due", "equipment_due", "list", "commitment", "repair"}


@pytest.mark.parametrize("until", [ON, ON - timedelta(days=1), ON + timedelta(days=367)])
def test_a_period_that_cannot_be_looked_at(office: Office, until: date) -> None:
    office.register(0)
    with pytest.raises(InputError, match="Give a day 1 to 366 days later"):
        found(office, ON, until)
