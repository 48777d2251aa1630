"""Which columns are filled in."""

from __future__ import annotations

import duckdb
import pandas as pd

from features.quality.thresholds import ENDS
from features.records import TABLES
from features.store import Snapshot
from features.store.versions import parquet, quoted

COLUMNS = ["table", "provider", "column", "rows", "filled", "share", "counts"]


def completeness(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> pd.DataFrame:
    """Return the share of rows that have a value, by table, provider and column.

    Parameters
    ----------
    connection
        Does the counting.
    snapshot
        What is assessed.

    Returns
    -------
    pandas.DataFrame
        Optional columns only, as a row without a required one is not stored. ``counts`` is false where
        absence says something (no end of a list entry is no gap).
    """
    parts = []
    for table in snapshot.counts():
        wanted = [column.name for column in TABLES[table].all_columns if not column.required]
        # A column that the store's files do not have yet is empty, not an error.
        have = set(snapshot.columns(table))
        counted = ", ".join(
            f"count({quoted(name)}) AS {quoted(name)}" if name in have else f"0 AS {quoted(name)}"
            for name in wanted
        )
        query = f"""
        SELECT provider, count(*) AS "#rows", {counted}
        FROM {parquet(snapshot.files(table))} GROUP BY provider ORDER BY provider
        """
        wide = connection.execute(query).df()
        long = wide.melt(
            id_vars=["provider", "#rows"], value_vars=wanted, var_name="column", value_name="filled"
        )
        parts.append(long.rename(columns={"#rows": "rows"}).assign(table=table))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    whole = pd.concat(parts, ignore_index=True)
    whole["share"] = whole["filled"] / whole["rows"]
    whole["counts"] = ~whole["column"].isin(ENDS)
    return whole[COLUMNS]
