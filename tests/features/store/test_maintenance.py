"""Compaction, retention, and tables that get new columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import InputError
from features.records import TABLES
from features.store import RecordStore, delta, ordered_files, versions

MakeRows = Callable[..., pa.Table]


def penalty(number: int, **values: Any) -> dict[str, Any]:
    return {
        "credit_code": f"test:{number % 50:03d}",
        "event_date": date(2020, 1, 1) + timedelta(days=number),
        "recorded_at": date(2021, 1, 1) + timedelta(days=number),
        "record_id": f"P{number:04d}",
        "kind": "fine",
        "severity": "general",
        "domain": "food",
        "amount": 100 * number,
        **values,
    }


def load(store: RecordStore, rows: MakeRows, load_id: str, numbers: range, **values: Any) -> None:
    conflicting = [penalty(n, **values) for n in numbers]
    conflicting.append({**conflicting[0], "amount": -1})
    store.load({"penalty": rows("penalty", conflicting)}, load_id=load_id, source="province")


@pytest.fixture
def grown(store: RecordStore, rows: MakeRows) -> RecordStore:
    """Return a store of eight loads of the same enterprises, each with a refused row."""
    for number in range(8):
        load(store, rows, f"load {number}", range(number * 40, number * 40 + 60))
    return store


def parquet_files(store: RecordStore) -> list[Path]:
    return sorted(store.root.glob("records/*/*.parquet"))


def test_compaction_puts_files_together_and_changes_nothing_else(grown: RecordStore) -> None:
    before = [snapshot.read("penalty") for snapshot in grown.snapshots()]
    quarantine, loads = grown.quarantine(), grown.loads()
    assert len(grown.snapshot().files("penalty")) == 8

    result = grown.compact()

    assert result.snapshot_id == grown.snapshot().id == 9
    assert result.files == {"penalty": (8, 1), "quarantine": (8, 1), "loads": (8, 1)}
    assert grown.snapshot().read("penalty", columns=before[-1].schema.names[:-2]) == before[-1]
    assert grown.snapshot().counts() == grown.snapshot(8).counts()
    stored = pq.read_table(grown.snapshot().files("penalty"))
    assert stored.sort_by([(name, "ascending") for name in versions.ORDER]) == stored
    # Earlier snapshots are what they were, with the files they had.
    assert [snapshot.read("penalty") for snapshot in grown.snapshots()[:8]] == before
    key = [("row_hash", "ascending")]
    assert grown.quarantine().sort_by(key) == quarantine.sort_by(key)
    assert sorted(grown.loads()["load_id"].to_pylist()) == sorted(loads["load_id"].to_pylist())


def test_there_is_nothing_to_compact_twice(grown: RecordStore) -> None:
    grown.compact()
    files = parquet_files(grown)
    assert grown.compact().files == {}
    assert grown.snapshot().id == 9
    assert parquet_files(grown) == files


def test_loads_go_on_after_compaction(grown: RecordStore, rows: MakeRows) -> None:
    grown.compact()
    again = grown.load(
        {"penalty": rows("penalty", [penalty(5), penalty(900)])}, load_id="x", source="province"
    )
    assert (again.counts["penalty"].duplicate, again.counts["penalty"].accepted) == (1, 1)
    assert len(grown.snapshot().files("penalty")) == 2


def test_files_that_lie_apart_are_left_until_they_are_many(store: RecordStore, rows: MakeRows) -> None:
    for number in range(2):
        lone = [penalty(number * 10 + k, credit_code=f"test:{number}{k}") for k in range(5)]
        store.load({"penalty": rows("penalty", lone)}, load_id=str(number), source="province")
    assert store.compact().files == {}
    lone = [penalty(90 + k, credit_code=f"test:9{k}") for k in range(5)]
    store.load({"penalty": rows("penalty", lone)}, load_id="third", source="province")
    assert store.compact().files["penalty"] == (3, 1)


def test_a_load_of_many_appends_is_put_in_order_before_it_is_published(
    store: RecordStore, rows: MakeRows
) -> None:
    """One enterprise's rows come in every part of the load: afterwards they lie in one place."""
    store.load({"penalty": rows("penalty", [penalty(900)])}, load_id="first", source="province")
    parts = [[penalty(number * 10 + k, credit_code=f"test:{k}") for k in range(5)] for number in range(5)]
    with store.begin(load_id="large", source="province") as load:
        for part in parts:
            load.add("penalty", rows("penalty", part))
        load.commit()
    assert len(store.snapshot().files("penalty")) == 1
    found = store.snapshot().read("penalty", columns=["credit_code", "record_id"])
    assert found.num_rows == 26
    assert found["credit_code"].to_pylist() == sorted(found["credit_code"].to_pylist())
    # The state before is as it was, and nothing is left of what was written on the way.
    assert store.snapshot(1).read("penalty").num_rows == 1
    named = {name for one in store.snapshots() for name in one.files("penalty")}
    assert {str(path) for path in (store.root / "records" / "penalty").glob("*.parquet")} == named


