"""Webhooks: signed, at least once, in order, resumed; and nowhere that nobody has set."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from features.errors import InputError
from features.home import Home
from serving.application import application
from serving.database.tables import WEBHOOKS
from serving.settings import Settings, load_settings
from serving.webhooks import delivery
from serving.webhooks.delivery import Deliverer, start
from serving.webhooks.subscriptions import Subscriptions
from supervision.lists import outbox
from supervision.lists.entries import enter_list
from tests.serving.conftest import Client
from tests.serving.operating import AUTHORITY, MakeRows, bearer, days_ago, guarded_client, send
from tests.serving.test_classification import assert_problem
from tests.supervision.office import Office


class Receiver:
    """A server of another department that writes down what it gets.

    Attributes
    ----------
    got
        Headers and body of each message.
    answers
        Statuses of the next answers; 204 after them.
    """

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def contents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    @property
    def messages(self) -> list[str]:
        return [one["message_id"] for content in self.contents for one in content["messages"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def office(tmp_path: Path, rows: MakeRows) -> Office:
    found = Office(tmp_path / "home", rows)
    found.register(*range(8))
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def client(
    request: pytest.FixtureRequest, office: Office, receiver: Receiver, database: Callable[[str], str]
) -> Iterator[Client]:
    made = guarded_client(office.home, database(request.param), webhook_targets=(receiver.origin,))
    made.headers = bearer(made, "administrator")
    yield made
    made.app.state.context.gate.engine.dispose()


@pytest.fixture
def deliverer(client: Client, receiver: Receiver) -> Deliverer:
    context = client.app.state.context
    return Deliverer(context.home, context.operational, (receiver.origin,))


def subscribe(client: Client, receiver: Receiver, **changes: Any) -> dict[str, Any]:
    body = {"url": f"{receiver.origin}/in?x=1", "topics": ["lists"], **changes}
    answer = send(client, "POST", "/v1/webhooks", body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def listed(office: Office, *numbers: int, on: date | None = None) -> None:
    for number in numbers:
        enter_list(
            office.home, office.codes[number], "abnormal", "4", on=on or days_ago(1), provider=AUTHORITY
        )


def at_once(client: Client) -> None:
    """Let the next attempt be made now."""
    with client.app.state.context.operational.engine.begin() as connection:
        connection.execute(update(WEBHOOKS).values(next_attempt_at=None))


def state(client: Client, webhook: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"/v1/webhooks/{webhook['id']}").json()
    return told


def test_what_changes_is_told_signed_and_once(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer
) -> None:
    listed(office, 0)
    webhook = subscribe(client, receiver)
    assert deliverer.deliver() == 0
    listed(office, 1, 2)
    assert deliverer.deliver() == 2
    assert deliverer.deliver() == 0
    ((headers, body),) = receiver.got
    content = json.loads(body)
    assert content["type"] == "lists.changed"
    told = {one["record"]["credit_code"]: one["change"] for one in content["messages"]}
    assert told == {office.codes[1]: "entered", office.codes[2]: "entered"}
    # As a receiver checks it, by the specification.
    key = base64.b64decode(webhook["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert "authorization" not in headers
    found = state(client, webhook)
    assert (found["failures"], found["waiting"], found["last_error"]) == (0, 0, None)
    assert found["delivered_at"]
    assert "secret" not in found
    assert webhook["secret"] not in client.get("/v1/webhooks").text
    log = client.app.state.context.gate.audit
    noted = [(e.actor, e.status) for e in log.entries() if e.actor.startswith("webhook")]
    assert noted == [(f"webhook {webhook['id']}", 102), (f"webhook {webhook['id']}", 204)]
    assert log.verify().passed


def test_from_the_beginning(office: Office, client: Client, receiver: Receiver, deliverer: Deliverer) -> None:
    listed(office, 0, 1)
    subscribe(client, receiver, start="beginning")
    assert deliverer.deliver() == 2


def test_a_failure_is_tried_again_later_and_in_order(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer
) -> None:
    webhook = subscribe(client, receiver)
    listed(office, 0)
    receiver.answers = [503, 302]
    assert deliverer.deliver() == 0
    assert state(client, webhook)["last_error"] == "the receiver answered 503"
    assert state(client, webhook)["waiting"] == 1
    # Not before its time; and what happens meanwhile comes after.
    assert deliverer.deliver() == 0
    assert len(receiver.got) == 1
    listed(office, 1)
    at_once(client)
    assert deliverer.deliver() == 0
    # A redirect is not followed.
    assert state(client, webhook)["failures"] == 2
    at_once(client)
    assert deliverer.deliver() == 2
    codes = [one["record"]["credit_code"] for content in receiver.contents[2:] for one in content["messages"]]
    assert codes == [office.codes[0], office.codes[1]]
    assert len({headers["webhook-id"] for headers, _ in receiver.got[:3]}) == 1
    assert state(client, webhook)["failures"] == 0


def test_an_interrupted_batch_goes_on_where_it_was(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PART", 2)
    webhook = subscribe(client, receiver)
    listed(office, *range(5))
    receiver.answers = [204, 500]
    assert deliverer.deliver() == 0
    assert len(receiver.got) == 2
    at_once(client)
    deliverer.deliver()
    parts = [(content["part"], content["parts"]) for content in receiver.contents]
    assert parts == [(1, 3), (2, 3), (2, 3), (3, 3)]
    assert len(set(receiver.messages)) == 5
    assert state(client, webhook)["waiting"] == 0


def test_what_arrived_but_was_not_noted_comes_again_under_the_same_id(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(client, receiver)
    listed(office, 0)
    arrived = Subscriptions.arrived

    def killed(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Subscriptions, "arrived", staticmethod(killed))
    with pytest.raises(KeyboardInterrupt):
        deliverer.deliver()
    monkeypatch.setattr(Subscriptions, "arrived", staticmethod(arrived))
    assert deliverer.deliver() == 1
    first, second = receiver.got
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"]


def test_a_lost_position_tells_again_never_less(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = subscribe(client, receiver)
    listed(office, 0)
    write = outbox.write_whole

    def killed(path: Path, content: str | bytes) -> None:
        if path.name == f"webhook-{webhook['id']}.json":
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(outbox, "write_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        deliverer.deliver()
    monkeypatch.setattr(outbox, "write_whole", write)
    listed(office, 1)
    deliverer.deliver()
    assert (len(receiver.messages), len(set(receiver.messages))) == (3, 2)
    codes = {one["record"]["credit_code"] for content in receiver.contents for one in content["messages"]}
    assert codes == {office.codes[0], office.codes[1]}


def test_a_receiver_that_is_gone_or_stopped_gets_nothing(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer
) -> None:
    webhook, other = subscribe(client, receiver), subscribe(client, receiver)
    receiver.answers = [410, 410]
    listed(office, 0)
    deliverer.deliver()
    assert state(client, webhook)["stopped_at"]
    listed(office, 1)
    at_once(client)
    assert deliverer.deliver() == 0
    third = subscribe(client, receiver)
    assert send(client, "DELETE", f"/v1/webhooks/{third['id']}").json() == {
        "id": third["id"],
        "stopped": True,
    }
    assert send(client, "DELETE", f"/v1/webhooks/{third['id']}").status_code == 200
    listed(office, 2)
    assert deliverer.deliver() == 0
    assert_problem(send(client, "DELETE", "/v1/webhooks/none"), 404, "webhook")
    assert len(client.get("/v1/webhooks").json()["results"]) == 3
    assert other["id"] != webhook["id"]


def test_a_new_classification_is_told(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer
) -> None:
    office.publish(date(2025, 6, 30), {"credit_code": office.codes[0], "tier": "A"})
    webhook = subscribe(client, receiver, topics=["classification"])
    assert deliverer.deliver() == 0
    office.publish(date(2025, 7, 31), {"credit_code": office.codes[0], "tier": "B"})
    assert deliverer.deliver() == 1
    assert deliverer.deliver() == 0
    (content,) = receiver.contents
    assert content["type"] == "classification.published"
    assert content["messages"][0]["as_of"] == "2025-07-31"
    # Of no enterprise anything.
    assert office.codes[0] not in receiver.got[0][1].decode()
    assert state(client, webhook)["told_snapshot"] == content["messages"][0]["snapshot"]


def test_nothing_leaves_for_where_nobody_has_set(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer
) -> None:
    for url in ("https://elsewhere.example/in", "http://127.0.0.1:1/in", f"https{receiver.origin[4:]}/in"):
        refused = send(client, "POST", "/v1/webhooks", {"url": url, "topics": ["lists"]})
        assert_problem(refused, 422, "url")
        assert "webhook_targets" in refused.json()["errors"][0]["fix"]
    for url in (
        "ftp://x/y",
        "https://",
        "https://u:p@hub.example/",
        "nothing at all",
        "https://a b/",
        "http://[::1",
    ):
        assert_problem(send(client, "POST", "/v1/webhooks", {"url": url, "topics": ["lists"]}), 422, "url")
    for body, field in (
        ({"url": f"{receiver.origin}/in", "topics": []}, "topics"),
        ({"url": f"{receiver.origin}/in", "topics": ["all"]}, "topics[0]"),
        ({"topics": ["lists"]}, "url"),
    ):
        assert_problem(send(client, "POST", "/v1/webhooks", body), 422, field)
    webhook = subscribe(client, receiver)
    listed(office, 0)
    context = client.app.state.context
    # The settings were changed since: what the database says is not enough.
    assert Deliverer(context.home, context.operational, ("https://hub.example",)).deliver() == 0
    assert not receiver.got
    assert "webhook_targets" in state(client, webhook)["last_error"]
    assert start(context.home, context.operational, ()) is None


def test_one_process_delivers(
    office: Office, client: Client, receiver: Receiver, deliverer: Deliverer
) -> None:
    from filelock import FileLock

    subscribe(client, receiver)
    listed(office, 0)
    with FileLock(office.home.root / "outbox" / ".delivering"):
        assert deliverer.deliver() == 0
    assert deliverer.deliver() == 1


def test_a_thread_delivers_and_ends(
    office: Office, client: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PAUSE", 0.05)
    subscribe(client, receiver)
    listed(office, 0)
    context = client.app.state.context
    stop = start(context.home, context.operational, (receiver.origin,))
    assert stop is not None
    thread = next(one for one in threading.enumerate() if one.name == "webhooks")
    for _ in range(400):
        if receiver.got:
            break
        stop.wait(0.05)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert len(receiver.messages) == 1


@pytest.mark.parametrize(
    "target", ["hub.example", "ftp://hub.example", "https://hub.example/path", "https://"]
)
def test_wrong_targets_are_refused_at_start(tmp_path: Path, target: str) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(Home(tmp_path), {"RISK_MODEL_SERVE_WEBHOOK_TARGETS": target})
    assert caught.value.field == "webhook_targets"


def test_targets_in_file_and_environment(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "serving.yaml").write_text("webhook_targets: [https://hub.example]\n", encoding="utf-8")
    assert load_settings(home, {}).webhook_targets == ("https://hub.example",)
    over = {"RISK_MODEL_SERVE_WEBHOOK_TARGETS": "https://a.example, http://127.0.0.1:8080"}
    assert load_settings(home, over).webhook_targets == ("https://a.example", "http://127.0.0.1:8080")


def test_keys_that_see_some_set_no_webhooks(office: Office, receiver: Receiver) -> None:
    settings = Settings(access="keys", webhook_targets=(receiver.origin,))
    client = Client(application(office.home, settings))
    client.headers = bearer(client, "administrator", districts=["990101"])
    body = {"url": f"{receiver.origin}/in", "topics": ["lists"]}
    assert_problem(send(client, "POST", "/v1/webhooks", body), 403, "Authorization")
    assert_problem(client.get("/v1/webhooks"), 403, "Authorization")
