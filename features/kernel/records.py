"""Records of a range of enterprises as the loop reads them: plain arrays, once for all as-of dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.definitions.expressions import Columns
from features.kernel.plan import TablePlan, ValueColumn


@dataclass(frozen=True)
class Arrays:
    """One table's records.

    Attributes
    ----------
    starts
        Records of enterprise e are rows ``starts[e]:starts[e + 1]``; int64, shape (enterprises + 1,).
    event_day, visible_from, visible_to
        Days since 1970-01-01; int32, shape (records,).
    bits
        Bit c: condition c of the plan holds; uint64, shape (records,).
    values
        Value columns of the plan; float64, shape (values, records), NaN where there is none.
    """

    starts: np.ndarray
    event_day: np.ndarray
    visible_from: np.ndarray
    visible_to: np.ndarray
    bits: np.ndarray
    values: np.ndarray


def arrays(plan: TablePlan, table: pa.Table, codes: pa.Array) -> tuple[pa.Table, Arrays]:
    """Return the records of the enterprises in ``codes``, as a table and as arrays.

    Parameters
    ----------
    plan
        What is needed of the table.
    table
        Sorted records.
    codes
        Sorted unique credit codes.
    """
    place = pc.index_in(table["credit_code"], value_set=codes).combine_chunks()
    if place.null_count:
        table = table.filter(pc.is_valid(place))
        place = place.drop_null()
    counts = np.bincount(place.to_numpy(), minlength=len(codes))
    visible = (days(table[name]) for name in ("visible_from", "visible_to"))
    return table, arrays_of(plan, table, counts, *visible)


def arrays_of(
    plan: TablePlan, table: pa.Table, counts: np.ndarray, visible_from: np.ndarray, visible_to: np.ndarray
) -> Arrays:
    """Return sorted records as arrays.

    Parameters
    ----------
    plan
        What is needed of the table.
    table
        Sorted records, those of one enterprise after those of the other.
    counts
        Records of each enterprise, int64, shape (enterprises,).
    visible_from, visible_to
        Days since 1970-01-01; int32, shape (records,).
    """
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    values = np.empty((max(len(plan.values), 1), table.num_rows))
    for row, column in enumerate(plan.values):
        values[row] = numbers(column, table[column.column])
    event = days(table["event_date"])
    return Arrays(starts, event, visible_from, visible_to, condition_bits(plan, table), values)


def condition_bits(plan: TablePlan, table: pa.Table) -> np.ndarray:
    """Return for each row the word whose bits are the plan's conditions, uint64."""
    columns = Columns(table)
    bits = np.zeros(table.num_rows, dtype=np.uint64)
    for bit, condition in enumerate(plan.conditions):
        bits |= columns.truth(condition).holds.astype(np.uint64) << np.uint64(bit)
    return bits


def days(data: pa.ChunkedArray) -> np.ndarray:
    """Return dates as days since 1970-01-01, int32."""
    return np.asarray(data.cast(pa.int32()).to_numpy())


def numbers(column: ValueColumn, data: pa.ChunkedArray) -> np.ndarray:
    """Return a value column as float64; NaN where there is no value, or a code of no list."""
    if column.categories is not None:
        if column.characters is not None:
            data = pc.utf8_slice_codeunits(data, 0, column.characters)
        data = pc.index_in(data, value_set=pa.array(list(column.categories), type=pa.string()))
    elif pa.types.is_date(data.type):
        data = data.cast(pa.int32())
    elif pa.types.is_boolean(data.type):
        data = data.cast(pa.int8())
    # Whole numbers beyond 2 ** 53 become the nearest float, as Python has it for one enterprise.
    data = data.cast(pa.float64(), safe=not pa.types.is_integer(data.type))
    return np.asarray(data.combine_chunks().fill_null(np.nan).to_numpy())
