"""The simulated province: what was made dirty is quarantined, nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.simulation import simulate
from features.sources import ingest
from features.store import RecordStore
from tests.conftest import Canonical
from tests.features.sources.accounting import assert_accounted, assert_nothing_new


@pytest.mark.parametrize(("enterprises", "seed"), [(400, 3), (1500, 8)])
def test_what_must_be_quarantined_is_quarantined(
    store: RecordStore, tmp_path: Path, enterprises: int, seed: int
) -> None:
    made = simulate(enterprises=enterprises, seed=seed, out=tmp_path / "province")
    files = sorted((made.out / "records").glob("*.parquet"))
    report = ingest(store, "simulated", files)
    assert_accounted(report)
    totals = report.totals()
    assert {table: counts.quarantined for table, counts in totals.items()} == made.quarantine
    assert {table: counts.rows_in for table, counts in totals.items()} == made.rows
    for table, dirt in made.dirt.items():
        # Dirty copies of a row are known; a true row is never taken for one.
        assert totals[table].duplicate == dirt["duplicate"]
        assert totals[table].legacy_codes == dirt["legacy_code"]
        assert totals[table].accepted == made.rows[table] - dirt["duplicate"] - made.quarantine[table]
    kept = store.quarantine().to_pandas()
    assert len(kept) == sum(made.quarantine.values())
    assert_nothing_new(ingest(store, "simulated", files), report)


def test_each_row_is_judged_as_by_an_independent_reading(
    store: RecordStore, province: Path, canonical: Mapping[str, Canonical]
) -> None:
    """The same rows are refused, line by line, and the others are stored value by value."""
    files = [province / "records" / f"{table}.parquet" for table in canonical]
    report = ingest(store, "simulated", files)
    assert_accounted(report)
    refused = store.quarantine().to_pandas().groupby("table")["source_line"].agg(set)
    for table, wanted in canonical.items():
        reasons = wanted.reasons[wanted.reasons != ""]
        assert refused.get(table, set()) == set(reasons.index)
        stored = store.snapshot().read(table).drop_columns(["visible_from", "visible_to"])
        keys = [("record_id", "ascending"), ("recorded_at", "ascending")]
        expected = wanted.rows.select(stored.column_names).to_pandas().drop_duplicates()
        columns = [key for key, _ in keys]
        assert stored.sort_by(keys).to_pandas().equals(expected.sort_values(columns).reset_index(drop=True))


def test_quarantine_names_the_line_the_reason_and_the_row(store: RecordStore, province: Path) -> None:
    path = province / "records" / "penalty.parquet"
    ingest(store, "simulated", [path])
    rows = pq.read_table(path).to_pylist()
    kept = store.quarantine().to_pylist()
    assert {row["reason"] for row in kept} >= {"code_wrong_check", "unreadable_date", "unknown_code"}
    for row in kept:
        given = rows[row["source_line"] - 1]
        assert f'"record_id": "{given["record_id"]}"' in row["raw"]
        if row["reason"] == "unreadable_date":
            assert row["field"] in ("event_date", "recorded_at")
            assert repr(given[row["field"]]) in row["detail"]
        if row["reason"] == "code_wrong_check":
            assert row["field"] == "credit_code"
            assert f"check character {given['credit_code'][-1]!r} is wrong" in row["detail"]


def test_order_of_rows_and_name_of_file_do_not_matter(tmp_path: Path, province: Path) -> None:
    path = province / "records" / "enterprise.parquet"
    table = pq.read_table(path)
    other = tmp_path / "enterprise.parquet"
    pq.write_table(table.take(list(range(table.num_rows - 1, -1, -1))), other)
    stores = [RecordStore(tmp_path / "one"), RecordStore(tmp_path / "two")]
    for store, file in zip(stores, (path, other), strict=True):
        ingest(store, "simulated", [file])
    one, two = (store.snapshot().read("enterprise") for store in stores)
    assert one.equals(two)
