"""Reading published states: columns, ranges, time travel, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from features.errors import InputError
from features.records import TABLES
from features.store import RecordStore

MakeRows = Callable[..., pa.Table]


def change(number: int, **values: Any) -> dict[str, Any]:
    return {
        "credit_code": f"test:{number:03d}",
        "event_date": date(2021, 1, 1 + number % 28),
        "recorded_at": date(2021, 3, 1),
        "record_id": f"C{number}",
        "item": "address",
        **values,
    }


def load(store: RecordStore, changes: pa.Table, load_id: str = "one") -> int:
    return store.load({"change": changes}, load_id=load_id, source="province").snapshot_id


def test_rows_come_sorted_with_their_interval(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(n) for n in (5, 3, 9)]))
    load(store, rows("change", [change(4), change(3, record_id="C0", event_date=date(2020, 1, 1))]), "two")

    read = store.snapshot().read("change")

    assert read.schema.names == [*TABLES["change"].arrow_schema.names, "visible_from", "visible_to"]
    assert read["record_id"].to_pylist() == ["C0", "C3", "C4", "C5", "C9"]
    assert read.schema.field("visible_to").type == pa.date32()


def test_columns_in_the_order_asked_for_and_provenance_on_request(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(1)]))
    read = store.snapshot().read("change", columns=["load_id", "item", "load_id", "source_line"])
    assert read.to_pylist() == [
        {
            "load_id": "one",
            "item": "address",
            "source_line": 1,
            "visible_from": date(2021, 3, 1),
            "visible_to": date(9999, 12, 31),
        }
    ]


def test_a_range_of_codes_is_closed(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(n) for n in range(10)]))
    read = store.snapshot().read("change", columns=["record_id"], codes=("test:003", "test:005"))
    assert read["record_id"].to_pylist() == ["C3", "C4", "C5"]
    assert store.snapshot().read("change", codes=("test:0031", "test:0039")).num_rows == 0


def test_a_table_that_was_never_loaded_is_empty(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(1)]))
    snapshot = store.snapshot()
    read = snapshot.read("penalty", columns=["credit_code", "amount"])
    assert not snapshot.exists("penalty")
    assert (read.num_rows, read.schema.names) == (0, ["credit_code", "amount", "visible_from", "visible_to"])


def test_codes_are_of_all_tables_and_each_once(store: RecordStore, rows: MakeRows) -> None:
    complaint = {
        "credit_code": "test:007",
        "event_date": date(2021, 1, 1),
        "recorded_at": date(2021, 1, 1),
        "record_id": "K1",
        "domain": "food",
    }
    tables = {
        "change": rows("change", [change(9), change(2), change(9, record_id="again")]),
        "complaint": rows("complaint", [complaint]),
    }
    store.load(tables, load_id="one", source="province")
    assert store.snapshot().codes().to_pylist() == ["test:002", "test:007", "test:009"]


def test_an_earlier_snapshot_stays_as_it_was(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(1)]))
    held = store.snapshot()
    before = held.read("change")
    later = change(1, item="name", recorded_at=date(2022, 1, 1))
    assert load(store, rows("change", [later, change(2)]), "two") == 2

    assert held.read("change") == before
    assert store.snapshot(1).read("change") == before
    assert store.snapshot("1").codes().to_pylist() == ["test:001"]
    # What a later load says of an earlier row is seen from the later snapshot only.
    assert before["visible_to"].to_pylist() == [date(9999, 12, 31)]
    assert store.snapshot(2).read("change")["visible_to"].to_pylist()[0] == date(2022, 1, 1)
    assert [snapshot.counts() for snapshot in store.snapshots()] == [{"change": 1}, {"change": 3}]


def test_loads_and_quarantine_travel_in_time_too(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(1), change(1, item="name")]))
    load(store, rows("change", [change(2), change(2, item="name")]), "two")
    assert store.loads(1)["load_id"].to_pylist() == ["one"]
    assert store.quarantine(1, columns=["detail"])["detail"].to_pylist() == ["C1"]
    assert store.quarantine().num_rows == 2


def test_one_snapshot_may_be_read_from_several_threads(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(n) for n in range(200)]))
    snapshot = store.snapshot()
    with ThreadPoolExecutor(4) as pool:
        ranges = [(f"test:{n:03d}", f"test:{n + 9:03d}") for n in range(0, 200, 10)]
        parts = list(pool.map(lambda codes: snapshot.read("change", codes=codes), ranges))
    assert pa.concat_tables(parts) == snapshot.read("change")


def test_the_files_are_plain_parquet_for_other_engines(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(n) for n in range(3)]))
    load(store, rows("change", [change(7)]), "two")
    files = store.snapshot().files("change")
    counted = duckdb.connect().execute("SELECT count(*) FROM read_parquet($files)", {"files": files})
    assert counted.fetchone() == (4,)


def test_an_empty_store_says_what_to_do(store: RecordStore, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"the record store .* is empty\. Load records first: risk-model ingest"
    ):
        store.snapshot()
    with pytest.raises(InputError, match=r"there is no snapshot 3; the store is empty"):
        store.snapshot(3)
    assert store.snapshots() == []
    assert store.loads().num_rows == store.quarantine().num_rows == 0
    assert not (tmp_path / "store").exists()


def test_what_is_not_there_is_named(store: RecordStore, rows: MakeRows) -> None:
    load(store, rows("change", [change(1)]))
    snapshot = store.snapshot()
    with pytest.raises(InputError, match="there is no snapshot 2; the latest that the store has: 1"):
        store.snapshot(2)
    with pytest.raises(InputError, match="'latest' is no snapshot number"):
        store.snapshot("latest")
    with pytest.raises(
        InputError, match=r"there is no record table 'penalities'\. Tables: enterprise, licence"
    ):
        snapshot.read("penalities")
    with pytest.raises(InputError, match=r"table 'change' has no column 'kind'\. It has credit_code, .*item"):
        snapshot.read("change", columns=["credit_code", "kind"])
