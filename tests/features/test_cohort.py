"""Who counts as in business at a date."""

from __future__ import annotations

from datetime import date
from typing import Any

from features.cohort import registered
from features.store import RecordStore


def state(code: str, day: date, status: str = "1", **more: Any) -> dict[str, Any]:
    record = {
        "credit_code": code,
        "event_date": day,
        "recorded_at": day,
        "record_id": f"{code}:{day}",
        "name": "甲",
        "status": status,
    }
    return record | more


def complaint(code: str, day: date, **more: Any) -> dict[str, Any]:
    record = {
        "credit_code": code,
        "event_date": day,
        "recorded_at": day,
        "record_id": f"c{code}{day}",
        "domain": "food",
    }
    return record | more


def members(store: RecordStore, *days: date) -> list[tuple[str, date]]:
    def of(table: Any) -> list[tuple[str, date]]:
        return sorted(zip(table["credit_code"].to_pylist(), table["as_of"].to_pylist(), strict=True))

    found = of(registered(store.snapshot(), days))
    codes = store.snapshot().codes()
    for some in (codes, codes.slice(0, 1), codes.slice(1), codes.slice(0, 0)):
        chosen = set(some.to_pylist())
        expected = [one for one in found if one[0] in chosen]
        assert of(registered(store.snapshot(), days, among=some)) == expected
    return found


def test_the_newest_visible_state_decides(store: RecordStore, rows: Any) -> None:
    records = [
        state("SIM:1", date(2020, 1, 1)),
        state("SIM:1", date(2022, 1, 1), status="4", recorded_at=date(2022, 3, 1)),
        state("SIM:2", date(2021, 1, 1)),
    ]
    store.load({"enterprise": rows("enterprise", records)}, load_id="1", source="s")
    assert members(store, date(2020, 6, 1)) == [("SIM:1", date(2020, 6, 1))]
    # Deregistered in January, known in March: until then it counts.
    assert ("SIM:1", date(2022, 2, 1)) in members(store, date(2022, 2, 1))
    assert members(store, date(2022, 3, 1)) == [("SIM:2", date(2022, 3, 1))]


def test_without_any_registration_a_record_is_enough(store: RecordStore, rows: Any) -> None:
    store.load(
        {
            "enterprise": rows("enterprise", [state("SIM:1", date(2020, 1, 1), status="4")]),
            "complaint": rows(
                "complaint",
                [
                    complaint("SIM:1", date(2020, 2, 1)),
                    complaint("SIM:9", date(2020, 2, 1), recorded_at=date(2020, 5, 1)),
                    complaint("SIM:9", date(2020, 3, 1), recorded_at=date(2020, 6, 1)),
                    complaint("SIM:8", date(2020, 2, 1), withdrawn_at=date(2020, 4, 1)),
                ],
            ),
        },
        load_id="1",
        source="s",
    )
    day = date(2020, 4, 1)
    assert members(store, date(2020, 3, 31), day) == [("SIM:8", date(2020, 3, 31))]
    assert members(store, date(2020, 5, 1)) == [("SIM:9", date(2020, 5, 1))]


def test_a_registration_known_later_does_not_change_an_earlier_cohort(store: RecordStore, rows: Any) -> None:
    store.load(
        {"complaint": rows("complaint", [complaint("SIM:1", date(2020, 1, 1))])}, load_id="1", source="s"
    )
    days = (date(2020, 1, 1), date(2020, 6, 1), date(2020, 12, 31))
    before = members(store, *days)
    assert len(before) == 3
    late = state("SIM:1", date(2020, 3, 1), status="4", recorded_at=date(2021, 1, 1))
    store.load({"enterprise": rows("enterprise", [late])}, load_id="2", source="s")
    assert members(store, *days) == before
    assert members(store, date(2021, 1, 1)) == []
