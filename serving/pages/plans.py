"""Inspection plans: the list of them, one plan, and its file for inspectors."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from starlette.responses import FileResponse, Response

from features.records.schema import Label
from serving.access.principal import Principal
from serving.endpoints import Call
from serving.pages.rendering import render
from serving.problems import FieldError, Problem
from supervision.plans import DOCUMENT, SELECTED, TEAMS, PlanDocument, StoredPlan, read_plan
from supervision.sampling.reasons import PART_WORDS, REASON_WORDS

#: Rows of a plan that its page shows; the file has all.
SHOWN = 300
_NAME = re.compile(r"[a-z_+]{1,64}-[0-9]{4}-[0-9]{2}-[0-9]{1,6}")


@dataclass(frozen=True)
class PlanLine:
    """One plan in the list; no document if it cannot be read."""

    name: str
    document: PlanDocument | None


def all_plans(folder: Path, principal: Principal) -> list[PlanLine]:
    """Return the plans that a caller may see, the newest first."""
    lines = []
    for path in folder.glob(f"[!.]*/{DOCUMENT}"):
        try:
            document = PlanDocument.model_validate_json(path.read_text(encoding="utf-8"))
        except ValueError:
            document = None
        if document is None or _sees(principal, document):
            lines.append(PlanLine(path.parent.name, document))
    return sorted(
        lines,
        key=lambda line: (line.document.made_at.timestamp() if line.document else 0.0, line.name),
        reverse=True,
    )


def plan(call: Call) -> Response:
    """Show one plan."""
    stored = _stored(call)
    frame = stored.frame
    chosen = frame[frame["selected"]]
    return render(
        call,
        "plan.html",
        plan=stored.document,
        rows=[plan_row(row, call.lang) for row in chosen.head(SHOWN).to_dict("records")],
        more=max(len(chosen) - SHOWN, 0),
        by_tier=[
            {**line, "part": getattr(PART_WORDS[line["part"]], call.lang)}
            for line in stored.document.summary["by_tier"]
        ],
    )


def selected(call: Call) -> Response:
    """Send the list for inspectors."""
    stored = _stored(call)
    return FileResponse(
        stored.folder / SELECTED,
        media_type="text/csv; charset=utf-8",
        filename=f"{stored.document.name}.csv",
    )


def teams(call: Call) -> Response:
    """Send the list of who inspects whom.

    Raises
    ------
    Problem
        404 if no inspectors were assigned.
    """
    stored = _stored(call)
    if not (stored.folder / TEAMS).is_file():
        raise Problem(
            404,
            "not-found",
            "No inspectors were assigned.",
            [FieldError("plan", "it has no teams", "Plan with --inspectors to assign them.")],
        )
    return FileResponse(
        stored.folder / TEAMS,
        media_type="text/csv; charset=utf-8",
        filename=f"{stored.document.name}-teams.csv",
    )


def _stored(call: Call) -> StoredPlan:
    name = call.path("plan")
    # A name, never a path: nothing outside the folder of plans is read.
    folder = call.context.home.plans / name if _NAME.fullmatch(name) else None
    if folder is None or not folder.is_dir():
        raise _no_plan(name)
    stored = read_plan(folder)
    if not _sees(call.principal, stored.document):
        raise _no_plan(name)
    return stored


def _no_plan(name: str) -> Problem:
    return Problem(
        404,
        "no-such-plan",
        f"There is no plan {name[:100]}.",
        [FieldError("plan", "there is no such plan", "See the list of plans at /planner.")],
    )


def _sees(principal: Principal, document: PlanDocument) -> bool:
    """Return whether all of a plan is in a caller's scope: a plan is shown whole or not at all."""
    if not principal.sees_sector(document.sector):
        return False
    district = document.context.get("district")
    return principal.districts is None or (district is not None and principal.sees_district(district))


def plan_row(row: dict[Hashable, Any], lang: str) -> dict[Hashable, Any]:
    """Return a row of a plan as a template shows it."""
    reason = REASON_WORDS.get(row["reason"])
    part = PART_WORDS[row["part"]]
    last = row["last_inspected"]
    return {
        **row,
        "part_label": Label(part.zh, part.en)[lang],
        "reason_label": Label(reason.zh, reason.en)[lang] if reason else row["reason"],
        "last": "" if pd.isna(last) else str(last)[:10],
    }
