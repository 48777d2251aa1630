"""One Delta table on disk: append, rewrite, files of a version, roll back, clear what no version needs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable, PostCommitHookProperties, Schema

from features.store.ordered_files import write_in_order

#: Old versions are what snapshots name, so the log is never cleaned up behind them.
CONFIGURATION = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.enableExpiredLogCleanup": "false",
}
#: A compacted file of some millions of rows; more files only for larger provinces.
FILE_BYTES = 256 * 2**20
KEEP_LOG = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


class DeltaFolder:
    """A Delta table in a folder, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def version(self) -> int | None:
        """Return the newest version on disk, or None if there is no table."""
        return DeltaTable(self.path).version() if DeltaTable.is_deltatable(str(self.path)) else None

    def files(self, version: int) -> list[str]:
        """Return the Parquet files of a version, as paths."""
        # The library gives them as in a URL: a blank or a Chinese character in the path is encoded.
        uris = DeltaTable(self.path, version=version).file_uris()
        return sorted(unquote(uri.removeprefix("file://")) for uri in uris)

    def columns(self, version: int) -> list[str]:
        """Return the column names of a version."""
        return [field.name for field in DeltaTable(self.path, version=version).schema().fields]

    def append(
        self, rows: pa.Table | pa.RecordBatchReader, order: Sequence[str] = (), key: str | None = None
    ) -> int:
        """Append rows in one commit and return the new version.

        Parameters
        ----------
        rows
            Rows.
        order
            Columns by which they are sorted; none if they are in no order.
        key
            The column of which ranges are read; None for none.
        """
        reader = rows.to_reader() if isinstance(rows, pa.Table) else rows
        table = self._with_columns(reader.schema)
        self._commit(table, reader, "append", order, key, None)
        return DeltaTable(self.path).version()

    def replace(self, rows: pa.RecordBatchReader, order: Sequence[str], key: str | None = None) -> int:
        """Put rows in the place of all that the table holds, in one commit; return the new version.

        The files of earlier versions stay where they are, so that those can still be read.

        Parameters
        ----------
        rows, order, key
            As for :meth:`append`.
        """
        self._commit(DeltaTable(self.path), rows, "overwrite", order, key, FILE_BYTES)
        return DeltaTable(self.path).version()

    def _commit(
        self,
        table: DeltaTable,
        rows: pa.RecordBatchReader,
        mode: str,
        order: Sequence[str],
        key: str | None,
        file_bytes: int | None,
    ) -> None:
        # The library's own writer splits a large load among threads, so that its files are not in order.
        table.create_write_transaction(
            actions=[*write_in_order(self.path, rows, order, key, file_bytes)],
            mode=mode,
            schema=table.schema(),
            post_commithook_properties=KEEP_LOG,
        )

    def _with_columns(self, schema: pa.Schema) -> DeltaTable:
        """Return the table, which has the columns of a schema: a later release may add some."""
        if not DeltaTable.is_deltatable(str(self.path)):
            self.path.mkdir(parents=True, exist_ok=True)
            return DeltaTable.create(self.path, schema, configuration=CONFIGURATION)
        table = DeltaTable(self.path)
        have = {field.name for field in table.schema().fields}
        added = [field for field in Schema.from_arrow(schema).fields if field.name not in have]
        if added:
            table.alter.add_columns(added)
            table = DeltaTable(self.path)
        return table

    def rows(self, version: int) -> int:
        """Return the number of rows of a version."""
        return int(DeltaTable(self.path, version=version).count())

    def scattered(self, version: int, column: str | None) -> bool:
        """Return whether one enterprise's rows lie in several places, or all rows in too many files.

        Parameters
        ----------
        version
            Version of the table.
        column
            The column by which each file is sorted; None if only the number of files counts.
        """
        files = pa.table(DeltaTable(self.path, version=version).get_add_actions(flatten=True))
        size = sum(files["size_bytes"].to_pylist())
        if files.num_rows > 2 * max(1, -(-size // FILE_BYTES)):
            return True
        if files.num_rows < 2 or column is None:
            return False
        if not {f"min.{column}", f"max.{column}"} <= set(files.schema.names):
            return True
        low, high = (files[f"{end}.{column}"].to_pylist() for end in ("min", "max"))
        if None in low or None in high:
            return True
        ranges = sorted(zip(low, high, strict=True))
        return any(after[0] < before[1] for before, after in pairwise(ranges))

    def clear(self, versions: Iterable[int]) -> int:
        """Delete the data files that none of the versions needs; return how many."""
        needed = {Path(file).name for version in versions for file in self.files(version)}
        unneeded = [path for path in self.path.glob("*.parquet") if path.name not in needed]
        for path in unneeded:
            path.unlink()
        return len(unneeded)

    def roll_back(self, version: int | None) -> int | None:
        """Make the newest version hold what a version held; return the version to go on from.

        Parameters
        ----------
        version
            The version of the last manifest; None if it names no such table, and the folder goes.
        """
        if version is None:
            if self.path.exists():
                shutil.rmtree(self.path)
            return None
        newest = DeltaTable(self.path)
        if newest.version() == version or self.files(newest.version()) == self.files(version):
            return newest.version()
        newest.restore(version, post_commithook_properties=KEEP_LOG)
        return DeltaTable(self.path).version()
