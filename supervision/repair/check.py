"""Whether a record can be repaired on a day, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from features.errors import InputError
from supervision.records import EnterpriseRecords, Row
from supervision.repair.rules import Condition, RecordClass, Regime, load_regime
from supervision.sampling.calendar import months_later
from supervision.working_days import working_calendar

#: Tables whose records can be the object of a repair.
REPAIRABLE = ("penalty", "serious_violation_list", "inspection", "sampling_test")


@dataclass(frozen=True)
class Shown:
    """What the applicant has shown and the officer has verified."""

    performed: bool = False
    harm_removed: bool = False


@dataclass(frozen=True)
class Judged:
    """One condition, and whether it is met."""

    name: str
    label: dict[str, str]
    met: bool
    detail: str
    source: str
    trust: str


@dataclass(frozen=True)
class RepairCheck:
    """What stands between a record and its repair.

    Attributes
    ----------
    record_class
        Class of the record in the regime; none if the regime knows no repair of such records.
    published
        Day from which it has been on record.
    earliest
        First day on which it can be repaired, as far as time goes; none if never.
    decide_by
        Last day for the decision on an application of ``on``.
    repeated
        Whether the period is longer because of another penalty.
    """

    credit_code: str
    table: str
    record: Row
    on: date
    regime: str
    record_class: RecordClass | None
    published: date
    earliest: date | None
    decide_by: date
    repeated: bool
    conditions: tuple[Judged, ...]

    @property
    def eligible(self) -> bool:
        """Whether all conditions are met."""
        return self.earliest is not None and all(c.met for c in self.conditions)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        told = self.record_class
        return {
            "credit_code": self.credit_code,
            "table": self.table,
            "record_id": self.record["record_id"],
            "event_date": self.record["event_date"],
            "on": self.on,
            "regime": self.regime,
            "class": None
            if told is None
            else {
                "name": told.name,
                "label": told.label.model_dump(),
                "repairable": told.repairable,
                "minimum_months": told.minimum_months,
                "source": told.source,
                "trust": told.trust,
            },
            "published": self.published,
            "earliest": self.earliest,
            "repeated": self.repeated,
            "decide_by": self.decide_by,
            "conditions": [dict(c.__dict__) for c in self.conditions],
            "eligible": self.eligible,
        }


def check_repair(
    records: EnterpriseRecords, record_id: str, shown: Shown | None = None, regime: Regime | None = None
) -> RepairCheck:
    """Return whether a record can be repaired on the day of the records.

    Parameters
    ----------
    records
        What is known of the enterprise on the day.
    record_id
        The record.
    shown
        What the applicant has shown; nothing by default.
    regime
        A province's own; by default the shipped one of the day.

    Raises
    ------
    InputError
        If the enterprise has no such record that could be repaired: unknown, repaired, withdrawn, expired.

    Notes
    -----
    The minimum period runs from the day on which the record was first on file, which stands for the
    day of its publication.
    """
    table, row = find_record(records, record_id)
    regime = regime or load_regime(records.on)
    found = regime.class_of(table, row)
    published = _first_recorded(records, table, record_id)
    repeated = found is not None and found.repairable and _is_repeated(records, table, row, regime)
    earliest = None
    if found is not None and found.minimum_months is not None:
        factor = regime.repeated.factor if repeated and regime.repeated else 1
        earliest = months_later(published, round(found.minimum_months * factor))
    judged = [_period(records.on, found, earliest, regime, repeated)]
    if (bar := _barred(records, record_id, regime)) is not None:
        judged.append(bar)
    judged += [_judge(c, records, table, row, shown or Shown()) for c in regime.conditions]
    return RepairCheck(
        credit_code=records.credit_code,
        table=table,
        record=row,
        on=records.on,
        regime=regime.name,
        record_class=found,
        published=published,
        earliest=earliest,
        decide_by=working_calendar().after(records.on, regime.decide_working_days),
        repeated=repeated,
        conditions=tuple(judged),
    )


def find_record(records: EnterpriseRecords, record_id: str) -> tuple[str, Row]:
    """Return a record that could be repaired, and its table.

    Raises
    ------
    InputError
        If there is none of this name that is visible on the day.
    """
    for table in REPAIRABLE:
        for row in records.rows(table):
            if row["record_id"] == record_id:
                return table, row
    raise InputError(
        f"{records.credit_code} has no record {record_id!r} on {records.on} that could be repaired",
        field="record",
        fix="risk-model repair check without --record lists all; expired and repaired ones are gone.",
    )


def repairable_records(records: EnterpriseRecords) -> list[RepairCheck]:
    """Return a check of every record of the enterprise that the regime of the day knows a class for."""
    regime = load_regime(records.on)
    return [
        check_repair(records, row["record_id"], regime=regime)
        for table in REPAIRABLE
        for row in records.rows(table)
        if regime.class_of(table, row) is not None
    ]


def _first_recorded(records: EnterpriseRecords, table: str, record_id: str) -> date:
    codes = (records.credit_code, records.credit_code)
    versions = records.snapshot.read(table, columns=["record_id", "recorded_at"], codes=codes).to_pylist()
    first: date = min(v["recorded_at"] for v in versions if v["record_id"] == record_id)
    return first


def _is_repeated(records: EnterpriseRecords, table: str, row: Row, regime: Regime) -> bool:
    """Return whether another penalty of the domain fell within the months before this one."""
    if regime.repeated is None or table != "penalty":
        return False
    since = months_later(row["event_date"], -regime.repeated.months)
    return any(
        other["record_id"] != row["record_id"]
        and other["domain"] == row["domain"]
        and since <= other["event_date"] <= row["event_date"]
        for other in records.rows("penalty")
    )


def _period(
    on: date, found: RecordClass | None, earliest: date | None, regime: Regime, repeated: bool
) -> Judged:
    label = {"zh": "已达到最短公示期", "en": "published for the minimum period"}
    if found is None:
        return Judged("period", label, False, "this regime does not know repair of such records",
                      regime.label.zh, "parameter")  # fmt: skip
    if earliest is None:
        return Judged("period", label, False, f"no early repair: {found.label.en}", found.source, found.trust)
    detail = f"{found.minimum_months} months ({found.label.en})"
    if repeated and regime.repeated is not None:
        detail += f", times {regime.repeated.factor:g} ({regime.repeated.label.en})"
    return Judged("period", label, on >= earliest, f"{detail}: from {earliest}", found.source, found.trust)


def decisions_on(records: EnterpriseRecords, record_id: str) -> list[Row]:
    """Return the decisions that granted or revoked the repair of a record, the oldest first."""
    rows = [
        row
        for row in records.rows("credit_repair")
        if row["target_record_id"] == record_id and row["decision"] != "refused"
    ]
    # Of a grant and its revocation on one day the revocation is the later one.
    return sorted(
        rows, key=lambda row: (max(row["event_date"], row["recorded_at"]), row["decision"] == "revoked")
    )


def _barred(records: EnterpriseRecords, record_id: str, regime: Regime) -> Judged | None:
    """Return the condition that no repair of the record was revoked of late, if one ever was."""
    revoked = [row for row in decisions_on(records, record_id) if row["decision"] == "revoked"]
    if not revoked:
        return None
    rule = regime.revocation
    until = months_later(revoked[-1]["event_date"], rule.bar_months)
    label = {"zh": "修复决定被撤销后已满规定期限", "en": "long enough after a repair of it was revoked"}
    return Judged("not_revoked", label, records.on >= until, f"from {until}", rule.bar_source, rule.bar_trust)


def _judge(condition: Condition, records: EnterpriseRecords, table: str, row: Row, shown: Shown) -> Judged:
    met, detail = True, ""
    if condition.told_by == "applicant":
        met = bool(getattr(shown, condition.name))
        detail = "shown" if met else "not shown"
    elif condition.name == "not_penalised_again":
        later = [
            other["record_id"]
            for other in records.rows("penalty")
            if table == "penalty"
            and other["domain"] == row["domain"]
            and other["event_date"] > row["event_date"]
        ]
        met, detail = not later, ", ".join(later)
    else:
        open_now = [
            entry["record_id"]
            for name in ("abnormal_list", "serious_violation_list")
            for entry in records.open_entries(name)
            if entry["record_id"] != row["record_id"]
        ]
        met, detail = not open_now, ", ".join(open_now)
    return Judged(
        condition.name, condition.label.model_dump(), met, detail, condition.source, condition.trust
    )
