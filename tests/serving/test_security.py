"""Headers, request ids, logs without whom they are about, and an OpenAPI document that is true."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from serving.api.openapi import openapi_document
from serving.problems import MEDIA_TYPE
from serving.routes import ENDPOINTS
from tests.serving.conftest import Client
from tests.serving.test_malformed import GOOD, changed


def test_headers_on_every_answer(client: Client) -> None:
    for address in ("/", "/planner", "/healthz", "/nowhere", "/static/style.css", "/openapi.json"):
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert headers["cache-control"] == "no-store" or address.startswith("/static")


def test_request_id_is_kept_or_made(client: Client) -> None:
    assert (
        client.get("/healthz", headers={"x-request-id": "abc-12345"}).headers["x-request-id"] == "abc-12345"
    )
    made = client.get("/healthz", headers={"x-request-id": "no\tgood"}).headers["x-request-id"]
    assert len(made) == 32


def test_the_log_names_the_route_and_nobody(
    client: Client, code_of: Callable[[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    code = code_of("food", "D")
    with caplog.at_level(logging.INFO, logger="risk_model.serving"):
        client.get(f"/enterprise/{code}")
        client.post("/classify", {"credit_code": code})
    facts = [record.facts for record in caplog.records if hasattr(record, "facts")]
    assert [(f["method"], f["route"], f["status"]) for f in facts] == [
        ("GET", "/enterprise/{code}", 200),
        ("POST", "/classify", 200),
    ]
    assert code not in json.dumps(facts) + caplog.text


def test_openapi_document_is_valid_and_complete(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert document == json.loads(json.dumps(openapi_document(ENDPOINTS)))
    api = {(e.method.lower(), e.path) for e in ENDPOINTS if not e.page}
    assert {(m, p) for p, operations in document["paths"].items() for m in operations} == api
    identifiers = [o["operationId"] for ops in document["paths"].values() for o in ops.values()]
    assert len(set(identifiers)) == len(identifiers)
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert "description" in schema or "title" in schema, name


def _check(document: dict[str, Any], schema: dict[str, Any], instance: Any) -> None:
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(instance)


def test_answers_are_what_the_document_says(client: Client, code_of: Callable[[str, str], str]) -> None:
    document = client.get("/openapi.json").json()
    code = code_of("food", "C")
    asked: list[tuple[str, str, Any]] = [
        ("get", "/healthz", None),
        ("get", "/readyz", None),
        ("post", "/classify", {"credit_code": code}),
        ("post", "/classify", {"credit_code": "91350100M000100Y43"}),
        ("post", "/explain", {"credit_code": code}),
        ("post", "/explain", {"credit_code": code_of("general", "insufficient_record"), "lang": "zh"}),
        ("post", "/score", GOOD),
        ("post", "/score", {**GOOD, "lang": "en", "records": {}}),
        ("post", "/score", changed(outcome="x")),
        ("post", "/explain", {}),
    ]
    for method, path, body in asked:
        answer = client(method.upper(), path, json=body) if body is not None else client(method.upper(), path)
        operation = document["paths"][path][method]
        told = operation["responses"][str(answer.status_code)]["content"]
        media_type = answer.headers["content-type"]
        assert media_type in told
        assert media_type == ("application/json" if answer.status_code == 200 else MEDIA_TYPE)
        _check(document, told[media_type]["schema"], answer.json())
    _check(
        document,
        document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["schema"],
        GOOD,
    )
