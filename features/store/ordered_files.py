"""Parquet files whose rows are in order: written so, and a range of enterprises read without sorting."""

from __future__ import annotations

import json
import os
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

#: Small enough that a range of enterprises reads little beside itself, large enough to compress well.
ROWS_A_GROUP = 32_768


@dataclass(frozen=True)
class Group:
    """One row group of a file.

    Attributes
    ----------
    file, number
        Place of the file in the list, and of the group in the file.
    low, high
        Bounds of the credit codes; None where the file does not tell.
    rows
        Number of rows.
    """

    file: int
    number: int
    low: str | None
    high: str | None
    rows: int


class FileRange:
    """The Parquet files of one version of a table, of which ranges of credit codes are read.

    May be read from several threads at once.

    Parameters
    ----------
    paths
        The files. Some may lack columns that others have.
    order
        Names of the columns by which a file may say that its rows are sorted.
    """

    def __init__(self, paths: Sequence[str], order: Sequence[str]) -> None:
        self._paths = list(paths)
        self._metadata = [pq.read_metadata(path) for path in self._paths]
        self._names = [set(found.schema.to_arrow_schema().names) for found in self._metadata]
        self._sorted = [_says_sorted(found, order) for found in self._metadata]
        self._groups = [
            group
            for file, found in enumerate(self._metadata)
            for group in _groups(file, found, order[0])
            if group.rows
        ]
        self._key = order[0]
        #: Whether all that is read is in order: each file says so of itself, and they lie apart.
        self.in_order = all(self._sorted) and self._apart()

    def _apart(self) -> bool:
        bounds: dict[int, tuple[str, str]] = {}
        for group in self._groups:
            if group.low is None or group.high is None:
                return False
            low, high = bounds.get(group.file, (group.low, group.high))
            bounds[group.file] = (min(low, group.low), max(high, group.high))
        return all(before[1] < after[0] for before, after in pairwise(sorted(bounds.values())))

    def cuts(self, rows: int) -> list[tuple[str, str | None]]:
        """Return half-open ranges of codes that cover everything, of about so many rows each.

        Parameters
        ----------
        rows
            About how many rows a range is to have.
        """
        starts = sorted((group.low or "", group.rows) for group in self._groups)
        bounds, gathered = [""], 0
        for low, count in starts:
            if gathered >= rows and low > bounds[-1]:
                bounds.append(low)
                gathered = 0
            gathered += count
        return list(zip(bounds, [*bounds[1:], None], strict=True))

    def read(
        self, schema: pa.Schema, low: str, high: str | None, only: pa.Array | None = None
    ) -> tuple[pa.Table, bool]:
        """Return the rows with ``low <= credit_code < high``.

        Parameters
        ----------
        schema
            Columns to return, the credit code among them; what a file lacks is missing.
        low, high
            Half-open range; None has no upper end.
        only
            Sorted credit codes; rows of others are left out, and stretches of a file where none of them can
            lie are not read.

        Returns
        -------
        tuple
            The rows, and whether they are known to be in order.
        """
        wanted = None if only is None else only.to_pylist()
        chosen: dict[int, list[Group]] = {}
        for group in self._groups:
            if (
                (group.high is None or group.high >= low)
                and (high is None or group.low is None or group.low < high)
                and (wanted is None or _any_within(wanted, group))
            ):
                chosen.setdefault(group.file, []).append(group)
        parts = [
            self._cut(self._read_groups(file, groups, schema), file, low, high)
            for file, groups in chosen.items()
        ]
        if only is not None:
            parts = [part.filter(pc.is_in(part[self._key], value_set=only)) for part in parts]
        found = [(part, file) for part, file in zip(parts, chosen, strict=True) if part.num_rows]
        if not found:
            return schema.empty_table(), True
        found.sort(key=lambda one: one[0][self._key][0].as_py())
        in_order = all(self._sorted[file] for _, file in found) and all(
            before[self._key][-1].as_py() < after[self._key][0].as_py()
            for (before, _), (after, _) in pairwise(found)
        )
        return pa.concat_tables([part for part, _ in found]), in_order

    def _read_groups(self, file: int, groups: list[Group], schema: pa.Schema) -> pa.Table:
        have = [name for name in schema.names if name in self._names[file]]
        with pq.ParquetFile(self._paths[file], metadata=self._metadata[file]) as source:
            table = source.read_row_groups([group.number for group in groups], columns=have)
        columns = [
            table[name].cast(schema.field(name).type)
            if name in self._names[file]
            else pa.nulls(table.num_rows, schema.field(name).type)
            for name in schema.names
        ]
        return pa.table(columns, schema=schema)

    def _cut(self, table: pa.Table, file: int, low: str, high: str | None) -> pa.Table:
        codes = table[self._key]
        before = pc.less(codes, low)
        within = pc.less(codes, high) if high is not None else None
        if self._sorted[file]:
            first = pc.sum(before).as_py() or 0
            last = table.num_rows if within is None else pc.sum(within).as_py() or 0
            return table.slice(first, max(last - first, 0))
        keep = pc.invert(before) if within is None else pc.and_not(within, before)
        return table.filter(keep)


