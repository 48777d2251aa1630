"""Decisions of authorities: a document that says why, and the record that everybody else sees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.errors import InputError
from features.home import Home
from features.records import TABLES
from features.store import RecordStore
from supervision.writing import as_json, write_whole


@dataclass(frozen=True)
class Recorded:
    """What became of a decision.

    Attributes
    ----------
    table, row
        The record that was added.
    new
        Whether it was new; the same decision again changes nothing.
    snapshot
        Number of the store's snapshot in which it is visible.
    document
        File with the reasons.
    """

    table: str
    row: Mapping[str, Any]
    new: bool
    snapshot: int
    document: Path

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "table": self.table,
            "record": {name: value for name, value in self.row.items() if value is not None},
            "new": self.new,
            "snapshot": self.snapshot,
            "document": str(self.document),
        }


def record_decision(home: Home, table: str, row: Mapping[str, Any], document: Mapping[str, Any]) -> Recorded:
    """Keep a decision: first its document, then, in one atomic load, the record.

    Parameters
    ----------
    home
        Where everything lies.
    table
        Record table.
    row
        Values of the record, with ``credit_code``, ``event_date``, ``recorded_at``, ``provider`` and
        ``record_id``; columns left out are missing.
    document
        Reasons, articles, dates of the steps: plain data.

    Returns
    -------
    Recorded
        The same decision again is recognised and changes nothing.

    Raises
    ------
    InputError
        If another decision about the same record was recorded on the same day.

    Notes
    -----
    The record counts from ``recorded_at`` on: features and tiers of an earlier date do not see it.
    A crash between document and record is mended by giving the same decision again.
    """
    schema = TABLES[table].arrow_schema.append(pa.field("source_line", pa.int64()))
    complete = {**dict.fromkeys(schema.names), **row, "source_line": 1}
    unknown = sorted(set(complete) - set(schema.names))
    if unknown:
        msg = f"table {table!r} has no columns {unknown}"
        raise ValueError(msg)
    given = {name: value for name, value in complete.items() if name != "source_line"}
    file = _document(home, table, given, document)
    result = RecordStore(home.store).load(
        {table: pa.Table.from_pylist([complete], schema=schema)},
        load_id=f"decision-{file.stem}",
        source="decisions",
        provider=str(row["provider"]),
        file=file.name,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
    )
    counts = result.counts[table]
    if counts.conflict:
        raise InputError(
            f"record {row['record_id']} was already recorded on {row['recorded_at']} with other content",
            field="on",
            fix="Give a later date, or correct the earlier decision.",
        )
    return Recorded(table, given, counts.accepted == 1, result.snapshot_id, file)


def _document(home: Home, table: str, row: Mapping[str, Any], document: Mapping[str, Any]) -> Path:
    """Write the document under a name that follows from the record, and return the file."""
    key = as_json([table, row], sort=True)
    name = (
        f"{table}-{row['credit_code']}-{row['recorded_at']}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    )
    # A local key of another register may hold characters that no file name can.
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    target = home.root / "decisions" / f"{safe}.json"
    write_whole(target, as_json({"format": 1, "table": table, "record": row, **document}, indent=2) + "\n")
    return target
