"""The first page: who are you, and what is in force."""

from __future__ import annotations

from starlette.responses import Response

from serving.access.principal import OFFICERS, Role
from serving.endpoints import Call
from serving.pages.rendering import render
from serving.problems import Problem


def entrance(call: Call) -> Response:
    """Show the choice of a role; it works without a published classification."""
    try:
        publication = call.context.current.publication()
    except Problem:
        publication = None
    # How many are of which tier is for those who work with it, not for the public.
    inside = bool(call.principal.roles & (OFFICERS | {Role.DATA_SCIENTIST}))
    return render(call, "entrance.html", publication=publication, inside=inside)
