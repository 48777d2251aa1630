"""What would bring an enterprise into a lower tier: as a page, and for other systems."""

from __future__ import annotations

from starlette.responses import Response

from serving.endpoints import Call, plain
from serving.lookup import row_of, rows_of
from serving.pages.rendering import render
from supervision.improvement.search import Improvement


def answer(call: Call) -> Response:
    """Answer with the smallest set of actions that reaches a lower tier."""
    snapshot, found = _find(call, "credit_code")
    return plain({"snapshot": snapshot, **found.as_dict()})


def improvement(call: Call) -> Response:
    """Show the page."""
    _, found = _find(call, "code")
    publication = call.context.current.publication()
    row = row_of(rows_of(publication, found.credit_code, call.principal), found.model)
    return render(call, "improvement.html", publication=publication, row=row, found=found)


def _find(call: Call, name: str) -> tuple[str, Improvement]:
    publication = call.context.current.publication()
    code = call.path(name)
    row = row_of(rows_of(publication, code, call.principal), call.query.model)
    return publication.name, call.context.current.improver(publication).find(code, row["model"])
