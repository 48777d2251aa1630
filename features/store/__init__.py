"""The append-only record store: Delta tables, snapshots, quarantine, provenance."""

from features.store.record_store import LoadResult, RecordStore
from features.store.snapshot import Snapshot
from features.store.transaction import Counts, LoadTransaction

__all__ = ["Counts", "LoadResult", "LoadTransaction", "RecordStore", "Snapshot"]
