"""Credit repair: what can be repaired and when, applications, decisions, revocations."""

from __future__ import annotations

from datetime import date
from typing import Any

from starlette.responses import Response

from serving.applications import OPEN, Application, Applications, decided_already
from serving.decided import decided, recall
from serving.endpoints import Call, plain
from serving.keyset import cursor_of, read_cursor
from serving.once import Attempt, Done, once
from serving.problems import FieldError, Problem
from serving.scope import (
    checked_code,
    day_of,
    decision_day,
    latest_records,
    records_in_scope,
    sees_enterprise,
    visible,
)
from supervision.decisions import Recorded
from supervision.repair.check import Shown, check_repair, repairable_records
from supervision.repair.decide import grant_repair, refuse_repair, revoke_repair

#: Applications that are read at once while those in scope are looked for.
_READ = 500


def check(call: Call) -> Response:
    """Answer which records of an enterprise can be repaired, from when, and what is missing."""
    code, query = checked_code(call.path("credit_code")), call.query
    records = records_in_scope(call, code, day_of(query.on))
    if query.record is None:
        found = repairable_records(records)
    else:
        shown = Shown(query.performed == "true", query.harm_removed == "true")
        found = [check_repair(records, query.record, shown)]
    return plain(
        {"credit_code": code, "on": records.on, "records": records.snapshot.id,
         "results": [one.as_dict() for one in found]}
    )  # fmt: skip


def apply(call: Call) -> Response:
    """Put an application on file; says by when it is to be decided and what is missing."""
    body = call.body
    on = decision_day(call, body.on)
    records = records_in_scope(call, body.credit_code, on)

    def perform(attempt: Attempt) -> Done:
        checked = check_repair(records, body.record, Shown(body.performed, body.harm_removed))
        made = Applications.new(
            credit_code=checked.credit_code,
            record=body.record,
            applied_on=on,
            performed=body.performed,
            harm_removed=body.harm_removed,
            materials=list(body.materials),
            decide_by=checked.decide_by,
            received_by=call.principal.name,
        )
        return Done(
            {"application": made.as_dict(), "check": checked.as_dict()},
            within=lambda connection: Applications.keep(connection, made),
        )

    return once(call, perform)


def applications(call: Call) -> Response:
    """Answer with a page of applications, in the order in which they were received."""
    query = call.query
    place: tuple[str, str] = ("", "")
    if query.cursor:
        at, last = read_cursor(query.cursor, (str, str))
        place = (at, last)
    kept = Applications(call.context.operational.engine)
    snapshot = latest_records(call.context.home)
    found: list[Application] = []
    while len(found) <= query.limit:
        read = kept.after(place, state=query.state, credit_code=query.credit_code, limit=_READ)
        seen = visible(call, snapshot, [one.credit_code for one in read])
        found += [one for one in read if one.credit_code in seen]
        if len(read) < _READ:
            break
        place = (read[-1].received_at, read[-1].id)
    following = None
    if len(found) > query.limit:
        last_one = found[query.limit - 1]
        following = cursor_of(last_one.received_at, last_one.id)
    return plain({"results": [one.as_dict() for one in found[: query.limit]], "next": following})


def application(call: Call) -> Response:
    """Answer with one application."""
    return plain(_application(call).as_dict())


def decide(call: Call) -> Response:
    """Grant or refuse what was applied for."""
    body = call.body
    on = decision_day(call, body.on)
    asked = _application(call)

    def perform(attempt: Attempt) -> Done:
        now = Applications(call.context.operational.engine).get(asked.id)
        if now is None or now.state != OPEN:
            raise decided_already(asked.id)
        if on.isoformat() < asked.applied_on:
            message = f"{on} is before the application of {asked.applied_on}"
            raise Problem(
                422, "invalid-body", f"on: {message}.", [FieldError("on", message, "Give a later day.")]
            )
        made = _decide(call, attempt, asked.credit_code, asked.record, on)
        told = {**asked.as_dict(), "state": body.decision, "decided_on": on.isoformat()}
        told["decision_record"] = made.row["record_id"]
        return Done(
            {**decided(made), "application": told},
            status=200,
            within=lambda connection: Applications.close(
                connection, asked.id, body.decision, on, str(made.row["record_id"])
            ),
        )

    return once(call, perform)


def withdraw(call: Call) -> Response:
    """Note that the applicant takes the application back."""
    on = decision_day(call, call.body.on)
    asked = _application(call)

    def perform(attempt: Attempt) -> Done:
        if asked.state != OPEN:
            raise decided_already(asked.id)
        return Done(
            {**asked.as_dict(), "state": "withdrawn", "decided_on": on.isoformat()},
            status=200,
            within=lambda connection: Applications.close(connection, asked.id, "withdrawn", on, None),
        )

    return once(call, perform)


def decide_without_application(call: Call) -> Response:
    """Grant or refuse a repair that was applied for elsewhere."""
    body = call.body
    on = decision_day(call, body.on)
    records_in_scope(call, body.credit_code, on)

    def perform(attempt: Attempt) -> Done:
        return Done(_without(decided(_decide(call, attempt, body.credit_code, body.record, on))))

    return once(call, perform)


def revoke(call: Call) -> Response:
    """Take a granted repair back."""
    body = call.body
    on = decision_day(call, body.on)
    records_in_scope(call, body.credit_code, on)

    def perform(attempt: Attempt) -> Done:
        made = revoke_repair(
            call.context.home,
            body.credit_code,
            body.record,
            on=on,
            provider=body.provider,
            ground=body.ground,
            reason=body.reason,
        )
        return Done(_without(decided(made)))

    return once(call, perform)


def _decide(call: Call, attempt: Attempt, credit_code: str, record: str, on: date) -> Recorded:
    body, home = call.body, call.context.home
    expected = {"target_record_id": record, "decision": body.decision, "provider": body.provider}
    known = recall(home, attempt, "credit_repair", credit_code, on, expected)
    if known is not None:
        return known
    if body.decision == "refused":
        return refuse_repair(
            home, credit_code, record, on=on, provider=body.provider, reason=body.reason or ""
        )
    return grant_repair(
        home,
        credit_code,
        record,
        on=on,
        provider=body.provider,
        shown=Shown(body.performed, body.harm_removed),
    )


def _without(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "application": None}


def _application(call: Call) -> Application:
    name = call.path("application")
    found = None
    if name.isascii() and name.isalnum():
        found = Applications(call.context.operational.engine).get(name)
    if found is None or not sees_enterprise(call, latest_records(call.context.home), found.credit_code):
        raise Problem(
            404,
            "no-such-application",
            "There is no such application in the scope of the key.",
            [FieldError("application", "there is none", "See /v1/repair/applications.")],
        )
    return found
