"""The OpenAPI 3.1 document, made from the table of endpoints, and its page for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.responses import Response
from starlette.routing import compile_path

from serving.endpoints import Call, Endpoint
from serving.once import HEADER
from serving.problems import MEDIA_TYPE
from serving.schemas.answers import ProblemAnswer

REFERENCE = "#/components/schemas/{model}"
BINARY: dict[str, Any] = {}
KEY: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": "^[!#-\\[\\]-~]{8,200}$"},
    "description": "Names this request, such as a new UUID. The same request with the same key is done once "
    "and answered the same, with Idempotent-Replayed: true.",
}
REASONS = {
    400: "The body is no JSON.",
    401: "No valid key was sent.",
    403: "The key's roles or scope do not allow it.",
    404: "There is no such thing in the scope of the key.",
    409: "It contradicts an earlier request, or the same one is being worked on.",
    413: "The body is too large.",
    415: "The body has the wrong media type.",
    422: "A field is missing, unknown or not what is expected.",
    429: "Too many requests.",
    500: "The service failed.",
    503: "Nothing is published, no model is registered, or the database is away.",
    504: "It took too long.",
}


def document(call: Call) -> Response:
    """Answer with the OpenAPI document."""
    return Response(_document_text(), media_type="application/json")


def page(call: Call) -> Response:
    """Answer with the endpoints as a page."""
    from serving.pages.rendering import render

    listed = [e for e in _endpoints() if not e.page]
    return render(
        call, "docs.html", endpoints=[_for_people(endpoint) for endpoint in listed], reasons=REASONS
    )


def _endpoints() -> tuple[Endpoint, ...]:
    # The table lists this module's own endpoints, so it is not there yet when this module is read.
    from serving.routes import ENDPOINTS

    return ENDPOINTS


@cache
def _document_text() -> str:
    return json.dumps(openapi_document(_endpoints()), ensure_ascii=False)


def openapi_document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI document of endpoints that answer programs.

    Parameters
    ----------
    endpoints
        All endpoints; pages are left out.
    """
    shown = [endpoint for endpoint in endpoints if not endpoint.page]
    modes = [(e.body, "validation") for e in shown if e.body is not None]
    modes += [(e.query, "validation") for e in shown if e.query is not None]
    modes += [(e.answer, "serialization") for e in shown if e.answer is not None]
    modes.append((ProblemAnswer, "serialization"))
    unique: list[Any] = list(dict.fromkeys(modes))
    references, definitions = models_json_schema(unique, ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in shown:
        operation = _operation(endpoint, references, definitions.get("$defs", {}))
        paths.setdefault(_plain_path(endpoint.path), {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "risk-model",
            "version": version("risk-model"),
            "description": "Credit-risk classification of enterprises: published results with reasons, "
            "and scoring of records at hand.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, references: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _identifier(endpoint),
        "summary": endpoint.summary,
        "responses": _responses(endpoint, references),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if endpoint.roles:
        operation["security"] = [{"key": []}, {}]
        operation["x-roles"] = sorted(endpoint.roles)
    parameters = _path_parameters(endpoint.path)
    if endpoint.query is not None:
        parameters += _query_parameters(endpoint.query, definitions)
    if endpoint.changes and endpoint.method == "POST":
        parameters.append(KEY)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": references[endpoint.body, "validation"]},
                **dict.fromkeys(endpoint.takes, BINARY),
            },
        }
    return operation


def _responses(endpoint: Endpoint, references: Any) -> dict[str, Any]:
    schema = (
        references[endpoint.answer, "serialization"] if endpoint.answer is not None else {"type": "object"}
    )
    # Of every request: a key that is none, too many, a failure, a database of keys that is away, patience.
    statuses = set(endpoint.problems) | {401, 429, 500, 503, 504}
    if endpoint.roles:
        statuses.add(403)
    if endpoint.body is not None:
        statuses |= {400, 413, 415, 422}
    if endpoint.query is not None:
        statuses.add(422)
    problem = {MEDIA_TYPE: {"schema": references[ProblemAnswer, "serialization"]}}
    return {
        str(endpoint.status): {
            "description": endpoint.summary,
            "content": {
                "application/json": {"schema": schema},
                **dict.fromkeys(endpoint.sends, BINARY),
            },
        },
        **{str(code): {"description": REASONS[code], "content": problem} for code in sorted(statuses)},
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    _, _, converters = compile_path(path)
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in converters
    ]


def _query_parameters(query: type[BaseModel], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    schema = definitions.get(query.__name__) or query.model_json_schema(ref_template=REFERENCE)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": {key: value for key, value in told.items() if key != "description"},
            **({"description": told["description"]} if "description" in told else {}),
        }
        for name, told in schema["properties"].items()
    ]


def _plain_path(path: str) -> str:
    _, formatted, _ = compile_path(path)
    return formatted


def _identifier(endpoint: Endpoint) -> str:
    words = [w for w in endpoint.path.replace("{", "").replace("}", "").replace(".", "/").split("/") if w]
    return "_".join([endpoint.method.lower(), *words])


def _for_people(endpoint: Endpoint) -> dict[str, Any]:
    body, query, answer = endpoint.body, endpoint.query, endpoint.answer
    return {
        "method": endpoint.method,
        "path": endpoint.path,
        "summary": endpoint.summary,
        "description": endpoint.description,
        "roles": sorted(endpoint.roles),
        "body": _fields(body),
        "query": _fields(query),
        "answer": _fields(answer),
    }


def _fields(kind: type[BaseModel] | None) -> list[dict[str, Any]]:
    if kind is None:
        return []
    return [
        {"name": name, "required": field.is_required(), "description": field.description or ""}
        for name, field in kind.model_fields.items()
    ]
