"""Loads: what is new, what is known, what contradicts, and that a load is all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from features.errors import InputError
from features.store import RecordStore
from features.store.quarantine import CONFLICT, OTHER_ENTERPRISE

MakeRows = Callable[..., pa.Table]

FINE = {
    "credit_code": "test:1",
    "event_date": date(2020, 1, 1),
    "recorded_at": date(2020, 1, 10),
    "record_id": "P1",
    "kind": "fine",
    "severity": "general",
    "domain": "food",
    "amount": 500_000,
}


def fine(**changes: Any) -> dict[str, Any]:
    return {**FINE, **changes}


def load(store: RecordStore, penalties: pa.Table, load_id: str = "one", **tables: pa.Table) -> Any:
    return store.load({"penalty": penalties, **tables}, load_id=load_id, source="province")


def test_a_load_becomes_one_snapshot(store: RecordStore, rows: MakeRows) -> None:
    repair = rows(
        "credit_repair",
        [
            {
                "credit_code": "test:1",
                "event_date": date(2020, 8, 1),
                "recorded_at": date(2020, 8, 3),
                "record_id": "R1",
                "target_table": "penalty",
                "target_record_id": "P1",
                "decision": "refused",
            }
        ],
    )
    result = load(store, rows("penalty", [fine(), fine(record_id="P2")]), credit_repair=repair)

    assert result.snapshot_id == 1
    assert (result.counts["penalty"].accepted, result.counts["credit_repair"].accepted) == (2, 1)
    assert store.snapshot().counts() == {"penalty": 2, "credit_repair": 1}
    provenance = store.loads().to_pylist()
    assert [(row["table"], row["rows_in"], row["accepted"]) for row in provenance] == [
        ("penalty", 2, 2),
        ("credit_repair", 1, 1),
    ]


def test_the_same_rows_again_change_nothing(store: RecordStore, rows: MakeRows, tmp_path: Path) -> None:
    penalties = rows("penalty", [fine(), fine(record_id="P2"), fine(record_id="P2", amount=7)])
    load(store, penalties)
    files = sorted(path for path in tmp_path.rglob("*.parquet"))
    before = store.snapshot().read("penalty"), store.quarantine(), store.loads()

    again = load(store, penalties, "two")

    assert again.snapshot_id == 1
    assert (again.counts["penalty"].accepted, again.counts["penalty"].duplicate) == (0, 2)
    assert again.counts["penalty"].conflict == 1
    assert sorted(path for path in tmp_path.rglob("*.parquet")) == files
    assert (store.snapshot().read("penalty"), store.quarantine(), store.loads()) == before


def test_duplicates_within_a_file_are_counted(store: RecordStore, rows: MakeRows) -> None:
    counts = load(store, rows("penalty", [fine(), fine(), fine(recorded_at=date(2020, 3, 1))])).counts[
        "penalty"
    ]
    # The third says nothing new: the version before it has the same content.
    assert (counts.rows_in, counts.accepted, counts.duplicate, counts.conflict) == (3, 1, 2, 0)


def test_content_that_returns_is_a_version_not_a_duplicate(store: RecordStore, rows: MakeRows) -> None:
    days = [date(2020, 2, 1), date(2020, 3, 1), date(2020, 4, 1)]
    penalties = [fine(recorded_at=day, amount=amount) for day, amount in zip(days, (1, 2, 1), strict=True)]
    assert load(store, rows("penalty", penalties)).counts["penalty"].accepted == 3
    read = store.snapshot().read("penalty", columns=["amount"]).to_pylist()
    assert [(row["amount"], row["visible_from"], row["visible_to"]) for row in read] == [
        (1, days[0], days[1]),
        (2, days[1], days[2]),
        (1, days[2], date(9999, 12, 31)),
    ]


def test_other_content_on_the_same_day_is_a_conflict_and_the_first_stays(
    store: RecordStore, rows: MakeRows
) -> None:
    load(store, rows("penalty", [fine()]))
    counts = load(store, rows("penalty", [fine(amount=1), fine(amount=2)]), "two").counts["penalty"]

    assert (counts.accepted, counts.conflict) == (0, 2)
    assert counts.reasons == {CONFLICT: 2}
    assert store.snapshot().read("penalty")["amount"].to_pylist() == [500_000]
    refused = store.quarantine().to_pylist()
    assert [(row["reason"], row["source_line"], row["detail"], row["field"]) for row in refused] == [
        (CONFLICT, 1, "P1", "record_id"),
        (CONFLICT, 2, "P1", "record_id"),
    ]
    assert '"amount":1' in refused[0]["raw"]


def test_a_record_stays_with_its_enterprise(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("penalty", [fine()]))
    later = fine(credit_code="test:2", recorded_at=date(2020, 5, 1))
    counts = load(store, rows("penalty", [later]), "two").counts["penalty"]

    assert counts.reasons == {OTHER_ENTERPRISE: 1}
    assert store.snapshot().codes().to_pylist() == ["test:1"]
    assert store.quarantine()["field"].to_pylist() == ["credit_code"]


def test_a_version_recorded_between_two_others_takes_its_place(store: RecordStore, rows: MakeRows) -> None:
    early, middle, late = (fine(recorded_at=date(2020, month, 1), amount=month) for month in (2, 3, 4))
    load(store, rows("penalty", [early, late]))
    load(store, rows("penalty", [middle]), "two")
    read = store.snapshot().read("penalty", columns=["amount"]).to_pylist()
    assert [(row["amount"], row["visible_to"]) for row in read] == [
        (2, date(2020, 3, 1)),
        (3, date(2020, 4, 1)),
        (4, date(9999, 12, 31)),
    ]


def test_rows_without_identity_or_time_are_refused(store: RecordStore, rows: MakeRows) -> None:
    with pytest.raises(InputError, match="table 'penalty': 1 rows have no recorded_at"):
        load(store, rows("penalty", [fine(recorded_at=None)]))


def test_empty_rows_make_no_table(store: RecordStore, rows: MakeRows) -> None:
    result = load(store, rows("penalty", []))
    assert result.counts["penalty"].rows_in == 0
    assert not store.snapshot().exists("penalty")


def test_quarantined_rows_are_kept_once(store: RecordStore) -> None:
    bad = pa.table(
        {
            "table": ["penalty"] * 3,
            "file": ["a.csv", "a.csv", "b.csv"],
            "source_line": [7, 7, 7],
            "reason": ["impossible date", "wrong check character", "impossible date"],
            "detail": ["2023-02-30", "K", "2023-02-30"],
            "field": ["event_date", "credit_code", "event_date"],
            "raw": ["x", "x", "x"],
        }
    )
    for load_id, new in (("one", 2), ("two", 0)):
        with store.begin(load_id=load_id, source="province") as transaction:
            assert transaction.quarantine(bad) == new
            transaction.commit()
    kept = store.quarantine().to_pylist()
    assert [(row["file"], row["load_id"], row["reason"]) for row in kept] == [
        ("a.csv", "one", "impossible date"),
        ("b.csv", "one", "impossible date"),
    ]
    with store.begin(load_id="three", source="another province") as transaction:
        assert transaction.quarantine(bad.slice(0, 1)) == 1


def test_an_exception_in_the_middle_leaves_nothing(
    store: RecordStore, rows: MakeRows, tmp_path: Path
) -> None:
    load(store, rows("penalty", [fine()]))
    before = store.snapshot().read("penalty")

    def interrupted() -> None:
        with store.begin(load_id="two", source="province") as transaction:
            transaction.add("penalty", rows("penalty", [fine(record_id="P2")]))
            transaction.add("change", rows("change", [{**_change(), "record_id": "C1"}]))
            msg = "the disk is on fire"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="on fire"):
        interrupted()

    assert store.snapshot().id == 1
    assert store.snapshot().read("penalty") == before
    # Not only unseen: the newest state of the Delta table itself has no such rows, and the new table is gone.
    newest = DeltaTable(tmp_path / "store" / "records" / "penalty").to_pyarrow_table()
    assert newest["record_id"].to_pylist() == ["P1"]
    assert not (tmp_path / "store" / "records" / "change").exists()

    assert load(store, rows("penalty", [fine(record_id="P2")]), "three").snapshot_id == 2
    assert store.snapshot().read("penalty")["record_id"].to_pylist() == ["P1", "P2"]


def test_what_is_not_committed_is_not_seen(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("penalty", [fine()]))
    with store.begin(load_id="two", source="province") as transaction:
        transaction.add("penalty", rows("penalty", [fine(record_id="P2")]))
        assert store.snapshot().id == 1
        assert store.snapshot().read("penalty").num_rows == 1
        transaction.commit()
    assert store.snapshot().read("penalty").num_rows == 2


def test_a_second_writer_is_told_to_wait(store: RecordStore, tmp_path: Path) -> None:
    impatient = RecordStore(tmp_path / "store", lock_timeout=0.05)
    with (
        store.begin(load_id="one", source="province"),
        pytest.raises(InputError, match=r"another load is writing to .*Wait until it is done\."),
        impatient.begin(load_id="two", source="province"),
    ):
        pass


def _change() -> dict[str, Any]:
    return {
        "credit_code": "test:1",
        "event_date": date(2020, 1, 1),
        "recorded_at": date(2020, 1, 1),
        "item": "address",
    }
