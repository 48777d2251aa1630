"""Who is to be classified at a date, and which dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.runners.ranges import PAIR_SCHEMA
from features.runners.threads import RecordReader

IN_BUSINESS = "1"


def registered(snapshot: RecordReader, as_of: Sequence[date]) -> pa.Table:
    """Return the enterprises that were known to be in business at each date.

    An enterprise counts if the newest registration state that was visible at the date says that it
    is in business (存续). What the register learned later does not change an earlier cohort.

    Parameters
    ----------
    snapshot
        Where records are read.
    as_of
        Dates.

    Returns
    -------
    pyarrow.Table
        ``credit_code`` and ``as_of``, one row an enterprise and date.
    """
    rows = snapshot.read("enterprise", columns=["credit_code", "event_date", "status"])
    code = rows["credit_code"].combine_chunks().dictionary_encode()
    place = code.indices.to_numpy()
    event, known, until = (
        rows[name].cast(pa.int32()).to_numpy() for name in ("event_date", "visible_from", "visible_to")
    )
    alive = pc.equal(rows["status"], IN_BUSINESS).to_numpy()
    parts = []
    for day in as_of:
        today = np.datetime64(day, "D").astype(np.int64)
        seen = (known <= today) & (today < until) & (event <= today)
        # Rows are sorted by enterprise and date, so the last one written is the newest state.
        state = np.zeros(len(code.dictionary), dtype=bool)
        state[place[seen]] = alive[seen]
        codes = code.dictionary.take(pa.array(np.flatnonzero(state)))
        parts.append(
            pa.table(
                [codes, pa.array([day] * len(codes), type=pa.date32())],
                schema=PAIR_SCHEMA,
            )
        )
    return pa.concat_tables(parts) if parts else PAIR_SCHEMA.empty_table()
