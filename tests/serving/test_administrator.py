"""The administrator makes and revokes keys, and reads and verifies the audit log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from features.home import Home
from serving.access import gate as gate_module
from serving.application import application
from serving.settings import Settings
from tests.serving.conftest import Client

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def guarded(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(gate_module, "TRUSTED", 0.0)
    client = Client(application(own_home, Settings(access="keys")))
    yield client
    client.app.state.context.gate.engine.dispose()


@pytest.fixture
def administrator(guarded: Client) -> Callable[..., dict[str, str]]:
    def made(**scope: Any) -> dict[str, str]:
        _, token = guarded.app.state.context.gate.keys.create("root", ["administrator"], **scope)
        return {"authorization": f"Bearer {token}"}

    return made


def test_a_key_is_made_used_and_revoked(
    guarded: Client, administrator: Callable[..., dict[str, str]]
) -> None:
    headers = administrator()
    form = {"name": "窗口", "planner": "on", "districts": "990101, 990102", "sectors": "food", "days": "30"}
    page = guarded("POST", "/administrator/keys", data=form, headers=headers)
    assert page.status_code == 200
    (token,) = re.findall(r"rm_[\w-]{43}", page.text)
    key = guarded.app.state.context.gate.keys.of_token(token)
    assert key.principal.districts == ("990101", "990102")
    assert key.principal.sectors == ("food",)
    assert key.expires_at > key.created_at
    own = {"authorization": f"Bearer {token}"}
    assert guarded.get("/v1/enterprises", headers=own).status_code == 200
    (noted,) = [e for e in guarded.app.state.context.gate.audit.entries() if "POST" in e.action]
    assert noted.subject == "name=窗口, roles=planner, districts=990101, 990102, sectors=food, days=30"
    # Shown this once.
    listed = guarded.get("/administrator?lang=en", headers=headers).text
    assert token not in listed
    assert key.id in listed
    revoked = guarded("POST", f"/administrator/keys/{key.id}/revoke", data={}, headers={**headers, **FORM})
    assert (revoked.status_code, revoked.headers["location"]) == (303, "/administrator")
    assert guarded.get("/v1/enterprises", headers=own).status_code == 401
    assert "revoked" in guarded.get("/administrator?lang=en", headers=headers).text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "x"}, "there is no role"),
        ({"planner": "on"}, "1 to 100 characters"),
        ({"name": "x", "planner": "on", "districts": "Beijing"}, "no GB/T 2260 code"),
        ({"name": "x", "planner": "on", "sectors": "shoes"}, "no sector"),
        ({"name": "x", "planner": "on", "days": "-3"}, "no number of days"),
    ],
)
def test_mistakes_are_named_and_the_form_is_kept(
    guarded: Client, administrator: Callable[..., dict[str, str]], form: dict[str, str], said: str
) -> None:
    keys = len(guarded.app.state.context.gate.keys.all())
    page = guarded("POST", "/administrator/keys?lang=en", data=form, headers=administrator())
    assert page.status_code == 422
    assert said in page.text
    assert 'role="alert"' in page.text
    assert len(guarded.app.state.context.gate.keys.all()) == keys + 1
    unknown = guarded("POST", "/administrator/keys", data={"colour": "red"}, headers=administrator())
    assert unknown.status_code == 422


def test_nobody_gives_away_more_than_they_see(
    guarded: Client, administrator: Callable[..., dict[str, str]]
) -> None:
    keys = guarded.app.state.context.gate.keys
    other, _ = keys.create("elsewhere", ["planner"], districts=["110000"])
    headers = administrator(districts=["990100"], sectors=["food"])
    page = guarded.get("/administrator?lang=en", headers=headers).text
    assert other.id not in page
    assert "administrators with a scope do not see it" in page
    refused = guarded("POST", f"/administrator/keys/{other.id}/revoke", data={}, headers={**headers, **FORM})
    assert refused.status_code == 404
    assert keys.get(other.id).revoked_at is None
    wide = {"name": "x", "planner": "on", "districts": "110000"}
    assert guarded("POST", "/administrator/keys", data=wide, headers=headers).status_code == 422
    wide = {"name": "x", "planner": "on", "sectors": "general"}
    assert guarded("POST", "/administrator/keys", data=wide, headers=headers).status_code == 422
    made = guarded("POST", "/administrator/keys", data={"name": "x", "planner": "on"}, headers=headers)
    (token,) = re.findall(r"rm_[\w-]{43}", made.text)
    assert keys.of_token(token).principal.districts == ("990100",)
    assert keys.of_token(token).principal.sectors == ("food",)


def test_the_audit_log_is_searched_and_verified(
    guarded: Client, administrator: Callable[..., dict[str, str]], code_of: Callable[[str, str], str]
) -> None:
    headers = administrator()
    code = code_of("food", "B")
    guarded("POST", "/classify", json={"credit_code": code}, headers=headers)
    page = guarded.get(f"/administrator?lang=en&q={code}", headers=headers).text
    assert "POST /classify" in page
    assert code in page
    assert "No such entry" in guarded.get("/administrator?lang=en&q=nothing-of-this", headers=headers).text
    assert (
        "all as they were written" in guarded.get("/administrator?lang=en&verify=yes", headers=headers).text
    )
    gate = guarded.app.state.context.gate
    with gate.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entry_no_update"))
        connection.execute(text("UPDATE audit_entry SET subject = 'x' WHERE number = 1"))
    told = guarded.get("/administrator?lang=en&verify=yes", headers=headers).text
    assert "Broken at entry 1: its content was changed" in told


def test_another_site_cannot_act(guarded: Client, administrator: Callable[..., dict[str, str]]) -> None:
    headers = {**administrator(), "origin": "https://evil.example"}
    form = {"name": "x", "administrator": "on"}
    assert guarded("POST", "/administrator/keys", data=form, headers=headers).status_code == 403


def test_without_keys_there_is_nothing_to_administer(own_home: Home) -> None:
    client = Client(application(own_home, Settings()))
    assert "asks for no key" in client.get("/administrator?lang=en").text
    made = client("POST", "/administrator/keys", data={"name": "x", "planner": "on"})
    assert made.status_code == 409
