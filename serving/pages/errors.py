"""Refusals as pages."""

from __future__ import annotations

from starlette.responses import Response

from serving.pages.rendering import page
from serving.pages.words import WORDS
from serving.problems import Problem


def problem_page(problem: Problem, lang: str) -> Response:
    """Return a problem as a page."""
    headline = WORDS.get(f"problem_{problem.kind}", WORDS["problem"])[lang]
    response = page(
        "problem.html",
        lang,
        status=problem.status,
        switch=f"?lang={'en' if lang == 'zh' else 'zh'}",
        here="",
        problem=problem,
        headline=headline,
        signed_in="",
        asks_for_keys=False,
    )
    response.headers.update(problem.headers)
    return response
