"""Who may do what and see whom; tested for every endpoint and role from the table of endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from features.home import Home
from risk_model.publication import Publication
from serving.access import gate as gate_module
from serving.access.principal import Role
from serving.api import operations
from serving.application import application
from serving.database.engine import database_url
from serving.endpoints import Endpoint
from serving.routes import ENDPOINTS
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.samples import OPERATIONS
from tests.serving.test_classification import assert_problem
from tests.serving.test_malformed import GOOD
from tests.serving.test_pages import PLAN

INSIDE = "990101"
#: What tests/serving/test_operations_access.py does not ask.
OWN = tuple(endpoint for endpoint in ENDPOINTS if endpoint not in operations.ENDPOINTS)
#: A sound request to every endpoint; one that is missing fails the tests. {code} is in scope.
SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/healthz"): {},
    ("GET", "/readyz"): {},
    ("GET", "/metrics"): {},
    ("GET", "/openapi.json"): {},
    ("GET", "/docs"): {},
    ("GET", "/"): {},
    ("GET", "/sign-in"): {},
    ("POST", "/sign-in"): {"data": {"key": "x"}},
    ("POST", "/sign-out"): {},
    ("POST", "/classify"): {"json": {"credit_code": "{code}"}},
    ("POST", "/explain"): {"json": {"credit_code": "{code}"}},
    ("POST", "/score"): {"json": GOOD},
    ("POST", "/v1/score"): {"json": GOOD},
    ("GET", "/v1/enterprises"): {},
    ("POST", "/v1/enterprises/bulk"): {"json": {"credit_codes": ["{code}"]}},
    ("GET", "/v1/enterprises/{credit_code}"): {},
    ("GET", "/v1/enterprises/{credit_code}/explanation"): {},
    ("GET", "/v1/enterprises/{credit_code}/history"): {},
    ("GET", "/v1/enterprises/{credit_code}/improvement"): {},
    ("GET", "/enterprise/{code}/improvement"): {},
    ("GET", "/enterprise/{code}/sheet"): {},
    ("GET", "/v1/in-force"): {},
    ("GET", "/models"): {},
    ("GET", "/models/drift"): {},
    ("GET", "/models/challenger"): {},
    ("GET", "/models/quality"): {},
    ("GET", "/administrator"): {},
    ("POST", "/administrator/keys"): {"data": {"name": "x", "planner": "on"}},
    ("POST", "/administrator/keys/{key}/revoke"): {"data": {}},
    ("GET", "/public"): {},
    ("GET", "/planner"): {},
    ("GET", "/planner/draw"): {
        "params": {"sector": "food", "month": "2025-08", "capacity": "5", "district": INSIDE}
    },
    ("POST", "/planner/plans"): {
        "data": {"sector": "food", "month": "2025-08", "capacity": "5", "district": INSIDE, "seed": "s"}
    },
    ("GET", "/planner/calendar"): {"params": {"days": "92"}},
    ("GET", "/planner/calendar.csv"): {"params": {"days": "92"}},
    ("GET", "/planner/warnings"): {},
    ("GET", "/planner/warnings.csv"): {},
    ("GET", "/planner/plans/{plan}"): {},
    ("GET", "/planner/plans/{plan}/teams.csv"): {},
    ("GET", "/planner/plans/{plan}/selected.csv"): {},
    ("GET", "/supervisor"): {},
    ("GET", "/enterprise/{code}"): {},
}


def address_of(endpoint: Endpoint, code: str) -> str:
    return re.sub(r"\{(credit_)?code\}", code, endpoint.path).replace("{plan}", PLAN)


def ask(client: Client, endpoint: Endpoint, code: str, headers: dict[str, str]) -> Any:
    sample = SAMPLES[endpoint.method, endpoint.path]
    options = {
        key: {
            k: ([code] if isinstance(v, list) else code) if "{code}" in str(v) else v
            for k, v in value.items()
        }
        for key, value in sample.items()
    }
    address = address_of(endpoint, code)
    if "{key}" in address:
        key, _ = keys_of(client).create("to be revoked", ["planner"], districts=[INSIDE], sectors=["food"])
        address = address.replace("{key}", key.id)
        headers = {**headers, "content-type": "application/x-www-form-urlencoded"}
    return client(endpoint.method, address, headers=headers, **options)


def done(endpoint: Endpoint) -> int:
    """Return the status of an endpoint that did what it was asked."""
    return 303 if endpoint.path.endswith(("/revoke", "/planner/plans")) else 200


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def guarded(
    request: pytest.FixtureRequest, own_home: Home, database: Callable[[str], str]
) -> Iterator[Client]:
    """Return a service that asks for keys, over each kind of database."""
    url = database(request.param)
    client = Client(application(own_home, Settings(access="keys", database=url)))
    yield client
    client.app.state.context.gate.engine.dispose()


def keys_of(client: Client) -> Any:
    return client.app.state.context.gate.keys


def bearer(client: Client, *roles: str, **scope: Any) -> dict[str, str]:
    _, token = keys_of(client).create("test", roles, **scope)
    return {"authorization": f"Bearer {token}"}


def test_every_endpoint_has_a_sample() -> None:
    assert {(e.method, e.path) for e in ENDPOINTS} <= set(SAMPLES) | set(OPERATIONS)


def test_every_endpoint_and_role(guarded: Client, code_of: Callable[[str, str], str]) -> None:
    code = code_of("food", "B")
    for role in [None, *Role]:
        headers = bearer(guarded, role) if role is not None else {}
        for endpoint in OWN:
            answer = ask(guarded, endpoint, code, headers)
            told = (role, endpoint.method, endpoint.path, answer.status_code)
            if not endpoint.roles:
                assert answer.status_code in (200, 303) or endpoint.path == "/sign-in", told
            elif role is None:
                assert answer.status_code == (303 if endpoint.page and endpoint.method == "GET" else 401), (
                    told
                )
                if answer.status_code == 303:
                    assert answer.headers["location"].startswith("/sign-in?to=")
                else:
                    assert answer.headers["www-authenticate"] == "Bearer"
            elif role in endpoint.roles:
                assert answer.status_code == done(endpoint), told
            else:
                assert answer.status_code == 403, told
    assert not any(Role.PUBLIC in endpoint.roles for endpoint in ENDPOINTS)


def test_no_answer_goes_beyond_its_scope(guarded: Client, publication: Publication, home: Home) -> None:
    rows = publication.rows().to_pylist()
    headers = bearer(guarded, "administrator", districts=[INSIDE], sectors=["food"])
    inside = {r["credit_code"] for r in rows if r["district"] == INSIDE and r["model"] == "food"}
    outside = {r["credit_code"] for r in rows} - inside
    everyone = inside | outside
    assert inside
    assert outside
    for endpoint in (e for e in OWN if e.roles):
        answer = ask(guarded, endpoint, min(inside), headers)
        whole_plan = "{plan}" in endpoint.path
        assert answer.status_code == (404 if whole_plan else done(endpoint)), endpoint.path
        seen = everyone & set(re.findall(r"[0-9A-Z]{18}", answer.text))
        assert seen <= inside, endpoint.path
        if (
            "code" in str(SAMPLES[endpoint.method, endpoint.path]) + endpoint.path
            and endpoint.path.count("score") == 0
        ):
            refused = ask(guarded, endpoint, min(outside), headers)
            if "bulk" in endpoint.path:
                assert refused.json()["results"] == []
            else:
                assert refused.status_code == 404, endpoint.path
                named = everyone & set(re.findall(r"[0-9A-Z]{18}", refused.text))
                assert named <= {min(outside)}
    assert PLAN not in guarded.get("/planner", headers=headers).text
    classify = next(e for e in ENDPOINTS if e.path == "/classify")
    told = ask(guarded, classify, min(inside), headers).json()
    assert [result["model"] for result in told["results"]] == ["food"]
    unseen = guarded("GET", "/v1/enterprises?model=general", headers=headers).json()
    assert unseen["results"] == []


def test_keys_expire_and_are_revoked(guarded: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = keys_of(guarded)
    key, token = keys.create("short", ["planner"], days=1)
    headers = {"authorization": f"Bearer {token}"}
    assert guarded.get("/v1/enterprises", headers=headers).status_code == 200
    monkeypatch.setattr(gate_module, "TRUSTED", 0.0)
    keys.revoke(key.id)
    assert_problem(guarded.get("/v1/enterprises", headers=headers), 401, "Authorization")
    old, token = keys.create("old", ["planner"], days=-1)
    assert old.expires_at < old.created_at
    answer = guarded.get("/v1/enterprises", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    for wrong in ("Bearer", "Bearer ", "Basic eDp5", "Bearer rm_nothing", "Bearer ü"):
        answer = guarded.get("/v1/enterprises", headers={"authorization": wrong.encode()})
        assert answer.status_code == 401, wrong


def test_tokens_are_not_kept(guarded: Client) -> None:
    _, token = keys_of(guarded).create("secret", ["planner"])
    from sqlalchemy import text

    with keys_of(guarded)._engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM api_key")).all()
    assert token not in str(rows)
    assert token.removeprefix("rm_") not in str(rows)


def test_a_session_of_a_person(guarded: Client) -> None:
    key, token = keys_of(guarded).create("窗口", ["supervisor"])
    form = {"key": token, "to": "/supervisor"}
    refused = guarded("POST", "/sign-in", data={"key": "rm_wrong"})
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers
    opened = guarded("POST", "/sign-in", data=form)
    assert (opened.status_code, opened.headers["location"]) == (303, "/supervisor")
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    session = {"cookie": cookie.partition(";")[0]}
    page = guarded.get("/supervisor", headers=session)
    assert page.status_code == 200
    assert key.id in page.text
    assert guarded("POST", "/sign-out", headers=session).status_code == 303
    assert guarded.get("/supervisor", headers=session).status_code == 303
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        answer = guarded("POST", "/sign-in", data={**form, "to": elsewhere})
        assert answer.headers["location"] == "/"
    foreign = guarded("POST", "/sign-in", data=form, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403


def test_requests_of_a_key_are_counted(own_home: Home) -> None:
    client = Client(application(own_home, Settings(access="keys", requests_per_minute=3)))
    headers = bearer(client, "planner")
    statuses = [client.get("/v1/enterprises", headers=headers).status_code for _ in range(6)]
    assert statuses[:3] == [200] * 3
    assert 429 in statuses
    assert client.get("/v1/enterprises", headers=bearer(client, "planner")).status_code == 200


def test_the_database_of_a_home(own_home: Home) -> None:
    assert database_url(own_home, None).endswith("/serving.db")
    Client(application(own_home, Settings(access="keys")))
    assert (own_home.root / "serving.db").is_file()


def test_the_public_does_not_see_counts(guarded: Client) -> None:
    assert "<table>" not in guarded.get("/").text
    assert "<table>" in guarded.get("/", headers=bearer(guarded, "planner")).text
