"""Errors as RFC 9457 problem documents that name the field at fault and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from features.errors import InputError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:risk-model:problem:"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request.

    Attributes
    ----------
    field
        Path of the field, such as ``records.inspection[2].outcome``; empty for the request as a whole.
    message, fix
        What was got and expected; what the sender can do.
    """

    field: str
    message: str
    fix: str

    def as_dict(self) -> dict[str, str]:
        """Return the error as plain data."""
        return {"field": self.field, "message": self.message, "fix": self.fix}


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A refusal that the sender can understand.

    Parameters
    ----------
    status
        HTTP status.
    kind
        Last part of the problem's ``type``; stable, for programs.
    detail
        One sentence for people.
    errors
        The fields at fault.
    headers
        Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @property
    def title(self) -> str:
        """The kind in words."""
        return self.kind.replace("-", " ")

    def as_dict(self) -> dict[str, Any]:
        """Return the problem document."""
        return {
            "type": TYPE_PREFIX + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "errors": [error.as_dict() for error in self.errors],
        }

    def response(self) -> Response:
        """Return the answer of the API."""
        return Response(
            json.dumps(self.as_dict(), ensure_ascii=False),
            status_code=self.status,
            media_type=MEDIA_TYPE,
            headers=self.headers,
        )


def from_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem of a bare HTTP status: no such path, method not allowed."""
    phrase = HTTPStatus(status).phrase
    detail, fix = {
        404: ("There is nothing at this address.", "See /openapi.json for what there is."),
        405: ("The address does not take this method.", "Use a method named in the Allow header."),
    }.get(status, (f"{phrase}.", "See /openapi.json."))
    kind = phrase.lower().replace(" ", "-")
    return Problem(status, kind, detail, [FieldError("", detail, fix)], headers)


def from_input_error(error: InputError, status: int = 422, kind: str = "invalid-input") -> Problem:
    """Return the problem of an error that the rooms below raise."""
    fix = error.fix or "See /openapi.json for what is expected."
    return Problem(status, kind, error.message, [FieldError(error.field or "", error.message, fix)])


def nothing_published(error: InputError) -> Problem:
    """Return the refusal of a service that has no classification to serve."""
    return Problem(
        503,
        "nothing-published",
        "There is no published classification to answer from.",
        [
            FieldError(
                "", error.message, "Run risk-model classify on the server; the service picks it up by itself."
            )
        ],
        {"Retry-After": "30"},
    )


def too_slow(seconds: float) -> Problem:
    """Return the refusal of a request that takes too long; what it changes may still be changed."""
    return Problem(
        504,
        "took-too-long",
        f"The request was given up after {seconds:g} seconds.",
        [
            FieldError(
                "",
                "it takes too long",
                "Ask for less at once; send a change again with its key, to be told what became of it.",
            )
        ],
    )


def internal() -> Problem:
    """Return the answer to an error of ours; what it was stands in the log, not in the answer."""
    return Problem(
        500,
        "internal-error",
        "The service failed to answer. The log holds the failure under the id in the X-Request-ID header.",
    )
