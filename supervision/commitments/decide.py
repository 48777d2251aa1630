"""Registering a commitment and recording whether it was kept."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from features.errors import InputError
from features.home import Home
from features.store import RecordStore, Snapshot
from supervision.commitments.rules import load_commitments
from supervision.decisions import Recorded, record_decision
from supervision.inputs import tier_on
from supervision.lists.restrictions import may
from supervision.records import enterprise_records, known_on
from supervision.sampling.calendar import months_later

PENDING, KEPT, BROKEN = "pending", "kept", "broken"


def register_commitment(
    home: Home, credit_code: str, kind: str, *, on: date, provider: str, subject: str = ""
) -> Recorded:
    """Register a commitment.

    Parameters
    ----------
    home
        Where everything lies.
    credit_code
        The enterprise.
    kind
        One of the kinds in force.
    on
        Day on which it was made.
    provider
        Authority that takes it.
    subject
        What it is for: the number of a licence, a record.

    Raises
    ------
    InputError
        If the enterprise is barred, with the reasons and articles; or an argument cannot be used.
    """
    rules = load_commitments(on)
    told = rules.kind(kind)
    if told.needs_subject and not subject.strip():
        raise InputError(
            f"{told.label.en} must say what it is for",
            field="subject",
            fix="Give the number of the licence, or the record.",
        )
    records = enterprise_records(RecordStore(home.store).snapshot(), credit_code, on)
    answer = None
    if told.asks is not None:
        answer = may(records, told.asks, tier=tier_on(home, records.credit_code, on))
        if answer.verdict == "refused":
            why = "; ".join(f"{r.label.en} ({r.source})" for r in answer.reasons if r.outcome == "refused")
            raise InputError(
                f"{records.credit_code} may not make this commitment on {on}: {why}",
                field="credit_code",
                fix="Examine the application in the ordinary procedure.",
            )
    subject = subject.strip()
    row = {
        "credit_code": records.credit_code,
        "event_date": on,
        "recorded_at": on,
        "provider": provider,
        "record_id": f"commitment:{records.credit_code}:{kind}:{subject}:{on}",
        "kind": kind,
        "outcome": PENDING,
    }
    document = {
        "decision": "register",
        "label": told.label.model_dump(),
        "text": told.text.model_dump(),
        "subject": subject,
        "verify_by": months_later(on, told.verify_within_months),
        "source": rules.source,
        "trust": rules.trust,
        "asked": answer.as_dict() if answer else None,
    }
    return record_decision(home, "commitment", row, document)


def verify_commitment(
    home: Home, credit_code: str, record_id: str, outcome: str, *, on: date, provider: str, finding: str = ""
) -> tuple[Recorded, list[dict[str, Any]]]:
    """Record whether a commitment was kept.

    Parameters
    ----------
    home, credit_code, record_id
        The enterprise and its commitment.
    outcome
        ``kept`` or ``broken``.
    on, provider
        Day of the verification; authority.
    finding
        What was found; required where it was broken.

    Returns
    -------
    tuple
        What was recorded, and what follows: name, label, source, trust.

    Raises
    ------
    InputError
        If there is no such commitment or it was verified before, or an argument cannot be used.
    """
    if outcome not in (KEPT, BROKEN):
        raise InputError(f"{outcome!r} is no outcome", field="outcome", fix=f"Use {KEPT} or {BROKEN}.")
    if outcome == BROKEN and not finding.strip():
        msg = "a broken commitment must say what was found"
        raise InputError(msg, field="finding", fix="Give it in words.")
    records = enterprise_records(RecordStore(home.store).snapshot(), credit_code, on)
    found = [r for r in records.rows("commitment") if r["record_id"] == record_id]
    if not found:
        known = ", ".join(r["record_id"] for r in records.rows("commitment") if r["outcome"] == PENDING)
        raise InputError(
            f"{records.credit_code} has no commitment {record_id!r} on {on}",
            field="record",
            fix=f"Not yet verified: {known}." if known else "None is waiting for verification.",
        )
    (commitment,) = found
    same = (commitment["outcome"], commitment["verified_on"]) == (outcome, on)
    if commitment["outcome"] != PENDING and not same:
        raise InputError(
            f"{record_id} was verified on {commitment['verified_on']}: {commitment['outcome']}",
            field="record",
        )
    if commitment["recorded_at"] >= on and not same:
        raise InputError(
            f"the commitment was recorded on {commitment['recorded_at']}",
            field="on",
            fix=f"Give {commitment['recorded_at'] + timedelta(days=1)} or later.",
        )
    kinds = load_commitments(on).kinds
    told = kinds.get(commitment["kind"] or "")
    follows = [c.model_dump() for c in told.consequences] if told and outcome == BROKEN else []
    row = {name: commitment[name] for name in commitment if name not in ("visible_from", "visible_to")}
    row |= {"recorded_at": on, "provider": provider, "outcome": outcome, "verified_on": on}
    document = {
        "decision": "verify",
        "outcome": outcome,
        "finding": finding.strip(),
        "verify_by": _verify_by(commitment, kinds),
        "consequences": follows,
    }
    return record_decision(home, "commitment", row, document), follows


def due_for_verification(snapshot: Snapshot, on: date) -> list[dict[str, Any]]:
    """Return commitments that are not verified though their time is over, the oldest first.

    Commitments of a kind that the rules do not know have no time.
    """
    kinds = load_commitments(on).kinds
    columns = ["credit_code", "event_date", "provider", "record_id", "kind", "outcome"]
    due = []
    for row in known_on(snapshot, "commitment", on, columns=columns).to_pylist():
        by = _verify_by(row, kinds)
        if row["outcome"] == PENDING and by is not None and by < on:
            kept = {k: row[k] for k in columns if k != "outcome"}
            due.append({**kept, "verify_by": by, "days_over": (on - by).days})
    return sorted(due, key=lambda row: (row["verify_by"], row["credit_code"]))


def _verify_by(commitment: dict[str, Any], kinds: dict[str, Any]) -> date | None:
    told = kinds.get(commitment["kind"] or "")
    return months_later(commitment["event_date"], told.verify_within_months) if told else None