def test_a_compaction_that_would_lose_rows_is_undone(
    grown: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = grown.snapshot().read("penalty")
    whole = versions.merged
    with monkeypatch.context() as patch:
        patch.setattr(versions, "merged", lambda con, files, *rest: whole(con, files[1:], *rest))
        with pytest.raises(RuntimeError, match=r"compaction of 'penalty' made (280|300) rows of 340"):
            grown.compact()
    assert grown.snapshot().id == 8
    assert grown.snapshot().read("penalty") == before
    assert grown.compact().files["penalty"] == (8, 1)
    assert grown.snapshot().read("penalty") == before


def test_retention_keeps_the_newest_and_the_named(grown: RecordStore) -> None:
    grown.compact()
    kept = {number: grown.snapshot(number).read("penalty") for number in (3, 8, 9)}
    files = len(parquet_files(grown))

    result = grown.retain(2, keep=[3])

    assert (result.dropped, result.kept) == ((1, 2, 4, 5, 6, 7), (3, 8, 9))
    assert {number: grown.snapshot(number).read("penalty") for number in (3, 8, 9)} == kept
    with pytest.raises(InputError, match="there is no snapshot 5; the latest that the store has: 3, 8, 9"):
        grown.snapshot(5)
    # Snapshot 8 still needs all that was appended.
    assert len(parquet_files(grown)) == files
    assert grown.retain(1).kept == (9,)
    assert len(parquet_files(grown)) == 1
    assert grown.snapshot().read("penalty") == kept[9]
    assert grown.quarantine().num_rows == grown.loads().num_rows == 8


def test_retention_clears_what_an_interrupted_load_left(grown: RecordStore, rows: MakeRows) -> None:
    def interrupted() -> None:
        with grown.begin(load_id="x", source="province") as transaction:
            transaction.add("penalty", rows("penalty", [penalty(1000)]))
            msg = "enough"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="enough"):
        interrupted()
    assert len(parquet_files(grown)) == 9
    assert grown.retain(8).files_deleted == 1
    assert set(map(Path, grown.snapshot().files("penalty"))) == set(parquet_files(grown))


def test_loads_and_snapshot_numbers_go_on_after_retention(grown: RecordStore, rows: MakeRows) -> None:
    grown.compact()
    grown.retain(1)
    load(grown, rows, "next", range(1000, 1003))
    assert [snapshot.id for snapshot in grown.snapshots()] == [9, 10]
    assert grown.snapshot().counts() == {"penalty": 343}


def test_what_retention_refuses(grown: RecordStore) -> None:
    with pytest.raises(InputError, match="at least the newest snapshot is kept, got 0"):
        grown.retain(0)
    with pytest.raises(InputError, match="there is no snapshot 70 to keep"):
        grown.retain(1, keep=[70])
    assert len(grown.snapshots()) == 8


def test_an_empty_store_has_nothing_to_maintain(store: RecordStore) -> None:
    for maintain in (store.compact, lambda: store.retain(1)):
        with pytest.raises(InputError, match="is empty"):
            maintain()


