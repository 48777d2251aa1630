"""Records of some enterprises, here and there, are those that reading everybody gives of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.cohort import registered
from features.records import TABLES
from features.runners.few import Few
from features.store import RecordStore, Snapshot, ordered_files


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory, canonical: Mapping[str, Any]) -> RecordStore:
    """Return a store of two loads, in small row groups: later versions and repairs are in the second."""
    store = RecordStore(tmp_path_factory.mktemp("divided") / "store")
    rng = np.random.default_rng(2)
    halves: list[dict[str, pa.Table]] = [{}, {}]
    for name, table in canonical.items():
        first = rng.random(table.rows.num_rows) < 0.7
        for half, chosen in zip(halves, (first, ~first), strict=True):
            half[name] = table.rows.filter(pa.array(chosen))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered_files, "ROWS_A_GROUP", 400)
        for number, half in enumerate(halves):
            store.load(half, load_id=str(number), source="test")
    return store


@pytest.fixture(scope="module")
def few(divided: RecordStore) -> pa.Array:
    codes = divided.snapshot().codes()
    chosen = np.random.default_rng(3).choice(len(codes), 60, replace=False)
    return codes.take(pa.array(np.sort(chosen)))


@pytest.mark.parametrize("table", list(TABLES))
def test_some_enterprises_are_read_as_everybody_is(divided: RecordStore, few: pa.Array, table: str) -> None:
    snapshot = divided.snapshot()
    whole = snapshot.read(table)
    expected = whole.filter(pc.is_in(whole["credit_code"], value_set=few))
    found = Few(snapshot, few).read(table, codes=(few[0].as_py(), few[-1].as_py()))
    assert found.equals(expected)
    assert found.num_rows > 0 or table in ("incident", "serious_violation_list", "credit_repair", "equipment")


def test_stretches_of_a_file_without_any_of_them_are_not_read(divided: RecordStore, few: pa.Array) -> None:
    source = divided.snapshot()._range_of("annual_report")
    taken: list[int] = []
    kept = source._read_groups
    source._read_groups = lambda file, groups, schema: (  # type: ignore[method-assign]
        taken.append(len(groups)) or kept(file, groups, schema)  # type: ignore[func-returns-value]
    )
    schema = pa.schema([pa.field("credit_code", pa.string())])
    source.read(schema, "", None, few.slice(10, 2))
    assert 0 < sum(taken) <= 4 < len(source._groups)


def test_the_cohort_of_some_is_that_of_everybody(divided: RecordStore, few: pa.Array) -> None:
    days = [date(2019, 6, 30), date(2024, 12, 31)]
    whole = registered(divided.snapshot(), days)
    expected = whole.filter(pc.is_in(whole["credit_code"], value_set=few)).to_pylist()
    found = registered(divided.snapshot(), days, among=few).to_pylist()
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert 0 < len(found) < 2 * len(few)
    assert registered(divided.snapshot(), days, among=few.slice(0, 0)).num_rows == 0


def test_whose_records_were_added(store: RecordStore, rows: Any) -> None:
    def change(code: str, number: int) -> dict[str, Any]:
        return {
            "credit_code": code,
            "event_date": date(2021, 1, 1),
            "recorded_at": date(2021, 3, number),
            "record_id": f"C{number}",
            "item": "address",
        }

    def load(number: int, table: str, records: list[dict[str, Any]]) -> Snapshot:
        store.load({table: rows(table, records)}, load_id=str(number), source="s")
        return store.snapshot()

    first = load(1, "change", [change("test:2", 1), change("test:5", 2)])
    second = load(2, "change", [change("test:5", 3), change("test:1", 4), change("test:1", 5)])
    assert second.added_since(first).to_pylist() == ["test:1", "test:5"]
    assert second.added_since(second).to_pylist() == []
    assert second.added_since(Snapshot.earlier(second, 1)).to_pylist() == ["test:1", "test:5"]
    store.compact()
    assert store.snapshot().added_since(first) is None
    complaint = change("test:1", 6) | {"domain": "food"}
    del complaint["item"]
    assert load(3, "complaint", [complaint]).added_since(store.snapshot(3)) is None
