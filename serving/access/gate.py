"""Letting requests in: who asks, whether it may, how often, and the note of it in the audit log."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from serving.access.audit import AuditLog, Note
from serving.access.keys import Key, Keys
from serving.access.noting import Noting
from serving.access.principal import ANYBODY_HERE, Principal, Role
from serving.database import open_database, upgrade
from serving.problems import FieldError, Problem

logger = logging.getLogger("risk_model.serving")

SESSION_COOKIE = "session"
#: Seconds for which a key is trusted without asking the database; so long may a revoked key still work.
TRUSTED = 5.0
MOST_REMEMBERED = 1_000
#: Keys and addresses whose requests are counted.
MOST_COUNTED = 100_000

ANONYMOUS = Principal("anonymous", frozenset({Role.PUBLIC}), districts=(), sectors=())


class Gate:
    """Knows callers by key or session.

    Parameters
    ----------
    url
        Address of the database; None for a service that asks for no key.
    per_minute
        Requests of one key a minute, in one worker.
    """

    def __init__(self, url: str | None, per_minute: int) -> None:
        self.engine: Engine | None = None
        self.keys: Keys | None = None
        self.audit: AuditLog | None = None
        self._noting: Noting | None = None
        self._rates = _Rates(per_minute)
        self._known: OrderedDict[str, tuple[float, Key | None]] = OrderedDict()
        self._lock = threading.Lock()
        if url is not None:
            self.engine = open_database(url)
            upgrade(self.engine)
            self.keys, self.audit = Keys(self.engine), AuditLog(self.engine)
            self._noting = Noting(self.audit)

    @property
    def open(self) -> bool:
        """Whether nobody is asked for a key."""
        return self.keys is None

    def caller(self, request: Request) -> Principal:
        """Return who asks.

        Raises
        ------
        Problem
            401 if a key is sent that is not valid, 429 if it asks too often, 503 without the database.
        """
        known = self.caller_at_once(request)
        if known is not None:
            return known
        token, session = _credentials(request)
        return self._let_in(request, token, self._key(token, session))

    def caller_at_once(self, request: Request) -> Principal | None:
        """Return who asks, where that is known without the database; None where it must be asked.

        Raises
        ------
        Problem
            401 and 429, as :meth:`caller`.
        """
        if self.keys is None:
            return ANYBODY_HERE
        token, session = _credentials(request)
        if token is None and session is None:
            return self._let_in(request, None, None)
        with self._lock:
            told = self._known.get(_memory(token, session))
        if told is None or time.monotonic() - told[0] >= TRUSTED:
            return None
        return self._let_in(request, token, told[1])

    def _let_in(self, request: Request, token: str | None, key: Key | None) -> Principal:
        if key is None:
            self._rates.take(f"address {request.client.host if request.client else ''}")
            if token is None:
                # No key, or a session that has ended, which is as if there were none.
                return ANONYMOUS
            raise unauthorized("the key is unknown, expired or revoked")
        self._rates.take(key.id)
        return key.principal

    def require(self, principal: Principal, roles: frozenset[Role]) -> None:
        """Let a caller through to an endpoint.

        Raises
        ------
        Problem
            401 without a key, 403 without any of the roles.
        """
        if not roles or (roles & principal.roles and principal is not ANONYMOUS):
            return
        if principal is ANONYMOUS:
            raise unauthorized("no key was sent")
        raise Problem(
            403,
            "forbidden",
            "The key does not have a role that may do this.",
            [
                FieldError(
                    "Authorization", f"it needs one of: {', '.join(sorted(roles))}", "Ask an administrator."
                )
            ],
        )

    def note(self, principal: Principal, action: str, subject: str, status: int, request_id: str) -> None:
        """Write to the audit log, from a thread that may wait.

        Raises
        ------
        Problem
            503 if it cannot be written: what cannot be noted is not shown.
        """
        if self._noting is not None:
            try:
                self._noting.write(Note(principal.name, action, subject, status, request_id)).result()
            except SQLAlchemyError as error:
                raise _not_noted(error) from None

    async def noted(
        self, principal: Principal, action: str, subject: str, status: int, request_id: str
    ) -> None:
        """Write to the audit log as :meth:`note` does, from the event loop."""
        if self._noting is not None:
            note = Note(principal.name, action, subject, status, request_id)
            try:
                await asyncio.wrap_future(self._noting.write(note))
            except SQLAlchemyError as error:
                raise _not_noted(error) from None

    def forget(self) -> None:
        """Ask the database anew about every key."""
        with self._lock:
            self._known.clear()

    def _key(self, token: str | None, session: str | None) -> Key | None:
        assert self.keys is not None
        now = time.monotonic()
        try:
            key = self.keys.of_token(token) if token is not None else self.keys.of_session(session or "")
        except SQLAlchemyError:
            logger.exception("keys cannot be read")
            raise unavailable("the database of keys does not answer") from None
        with self._lock:
            self._known[_memory(token, session)] = (now, key)
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return key


def _not_noted(error: SQLAlchemyError) -> Problem:
    logger.error("the audit log cannot be written", exc_info=error)
    return unavailable("the audit log cannot be written")


def _memory(token: str | None, session: str | None) -> str:
    return f"k{token}" if token is not None else f"s{session}"


def unauthorized(message: str) -> Problem:
    """Return the refusal of a caller that is not known."""
    return Problem(
        401,
        "unauthorized",
        "The service needs a valid key.",
        [
            FieldError(
                "Authorization", message, "Send Authorization: Bearer KEY; risk-model keys create makes keys."
            )
        ],
        {"WWW-Authenticate": "Bearer"},
    )


def unavailable(message: str) -> Problem:
    """Return the refusal of a service whose database is away."""
    return Problem(
        503,
        "database-unavailable",
        "The service cannot answer now.",
        [FieldError("", message, "Try again shortly.")],
        {"Retry-After": "5"},
    )


def subject_of(path: Mapping[str, str], body: object, query: object) -> str:
    """Return what a request is about, for the audit log: codes, plan or filter."""
    parts = [f"{name}={value}" for name, value in path.items()]
    code = getattr(body, "credit_code", None)
    if code is not None:
        parts.append(f"credit_code={code}")
    codes = getattr(body, "credit_codes", None)
    if codes is not None:
        parts.append(f"credit_codes={' '.join(codes)}")
    told = getattr(body, "audit_subject", None)
    if told is not None:
        parts.append(told)
    if query is not None:
        asked = query.model_dump(exclude_none=True) if hasattr(query, "model_dump") else {}
        parts += [f"{name}={value}" for name, value in asked.items() if name != "cursor"]
    return ", ".join(parts)


def _credentials(request: Request) -> tuple[str | None, str | None]:
    given = request.headers.get("authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthorized("the Authorization header holds no bearer key")
        return token.strip(), None
    return None, request.cookies.get(SESSION_COOKIE)


class _Rates:
    """Requests a minute of each key, and of each address without one, in this worker."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        now = time.monotonic()
        with self._lock:
            left, at = self._left.get(key, (float(self._per_minute), now))
            left = min(self._per_minute, left + (now - at) * self._per_minute / 60) - 1
            if left < 0:
                raise Problem(
                    429,
                    "too-many-requests",
                    f"More is asked than {self._per_minute} times a minute.",
                    [FieldError("", "too many requests", "Wait, or ask for many enterprises in bulk.")],
                    {"Retry-After": str(max(1, round(60 / self._per_minute)))},
                )
            self._left[key] = (left, now)
            self._left.move_to_end(key)
            while len(self._left) > MOST_COUNTED:
                # Whoever has not asked for longest has all its requests again.
                self._left.popitem(last=False)
