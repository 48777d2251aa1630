"""The planner's page of early warnings: rising risk, dates that ran out, clusters; each with its reason."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import pandas as pd
import pyarrow as pa
from pydantic import Field
from starlette.responses import Response

from risk_model.publication import Publication
from serving.computed import Figures
from serving.endpoints import Call
from serving.pages.rendering import pending, render
from serving.pages.seen_rows import as_csv, day_of, latest_records, of_district, seen, shown
from serving.schemas.base import Request
from supervision.early_warning.warning import URGENCY, early_warnings

SHOWN = 200
#: Not for other eyes: for clusters of a person it holds the person's pseudonym.
HIDDEN = ["evidence"]
RISING = "rising_risk"


class WarningsQuery(Request):
    """Which warnings."""

    on: Annotated[str | None, Field(max_length=10)] = None
    kind: Annotated[str | None, Field(max_length=40, pattern="^[a-z_]+$")] = None
    urgency: Literal["high", "medium", "low"] | None = None
    district: Annotated[str | None, Field(max_length=12)] = None


def warnings(call: Call) -> Response:
    """Show the page."""
    publication = call.context.current.publication()
    on = day_of(call.query.on, "on", publication.as_of)
    figures = _figures(call, publication, on)
    if figures is None:
        return pending(call, "warnings", "/planner")
    everything = _seen(call, publication, figures)
    here = of_district(everything, call.query.district)
    rows = _chosen(here, call)
    asked = {k: v for k, v in call.query.model_dump().items() if v is not None}
    return render(
        call,
        "warnings.html",
        publication=publication,
        on=on,
        compared=figures.facts["compared"],
        counts=_counts(here, asked),
        query=call.query,
        districts=sorted(everything["district"].dropna().unique()),
        rows=[shown(row, call.lang) for row in rows.head(SHOWN).to_dict("records")],
        count=len(rows),
        more=max(len(rows) - SHOWN, 0),
        download=f"/planner/warnings.csv?{urlencode(asked)}",
    )


def warnings_file(call: Call) -> Response:
    """Send the warnings as a file."""
    publication = call.context.current.publication()
    on = day_of(call.query.on, "on", publication.as_of)
    figures = _figures(call, publication, on)
    if figures is None:
        return pending(call, "warnings", "/planner")
    rows = _chosen(of_district(_seen(call, publication, figures), call.query.district), call)
    return as_csv(rows.drop(columns=HIDDEN), f"warnings-{on}")


def _figures(call: Call, publication: Publication, on: date) -> Figures | None:
    home = call.context.home

    def make() -> Figures:
        found = early_warnings(home, on)
        return Figures({"compared": found.compared}, pa.Table.from_pandas(found.rows, preserve_index=False))

    key = f"warnings {latest_records(call).id} {publication.name} {on}"
    return call.context.computed.get(key, make)


def _seen(call: Call, publication: Publication, figures: Figures) -> pd.DataFrame:
    rows = seen(call, publication, figures.rows.to_pandas())
    if call.principal.sectors is not None and len(rows):
        # A change of tier belongs to its model, the last part of the evidence.
        model = rows["evidence"].astype(str).str.rpartition(" / ")[2]
        rows = rows[(rows["kind"] != RISING) | model.isin(call.principal.sectors)]
    return rows


def _chosen(rows: pd.DataFrame, call: Call) -> pd.DataFrame:
    if call.query.kind:
        rows = rows[rows["kind"] == call.query.kind]
    if call.query.urgency:
        rows = rows[rows["urgency"] == call.query.urgency]
    return rows


def _counts(rows: pd.DataFrame, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the number of warnings of each kind by urgency, with the addresses that show them."""
    lines = []
    for kind in sorted(rows["kind"].unique()):
        own = rows[rows["kind"] == kind]
        lines.append(
            {
                "kind": kind,
                "link": f"/planner/warnings?{urlencode({**asked, 'kind': kind})}",
                "enterprises": own["credit_code"].nunique(),
                "by_urgency": [
                    (
                        int((own["urgency"] == urgency).sum()),
                        f"/planner/warnings?{urlencode({**asked, 'kind': kind, 'urgency': urgency})}",
                    )
                    for urgency in URGENCY
                ],
            }
        )
    return lines
