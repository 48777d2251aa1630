"""The append-only record store: Delta tables, snapshots, quarantine, provenance."""

from features.store.record_store import CompactionResult, LoadResult, RecordStore, RetentionResult
from features.store.snapshot import Snapshot
from features.store.transaction import Counts, LoadTransaction

__all__ = [
    "CompactionResult",
    "Counts",
    "LoadResult",
    "LoadTransaction",
    "RecordStore",
    "RetentionResult",
    "Snapshot",
]
