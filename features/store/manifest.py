"""Snapshot manifests: which version of every Delta table belongs together."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from features.errors import InputError


@dataclass(frozen=True)
class Manifest:
    """One published state of the store.

    Parameters
    ----------
    id
        Number of the snapshot, from 1.
    created_at
        When it was published, ISO 8601 with time zone.
    load_id
        The load that made it.
    tables
        Record table → Delta version.
    rows
        Record table → number of stored versions of records.
    system
        ``quarantine`` and ``loads`` → Delta version.
    single
        Record tables whose every record has one version: they are read without looking for others.
    """

    id: int
    created_at: str
    load_id: str
    tables: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    system: Mapping[str, int] = field(default_factory=dict)
    single: Sequence[str] = ()


class Manifests:
    """The folder of manifests; one file a snapshot, written once, never changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ids(self) -> list[int]:
        """Return the numbers of all published snapshots, ascending."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.stem) for path in self.folder.glob("*.json") if path.stem.isdigit())

    def latest(self) -> Manifest | None:
        """Return the newest manifest, or None if nothing was ever published."""
        ids = self.ids()
        return self.read(ids[-1]) if ids else None

    def read(self, number: int) -> Manifest:
        """Return a manifest.

        Raises
        ------
        InputError
            If there is no such snapshot.
        """
        path = self._path(number)
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            ids = self.ids()
            few = ", ".join(map(str, ids[-5:]))
            known = f"the latest that the store has: {few}" if ids else "the store is empty"
            raise InputError(
                f"there is no snapshot {number}; {known}", field="snapshot", fix="Name one that exists."
            ) from None
        return Manifest(**content)

    def publish(self, manifest: Manifest) -> None:
        """Put a manifest in place by one atomic rename, on disk before it is seen."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(manifest.id)
        temporary = path.with_suffix(".json.tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(asdict(manifest), file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        # The rename itself is only durable once the folder is.
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def drop(self, number: int) -> None:
        """Remove a manifest; its snapshot can no longer be read."""
        self._path(number).unlink()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.json"
