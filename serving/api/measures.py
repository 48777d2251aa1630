"""What a tier means for supervision, of a sector or of one enterprise."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from serving.endpoints import Call, plain
from serving.lookup import row_of, rows_of
from serving.scope import checked_code, day_of
from supervision.measures import load_measures


def of_sector(call: Call) -> Response:
    """Answer with the measures of all tiers of a sector on a day."""
    return plain(_told(call, call.query.sector, None))


def of_one(call: Call) -> Response:
    """Answer with the measures that an enterprise's published tier brings."""
    publication = call.context.current.publication()
    code = checked_code(call.path("credit_code"))
    row = row_of(rows_of(publication, code, call.principal), call.query.model)
    return plain(
        {
            "snapshot": publication.name,
            "credit_code": code,
            "tier": row["tier"],
            **_told(call, row["model"], row["tier"]),
        }
    )


def _told(call: Call, sector: str, tier: str | None) -> dict[str, Any]:
    on = day_of(call.query.on)
    found = load_measures(sector, on, preset=call.query.preset)
    tiers = found.tiers if tier is None else {tier: found.tiers[tier]}
    return {
        "sector": sector,
        "on": on,
        "in_force_from": found.in_force_from,
        "tiers": {name: told.model_dump(mode="json") for name, told in tiers.items()},
    }
