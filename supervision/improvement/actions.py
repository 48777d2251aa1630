"""Actions that are open to an enterprise on a day, and what each changes in its records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from features.records import TABLES
from risk_model.specification import Words, read_yaml, validate
from supervision.plan_rules import Sourced
from supervision.records import EnterpriseRecords, Row
from supervision.repair.check import Shown, check_repair, repairable_records
from supervision.sampling.calendar import months_later

Records = dict[str, list[Row]]
FILE = Path(__file__).with_name("actions.yaml")


class ActionRule(Sourced):
    """One kind of action, from ``actions.yaml``."""

    label: Words
    years: int | None = None


@dataclass(frozen=True)
class Action:
    """One thing that the enterprise can do on the day.

    Attributes
    ----------
    kind, rule
        What it is, and where it stands in law.
    record
        The record that it is about; its number or licence where it has one.
    change
        Changes a copy of the records as if it had been done.
    """

    kind: str
    rule: ActionRule
    record: str
    change: Callable[[Records], None]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "action": self.kind,
            "label": self.rule.label.model_dump(),
            "record": self.record,
            "source": self.rule.source,
            "trust": self.rule.trust,
        }


@cache
def action_rules() -> Mapping[str, ActionRule]:
    """Return the kinds of actions."""
    return {
        name: validate(ActionRule, content, source=f"supervision/improvement/{FILE.name}: {name}")
        for name, content in read_yaml(FILE).items()
    }


def open_actions(records: EnterpriseRecords) -> list[Action]:
    """Return everything that the enterprise can do on the day of the records.

    Notes
    -----
    A repair is open if its period is over and nothing but what the applicant can show is missing. An
    action that another one presupposes (leaving a list, filing the report) is one action with it.
    """
    rules = action_rules()
    return [
        Action(kind, rules[kind], record, change)
        for kind, record, change in (
            *_repairs(records),
            *_lists(records),
            *_licences(records, rules["renew_licence"].years or 0),
            *_equipment(records, rules["inspect_equipment"].years or 0),
            *_reinspections(records),
        )
    ]


Found = Iterator[tuple[str, str, Callable[[Records], None]]]


def _repairs(records: EnterpriseRecords) -> Found:
    for listed in repairable_records(records):
        rid = listed.record["record_id"]
        checked = check_repair(records, rid, Shown(performed=True, harm_removed=True))
        if checked.eligible:
            yield "repair", rid, _without(checked.table, rid)


def _lists(records: EnterpriseRecords) -> Found:
    by_reason = {"1": "file_annual_report", "4": "restore_contact"}
    entries = records.open_entries("abnormal_list")
    for entry in entries:
        kind = by_reason.get(entry["reason"], "publish_information")
        leave = _with("abnormal_list", entry["record_id"], removed_on=records.on)
        if kind == "file_annual_report":
            yield kind, entry["record_id"], _both(leave, _report(records))
        else:
            yield kind, entry["record_id"], leave
    # Without an entry in the list a report may still be missing.
    if not any(entry["reason"] == "1" for entry in entries) and _missing_year(records) is not None:
        yield "file_annual_report", str(_missing_year(records)), _report(records)


def _missing_year(records: EnterpriseRecords) -> int | None:
    """Return the last year that should have been reported (by 30 June of the next) and was not."""
    on = records.on
    due = on.year - 1 if on > date(on.year, 6, 30) else on.year - 2
    states = records.rows("enterprise")
    established = states[-1]["established_on"] if states else None
    # Who did not exist in the year owes no report of it.
    if established is None or established.year > due:
        return None
    return None if any(row["year"] == due for row in records.rows("annual_report")) else due


def _report(records: EnterpriseRecords) -> Callable[[Records], None]:
    year = _missing_year(records)
    if year is None:
        return lambda _: None
    return _add("annual_report", records, record_id=f"action:annual_report:{year}", year=year, late=True)


def _licences(records: EnterpriseRecords, years: int) -> Found:
    for row in records.rows("licence"):
        if row["status"] == "valid" and row["valid_to"] is not None and row["valid_to"] < records.on:
            until = months_later(records.on, 12 * years)
            yield (
                "renew_licence",
                row["licence_no"] or row["record_id"],
                _with("licence", row["record_id"], valid_to=until),
            )


def _equipment(records: EnterpriseRecords, years: int) -> Found:
    for row in records.rows("equipment"):
        if row["status"] == "in_use" and row["next_due"] is not None and row["next_due"] < records.on:
            due = months_later(records.on, 12 * years)
            yield (
                "inspect_equipment",
                row["equipment_id"],
                _with("equipment", row["record_id"], next_due=due),
            )


def _reinspections(records: EnterpriseRecords) -> Found:
    last: dict[str, Row] = {}
    for row in records.rows("inspection"):
        if row["outcome"] in {"no_problem", "corrected", "problem", "severe"}:
            last[row["domain"]] = row
    for domain, row in last.items():
        if row["outcome"] in {"problem", "severe"}:
            yield (
                "pass_reinspection",
                row["record_id"],
                _add(
                    "inspection",
                    records,
                    record_id=f"action:recheck:{row['record_id']}",
                    kind="recheck",
                    domain=domain,
                    selection="follow_up",
                    outcome="corrected",
                ),
            )


def _without(table: str, record_id: str) -> Callable[[Records], None]:
    def change(records: Records) -> None:
        records[table] = [row for row in records[table] if row["record_id"] != record_id]

    return change


def _with(table: str, record_id: str, **values: Any) -> Callable[[Records], None]:
    def change(records: Records) -> None:
        records[table] = [
            {**row, **values} if row["record_id"] == record_id else row for row in records[table]
        ]

    return change


def _add(table: str, known: EnterpriseRecords, **values: Any) -> Callable[[Records], None]:
    row = dict.fromkeys(TABLES[table].arrow_schema.names) | {
        "credit_code": known.credit_code,
        "event_date": known.on,
        "recorded_at": known.on,
        "provider": "action",
        **values,
    }

    def change(records: Records) -> None:
        records[table] = [*records.get(table, []), row]

    return change


def _both(first: Callable[[Records], None], second: Callable[[Records], None]) -> Callable[[Records], None]:
    def change(records: Records) -> None:
        first(records)
        second(records)

    return change
