"""Data packages: Parquet and CSV of the same tables, a Frictionless descriptor, a data dictionary."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.records import TABLES
from features.records.schema import Label
from supervision.writing import as_json, safe_in_spreadsheets, write_whole

DESCRIPTOR, DICTIONARY = "datapackage.json", "dictionary.csv"
#: Arrow type → type of a Frictionless field.
FIELD_TYPES = {
    pa.string(): "string",
    pa.date32(): "date",
    pa.int64(): "integer",
    pa.float64(): "number",
    pa.bool_(): "boolean",
}
#: Rows of a Parquet file that are written as CSV at once.
ROWS = 50_000


@dataclass(frozen=True)
class PackageTable:
    """A table of a package.

    Attributes
    ----------
    rows
        Columns of text, dates, whole numbers, numbers and truth values.
    title
        Name of the table.
    labels
        Column → names; those of the record table of this name are known.
    source
        The rule that allows it.
    """

    rows: pa.Table
    title: Label
    labels: Mapping[str, Label] = field(default_factory=dict)
    source: str = ""


def write_package(
    folder: Path, *, name: str, title: Label, on: date, tables: Mapping[str, PackageTable], **about: Any
) -> Path:
    """Write a data package.

    Parameters
    ----------
    folder
        Where it goes; made if it does not exist.
    name, title
        Identifier and names.
    on
        Day of the data.
    tables
        Its tables.
    **about
        More to say in the descriptor: plain data.

    Returns
    -------
    pathlib.Path
        The descriptor, ``datapackage.json`` (Frictionless Data Package, profile ``data-package``).
        Every table is there as CSV, which the schema describes, and as Parquet. ``dictionary.csv`` holds
        all columns.

    Notes
    -----
    In CSV a text that begins like a formula gets an apostrophe before it, so that a spreadsheet does not
    compute it; Parquet holds it as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    resources: list[dict[str, Any]] = []
    dictionary: list[dict[str, str]] = []
    for table, given in tables.items():
        fields = [_field(table, column, given) for column in given.rows.schema]
        dictionary += [{"table": table, **_entry(f)} for f in fields]
        pq.write_table(
            given.rows.replace_schema_metadata(None), folder / f"{table}.parquet", compression="zstd"
        )
        _write_csv(given.rows, folder / f"{table}.csv")
        shared = {"title": f"{given.title.zh} / {given.title.en}", "source": given.source}
        resources.append(
            {
                "name": table,
                **shared,
                "profile": "tabular-data-resource",
                **_file(folder / f"{table}.csv"),
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "rows": given.rows.num_rows,
                "schema": {"fields": fields, "missingValues": [""]},
            }
        )
        resources.append(
            {
                "name": f"{table}-parquet",
                **shared,
                **_file(folder / f"{table}.parquet"),
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                "rows": given.rows.num_rows,
            }
        )
    write_whole(folder / DICTIONARY, _dictionary(dictionary))
    descriptor = {
        "profile": "data-package",
        "name": name,
        "title": f"{title.zh} / {title.en}",
        "created": on.isoformat(),
        **about,
        "resources": resources,
    }
    write_whole(folder / DESCRIPTOR, as_json(descriptor, indent=2) + "\n")
    return folder / DESCRIPTOR


def _field(table: str, column: pa.Field, given: PackageTable) -> dict[str, Any]:
    label = given.labels.get(column.name)
    told: dict[str, Any] = {"name": column.name, "type": FIELD_TYPES[column.type]}
    if table in TABLES and column.name in {c.name for c in TABLES[table].all_columns}:
        known = TABLES[table].column(column.name)
        label = label or known.label
        if column.name == "event_date":
            label = TABLES[table].event
        if known.type == "fen":
            told["unit"] = "fen (0.01 yuan)"
        if known.codes is not None:
            told["categories"] = [
                {"value": code, "label": f"{words.zh} / {words.en}"}
                for code, words in known.codes.codes.items()
            ]
    if label is not None:
        told["title"] = f"{label.zh} / {label.en}"
    return told


def _entry(told: dict[str, Any]) -> dict[str, str]:
    codes = "; ".join(f"{c['value']} {c['label']}" for c in told.get("categories", ()))
    return {
        "column": told["name"],
        "type": told["type"],
        "title": told.get("title", ""),
        "unit": told.get("unit", ""),
        "codes": codes,
    }


def _file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path.name, "bytes": path.stat().st_size, "hash": f"sha256:{digest}"}


def _write_csv(rows: pa.Table, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows.column_names)
        for batch in rows.to_batches(max_chunksize=ROWS):
            columns = [[_cell(value) for value in column.to_pylist()] for column in batch.columns]
            writer.writerows(zip(*columns, strict=True))


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return safe_in_spreadsheets(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _dictionary(entries: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["table", "column", "type", "title", "unit", "codes"])
    writer.writeheader()
    writer.writerows(entries)
    return text.getvalue()
