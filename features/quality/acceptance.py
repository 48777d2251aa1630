"""What became of the rows that were delivered, and why some were refused."""

from __future__ import annotations

import pandas as pd

from features.store import RecordStore, Snapshot

FATES = ["rows_in", "accepted", "duplicate", "quarantined", "not_applicable"]


def acceptance(store: RecordStore, snapshot: Snapshot) -> pd.DataFrame:
    """Return delivered, accepted, known and refused rows, by source, provider and table."""
    loads = store.loads(snapshot.id).to_pandas()
    summed: pd.DataFrame = loads.groupby(["source", "provider", "table"], as_index=False)[FATES].sum()
    delivered = summed["rows_in"].where(summed["rows_in"] > 0)
    summed["share_duplicate"] = (summed["duplicate"] / delivered).fillna(0.0)
    summed["share_quarantined"] = (summed["quarantined"] / delivered).fillna(0.0)
    return summed


def quarantine(store: RecordStore, snapshot: Snapshot) -> pd.DataFrame:
    """Return the refused rows by source, table, reason and column; each row counts once."""
    columns = ["source", "table", "reason", "field", "row_hash"]
    kept = store.quarantine(snapshot.id, columns=columns).to_pandas()
    kept["field"] = kept["field"].fillna("")
    by = ["source", "table", "reason", "field"]
    counted: pd.DataFrame = (
        kept.groupby(by, as_index=False)["row_hash"].size().rename(columns={"size": "rows"})
    )
    return counted.sort_values(["source", "table", "rows"], ascending=[True, True, False], ignore_index=True)
