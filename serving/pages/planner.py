"""The planner's page: enterprises by district, sector and tier, what each tier means, and the plans."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field
from starlette.responses import Response

from features.errors import InputError
from features.records.codes import INDUSTRY_SECTION
from risk_model.publication import Publication
from risk_model.scale import INSUFFICIENT, TIERS
from serving.api.wording import reasons
from serving.endpoints import Call
from serving.listing import Cursor, Filter, district_counts, enterprises, industry_counts, tier_counts
from serving.lookup import out_of_scope
from serving.pages.charts import stacked
from serving.pages.plans import all_plans
from serving.pages.rendering import render
from serving.schemas.base import Request
from supervision.measures import Measures, load_measures


class PlannerQuery(Request):
    """What the planner asks for."""

    model: Annotated[str | None, Field(max_length=64)] = None
    district: Annotated[str | None, Field(max_length=12)] = None
    industry: Annotated[str | None, Field(max_length=5)] = None
    tier: Literal["A", "B", "C", "D", "insufficient_record"] | None = None
    q: Annotated[str | None, Field(max_length=100)] = None
    order: Literal["risk", "code"] = "risk"
    changed: Literal["1"] | None = None
    cursor: Annotated[str | None, Field(max_length=400)] = None


def planner(call: Call) -> Response:
    """Show the page."""
    query: PlannerQuery = call.query
    after = Cursor.parse(query.cursor) if query.cursor else None
    current = call.context.current
    publication = current.publication() if after is None else current.named(after.snapshot)
    models = {
        name: told
        for name, told in publication.document["models"].items()
        if call.principal.sees_sector(name)
    }
    model = _model(tuple(models), query.model)
    wanted = Filter(
        model=model,
        district=query.district,
        industry=query.industry,
        tier=query.tier,
        changed=query.changed is not None,
        text=query.q,
    )
    limit = call.context.settings.page_size
    page = enterprises(publication, wanted, call.principal, order=query.order, after=after, limit=limit)
    counts = tier_counts(publication, wanted, call.principal)
    districts = district_counts(publication, wanted, call.principal)
    industries = industry_counts(publication, wanted, call.principal)
    asked = {key: value for key, value in query.model_dump(exclude={"cursor"}).items() if value is not None}
    return render(
        call,
        "planner.html",
        publication=publication,
        models=models,
        model=model,
        query=query,
        rows=[_row(row, call.lang) for row in page.rows],
        counts=counts,
        matching=counts[query.tier] if query.tier else sum(counts.values()),
        segments=stacked(counts),
        tier_links={
            tier: f"/planner?{urlencode({**asked, 'model': model, 'tier': tier})}" for tier in counts
        },
        districts=[
            {"code": code, "count": count, "risky": risky, "share": 100 * risky / count}
            for code, count, risky in districts
        ],
        industries=[
            _industry(
                section,
                tiers,
                f"/planner?{urlencode({**asked, 'model': model, 'industry': section})}",
                call.lang,
            )
            for section, tiers in industries
        ],
        sections=INDUSTRY_SECTION.codes,
        tiers=(*TIERS, INSUFFICIENT),
        next_page=f"/planner?{urlencode({**asked, 'cursor': page.following})}" if page.following else None,
        first_page=f"/planner?{urlencode(asked)}" if after is not None else None,
        measures=_measures(model, publication),
        plans=all_plans(call.context.home.plans, call.principal),
    )


def _model(seen: tuple[str, ...], asked: str | None) -> str:
    if not seen:
        raise out_of_scope()
    if asked is None:
        return seen[0]
    if asked not in seen:
        raise InputError(f"there is no model {asked!r}", field="model", fix=f"There are {', '.join(seen)}.")
    return asked


def _measures(model: str, publication: Publication) -> Measures | None:
    try:
        return load_measures(model, publication.as_of)
    except InputError:
        # A province's own model need not have measures of its own.
        return None


def _industry(section: str, tiers: dict[str, int], link: str, lang: str) -> dict[str, Any]:
    label = INDUSTRY_SECTION.codes.get(section)
    count = sum(tiers.values())
    return {
        "label": label[lang] if label else section or "—",
        "link": link,
        "segments": stacked(tiers),
        "count": count,
        "share": (tiers["C"] + tiers["D"]) / count,
    }


def _row(row: dict[str, Any], lang: str) -> dict[str, Any]:
    section = (row["industry"] or "")[:1]
    label = INDUSTRY_SECTION.codes.get(section)
    return {
        **row,
        "section": label[lang] if label else "",
        "why": [reason["label"][lang] for reason in reasons(row["top_reasons"] or [])],
    }
