r"""How many records arrive a month, and which months are out of the ordinary.

Counts are compared by their square roots :math:`r = \sqrt{x}`, whose standard deviation by chance alone is
one half whatever the level. A month is compared with two medians :math:`m`: of the same calendar month in
up to three years before it, as annual reports and inspections follow the calendar; and of the twelve
months before it. The surprise of each is

.. math:: (r - m) / \max(1.4826\,\mathrm{MAD},\ 0.75,\ 0.075\,m)

so that neither chance nor ordinary growth raises a flag, and the lesser of the two counts: a season that
returns is none, and after half a year a new level, silence too, is what is usual.
"""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.store import RecordStore, Snapshot
from features.store.versions import parquet

Floats = npt.NDArray[np.float64]

COLUMNS = ["table", "provider", "month", "records", "usual", "surprise", "flag"]
#: Consistent with the standard deviation of a normal distribution.
MAD_TO_SD = 1.4826
YEAR = 12


def volumes(
    connection: duckdb.DuckDBPyConnection, store: RecordStore, snapshot: Snapshot, *, limit: float
) -> pd.DataFrame:
    """Return new records by table, provider and month of recording.

    Parameters
    ----------
    connection
        Does the counting.
    store, snapshot
        What is assessed.
    limit
        Surprise from which on a month is flagged ``low`` or ``high``.

    Returns
    -------
    pandas.DataFrame
        One row a month from a provider's first to its source's last full month, months without records
        included: a provider that falls silent is what this is for. ``usual`` and ``surprise`` are
        missing where there is nothing to compare with.
    """
    counted = _counted(connection, store, snapshot)
    if counted.empty:
        return pd.DataFrame(columns=COLUMNS)
    last = _last_full_month(counted)
    parts = []
    for (table, provider), group in counted.groupby(["table", "provider"]):
        end = last[group["source"]].max()
        monthly = group.groupby("month")["records"].sum()
        monthly = monthly[monthly.index <= end]
        if monthly.empty:
            continue
        whole = monthly.reindex(pd.period_range(monthly.index.min(), end, freq="M"), fill_value=0)
        usual, surprise = surprises(whole.to_numpy(dtype=np.float64))
        parts.append(
            pd.DataFrame(
                {
                    "table": table,
                    "provider": provider,
                    "month": whole.index.astype(str),
                    "records": whole.to_numpy(),
                    "usual": usual,
                    "surprise": surprise,
                    "flag": np.select([surprise > limit, surprise < -limit], ["high", "low"], ""),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def surprises(counts: Floats) -> tuple[Floats, Floats]:
    """Return what was usual for each month and how far the month is from it, in spreads.

    Parameters
    ----------
    counts
        Records of consecutive months, shape (n,).

    Returns
    -------
    usual, surprise
        Shape (n,); NaN in the first year, which has nothing to compare with.
    """
    roots = np.sqrt(counts)
    usual, surprise = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    for place in range(YEAR, len(counts)):
        same_month = roots[[place - lag for lag in (YEAR, 2 * YEAR, 3 * YEAR) if place >= lag]]
        compared = [_compare(roots[place], before) for before in (same_month, roots[place - YEAR : place])]
        level, surprise[place] = min(compared, key=lambda pair: abs(pair[1]))
        usual[place] = level**2
    return usual, surprise


def _compare(root: float, before: Floats) -> tuple[float, float]:
    median = float(np.median(before))
    spread = MAD_TO_SD * float(np.median(np.abs(before - median)))
    return median, (root - median) / max(spread, 0.75, 0.075 * median)


def _counted(connection: duckdb.DuckDBPyConnection, store: RecordStore, snapshot: Snapshot) -> pd.DataFrame:
    """Return new records by table, provider, source and month, and the last day that a source tells of."""
    loads = store.loads(snapshot.id).select(["load_id", "source"])
    connection.register("known_loads", loads)
    parts = [pd.DataFrame()]
    for table in snapshot.counts():
        query = f"""
        WITH records AS (
            SELECT provider, min(recorded_at) AS known, arg_min(load_id, recorded_at) AS load_id
            FROM {parquet(snapshot.files(table))} GROUP BY provider, record_id
        ),
        sources AS (SELECT DISTINCT load_id, source FROM known_loads)
        SELECT $table AS "table", provider, coalesce(source, '') AS source,
            strftime(known, '%Y-%m') AS month, count(*) AS records, max(known)::VARCHAR AS latest
        FROM records LEFT JOIN sources USING (load_id)
        GROUP BY provider, source, month
        """
        parts.append(connection.execute(query, {"table": table}).df())
    connection.unregister("known_loads")
    counted = pd.concat(parts, ignore_index=True)
    if not counted.empty:
        counted["month"] = pd.PeriodIndex(counted["month"], freq="M")
    return counted


def _last_full_month(counted: pd.DataFrame) -> pd.Series:
    """Return the last month that each source tells of to its end, give or take three days."""
    latest = pd.to_datetime(counted.groupby("source")["latest"].max())
    month = latest.dt.to_period("M")
    full = (month.dt.end_time.dt.normalize() - latest).dt.days <= 3
    return month.where(full, month.map(lambda m: m - 1))
