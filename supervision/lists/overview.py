"""Who is on the lists, and the rules in force, as plain data."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.store import Snapshot
from supervision.lists.entries import due_on_list, term_end
from supervision.lists.rules import lists_in_force
from supervision.records import EnterpriseRecords, known_on


def open_entries(snapshot: Snapshot, table: str, on: date) -> pa.Table:
    """Return all entries of a list that are open on a day."""
    rows = known_on(snapshot, table, on)
    today = pa.scalar(on, pa.date32())
    return rows.filter(pc.or_kleene(pc.is_null(rows["removed_on"]), pc.greater(rows["removed_on"], today)))


def both_lists(snapshot: Snapshot, on: date) -> dict[str, Any]:
    """Return how many are on each list for what, and whose term is over."""
    told = []
    for name, rules in lists_in_force(on):
        entries = open_entries(snapshot, rules.table, on)
        counted = entries.group_by(rules.ground_column).aggregate([("record_id", "count")])
        numbers = dict(
            zip(counted[rules.ground_column].to_pylist(), counted["record_id_count"].to_pylist(), strict=True)
        )
        grounds = []
        for code, number in sorted(numbers.items()):
            ground = rules.grounds.get(code)
            label = ground.label.model_dump() if ground else {"zh": "未载明", "en": "not stated"}
            grounds.append({"ground": code, "label": label, "open": number})
        over = []
        if rules.term_years is not None:
            for row in entries.select(["credit_code", "event_date", rules.ground_column]).to_pylist():
                end = term_end(rules, row["event_date"])
                if end is not None and end <= on:
                    over.append(
                        {
                            "credit_code": row["credit_code"],
                            "ground": row[rules.ground_column],
                            "entered": row["event_date"],
                            "term_ended": end,
                        }
                    )
        told.append(
            {
                "list": name,
                "label": rules.label.model_dump(),
                "enterprises": len(pc.unique(entries["credit_code"])),
                "grounds": grounds,
                "over": over,
            }
        )
    return {"on": on, "records": snapshot.id, "lists": told}


def of_enterprise(records: EnterpriseRecords) -> dict[str, Any]:
    """Return an enterprise's entries, past and open, and what the open ones lead to."""
    entries = []
    for name, table, column in (
        ("abnormal", "abnormal_list", "reason"),
        ("serious", "serious_violation_list", "ground"),
    ):
        for row in records.rows(table):
            kept = {
                key: row[key] for key in ("record_id", "event_date", "removed_on", "recorded_at", "provider")
            }
            entries.append({"list": name, "ground": row[column], **kept})
    return {
        "credit_code": records.credit_code,
        "name": records.name,
        "on": records.on,
        "entries": entries,
        "due": due_on_list(records),
    }


def rules_in_force(on: date) -> list[dict[str, Any]]:
    """Return the rules of both lists on a day."""
    return [
        {"list": name, **rules.model_dump(mode="json", by_alias=True)} for name, rules in lists_in_force(on)
    ]
