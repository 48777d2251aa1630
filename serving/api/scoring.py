"""Scoring records that come with the request: the same kernel and models as in the batch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from starlette.responses import Response

from features.records import TABLES
from risk_model.explanation.explanation import Explanation
from serving.endpoints import Call, plain
from serving.lookup import assured
from serving.problems import FieldError, Problem
from serving.schemas.records import to_tables

#: What is told of a score without its explanation.
SHORT = (
    "model", "version", "score", "probability", "margin", "tier", "tier_by_score", "decided_by", "records",
)  # fmt: skip


def score(call: Call) -> Response:
    """Answer with the scores of the records and their explanations."""
    body, current = call.body, call.context.current
    tables = to_tables(body.records, body.credit_code)
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
    # The published classification has no part in the score; its name tells the caller what is in force.
    try:
        snapshot: str | None = current.publication().name
    except Problem:
        snapshot = None
    results = [assured(one, "a request") for one in seen.values()]
    return plain(
        {
            "snapshot": snapshot,
            "credit_code": body.credit_code,
            "as_of": body.as_of.isoformat(),
            "decisive": list(seen)[-1],
            "results": [
                {"snapshot": snapshot, **(one.as_dict(body.lang) if body.explain else _short(one))}
                for one in results
            ],
            "notes": notes(tables, body.as_of),
        }
    )


def _short(explanation: Explanation) -> dict[str, Any]:
    return {key: getattr(explanation, key) for key in SHORT}


def notes(tables: Mapping[str, pa.Table], as_of: date) -> list[str]:
    """Return what of the records cannot count at the date, and what is missing."""
    found = []
    day = pa.scalar(as_of, pa.date32())
    for name, table in tables.items():
        late = pc.or_(pc.greater(table["event_date"], day), pc.greater(table["recorded_at"], day))
        count = pc.sum(late).as_py() or 0
        if count:
            found.append(f"{name}: {count} of {table.num_rows} happened or were recorded after {as_of}.")
        over = pc.sum(
            pc.or_(
                pc.or_(
                    pc.less_equal(table["withdrawn_at"], day).fill_null(False),
                    pc.less_equal(table["repaired_at"], day).fill_null(False),
                ),
                pc.less_equal(table["expires_at"], day).fill_null(False),
            )
        ).as_py()
        if over:
            found.append(
                f"{name}: {over} of {table.num_rows} were withdrawn, repaired or expired by {as_of}."
            )
    if TABLES["enterprise"].name not in tables:
        found.append("enterprise: not sent, so name, industry and age are unknown.")
    return found
