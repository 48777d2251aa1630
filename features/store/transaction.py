"""One load: everything it adds becomes visible together, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.errors import InputError
from features.records import TABLES
from features.store import quarantine, versions
from features.store.delta import DeltaFolder
from features.store.manifest import Manifest, Manifests

SYSTEM = ("quarantine", "loads")
#: Ranges of this column are read.
KEY = "credit_code"
#: A load that has appended this often to a table puts it in order before it is published: else every range of
#: enterprises would be read from as many places.
APPENDS = 4


@dataclass(frozen=True)
class Counts:
    """What became of the rows that were added to one table.

    Attributes
    ----------
    accepted, duplicate, conflict
        Stored; known already; refused because they contradict a stored row.
    reasons
        Reason of refusal → rows.
    """

    accepted: int
    duplicate: int
    conflict: int
    reasons: Mapping[str, int]

    @property
    def rows_in(self) -> int:
        """All rows that were handed over."""
        return self.accepted + self.duplicate + self.conflict


class LoadTransaction:
    """Writes of one load, made through :meth:`RecordStore.begin`.

    Each :meth:`add` is one Delta commit, so that a load may be larger than memory; readers see none of
    them before :meth:`commit` has put the manifest in place.
    """

    def __init__(self, root: Path, manifests: Manifests, load_id: str, source: str) -> None:
        self._root = root
        self._manifests = manifests
        self._load_id = load_id
        self._source = source
        self.last = manifests.latest()
        tables = self.last.tables if self.last else {}
        system = self.last.system if self.last else {}
        self._rows = dict(self.last.rows) if self.last else {}
        self._before = {**tables, **system}
        self._single = set(self.last.single) if self.last else set()
        self._now: dict[str, int] = {}
        self._changed = False
        self._appends: Counter[str] = Counter()
        self.roll_back()

    def roll_back(self) -> None:
        """Undo what lies beyond the last manifest: a killed or failed load's commits."""
        folders = self._root / "records"
        found = [path.name for path in folders.iterdir()] if folders.is_dir() else []
        self._now = {}
        self._changed = False
        self._appends.clear()
        for name in sorted({*found, *SYSTEM, *self._before}):
            version = self._folder(name).roll_back(self._before.get(name))
            if version is not None:
                self._now[name] = version

    def add(self, table: str, rows: pa.Table, *, file: str = "") -> Counts:
        """Add validated rows to a table.

        Parameters
        ----------
        table
            Name of the record table.
        rows
            ``arrow_schema`` of the table and ``source_line``.
        file
            Name of the file they came from, for the quarantine.

        Returns
        -------
        Counts
            What became of them.
        """
        record_table = TABLES[table]
        expected = pa.schema([*record_table.arrow_schema, pa.field("source_line", pa.int64())])
        rows = rows.select(expected.names).cast(expected)
        if not rows.num_rows:
            return Counts(0, 0, 0, {})
        for name in ("record_id", "recorded_at", "credit_code", "event_date"):
            if rows[name].null_count:
                raise InputError(f"table {table!r}: {rows[name].null_count} rows have no {name}", field=name)
        existing = self._folder(table).files(self._now[table]) if table in self._now else []
        with versions.connected(self._root / "spill") as connection:
            verdicts = versions.judge(connection, record_table, rows, existing, self._load_id)
            refused = {
                reason: verdicts[verdict]
                for verdict, reason in (
                    (versions.CONFLICT, quarantine.CONFLICT),
                    (versions.OTHER_ENTERPRISE, quarantine.OTHER_ENTERPRISE),
                )
                if verdicts.get(verdict)
            }
            accepted = rows.num_rows - sum(verdicts.values())
            if accepted:
                if table not in self._now:
                    self._single.add(table)
                if table in self._single and versions.brings_versions(connection):
                    self._single.discard(table)
                self._now[table] = self._folder(table).append(
                    versions.accepted(connection, record_table), versions.ORDER, KEY
                )
                self._rows[table] = self._rows.get(table, 0) + accepted
                self._changed = True
                self._appends[table] += 1
            if refused:
                rejected = connection.sql(
                    quarantine.REFUSED_ROWS,
                    params={
                        "table": table,
                        "file": file,
                        "conflict": quarantine.CONFLICT,
                        "other": quarantine.OTHER_ENTERPRISE,
                    },
                )
                self.quarantine(rejected.to_arrow_table())
        return Counts(accepted, verdicts.get(versions.DUPLICATE, 0), sum(refused.values()), refused)

    def quarantine(self, rejected: pa.Table) -> int:
        """Keep rows that cannot be used; return how many were not known already.

        Parameters
        ----------
        rejected
            Columns of :data:`features.store.quarantine.REJECTED`.
        """
        if not rejected.num_rows:
            return 0
        with versions.connected(self._root / "spill") as connection:
            connection.register(
                "rejected", rejected.select(quarantine.REJECTED.names).cast(quarantine.REJECTED)
            )
            known = "(SELECT NULL::BIGINT AS row_hash WHERE false)"
            if "quarantine" in self._now:
                known = versions.parquet(self._folder("quarantine").files(self._now["quarantine"]))
            new: pa.Table = connection.sql(
                quarantine.NEW_ROWS.format(known=known),
                params={"source": self._source, "load_id": self._load_id, "now": datetime.now(UTC)},
            ).to_arrow_table()
        if new.num_rows:
            new = new.select(quarantine.QUARANTINE.names).cast(quarantine.QUARANTINE)
            self._now["quarantine"] = self._folder("quarantine").append(new)
            self._changed = True
        return int(new.num_rows)

    def compact(self, name: str) -> tuple[int, int] | None:
        """Rewrite a table of many appends as one sorted run.

        Parameters
        ----------
        name
            A record table, ``quarantine`` or ``loads``.

        Returns
        -------
        tuple or None
            Files before and after; None where there was nothing to do.

        Notes
        -----
        Appends are sorted each by itself, so that one enterprise lies in as many places as there were
        loads; sorted together it lies in one.
        """
        if name not in self._now:
            return None
        folder, version = self._folder(name), self._now[name]
        key = None if name in SYSTEM else KEY
        if not folder.scattered(version, key):
            return None
        order = quarantine.ORDER.get(name, versions.ORDER)
        files, rows = folder.files(version), folder.rows(version)
        with versions.connected(self._root / "spill") as connection:
            if key is None:
                in_order = versions.in_order(connection, files, folder.columns(version), order)
            else:
                in_order = versions.merged(connection, files, folder.columns(version))
            new = folder.replace(in_order, order, key)
        if folder.rows(new) != rows:
            message = f"compaction of {name!r} made {folder.rows(new)} rows of {rows}"
            raise RuntimeError(message)
        self._now[name] = new
        self._changed = True
        return len(files), len(folder.files(new))

    def clear(self, manifests: Iterable[Manifest]) -> int:
        """Delete the data files that no manifest needs; return how many.

        Parameters
        ----------
        manifests
            All snapshots that can still be read.
        """
        needed: dict[str, set[int]] = {name: {version} for name, version in self._now.items()}
        for manifest in manifests:
            for name, version in {**manifest.tables, **manifest.system}.items():
                needed.setdefault(name, set()).add(version)
        return sum(self._folder(name).clear(kept) for name, kept in needed.items())

    def commit(self, loads: Sequence[Mapping[str, Any]] = ()) -> int:
        """Publish the load as a new snapshot, if it added anything.

        Parameters
        ----------
        loads
            Provenance, one row a file and table: :data:`features.store.quarantine.LOADS` without
            ``load_id`` and ``source``.

        Returns
        -------
        int
            The snapshot that now is the latest.
        """
        if not self._changed and self.last is not None:
            return self.last.id
        scattered = [name for name, times in self._appends.items() if times >= APPENDS]
        rewritten = [name for name in scattered if self.compact(name) is not None]
        if loads:
            rows = [{**row, "load_id": self._load_id, "source": self._source} for row in loads]
            self._now["loads"] = self._folder("loads").append(pa.Table.from_pylist(rows, quarantine.LOADS))
        number = self.last.id + 1 if self.last else 1
        self._manifests.publish(
            Manifest(
                id=number,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                load_id=self._load_id,
                tables={name: version for name, version in self._now.items() if name not in SYSTEM},
                rows=self._rows,
                system={name: self._now[name] for name in SYSTEM if name in self._now},
                single=sorted(self._single),
            )
        )
        # What was appended and then rewritten in this load was never visible to anybody.
        self._forget(rewritten)
        return number

    def _forget(self, names: Iterable[str]) -> None:
        """Delete the files of tables that no snapshot needs."""
        manifests = [self._manifests.read(number) for number in self._manifests.ids()]
        for name in names:
            needed = {manifest.tables[name] for manifest in manifests if name in manifest.tables}
            self._folder(name).clear(needed)

    def _folder(self, name: str) -> DeltaFolder:
        return DeltaFolder(self._root / name if name in SYSTEM else self._root / "records" / name)
