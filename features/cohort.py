"""Who is to be classified at a date, and which dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.records import TABLES
from features.runners.ranges import PAIR_SCHEMA
from features.runners.work import RecordReader

IN_BUSINESS = "1"


class Register(RecordReader, Protocol):
    """A snapshot that also knows of whom it heard before their registration."""

    def known_before_registration(self) -> pa.Array:
        """Return the credit codes that were known before their registration, or without one, sorted."""


def registered(snapshot: Register, as_of: Sequence[date], among: pa.Array | None = None) -> pa.Table:
    """Return the enterprises that were known to be in business at each date.

    An enterprise counts if the newest registration state that was visible at the date says that it
    is in business (存续). A source may tell nothing of registration, or tell it late: as long as no
    registration state of an enterprise is known, it is presumed to be in business from its first visible
    record on. What the register learns later does not change an earlier cohort.

    Parameters
    ----------
    snapshot
        Where records are read.
    as_of
        Dates.
    among
        Sorted credit codes; only these are looked at. By default everybody.

    Returns
    -------
    pyarrow.Table
        ``credit_code`` and ``as_of``, one row an enterprise and date, sorted by date.
    """
    read: Callable[..., pa.Table] = partial(snapshot.read, **_between(among))
    rows = read("enterprise", columns=["credit_code", "event_date", "status"])
    code = rows["credit_code"].combine_chunks().dictionary_encode()
    place = code.indices.to_numpy()
    event, known, until = _days(rows)
    alive = pc.equal(rows["status"], IN_BUSINESS).to_numpy()
    # Whoever was known after his registration only is presumed by none of his other records, nor is anybody
    # whose registration was known by the first of the dates.
    others = _of(
        snapshot,
        read,
        snapshot.known_before_registration()
        if among is None
        else among.filter(pc.invert(pc.is_in(among, value_set=_told(code, known, event, min(as_of))))),
    )
    parts = []
    for day in as_of:
        today = int(np.datetime64(day, "D").astype(np.int64))
        seen = (known <= today) & (today < until) & (event <= today)
        # Rows are sorted by enterprise and date, so the last one written is the newest state.
        state = np.zeros(len(code.dictionary), dtype=bool)
        state[place[seen]] = alive[seen]
        codes = [code.dictionary.take(pa.array(np.flatnonzero(state)))]
        with_registration = _told(code, known, event, day)
        for table in others:
            presumed = pc.unique(_visible(table, today)["credit_code"])
            codes.append(presumed.filter(pc.invert(pc.is_in(presumed, value_set=with_registration))))
        together = pc.unique(pa.chunked_array(codes, type=pa.string()))
        parts.append(
            pa.table([together, pa.array([day] * len(together), type=pa.date32())], schema=PAIR_SCHEMA)
        )
    return pa.concat_tables(parts) if parts else PAIR_SCHEMA.empty_table()


def _told(code: pa.DictionaryArray, known: np.ndarray, event: np.ndarray, day: date) -> pa.Array:
    """Return the codes of whom a registration was known by a day, whether or not that state still stood."""
    today = int(np.datetime64(day, "D").astype(np.int64))
    told = np.zeros(len(code.dictionary), dtype=bool)
    told[code.indices.to_numpy()[(known <= today) & (event <= today)]] = True
    return code.dictionary.filter(pa.array(told))


def _between(among: pa.Array | None) -> dict[str, Any]:
    if among is None:
        return {}
    ends = (among[0].as_py(), among[-1].as_py()) if len(among) else ("", "")
    return {"codes": ends, "only": among}


def _of(snapshot: Register, read: Callable[..., pa.Table], unknown: pa.Array) -> list[pa.Table]:
    """Return the records of enterprises, table by table, but for their registrations."""
    if not len(unknown):
        return []
    found = []
    for name in TABLES:
        if name == "enterprise" or not snapshot.exists(name):
            continue
        table = read(name, columns=["credit_code", "event_date"])
        own = table.filter(pc.is_in(table["credit_code"], value_set=unknown))
        if own.num_rows:
            found.append(own)
    return found


def _visible(table: pa.Table, today: int) -> pa.Table:
    event, known, until = _days(table)
    return table.filter(pa.array((known <= today) & (today < until) & (event <= today)))


def _days(rows: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    event, known, until = (
        rows[name].cast(pa.int32()).to_numpy() for name in ("event_date", "visible_from", "visible_to")
    )
    return event, known, until


def everyone(snapshot: RecordReader, as_of: Sequence[date]) -> pa.Table:
    """Return every enterprise that has a record, at each date, whatever its state.

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
    codes = snapshot.codes()
    parts = [
        pa.table([codes, pa.repeat(pa.scalar(day, pa.date32()), len(codes))], schema=PAIR_SCHEMA)
        for day in as_of
    ]
    return pa.concat_tables(parts) if parts else PAIR_SCHEMA.empty_table()
