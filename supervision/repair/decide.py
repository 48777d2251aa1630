"""Granting and refusing a repair, and taking a granted one back."""

from __future__ import annotations

from datetime import date

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from supervision.decisions import Recorded, record_decision
from supervision.records import enterprise_records
from supervision.repair.check import RepairCheck, Shown, check_repair, decisions_on
from supervision.repair.rules import load_regime


def grant_repair(
    home: Home, credit_code: str, record_id: str, *, on: date, provider: str, shown: Shown
) -> Recorded:
    """Grant the repair of a record: from this day it is no longer published, shared or used.

    Parameters
    ----------
    home
        Where everything lies.
    credit_code, record_id
        The enterprise and its record.
    on
        Day of the decision.
    provider
        Authority that decides.
    shown
        What the applicant has shown.

    Returns
    -------
    Recorded
        The ``credit_repair`` record; the store hides the repaired record from ``on``.

    Raises
    ------
    InputError
        If a condition is not met; names all that are not.
    """
    checked = check_repair(
        enterprise_records(RecordStore(home.store).snapshot(), credit_code, on), record_id, shown
    )
    if not checked.eligible:
        missing = "; ".join(f"{c.label['en']} ({c.detail})" for c in checked.conditions if not c.met)
        raise InputError(
            f"{record_id} cannot be repaired on {on}: {missing}",
            field="record",
            fix="Wait, or refuse the application: risk-model repair refuse.",
        )
    return _decide(home, checked, "granted", provider, "")


def refuse_repair(
    home: Home, credit_code: str, record_id: str, *, on: date, provider: str, reason: str
) -> Recorded:
    """Refuse the repair of a record; nothing else changes.

    Parameters
    ----------
    home, credit_code, record_id, on, provider
        As in :func:`grant_repair`.
    reason
        Why, in words.

    Raises
    ------
    InputError
        If no reason is given, or there is no such record.
    """
    if not reason.strip():
        msg = "a refusal must say why"
        raise InputError(msg, field="reason", fix="Give the reason in words.")
    checked = check_repair(enterprise_records(RecordStore(home.store).snapshot(), credit_code, on), record_id)
    return _decide(home, checked, "refused", provider, reason.strip())


def revoke_repair(
    home: Home, credit_code: str, record_id: str, *, on: date, provider: str, ground: str, reason: str
) -> Recorded:
    """Take a granted repair back: from this day the record is published, shared and used again.

    Parameters
    ----------
    home, credit_code, record_id, on, provider
        As in :func:`grant_repair`.
    ground
        Name of one of the grounds of the regime of the day.
    reason
        What was found, in words.

    Returns
    -------
    Recorded
        The ``credit_repair`` record with reason and article. Features, publication and sharing of days
        between the grant and this one do not change; from this day the record counts for as long as it
        would have without the repair.

    Raises
    ------
    InputError
        If no repair of the record is in force, the ground is unknown, or no reason is given.
    """
    if not reason.strip():
        msg = "a revocation must say why"
        raise InputError(msg, field="reason", fix="Give the reason in words.")
    rule = load_regime(on).revocation
    found = rule.ground(ground)
    if found is None:
        raise InputError(
            f"{ground!r} is no ground on which a repair is revoked",
            field="ground",
            fix=f"Use one of {', '.join(g.name for g in rule.grounds)}.",
        )
    records = enterprise_records(RecordStore(home.store).snapshot(), credit_code, on)
    decided = decisions_on(records, record_id)
    again = decided and decided[-1]["decision"] == "revoked" and decided[-1]["event_date"] == on
    if again:
        # The same decision once more is recognised; another of the same day is a conflict.
        decided = decided[:-1]
    if not decided or decided[-1]["decision"] != "granted":
        raise InputError(
            f"no repair of {record_id} is in force on {on}",
            field="record",
            fix="Name the record whose repair was granted, on the day of the grant or later.",
        )
    granted = decided[-1]
    row = {
        "credit_code": records.credit_code,
        "event_date": on,
        "recorded_at": on,
        "provider": provider,
        "record_id": f"credit_repair:{granted['target_table']}:{record_id}:{on}:revoked",
        "target_table": granted["target_table"],
        "target_record_id": record_id,
        "decision": "revoked",
        "reason": reason.strip(),
        "basis": found.source,
    }
    document = {
        "decision": "revoked",
        "ground": found.model_dump(mode="json"),
        "reason": reason.strip(),
        "granted": {name: granted[name] for name in ("record_id", "event_date", "provider")},
    }
    return record_decision(home, "credit_repair", row, document)


def _decide(home: Home, checked: RepairCheck, decision: str, provider: str, reason: str) -> Recorded:
    record_id = checked.record["record_id"]
    row = {
        "credit_code": checked.credit_code,
        "event_date": checked.on,
        "recorded_at": checked.on,
        "provider": provider,
        "record_id": f"credit_repair:{checked.table}:{record_id}:{checked.on}",
        "target_table": checked.table,
        "target_record_id": record_id,
        "decision": decision,
    }
    document = {"decision": decision, "reason": reason, "check": checked.as_dict()}
    return record_decision(home, "credit_repair", row, document)
