"""Idempotency keys: what is asked is done once, whatever is sent how often and whoever dies in between."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from features.errors import InputError
from serving import once as module
from serving.access.audit import AuditLog
from serving.database import open_database, upgrade
from serving.database.tables import ONCE
from serving.once import Answered, Asked, Attempt, Done, OnceOnly
from serving.problems import Problem

KEEP = timedelta(hours=1)


@pytest.fixture
def once(engine: Engine) -> OnceOnly:
    return OnceOnly(engine, AuditLog(engine), KEEP)


def asked(key: str = "key-00001", content: str = "a", caller: str = "k1") -> Asked:
    return Asked(caller, key, content * 64, f"{caller} desk", "POST /x", "what=it", "request-1")


class Work:
    """Counts how often it was done."""

    def __init__(self, **answer: Any) -> None:
        self.attempts: list[Attempt] = []
        self.answer = answer or {"it": "is done"}

    def __call__(self, attempt: Attempt) -> Done:
        self.attempts.append(attempt)
        return Done(self.answer)


def statuses(engine: Engine) -> list[int]:
    return [entry.status for entry in AuditLog(engine).entries()]


def test_the_same_request_is_done_once(once: OnceOnly, engine: Engine) -> None:
    work = Work()
    first, second = once.do(asked(), work), once.do(asked(), work)
    assert first == Answered(201, '{"it":"is done"}')
    assert second == Answered(201, '{"it":"is done"}', replayed=True)
    assert len(work.attempts) == 1
    assert not work.attempts[0].again
    # Begun, done, told again: all of it is in the log, which is sound.
    assert statuses(engine) == [102, 201, 201]
    assert AuditLog(engine).verify().passed


def test_a_key_is_of_one_caller_and_one_request(once: OnceOnly) -> None:
    work = Work()
    once.do(asked(), work)
    once.do(asked(caller="k2"), work)
    assert len(work.attempts) == 2
    with pytest.raises(Problem) as caught:
        once.do(asked(content="b"), work)
    assert (caught.value.status, caught.value.errors[0].field) == (422, "Idempotency-Key")
    assert len(work.attempts) == 2


def test_a_refusal_does_nothing_and_frees_the_key(once: OnceOnly, engine: Engine) -> None:
    def refuse(attempt: Attempt) -> Done:
        message = "it may not be"
        raise InputError(message, field="ground", fix="Wait.")

    with pytest.raises(Problem) as caught:
        once.do(asked(), refuse)
    assert (caught.value.status, caught.value.errors[0].field) == (422, "ground")
    work = Work()
    assert once.do(asked(content="b"), work).status == 201
    assert not work.attempts[0].again
    assert statuses(engine) == [102, 422, 102, 201]


def test_requests_at_the_same_time_are_done_once(engine: Engine) -> None:
    inside, go = threading.Event(), threading.Event()
    found: list[Any] = []

    def slow(attempt: Attempt) -> Done:
        inside.set()
        assert go.wait(20)
        return Done({"by": "the first"})

    def first() -> None:
        found.append(OnceOnly(engine, AuditLog(engine), KEEP).do(asked(), slow))

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(20)
    work = Work()
    with pytest.raises(Problem) as caught:
        OnceOnly(engine, AuditLog(engine), KEEP).do(asked(), work)
    assert caught.value.status == 409
    assert "Retry-After" in caught.value.headers
    go.set()
    thread.join()
    assert OnceOnly(engine, AuditLog(engine), KEEP).do(asked(), work).text == '{"by":"the first"}'
    assert not work.attempts
    assert [one.text for one in found] == ['{"by":"the first"}']


def test_a_request_is_in_hand_as_soon_as_others_can_see_it(engine: Engine) -> None:
    work, refused = Work(), []

    def meanwhile() -> None:
        with pytest.raises(Problem) as caught:
            OnceOnly(engine, AuditLog(engine), KEEP).do(asked(), work)
        refused.append(caught.value.status)

    class Watched:
        """An engine after whose first transaction another request comes at once."""

        @contextmanager
        def begin(self) -> Iterator[Any]:
            with engine.begin() as connection:
                yield connection
            if not refused:
                meanwhile()

    watched: Any = Watched()
    assert OnceOnly(watched, AuditLog(engine), KEEP).do(asked(), work).status == 201
    assert refused == [409]
    assert len(work.attempts) == 1


def test_many_at_once_are_done_once(engine: Engine) -> None:
    work, answers = Work(), []

    def ask() -> None:
        try:
            answers.append(OnceOnly(engine, AuditLog(engine), KEEP).do(asked(), work).status)
        except Problem as problem:
            answers.append(problem.status)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(work.attempts) == 1
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert AuditLog(engine).verify().passed


@pytest.mark.parametrize(
    ("owner", "until", "status"),
    [
        # A process of this host that is no more; 2 ** 22 is above what Linux gives by default.
        ("{host}:4194305:gone", timedelta(minutes=5), 201),
        # This process, before it was started anew or while it was at it.
        ("{host}:{pid}:before", timedelta(minutes=5), 201),
        # A process that lives: the first of all.
        ("{host}:1:init", timedelta(minutes=5), 409),
        # Another host, of which nothing is known until its time is over.
        ("elsewhere:1:x", timedelta(minutes=5), 409),
        ("elsewhere:1:x", timedelta(minutes=-5), 201),
    ],
)
def test_what_a_dead_process_began_is_taken_over(
    once: OnceOnly, engine: Engine, owner: str, until: timedelta, status: int
) -> None:
    def die(attempt: Attempt) -> Done:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once.do(asked(), die)
    with engine.begin() as connection:
        values = {
            "owner": owner.format(host=socket.gethostname(), pid=os.getpid()),
            "owned_until": (datetime.now(UTC) + until).isoformat(timespec="microseconds"),
        }
        connection.execute(update(ONCE).values(**values))
    work = Work()
    if status == 409:
        with pytest.raises(Problem) as caught:
            once.do(asked(), work)
        assert caught.value.status == 409
        return
    assert once.do(asked(), work).status == 201
    assert work.attempts[0].again
    assert work.attempts[0].begun_at <= datetime.now(UTC)


def test_a_failure_lets_go(once: OnceOnly) -> None:
    def fail(attempt: Attempt) -> Done:
        message = "a failure of ours"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError):
        once.do(asked(), fail)
    work = Work()
    assert once.do(asked(), work).status == 201
    assert work.attempts[0].again


def test_a_full_disk_is_a_refusal(once: OnceOnly) -> None:
    def full(attempt: Attempt) -> Done:
        raise OSError(28, "No space left on device")

    with pytest.raises(Problem) as caught:
        once.do(asked(), full)
    assert caught.value.status == 503
    assert once.do(asked(), Work()).status == 201


def test_what_the_database_is_told_comes_with_the_answer_or_not_at_all(
    once: OnceOnly, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", ())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE thing (name VARCHAR(10))"))

    def perform(attempt: Attempt) -> Done:
        return Done(
            {"done": 1}, within=lambda connection: connection.execute(text("INSERT INTO thing VALUES ('x')"))
        )

    appended = AuditLog.append_within

    def cannot_be_noted(self: AuditLog, connection: Any, **note: Any) -> Any:
        if note["status"] == 201:
            message = "disk full"
            raise OperationalError(message, None, Exception(message))
        return appended(self, connection, **note)

    monkeypatch.setattr(AuditLog, "append_within", cannot_be_noted)
    with pytest.raises(SQLAlchemyError):
        once.do(asked(), perform)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM thing")).scalar() == 0
    monkeypatch.setattr(AuditLog, "append_within", appended)
    assert once.do(asked(), perform).status == 201
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM thing")).scalar() == 1


def test_a_database_that_is_away_for_a_moment_loses_nothing(
    once: OnceOnly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.01, 0.01))
    written, failures = OnceOnly._write_down, iter([True, True, False])

    def away(self: OnceOnly, *arguments: Any) -> Answered:
        if next(failures):
            message = "the server closed the connection"
            raise OperationalError(message, None, Exception(message))
        return written(self, *arguments)

    monkeypatch.setattr(OnceOnly, "_write_down", away)
    work = Work()
    assert once.do(asked(), work).status == 201
    assert len(work.attempts) == 1


def test_answers_are_kept_for_a_while(engine: Engine) -> None:
    work = Work()
    short = OnceOnly(engine, AuditLog(engine), timedelta(seconds=-1))
    short.do(asked(), work)
    short.do(asked(), work)
    assert len(work.attempts) == 2
    with engine.connect() as connection:
        assert len(connection.execute(select(ONCE.c.key)).all()) == 1


def test_schema_can_be_undone(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    from serving.database.engine import MIGRATIONS

    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0001")
        names = {row[0] for row in connection.execute(text("SELECT name FROM sqlite_master"))}
    assert "audit_entry" in names
    assert not {"idempotent_request", "repair_application", "webhook"} & names
    upgrade(engine)
