"""What a record table is made of: columns, their types and codes, and the columns all tables share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

ColumnType = Literal["string", "date", "int", "float", "bool", "fen"]

ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "date": pa.date32(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    # Money is integer fen, so that sums are exact in any order.
    "fen": pa.int64(),
}


@dataclass(frozen=True)
class Label:
    """A name in Chinese and in English."""

    zh: str
    en: str

    def __getitem__(self, lang: str) -> str:
        return {"zh": self.zh, "en": self.en}[lang]


@dataclass(frozen=True)
class CodeSet:
    """A closed list of codes, each with its label.

    Parameters
    ----------
    name
        Identifier, used by mappings.
    codes
        Code → label.
    """

    name: str
    codes: Mapping[str, Label]

    def __contains__(self, code: object) -> bool:
        return code in self.codes

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.codes)


@dataclass(frozen=True)
class Column:
    """One column of a record table.

    Parameters
    ----------
    name, type, label
        Identifier, type and names.
    required
        Whether a row without it is quarantined.
    codes
        The code set that its values must be of.
    low, high
        Inclusive bounds of a number.
    personal
        Whether it tells who a natural person is, even under a pseudonym: never shown to anybody.
    """

    name: str
    type: ColumnType
    label: Label
    required: bool = False
    codes: CodeSet | None = None
    low: float | None = None
    high: float | None = None
    personal: bool = False


#: Columns of every table. ``event_date``: when it happened; ``recorded_at``: when the system knew it.
SHARED = (
    Column("credit_code", "string", Label("统一社会信用代码", "unified social credit code"), required=True),
    Column("event_date", "date", Label("发生日期", "date of the event"), required=True),
    Column("recorded_at", "date", Label("归集日期", "date known to the system"), required=True),
    Column("provider", "string", Label("数据提供单位", "provider"), required=True),
    Column("record_id", "string", Label("记录标识", "record identifier"), required=True),
    Column("withdrawn_at", "date", Label("撤销日期", "withdrawn on")),
    Column("repaired_at", "date", Label("信用修复日期", "credit repaired on")),
    Column("expires_at", "date", Label("公示期满日期", "publication ends on")),
)

#: Columns that end a version of a record by themselves.
ENDS = ("withdrawn_at", "repaired_at", "expires_at")

#: Where a stored row came from; written by the store, never by a mapping.
PROVENANCE = (
    Column("content_hash", "int", Label("内容摘要", "hash of the content")),
    Column("load_id", "string", Label("入库批次", "load")),
    Column("source_line", "int", Label("来源行号", "line in the source file")),
)


@dataclass(frozen=True)
class RecordTable:
    """A canonical record table.

    Parameters
    ----------
    name, label
        Identifier and names.
    event
        What ``event_date`` means here.
    columns
        The table's own columns, beside :data:`SHARED`.
    """

    name: str
    label: Label
    event: Label
    columns: tuple[Column, ...] = field(default=())

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Shared columns, then the table's own."""
        return SHARED + self.columns

    def column(self, name: str) -> Column:
        """Return a column by name.

        Raises
        ------
        KeyError
            If the table has no such column.
        """
        for column in self.all_columns:
            if column.name == name:
                return column
        msg = f"table {self.name!r} has no column {name!r}; it has {[c.name for c in self.all_columns]}"
        raise KeyError(msg)

    @property
    def arrow_schema(self) -> pa.Schema:
        """Schema of validated records, without provenance."""
        return pa.schema([pa.field(c.name, ARROW_TYPES[c.type]) for c in self.all_columns])

    @property
    def stored_schema(self) -> pa.Schema:
        """Schema of the stored table, with provenance."""
        return pa.schema([pa.field(c.name, ARROW_TYPES[c.type]) for c in self.all_columns + PROVENANCE])
