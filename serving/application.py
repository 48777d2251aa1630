"""The ASGI application: every request is let in, validated, answered, or refused in a form to understand."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from features.errors import InputError
from features.home import Home
from serving.access.gate import Gate, subject_of, unavailable
from serving.bodies import parse_query, read_json
from serving.computed import Computed
from serving.current import Current
from serving.database.engine import database_url
from serving.database.operational import OperationalDatabase
from serving.endpoints import Call, Context, Endpoint
from serving.pages.errors import problem_page
from serving.pages.language import DEFAULT, language_of, remember
from serving.pages.public import SITE, PublishedSite
from serving.problems import Problem, from_input_error, from_status, internal, too_slow
from serving.routes import ENDPOINTS
from serving.security import RequestLog, SecurityHeaders
from serving.settings import Settings, load_settings

logger = logging.getLogger("risk_model.serving")

#: Requests that one worker works on at once; the others wait their turn.
THREADS = 4
#: Seconds after which a request is given up; what a thread does for it goes on to its end.
PATIENCE = 120.0
#: Folder in the home for figures that take longer than a page may.
COMPUTED = "computed"
STATIC = Path(__file__).resolve().parent / "pages" / "static"


def application(home: Home, settings: Settings | None = None) -> Starlette:
    """Return the application that serves a home.

    Parameters
    ----------
    home
        Where classifications, models, records and plans lie.
    settings
        By default those of the home and the environment.
    """
    chosen = load_settings(home) if settings is None else settings
    url = database_url(home, chosen.database)
    gate = Gate(url if chosen.access == "keys" else None, chosen.requests_per_minute)
    computed = Computed(home.root / COMPUTED)
    operational = OperationalDatabase(url, gate.engine)
    context = Context(home, chosen, Current(home, chosen.watch_seconds), gate, computed, operational)
    routes: list[BaseRoute] = [
        *_routes(ENDPOINTS, context),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
        # Written by risk-model publish; it holds nothing but what the public may see.
        Mount("/public", PublishedSite(directory=home.root / SITE, check_dir=False), name="site"),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(RequestLog), Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: _bare_status, Exception: _failure},
    )
    # An address with a slash too many is a wrong address: no redirect loses a body.
    app.router.redirect_slashes = False
    app.state.context = context
    return app


def _routes(endpoints: Sequence[Endpoint], context: Context) -> list[BaseRoute]:
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    return [
        Route(path, _one_address(found, context), methods=[endpoint.method for endpoint in found])
        for path, found in by_path.items()
    ]


def _one_address(endpoints: Sequence[Endpoint], context: Context) -> Callable[[Request], Awaitable[Response]]:
    by_method = {endpoint.method: endpoint for endpoint in endpoints}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]

    async def answer(request: Request) -> Response:
        endpoint = by_method[request.method]
        request.state.route = endpoint.path
        lang = language_of(request) if endpoint.page else DEFAULT
        patience = asyncio.timeout(PATIENCE)
        try:
            async with patience:
                response = await _handle(endpoint, request, context, lang)
        except TimeoutError as error:
            if not patience.expired():
                _log_failure(request, error)
            problem = too_slow(PATIENCE) if patience.expired() else internal()
            response = _refuse(problem, endpoint, request, lang)
        except Problem as problem:
            response = _refuse(problem, endpoint, request, lang)
        except InputError as error:
            response = _refuse(from_input_error(error), endpoint, request, lang)
        except SQLAlchemyError:
            logger.exception("request %s could not use the database", request.state.request_id)
            response = _refuse(unavailable("the database does not answer"), endpoint, request, lang)
        except Exception as error:
            # Here, not only outside all middleware: a failure, too, goes out with the headers.
            _log_failure(request, error)
            response = _refuse(internal(), endpoint, request, lang)
        return remember(request, response, lang) if endpoint.page else response

    return answer


async def _in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a piece of work beside the event loop, with few others: more only get into each other's way."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    if limiter.total_tokens != THREADS:
        limiter.total_tokens = THREADS
    return await anyio.to_thread.run_sync(work, *arguments, abandon_on_cancel=True)


async def _handle(endpoint: Endpoint, request: Request, context: Context, lang: str) -> Response:
    gate = context.gate
    principal = gate.caller_at_once(request)
    if principal is None:
        principal = await _in_thread(gate.caller, request)
    request.state.caller = principal.name.partition(" ")[0]
    gate.require(principal, endpoint.roles)
    query = None
    if endpoint.query is not None:
        given = {
            key: value for key, value in request.query_params.items() if key != "lang" or not endpoint.page
        }
        query = parse_query(given, endpoint.query)
    body = None
    if endpoint.read is not None:
        body = await endpoint.read(request, context.settings)
    elif endpoint.body is not None:
        body = await read_json(request, endpoint.body, context.settings.largest_body)
    call = Call(request, context, principal, body, query, lang)
    answer: Any
    if inspect.iscoroutinefunction(endpoint.handler):
        answer = await endpoint.handler(call)
    elif endpoint.at_once is not None and endpoint.at_once(call):
        answer = endpoint.handler(call)
    else:
        answer = await _in_thread(endpoint.handler, call)
    assert isinstance(answer, Response)
    audited = bool(endpoint.roles) if endpoint.audited is None else endpoint.audited
    if not gate.open and audited and not endpoint.changes:
        # Before the answer goes out: what cannot be noted is not shown.
        await gate.noted(
            principal,
            f"{endpoint.method} {endpoint.path}",
            subject_of(request.path_params, body, query),
            answer.status_code,
            request.state.request_id,
        )
    return answer


def _refuse(problem: Problem, endpoint: Endpoint | None, request: Request, lang: str) -> Response:
    wants_page = endpoint.page if endpoint is not None else "text/html" in request.headers.get("accept", "")
    if not wants_page:
        return problem.response()
    if problem.status == 401 and request.method == "GET":
        return RedirectResponse(f"/sign-in?{urlencode({'to': str(request.url.path)})}", status_code=303)
    return problem_page(problem, lang)


async def _bare_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refuse(from_status(error.status_code, error.headers), None, request, language_of(request))


async def _failure(request: Request, error: Exception) -> Response:
    _log_failure(request, error)
    response = _refuse(internal(), None, request, language_of(request))
    response.headers["X-Request-ID"] = request.state.request_id
    return response


def _log_failure(request: Request, error: Exception) -> None:
    route = request.scope["state"].get("route")
    logger.error("request %s failed at %s", request.state.request_id, route, exc_info=error)
