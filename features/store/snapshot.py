"""Reading one published state of the store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import InputError
from features.records import ENDS, TABLES
from features.records.schema import RecordTable
from features.store.delta import DeltaFolder
from features.store.manifest import Manifest, Manifests
from features.store.ordered_files import FileRange
from features.store.versions import ORDER, connect, parquet, sorted_rows
from features.store.visibility import DECISION, Restored, restored, visible_to

#: About how many rows are put in order and given their interval at once when everything is read.
ROWS_AT_ONCE = 1_000_000
#: Rows of the largest table of which the codes are gathered at once, by every core.
CODES_AT_ONCE = 150_000

_CODE = pa.schema([pa.field("credit_code", pa.string())])

VISIBILITY = (pa.field("visible_from", pa.date32()), pa.field("visible_to", pa.date32()))


class Snapshot:
    """One published state; what is loaded later does not change it.

    May be read from several threads at once.

    Attributes
    ----------
    root : Path
        Folder of the store.
    id : int
        Its number.
    tables : Mapping[str, int]
        Record table → Delta version.
    created_at : str
        When it was published, ISO 8601.
    load_id : str
        The load that made it.
    """

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self._root = root
        self.root: Path = root
        self._manifest = manifest
        self._files: dict[str, list[str]] = {}
        self._stored: dict[str, list[str]] = {}
        self._ranges: dict[str, FileRange] = {}
        self.id: int = manifest.id
        self.tables: Mapping[str, int] = dict(manifest.tables)
        self.created_at = manifest.created_at
        self.load_id = manifest.load_id

    @classmethod
    def earlier(cls, snapshot: Snapshot, id: int) -> Snapshot:
        """Return another state of the same store.

        Raises
        ------
        InputError
            If the store no longer has it.
        """
        return cls(snapshot.root, Manifests(snapshot.root / "snapshots").read(id))

    def __repr__(self) -> str:
        return f"Snapshot({self.id}, {self.counts()})"

    def exists(self, table: str) -> bool:
        """Return whether any such records were ever loaded."""
        _known(table)
        return table in self.tables

    def counts(self) -> dict[str, int]:
        """Return the number of stored versions of records a table."""
        return {name: self._manifest.rows[name] for name in TABLES if name in self.tables}

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        codes: tuple[str, str] | None = None,
        only: pa.Array | None = None,
    ) -> pa.Table:
        """Return records with their interval of visibility.

        Parameters
        ----------
        table
            Name of the record table.
        columns
            Columns to return; by default all but provenance.
        codes
            Closed range of credit codes; by default all.
        only
            Sorted credit codes within the range: others are left out before anything is done with their rows.

        Returns
        -------
        pyarrow.Table
            The columns, then ``visible_from`` and ``visible_to`` (date32), sorted by credit code, event
            date, recording date and record identifier. Empty if no such records were loaded. A row whose
            repair was granted and revoked is there once for each interval on which it may be seen.

        Raises
        ------
        InputError
            If the table or a column does not exist.
        """
        record_table = _known(table)
        schema = self._schema(record_table, columns)
        if table not in self.tables:
            return schema.empty_table()
        if codes is not None:
            # The range is closed: what follows the last code directly is the first beyond it.
            return self._read_range(record_table, schema, codes[0], codes[1] + "\0", only)
        cuts = self._range_of(table).cuts(ROWS_AT_ONCE)
        return pa.concat_tables(self._read_range(record_table, schema, low, high, only) for low, high in cuts)

    def codes(self) -> pa.Array:
        """Return the credit codes of all tables, sorted, each once."""
        return self._codes

    def known_before_registration(self) -> pa.Array:
        """Return the credit codes that were known before their registration, or without one, sorted."""
        others = [name for name in self.tables if name != "enterprise"]
        if not others:
            return pa.array([], pa.string())

        def first(name: str) -> str:
            return (
                "SELECT credit_code, min(greatest(event_date, recorded_at)) AS day "
                f"FROM {parquet(self.files(name))} GROUP BY credit_code"
            )

        registration = (
            first("enterprise") if "enterprise" in self.tables else "SELECT '' AS credit_code, NULL AS day"
        )
        query = f"""
            WITH seen AS (
                SELECT credit_code, min(day) AS day FROM ({" UNION ALL ".join(map(first, others))})
                GROUP BY credit_code
            ), register AS ({registration})
            SELECT credit_code FROM seen LEFT JOIN register USING (credit_code)
            WHERE register.day IS NULL OR seen.day < register.day
            ORDER BY credit_code
        """
        with self._connection.cursor() as cursor:
            table = cursor.sql(query).to_arrow_table()
        return table["credit_code"].combine_chunks().cast(pa.string())

    def added_since(self, earlier: Snapshot) -> pa.Array | None:
        """Return the credit codes of the rows that were added after an earlier state, sorted, each once.

        Parameters
        ----------
        earlier
            Of the same store.

        Returns
        -------
        pyarrow.Array or None
            None where that cannot be told: a table was rewritten since, or is new.
        """
        if set(self.tables) != set(earlier.tables):
            return None
        new: list[str] = []
        for table in self.tables:
            if self.tables[table] == earlier.tables[table]:
                continue
            before, now = set(earlier.files(table)), set(self.files(table))
            if not before <= now:
                return None
            new += sorted(now - before)
        parts = [pc.unique(pq.read_table(file, columns=["credit_code"])["credit_code"]) for file in new]
        codes = pc.unique(pa.chunked_array(parts, pa.string()))
        return codes.take(pc.array_sort_indices(codes))

    def files(self, table: str) -> list[str]:
        """Return the Parquet files of a table, for engines that read them in place."""
        if table not in self._files:
            self._files[table] = self._folder(table).files(self.tables[table])
        return self._files[table]

    def columns(self, table: str) -> list[str]:
        """Return the columns that the stored files of a table have; a later release may know more."""
        if table not in self._stored:
            self._stored[table] = self._folder(table).columns(self.tables[table])
        return self._stored[table]

    def _read_range(
        self, table: RecordTable, schema: pa.Schema, low: str, high: str | None, only: pa.Array | None
    ) -> pa.Table:
        """Return the records of ``low <= credit_code < high``, with their interval, sorted."""
        stored, name = table.stored_schema, table.name
        versions, repaired = name not in self._manifest.single, name in self._repaired
        names = dict.fromkeys([*schema.names[:-2], "credit_code", "recorded_at", *ENDS])
        if versions or repaired or not self._range_of(name).in_order:
            names |= dict.fromkeys(ORDER)
        wanted = pa.schema([stored.field(column) for column in names])
        rows, in_order = self._range_of(name).read(wanted, low, high, only)
        if not in_order:
            rows = sorted_rows(self._connection, rows).cast(wanted)
        repairs = None
        if repaired:
            decisions = pa.schema([TABLES["credit_repair"].stored_schema.field(c) for c in DECISION])
            repairs, _ = self._range_of("credit_repair").read(decisions, low, high, only)
        end = visible_to(rows, versions=versions, repairs=repairs, table=name)
        columns = [*(rows[column] for column in schema.names[:-2]), rows["recorded_at"], end]
        read = pa.table(columns, schema=schema)
        again = None
        if repairs is not None:
            again = restored(rows, versions=versions, repairs=repairs, table=name)
        return read if again is None else _with_restored(read, again)

    def _range_of(self, table: str) -> FileRange:
        if table not in self._ranges:
            self._ranges[table] = FileRange(self.files(table), ORDER)
        return self._ranges[table]

    @cached_property
    def _repaired(self) -> frozenset[str]:
        """Tables of which a record was ever repaired."""
        if "credit_repair" not in self.tables:
            return frozenset()
        query = f"""SELECT DISTINCT target_table FROM {parquet(self.files("credit_repair"))}
            WHERE decision = 'granted'"""
        with self._connection.cursor() as cursor:
            return frozenset(cursor.sql(query).to_arrow_table()["target_table"].to_pylist())

    @cached_property
    def _codes(self) -> pa.Array:
        if not self.tables:
            return pa.array([], pa.string())
        # Range by range, so that never more than the codes themselves are held.
        largest = max(self.tables, key=lambda name: self._manifest.rows[name])

        def of_range(bounds: tuple[str, str | None]) -> pa.Array:
            columns = [self._range_of(name).read(_CODE, *bounds)[0]["credit_code"] for name in self.tables]
            codes = pc.unique(pa.chunked_array([pc.unique(column) for column in columns], pa.string()))
            return codes.take(pc.array_sort_indices(codes))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(of_range, self._range_of(largest).cuts(CODES_AT_ONCE)))
        return pa.concat_arrays(found)

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect(self._root / "spill")

    def _folder(self, table: str) -> DeltaFolder:
        return DeltaFolder(self._root / "records" / table)

    @staticmethod
    def _schema(table: RecordTable, columns: Sequence[str] | None) -> pa.Schema:
        stored = table.stored_schema
        names = table.arrow_schema.names if columns is None else list(dict.fromkeys(columns))
        unknown = [name for name in names if name not in stored.names]
        if unknown:
            raise InputError(
                f"table {table.name!r} has no column {unknown[0]!r}",
                field="columns",
                fix=f"It has {', '.join(stored.names)}.",
            )
        return pa.schema([*(stored.field(name) for name in names), *VISIBILITY])


def _with_restored(read: pa.Table, again: Restored) -> pa.Table:
    """Put the intervals of restored rows in place of their own, one row each."""
    others = np.setdiff1d(np.arange(read.num_rows), again.place)
    place = np.concatenate([others, again.place])
    order = np.argsort(place, kind="stable")
    rows = read.take(place[order])
    for name, days in (("visible_from", again.visible_from), ("visible_to", again.visible_to)):
        own = read[name].cast(pa.int32()).to_numpy()[others]
        column = pa.array(np.concatenate([own, days])[order]).cast(pa.date32())
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows.cast(read.schema)


def _known(table: str) -> RecordTable:
    if table not in TABLES:
        raise InputError(
            f"there is no record table {table!r}", field="table", fix=f"Tables: {', '.join(TABLES)}."
        )
    return TABLES[table]
