"""Files as chunks of rows, each row with the line on which it stands."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from features.errors import InputError
from features.sources.settings import FileMapping

#: Bytes of text that are parsed at once, and rows of other formats: what bounds the memory.
BLOCK = 32 << 20
ROWS = 200_000

FORMATS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".jsonl": "lines",
    ".ndjson": "lines",
}


@dataclass(frozen=True)
class Unreadable:
    """A row that is no row of its file: its line, what is wrong, and its text."""

    line: int
    detail: str
    text: str | None


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    Attributes
    ----------
    rows
        Columns as the file has them; texts trimmed, blanks missing.
    lines
        Line of each row, int64; Parquet rows are counted from 1.
    unreadable
        Rows of this stretch that could not be parsed.
    """

    rows: pa.Table
    lines: pa.Array
    unreadable: tuple[Unreadable, ...] = ()

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def take(self, which: np.ndarray | pa.Array) -> Chunk:
        """Return some of the rows."""
        places = which if isinstance(which, pa.Array) else pa.array(which)
        return Chunk(self.rows.take(places), self.lines.take(places))

    def column(self, name: str) -> pa.Array:
        """Return a column as one array."""
        column = self.rows[name]
        return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def file_format(path: Path) -> str:
    """Return ``csv``, ``parquet`` or ``lines`` (one JSON object a line).

    Raises
    ------
    InputError
        If the suffix is none that is read.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    found = FORMATS.get(suffixes[-1]) if suffixes else None
    if found is None:
        raise InputError(
            f"{path.name} is no file that is read",
            field="files",
            fix=f"Give a file that ends in {', '.join(FORMATS)}; text may be packed (.gz).",
        )
    return found


def column_names(path: Path, mapping: FileMapping | None = None) -> list[str]:
    """Return the names of a file's columns.

    Raises
    ------
    InputError
        If the file cannot be read or a name occurs twice.
    """
    encoding = mapping.encoding if mapping else "utf-8"
    try:
        if file_format(path) == "parquet":
            names = list(pq.read_schema(path).names)
        elif file_format(path) == "csv":
            delimiter = mapping.delimiter if mapping else ","
            with io.TextIOWrapper(_opened(path), encoding=_with_mark(encoding), newline="") as text:
                names = next(csv.reader(text, delimiter=delimiter), [])
        else:
            with io.TextIOWrapper(_opened(path), encoding=_with_mark(encoding)) as text:
                first = json.loads(text.readline() or "{}")
            names = list(first) if isinstance(first, dict) else []
    except (OSError, UnicodeDecodeError, ValueError, pa.ArrowException, EOFError) as error:
        raise _unusable(path, error) from None
    if not names:
        raise InputError(
            f"{path.name} has no columns", field="files", fix="Its first line names the columns."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path.name} has the column {twice[0]!r} twice", field="files")
    return names


def chunks(path: Path, mapping: FileMapping) -> Iterator[Chunk]:
    """Read a file, bounded in memory.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    reader = {"csv": _csv, "parquet": _parquet, "lines": _lines}[file_format(path)]
    try:
        for chunk in reader(path, mapping):
            yield _cleaned(chunk, mapping)
    except (OSError, UnicodeDecodeError, pa.ArrowException, EOFError) as error:
        raise _unusable(path, error) from None


def _opened(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _with_mark(encoding: str) -> str:
    return "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding


def _unusable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path.name} cannot be read: {error}",
        field="files",
        fix="Check the file, and the mapping's encoding and delimiter.",
    )


