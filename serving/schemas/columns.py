"""Records of many enterprises as Arrow columns, checked and completed without a look at single values.

What a column as a whole shows to be sound is taken as it is. As soon as anything is not, nothing is said
here: the rows are read one by one instead (:mod:`serving.schemas.batch`), which names the place and the
remedy. So there is one wording of each refusal, and nothing is taken here that is refused there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from features.kernel.few import EPOCH
from features.kernel.many import ManyRecords
from features.records import TABLES
from features.records.schema import ARROW_TYPES, Column, RecordTable
from serving.schemas.base import FIRST_DAY, LAST_DAY, CreditCode
from serving.schemas.records import DEFAULTS, INT64, LONGEST_TEXT, PROVIDER, effective_repairs, numbered

_CODE = TypeAdapter(CreditCode)
#: Of numbers: what none is larger than, nor its negative.
_WIDEST = {"int": INT64, "fen": INT64, "float": np.inf}


class _UnclearError(Exception):
    """A column does not show that all its values are sound."""


def columns_of(table: pa.Table) -> ManyRecords | None:
    """Return the records of an Arrow table whose columns have the right types.

    Parameters
    ----------
    table
        ``credit_code``, ``as_of`` and record tables as lists of structs, as
        :func:`serving.schemas.batch.check_columns` lets them pass; one chunk a column.

    Returns
    -------
    ManyRecords or None
        None if anything in it has to be looked at row by row.
    """
    try:
        return _read(table)
    except (_UnclearError, ValidationError, pa.ArrowInvalid):
        return None


def _read(table: pa.Table) -> ManyRecords:
    codes = _whole(table["credit_code"], pa.string())
    as_of = _whole(table["as_of"], pa.date32())
    _need(not codes.null_count and not as_of.null_count)
    days = np.asarray(as_of.cast(pa.int32()))
    _need(_between(days, FIRST_DAY.toordinal() - EPOCH, LAST_DAY.toordinal() - EPOCH))
    codes = pa.array(map(_code, codes.to_pylist()), pa.string())
    tables, whose = {}, {}
    for name, declared in TABLES.items():
        if name not in table.column_names:
            continue
        lists = table[name].combine_chunks()
        counts = np.asarray(pc.list_value_length(lists).fill_null(0)).astype(np.int64)
        records = lists.flatten()
        _need(len(records) == counts.sum() and not records.null_count)
        if len(records):
            whose[name] = np.repeat(np.arange(len(counts)), counts)
            own = codes.take(pa.array(whose[name]))
            tables[name] = _canonical(declared, records, own, counts)
            _need_once(tables[name]["record_id"], whose[name])
    _repair(tables, whose, days)
    return ManyRecords(codes, days.astype(np.int64), tables, whose)


def _canonical(declared: RecordTable, records: pa.StructArray, own: pa.Array, counts: np.ndarray) -> pa.Table:
    """Return records with all columns of their table; what a sender may leave out is filled in."""
    kind = records.type
    names = [kind.field(place).name for place in range(kind.num_fields)]
    _need(len(set(names)) == len(names))
    sent = dict(zip(names, records.flatten(), strict=True))
    columns: dict[str, pa.Array] = {}
    for column in declared.all_columns:
        wanted = ARROW_TYPES[column.type]
        found = _whole(sent[column.name], wanted) if column.name in sent else pa.nulls(len(records), wanted)
        filled = _fill(column.name, found, own, columns, counts)
        _need(not column.required or not filled.null_count)
        _check(column, filled)
        columns[column.name] = filled
    return pa.table(columns)


def _fill(
    name: str, found: pa.Array, own: pa.Array, columns: Mapping[str, pa.Array], counts: np.ndarray
) -> pa.Array:
    if name not in DEFAULTS:
        return found
    if name == "credit_code":
        _need(bool(pc.all(pc.equal(found, own), min_count=0).as_py()))
        return own
    if not found.null_count:
        return found
    if name == "recorded_at":
        return pc.coalesce(found, columns["event_date"])
    if name == "provider":
        return found.fill_null(PROVIDER)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    within = np.arange(len(found)) - np.repeat(starts, counts)
    return pc.coalesce(found, pa.array(map(numbered, within.tolist()), pa.string()))


def _check(column: Column, values: pa.Array) -> None:
    """Go on if all values that there are may stand in a column; days were looked at before."""
    if column.codes is not None:
        _need(set(values.unique().to_pylist()) <= {None, *column.codes})
    elif column.type == "string" and column.name != "credit_code":
        longest = pc.max(pc.binary_length(values)).as_py()
        # Few texts are of so many bytes, and of those few of so many characters.
        if longest is not None and longest > LONGEST_TEXT:
            _need(pc.max(pc.utf8_length(values)).as_py() <= LONGEST_TEXT)
    elif column.type in _WIDEST:
        if column.type == "float":
            _need(bool(np.isfinite(values.drop_null().to_numpy()).all()))
        widest = _WIDEST[column.type]
        low = -widest if column.low is None else column.low
        _need(_between(values, low, widest if column.high is None else column.high))


def _between(values: pa.Array | np.ndarray, low: float, high: float) -> bool:
    """Return whether all values that there are lie between two bounds."""
    found = pc.min_max(values)
    return found["min"].as_py() is None or bool(found["min"].as_py() >= low and found["max"].as_py() <= high)


def _whole(values: pa.Array | pa.ChunkedArray, wanted: pa.DataType) -> pa.Array:
    """Return values as one array of a type; of numbers none changes by it."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values if values.type == wanted else values.cast(wanted)


def _code(text: str) -> str:
    return _CODE.validate_python(text, strict=True)


def _need_once(record_ids: pa.ChunkedArray, whose: np.ndarray) -> None:
    keys = pa.table([pa.array(whose), record_ids], names=["whose", "record_id"])
    _need(keys.group_by(keys.column_names, use_threads=False).aggregate([]).num_rows == len(whose))


def _repair(tables: dict[str, pa.Table], whose: Mapping[str, np.ndarray], days: np.ndarray) -> None:
    """Let granted credit repairs take effect on the records that they name."""
    if "credit_repair" not in tables:
        return
    decided: dict[int, list[dict[str, object]]] = {}
    for place, row in zip(whose["credit_repair"].tolist(), tables["credit_repair"].to_pylist(), strict=True):
        decided.setdefault(place, []).append(row)
    repaired: dict[str, dict[tuple[int, str], date]] = {}
    for place, rows in decided.items():
        for (name, record_id), day in effective_repairs(
            rows, date.fromordinal(int(days[place]) + EPOCH)
        ).items():
            repaired.setdefault(name, {})[place, record_id] = day
    for name in repaired.keys() & tables.keys():
        tables[name] = _with_repairs(tables[name], whose[name], repaired[name])


def _with_repairs(table: pa.Table, whose: np.ndarray, repaired: Mapping[tuple[int, str], date]) -> pa.Table:
    places = np.flatnonzero(np.isin(whose, [place for place, _ in repaired]))
    repaired_at = table["repaired_at"].to_pylist()
    record_ids = table["record_id"].take(pa.array(places)).to_pylist()
    for place, record_id in zip(places.tolist(), record_ids, strict=True):
        day = repaired.get((int(whose[place]), record_id))
        if day is not None:
            repaired_at[place] = min(day, repaired_at[place] or day)
    at = table.column_names.index("repaired_at")
    return table.set_column(at, "repaired_at", pa.array(repaired_at, pa.date32()))


def _need(sound: bool) -> None:
    if not sound:
        raise _UnclearError
