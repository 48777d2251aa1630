"""From a template and what a page shows to HTML."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, Response

from features.records import TABLES, Label
from features.records.codes import INSPECTION_KIND
from risk_model.scale import TIER_WORDS
from serving.access.principal import Role
from serving.endpoints import Call
from serving.pages.words import WORDS

#: How the rules say that no text fixes a number: the province does.
OWN = Label("本省设定参数", "own parameter")
TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(call: Call, template: str, *, status: int = 200, **content: Any) -> Response:
    """Return a page.

    Parameters
    ----------
    call
        The request; its language is the page's.
    template
        File in ``templates/``.
    status
        HTTP status.
    content
        What the template shows.
    """
    query = {key: value for key, value in call.http.query_params.items() if key != "lang"}
    other = "en" if call.lang == "zh" else "zh"
    return page(
        template,
        call.lang,
        status=status,
        switch=f"{call.http.url.path}?{urlencode({**query, 'lang': other})}",
        here=call.http.url.path,
        signed_in=call.principal.name
        if not call.context.gate.open and call.principal.name != "anonymous"
        else "",
        asks_for_keys=not call.context.gate.open,
        administers=Role.ADMINISTRATOR in call.principal.roles,
        **content,
    )


def pending(call: Call, heading: str, back: str) -> Response:
    """Return a page that says that figures are being computed, and asks for them again by itself.

    Parameters
    ----------
    call
        The request.
    heading
        Key of the words for what is computed.
    back
        Where one can go meanwhile.
    """
    return render(call, "pending.html", status=202, what=heading, back=back)


def page(template: str, lang: str, *, status: int = 200, switch: str, here: str, **content: Any) -> Response:
    """Return a page that answers no endpoint of its own."""
    content = {"administers": False, **content}
    return HTMLResponse(text_of(template, lang, switch=switch, here=here, **content), status_code=status)


def text_of(template: str, lang: str, **content: Any) -> str:
    """Return the HTML of a template in a language."""

    def word(key: str) -> str:
        return WORDS[key][lang]

    def tier_name(tier: str | None) -> str:
        if tier is None:
            return "—"
        return str(getattr(TIER_WORDS[tier], lang))

    return (
        environment()
        .get_template(template)
        .render(
            lang=lang,
            w=word,
            tier_name=tier_name,
            kinds=INSPECTION_KIND.codes,
            table_labels={name: table.label for name, table in TABLES.items()},
            **content,
        )
    )


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["thousands"] = lambda number: f"{number:,}"
    made.filters["percent"] = lambda share: f"{100 * share:.1f}%"
    made.filters["decimals"] = lambda number, places: f"{number:.{places}f}"
    made.filters["source"] = lambda text, lang: OWN[lang] if text == OWN["en"] else text
    made.filters["signed"] = lambda number, places=0: f"{number:+.{places}f}".replace("-", "−")
    return made
