"""Doing what a request asks once, however often it is sent: idempotency keys.

A request that changes something carries a key of its sender's choice. Before anything is done, the key is
kept together with a note in the audit log; afterwards, in one transaction, the answer, the note of what came
of it, and what else the database holds of it. So a crash in between leaves a key that is begun: the same
request, sent again, takes it over, and what was done is recognised and not done twice.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from features.errors import InputError
from serving.access.audit import AuditLog, take_turn
from serving.access.gate import subject_of, unavailable
from serving.database.tables import ONCE
from serving.endpoints import Call, plain_text
from serving.problems import FieldError, Problem, from_input_error

logger = logging.getLogger("risk_model.serving")

HEADER = "Idempotency-Key"
#: Of an answer that was given before.
REPLAYED = "Idempotent-Replayed"
#: Status in the audit log of what was begun.
BEGUN = 102
#: How long a process on another host keeps a request to itself; of this host one knows whether it lives.
HELD = timedelta(minutes=15)
#: Seconds before each further try to write down what was done, while the database is away.
PAUSES = (0.5, 2.0)
#: Visible ASCII, save what would have to be escaped in quotes.
_KEY = re.compile(r"[!#-\[\]-~]{8,200}")


@dataclass(frozen=True)
class Attempt:
    """One try to do what a request asks.

    Attributes
    ----------
    begun_at
        When the first one began.
    again
        Whether an earlier one may have done some of it, or all.
    """

    begun_at: datetime
    again: bool


@dataclass(frozen=True)
class Done:
    """What was done.

    Attributes
    ----------
    answer
        Plain data and dates.
    status
        Of the answer.
    within
        What the database is told of it, in the transaction that also keeps the answer.
    """

    answer: dict[str, Any]
    status: int = 201
    within: Callable[[Connection], None] | None = None


@dataclass(frozen=True)
class Asked:
    """A request that changes something.

    Attributes
    ----------
    caller, key
        Whose request it is, and the key that they gave it.
    sha256
        Of method, address and body.
    actor, action, subject, request_id
        As they stand in the audit log.
    """

    caller: str
    key: str
    sha256: str
    actor: str
    action: str
    subject: str
    request_id: str

    @property
    def note(self) -> dict[str, str]:
        """What the audit log is told."""
        return {
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "request_id": self.request_id,
        }


@dataclass(frozen=True)
class Answered:
    """The answer to a request, and whether it was given before."""

    status: int
    text: str
    replayed: bool = False


def once(call: Call, perform: Callable[[Attempt], Done]) -> Response:
    """Do what a call asks and answer; a call that was answered before is answered the same.

    Parameters
    ----------
    call
        The call.
    perform
        Does it. What it did before it was interrupted must not be done twice by it.

    Raises
    ------
    Problem
        400 without a usable key; 422 if the key was used for another request; 409 while the same request is
        being worked on; 503 without the database.
    """
    database = call.context.operational
    asked = _asked(call)
    keep = timedelta(hours=call.context.settings.idempotency_hours)
    found = OnceOnly(database.engine, database.audit, keep).do(asked, perform)
    headers = {REPLAYED: "true"} if found.replayed else {}
    return Response(found.text, status_code=found.status, media_type="application/json", headers=headers)


def key_of(request: Request) -> str:
    """Return the key that a request carries.

    Raises
    ------
    Problem
        400 if there is none, or it cannot be one.
    """
    given = request.headers.get(HEADER)
    text = (given or "").strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        # As a string of a structured field (RFC 9651).
        text = text[1:-1]
    if _KEY.fullmatch(text):
        return text
    message = "it is missing" if given is None else "it is no key"
    raise Problem(
        400,
        "idempotency-key-missing" if given is None else "idempotency-key-malformed",
        f"{HEADER}: {message}.",
        [
            FieldError(
                HEADER,
                message,
                "Send 8 to 200 visible ASCII characters that name this request, such as a new UUID; "
                "send the same again if no answer comes.",
            )
        ],
    )


def _asked(call: Call) -> Asked:
    request, principal = call.http, call.principal
    # An address that only says what is to be gone does the same however often it is asked.
    key = key_of(request) if request.method == "POST" else secrets.token_hex(16)
    body = "" if call.body is None else call.body.model_dump_json()
    content = f"{request.method} {request.url.path}?{request.url.query}\n{body}"
    return Asked(
        caller=principal.name.partition(" ")[0],
        key=key,
        sha256=hashlib.sha256(content.encode()).hexdigest(),
        actor=principal.name,
        action=f"{request.method} {request.state.route}",
        subject=subject_of(request.path_params, call.body, call.query),
        request_id=request.state.request_id,
    )


@dataclass
class OnceOnly:
    """Requests that change something, in the database.

    Parameters
    ----------
    engine
        The database.
    audit
        The log in it.
    keep
        How long an answer is kept for the same request.
    """

    engine: Engine
    audit: AuditLog
    keep: timedelta

    def do(self, asked: Asked, perform: Callable[[Attempt], Done]) -> Answered:
        """Do it, unless it was done.

        Raises
        ------
        Problem
            As :func:`once`, and what ``perform`` refuses; a request that is refused has done nothing, and
            its key may be used again.
        """
        # Known to be in hand before others can see it, and until after they no longer can.
        token = secrets.token_hex(8)
        _IN_HAND.add(token)
        try:
            return self._do(asked, perform, f"{socket.gethostname()}:{os.getpid()}:{token}")
        finally:
            _IN_HAND.discard(token)

    def _do(self, asked: Asked, perform: Callable[[Attempt], Done], owner: str) -> Answered:
        begun = self._begin(asked, owner)
        if isinstance(begun, Answered):
            return begun
        try:
            return self._finish(asked, perform(begun))
        except (Problem, InputError) as error:
            problem = error if isinstance(error, Problem) else from_input_error(error)
            self._refuse(asked, problem, owner)
            raise problem from None
        except OSError:
            logger.exception("what request %s asked cannot be written", asked.request_id)
            self._let_go(asked, owner)
            raise unavailable("what was asked cannot be written down") from None
        except BaseException:
            self._let_go(asked, owner)
            raise

    def _begin(self, asked: Asked, owner: str) -> Attempt | Answered:
        now = datetime.now(UTC)
        with self.engine.begin() as connection:
            take_turn(connection)
            connection.execute(delete(ONCE).where(ONCE.c.expires_at <= _text(now)))
            row = connection.execute(select(ONCE).where(_same(asked))).first()
            if row is not None and row.request_sha256 != asked.sha256:
                raise _other_request(asked)
            if row is not None and row.status is not None:
                self.audit.append_within(connection, **asked.note, status=row.status)
                return Answered(row.status, row.answer, replayed=True)
            if row is not None and self._held(row, now):
                raise _in_hand(asked)
            mine = {"owner": owner, "owned_until": _text(now + HELD)}
            if row is None:
                kept = {
                    "caller": asked.caller,
                    "key": asked.key,
                    "request_sha256": asked.sha256,
                    "begun_at": _text(now),
                    "expires_at": _text(now + self.keep),
                }
                connection.execute(insert(ONCE).values(**kept, **mine))
            else:
                connection.execute(update(ONCE).where(_same(asked)).values(**mine))
            self.audit.append_within(connection, **asked.note, status=BEGUN)
        return Attempt(now if row is None else datetime.fromisoformat(row.begun_at), row is not None)

    def _held(self, row: Row[Any], now: datetime) -> bool:
        """Return whether a process that lives is at work on a request."""
        if row.owner is None or row.owned_until <= _text(now):
            return False
        host, pid, token = row.owner.rsplit(":", 2)
        if host != socket.gethostname():
            return True
        if int(pid) == os.getpid():
            return token in _IN_HAND
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _finish(self, asked: Asked, done: Done) -> Answered:
        text = plain_text(done.answer)
        pauses = list(PAUSES)
        while True:
            try:
                return self._write_down(asked, done, text)
            except SQLAlchemyError:
                if not pauses:
                    raise
                logger.exception("what request %s did cannot be noted yet", asked.request_id)
                time.sleep(pauses.pop(0))

    def _write_down(self, asked: Asked, done: Done, text: str) -> Answered:
        with self.engine.begin() as connection:
            take_turn(connection)
            row = connection.execute(select(ONCE).where(_same(asked))).first()
            if row is not None and row.status is not None:
                # Another process took the request over and was faster; what it answered counts.
                return Answered(row.status, row.answer, replayed=True)
            if done.within is not None:
                done.within(connection)
            kept = {"status": done.status, "answer": text, "owner": None, "owned_until": None}
            connection.execute(update(ONCE).where(_same(asked)).values(**kept))
            self.audit.append_within(connection, **asked.note, status=done.status)
        return Answered(done.status, text)

    def _refuse(self, asked: Asked, problem: Problem, owner: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(delete(ONCE).where(_same(asked) & (ONCE.c.owner == owner)))
            self.audit.append_within(connection, **asked.note, status=problem.status)

    def _let_go(self, asked: Asked, owner: str) -> None:
        """Let the next same request take over what failed in the middle."""
        try:
            with self.engine.begin() as connection:
                mine = _same(asked) & (ONCE.c.owner == owner)
                connection.execute(update(ONCE).where(mine).values(owner=None, owned_until=None))
        except SQLAlchemyError:
            # This process knows that it is not at work on it; others know once their time is over.
            logger.exception("request %s cannot be let go", asked.request_id)


#: What this process is at work on: the last part of its owner.
_IN_HAND: set[str] = set()


def _same(asked: Asked) -> Any:
    return (ONCE.c.caller == asked.caller) & (ONCE.c.key == asked.key)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _other_request(asked: Asked) -> Problem:
    return Problem(
        422,
        "idempotency-key-reused",
        "The idempotency key was used for another request.",
        [FieldError(HEADER, "it names another request", "Give each request a key of its own.")],
    )


def _in_hand(asked: Asked) -> Problem:
    return Problem(
        409,
        "request-in-hand",
        "The same request is being worked on.",
        [FieldError(HEADER, "its request is not answered yet", "Send the same again in a moment.")],
        {"Retry-After": "2"},
    )
