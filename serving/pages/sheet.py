"""The dossier of an enterprise on one sheet of paper."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from serving.endpoints import Call
from serving.evidence import evidence_for
from serving.lookup import explained, row_of, rows_of
from serving.pages.rendering import text_of
from serving.sheet.content import sheet_content


def sheet(call: Call) -> Response:
    """Show the sheet; printed, it is one page."""
    publication = call.context.current.publication()
    code = call.path("code")
    row = row_of(rows_of(publication, code, call.principal), call.query.model)
    explanation = explained(publication, code, row["model"], call.principal)
    evidence = evidence_for(call, publication, explanation, whole=True)
    improvement = (
        None if evidence is None else call.context.current.improver(publication).find(code, row["model"])
    )
    content = sheet_content(
        call.context.home, publication, row, explanation, evidence, improvement, call.lang
    )
    return HTMLResponse(text_of("sheet.html", call.lang, alone=False, density=0, **content))
