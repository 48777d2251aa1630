"""The planner's page on which a month's plan is previewed without a seed, and drawn with one."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from features.errors import InputError
from risk_model.publication import Publication
from serving.access.principal import Role
from serving.computed import Figures
from serving.endpoints import Call
from serving.forms import reader
from serving.listing import Filter, district_counts
from serving.pages.plans import plan_row
from serving.pages.rendering import pending, render
from serving.pages.seen_rows import latest_records
from serving.schemas.base import Request
from supervision.plans import DOCUMENT, PlanDocument
from supervision.sampling.calendar import months_later
from supervision.sampling.reasons import KEY, PART_WORDS, STATUTORY
from supervision.workflow import draw_month, plan_month

#: Who may draw.
PLANNERS = frozenset({Role.PLANNER, Role.ADMINISTRATOR})
#: Mandatory enterprises that a preview shows.
SHOWN = 100
#: Nothing that a preview shows follows from the seed.
NO_SEED = "preview"
COLUMNS = [
    "credit_code", "name", "district", "tier", "part", "reason", "key_reason", "inclusion_probability",
    "last_inspected",
]  # fmt: skip

Sector = Annotated[str, Field(max_length=64)]
Month = Annotated[str, Field(max_length=7)]
Number = Annotated[str, Field(max_length=9)]
District = Annotated[str, Field(max_length=12)]


class DrawQuery(Request):
    """What a plan is previewed for; nothing: the form alone."""

    sector: Sector = ""
    month: Month = ""
    capacity: Number = ""
    district: District = ""


class DrawForm(DrawQuery):
    """What a plan is drawn for, and the seed."""

    seed: Annotated[str, Field(max_length=200)] = ""

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it: all but the seed."""
        asked = {name: getattr(self, name) for name in DrawQuery.model_fields}
        return ", ".join(f"{name}={value}" for name, value in asked.items() if value)


read_draw = reader(DrawForm)


def form(call: Call) -> Response:
    """Show the form, and the preview if it is filled in."""
    publication = call.context.current.publication()
    if not (call.query.sector and call.query.month and call.query.capacity):
        return _page(call, publication, call.query)
    try:
        asked = _asked(call, publication, call.query)
        figures = _preview(call, publication, asked)
    except InputError as error:
        return _page(call, publication, call.query, status=422, refused=str(error))
    if figures is None:
        return pending(call, "draw", "/planner")
    return _page(call, publication, call.query, preview=figures)


def draw(call: Call) -> Response:
    """Draw and keep the plan, and show it; the same draw once more shows the plan that there is."""
    publication = call.context.current.publication()
    try:
        asked = _asked(call, publication, call.body)
        if not call.body.seed.strip():
            raise InputError("there is no seed", field="seed", fix="Give the text whose SHA-256 is public.")
        seed = call.body.seed
        name = _drawn_before(call, publication, asked, seed)
        if name is None:
            name = plan_month(call.context.home, seed=seed, **asked).folder.name
    except InputError as error:
        return _page(call, publication, call.body, status=422, refused=str(error))
    return RedirectResponse(f"/planner/plans/{name}", status_code=303)


def _asked(call: Call, publication: Publication, given: DrawQuery) -> dict[str, Any]:
    """Return the arguments of a plan in the caller's scope.

    Raises
    ------
    InputError
        If one cannot be used.
    """
    seen = [name for name in publication.models if call.principal.sees_sector(name)]
    if given.sector not in seen:
        raise InputError(
            f"there is no sector {given.sector!r}", field="sector", fix=f"Use one of {', '.join(seen)}."
        )
    if not given.capacity.isdigit() or int(given.capacity) < 1:
        raise InputError(
            f"{given.capacity!r} is no number of inspections", field="capacity", fix="Give 1 or more."
        )
    if call.principal.districts is not None and not call.principal.sees_district(given.district or None):
        raise InputError(
            f"{given.district or 'the whole province'} is not in your scope",
            field="district",
            fix=f"Choose a district in {', '.join(call.principal.districts)}.",
        )
    return {
        "sector": given.sector,
        "month": given.month,
        "capacity": int(given.capacity),
        "district": given.district or None,
    }


def _preview(call: Call, publication: Publication, asked: dict[str, Any]) -> Figures | None:
    home = call.context.home

    def make() -> Figures:
        drawn = draw_month(home, seed=NO_SEED, **asked)
        frame = drawn.plan.frame
        mandatory = frame[frame["part"].isin([STATUTORY, KEY])].sort_values("credit_code")
        table = pa.Table.from_pandas(mandatory[COLUMNS].head(SHOWN), preserve_index=False)
        return Figures({"summary": drawn.plan.summary.as_dict()}, table)

    plans = sorted(path.parent.name for path in home.plans.glob(f"[!.]*/{DOCUMENT}"))
    # Visits of other plans that are not on file yet count.
    told = f"preview {latest_records(call).id} {publication.name} {plans} {sorted(asked.items())}"
    return call.context.computed.get(told, make)


def _drawn_before(call: Call, publication: Publication, asked: dict[str, Any], seed: str) -> str | None:
    """Return the name of a plan that was drawn from the same; a form may be sent twice."""
    for path in call.context.home.plans.glob(f"{asked['sector']}-{asked['month']}-*/{DOCUMENT}"):
        made = PlanDocument.model_validate_json(path.read_text(encoding="utf-8"))
        same = (made.seed, made.capacity, made.context.get("district"), made.snapshot) == (
            seed,
            asked["capacity"],
            asked["district"],
            publication.name,
        )
        if same and made.context.get("records") == latest_records(call).id:
            return path.parent.name
    return None


def _page(
    call: Call,
    publication: Publication,
    given: DrawQuery,
    *,
    status: int = 200,
    preview: Figures | None = None,
    refused: str = "",
) -> Response:
    models = {
        name: told["title"][call.lang]
        for name, told in publication.document["models"].items()
        if call.principal.sees_sector(name)
    }
    return render(
        call,
        "draw.html",
        status=status,
        publication=publication,
        models=models,
        districts=_districts(call, publication, next(iter(models), None)),
        given=given,
        month=given.month or _next_month(publication.as_of),
        refused=refused,
        whole=call.principal.districts is None,
        summary=None if preview is None else preview.facts["summary"],
        by_tier=[] if preview is None else [_by_tier(line, call.lang) for line in _lines(preview)],
        mandatory=[]
        if preview is None
        else [plan_row(row, call.lang) for row in preview.rows.to_pandas().to_dict("records")],
    )


def _districts(call: Call, publication: Publication, model: str | None) -> list[str]:
    if model is None:
        return []
    return [code for code, _, _ in district_counts(publication, Filter(model), call.principal) if code]


def _lines(preview: Figures) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = preview.facts["summary"]["by_tier"]
    return lines


def _by_tier(line: dict[str, Any], lang: str) -> dict[str, Any]:
    return {
        **line,
        "part": getattr(PART_WORDS[line["part"]], lang),
        "expected": line["candidates"] * line["mean_inclusion_probability"],
    }


def _next_month(day: date) -> str:
    return f"{months_later(day.replace(day=1), 1):%Y-%m}"
