"""Records in a request: one model a record table, made from the table's own declaration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from features.errors import InputError
from features.kernel.few import FewRecords
from features.records import TABLES
from features.records.schema import Column, RecordTable
from serving.schemas.base import CreditCode, Request

PROVIDER = "request"
LONGEST_TEXT = 2000
INT64 = 2**63 - 1
#: What a sender may leave out; what stands in then is said in the description.
DEFAULTS = {
    "credit_code": "By default that of the request; another one is refused.",
    "recorded_at": "By default event_date: known on the day that it happened.",
    "provider": f"By default {PROVIDER!r}.",
    "record_id": "By default the place in the list, so that records of one day keep their order.",
}
_SCHEMAS = {name: table.arrow_schema for name, table in TABLES.items()}
TYPES: dict[str, Any] = {"string": str, "date": date, "int": int, "float": float, "bool": bool, "fen": int}


def _type(column: Column) -> Any:
    if column.name == "credit_code":
        return CreditCode
    if column.codes is not None:
        return Literal[tuple(column.codes.codes)]
    return TYPES[column.type]


def _field(column: Column) -> Any:
    told = f"{column.label.zh}: {column.label.en}."
    if column.type == "fen":
        told += " In fen, a whole number."
    if column.codes is not None:
        told += " " + "; ".join(
            f"{code} {label.zh} ({label.en})" for code, label in column.codes.codes.items()
        )
    if column.name in DEFAULTS:
        told += " " + DEFAULTS[column.name]
    bounds: dict[str, Any] = {}
    if column.type in ("int", "fen"):
        bounds = {"ge": -INT64 if column.low is None else int(column.low)}
        bounds["le"] = INT64 if column.high is None else int(column.high)
    elif column.type == "float":
        bounds = {key: value for key, value in (("ge", column.low), ("le", column.high)) if value is not None}
    elif column.type == "string" and column.codes is None and column.name != "credit_code":
        bounds = {"max_length": LONGEST_TEXT}
    return Field(description=told, **bounds)


def record_model(table: RecordTable) -> type[BaseModel]:
    """Return the model of one record of a table."""
    fields: dict[str, Any] = {}
    for column in table.all_columns:
        annotated: Any = Annotated[_type(column), _field(column)]
        if column.required and column.name not in DEFAULTS:
            fields[column.name] = (annotated, ...)
        else:
            fields[column.name] = (annotated | None, None)
    name = "".join(part.capitalize() for part in table.name.split("_")) + "Record"
    return create_model(
        name,
        __base__=Request,
        __doc__=f"{table.label.zh}: {table.label.en}. event_date: {table.event.en}.",
        **fields,
    )


def _records_model() -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, table in TABLES.items():
        kind: Any = record_model(table)
        # Of a default that stands there a copy would be made of each table in each request.
        told: Any = Field(
            default_factory=list,
            description=f"{table.label.zh}: {table.label.en}.",
            json_schema_extra={"default": []},
        )
        fields[name] = (list[kind], told)
    return create_model(
        "Records", __base__=Request, __doc__="Record table → records of one enterprise.", **fields
    )


Records = _records_model()


def to_tables(
    records: BaseModel, credit_code: str, field: str = "records", as_of: date | None = None
) -> dict[str, FewRecords]:
    """Return the records of a request in the canonical schema.

    Parameters
    ----------
    records
        Validated :data:`Records`.
    credit_code
        The enterprise.
    field
        Path of the records in the request, for errors.
    as_of
        Day at which they are looked at; decisions of a later day do not count. None: all count.

    Raises
    ------
    InputError
        If a record is of another enterprise, or a record identifier is there twice.

    Notes
    -----
    A granted credit repair in the request takes effect on the record that it names, from the later of
    its two dates on, until it is revoked, as in the store.
    """
    rows = {
        name: [
            _row(record, credit_code, f"{field}.{name}[{place}]", place) for place, record in enumerate(found)
        ]
        for name in TABLES
        if (found := getattr(records, name))
    }
    for name, found in rows.items():
        _once(found, f"{field}.{name}")
    _repair(rows, as_of)
    return {name: FewRecords(_SCHEMAS[name], found) for name, found in rows.items()}


def _row(record: BaseModel, credit_code: str, field: str, place: int) -> dict[str, Any]:
    row = dict(vars(record))
    if row["credit_code"] not in (None, credit_code):
        raise InputError(
            f"the record is of {row['credit_code']}, the request of {credit_code}",
            field=f"{field}.credit_code",
            fix="Send the records of one enterprise, or leave the field out.",
        )
    row["credit_code"] = credit_code
    if row["recorded_at"] is None:
        row["recorded_at"] = row["event_date"]
    if row["provider"] is None:
        row["provider"] = PROVIDER
    if row["record_id"] is None:
        row["record_id"] = numbered(place)
    return row


def _once(rows: Sequence[dict[str, Any]], field: str) -> None:
    seen: dict[str, int] = {}
    for place, row in enumerate(rows):
        first = seen.setdefault(row["record_id"], place)
        if first != place:
            raise InputError(
                f"record_id {row['record_id']!r} stands at [{first}] already",
                field=f"{field}[{place}].record_id",
                fix="Of several versions of a record send the one in force at as_of.",
            )


def numbered(place: int) -> str:
    """Return the identifier of a record that was sent without one, by its place in the list."""
    return f"request:{place:09d}"


def effective_repairs(
    decisions: Iterable[Mapping[str, Any]], as_of: date | None
) -> dict[tuple[str, str], date]:
    """Return which records credit repairs apply to.

    Parameters
    ----------
    decisions
        Records of ``credit_repair`` of one enterprise.
    as_of
        Decisions of a later day do not count. None: all count.

    Returns
    -------
    dict
        Record table and record identifier → day from which on it is repaired.
    """
    effective: dict[tuple[str, str], date] = {}
    decided = [
        (max(row["event_date"], row["recorded_at"]), row["decision"] == "revoked", row)
        for row in decisions
        if row["decision"] != "refused"
    ]
    # Of a grant and its revocation on one day the revocation is the later one.
    for day, revoked, row in sorted(decided, key=lambda one: one[:2]):
        key = (row["target_table"], row["target_record_id"])
        if as_of is not None and day > as_of:
            continue
        if revoked:
            effective.pop(key, None)
        else:
            effective.setdefault(key, day)
    return effective


def _repair(rows: dict[str, list[dict[str, Any]]], as_of: date | None) -> None:
    for (table, record_id), day in effective_repairs(rows.get("credit_repair", []), as_of).items():
        for row in rows.get(table, []):
            if row["record_id"] == record_id:
                row["repaired_at"] = min(day, row["repaired_at"] or day)
