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

NEVER = int(np.datetime64("9999-12-31", "D").astype(np.int64))
#: Words remembered of one table plan; more are forgotten at once.
REMEMBERED = 20_000
_EPOCH = date(1970, 1, 1).toordinal()
_INT32 = pa.int32()
_ENDS = ("withdrawn_at", "repaired_at", "expires_at")


def few_arrays(plan: TablePlan, table: pa.Table | None) -> tuple[list[int], Arrays]:
    """Return the order of the records of one enterprise, and the records as arrays.

    Parameters
    ----------
    plan
        What is needed of the table.
    table
        Records in canonical schema, in any order; None if there are none.
    """
    if table is None or table.num_rows == 0:
        return [], _no_records(max(len(plan.values), 1))
    count = table.num_rows
    event, recorded = _days(table, "event_date"), _days(table, "recorded_at")
    order = list(range(count))
    if count > 1:
        keys: list[Any] = list(zip(event, recorded, strict=True))
        if len(set(keys)) < count:
            keys = list(zip(event, recorded, table["record_id"].to_pylist(), strict=True))
        order.sort(key=keys.__getitem__)
    until = [NEVER] * count
    for name in _ENDS:
        for i, end in enumerate(_days(table, name)):
            if end is not None and end < until[i]:
                until[i] = end
    columns = {name: table[name].to_pylist() for name in plan.columns}
    values = np.empty((max(len(plan.values), 1), count))
    for place, column in enumerate(plan.values):
        values[place] = _numbers(column, columns[column.column])
    words = _words(plan, table, columns)
    days = np.array([event, recorded, until], dtype=np.int32)
    if order != list(range(count)):
        values, words, days = np.ascontiguousarray(values[:, order]), words[order], days.take(order, axis=1)
    return order, Arrays(np.array([0, count], dtype=np.int64), days[0], days[1], days[2], words, values)


@lru_cache(maxsize=256)
def _no_records(values: int) -> Arrays:
    none = np.empty(0, dtype=np.int32)
    return Arrays(
        np.zeros(2, dtype=np.int64), none, none, none, np.empty(0, dtype=np.uint64), np.empty((values, 0))
    )


def _days(table: pa.Table, name: str) -> list[Any]:
    """Return dates as days since 1970-01-01, None where there is none."""
    found: list[Any] = []
    for chunk in table[name].chunks:
        found += chunk.view(_INT32).to_pylist()
    return found


def _words(plan: TablePlan, table: pa.Table, columns: dict[str, list[Any]]) -> np.ndarray:
    if not plan.condition_columns:
        return condition_bits(plan, table)
    keys = list(zip(*(columns[name] for name in plan.condition_columns), strict=True))
    remembered = plan.words
    found = [remembered.get(key) for key in keys]
    if None in found:
        words = condition_bits(plan, table)
        if len(remembered) + len(keys) > REMEMBERED:
            remembered.clear()
        remembered.update(zip(keys, words.tolist(), strict=True))
        return words
    return np.array(found, dtype=np.uint64)


def _numbers(column: ValueColumn, values: Sequence[Any]) -> list[float]:
    """Return what :func:`features.kernel.records.numbers` does, of a list."""
    missing = float("nan")
    if column.categories is not None:
        place = column.place_of
        if column.characters is not None:
            values = [value and value[: column.characters] for value in values]
        return [place.get(value, missing) for value in values]
    return [
        missing if value is None else float(value.toordinal() - _EPOCH if isinstance(value, date) else value)
        for value in values
    ]
