"""One enterprise whose records are at hand: the service's way to the same kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel import Plan, evaluate

NEVER = date(9999, 12, 31)


def with_visibility(table: pa.Table) -> pa.Table:
    """Add the interval on which each record is visible, from the record's own dates.

    Versions of one record must not be sent together: the newest state of each is enough, since
    one enterprise is scored at one date.
    """
    never = pa.scalar(NEVER, pa.date32())
    ends = [table[name] for name in ("withdrawn_at", "repaired_at", "expires_at")]
    until = pc.min_element_wise(*ends, never, skip_nulls=True)
    return table.append_column("visible_from", table["recorded_at"]).append_column("visible_to", until)


def compute_one(
    plan: Plan, records: Mapping[str, pa.Table], credit_code: str, as_of: date, *, known_tables: Iterable[str]
) -> np.ndarray:
    """Compute the features of one enterprise.

    Parameters
    ----------
    plan
        The features.
    records
        Record tables in canonical schema, only of this enterprise.
    credit_code
        Its code.
    as_of
        Date of the classification.
    known_tables
        Tables that the store behind the model holds. Of those, one that is not sent means that
        the enterprise has no such record; any other gives missing features, as in the batch.

    Returns
    -------
    numpy.ndarray
        Shape (1, number of features).
    """
    from features.records import TABLES

    prepared = {}
    for name in known_tables:
        table = records.get(name)
        if table is None:
            table = TABLES[name].arrow_schema.empty_table()
        table = with_visibility(table).sort_by(
            [("event_date", "ascending"), ("recorded_at", "ascending"), ("record_id", "ascending")]
        )
        prepared[name] = table
    day = np.datetime64(as_of, "D").astype(np.int64)
    return evaluate(
        plan, prepared, pa.array([credit_code]), np.zeros(1, dtype=np.int64), np.full(1, day, dtype=np.int64)
    )