def test_a_large_table_is_compacted_into_files_that_lie_apart(
    grown: RecordStore, monkeypatch: pytest.MonkeyPatch, rows: MakeRows
) -> None:
    many = [penalty(n, record_id=f"Q{n}", document_no=f"{n * 7919 % 100_003:08d}" * 4) for n in range(3000)]
    grown.load({"penalty": rows("penalty", many)}, load_id="many", source="province")
    monkeypatch.setattr(delta, "FILE_BYTES", 20_000)
    monkeypatch.setattr(ordered_files, "ROWS_A_GROUP", 200)
    monkeypatch.setattr(versions, "BATCH", 250)
    before = grown.snapshot().read("penalty")
    _, files = grown.compact().files["penalty"]
    assert files > 2
    assert not delta.DeltaFolder(grown.root / "records" / "penalty").scattered(
        grown.snapshot().tables["penalty"], "credit_code"
    )
    assert grown.snapshot().read("penalty") == before
    # One enterprise lies in one place: of each file's row groups, only neighbours can hold the same code.
    for file in grown.snapshot().files("penalty"):
        metadata = pq.read_metadata(file)
        place = metadata.schema.names.index("credit_code")
        groups = [metadata.row_group(n).column(place).statistics for n in range(metadata.num_row_groups)]
        assert all(one.max <= next_one.min for one, next_one in pairwise(groups))


def test_a_column_that_a_later_release_adds_is_missing_in_older_rows(
    store: RecordStore, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = TABLES["penalty"]
    before = replace(now, columns=tuple(c for c in now.columns if c.name not in {"basis", "amount"}))
    with monkeypatch.context() as patch:
        patch.setitem(TABLES, "penalty", before)  # type: ignore[arg-type]
        old = {name: value for name, value in penalty(1).items() if name != "amount"}
        store.load({"penalty": rows("penalty", [old])}, load_id="old release", source="province")
        assert "amount" not in store.snapshot().read("penalty").schema.names

    # Until a load adds it, the column is missing from the files themselves.
    assert store.snapshot().read("penalty", columns=["amount"])["amount"].to_pylist() == [None]
    # The same rows from the newer release, where the column has no value, say nothing new.
    same = store.load({"penalty": rows("penalty", [old])}, load_id="same", source="province")
    assert same.counts["penalty"].duplicate == 1

    newer = [penalty(1, recorded_at=date(2022, 1, 1)), penalty(2, basis="食品安全法")]
    store.load({"penalty": rows("penalty", newer)}, load_id="new release", source="province")
    columns = ["record_id", "amount", "basis"]
    read = store.snapshot().read("penalty", columns=columns).select(columns).to_pylist()
    assert read == [
        {"record_id": "P0001", "amount": None, "basis": None},
        {"record_id": "P0001", "amount": 100, "basis": None},
        {"record_id": "P0002", "amount": 200, "basis": "食品安全法"},
    ]
    assert store.snapshot(1).read("penalty", columns=["amount"])["amount"].to_pylist() == [None]

    store.compact()
    assert store.snapshot().read("penalty", columns=columns).select(columns).to_pylist() == read


def test_a_folder_with_blanks_and_chinese_in_its_name(tmp_path: Path, rows: MakeRows) -> None:
    store = RecordStore(tmp_path / "某省 it's 100% #1" / "store")
    for number in range(3):
        load(store, rows, str(number), range(number, number + 3))
    before = store.snapshot().read("penalty")
    store.compact()
    assert store.retain(1).files_deleted > 3
    assert store.snapshot().read("penalty") == before
    assert store.snapshot().codes().to_pylist() == [f"test:{n:03d}" for n in range(5)]


@pytest.mark.parametrize("name", ["a[1]", "b*", "c?", "{d}"])
def test_a_folder_that_reads_like_a_pattern_is_refused(tmp_path: Path, rows: MakeRows, name: str) -> None:
    store = RecordStore(tmp_path / name)
    with pytest.raises(InputError, match=r"the path .* has '.' in it"):
        load(store, rows, "one", range(3))
    assert not store.root.exists()