def _any_within(codes: list[str], group: Group) -> bool:
    if group.low is None or group.high is None:
        return True
    place = bisect_left(codes, group.low)
    return place < len(codes) and codes[place] <= group.high


def _groups(file: int, metadata: pq.FileMetaData, key: str) -> Iterator[Group]:
    place = metadata.schema.to_arrow_schema().names.index(key)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        statistics = group.column(place).statistics
        told = statistics is not None and statistics.has_min_max
        yield Group(
            file,
            number,
            statistics.min if told else None,
            statistics.max if told else None,
            group.num_rows,
        )


def _says_sorted(metadata: pq.FileMetaData, order: Sequence[str]) -> bool:
    schema = metadata.schema.to_arrow_schema()
    if not set(order) <= set(schema.names):
        return False
    declared = tuple(pq.SortingColumn(schema.names.index(name)) for name in order)
    return all(
        metadata.row_group(number).sorting_columns[: len(declared)] == declared
        for number in range(metadata.num_row_groups)
    )


def write_in_order(
    folder: Path,
    rows: pa.RecordBatchReader,
    order: Sequence[str],
    key: str | None,
    file_bytes: int | None = None,
) -> list[AddAction]:
    """Write rows into Parquet files of a table's folder, in the order in which they come.

    Parameters
    ----------
    folder
        Where the files are put; must exist.
    rows
        Sorted rows.
    order
        Columns by which they are sorted: the files say so. None if they are in no order.
    key
        Column whose bounds are told of each file, and of which one value never lies in two; None if the
        files may be cut anywhere.
    file_bytes
        A new file is begun when one is larger than this; by default all go into one.

    Returns
    -------
    list of AddAction
        What a commit to the Delta table must name. Files that no commit names do not exist for readers.
    """
    actions: list[AddAction] = []
    writer: _Writer | None = None
    for batch in rows:
        table = pa.Table.from_batches([batch])
        if writer is not None and file_bytes is not None and writer.size() >= file_bytes:
            rest = 0 if key is None else _first_of_next(table, key, writer.last)
            if rest < table.num_rows:
                if rest:
                    writer.write(table.slice(0, rest))
                actions.append(writer.close())
                writer, table = None, table.slice(rest)
        if table.num_rows:
            writer = writer or _Writer(folder, rows.schema, order, key)
            writer.write(table)
    if writer is not None:
        actions.append(writer.close())
    return actions


def _first_of_next(table: pa.Table, key: str, last: str | None) -> int:
    """Return the place of the first row of another key than the one that was written last."""
    return int(pc.sum(pc.equal(table[key], last)).as_py() or 0)


class _Writer:
    """One file that is being written."""

    def __init__(self, folder: Path, schema: pa.Schema, order: Sequence[str], key: str | None) -> None:
        self.path = folder / f"part-{uuid4()}.parquet"
        self.last: str | None = None
        self._key = key
        self._first: str | None = None
        self._rows = 0
        self._writer = pq.ParquetWriter(
            self.path,
            schema,
            compression="zstd",
            compression_level=3,
            sorting_columns=[pq.SortingColumn(schema.get_field_index(name)) for name in order] or None,
        )

    def size(self) -> int:
        """Return the bytes on disk so far."""
        return self.path.stat().st_size

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        self._writer.write_table(table, row_group_size=ROWS_A_GROUP)
        self._rows += table.num_rows
        if self._key is not None:
            self._first = self._first if self._first is not None else table[self._key][0].as_py()
            self.last = table[self._key][-1].as_py()

    def close(self) -> AddAction:
        """End the file, make sure that it is on disk, and return what a commit says of it."""
        self._writer.close()
        with self.path.open("rb") as written:
            os.fsync(written.fileno())
        bounds = (
            {}
            if self._key is None
            else {"minValues": {self._key: self._first}, "maxValues": {self._key: self.last}}
        )
        return AddAction(
            path=self.path.name,
            size=self.size(),
            partition_values={},
            modification_time=time.time_ns() // 1_000_000,
            data_change=True,
            stats=json.dumps({"numRecords": self._rows, **bounds}, ensure_ascii=False),
        )
