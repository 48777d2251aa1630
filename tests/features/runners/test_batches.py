"""The same values in whatever range, thread or batch, and alone: bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.definitions import LIBRARY
from features.kernel import Plan
from features.kernel.few import FewRecords
from features.kernel.many import ManyRecords
from features.records import TABLES
from features.runners import compute
from features.runners.single import compute_many, compute_one
from features.runners.threads import stream
from tests.features.records_at_random import GRID, Tables, day, pairs_of, random_records, with_visibility

CODES = [f"A{number:02d}" for number in range(23)]
DATES = [day(7 * GRID), day(14 * GRID), day(30 * GRID)]
PLAN = Plan(feature for feature in LIBRARY if feature.across is None)


def matrix(table: pa.Table) -> np.ndarray:
    """Return the feature columns as bits."""
    columns = [table[name].to_numpy() for name in PLAN.names]
    return np.ascontiguousarray(np.column_stack(columns)).view(np.int64)


@pytest.fixture(scope="module")
def records() -> dict[str, pa.Table]:
    return random_records(np.random.default_rng(11), CODES[:-2], 250)


@pytest.fixture(scope="module")
def whole(records: dict[str, pa.Table]) -> pa.Table:
    return compute(Tables(records), PLAN, pairs_of(CODES, DATES), threads=1)


@pytest.mark.parametrize(("size", "threads"), [(1, 1), (2, 2), (7, 3), (23, 1), (1000, 2)])
def test_any_range_size_and_any_number_of_threads(
    records: dict[str, pa.Table], whole: pa.Table, size: int, threads: int
) -> None:
    found = compute(Tables(records), PLAN, pairs_of(CODES, DATES), size=size, threads=threads)
    assert found["credit_code"].to_pylist() == whole["credit_code"].to_pylist()
    assert found["as_of"].to_pylist() == whole["as_of"].to_pylist()
    np.testing.assert_array_equal(matrix(found), matrix(whole))


def test_pairs_in_any_order_and_of_any_choice(records: dict[str, pa.Table], whole: pa.Table) -> None:
    pairs = pairs_of(CODES, DATES)
    chosen = pairs.take(pa.array(np.random.default_rng(2).permutation(pairs.num_rows)[:20]))
    found = compute(Tables(records), PLAN, chosen, size=3)
    keys = zip(found["credit_code"].to_pylist(), found["as_of"].to_pylist(), strict=True)
    for row, (code, as_of) in enumerate(keys):
        mask = pc.and_(pc.equal(whole["credit_code"], code), pc.equal(whole["as_of"], as_of))
        np.testing.assert_array_equal(matrix(found)[row : row + 1], matrix(whole.filter(mask)))


def test_one_enterprise_alone(records: dict[str, pa.Table], whole: pa.Table) -> None:
    """The service is sent the newest state of each record, and knows which tables the store holds."""
    visible = with_visibility(records)
    everything = matrix(whole)
    asked: list[Any] = []
    for number, (code, as_of) in enumerate(
        zip(whole["credit_code"].to_pylist(), whole["as_of"].to_pylist(), strict=True)
    ):
        own = {}
        for name, table in visible.items():
            seen = pc.and_(
                pc.less_equal(table["visible_from"], as_of), pc.greater(table["visible_to"], as_of)
            )
            mine = table.filter(pc.and_(seen, pc.equal(table["credit_code"], code)))
            if mine.num_rows:
                shuffled = np.random.default_rng(number).permutation(mine.num_rows)
                own[name] = mine.drop_columns(["visible_from", "visible_to"]).take(pa.array(shuffled))
        found = compute_one(PLAN, own, code, as_of, known_tables=list(records))
        assert found.shape == (1, len(PLAN.names))
        np.testing.assert_array_equal(found.view(np.int64)[0], everything[number], err_msg=f"{code} {as_of}")
        few = {name: FewRecords(table.schema, table.to_pylist()) for name, table in own.items()}
        found = compute_one(PLAN, few, code, as_of, known_tables=list(records))
        np.testing.assert_array_equal(found.view(np.int64)[0], everything[number], err_msg=f"{code} {as_of}")
        asked.append((few if number % 2 else own, code, as_of))
    together = compute_many(PLAN, ManyRecords.of(asked), known_tables=list(records))
    np.testing.assert_array_equal(np.ascontiguousarray(together).view(np.int64), everything)
    assert compute_many(PLAN, ManyRecords.of([]), known_tables=list(records)).shape == (0, len(PLAN.names))


def test_one_enterprise_without_a_table_of_the_store() -> None:
    found = compute_one(PLAN, {}, "A1", day(10), known_tables=["penalty"])
    values = dict(zip(PLAN.names, found[0], strict=True))
    assert values["penalties_1y"] == 0
    assert np.isnan(values["inspections_1y"])


def test_amounts_beyond_what_a_float_counts() -> None:
    schema = TABLES["penalty"].arrow_schema
    own: dict[str, Any] = dict.fromkeys(schema.names)
    own |= {"credit_code": CODES[0], "event_date": day(90), "recorded_at": day(90), "record_id": "P"}
    own |= {"kind": "fine", "severity": "minor", "domain": "food", "amount": 2**60 + 1, "provider": "x"}
    records = {"penalty": pa.Table.from_pylist([own], schema)}
    found = compute(Tables(records), PLAN, pairs_of(CODES[:1], [day(100)]))
    assert found["penalty_amount_3y"].to_pylist() == [float(2**60 + 1)]
    alone = compute_one(PLAN, records, CODES[0], day(100), known_tables=["penalty"])
    np.testing.assert_array_equal(alone.view(np.int64), matrix(found))


def test_progress_and_order(records: dict[str, pa.Table]) -> None:
    seen: list[tuple[int, int]] = []
    parts = list(
        stream(
            Tables(records),
            PLAN,
            pairs_of(CODES, DATES),
            size=5,
            progress=lambda done, total: seen.append((done, total)),
        )
    )
    assert seen == [(15, 69), (30, 69), (45, 69), (60, 69), (69, 69)]
    codes = [code for part in parts for code in part["credit_code"].to_pylist()]
    assert codes == sorted(codes)


def test_no_pairs(records: dict[str, pa.Table]) -> None:
    found = compute(Tables(records), PLAN, pairs_of([], []))
    assert found.num_rows == 0
    assert found.column_names == ["credit_code", "as_of", *PLAN.names]
