"""A request that takes too long is given up in the form of all other refusals."""

from __future__ import annotations

import threading

import pytest

from serving import application
from tests.serving.conftest import Client


def test_what_takes_too_long_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    ended = threading.Event()

    def ready(self: object) -> dict[str, str]:
        go_on.wait(30)
        ended.set()
        return {"status": "ready"}

    monkeypatch.setattr(application, "PATIENCE", 0.05)
    monkeypatch.setattr("serving.current.Current.ready", ready)
    answer = client.get("/readyz")
    assert answer.status_code == 504
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(":took-too-long")
    assert not ended.is_set()
    go_on.set()
    assert ended.wait(30)


def test_a_handler_that_gives_up_itself_is_a_failure(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def ready(self: object) -> dict[str, str]:
        raise TimeoutError

    monkeypatch.setattr("serving.current.Current.ready", ready)
    assert client.get("/readyz").status_code == 500
