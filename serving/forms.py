"""Forms of this service's own pages: read, and refused if another site sends them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request as HttpRequest

from serving.bodies import need_media_type, parse_query, read_body
from serving.problems import FieldError, Problem
from serving.schemas.base import Request
from serving.settings import Settings

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 4096

F = TypeVar("F", bound=Request)


def reader(model: type[F]) -> Callable[[HttpRequest, Settings], Awaitable[F]]:
    """Return what reads a form into a model.

    The cookie of a session is sent to this site only (``SameSite=Strict``); that the form itself was sent
    by a page of this service is checked as well, so that no other site can act for a person.
    """

    async def read(request: HttpRequest, settings: Settings) -> F:
        """Read the form.

        Raises
        ------
        Problem
            403 if another site sends it, 422 if a field is unknown or unusable.
        """
        need_media_type(request, FORM)
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none") or origin not in (
            None,
            f"{request.url.scheme}://{request.url.netloc}",
        ):
            raise Problem(
                403,
                "forbidden",
                "The form was sent by another site.",
                [FieldError("Origin", "it is another site", "Use this service's own page.")],
            )
        body = (await read_body(request, LARGEST_FORM)).decode("utf-8", "replace")
        return parse_query(dict(parse_qsl(body)), model)

    return read
