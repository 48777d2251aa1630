"""The audit log: complete, append-only, bound by hashes, and in force before anything is shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError
from typer.testing import CliRunner

from features.home import Home
from serving.access.audit import ORIGIN, AuditLog
from serving.application import application
from serving.commands import register
from serving.database import open_database
from serving.database.engine import database_url
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.test_access import bearer
from tests.serving.test_classification import assert_problem


def write(log: AuditLog, count: int, actor: str = "a1 test") -> None:
    for number in range(count):
        log.append(actor=actor, action="GET /x", subject=f"企业 {number}", status=200, request_id="r" * 8)


def test_entries_are_bound_and_verified(engine: Engine) -> None:
    log = AuditLog(engine)
    assert log.verify().as_dict() == {
        "entries": 0, "head": ORIGIN, "broken_at": None, "reason": None, "passed": True,
    }  # fmt: skip
    write(log, 5)
    found = log.verify()
    assert (found.passed, found.entries) == (True, 5)
    assert found.head == log.entries(1)[0].hash
    assert [entry.number for entry in log.entries()] == [1, 2, 3, 4, 5]
    write(log, 1)
    assert log.verify(head=found.head).passed
    assert not log.verify(head="f" * 64).passed


def test_the_database_refuses_to_change_entries(engine: Engine) -> None:
    log = AuditLog(engine)
    write(log, 2)
    for change in ("UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"):
        with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
            connection.execute(text(change))
    assert log.verify().passed


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 3", 3),
        ("UPDATE audit_entry SET status = 404 WHERE number = 1", 1),
        ("DELETE FROM audit_entry WHERE number = 2", 2),
        ("UPDATE audit_entry SET number = 99 WHERE number = 4", 4),
        ("DELETE FROM audit_entry WHERE number > 3", 4),
    ],
)
def test_tampering_is_found(engine: Engine, tampering: str, broken_at: int) -> None:
    log = AuditLog(engine)
    write(log, 5)
    head = log.verify().head
    with engine.begin() as connection:
        # As somebody does who owns the database.
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
        else:
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER audit_entry_no_{change}"))
        connection.execute(text(tampering))
    found = log.verify(head=head)
    assert not found.passed
    assert found.broken_at == broken_at


def test_writers_take_turns(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    failures: list[BaseException] = []

    def work(name: str) -> None:
        own = open_database(url)
        try:
            write(AuditLog(own), 20, actor=name)
        except BaseException as error:
            failures.append(error)
        finally:
            own.dispose()

    threads = [threading.Thread(target=work, args=(f"writer {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    found = AuditLog(engine).verify()
    assert (found.passed, found.entries) == (True, 80)


def test_what_is_seen_is_noted(own_home: Home, code_of: Callable[[str, str], str]) -> None:
    client = Client(application(own_home, Settings(access="keys")))
    headers = bearer(client, "supervisor")
    code = code_of("food", "D")
    client("POST", "/classify", json={"credit_code": code}, headers={**headers, "x-request-id": "request-1"})
    client.get(f"/enterprise/{code}?model=general", headers=headers)
    client.get("/v1/enterprises?tier=D&limit=3", headers=headers)
    client.get("/healthz", headers=headers)
    client.get("/openapi.json", headers=headers)
    log = client.app.state.context.gate.audit
    noted = [(entry.action, entry.subject, entry.status) for entry in log.entries()]
    assert noted[0] == ("POST /classify", f"credit_code={code}", 200)
    assert noted[1] == ("GET /enterprise/{code}", f"code={code}, model=general", 200)
    assert noted[2][0] == "GET /v1/enterprises"
    assert "tier=D" in noted[2][1]
    assert len(noted) == 3
    assert log.entries()[0].request_id == "request-1"
    assert log.entries()[0].actor.endswith(" test")
    assert log.verify().passed


def test_what_cannot_be_noted_is_not_shown(
    own_home: Home, code_of: Callable[[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(application(own_home, Settings(access="keys")))
    headers = bearer(client, "supervisor")
    body = {"credit_code": code_of("food", "D")}
    assert client("POST", "/classify", json=body, headers=headers).status_code == 200
    engine = open_database(database_url(own_home, None))
    with engine.begin() as connection:
        # A full disk, as SQLite sees it.
        connection.execute(
            text(
                "CREATE TRIGGER full BEFORE INSERT ON audit_entry "
                "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
        )
    refused = client("POST", "/classify", json=body, headers=headers)
    assert_problem(refused, 503, "")
    assert body["credit_code"] not in refused.text
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER full"))
    assert client("POST", "/classify", json=body, headers=headers).status_code == 200
    assert client.app.state.context.gate.audit.verify().passed


def test_commands(own_home: Home) -> None:
    app = typer.Typer()
    register(app)
    runner = CliRunner()
    home = ["--home", str(own_home.root)]

    def call(*words: str, code: int = 0) -> str:
        result = runner.invoke(app, [*words, *home])
        assert result.exit_code == code, result.output
        return result.stdout

    made = json.loads(call("keys", "create", "desk 1", "--role", "planner", "--district", "990101", "--json"))
    assert made["token"].startswith("rm_")
    assert made["districts"] == ["990101"]
    assert made["id"] in call("keys", "list")
    assert made["token"] not in call("keys", "list", "--json")
    assert json.loads(call("keys", "revoke", made["id"], "--json"))["revoked_at"]
    write(AuditLog(open_database(database_url(own_home, None))), 2)
    assert "2 entries" in call("audit", "verify")
    assert len(json.loads(call("audit", "show", "--last", "1", "--json"))) == 1
    call("audit", "verify", "--head", "0123", code=1)
    for words, field in (
        (("keys", "create", "x", "--role", "king"), "role"),
        (("keys", "create", "x", "--role", "planner", "--sector", "pets"), "sector"),
        (("keys", "create", "x", "--role", "planner", "--district", "a"), "district"),
        (("keys", "revoke", "nothing"), "key"),
    ):
        result = runner.invoke(app, [*words, *home])
        assert getattr(result.exception, "field", None) == field, words


def test_an_open_service_listens_to_its_own_host_only(home: Home) -> None:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0", "--home", str(home.root)])
    assert getattr(result.exception, "field", None) == "--host"


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "postgresql://"])
def test_addresses_of_databases(url: str, tmp_path: Path) -> None:
    from features.errors import InputError

    if url == "postgresql://":
        assert open_database(url).dialect.name == "postgresql"
        return
    with pytest.raises(InputError) as caught:
        open_database(url)
    assert caught.value.field == "database"
