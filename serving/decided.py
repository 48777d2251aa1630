"""Decisions as answers, and decisions that an interrupted request has made already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from features.home import Home
from features.store import RecordStore
from serving.once import Attempt
from supervision.decisions import Recorded

#: Folder of the documents in the home.
DOCUMENTS = "decisions"


def decided(made: Recorded) -> dict[str, Any]:
    """Return what became of a decision as an answer: without the folders of this host."""
    document = json.loads(made.document.read_text(encoding="utf-8"))
    return {
        **made.as_dict(),
        "document": made.document.name,
        "decision": {
            key: value for key, value in document.items() if key not in ("format", "table", "record")
        },
    }


def recall(
    home: Home, attempt: Attempt, table: str, credit_code: str, on: date, expected: Mapping[str, str | None]
) -> Recorded | None:
    """Return the decision that an earlier attempt at the same request recorded, if it got that far.

    Parameters
    ----------
    home
        Where decisions lie.
    attempt
        A first one has recorded nothing.
    table, credit_code, on
        Record table, enterprise and day of the decision.
    expected
        Values of the record by which it is known.

    Notes
    -----
    The rules refuse most decisions a second time, since the first has changed what they look at: so what is
    on record is looked for instead. A document without a record is of an attempt that got no further.
    """
    if not attempt.again:
        return None
    snapshot = RecordStore(home.store).snapshot()
    rows = snapshot.read(table, columns=["record_id", "recorded_at"], codes=(credit_code, credit_code))
    kept = {row["record_id"] for row in rows.to_pylist() if row["recorded_at"] == on}
    for file in sorted((home.root / DOCUMENTS).glob(f"{table}-*-{on}-*.json")):
        row = json.loads(file.read_text(encoding="utf-8"))["record"]
        same = row["credit_code"] == credit_code and row["record_id"] in kept
        if same and all(row.get(name) == value for name, value in expected.items()):
            return Recorded(table, row, new=False, snapshot=snapshot.id, document=file)
    return None
