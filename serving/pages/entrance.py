"""The first page: who are you, and what is in force."""

from __future__ import annotations

from starlette.responses import Response

from serving.endpoints import Call
from serving.pages.rendering import render
from serving.problems import Problem


def entrance(call: Call) -> Response:
    """Show the choice of a role; it works without a published classification."""
    try:
        publication = call.context.current.publication()
    except Problem:
        publication = None
    return render(call, "entrance.html", publication=publication)
