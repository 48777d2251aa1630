"""A table of which every record has one version is read without looking for others, and gives the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.store import RecordStore

DAY = date(2024, 1, 1)


def change(name: str, recorded: int, item: str = "address") -> dict[str, Any]:
    return {
        "credit_code": "SIM:1",
        "event_date": DAY,
        "recorded_at": DAY + timedelta(days=recorded),
        "record_id": name,
        "item": item,
    }


def single(store: RecordStore) -> list[str]:
    return list(store.snapshot()._manifest.single)


def test_a_second_version_ends_it_and_a_duplicate_does_not(store: RecordStore, rows: Any) -> None:
    store.load(
        {"change": rows("change", [change("a", 0), change("b", 0), change("b", 0)])}, load_id="1", source="s"
    )
    assert single(store) == ["change"]
    store.load({"change": rows("change", [change("a", 0), change("c", 5)])}, load_id="2", source="s")
    assert single(store) == ["change"]
    store.load({"change": rows("change", [change("a", 9, "name")])}, load_id="3", source="s")
    assert single(store) == []
    store.load({"change": rows("change", [change("d", 9)])}, load_id="4", source="s")
    assert single(store) == []


def test_two_versions_in_one_load_are_seen(store: RecordStore, rows: Any) -> None:
    store.load({"change": rows("change", [change("a", 0), change("a", 4, "name")])}, load_id="1", source="s")
    assert single(store) == []


records = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 6), st.sampled_from(["address", "name"])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(records, min_size=1, max_size=3))
def test_what_is_read_does_not_depend_on_it(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, loads: Any
) -> None:
    store = RecordStore(tmp_path_factory.mktemp("single") / "store")
    for number, load in enumerate(loads):
        table = rows("change", [change(*record) for record in load])
        store.load({"change": table}, load_id=str(number), source="s")
        snapshot = store.snapshot()
        found = snapshot.read("change")
        told = snapshot._manifest
        snapshot._manifest = replace(told, single=())
        assert snapshot.read("change").equals(found)
        ids = found["record_id"].to_pylist()
        assert (len(ids) == len(set(ids))) == ("change" in told.single)


def test_the_simulated_province_tells_which_tables_have_one(
    store: RecordStore, canonical: Mapping[str, Any]
) -> None:
    store.load({name: table.rows for name, table in canonical.items()}, load_id="1", source="s")
    for name in store.snapshot().tables:
        ids = store.snapshot().read(name, columns=["record_id"])["record_id"]
        assert (len(ids) == len(ids.unique())) == (name in single(store)), name
