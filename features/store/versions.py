"""The SQL of versions: which incoming rows are new, and how rows are put in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.records.schema import RecordTable
from features.store.ordered_files import FileRange

#: How rows of record tables are sorted, in every file and in everything that is read.
ORDER = ("credit_code", "event_date", "recorded_at", "record_id")
#: Rows that are handed over at a time.
BATCH = 1_000_000

#: Of one piece of work in SQL.
MEMORY = "1536MiB"

#: What became of an incoming row that is not stored.
DUPLICATE = "duplicate"
CONFLICT = "conflict"
OTHER_ENTERPRISE = "other_enterprise"


def connect(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB connection that spills beside the store, not into the working folder."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET preserve_insertion_order = true")
    # Its own default is most of the machine's memory; what needs more than this is spilled.
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    if spill is not None:
        connection.execute("SET temp_directory = $folder", {"folder": str(spill)})
    return connection


@contextmanager
def connected(spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection for one piece of work."""
    connection = connect(spill)
    try:
        yield connection
    finally:
        connection.close()


def quoted(name: str) -> str:
    """Return a column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def parquet(files: list[str]) -> str:
    """Return the SQL that reads Parquet files."""
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
    return f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"


def content_hash(table: RecordTable) -> str:
    """Return the SQL of the 63-bit hash of a row's content.

    MD5 of ``name=value`` of all columns that have a value, in the order of their names: the same on
    every machine and version, and unchanged when a later schema adds a column that old rows lack.
    """
    names = sorted(column.name for column in table.all_columns if column.name != "recorded_at")
    parts = ", ".join(f"'{name}=' || {quoted(name)}::VARCHAR" for name in names)
    return f"(md5_number_lower(concat_ws(chr(31), {parts})) >> 1)::BIGINT"


# Only records that occur more than once, here or in the store, need windows; most do not.
_REPEATED = """
CREATE OR REPLACE TEMP TABLE stored AS
    SELECT record_id, credit_code, recorded_at, content_hash FROM {existing}
    WHERE record_id IN (SELECT record_id FROM incoming);
CREATE OR REPLACE TEMP TABLE repeated AS
    SELECT record_id FROM incoming GROUP BY record_id HAVING count(*) > 1
    UNION SELECT record_id FROM stored;
"""

_REJECTED = """
CREATE OR REPLACE TEMP TABLE rejected AS
WITH versions AS (
    SELECT place, record_id, credit_code, recorded_at, content_hash, false AS is_stored
    FROM incoming WHERE record_id IN (SELECT record_id FROM repeated)
    UNION ALL
    SELECT -1, record_id, credit_code, recorded_at, content_hash, true FROM stored
),
owned AS (
    SELECT *, first_value(credit_code) OVER (
        PARTITION BY record_id ORDER BY is_stored DESC, recorded_at, place) AS owner
    FROM versions
),
days AS (
    SELECT *, row_number() OVER day AS nth, first_value(content_hash) OVER day AS first_hash
    FROM owned WHERE credit_code = owner
    WINDOW day AS (PARTITION BY record_id, recorded_at ORDER BY is_stored DESC, place)
),
chain AS (
    SELECT *, lag(content_hash) OVER (PARTITION BY record_id ORDER BY recorded_at) AS before
    FROM days WHERE nth = 1
)
SELECT place, 'other_enterprise' AS verdict FROM owned WHERE credit_code <> owner AND NOT is_stored
UNION ALL
SELECT place, CASE WHEN content_hash = first_hash THEN 'duplicate' ELSE 'conflict' END
FROM days WHERE nth > 1 AND NOT is_stored
UNION ALL
SELECT place, 'duplicate' FROM chain WHERE content_hash = before AND NOT is_stored
"""


def judge(
    connection: duckdb.DuckDBPyConnection,
    table: RecordTable,
    rows: pa.Table,
    existing: list[str],
    load_id: str,
) -> dict[str, int]:
    """Decide of every incoming row whether it is new.

    Parameters
    ----------
    connection
        Gets the view ``incoming`` (rows with hash, load and ``place``) and the table ``rejected``
        (``place``, ``verdict``).
    table
        The record table.
    rows
        Validated records with ``source_line``.
    existing
        Parquet files of the versions that are stored.
    load_id
        Goes into every row.

    Returns
    -------
    dict
        Verdict → number of rows.
    """
    connection.register("arriving", rows)
    hashes = connection.sql(f"SELECT {content_hash(table)} AS h FROM arriving").to_arrow_table()["h"]
    connection.unregister("arriving")
    count = rows.num_rows
    complete = rows.append_column("content_hash", hashes)
    complete = complete.append_column("load_id", pa.repeat(pa.scalar(load_id, pa.string()), count))
    complete = complete.append_column("place", pc.indices_nonzero(pa.repeat(True, count)).cast(pa.int64()))
    connection.register("incoming", complete)
    stored = parquet(existing) if existing else "incoming WHERE false"
    connection.execute(_REPEATED.format(existing=stored).replace("false\n    WHERE", "false AND"))
    connection.execute(_REJECTED)
    found = connection.execute("SELECT verdict, count(*) FROM rejected GROUP BY verdict").fetchall()
    return dict(found)


def brings_versions(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the rows that :func:`judge` found new give a record more than one version."""
    new = "FROM incoming WHERE place NOT IN (SELECT place FROM rejected)"
    found = connection.execute(
        f"""SELECT EXISTS (SELECT 1 {new} AND record_id IN (SELECT record_id FROM stored))
        OR EXISTS (SELECT 1 {new} AND record_id IN (SELECT record_id FROM repeated)
            GROUP BY record_id HAVING count(*) > 1)"""
    ).fetchall()
    return bool(found[0][0])


