"""Who saw or changed what: an append-only log, each entry bound to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text

from serving.database.tables import AUDIT

#: What the first entry is bound to.
ORIGIN = "0" * 64
#: Number of the lock by which writers of PostgreSQL take turns; any number, the same in all versions.
_LOCK = 4_206_202_201
_BATCH = 10_000
# Made once: to put them together takes as long as to send them.
_LAST = select(AUDIT.c.number, AUDIT.c.hash).order_by(AUDIT.c.number.desc()).limit(1)
_INSERT = insert(AUDIT)


@dataclass(frozen=True)
class Note:
    """What is to be written.

    Attributes
    ----------
    actor, action, subject, status, request_id
        As in :class:`Entry`.
    """

    actor: str
    action: str
    subject: str
    status: int
    request_id: str


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes
    ----------
    number
        1, 2, 3 … without gaps.
    at
        ISO 8601, UTC.
    actor
        Id and name of the key.
    action
        Method and route.
    subject
        Which enterprises, plan or filter.
    status
        HTTP status of the answer.
    request_id
        As in the log of the service.
    previous_hash, hash
        SHA-256 of the entry before, and of this one with it.
    """

    number: int
    at: str
    actor: str
    action: str
    subject: str
    status: int
    request_id: str
    previous_hash: str
    hash: str = ""

    def computed_hash(self) -> str:
        """Return what the hash must be."""
        content = {key: value for key, value in vars(self).items() if key != "hash"}
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class Verification:
    """What a verification found.

    Attributes
    ----------
    entries
        How many were checked.
    head
        Hash of the last sound entry; kept elsewhere, it shows later whether entries were cut off.
    broken_at, reason
        The first entry that is not as it was written; None if all are.
    """

    entries: int
    head: str
    broken_at: int | None = None
    reason: str | None = None

    @property
    def passed(self) -> bool:
        """Whether all entries are as they were written."""
        return self.broken_at is None

    def as_dict(self) -> dict[str, Any]:
        """Return the verification as plain data."""
        return {**asdict(self), "passed": self.passed}


def take_turn(connection: Connection) -> None:
    """Wait until no other transaction writes entries; it is over with the transaction's end.

    In SQLite a writing transaction has its turn from its beginning.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


class AuditLog:
    """The log in the database.

    Parameters
    ----------
    engine
        The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, *, actor: str, action: str, subject: str, status: int, request_id: str) -> Entry:
        """Write an entry; it is on disk when this returns.

        Writers, of all processes, take turns: each entry is bound to the one before it.
        """
        return self.append_all([Note(actor, action, subject, status, request_id)])[0]

    def append_all(self, notes: Sequence[Note]) -> list[Entry]:
        """Write entries in one transaction: all of them are on disk when this returns, or none is."""
        with self._engine.begin() as connection:
            return _append(connection, notes)

    def append_within(
        self, connection: Connection, *, actor: str, action: str, subject: str, status: int, request_id: str
    ) -> Entry:
        """Write an entry in a transaction that does more: both are on disk once it ends, or neither.

        Parameters
        ----------
        connection
            In a transaction. Others wait for its end from here on.
        """
        return _append(connection, [Note(actor, action, subject, status, request_id)])[0]

    def entries(self, last: int | None = None) -> list[Entry]:
        """Return the entries, or the last ones, in their order."""
        query = select(AUDIT).order_by(AUDIT.c.number.desc())
        with self._engine.execution_options(read_only=True).connect() as connection:
            rows = connection.execute(query.limit(last) if last is not None else query).all()
        return [Entry(**row._mapping) for row in reversed(rows)]

    def verify(self, head: str | None = None) -> Verification:
        """Check every entry.

        Parameters
        ----------
        head
            Hash that must be in the log: that of the last entry at an earlier verification.
        """
        expected, number, found = ORIGIN, 0, head is None or head == ORIGIN
        with self._engine.execution_options(read_only=True).connect() as connection:
            for entry in _stream(connection):
                number += 1
                wrong = _wrong(entry, number, expected)
                if wrong is not None:
                    return Verification(number - 1, expected, number, wrong)
                expected = entry.hash
                found = found or expected == head
        if not found:
            return Verification(number, expected, number + 1, "entries after the given head were cut off")
        return Verification(number, expected)


def _append(connection: Connection, notes: Sequence[Note]) -> list[Entry]:
    take_turn(connection)
    last = connection.execute(_LAST).first()
    number, previous = (last.number, last.hash) if last is not None else (0, ORIGIN)
    entries = []
    for note in notes:
        number += 1
        bare = Entry(
            number,
            datetime.now(UTC).isoformat(timespec="microseconds"),
            note.actor,
            note.action,
            # No database of ours keeps a NUL in a text, and a query may hold one.
            note.subject.replace("\0", "\N{SYMBOL FOR NULL}"),
            note.status,
            note.request_id,
            previous,
        )
        entries.append(replace(bare, hash=bare.computed_hash()))
        previous = entries[-1].hash
    connection.execute(_INSERT, [vars(entry) for entry in entries])
    return entries


def _wrong(entry: Entry, number: int, expected: str) -> str | None:
    if entry.number != number:
        return f"entry {number} is missing"
    if entry.previous_hash != expected:
        return "it is not bound to the entry before it"
    if entry.hash != entry.computed_hash():
        return "its content was changed"
    return None


def _stream(connection: Connection) -> Iterator[Entry]:
    after = 0
    while True:
        rows = connection.execute(
            select(AUDIT).where(AUDIT.c.number > after).order_by(AUDIT.c.number).limit(_BATCH)
        ).all()
        if not rows:
            return
        for row in rows:
            yield Entry(**row._mapping)
        after = rows[-1].number
