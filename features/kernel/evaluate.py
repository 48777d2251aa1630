"""From Arrow record tables of a range of enterprises to a matrix of feature values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel.aggregate import aggregate
from features.kernel.plan import Plan, TablePlan, ValueColumn

#: Columns that every record table must bring to the kernel, beside those of its plan.
REQUIRED = ("credit_code", "event_date", "visible_from", "visible_to")


def evaluate(
    plan: Plan, records: Mapping[str, pa.Table], codes: pa.Array, enterprise: np.ndarray, as_of: np.ndarray
) -> np.ndarray:
    """Compute features of pairs of enterprise and as-of date.

    Parameters
    ----------
    plan
        The features.
    records
        Record tables with the columns of :data:`REQUIRED` and of the plan, sorted by credit code,
        event date, recording date and record identifier. A table that is not there gives missing
        features: nothing is known. A table that is there but has no row for an enterprise gives
        counts of 0: nothing happened.
    codes
        Sorted unique credit codes that the pairs refer to.
    enterprise
        Place of each pair's enterprise in ``codes``, int64, shape (n,).
    as_of
        As-of day of each pair in days since 1970-01-01, int64, shape (n,).

    Returns
    -------
    numpy.ndarray
        float64, shape (n, number of features); missing is NaN. Money in fen, time in days.
    """
    computed: dict[str, np.ndarray] = {}
    for name, table_plan in plan.tables.items():
        table = records.get(name)
        if table is not None:
            computed[name] = _terms(table_plan, table, codes, enterprise, as_of)
    result = np.full((len(enterprise), len(plan.features)), np.nan)
    for column, (table_name, place, denominator) in enumerate(plan.places):
        terms = computed.get(table_name)
        if terms is None:
            continue
        if denominator < 0:
            result[:, column] = terms[:, place]
        else:
            with np.errstate(invalid="ignore", divide="ignore"):
                result[:, column] = np.where(
                    terms[:, denominator] > 0, terms[:, place] / terms[:, denominator], np.nan
                )
    return result


def _terms(
    plan: TablePlan, table: pa.Table, codes: pa.Array, enterprise: np.ndarray, as_of: np.ndarray
) -> np.ndarray:
    out = np.empty((len(enterprise), len(plan.operation)))
    place = pc.index_in(table["credit_code"], value_set=codes)
    if place.null_count:
        keep = pc.is_valid(place)
        table = table.filter(keep)
        place = place.filter(keep)
    counts = np.bincount(_numpy(place), minlength=len(codes))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    bits = np.zeros(table.num_rows, dtype=np.uint64)
    for bit, condition in enumerate(plan.conditions):
        bits |= condition.mask(table).astype(np.uint64) << np.uint64(bit)
    values = np.empty((max(len(plan.values), 1), table.num_rows))
    for row, column in enumerate(plan.values):
        values[row] = _numbers(column, table[column.column])
    aggregate(
        starts,
        _days(table["event_date"]),
        _days(table["visible_from"]),
        _days(table["visible_to"]),
        bits,
        values,
        enterprise,
        as_of,
        plan.operation,
        plan.condition,
        plan.value,
        plan.window,
        out,
    )
    return out


def _numpy(data: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(data.to_numpy())


def _days(data: pa.ChunkedArray) -> np.ndarray:
    return _numpy(data.cast(pa.int32()))


def _numbers(column: ValueColumn, data: pa.ChunkedArray) -> np.ndarray:
    if column.categories is not None:
        if column.characters is not None:
            data = pc.utf8_slice_codeunits(data, 0, column.characters)
        data = pc.index_in(data, value_set=pa.array(list(column.categories), type=pa.string()))
    elif pa.types.is_date(data.type):
        data = data.cast(pa.int32())
    elif pa.types.is_boolean(data.type):
        data = data.cast(pa.int8())
    # An unknown number is NaN; a code that is in no list has no place and is unknown as well.
    return _numpy(data.cast(pa.float64()).combine_chunks().fill_null(np.nan))