def accepted(connection: duckdb.DuckDBPyConnection, table: RecordTable) -> pa.RecordBatchReader:
    """Return the rows that :func:`judge` found new, sorted as they are stored."""
    names = ", ".join(quoted(name) for name in table.stored_schema.names)
    return connection.sql(
        f"SELECT {names} FROM incoming WHERE place NOT IN (SELECT place FROM rejected) "
        f"ORDER BY {', '.join(ORDER)}"
    ).to_arrow_reader(BATCH)


def in_order(
    connection: duckdb.DuckDBPyConnection,
    files: list[str],
    columns: list[str],
    order: Sequence[str],
) -> pa.RecordBatchReader:
    """Return the rows of files, sorted as they are stored; what does not fit into memory is spilled.

    Parameters
    ----------
    connection
        Does the work; must live as long as the reader.
    files
        Parquet files, of which some may lack columns.
    columns
        Columns to return.
    order
        Columns to sort by.
    """
    names, keys = (", ".join(map(quoted, part)) for part in (columns, order))
    return connection.sql(f"SELECT {names} FROM {parquet(files)} ORDER BY {keys}").to_arrow_reader(BATCH)


def merged(
    connection: duckdb.DuckDBPyConnection, files: list[str], columns: list[str]
) -> pa.RecordBatchReader:
    """Return the rows of files of a record table, sorted as they are stored, range of enterprises by range.

    Each file is in order already, so a range is read from a stretch of each: memory is bounded by the range.

    Parameters
    ----------
    connection
        Does the work; must live as long as the reader.
    files
        Parquet files, of which some may lack columns.
    columns
        Columns to return.
    """
    whole = pa.unify_schemas([pq.read_schema(file).remove_metadata() for file in files])
    schema = pa.schema([whole.field(name) for name in columns])
    source = FileRange(files, ORDER)

    def batches() -> Iterator[pa.RecordBatch]:
        for low, high in source.cuts(BATCH):
            rows, in_order = source.read(schema, low, high)
            if not in_order:
                rows = sorted_rows(connection, rows).cast(schema)
            yield from rows.combine_chunks().to_batches(max_chunksize=BATCH)

    return pa.RecordBatchReader.from_batches(schema, batches())


def sorted_rows(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
    """Return rows of a record table in memory, sorted as they are stored.

    Parameters
    ----------
    connection
        Does the work.
    rows
        Has the columns of :data:`ORDER`.
    """
    with connection.cursor() as cursor:
        cursor.register("unsorted", rows)
        return cursor.sql(f"SELECT * FROM unsorted ORDER BY {', '.join(ORDER)}").to_arrow_table()
