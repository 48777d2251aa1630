"""No feature sees what was not known at its as-of date, nor what may no longer be used by then."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.definitions import LIBRARY
from features.kernel import Plan
from features.records import TABLES
from features.runners import compute
from features.runners.threads import RecordReader
from features.store import RecordStore
from tests.features.records_at_random import DAYS, GRID, Tables, day, known_by, pairs_of, random_records

CODES = ["A1", "A2", "A3"]
PLAN = Plan(LIBRARY)
#: On the grid of the records, and a day later.
DATES = st.builds(lambda n, later: n * GRID + later, st.integers(0, DAYS // GRID + 5), st.integers(0, 1))


def values(reader: RecordReader, as_of: date) -> pa.Table:
    """Return the whole library at a date."""
    return compute(reader, PLAN, pairs_of(CODES, [as_of]), threads=1)


def same(first: pa.Table, second: pa.Table) -> None:
    """Assert that two feature tables are equal to the last bit."""
    assert first.column_names == second.column_names
    for name in first.column_names:
        left, right = first[name].to_numpy(), second[name].to_numpy()
        equal = (left == right) | (pd.isna(left) & pd.isna(right))
        assert equal.all(), f"{name}: {left[~equal]} became {right[~equal]}"


def replaced(table: pa.Table, column: str, values: object) -> pa.Table:
    """Return a table with other values in one column."""
    place = table.column_names.index(column)
    return table.set_column(place, table.schema.field(column), values)


def padded(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Add an enterprise's record from long ago to each table, so that every table exists early."""
    old = random_records(np.random.default_rng(7), ["Z9"], 1)
    dated = {}
    for name, table in tables.items():
        first = replaced(old[name].slice(0, 1), "record_id", pa.array([f"old-{name}"]))
        for column in ("event_date", "recorded_at"):
            first = replaced(first, column, pa.array([date(2010, 1, 1)], pa.date32()))
        dated[name] = pa.concat_tables([first, table])
    return dated


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), DATES)
def test_what_is_recorded_later_changes_nothing(seed: int, number: int) -> None:
    records = padded(random_records(np.random.default_rng(seed), CODES, 20))
    as_of = day(number)
    same(values(Tables(records), as_of), values(Tables(known_by(records, as_of)), as_of))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), DATES)
def test_absurd_records_from_the_future_change_nothing(seed: int, number: int) -> None:
    rng = np.random.default_rng(seed)
    records = padded(random_records(rng, CODES, 12))
    as_of = day(number)
    before = values(Tables(records), as_of)
    flood = {}
    late = pa.scalar(as_of + timedelta(days=1), pa.date32())
    for name, table in random_records(rng, CODES, 40).items():
        absurd = replaced(table, "recorded_at", pc.max_element_wise(table["recorded_at"], late))
        # Half of them pretend to be new versions of what is known.
        strange = pc.binary_join_element_wise("flood", table["record_id"], "-")
        claimed = pc.if_else(pa.array(rng.random(table.num_rows) < 0.5), strange, table["record_id"])
        flood[name] = pa.concat_tables([records[name], replaced(absurd, "record_id", claimed)])
    same(before, values(Tables(flood), as_of))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), DATES)
def test_what_was_withdrawn_repaired_expired_or_replaced_by_then_changes_nothing(
    seed: int, number: int
) -> None:
    records = padded(random_records(np.random.default_rng(seed), CODES, 20))
    as_of = day(number)
    reader = Tables(records)
    without = Tables(records)
    without._tables = {
        name: reader.read(name).filter(pc.greater(reader.read(name)["visible_to"], as_of)) for name in records
    }
    same(values(reader, as_of), values(without, as_of))


def store_of(folder: Path, records: dict[str, pa.Table]) -> RecordStore:
    """Load records into a store in two loads, the later half first."""
    store = RecordStore(folder)
    for part in (1, 0):
        tables = {}
        for name, table in records.items():
            chosen = table.take(pa.array(np.arange(table.num_rows)[part::2]))
            tables[name] = chosen.append_column("source_line", pa.array(np.arange(chosen.num_rows)))
        store.load(tables, load_id=f"load-{part}", source="test")
    return store


@pytest.mark.parametrize("seed", range(2))
def test_the_real_store_gives_the_same_with_and_without_the_future(tmp_path: Path, seed: int) -> None:
    records = padded(random_records(np.random.default_rng(seed), CODES, 25))
    snapshot = store_of(tmp_path / "all", records).snapshot()
    for number in (5 * GRID, 16 * GRID):
        as_of = day(number)
        expected = values(snapshot, as_of)
        # The visibility that the tests state and the one that the store finds are the same.
        same(expected, values(Tables(records), as_of))
        known = store_of(tmp_path / f"known-{number}", known_by(records, as_of)).snapshot()
        same(expected, values(known, as_of))


def test_the_comparison_would_notice_a_leak() -> None:
    """A kernel that looked at later records would differ on the records that are generated here."""
    records = padded(random_records(np.random.default_rng(1), CODES, 20))
    as_of = day(12 * GRID)
    leaking = {name: replaced(table, "recorded_at", table["event_date"]) for name, table in records.items()}
    with pytest.raises(AssertionError, match="became"):
        same(values(Tables(records), as_of), values(Tables(leaking), as_of))


def test_no_feature_knows_an_inspector_or_an_office() -> None:
    """Who inspected tells more of the inspector than of the enterprise."""
    banned = {"provider", "inspector", "office", "load_id", "source_line", "content_hash", "name"}
    for feature in LIBRARY:
        for term in feature.terms:
            read = set(term.where.columns) | {term.column, term.year}
            assert not read & banned, feature.name
            assert read - {None} <= {column.name for column in TABLES[term.table].all_columns}
