"""A few records of one enterprise as the loop reads them, without the cost of starting a table engine.

Arrow's functions cost microseconds each, which is nothing for a range of enterprises and everything
for one. Conditions depend only on the columns that they name, so their words are remembered by the
values of those columns; what is not remembered yet is evaluated as in a range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
#: Ordinal of 1970-01-01.
EPOCH = date(1970, 1, 1).toordinal()
_INT32 = pa.int32()
_ENDS = ("withdrawn_at", "repaired_at", "expires_at")


@dataclass(frozen=True)
class FewRecords:
    """Records of one table of one enterprise, as plain values: what a request brings.

    Attributes
    ----------
    schema
        The canonical schema of the table.
    rows
        Column → value, all columns of the schema in each.
    """

    schema: pa.Schema
    rows: Sequence[Mapping[str, Any]]

    @property
    def num_rows(self) -> int:
        """How many."""
        return len(self.rows)

    def column(self, name: str) -> list[Any]:
        """Return the values of a column."""
        return [row[name] for row in self.rows]

    def table(self, names: Iterable[str] | None = None, order: Sequence[int] | None = None) -> pa.Table:
        """Return the records as a table, by default all columns in the order of the rows."""
        rows = self.rows if order is None else [self.rows[place] for place in order]
        chosen = self.schema.names if names is None else list(names)
        return pa.table(
            {name: pa.array([row[name] for row in rows], self.schema.field(name).type) for name in chosen}
        )


def few_arrays(plan: TablePlan, table: pa.Table | FewRecords | None) -> tuple[list[int], Arrays]:
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
            keys = list(zip(event, recorded, _values(table, "record_id"), strict=True))
        order.sort(key=keys.__getitem__)
    until = [NEVER] * count
    for name in _ENDS:
        for i, end in enumerate(_days(table, name)):
            if end is not None and end < until[i]:
                until[i] = end
    columns = {name: _values(table, name) for name in plan.columns}
    values = np.empty((max(len(plan.values), 1), count))
    for place, column in enumerate(plan.values):
        values[place] = _numbers(column, columns[column.column])
    words = _words(plan, table, columns)
    days = np.array([event, recorded, until], dtype=np.int32)
    if order != list(range(count)):
        values, words, days = np.ascontiguousarray(values[:, order]), words[order], days.take(order, axis=1)
    return order, Arrays(np.array([0, count], dtype=np.int64), days[0], days[1], days[2], words, values)


def rows_of(table: pa.Table | FewRecords, order: Sequence[int]) -> list[Mapping[str, Any]]:
    """Return records as plain rows, in an order."""
    rows: Sequence[Mapping[str, Any]] = table.rows if isinstance(table, FewRecords) else table.to_pylist()
    return [rows[place] for place in order]


@lru_cache(maxsize=256)
def _no_records(values: int) -> Arrays:
    none = np.empty(0, dtype=np.int32)
    return Arrays(
        np.zeros(2, dtype=np.int64), none, none, none, np.empty(0, dtype=np.uint64), np.empty((values, 0))
    )


def together(parts: Sequence[Arrays]) -> Arrays:
    """Return the records of several enterprises, one after the other."""
    counts = np.array([len(part.event_day) for part in parts], dtype=np.int64)
    return Arrays(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.concatenate([part.event_day for part in parts]),
        np.concatenate([part.visible_from for part in parts]),
        np.concatenate([part.visible_to for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.values for part in parts], axis=1),
    )


def _values(table: pa.Table | FewRecords, name: str) -> list[Any]:
    if isinstance(table, FewRecords):
        return table.column(name)
    found: list[Any] = table[name].to_pylist()
    return found


def _days(table: pa.Table | FewRecords, name: str) -> list[Any]:
    """Return dates as days since 1970-01-01, None where there is none."""
    if isinstance(table, FewRecords):
        return [day if day is None else day.toordinal() - EPOCH for day in table.column(name)]
    found: list[Any] = []
    for chunk in table[name].chunks:
        found += chunk.view(_INT32).to_pylist()
    return found


def _words(plan: TablePlan, table: pa.Table | FewRecords, columns: dict[str, list[Any]]) -> np.ndarray:
    if not plan.condition_columns:
        return _bits(plan, table)
    keys = list(zip(*(columns[name] for name in plan.condition_columns), strict=True))
    remembered = plan.words
    found = [remembered.get(key) for key in keys]
    if None in found:
        words = _bits(plan, table)
        if len(remembered) + len(keys) > REMEMBERED:
            remembered.clear()
        remembered.update(zip(keys, words.tolist(), strict=True))
        return words
    return np.array(found, dtype=np.uint64)


def _bits(plan: TablePlan, table: pa.Table | FewRecords) -> np.ndarray:
    return condition_bits(plan, table.table() if isinstance(table, FewRecords) else table)


def _numbers(column: ValueColumn, values: Sequence[Any]) -> list[float]:
    """Return what :func:`features.kernel.records.numbers` does, of a list."""
    missing = float("nan")
    if column.categories is not None:
        place = column.place_of
        if column.characters is not None:
            values = [value and value[: column.characters] for value in values]
        return [place.get(value, missing) for value in values]
    return [
        missing if value is None else float(value.toordinal() - EPOCH if isinstance(value, date) else value)
        for value in values
    ]