def _csv(path: Path, mapping: FileMapping) -> Iterator[Chunk]:
    names = column_names(path, mapping)
    broken: dict[int, pa_csv.InvalidRow] = {}

    def skip(row: pa_csv.InvalidRow) -> str:
        broken[row.number] = row
        return "skip"

    with _opened(path) as stream:
        # The header may itself hold line breaks: it is parsed as a record, then dropped.
        reader = pa_csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pa_csv.ReadOptions(
                block_size=BLOCK, use_threads=False, column_names=names, encoding=mapping.encoding
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=mapping.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=skip,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        numbering = _Numbering(mapping, broken)
        header = 1
        for batch in reader:
            rows = pa.Table.from_batches([batch])
            lines, unreadable = numbering.number(_breaks(rows) + 1)
            skipped = min(header, rows.num_rows)
            header -= skipped
            yield Chunk(rows.slice(skipped), pa.array(lines[skipped:]), tuple(unreadable))
        rest = numbering.rest()
        if rest:
            empty = pa.table({name: pa.array([], pa.string()) for name in names})
            yield Chunk(empty, pa.array([], pa.int64()), tuple(rest))


@dataclass
class _Numbering:
    """Says on which line every row begins, those that could not be parsed among them.

    Parameters
    ----------
    mapping
        Of the file.
    broken
        Number of the row in the file, from 1 → row that could not be parsed; filled while reading.
    row, line
        Where the next row stands.
    """

    mapping: FileMapping
    broken: dict[int, pa_csv.InvalidRow]
    row: int = 1
    line: int = 1

    def number(self, spans: np.ndarray) -> tuple[np.ndarray, list[Unreadable]]:
        """Return the line of each row that could be parsed, and the others that stand among them.

        Parameters
        ----------
        spans
            How many lines each row takes, shape (n,).
        """
        lines = np.empty(len(spans), dtype=np.int64)
        unreadable = []
        place = 0
        while place < len(spans):
            if self.row in self.broken:
                unreadable.append(self._next_broken())
                continue
            # As far as the next broken row (they come in order), lines add up without a look at single rows.
            until = next(iter(self.broken), None)
            many = len(spans) - place if until is None else min(until - self.row, len(spans) - place)
            run = spans[place : place + many]
            lines[place : place + many] = self.line + np.cumsum(run) - run
            self.line += int(run.sum())
            self.row += many
            place += many
        return lines, unreadable

    def rest(self) -> list[Unreadable]:
        """Return the rows behind the last that could be parsed."""
        return [self._next_broken() for _ in range(len(self.broken))]

    def _next_broken(self) -> Unreadable:
        found = self.broken.pop(self.row)
        detail = f"{found.actual_columns} fields where the file has {found.expected_columns} columns"
        # Of a row whose columns are not known, what must not be kept cannot be told apart.
        hidden = self.mapping.omit or self.mapping.conceal
        row = Unreadable(self.line, detail, None if hidden else found.text)
        self.row += 1
        self.line += 1 + found.text.count("\n")
        return row


def _breaks(rows: pa.Table) -> np.ndarray:
    """Return how many line breaks stand inside the values of each row."""
    total = np.zeros(rows.num_rows, dtype=np.int64)
    for column in rows.columns:
        if pc.any(pc.match_substring(column, "\n")).as_py():
            total += pc.count_substring(column, "\n").to_numpy()
    return total


def _parquet(path: Path, mapping: FileMapping) -> Iterator[Chunk]:
    first = 1
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS):
            lines = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
            first += batch.num_rows
            yield Chunk(pa.Table.from_batches([batch]), lines)


def _lines(path: Path, mapping: FileMapping) -> Iterator[Chunk]:
    names = column_names(path, mapping)
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    bad: list[Unreadable] = []

    def chunk() -> Chunk:
        columns = {name: pa.array([_text(r.get(name)) for r in records], pa.string()) for name in names}
        return Chunk(pa.table(columns), pa.array(lines, pa.int64()), tuple(bad))

    with io.TextIOWrapper(_opened(path), encoding=_with_mark(mapping.encoding)) as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                record, detail = None, f"no JSON: {error}"
            else:
                detail = "no JSON object"
            if isinstance(record, dict):
                records.append(record)
                lines.append(number)
            else:
                bad.append(
                    Unreadable(number, detail, None if mapping.omit or mapping.conceal else line.rstrip("\n"))
                )
            if len(records) == ROWS:
                yield chunk()
                records, lines, bad = [], [], []
    yield chunk()


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _cleaned(chunk: Chunk, mapping: FileMapping) -> Chunk:
    """Trim texts, make blanks missing, drop omitted columns and rows that are blank altogether."""
    columns = {}
    for name in chunk.rows.column_names:
        if name in mapping.omit:
            continue
        column = chunk.rows[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
            column = column.cast(pa.string())
        if pa.types.is_string(column.type):
            column = pc.utf8_trim_whitespace(column)
            blank = pc.is_in(column, value_set=pa.array(["", *mapping.blank]))
            column = pc.if_else(blank, pa.scalar(None, pa.string()), column)
        columns[name] = column
    for name in mapping.optional:
        if name not in columns and name not in mapping.omit:
            columns[name] = pa.nulls(len(chunk), pa.string())
    rows = pa.table(columns) if columns else chunk.rows
    empty = np.ones(len(chunk), dtype=bool)
    for column in rows.columns:
        # An empty line is no row; it is parsed as one so that lines stay counted.
        empty &= pc.is_null(column).to_numpy()
        if not empty.any():
            break
    if empty.any():
        keep = pa.array(~empty)
        return Chunk(rows.filter(keep), chunk.lines.filter(keep), chunk.unreadable)
    return Chunk(rows, chunk.lines, chunk.unreadable)
