"""A few records of one enterprise as the loop reads them, without the cost of starting a table engine.

Arrow's functions cost microseconds each, which is nothing for a range of enterprises and everything
for one. Conditions depend only on the columns that they name, so their words are remembered by the
values of those columns; what is not remembered yet is evaluated as in a range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa

from features.kernel.plan import TablePlan, ValueColumn
from features.kernel.records import condition_bits
from features.records import ENDS

NEVER = int(np.datetime64("9999-12-31", "D").astype(np.int64))
#: Words remembered of one table plan; more are forgotten at once.
REMEMBERED = 20_000
#: Ordinal of 1970-01-01.
EPOCH = date(1970, 1, 1).toordinal()
_MISSING = float("nan")


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


class Few(NamedTuple):
    """Records of one table of one enterprise in the order of the loop, as plain lists.

    Attributes
    ----------
    order
        Places of the records in what was given.
    event_day, visible_from, visible_to
        Days since 1970-01-01.
    words
        Conditions that hold, as in :class:`features.kernel.records.Arrays`.
    values
        One list a value column of the plan.
    """

    order: Sequence[int]
    event_day: list[int]
    visible_from: list[int]
    visible_to: list[int]
    words: list[int]
    values: list[list[float]]


def few_lists(plan: TablePlan, table: pa.Table | FewRecords) -> Few:
    """Return the records of one enterprise as lists.

    Parameters
    ----------
    plan
        What is needed of the table.
    table
        Records in canonical schema, in any order, at least one.
    """
    count = table.num_rows
    found = _columns(table, plan)
    event, recorded = _days(found["event_date"]), _days(found["recorded_at"])
    until = [NEVER] * count
    for name in ENDS:
        ends = found[name]
        if ends.count(None) < count:
            until = [
                last if end is None else min(last, end.toordinal() - EPOCH)
                for last, end in zip(until, ends, strict=True)
            ]
    values = [_numbers(column, found[column.column]) for column in plan.values]
    words = _words(plan, table, found)
    order = range(count)
    if count > 1:
        keys: list[Any] = list(zip(event, recorded, strict=True))
        if len(set(keys)) < count:
            keys = list(zip(event, recorded, _column(table, "record_id"), strict=True))
        places = sorted(order, key=keys.__getitem__)
        if places != list(order):

            def ordered(numbers: list[Any]) -> list[Any]:
                return [numbers[place] for place in places]

            values = [ordered(numbers) for numbers in values]
            event, recorded, until, words = map(ordered, (event, recorded, until, words))
            return Few(places, event, recorded, until, words, values)
    return Few(order, event, recorded, until, words, values)


def rows_of(table: pa.Table | FewRecords, order: Sequence[int]) -> list[Mapping[str, Any]]:
    """Return records as plain rows, in an order."""
    rows: Sequence[Mapping[str, Any]] = table.rows if isinstance(table, FewRecords) else table.to_pylist()
    return [rows[place] for place in order]


def _column(table: pa.Table | FewRecords, name: str) -> Sequence[Any]:
    if isinstance(table, FewRecords):
        return table.column(name)
    found: list[Any] = table[name].to_pylist()
    return found


def _columns(table: pa.Table | FewRecords, plan: TablePlan) -> dict[str, Sequence[Any]]:
    """Return the columns that the loop needs."""
    if isinstance(table, FewRecords):
        names, read = plan.of_a_row
        return dict(zip(names, zip(*map(read, table.rows), strict=True), strict=True))
    return {name: _column(table, name) for name in plan.of_a_row[0]}


def _days(days: Sequence[date]) -> list[int]:
    """Return dates as days since 1970-01-01."""
    return [day.toordinal() - EPOCH for day in days]


def _words(plan: TablePlan, table: pa.Table | FewRecords, columns: Mapping[str, Sequence[Any]]) -> list[int]:
    if not plan.condition_columns:
        return _bits(plan, table)
    keys = list(zip(*[columns[name] for name in plan.condition_columns], strict=True))
    remembered = plan.words
    found = [remembered.get(key) for key in keys]
    if None in found:
        words = _bits(plan, table)
        if len(remembered) + len(keys) > REMEMBERED:
            remembered.clear()
        remembered.update(zip(keys, words, strict=True))
        return words
    return cast("list[int]", found)


def _bits(plan: TablePlan, table: pa.Table | FewRecords) -> list[int]:
    words: list[int] = condition_bits(
        plan, table.table() if isinstance(table, FewRecords) else table
    ).tolist()
    return words


def _numbers(column: ValueColumn, values: Sequence[Any]) -> list[float]:
    """Return what :func:`features.kernel.records.numbers` does, of a list."""
    if column.categories is not None:
        place = column.place_of
        if column.characters is not None:
            values = [value and value[: column.characters] for value in values]
        return [place.get(value, _MISSING) for value in values]
    return [
        _MISSING if value is None else float(value.toordinal() - EPOCH if isinstance(value, date) else value)
        for value in values
    ]
