"""Who may do what about whom, for every endpoint and role of the operations, from their table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from features.home import Home
from risk_model.publication import Publication
from serving.access.principal import Role
from serving.api.operations import ENDPOINTS
from serving.endpoints import Endpoint
from tests.serving.conftest import Client
from tests.serving.operating import bearer, guarded_client
from tests.serving.samples import DISTRICT, OPERATIONS, TARGET, bare_request, request
from tests.serving.test_classification import assert_problem

#: Endpoints that tell of a whole plan, or of everybody: a key that does not see all sees nothing of it.
WHOLE = ("{plan}", "/v1/webhooks")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def guarded(
    request: pytest.FixtureRequest, own_home: Home, database: Callable[[str], str]
) -> Iterator[Client]:
    client = guarded_client(own_home, database(request.param), webhook_targets=(TARGET,))
    yield client
    client.app.state.context.gate.engine.dispose()


def is_about_one(endpoint: Endpoint) -> bool:
    """Return whether an endpoint names an enterprise, in the address or the body or by an application."""
    body = endpoint.body.model_fields if endpoint.body is not None else {}
    return "{credit_code}" in endpoint.path or "{application}" in endpoint.path or "credit_code" in body


def test_every_operation_has_a_sample() -> None:
    assert {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS} == set(OPERATIONS)


def test_what_changes_something_is_for_somebody() -> None:
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET":
            assert endpoint.roles, endpoint.path
        assert Role.PUBLIC not in endpoint.roles


def test_every_endpoint_and_role(guarded: Client, code_of: Callable[[str, str], str]) -> None:
    code = code_of("food", "B")
    for endpoint in ENDPOINTS:
        for role in [None, *Role]:
            headers = bearer(guarded, role) if role is not None else {}
            allowed = not endpoint.roles or role in endpoint.roles
            if allowed:
                answer = request(guarded, endpoint, code, headers)
            else:
                answer = bare_request(guarded, endpoint, headers)
            told = (role, endpoint.method, endpoint.path, answer.status_code, answer.text[:300])
            if allowed:
                assert answer.status_code == endpoint.status, told
                assert answer.headers["content-type"] == "application/json", told
            elif role is None:
                assert answer.status_code == 401, told
                assert answer.headers["www-authenticate"] == "Bearer"
            else:
                assert answer.status_code == 403, told
                assert_problem(answer, 403, "Authorization")
    assert guarded.app.state.context.gate.audit.verify().passed


def test_no_answer_goes_beyond_its_scope(guarded: Client, publication: Publication) -> None:
    rows = publication.rows().to_pylist()
    inside = {r["credit_code"] for r in rows if r["district"] == DISTRICT and r["model"] == "food"}
    everyone = {r["credit_code"] for r in rows}
    outside = everyone - inside
    assert inside
    assert outside
    # Something of others is on record wherever something could be told of them.
    for endpoint in ENDPOINTS:
        if endpoint.changes and is_about_one(endpoint):
            request(guarded, endpoint, min(outside), bearer(guarded, "supervisor"))
    for endpoint in ENDPOINTS:
        for role in sorted(endpoint.roles):
            headers = bearer(guarded, role, districts=[DISTRICT], sectors=["food"])
            told = (role, endpoint.method, endpoint.path)
            answer = request(guarded, endpoint, min(inside), headers)
            if any(part in endpoint.path for part in WHOLE):
                assert answer.status_code in (403, 404), (told, answer.text)
            else:
                assert answer.status_code == endpoint.status, (told, answer.text)
            seen = everyone & set(re.findall(r"[0-9A-Z]{18}", answer.text))
            assert seen <= inside, told
            if not is_about_one(endpoint):
                continue
            refused = request(guarded, endpoint, min(outside), headers)
            assert refused.status_code == 404, (told, refused.text)
            named = everyone & set(re.findall(r"[0-9A-Z]{18}", refused.text))
            assert named <= {min(outside)}, told


def test_a_refused_decision_leaves_nothing(guarded: Client, publication: Publication) -> None:
    rows = publication.rows().to_pylist()
    code = min(r["credit_code"] for r in rows if r["district"] != DISTRICT)
    headers = bearer(guarded, "supervisor", districts=[DISTRICT])
    store = guarded.app.state.context.home.store
    before = sorted(path.name for path in (store / "snapshots").glob("*.json"))
    answer = guarded(
        "POST",
        "/v1/lists/entries",
        headers={**headers, "idempotency-key": "refused-1"},
        json={"credit_code": code, "list": "abnormal", "ground": "4", "provider": "甲局"},
    )
    assert_problem(answer, 404, "credit_code")
    assert sorted(path.name for path in (store / "snapshots").glob("*.json")) == before


def test_a_plan_beyond_the_scope_is_not_drawn(guarded: Client) -> None:
    body = {"sector": "food", "month": "2025-09", "capacity": 3, "seed": "a text"}
    for scope, change, field in (
        ({"districts": [DISTRICT]}, {}, "district"),
        ({"districts": [DISTRICT]}, {"district": "990100"}, "sector"),
        ({"sectors": ["food"]}, {"sector": "general"}, "district"),
        ({"sectors": ["food"]}, {"sector": "food+general"}, "district"),
    ):
        headers = {**bearer(guarded, "planner", **scope), "idempotency-key": f"plan-{field}-{len(change)}"}
        answer = guarded("POST", "/v1/plans", headers=headers, json={**body, **change})
        assert_problem(answer, 403, field)
