"""Granting and refusing a repair."""

from __future__ import annotations

from datetime import date

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from supervision.decisions import Recorded, record_decision
from supervision.records import enterprise_records
from supervision.repair.check import RepairCheck, Shown, check_repair


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
