"""Entering an enterprise in a list and removing it, as the rules of the day allow."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from supervision.decisions import Recorded, record_decision
from supervision.lists.procedure import timetable
from supervision.lists.rules import HeavierPenalty, ListRules, lists_in_force, load_list_rules
from supervision.records import EnterpriseRecords, Row, enterprise_records
from supervision.sampling.calendar import years_later
from supervision.working_days import working_calendar

#: Registration statuses of an enterprise that can still be listed: in business, or revoked but not gone.
LISTABLE = ("1", "2", "9")


def enter_list(
    home: Home,
    credit_code: str,
    name: str,
    ground: str,
    *,
    on: date,
    provider: str,
    found: date | None = None,
    penalty: str | None = None,
    reason: str = "",
) -> Recorded:
    """Decide that an enterprise enters a list.

    Parameters
    ----------
    home
        Where everything lies.
    credit_code
        The enterprise.
    name
        ``abnormal`` or ``serious``.
    ground
        Code of the ground.
    on
        Day of the decision; it is visible from then.
    provider
        Authority that decides.
    found
        Day on which the ground was found.
    penalty
        For the serious list: record of the penalty behind it.
    reason
        For the serious list: why nature, circumstances and harm are grave (Order 44 art. 2, 12).

    Raises
    ------
    InputError
        If the rules of the day do not allow it; names the argument.
    """
    rules = load_list_rules(name, on)
    why = rules.ground(ground)
    records = enterprise_records(RecordStore(home.store).snapshot(), credit_code, on)
    registration = _registered(records)
    record_id = f"{rules.table}:{records.credit_code}:{ground}:{on}"
    for entry in records.open_entries(rules.table):
        if entry[rules.ground_column] == ground and entry["record_id"] != record_id:
            raise InputError(
                f"{records.credit_code} is on the {rules.label.en} for this since {entry['event_date']}",
                field="ground",
                fix="Remove that entry first if its ground has ended.",
            )
    events: dict[str, date] = {"enter": on}
    if found is not None:
        if found > on:
            raise InputError(f"{found} is after the decision of {on}", field="found")
        events["found"] = found
    behind: Row | None = None
    if rules.heavier_penalty is not None:
        behind = _penalty_behind(records, rules.heavier_penalty, penalty, why.domains)
        events["penalty"] = behind["event_date"]
        if not reason.strip():
            msg = "the decision does not say why nature, circumstances and harm are grave"
            raise InputError(msg, field="reason", fix="Give it in words.")
    row = {
        "credit_code": records.credit_code,
        "event_date": on,
        "recorded_at": on,
        "provider": provider,
        "record_id": record_id,
        rules.ground_column: ground,
    }
    steps = timetable(rules, events, on, working_calendar())
    document = {
        "decision": "enter",
        "list": rules.label.model_dump(),
        "marked_instead": registration is not None
        and registration["enterprise_type"] in rules.marked_instead,
        "ground": {"code": ground, "label": why.label.model_dump(), "source": why.source, "trust": why.trust},
        "rules_in_force_from": rules.in_force_from,
        "penalty": behind["record_id"] if behind else None,
        "reason": reason.strip(),
        "ends_on": term_end(rules, on),
        "steps": [step.as_dict() for step in steps],
    }
    return record_decision(home, rules.table, row, document)


def remove_from_list(
    home: Home,
    credit_code: str,
    name: str,
    ground: str,
    *,
    on: date,
    provider: str,
    condition: str,
    applied: date | None = None,
) -> Recorded:
    """Decide that an enterprise is removed from a list.

    Parameters
    ----------
    home, credit_code, name, ground, on, provider
        As in :func:`enter_list`.
    condition
        Code of the reason of removal, of those that the ground has.
    applied
        Day on which the enterprise asked for it.

    Raises
    ------
    InputError
        If it is not on the list for this ground, or the condition is not met.
    """
    rules = load_list_rules(name, on)
    why = rules.ground(ground)
    records = enterprise_records(RecordStore(home.store).snapshot(), credit_code, on)
    entries = [e for e in records.open_entries(rules.table) if e[rules.ground_column] == ground]
    if not entries:
        listed = ", ".join(sorted({e[rules.ground_column] for e in records.open_entries(rules.table)}))
        raise InputError(
            f"{records.credit_code} is not on the {rules.label.en} for ground {ground!r} on {on}",
            field="ground",
            fix=f"It is for: {listed}." if listed else "It is not on the list at all.",
        )
    entry = entries[-1]
    reasons = {removal.code: removal for removal in why.removal}
    if condition not in reasons:
        known = ", ".join(f"{code} ({r.label.en})" for code, r in reasons.items())
        raise InputError(
            f"{condition!r} is no reason of removal for this ground", field="condition", fix=f"Use {known}."
        )
    withdraws = reasons[condition].withdraws
    end = term_end(rules, entry["event_date"])
    if condition == "term" and end is not None and on < end:
        raise InputError(
            f"the term of the entry of {entry['event_date']} ends on {end}",
            field="on",
            fix="Wait until then, or decide on credit repair: risk-model repair check.",
        )
    reports = rules.table == "abnormal_list" and ground == "1" and not withdraws
    missing = unreported_years(records) if reports else []
    if missing:
        raise InputError(
            f"the annual reports of {', '.join(map(str, missing))} are not on record",
            field="condition",
            fix="Load the reports first.",
        )
    if entry["recorded_at"] >= on:
        raise InputError(
            f"the entry was recorded on {entry['recorded_at']}; a removal is recorded on a later day",
            field="on",
            fix=f"Give {entry['recorded_at'] + timedelta(days=1)} or later.",
        )
    events = {"enter": entry["event_date"], "remove": on} | ({"applied": applied} if applied else {})
    row = {column: entry[column] for column in entry if column not in ("visible_from", "visible_to")}
    row |= {"recorded_at": on, "removed_on": on, "provider": provider}
    if withdraws:
        row["withdrawn_at"] = on
    document = {
        "decision": "remove",
        "list": rules.label.model_dump(),
        "ground": {"code": ground, "label": why.label.model_dump(), "source": why.source, "trust": why.trust},
        "condition": reasons[condition].model_dump(),
        "steps": [step.as_dict() for step in timetable(rules, events, on, working_calendar())],
    }
    return record_decision(home, rules.table, row, document)


def term_end(rules: ListRules, entered: date) -> date | None:
    """Return the day on which an entry of a list with a term ends."""
    return None if rules.term_years is None else years_later(entered, rules.term_years)


def due_on_list(records: EnterpriseRecords) -> list[dict[str, Any]]:
    """Return what the open entries of an enterprise lead to: ends of terms, escalations, notices.

    Returns
    -------
    list of dict
        ``list``, ``ground``, ``entered``, ``what``, ``label``, ``date`` (when it is due), ``reached``,
        ``source``, ``trust``.
    """
    found = []
    for name, rules in lists_in_force(records.on):
        entries = records.open_entries(rules.table)
        grounds = {entry[rules.ground_column] for entry in entries}
        for entry in entries:
            common = {
                "list": name,
                "ground": entry[rules.ground_column],
                "entered": entry["event_date"],
            }
            end = term_end(rules, entry["event_date"])
            if end is not None:
                found.append(
                    common
                    | {
                        "what": "term_ends",
                        "label": {"zh": "列入期满，应当移出", "en": "the term ends: remove"},
                        "date": end,
                        "reached": records.on >= end,
                        "source": rules.term_source,
                        "trust": rules.term_trust,
                    }
                )
            for escalation in rules.escalations:
                if not set(escalation.open_grounds) <= grounds:
                    continue
                if escalation.open_grounds and entry[rules.ground_column] not in escalation.open_grounds:
                    continue
                if escalation.unreported_years is not None and (
                    len(unreported_years(records)) < escalation.unreported_years
                ):
                    continue
                day = years_later(entry["event_date"], escalation.open_years or 0)
                notice = day - timedelta(days=escalation.notice_days_before)
                if records.on >= notice:
                    found.append(
                        common
                        | {
                            "what": escalation.name,
                            "label": escalation.label.model_dump(),
                            "date": day,
                            "reached": records.on >= day,
                            "source": escalation.source,
                            "trust": escalation.trust,
                        }
                    )
    return found


def unreported_years(records: EnterpriseRecords) -> list[int]:
    """Return the newest consecutive years whose annual report was due and is not on record.

    The report of a year is due by 30 June of the next; an enterprise founded in a year reports from the
    next year on (企业信息公示暂行条例 art. 8).
    """
    founded = records.registration["established_on"] if records.registration else None
    filed = {row["year"] for row in records.rows("annual_report")}
    newest = records.on.year - (1 if records.on > date(records.on.year, 6, 30) else 2)
    oldest = founded.year if founded else min(filed, default=newest + 1)
    missing = []
    for year in range(newest, oldest - 1, -1):
        if year in filed:
            break
        missing.append(year)
    return missing


def _registered(records: EnterpriseRecords) -> Row | None:
    registration = records.registration
    if registration is not None and registration["status"] not in LISTABLE:
        raise InputError(
            f"{records.credit_code} has registration status {registration['status']} on {records.on}",
            field="credit_code",
            fix="An enterprise that is deregistered or has moved out is not listed.",
        )
    return registration


def _penalty_behind(
    records: EnterpriseRecords, heavier: HeavierPenalty, record_id: str | None, domains: tuple[str, ...]
) -> Row:
    """Return the penalty that an entry rests on, if it is heavy enough."""
    heavy = [
        row
        for row in records.rows("penalty")
        if row["kind"] in heavier.kinds
        or (row["kind"] in heavier.kinds_if_serious and row["severity"] == "serious")
    ]
    fitting = [row for row in heavy if not domains or row["domain"] in domains]
    if record_id is None or record_id not in {row["record_id"] for row in fitting}:
        known = ", ".join(row["record_id"] for row in fitting)
        raise InputError(
            f"an entry needs a heavier penalty that fits its ground ({heavier.source}); "
            f"{record_id or 'none'} is not one",
            field="penalty",
            fix=f"Heavier penalties on record that fit: {known}." if known else "There is none on record.",
        )
    return next(row for row in fitting if row["record_id"] == record_id)
