"""A few records of one enterprise as the loop reads them, without the cost of starting a table engine.

Arrow's functions cost microseconds each, which is nothing for a range of enterprises and everything
for one. Conditions depend only on the columns that they name, so their words are remembered by the
values of those columns; what is not remembered yet is evaluated as in a range.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from features.kernel.plan import TablePlan, ValueColumn
from features.kernel.records import Arrays, condition_bits
from features.records import TABLES

NEVER = int(np.datetime64("9999-12-31", "D").astype(np.int64))
_EPOCH = date(1970, 1, 1).toordinal()
#: Words remembered of one table plan; more are forgotten at once.
REMEMBERED = 20_000
_ORDER = ("event_date", "recorded_at", "record_id")
_ENDS = ("withdrawn_at", "repaired_at", "expires_at")


def few_arrays(plan: TablePlan, table: pa.Table | None) -> tuple[pa.Table, Arrays]:
    """Return the records of one enterprise, sorted, as a table and as arrays.

    Parameters
    ----------
    plan
        What is needed of the table.
    table
        Records in canonical schema, in any order; None if there are none.
    """
    if table is None or table.num_rows == 0:
        return _nothing(plan)
    shared = {name: table[name].to_pylist() for name in (*_ORDER, *_ENDS)}
    order = sorted(
        range(table.num_rows), key=list(zip(*(shared[name] for name in _ORDER), strict=True)).__getitem__
    )
    if order != list(range(table.num_rows)):
        table = table.take(order)
        shared = {name: [values[i] for i in order] for name, values in shared.items()}
    columns = {name: shared.get(name) or table[name].to_pylist() for name in plan.columns}
    ends = [
        min([_day(end) for end in row if end is not None], default=NEVER)
        for row in zip(*(shared[name] for name in _ENDS), strict=True)
    ]
    values = np.empty((max(len(plan.values), 1), table.num_rows))
    for place, column in enumerate(plan.values):
        values[place] = _numbers(column, columns[column.column])
    return table, Arrays(
        np.array([0, table.num_rows], dtype=np.int64),
        np.array([_day(value) for value in shared["event_date"]], dtype=np.int32),
        np.array([_day(value) for value in shared["recorded_at"]], dtype=np.int32),
        np.array(ends, dtype=np.int32),
        _words(plan, table, columns),
        values,
    )


def _day(value: date) -> int:
    return value.toordinal() - _EPOCH


@lru_cache(maxsize=256)
def _nothing_of(table: str, values: int) -> tuple[pa.Table, Arrays]:
    none = np.empty(0, dtype=np.int32)
    return TABLES[table].arrow_schema.empty_table(), Arrays(
        np.zeros(2, dtype=np.int64), none, none, none, np.empty(0, dtype=np.uint64), np.empty((values, 0))
    )


def _nothing(plan: TablePlan) -> tuple[pa.Table, Arrays]:
    return _nothing_of(plan.table, max(len(plan.values), 1))


def _words(plan: TablePlan, table: pa.Table, columns: dict[str, list[Any]]) -> np.ndarray:
    if not plan.condition_columns:
        return condition_bits(plan, table)
    keys = list(zip(*(columns[name] for name in plan.condition_columns), strict=True))
    remembered = plan.words
    unknown = [i for i, key in enumerate(keys) if key not in remembered]
    if unknown:
        if len(remembered) + len(unknown) > REMEMBERED:
            remembered.clear()
            unknown = list(range(len(keys)))
        found = condition_bits(plan, table.take(unknown))
        remembered.update(zip((keys[i] for i in unknown), found.tolist(), strict=True))
    return np.array([remembered[key] for key in keys], dtype=np.uint64)


def _numbers(column: ValueColumn, values: Sequence[Any]) -> list[float]:
    """Return what :func:`features.kernel.records.numbers` does, of a list."""
    missing = float("nan")
    if column.categories is not None:
        place = column.place_of
        if column.characters is not None:
            values = [value and value[: column.characters] for value in values]
        return [place.get(value, missing) for value in values]
    if any(isinstance(value, date) for value in values):
        return [missing if value is None else float(_day(value)) for value in values]
    return [missing if value is None else float(value) for value in values]
