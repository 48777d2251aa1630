"""``/v1/lists`` and list checks: what an enterprise may do, who is listed, and decisions about it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from starlette.responses import Response

from features.errors import InputError
from features.store import RecordStore, Snapshot
from serving.decided import decided, recall
from serving.endpoints import Call, plain
from serving.keyset import cursor_of, read_cursor
from serving.once import Attempt, Done, once
from serving.problems import Problem, from_input_error
from serving.scope import (
    GENERAL_MODEL,
    checked_code,
    day_of,
    decision_day,
    latest_records,
    no_enterprise,
    records_in_scope,
    sees_enterprise,
    unlimited,
    visible,
)
from supervision.inputs import tier_on
from supervision.lists.entries import enter_list, remove_from_list
from supervision.lists.overview import of_enterprise, open_entries, rules_in_force
from supervision.lists.restrictions import Answer, load_restrictions, may
from supervision.lists.rules import load_list_rules
from supervision.records import EnterpriseRecords, enterprise_records

#: Entries that are looked at together while those in scope are searched for.
_READ = 2_000
#: Columns of an entry that are told.
ENTRY = ("credit_code", "record_id", "event_date", "recorded_at", "provider")


def check(call: Call) -> Response:
    """Answer whether an enterprise may do something, with reasons and articles."""
    code, on = checked_code(call.path("credit_code")), day_of(call.query.on)
    return plain(_checked(call, records_in_scope(call, code, on), call.query.action))


def checks(call: Call) -> Response:
    """Answer several questions; each is answered or refused by itself."""
    on, snapshot = day_of(call.body.on), latest_records(call.context.home)
    told: list[dict[str, Any]] = []
    for one in call.body.checks:
        try:
            if not sees_enterprise(call, snapshot, one.credit_code):
                raise no_enterprise(one.credit_code)
            records = enterprise_records(snapshot, one.credit_code, on)
            told.append({"answer": _checked(call, records, one.action), "problem": None})
        except InputError as error:
            told.append({"answer": None, "problem": from_input_error(error).as_dict()})
        except Problem as problem:
            told.append({"answer": None, "problem": problem.as_dict()})
    return plain({"on": on, "results": told})


def actions(call: Call) -> Response:
    """Answer with the actions that can be asked about, and what restricts them."""
    rules = load_restrictions()
    return plain(
        {
            "actions": {name: words.model_dump() for name, words in rules.actions.items()},
            "restrictions": [r.model_dump(mode="json") for r in rules.restrictions],
        }
    )


def rules(call: Call) -> Response:
    """Answer with the grounds, reasons of removal, steps and terms of both lists on a day."""
    on = day_of(call.query.on)
    return plain({"on": on, "lists": rules_in_force(on)})


def of_one(call: Call) -> Response:
    """Answer with an enterprise's entries, past and open, and what the open ones lead to."""
    code, on = checked_code(call.path("credit_code")), day_of(call.query.on)
    return plain(of_enterprise(records_in_scope(call, code, on)))


def entries(call: Call) -> Response:
    """Answer with a page of the open entries of a list, by credit code and record."""
    query = call.query
    if query.cursor:
        number, day, last_code, last_record = read_cursor(query.cursor, (int, str, str, str))
        snapshot = _earlier(call, number)
        on = _day(day)
        if query.on is not None and query.on != on:
            raise InputError(
                f"the cursor is of {on}",
                field="on",
                fix="Ask for the pages after of one day, or leave it out.",
            )
    else:
        snapshot, on, last_code, last_record = latest_records(call.context.home), day_of(query.on), "", ""
    rules = load_list_rules(query.list, on)
    table = open_entries(snapshot, rules.table, on)
    if query.ground is not None:
        table = table.filter(pc.equal(table[rules.ground_column], query.ground))
    code, record = table["credit_code"], table["record_id"]
    after = pc.or_(
        pc.greater(code, last_code), pc.and_(pc.equal(code, last_code), pc.greater(record, last_record))
    )
    table = table.filter(after).sort_by([("credit_code", "ascending"), ("record_id", "ascending")])
    rows = _first_in_scope(call, snapshot, table.select([*ENTRY, rules.ground_column]), query.limit + 1)
    following = None
    if len(rows) > query.limit:
        rows = rows[: query.limit]
        last = rows[-1]
        following = cursor_of(snapshot.id, on.isoformat(), last["credit_code"], last["record_id"])
    return plain(
        {
            "list": query.list,
            "on": on,
            "records": snapshot.id,
            "results": [{"ground": row.pop(rules.ground_column), **row} for row in rows],
            "next": following,
        }
    )


