"""Scoring records that come with the request: the same kernel and models as in the batch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from features.records import TABLES
from risk_model.explanation.explanation import Explanation
from risk_model.tiers.headline import decisive_last
from serving import metrics
from serving.current import Current
from serving.endpoints import Call, written
from serving.lookup import assured
from serving.problems import FieldError, Problem
from serving.schemas.records import to_tables

#: Records of a request that is scored at once: some milliseconds of work.
FEW_RECORDS = 200
#: What is told of a score without its explanation.
SHORT = (
    "model", "version", "score", "probability", "margin", "tier", "tier_by_score", "decided_by", "records",
)  # fmt: skip


def at_once(call: Call) -> bool:
    """Return whether a request is scored sooner than a thread would have taken it over."""
    return call.context.current.at_hand and few(call.body.records)


def few(records: BaseModel) -> bool:
    """Return whether these are few records."""
    return sum(len(getattr(records, name)) for name in TABLES) <= FEW_RECORDS


def score(call: Call) -> Response:
    """Answer with the scores of the records and their explanations."""
    body, current = call.body, call.context.current
    tables = to_tables(body.records, body.credit_code, as_of=body.as_of)
    champions = current.champions()
    found = champions.scorer.score(tables, body.credit_code, body.as_of)
    seen = {model: one for model, one in found.items() if call.principal.sees_sector(model)}
    if not seen:
        raise Problem(
            403,
            "out-of-scope",
            "No model in the scope of this key speaks of the enterprise.",
            [FieldError("records", f"it is scored by {', '.join(found)}", "Use a key of that sector.")],
        )
    snapshot = name_in_force(current)
    results = [assured(one, "a request") for one in seen.values()]
    metrics.answered(metrics.SCORED, ((one.model, one.tier) for one in results))
    return written(
        {
            "snapshot": snapshot,
            "credit_code": body.credit_code,
            "as_of": body.as_of.isoformat(),
            "decisive": decisive_model(seen),
            "results": [
                {"snapshot": snapshot, **(one.as_dict(body.lang) if body.explain else short(one))}
                for one in results
            ],
            "notes": notes(body.records, body.as_of),
        }
    )


def name_in_force(current: Current) -> str | None:
    """Return the name of the classification in force: it has no part in a score, but tells the caller."""
    try:
        return current.publication().name
    except Problem:
        return None


def decisive_model(results: Mapping[str, Explanation]) -> str | None:
    """Return the model that speaks for an enterprise; None if none does."""
    weighed = decisive_last(
        [{"model": name, "tier": one.tier, "score": one.score} for name, one in results.items()]
    )
    return str(weighed[-1]["model"]) if weighed else None


def short(explanation: Explanation) -> dict[str, Any]:
    """Return what is told of a score without its explanation."""
    return {key: getattr(explanation, key) for key in SHORT}


def notes(records: BaseModel, as_of: date) -> list[str]:
    """Return what of the records cannot count at the date, and what is missing."""
    found = []
    for name in TABLES:
        rows = getattr(records, name)
        if not rows:
            continue
        late = sum(row.event_date > as_of or (row.recorded_at or row.event_date) > as_of for row in rows)
        if late:
            found.append(f"{name}: {late} of {len(rows)} happened or were recorded after {as_of}.")
        over = sum(
            any(
                end is not None and end <= as_of
                for end in (row.withdrawn_at, row.repaired_at, row.expires_at)
            )
            for row in rows
        )
        if over:
            found.append(f"{name}: {over} of {len(rows)} were withdrawn, repaired or expired by {as_of}.")
    if not records.enterprise:  # type: ignore[attr-defined]
        found.append("enterprise: not sent, so name, industry and age are unknown.")
    return found
