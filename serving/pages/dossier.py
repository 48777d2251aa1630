"""The supervisor's pages: finding an enterprise, and all that is known of it."""

from __future__ import annotations

import re
from math import log
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import RedirectResponse, Response

from features.definitions import FIRST_LEVEL
from features.errors import InputError
from features.records.codes import ENTERPRISE_TYPE, INDUSTRY_SECTION
from risk_model.explanation.evidence import Evidence
from risk_model.explanation.explanation import Explanation, reason_sentence
from risk_model.explanation.geometry import waterfall
from risk_model.explanation.roll_up import FeatureReason, GroupReason
from risk_model.publication import Publication
from risk_model.scale import TierPolicy
from serving.api.wording import reasons
from serving.endpoints import Call
from serving.evidence import evidence_for
from serving.listing import Filter, enterprises
from serving.lookup import explained, out_of_scope, row_of, rows_of
from serving.pages.records import records_of
from serving.pages.rendering import render
from serving.pages.words import WORDS
from serving.schemas.base import ModelName, Request
from supervision.measures import TierMeasures, load_measures

FOUND = 30
HISTORY = 12
_CODE = re.compile(r"[0-9A-Z]{18}")


class SearchQuery(Request):
    """Whom the supervisor looks for."""

    q: Annotated[str | None, Field(max_length=100)] = None


class DossierQuery(Request):
    """By which model the enterprise is shown."""

    model: ModelName | None = None


def search(call: Call) -> Response:
    """Show what is found, or those of the highest risk; a whole credit code opens its dossier."""
    text = (call.query.q or "").strip()
    if _CODE.fullmatch(text.upper()):
        return RedirectResponse(f"/enterprise/{text.upper()}", status_code=303)
    publication = call.context.current.publication()
    seen = [name for name in publication.models if call.principal.sees_sector(name)]
    if not seen:
        raise out_of_scope()
    wanted = Filter(model=seen[0], text=text or None)
    page = enterprises(publication, wanted, call.principal, limit=FOUND)
    rows = [
        {**row, "why": [r["label"][call.lang] for r in reasons(row["top_reasons"] or [])]}
        for row in page.rows
    ]
    return render(
        call,
        "supervisor.html",
        publication=publication,
        text=text,
        rows=rows,
        more=page.following is not None,
    )


def dossier(call: Call) -> Response:
    """Show the dossier of an enterprise."""
    publication = call.context.current.publication()
    code = call.path("code")
    rows = rows_of(publication, code, call.principal)
    row = row_of(rows, call.query.model)
    explanation = explained(publication, code, row["model"], call.principal)
    evidence = evidence_for(call, publication, explanation, whole=True)
    return render(
        call,
        "dossier.html",
        publication=publication,
        row=row,
        rows=rows,
        section=section(row["industry"], call.lang),
        kind=kind(row["enterprise_type"], call.lang),
        titles={name: one["title"][call.lang] for name, one in publication.document["models"].items()},
        decision=explanation.decision(call.lang),
        raised=[told(explanation, group, evidence, call.lang) for group in explanation.raised(5)],
        lowered=[told(explanation, group, evidence, call.lang) for group in explanation.lowered(3)],
        indicators=indicators(explanation, publication, evidence, call.lang),
        residual=explanation.residual,
        measures=measures_of(row["model"], row["tier"], publication),
        history=_history(call, code, row["model"]),
        records=records_of(call.context.home, publication, code, call.lang),
    )


def told(
    explanation: Explanation, group: GroupReason, evidence: Evidence | None, lang: str
) -> dict[str, Any]:
    """Return a reason as a template shows it: its sentence, points, and the records behind it."""
    return {
        "sentence": reason_sentence(explanation, group, lang),
        "points": explanation.points(group.contribution),
        "evidence": None if evidence is None else evidence.of(group),
    }


def section(industry: str | None, lang: str) -> str:
    """Return the section of an industry code in words; empty if it is unknown."""
    label = INDUSTRY_SECTION.codes.get((industry or "")[:1])
    return label[lang] if label else ""


def kind(enterprise_type: str | None, lang: str) -> str:
    """Return the type of an enterprise in words."""
    label = ENTERPRISE_TYPE.codes.get(enterprise_type or "")
    return label[lang] if label else "—"


def indicators(
    explanation: Explanation,
    publication: Publication,
    evidence: Evidence | None,
    lang: str,
    *,
    most: int | None = None,
) -> dict[str, Any]:
    """Return the waterfall: base, one bar an indicator with its features, total; in score points.

    Parameters
    ----------
    explanation, publication
        What is shown, and the classification that it is of.
    evidence
        The records behind its features.
    lang
        ``zh`` or ``en``.
    most
        Bars at most: the weakest indicators become one, so that nothing is left out.
    """
    policy = TierPolicy.model_validate(publication.document["models"][explanation.model]["policy"])
    groups = [group for group in explanation.indicators if group.contribution]
    base = policy.score.reference_score + explanation.points(
        explanation.base_value - log(policy.score.reference_odds)
    )
    bars: list[dict[str, Any]] = [
        {
            "name": group.name,
            "label": group.label[lang],
            "level": FIRST_LEVEL[group.name.partition(".")[0]][lang],
            "points": explanation.points(group.contribution),
            "features": [_feature(explanation, reason, evidence, lang) for reason in group.features],
        }
        for group in groups
    ]
    if most is not None and len(bars) > most:
        rest = bars[most - 1 :]
        bars = [*bars[: most - 1], _others(rest, lang)]
    for bar in bars:
        bar["features"] = [feature for feature in bar["features"] if feature["points"]]
    moves = [bar["points"] for bar in bars]
    drawn = waterfall(base, moves)
    for bar, step in zip(bars, drawn.steps, strict=True):
        bar["step"] = step
    return {"base": base, "total": base + sum(moves), "drawn": drawn, "bars": bars}


def _feature(
    explanation: Explanation, reason: FeatureReason, evidence: Evidence | None, lang: str
) -> dict[str, Any]:
    return {
        "label": reason.feature.label[lang],
        "value": reason.value_label[lang],
        "points": explanation.points(reason.contribution),
        "table": reason.feature.table,
        "evidence": None if evidence is None else evidence.features[reason.feature.name],
    }


def _others(bars: list[dict[str, Any]], lang: str) -> dict[str, Any]:
    """Return several bars as one."""
    return {
        "name": "others",
        "label": WORDS["other_indicators"][lang],
        "level": "",
        "points": sum(bar["points"] for bar in bars),
        "features": [feature for bar in bars for feature in bar["features"]],
    }


def measures_of(model: str, tier: str, publication: Publication) -> TierMeasures | None:
    """Return the measures of a tier; None if there are none for the model."""
    try:
        return load_measures(model, publication.as_of).tiers[tier]
    except InputError:
        # A province's own model need not have measures of its own.
        return None


def _history(call: Call, code: str, model: str) -> list[dict[str, Any]]:
    """Return the tiers of the last classifications, the newest first."""
    found = []
    for publication in reversed(Publication.all(call.context.home)[-HISTORY:]):
        for row in publication.rows(codes=[code], model=model).to_pylist():
            if call.principal.sees(row):
                found.append(
                    {
                        "as_of": publication.as_of,
                        "snapshot": publication.name,
                        "tier": row["tier"],
                        "score": row["score"],
                        "version": row["version"],
                    }
                )
    return found
