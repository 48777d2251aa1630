"""Records of many enterprises in one request, as JSON or Arrow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from features.errors import InputError
from features.kernel.few import EPOCH
from features.kernel.many import ManyRecords
from features.records import TABLES
from features.records.schema import Column
from serving.schemas.base import AsOf, CreditCode, Language, Request
from serving.schemas.records import Records

#: Columns of an Arrow stream beside those of the record tables.
OWN = ("credit_code", "as_of")


class EnterpriseIn(Request):
    """Records of one enterprise."""

    credit_code: CreditCode
    as_of: AsOf
    records: Annotated[Records, Field(description="Record table → records.")]  # type: ignore[valid-type]


class BatchRequest(Request):
    """Records of many enterprises, each to be scored at a date."""

    enterprises: Annotated[list[EnterpriseIn], Field(min_length=1, max_length=100_000)]
    explain: Annotated[
        bool, Field(description="Whether base value and contributions are answered; they are checked anyway.")
    ] = False
    lang: Annotated[
        Language | None, Field(description="Labels and sentences in this language only; by default both.")
    ] = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return _all_codes(one.credit_code for one in self.enterprises)


@dataclass(frozen=True)
class BatchColumns:
    """A request in Arrow whose answer is in Arrow, too.

    Attributes
    ----------
    records
        Whom to score, and what is known of each.
    explain
        As in :class:`BatchRequest`.
    """

    records: ManyRecords
    explain: bool

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return _all_codes(self.records.codes.to_pylist())


def _all_codes(codes: Iterable[str]) -> str:
    return f"credit_codes={' '.join(codes)}"


def check_columns(table: pa.Table, most: int) -> None:
    """Refuse an Arrow table that does not hold enterprises and their records.

    Parameters
    ----------
    table
        ``credit_code`` (string), ``as_of`` (date32), and for each record table that is sent a list of
        structs.
    most
        Records that are taken in all.

    Raises
    ------
    InputError
        If a column is missing, unknown or of another type, or there are too many records.
    """
    missing = [name for name in OWN if name not in table.column_names]
    unknown = [name for name in table.column_names if name not in (*OWN, *TABLES)]
    if missing or unknown or len(set(table.column_names)) != table.num_columns:
        told = f"there is no column {missing[0]}" if missing else f"column {(unknown or ['twice'])[0]!r}"
        raise InputError(
            told if missing else f"{told} is not known or occurs more than once",
            field=(missing or unknown or [table.column_names[0]])[0],
            fix=f"Send credit_code, as_of and, each as a list of structs, any of {', '.join(TABLES)}.",
        )
    if not _is_string(table.schema.field("credit_code").type):
        raise _other_type("credit_code", table.schema.field("credit_code").type, "string")
    if table.schema.field("as_of").type != pa.date32():
        raise _other_type("as_of", table.schema.field("as_of").type, "date32")
    _check_days("as_of", table["as_of"])
    count = 0
    for name in _sent(table):
        kind = table.schema.field(name).type
        _check_table(name, kind)
        for chunk in table[name].chunks:
            records = chunk.flatten()
            count += len(records)
            for field, values in zip(_fields(kind.value_type), records.flatten(), strict=True):
                if field.type == pa.date32():
                    _check_days(f"{name}.{field.name}", values)
    if count > most:
        raise InputError(
            f"there are {count:,} records", field="", fix=f"Send at most {most:,} in one request."
        )


def rows_of_arrow(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of an Arrow table, checked, as the list ``enterprises`` of a JSON body has them."""
    names = _sent(table)
    listed = []
    for row in table.to_pylist():
        records = {name: row[name] for name in names if row[name] is not None}
        listed.append({"credit_code": row["credit_code"], "as_of": row["as_of"], "records": records})
    return listed


def _sent(table: pa.Table) -> list[str]:
    return [name for name in TABLES if name in table.column_names]


def _check_days(field: str, days: pa.Array | pa.ChunkedArray) -> None:
    """Refuse days that no calendar of four-digit years has: they could not be read."""
    found = pc.min_max(days.cast(pa.int32()))
    first, last = found["min"].as_py(), found["max"].as_py()
    if first is not None and (first < date.min.toordinal() - EPOCH or last > date.max.toordinal() - EPOCH):
        raise InputError(
            "there is a day outside the years 1 to 9999",
            field=field,
            fix="Send date32: days since 1970-01-01.",
        )


def _fields(kind: pa.StructType) -> list[pa.Field]:
    return [kind.field(place) for place in range(kind.num_fields)]


def _check_table(name: str, kind: pa.DataType) -> None:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(
        kind.value_type
    ):
        raise _other_type(name, kind, "a list of structs")
    columns = {column.name: column for column in TABLES[name].all_columns}
    fields = _fields(kind.value_type)
    if not fields:
        raise _other_type(name, kind, "a list of structs with fields")
    for place, field in enumerate(fields):
        column = columns.get(field.name)
        if column is None:
            raise InputError(
                f"there is no field {field.name!r}",
                field=f"{name}.{field.name}",
                fix=f"There are {', '.join(columns)}.",
            )
        if any(field.name == other.name for other in fields[:place]):
            raise InputError("it is there twice", field=f"{name}.{field.name}", fix="Send one of them.")
        if not _fits(column, field.type):
            raise _other_type(f"{name}.{field.name}", field.type, _expected(column))


def _fits(column: Column, kind: pa.DataType) -> bool:
    checks = {
        "string": _is_string,
        "date": lambda given: given == pa.date32(),
        "int": pa.types.is_integer,
        "fen": pa.types.is_integer,
        "float": pa.types.is_float64,
        "bool": pa.types.is_boolean,
    }
    return bool(checks[column.type](kind))


def _expected(column: Column) -> str:
    return {"string": "string", "date": "date32", "float": "float64", "bool": "bool"}.get(
        column.type, "int64"
    )


def _is_string(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _other_type(field: str, given: pa.DataType, expected: str) -> InputError:
    return InputError(f"it is {str(given)[:100]}", field=field, fix=f"Send {expected}.")
