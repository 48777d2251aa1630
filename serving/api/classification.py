"""The published classification of one enterprise, and why."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from risk_model.publication import Publication
from serving import metrics
from serving.api.wording import reasons, tier_label
from serving.endpoints import Call, plain, written
from serving.evidence import evidence_for
from serving.lookup import explained, row_of, rows_of

IDENTITY = ("name", "district", "industry", "enterprise_type")


def at_once(call: Call) -> bool:
    """Return whether an enterprise is looked up sooner than a thread would have taken the request over.

    One row group of a local file is read, which the system holds in memory if anybody looked there lately.
    """
    return call.context.current.at_hand


def classify(call: Call) -> Response:
    """Answer with the published results of an enterprise."""
    publication = call.context.current.publication()
    rows = rows_of(publication, call.body.credit_code, call.principal)
    if call.body.model is not None:
        rows = [row_of(rows, call.body.model)]
    metrics.answered(metrics.PUBLISHED, ((row["model"], row["tier"]) for row in rows))
    # Its numbers were checked when they were published.
    return written(classification(publication, rows))


def explain(call: Call) -> Response:
    """Answer with the explanation of a published result."""
    publication = call.context.current.publication()
    found = explained(publication, call.body.credit_code, call.body.model, call.principal)
    evidence = evidence_for(call, publication, found) if call.body.records else None
    metrics.answered(metrics.PUBLISHED, [(found.model, found.tier)])
    return plain({"snapshot": publication.name, **found.as_dict(call.body.lang, evidence)})


def classification(publication: Publication, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the rows of an enterprise, the decisive one last, as an answer."""
    last = rows[-1]
    return {
        "snapshot": publication.name,
        "as_of": publication.as_of.isoformat(),
        "credit_code": last["credit_code"],
        **{key: last[key] for key in IDENTITY},
        "decisive": last["model"],
        "results": [result(publication, row) for row in rows],
    }


def result(publication: Publication, row: dict[str, Any]) -> dict[str, Any]:
    """Return one row of the classification as a part of an answer."""
    return {
        "model": row["model"],
        "version": row["version"],
        "model_title": publication.document["models"][row["model"]]["title"],
        "score": row["score"],
        "margin": row["margin"],
        "probability": row["probability"],
        "tier": row["tier"],
        "tier_label": tier_label(row["tier"]),
        "tier_by_score": row["tier_by_score"],
        "decided_by": row["decided_by"],
        "previous_tier": row["previous_tier"],
        "records": row["records"],
        "top_reasons": reasons(row["top_reasons"] or []),
    }
