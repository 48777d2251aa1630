"""From the event to the record: how long it takes until the system knows."""

from __future__ import annotations

import duckdb
import pandas as pd

from features.quality.thresholds import KNOWN_WITHIN
from features.store import Snapshot
from features.store.versions import parquet

COLUMNS = ["table", "provider", "records", "median", "p90", "p99", "longest", "limit", "late", "before_event"]


def timeliness(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> pd.DataFrame:
    """Return the days from event to record, by table and provider.

    Parameters
    ----------
    connection
        Does the counting.
    snapshot
        What is assessed.

    Returns
    -------
    pandas.DataFrame
        ``records``; ``median``, ``p90``, ``p99`` and ``longest`` in days; ``limit``, the days that law
        gives, if it does; ``late``, the share beyond; ``before_event``, records known before they
        happened.

    Notes
    -----
    Of several versions about the same event, the first counts: a later one corrects, it is not late.
    """
    parts = []
    for table in snapshot.counts():
        limit = KNOWN_WITHIN.get(table)
        query = f"""
        WITH events AS (
            SELECT provider, (min(recorded_at) - event_date)::BIGINT AS lag
            FROM {parquet(snapshot.files(table))} GROUP BY provider, record_id, event_date
        )
        SELECT provider, count(*) AS records,
            quantile_disc(lag, 0.5) AS median, quantile_disc(lag, 0.9) AS p90,
            quantile_disc(lag, 0.99) AS p99, max(lag) AS longest,
            avg((lag > $limit)::INT) AS late, count(*) FILTER (lag < 0) AS before_event
        FROM events GROUP BY provider ORDER BY provider
        """
        found = connection.execute(query, {"limit": limit}).df()
        parts.append(found.assign(table=table, limit=limit))
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return whole[COLUMNS].astype({"limit": "Float64", "late": "Float64"})
