"""What work on other processes and machines needs: a store that each opens itself, and small messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.errors import InputError
from features.runners.ranges import Range
from features.runners.work import RecordReader


@dataclass(frozen=True)
class StoredSnapshot:
    """Where a snapshot lies: on a file system that every worker reaches by the same path.

    Parameters
    ----------
    root
        Folder of the record store.
    id
        Number of the snapshot.
    """

    root: str
    id: int

    @classmethod
    def of(cls, snapshot: Any) -> StoredSnapshot:
        """Return where a snapshot lies.

        Raises
        ------
        InputError
            If the records are not in a store.
        """
        if not hasattr(snapshot, "root"):
            raise InputError(
                "only records of a store can be read by other processes",
                field="runner",
                fix="Use the runner threads, or load the records into a store.",
            )
        return cls(str(Path(snapshot.root).resolve()), snapshot.id)

    def open(self) -> RecordReader:
        """Return the snapshot; a process opens it once."""
        return _opened(self)


@lru_cache(maxsize=4)
def _opened(place: StoredSnapshot) -> RecordReader:
    from features.store import RecordStore

    return RecordStore(Path(place.root)).snapshot(place.id)


def run(work: Callable[[RecordReader, Any, Any], Any], place: StoredSnapshot, shared: Any, item: Any) -> Any:
    """Do the work on one item, in whatever process."""
    return work(place.open(), shared, item)


def packed(item: Any) -> Any:
    """Return an item that carries its own rows only: a slice is sent with all that it is a slice of."""
    if isinstance(item, Range):
        rows = pa.array(range(item.pairs.num_rows), pa.int64())
        return Range(packed(item.codes), item.enterprise.copy(), item.as_of.copy(), item.pairs.take(rows))
    if isinstance(item, pa.Array):
        return item.take(pa.array(range(len(item)), pa.int64()))
    return item
