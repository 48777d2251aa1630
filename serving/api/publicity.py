"""What is published of an enterprise, and decisions and objections about single records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock, Timeout
from starlette.responses import Response

from features.errors import InputError
from features.home import Home
from serving.access.gate import unavailable
from serving.endpoints import Call, plain
from serving.once import Attempt, Done, once
from serving.problems import FieldError, Problem
from serving.scope import (
    checked_code,
    day_of,
    decision_day,
    latest_records,
    records_in_scope,
    today,
    visible,
)
from supervision.publicity import review
from supervision.publicity.review import Reviewed
from supervision.publicity.rules import load_publicity
from supervision.publicity.selection import publishable, records_for_publication
from supervision.sharing.partner_risk import LABELS
from supervision.sharing.share import partner_view

#: Seconds that one decision about publication waits for another.
PATIENCE = 10.0


def published(call: Call) -> Response:
    """Answer with the records of an enterprise that are published today, as they are published."""
    code, on = checked_code(call.path("credit_code")), today()
    home, rules = call.context.home, load_publicity(on)
    records = records_for_publication(latest_records(home), rules, (code, code))
    told = publishable(records, on, rules, review.withheld_on(home, on)).tables
    if not any(table.num_rows for table in told.values()):
        raise _nothing(code)
    return plain(
        {
            "credit_code": code,
            "on": on,
            "tables": [
                {
                    "table": name,
                    "label": rules.published[name].label.model_dump(),
                    "source": rules.published[name].source,
                    "records": table.to_pylist(),
                }
                for name, table in told.items()
                if table.num_rows
            ],
        }
    )


def partner(call: Call) -> Response:
    """Answer with what a partner may know of an enterprise: counts of published records."""
    code, on = checked_code(call.path("credit_code")), today()
    latest_records(call.context.home)
    try:
        view = partner_view(call.context.home, code, on)
    except InputError:
        raise _nothing(code) from None
    return plain(
        {
            "on": on,
            "view": view,
            "labels": {name: {"zh": LABELS[name].zh, "en": LABELS[name].en} for name in view},
        }
    )


def objections(call: Call) -> Response:
    """Answer with the objections that have no answer yet, the oldest first."""
    on = day_of(call.query.on)
    snapshot = latest_records(call.context.home)
    waiting = review.open_objections(call.context.home, on)
    seen = visible(call, snapshot, [note["credit_code"] for note in waiting])
    return plain({"on": on, "results": [note for note in waiting if note["credit_code"] in seen]})


def withhold(call: Call) -> Response:
    """Decide that a record is not published from a day on."""
    body = call.body

    def keep(home: Home, code: str, on: Any) -> Reviewed:
        return review.withhold(
            home, code, body.record, body.ground, on=on, provider=body.provider, reason=body.reason
        )

    return _reviewed(call, keep)


def release(call: Call) -> Response:
    """Decide that a withheld record is published again."""
    body = call.body

    def keep(home: Home, code: str, on: Any) -> Reviewed:
        return review.release(home, code, body.record, on=on, provider=body.provider, reason=body.reason)

    return _reviewed(call, keep)


def object_to(call: Call) -> Response:
    """Register an objection; says by when it is to be answered."""
    body = call.body

    def keep(home: Home, code: str, on: Any) -> Reviewed:
        return review.object_to(home, code, body.record, on=on, reason=body.reason)

    return _reviewed(call, keep)


def answer(call: Call) -> Response:
    """Answer an objection; one that is upheld withholds the record until it is corrected."""
    body = call.body

    def keep(home: Home, code: str, on: Any) -> Reviewed:
        waiting = {(note["credit_code"], note["record_id"]) for note in review.open_objections(home, on)}
        if body.upheld and (code, body.record) in waiting:
            # First, since an interruption after the answer would leave the record published: what is
            # withheld already is recognised.
            review.withhold(
                home, code, body.record, "incorrect", on=on, provider=body.provider, reason=body.reason
            )
        return review.answer(
            home, code, body.record, upheld=body.upheld, on=on, provider=body.provider, reason=body.reason
        )

    return _reviewed(call, keep)


def _reviewed(call: Call, keep: Callable[[Home, str, Any], Reviewed]) -> Response:
    home, code = call.context.home, call.body.credit_code
    on = decision_day(call, call.body.on)
    records_in_scope(call, code, on)

    def perform(attempt: Attempt) -> Done:
        with _alone(home):
            made = keep(home, code, on)
        return Done({**made.note, "document": made.file.name})

    return once(call, perform)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Keep other decisions waiting: notes are numbered one after the other."""
    folder = home.root / "publicity"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=PATIENCE):
            yield
    except Timeout:
        raise unavailable("another decision about publication is being kept") from None


def _nothing(code: str) -> Problem:
    return Problem(
        404,
        "nothing-published",
        f"Nothing is published of {code}.",
        [FieldError("credit_code", "nothing is published of it", "Check the code.")],
    )
