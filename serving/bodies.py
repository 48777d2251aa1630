"""Reading a request: what is malformed is refused with the field and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest

from serving.problems import FieldError, Problem

T = TypeVar("T", bound=BaseModel)
JSON = "application/json"
#: More would bury the first ones.
MOST_ERRORS = 20


async def read_json(request: HttpRequest, kind: type[T], largest: int) -> T:
    """Read and validate a JSON body.

    Parameters
    ----------
    request
        The request.
    kind
        What the body must be.
    largest
        Bytes that are read.

    Raises
    ------
    Problem
        415, 413, 400 (no JSON) or 422 (not what is expected).
    """
    need_media_type(request, JSON)
    return parse_json(await read_body(request, largest), kind)


def need_media_type(request: HttpRequest, *allowed: str) -> str:
    """Return the media type of the body.

    Raises
    ------
    Problem
        415 if it is another one, or is not given.
    """
    given = request.headers.get("content-type", "")
    media_type, _, parameters = given.partition(";")
    media_type = media_type.strip().lower()
    charset = parameters.lower().partition("charset=")[2].strip(' "')
    if media_type in allowed and charset in ("", "utf-8", "utf8"):
        return media_type
    fix = f"Send {' or '.join(allowed)} in UTF-8 and say so in the Content-Type header."
    raise Problem(
        415,
        "unsupported-media-type",
        f"The body is {given[:80]!r}." if given else "The body has no media type.",
        [FieldError("Content-Type", f"expected {' or '.join(allowed)}", fix)],
        {"Accept": ", ".join(allowed)},
    )


async def read_body(request: HttpRequest, largest: int) -> bytes:
    """Return the body.

    Raises
    ------
    Problem
        413 if it is larger than ``largest`` bytes; what is beyond is not read.
    """
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > largest:
        raise _too_large(largest)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > largest:
                raise _too_large(largest)
            parts.append(part)
    except ClientDisconnect:
        raise Problem(400, "incomplete-body", "The connection ended before the body did.") from None
    return b"".join(parts)


def parse_json(body: bytes, kind: type[T]) -> T:
    """Validate a JSON document.

    Raises
    ------
    Problem
        400 if it is no JSON, 422 if it is not what is expected.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise problem_of(error, kind) from None


def parse_query(query: Mapping[str, str], kind: type[T]) -> T:
    """Validate query parameters; an empty one counts as not given.

    Raises
    ------
    Problem
        422 if they are not what is expected.
    """
    try:
        return kind.model_validate_strings({key: value for key, value in query.items() if value != ""})
    except ValidationError as error:
        raise problem_of(error, kind, "invalid-query") from None


def problem_of(error: ValidationError, kind: type[BaseModel], name: str = "invalid-body") -> Problem:
    """Return what pydantic found as a problem that names each field and what to do."""
    found = error.errors(include_url=False)
    if found[0]["type"] == "json_invalid":
        message = found[0]["msg"]
        return Problem(
            400,
            "invalid-json",
            message,
            [
                FieldError(
                    "",
                    message,
                    "Send one JSON document (RFC 8259) in UTF-8; it knows no NaN and no Infinity.",
                )
            ],
        )
    errors = [FieldError(path(one["loc"]), _message(one), _fix(one, kind)) for one in found[:MOST_ERRORS]]
    where = errors[0].field or "the request"
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Problem(422, name, f"{where}: {errors[0].message}{more}.", errors)


def path(loc: tuple[int | str, ...]) -> str:
    """Return a location as a path.

    Examples
    --------
    >>> path(("records", "inspection", 2, "outcome"))
    'records.inspection[2].outcome'
    """
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def _message(error: Any) -> str:
    message = str(error["msg"])
    message = message[:1].lower() + message[1:]
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    if error["type"] == "missing":
        return "it is missing"
    return message


def _fix(error: Any, kind: type[BaseModel]) -> str:
    context = error.get("ctx") or {}
    if "fix" in context:
        return str(context["fix"])
    if error["type"] == "extra_forbidden":
        known = _fields_at(kind, error["loc"][:-1])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        return f"Did you mean {near[0]}?" if near else f"Remove it; there are {', '.join(known)}."
    if error["type"] == "literal_error":
        return f"Use one of {context['expected']}."
    return _FIXES.get(error["type"]) or _FIXES.get(error["type"].partition("_")[0], "See /openapi.json.")


_FIXES = {
    "missing": "Add it.",
    "date": "Write a date that the calendar has, as YYYY-MM-DD.",
    "finite_number": "Send a number, or leave the field out where nothing is known.",
    "int": "Send a whole number, without quotes.",
    "float": "Send a number, without quotes.",
    "bool": "Send true or false.",
    "string_type": "Send text in quotes.",
    "string_too_long": "Send a shorter text.",
    "string_too_short": "Send at least one character.",
    "list_type": "Send a list.",
    "model_type": "Send an object.",
    "model_attributes_type": "Send an object.",
    "too_long": "Send fewer in one request.",
    "too_short": "Send at least one.",
    "greater_than_equal": "Send a larger value.",
    "less_than_equal": "Send a smaller value.",
}


def _fields_at(kind: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the names of the fields that are known at a place of a request."""
    for part in loc:
        if isinstance(part, str) and part in kind.model_fields:
            inner = _model_in(kind.model_fields[part].annotation)
            if inner is None:
                return []
            kind = inner
    return list(kind.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _too_large(largest: int) -> Problem:
    return Problem(
        413,
        "body-too-large",
        f"The body is larger than {largest:,} bytes.",
        [FieldError("", f"at most {largest:,} bytes are read", "Send fewer records in one request.")],
        {"Connection": "close"},
    )
