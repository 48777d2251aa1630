"""Who an enterprise is, as the register knew it at a date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel.few import FewRecords
from features.records import TABLES
from features.runners.threads import RecordReader

COLUMNS = ("name", "district", "industry", "enterprise_type")
SCHEMA = pa.schema([pa.field("credit_code", pa.string()), *(pa.field(name, pa.string()) for name in COLUMNS)])


def registration_at(snapshot: RecordReader, as_of: date, codes: pa.Array) -> pa.Table:
    """Return the newest registration state of enterprises that was visible at a date.

    Parameters
    ----------
    snapshot
        Where records are read.
    as_of
        The date.
    codes
        Sorted credit codes.

    Returns
    -------
    pyarrow.Table
        ``credit_code`` and :data:`COLUMNS`, one row a code, in their order; missing where nothing was
        known.
    """
    if not len(codes) or not snapshot.exists(TABLES["enterprise"].name):
        blank = [pa.nulls(len(codes), pa.string()) for _ in COLUMNS]
        return pa.table([codes.cast(pa.string()), *blank], schema=SCHEMA)
    rows = snapshot.read(
        "enterprise",
        columns=["credit_code", "event_date", *COLUMNS],
        codes=(codes[0].as_py(), codes[-1].as_py()),
    )
    today = np.datetime64(as_of, "D").astype(np.int64)
    event, known, until = (
        rows[name].cast(pa.int32()).to_numpy() for name in ("event_date", "visible_from", "visible_to")
    )
    rows = rows.filter(pa.array((event <= today) & (known <= today) & (today < until)))
    # Sorted by enterprise and date: the last place of a code is its newest state.
    place = pc.index_in(rows["credit_code"], value_set=codes).to_numpy(zero_copy_only=False)
    newest = np.full(len(codes), -1, dtype=np.int64)
    has = ~np.isnan(place.astype(np.float64))
    newest[place[has].astype(np.int64)] = np.flatnonzero(has)
    chosen = pa.array(newest, mask=newest < 0)
    columns = [rows[name].take(chosen).combine_chunks() for name in COLUMNS]
    return pa.table([codes.cast(pa.string()), *columns], schema=SCHEMA)


def registration_in(records: Mapping[str, pa.Table | FewRecords], as_of: date) -> dict[str, str | None]:
    """Return the registration state of the one enterprise whose records are at hand.

    Parameters
    ----------
    records
        Table name → records in the canonical schema.
    as_of
        The date; what happened or was recorded later is not looked at.
    """
    blank: dict[str, str | None] = dict.fromkeys(COLUMNS)
    table = records.get("enterprise")
    if table is None:
        return blank
    if isinstance(table, FewRecords):
        rows = [row for row in table.rows if row["event_date"] <= as_of and row["recorded_at"] <= as_of]
        rows.sort(key=lambda row: (row["event_date"], row["recorded_at"]))
        return {name: rows[-1][name] for name in COLUMNS} if rows else blank
    day = pa.scalar(as_of, pa.date32())
    known = pc.and_(pc.less_equal(table["event_date"], day), pc.less_equal(table["recorded_at"], day))
    table = table.filter(known).sort_by([("event_date", "ascending"), ("recorded_at", "ascending")])
    return {name: table[name][-1].as_py() for name in COLUMNS} if table.num_rows else blank
