"""One Delta table on disk: append, files of a version, roll back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, PostCommitHookProperties, WriterProperties, write_deltalake

#: Old versions are what snapshots name, so the log is never cleaned up behind them.
CONFIGURATION = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.enableExpiredLogCleanup": "false",
}
#: Small enough that a range of enterprises reads a few row groups, not the whole file.
ROWS_A_GROUP = 65_536
KEEP_LOG = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


class DeltaFolder:
    """A Delta table in a folder, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def version(self) -> int | None:
        """Return the newest version on disk, or None if there is no table."""
        return DeltaTable(self.path).version() if DeltaTable.is_deltatable(str(self.path)) else None

    def files(self, version: int) -> list[str]:
        """Return the Parquet files of a version."""
        return sorted(DeltaTable(self.path, version=version).file_uris())

    def columns(self, version: int) -> list[str]:
        """Return the column names of a version."""
        return [field.name for field in DeltaTable(self.path, version=version).schema().fields]

    def append(self, rows: pa.Table | pa.RecordBatchReader) -> int:
        """Append rows in one commit and return the new version."""
        write_deltalake(
            self.path,
            rows,
            mode="append",
            # A column that a later release of the schema adds is added to the table; old rows lack it.
            schema_mode="merge",
            configuration=CONFIGURATION,
            writer_properties=WriterProperties(
                compression="ZSTD", compression_level=3, max_row_group_size=ROWS_A_GROUP
            ),
            post_commithook_properties=KEEP_LOG,
        )
        return DeltaTable(self.path).version()

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
