"""What an endpoint is: its address, who may use it, what goes in and comes out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from features.home import Home
from serving.access.gate import Gate
from serving.access.principal import Principal, Role
from serving.computed import Computed
from serving.current import Current
from serving.database.operational import OperationalDatabase
from serving.settings import Settings


@dataclass(frozen=True)
class Context:
    """What all requests share.

    Attributes
    ----------
    home, settings, current
        What is served and how.
    gate
        Who is let in.
    computed
        Figures that take longer than a page may.
    operational
        What is decided, applied for and sent out.
    """

    home: Home
    settings: Settings
    current: Current
    gate: Gate
    computed: Computed
    operational: OperationalDatabase


@dataclass(frozen=True)
class Call:
    """One request, let in and validated.

    Attributes
    ----------
    http
        The request as it came.
    context
        What all requests share.
    principal
        Who calls.
    body, query
        Validated; None where the endpoint takes none.
    lang
        Language of pages.
    """

    http: Request
    context: Context
    principal: Principal
    body: Any = None
    query: Any = None
    lang: str = "zh"

    def path(self, name: str) -> str:
        """Return a parameter of the path."""
        return str(self.http.path_params[name])


class Handler(Protocol):
    """Answers a call; runs in a thread of its own unless it is a coroutine function."""

    def __call__(self, call: Call, /) -> Any:
        """Answer."""


@dataclass(frozen=True)
class Endpoint:
    """One method of one address.

    Attributes
    ----------
    method, path
        Address, in Starlette's notation.
    handler
        What answers.
    roles
        Who may use it; empty: whoever asks, without a key.
    summary
        One line for the OpenAPI document.
    body, query, answer
        Models of what goes in and out.
    problems
        Statuses of refusals that its handler makes, beside those of all endpoints.
    page
        Whether it answers people in HTML.
    audited
        Whether its use is noted; by default where a role is needed.
    description
        More for the OpenAPI document.
    read
        Reads and validates the body, where it is not only JSON.
    takes, sends
        Media types of bodies and answers beside JSON.
    changes
        Whether it changes something: then it is done once (:mod:`serving.once`) and notes it itself.
    status
        Of its answer.
    at_once
        Whether a call is answered on the event loop itself: it takes less than a thread would need to take
        it over, and waits for no lock, database or other machine. By default none is.
    """

    method: str
    path: str
    handler: Callable[[Call], Any]
    roles: frozenset[Role]
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    problems: tuple[int, ...] = ()
    page: bool = False
    audited: bool | None = None
    description: str = ""
    read: Callable[[Request, Settings], Awaitable[Any]] | None = None
    takes: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    changes: bool = False
    status: int = 200
    at_once: Callable[[Call], bool] | None = None


def plain(answer: Any) -> Response:
    """Return an answer of the API as JSON."""
    return Response(plain_text(answer), media_type="application/json")


def written(answer: Any) -> Response:
    """Return an answer of the API as JSON, written fast: for large ones whose numbers are known to be finite.

    What is no finite number would be written as null, where :func:`plain` raises: so the numbers must have
    been checked, as those of an explanation are that sums to its margin.
    """
    return Response(orjson.dumps(answer), media_type="application/json")


def plain_text(answer: Any) -> str:
    """Return plain data and dates as JSON text."""
    return _ENCODER.encode(answer)


def _day(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    msg = f"{type(value).__name__} cannot be answered as JSON"
    raise TypeError(msg)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_day)
