"""What readers of the service and of its documents may be told of records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

import pyarrow as pa

from features.home import Home
from features.store import Snapshot
from risk_model.explanation.evidence import Disclosure, Officers
from supervision.publicity.review import withheld_on
from supervision.publicity.rules import load_publicity
from supervision.publicity.selection import publishable, records_for_publication


class Reader(StrEnum):
    """Who reads an explanation."""

    OFFICER = "officer"
    PUBLIC = "public"


class Published:
    """Anybody else: the records of an enterprise that are published on a day, as they are published.

    Parameters
    ----------
    tables
        Record table → published rows, as :class:`supervision.publicity.selection.Published` has them.
    """

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._rows = {
            name: {row["record_id"]: row for row in table.to_pylist()} for name, table in tables.items()
        }

    @classmethod
    def on(cls, home: Home, snapshot: Snapshot, credit_code: str, day: date) -> Published:
        """Return what the rules of publication in force on a day let out of an enterprise's records."""
        rules = load_publicity(day)
        records = records_for_publication(snapshot, rules, (credit_code, credit_code))
        return cls(publishable(records, day, rules, withheld_on(home, day)).tables)

    def tell(self, table: str, rows: pa.Table) -> list[Mapping[str, Any] | None]:
        """Return the published columns of the rows that are published."""
        known = self._rows.get(table, {})
        return [known.get(record_id) for record_id in rows["record_id"].to_pylist()]


def disclosure_to(reader: Reader, home: Home, snapshot: Snapshot, credit_code: str, day: date) -> Disclosure:
    """Return what a reader may be told of the records of an enterprise on a day."""
    return Officers() if reader is Reader.OFFICER else Published.on(home, snapshot, credit_code, day)
