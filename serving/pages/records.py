"""The records behind a classification, for the eyes of a supervisor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow.compute as pc

from features.errors import InputError
from features.home import Home
from features.records import TABLES
from features.records.schema import Column
from features.store import RecordStore, Snapshot
from risk_model.explanation.evidence.words import in_words
from risk_model.publication import Publication

#: Not shown beside what tells who a person is: the same in every row, or only for the store.
HIDDEN = frozenset({"credit_code", "record_id", "withdrawn_at", "repaired_at", "expires_at"})
SHOWN = 50


@dataclass(frozen=True)
class ShownTable:
    """Records of one table, the newest first.

    Attributes
    ----------
    name, label
        Of the table.
    headings, rows
        Columns that hold anything, and their values in words.
    count, more
        Records in all, and how many are not shown.
    """

    name: str
    label: str
    headings: list[str]
    rows: list[list[str]]
    count: int
    more: int


def records_of(home: Home, publication: Publication, credit_code: str, lang: str) -> list[ShownTable] | None:
    """Return the records that the classification saw.

    Parameters
    ----------
    home
        With the record store.
    publication
        Says which state of the records it saw, and at which date.
    credit_code
        The enterprise.
    lang
        ``zh`` or ``en``.

    Returns
    -------
    list or None
        Tables that hold any record; None if the store no longer has that state.
    """
    try:
        snapshot = RecordStore(home.store).snapshot(publication.document["data_snapshot"])
    except InputError:
        return None
    tables = [
        _shown(snapshot, name, credit_code, publication.as_of, lang)
        for name in TABLES
        if snapshot.exists(name)
    ]
    return [table for table in tables if table.count]


def _shown(snapshot: Snapshot, name: str, credit_code: str, as_of: date, lang: str) -> ShownTable:
    table = TABLES[name]
    columns = [column for column in table.all_columns if column.name not in HIDDEN and not column.personal]
    found = snapshot.read(name, columns=[column.name for column in columns], codes=(credit_code, credit_code))
    in_force = pc.and_(
        pc.and_(pc.less_equal(found["visible_from"], as_of), pc.greater(found["visible_to"], as_of)),
        pc.less_equal(found["event_date"], as_of),
    )
    rows = found.filter(in_force).to_pylist()[::-1]
    shown = [c for c in _order(columns) if any(row[c.name] is not None for row in rows)]
    return ShownTable(
        name,
        table.label[lang],
        [table.event[lang] if column.name == "event_date" else column.label[lang] for column in shown],
        [[in_words(column, row[column.name], lang) for column in shown] for row in rows[:SHOWN]],
        len(rows),
        max(len(rows) - SHOWN, 0),
    )


def _order(columns: list[Column]) -> list[Column]:
    """Return when it happened first, what it was next, where it comes from last."""
    last = ("recorded_at", "provider")
    return sorted(columns, key=lambda column: (column.name in last, column.name != "event_date"))
