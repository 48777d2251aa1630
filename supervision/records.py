"""Records as they were known on a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from features.errors import InputError
from features.records import credit_code
from features.records.credit_code import CodeKind
from features.store import Snapshot

Row = dict[str, Any]
REPRESENTATIVE = "legal_representative"


def known_on(
    snapshot: Snapshot,
    table: str,
    on: date,
    columns: Sequence[str] | None = None,
    codes: tuple[str, str] | None = None,
) -> pa.Table:
    """Return the records of a table that were visible on a day, of events up to that day.

    Parameters
    ----------
    snapshot
        State of the record store.
    table
        Name of the record table; one that was never loaded is empty.
    on
        The day.
    columns
        Columns to return; all by default.
    codes
        Closed range of credit codes.
    """
    wanted = None if columns is None else list(dict.fromkeys([*columns, "event_date"]))
    rows = snapshot.read(table, columns=wanted, codes=codes)
    today = pa.scalar(on, pa.date32())
    seen = pc.and_(
        pc.and_(pc.less_equal(rows["visible_from"], today), pc.greater(rows["visible_to"], today)),
        pc.less_equal(rows["event_date"], today),
    )
    rows = rows.filter(seen)
    return rows if columns is None else rows.select([*columns, "visible_from", "visible_to"])


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as pandas, dates as seconds, which hold every year."""
    for place, field in enumerate(table.schema):
        if pa.types.is_date(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.timestamp("s")))
    frame: pd.DataFrame = table.to_pandas()
    return frame


class EnterpriseRecords:
    """All that is known of one enterprise on a day.

    Parameters
    ----------
    snapshot
        State of the record store.
    credit_code
        The enterprise.
    on
        The day.
    """

    def __init__(self, snapshot: Snapshot, credit_code: str, on: date) -> None:
        self.snapshot = snapshot
        self.credit_code = credit_code
        self.on = on
        self._rows: dict[str, list[Row]] = {}

    def rows(self, table: str) -> list[Row]:
        """Return the visible records of a table, the oldest event first."""
        if table not in self._rows:
            codes = (self.credit_code, self.credit_code)
            self._rows[table] = known_on(self.snapshot, table, self.on, codes=codes).to_pylist()
        return self._rows[table]

    def open_entries(self, table: str) -> list[Row]:
        """Return the entries of a list that have not been removed by the day."""
        return [r for r in self.rows(table) if r["removed_on"] is None or r["removed_on"] > self.on]

    def sharing_representative(self) -> list[EnterpriseRecords]:
        """Return the other enterprises of which its legal representatives are or were the same.

        A relation that has ended counts for the other enterprise: who was in charge when its licence was
        revoked has left since, as a rule. Its own counts only while it lasts.
        """
        keys = {
            row["person_key"]
            for row in self.rows("relation")
            if row["kind"] == REPRESENTATIVE
            and row["person_key"]
            and (row["ended_on"] is None or row["ended_on"] > self.on)
        }
        if not keys or not self.snapshot.exists("relation"):
            return []
        # Relations of a person lie anywhere in the table: a filter in the files finds whose they are.
        files = ds.dataset(self.snapshot.files("relation"), format="parquet")
        found = files.to_table(columns=["credit_code"], filter=ds.field("person_key").isin(sorted(keys)))
        others = sorted(set(found["credit_code"].to_pylist()) - {self.credit_code})
        return [
            other
            for other in (EnterpriseRecords(self.snapshot, code, self.on) for code in others)
            if any(
                row["kind"] == REPRESENTATIVE and row["person_key"] in keys for row in other.rows("relation")
            )
        ]

    @cached_property
    def registration(self) -> Row | None:
        """The registration in force, if any is known."""
        return self.rows("enterprise")[-1] if self.rows("enterprise") else None

    @property
    def name(self) -> str | None:
        """Its registered name."""
        return self.registration["name"] if self.registration else None


def enterprise_records(snapshot: Snapshot, code: str, on: date) -> EnterpriseRecords:
    """Return what is known of an enterprise on a day.

    Raises
    ------
    InputError
        If nothing at all is known of it and the code is not a valid one: then it is a misprint.
    """
    code = code.strip()
    records = EnterpriseRecords(snapshot, code, on)
    if records.registration is None:
        kind = credit_code.classify(credit_code.normalise(pd.Series([code]))).iloc[0]
        if not CodeKind(kind).identifies:
            raise InputError(
                f"{code!r} is no credit code: {credit_code.explain(code)}",
                field="credit_code",
                fix="Correct the code.",
            )
    return records