def enter(call: Call) -> Response:
    """Decide that an enterprise enters a list."""
    body = call.body
    on = decision_day(call, body.on)
    records_in_scope(call, body.credit_code, on)
    rules = load_list_rules(body.list, on)
    expected = {rules.ground_column: body.ground, "removed_on": None, "provider": body.provider}

    def perform(attempt: Attempt) -> Done:
        made = recall(call.context.home, attempt, rules.table, body.credit_code, on, expected) or enter_list(
            call.context.home,
            body.credit_code,
            body.list,
            body.ground,
            on=on,
            provider=body.provider,
            found=body.found,
            penalty=body.penalty,
            reason=body.reason or "",
        )
        return Done(decided(made))

    return once(call, perform)


def remove(call: Call) -> Response:
    """Decide that an enterprise is removed from a list."""
    body = call.body
    on = decision_day(call, body.on)
    records_in_scope(call, body.credit_code, on)
    rules = load_list_rules(body.list, on)
    expected = {rules.ground_column: body.ground, "removed_on": on.isoformat(), "provider": body.provider}

    def perform(attempt: Attempt) -> Done:
        made = recall(
            call.context.home, attempt, rules.table, body.credit_code, on, expected
        ) or remove_from_list(
            call.context.home,
            body.credit_code,
            body.list,
            body.ground,
            on=on,
            provider=body.provider,
            condition=body.condition,
            applied=body.applied,
        )
        return Done(decided(made))

    return once(call, perform)


def _checked(call: Call, records: EnterpriseRecords, action: str) -> dict[str, Any]:
    tier = tier_on(call.context.home, records.credit_code, records.on)
    answer = may(records, action, tier=tier)
    told = answer.as_dict()
    return told if unlimited(call.principal) else _of_others_withheld(call, records.snapshot, answer, told)


def _of_others_withheld(
    call: Call, snapshot: Snapshot, answer: Answer, told: dict[str, Any]
) -> dict[str, Any]:
    """Return an answer that names no other enterprise, and no model, out of the caller's scope."""
    if not call.principal.sees_sector(GENERAL_MODEL):
        told["tier"] = None
    about_others = {r.name for r in load_restrictions().restrictions if r.when.fact == "representative_of"}
    for reason in told["reasons"]:
        for evidence in reason["evidence"]:
            if evidence["table"] == "classification" and told["tier"] is None:
                evidence |= {"record_id": None, "what": "of a model out of the scope of the key"}
            if reason["restriction"] not in about_others:
                continue
            other = evidence["what"].partition(" ")[0]
            if other != answer.credit_code and not sees_enterprise(call, snapshot, other):
                evidence |= {"record_id": None, "what": "of an enterprise out of the scope of the key"}
    return told


def _first_in_scope(call: Call, snapshot: Snapshot, table: pa.Table, count: int) -> list[dict[str, Any]]:
    """Return the first rows of enterprises in the caller's scope, no more than asked for."""
    found: list[dict[str, Any]] = []
    for place in range(0, table.num_rows, _READ):
        rows = table.slice(place, _READ).to_pylist()
        seen = visible(call, snapshot, [row["credit_code"] for row in rows])
        found += [row for row in rows if row["credit_code"] in seen]
        if len(found) >= count:
            break
    return found[:count]


def _earlier(call: Call, number: int) -> Snapshot:
    """Return a state of the record store that a cursor names."""
    return RecordStore(call.context.home.store).snapshot(number)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("it is no cursor of this list", field="cursor", fix="Leave it out.") from None
