"""The OpenAPI document against the running service, asked by each role: no failure, nothing undocumented."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from features.home import Home
from serving.access.keys import Keys
from serving.access.principal import Role
from serving.database import open_database, upgrade
from serving.database.engine import database_url
from serving.endpoints import Endpoint
from serving.routes import ENDPOINTS
from tests.serving.samples import TARGET
from tests.serving.test_pages import PLAN
from tests.serving.test_server import Server

#: The document itself is left out by the tool.
OPERATIONS = [e for e in ENDPOINTS if not e.page and e.path != "/openapi.json"]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: As many requests of either kind for each operation.
EXAMPLES = int(os.environ.get("RISK_MODEL_TEST_CONTRACT_EXAMPLES", "12"))
JSON = "application/json"


@dataclass(frozen=True)
class Service:
    """A running service and its contract.

    Attributes
    ----------
    schema
        The document, as the service tells it.
    url, tokens
        Where it is, and a key of each role.
    """

    schema: BaseSchema
    url: str
    tokens: dict[Role, str]


@pytest.fixture(scope="module")
def service(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    import shutil

    scratch = tmp_path_factory.mktemp("contract")
    own = Home(scratch / "home")
    shutil.copytree(home.root, own.root, ignore=shutil.ignore_patterns("simulated", "scratch"))
    (own.root / "serving.yaml").write_text(
        f"access: keys\nwebhook_targets: [{TARGET}]\nrequests_per_minute: 1000000\n", encoding="utf-8"
    )
    engine = open_database(database_url(own, None))
    upgrade(engine)
    tokens = {role: Keys(engine).create(role, [role])[1] for role in Role}
    engine.dispose()
    server = Server(own, scratch)
    try:
        server.wait()
        schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        yield Service(schema, server.url, tokens)
        assert not server.attempts.exists(), server.attempts.read_text()
    finally:
        server.close()


def about(value: Any, code: str) -> Any:
    """Return a body that is about an enterprise that there is."""
    if isinstance(value, dict):
        return {key: code if key == "credit_code" else about(inner, code) for key, inner in value.items()}
    return [about(inner, code) for inner in value] if isinstance(value, list) else value


def ask(service: Service, case: Case, role: Role | None) -> None:
    headers = {} if role is None else {"Authorization": f"Bearer {service.tokens[role]}"}
    answer = case.call(base_url=service.url, headers=headers, timeout=60)
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400 and case.method != "HEAD":
        told = answer.json()
        assert told["status"] == answer.status_code
        assert all(error["message"] and error["fix"] for error in told["errors"])


def test_every_operation_is_in_the_document(service: Service) -> None:
    told = {(found.ok().method.upper(), found.ok().path) for found in service.schema.get_all_operations()}
    assert told == {(endpoint.method, endpoint.path) for endpoint in OPERATIONS}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sound", "wrong"])
@pytest.mark.parametrize("endpoint", OPERATIONS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_the_service_keeps_its_contract(
    service: Service, code_of: Callable[[str, str], str], endpoint: Endpoint, mode: GenerationMode
) -> None:
    operation = service.schema[endpoint.path][endpoint.method]
    sound = mode is GenerationMode.POSITIVE
    code = code_of("food", "D")
    if not sound and endpoint.body is None and endpoint.query is None:
        pytest.skip("any text may stand in its address")
    media_type = {"media_type": JSON} if endpoint.body is not None else {}
    # Mostly of those that may: refusals of the others are soon told.
    roles: list[Role | None] = [*sorted(endpoint.roles), *sorted(endpoint.roles), *Role, None]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, **media_type), role=st.sampled_from(roles))
    def holds(case: Case, role: Role | None) -> None:
        if sound:
            places = {"credit_code": code, "plan": PLAN}
            case.path_parameters = {
                name: places.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
            case.body = about(case.body, code)
        ask(service, case, role)

    holds()
