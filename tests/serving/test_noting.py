"""Entries of many requests are written together: all of them, in order, and each failure where it belongs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DataError, OperationalError

from serving.access.audit import AuditLog, Entry, Note
from serving.access.noting import MOST, Noting


def note(number: int) -> Note:
    return Note("a1 test", "GET /x", f"企业 {number}", 200, f"request-{number:04d}")


class Held(AuditLog):
    """A log that is not written to until it is let go; it may fail, and counts its transactions."""

    def __init__(self, engine: Engine, fails: Callable[[Sequence[Note]], Exception | None]) -> None:
        super().__init__(engine)
        self.let_go = threading.Event()
        self.begun = threading.Event()
        self.sizes: list[int] = []
        self._fails = fails

    def append_all(self, notes: Sequence[Note]) -> list[Entry]:
        self.begun.set()
        self.let_go.wait(30)
        self.sizes.append(len(notes))
        error = self._fails(notes)
        if error is not None:
            raise error
        return super().append_all(notes)


def never(notes: Sequence[Note]) -> None:
    return None


def asked_while_busy(log: Held, count: int) -> list[Future[Entry]]:
    """Return entries that are asked for while the first one of them is being written."""
    noting = Noting(log)
    found = [noting.write(note(0))]
    assert log.begun.wait(30)
    found += [noting.write(note(number)) for number in range(1, count)]
    return found


def test_what_comes_in_meanwhile_is_written_together_and_in_order(engine: Engine) -> None:
    log = Held(engine, never)
    found = asked_while_busy(log, MOST + 11)
    assert not any(one.done() for one in found)
    log.let_go.set()
    entries = [one.result(30) for one in found]
    assert log.sizes == [1, MOST, 10]
    assert [entry.number for entry in entries] == list(range(1, MOST + 12))
    assert log.entries() == entries
    assert [entry.request_id for entry in entries] == [f"request-{k:04d}" for k in range(MOST + 11)]
    assert log.verify().passed


def test_many_threads(engine: Engine) -> None:
    log = AuditLog(engine)
    noting = Noting(log)
    found: list[Future[Entry]] = []

    def ask() -> None:
        for number in range(25):
            one = noting.write(note(number))
            one.result(30)
            found.append(one)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(one.result().number for one in found) == list(range(1, 201))
    told = log.verify()
    assert (told.passed, told.entries) == (True, 200)


def test_one_at_fault_fails_alone(engine: Engine) -> None:
    def fails(notes: Sequence[Note]) -> Exception | None:
        return DataError("x", None, Exception()) if any(one.subject == "企业 3" for one in notes) else None

    log = Held(engine, fails)
    found = asked_while_busy(log, 6)
    log.let_go.set()
    with pytest.raises(DataError):
        found[3].result(30)
    assert [one.result(30).subject for one in found if one is not found[3]] == [
        "企业 0", "企业 1", "企业 2", "企业 4", "企业 5",
    ]  # fmt: skip
    assert log.verify().passed


def test_a_database_that_is_away_is_asked_once_for_all_and_again_for_the_next(engine: Engine) -> None:
    away = threading.Event()
    away.set()
    log = Held(engine, lambda _: OperationalError("x", None, Exception()) if away.is_set() else None)
    found = asked_while_busy(log, 5)
    log.let_go.set()
    for one in found:
        with pytest.raises(OperationalError):
            one.result(30)
    assert log.sizes == [1, 4]
    away.clear()
    assert Noting(log).write(note(7)).result(30).number == 1


def test_who_has_given_up_is_not_noted(engine: Engine) -> None:
    log = Held(engine, never)
    found = asked_while_busy(log, 4)
    assert found[2].cancel()
    log.let_go.set()
    assert [found[k].result(30).number for k in (0, 1, 3)] == [1, 2, 3]


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    log = AuditLog(engine)
    log.append_all([note(0)])
    inserted = 0

    def refuse(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        nonlocal inserted
        inserted += statement.upper().startswith("INSERT INTO AUDIT_ENTRY")

    def broken(connection: Any) -> None:
        raise OperationalError("commit", None, Exception("the disk is full"))

    event.listen(engine, "after_cursor_execute", refuse)
    event.listen(engine, "commit", broken)
    with pytest.raises(OperationalError):
        log.append_all([note(1), note(2)])
    event.remove(engine, "commit", broken)
    assert inserted
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_entry")).scalar_one() == 1
    assert [entry.number for entry in log.append_all([note(3), note(4)])] == [2, 3]
    assert log.verify().passed
