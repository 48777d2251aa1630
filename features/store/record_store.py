"""The record store: where loads go in and snapshots come out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from filelock import FileLock, Timeout

from features.errors import InputError
from features.store.manifest import Manifest, Manifests
from features.store.quarantine import LOADS, QUARANTINE
from features.store.snapshot import Snapshot
from features.store.transaction import SYSTEM, Counts, LoadTransaction


@dataclass(frozen=True)
class LoadResult:
    """What a load did.

    Attributes
    ----------
    snapshot_id
        The snapshot that is the latest after it; unchanged if it added nothing.
    counts
        Table → counts.
    """

    snapshot_id: int
    counts: Mapping[str, Counts]


@dataclass(frozen=True)
class CompactionResult:
    """What a compaction did.

    Attributes
    ----------
    snapshot_id
        The snapshot that is the latest after it; unchanged if there was nothing to put together.
    files
        Table that was rewritten → number of files before and after.
    """

    snapshot_id: int
    files: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class RetentionResult:
    """What :meth:`RecordStore.retain` did.

    Attributes
    ----------
    dropped, kept
        Numbers of snapshots.
    files_deleted
        Data files that none of the kept ones needs.
    """

    dropped: tuple[int, ...]
    kept: tuple[int, ...]
    files_deleted: int


class RecordStore:
    """Append-only store of record versions.

    Parameters
    ----------
    root
        Its folder; made by the first load.
    lock_timeout
        Seconds to wait for another writer.
    """

    def __init__(self, root: Path, *, lock_timeout: float = 600.0) -> None:
        self.root = Path(root)
        self._lock_timeout = lock_timeout
        self._manifests = Manifests(self.root / "snapshots")

    def snapshot(self, id: int | str | None = None) -> Snapshot:
        """Return a published state.

        Parameters
        ----------
        id
            Its number; the latest by default.

        Raises
        ------
        InputError
            If the store is empty or has no such snapshot.
        """
        if id is None:
            latest = self._manifests.latest()
            if latest is None:
                raise InputError(
                    f"the record store {self.root} is empty",
                    field="home",
                    fix="Load records first: risk-model ingest SOURCE FILE…, or risk-model simulate.",
                )
            return Snapshot(self.root, latest)
        if not str(id).isdigit():
            raise InputError(f"{id!r} is no snapshot number", field="snapshot", fix="Give a whole number.")
        return Snapshot(self.root, self._manifests.read(int(id)))

    def snapshots(self) -> list[Snapshot]:
        """Return all published states, the oldest first."""
        return [Snapshot(self.root, self._manifests.read(number)) for number in self._manifests.ids()]

    @contextmanager
    def begin(self, *, load_id: str, source: str) -> Iterator[LoadTransaction]:
        """Open a load as the only writer; what an exception interrupts is rolled back.

        Parameters
        ----------
        load_id, source
            Name of the load and of its source.

        Raises
        ------
        InputError
            If another writer holds the store for too long, or its path cannot be used.
        """
        # The table format fails on the one, and the readers of its files take the others for patterns.
        unusable = sorted(set(str(self.root.resolve())) & set("*?[]{}"))
        if unusable:
            raise InputError(
                f"the path {self.root} has {unusable[0]!r} in it", field="home", fix="Use another folder."
            )
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / "writer.lock", timeout=self._lock_timeout)
        try:
            lock.acquire()
        except Timeout:
            raise InputError(
                f"another load is writing to {self.root}", field="home", fix="Wait until it is done."
            ) from None
        try:
            load = LoadTransaction(self.root, self._manifests, load_id, source)
            try:
                yield load
            except BaseException:
                load.roll_back()
                raise
        finally:
            lock.release()

    def load(
        self,
        tables: Mapping[str, pa.Table],
        *,
        load_id: str,
        source: str,
        provider: str = "",
        file: str = "",
        sha256: str = "",
    ) -> LoadResult:
        """Add validated rows of several tables as one atomic snapshot.

        Parameters
        ----------
        tables
            Table name → rows: the table's ``arrow_schema`` and ``source_line``.
        load_id, source, provider, file, sha256
            Provenance.

        Returns
        -------
        LoadResult
            Counts a table, and the snapshot.
        """
        started = datetime.now(UTC)
        with self.begin(load_id=load_id, source=source) as load:
            counts = {name: load.add(name, rows, file=file) for name, rows in tables.items()}
            number = load.commit(
                [
                    {
                        "provider": provider,
                        "file": file,
                        "sha256": sha256,
                        "table": name,
                        "rows_in": count.rows_in,
                        "accepted": count.accepted,
                        "duplicate": count.duplicate,
                        "quarantined": count.conflict,
                        "not_applicable": 0,
                        "started_at": started,
                        "finished_at": datetime.now(UTC),
                    }
                    for name, count in counts.items()
                ]
            )
        return LoadResult(number, counts)

    def compact(self) -> CompactionResult:
        """Put the files of many loads together, each table as one sorted run, as a new snapshot.

        Nothing is added or lost, and earlier snapshots stay readable; :meth:`retain` frees what they
        take up once they are no longer wanted.

        Raises
        ------
        InputError
            If the store is empty, or another writer holds it for too long.
        """
        tables = self.snapshot().tables
        with self.begin(load_id="compaction", source="store") as load:
            found = {name: load.compact(name) for name in (*tables, *SYSTEM)}
            number = load.commit()
        return CompactionResult(number, {name: files for name, files in found.items() if files is not None})

    def retain(self, last: int, *, keep: Collection[int] = ()) -> RetentionResult:
        """Drop old snapshots, and the files that no snapshot left needs.

        Parameters
        ----------
        last
            How many of the newest snapshots to keep, at least one.
        keep
            Older snapshots to keep, such as those that models were trained on.

        Returns
        -------
        RetentionResult
            Snapshots dropped and kept, files deleted.

        Raises
        ------
        InputError
            If ``last`` is less than one, ``keep`` names a snapshot that does not exist, or the store is
            empty.

        Notes
        -----
        Manifests go first, so that an interruption leaves files too many, never a snapshot without its
        files. A process that is reading a dropped snapshot fails: run it when none does.
        """
        if last < 1:
            raise InputError(
                f"at least the newest snapshot is kept, got {last}", field="last", fix="Give 1 or more."
            )
        self.snapshot()
        with self.begin(load_id="retention", source="store") as load:
            ids = self._manifests.ids()
            missing = sorted(set(keep) - set(ids))
            if missing:
                raise InputError(
                    f"there is no snapshot {missing[0]} to keep",
                    field="keep",
                    fix="See risk-model store snapshots.",
                )
            dropped = [number for number in ids[:-last] if number not in keep]
            kept = [number for number in ids if number not in dropped]
            for number in dropped:
                self._manifests.drop(number)
            cleared = load.clear([self._manifests.read(number) for number in kept])
        return RetentionResult(tuple(dropped), tuple(kept), cleared)

    def quarantine(self, snapshot: int | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows that could not be used, as of a snapshot (the latest by default)."""
        return self._system("quarantine", QUARANTINE, snapshot, columns)

    def loads(self, snapshot: int | None = None) -> pa.Table:
        """Return the provenance of all loads, as of a snapshot (the latest by default)."""
        return self._system("loads", LOADS, snapshot, None)

    def _system(
        self, name: str, schema: pa.Schema, snapshot: int | None, columns: Sequence[str] | None
    ) -> pa.Table:
        manifest = self._manifests.latest() if snapshot is None else self._manifests.read(snapshot)
        wanted = pa.schema([schema.field(c) for c in columns]) if columns else schema
        if manifest is None or name not in manifest.system:
            return wanted.empty_table()
        table = DeltaTable(self.root / name, version=_version(manifest, name))
        return pa.table(table.to_pyarrow_table(columns=wanted.names)).cast(wanted)


def _version(manifest: Manifest, name: str) -> int:
    return int(manifest.system[name])
