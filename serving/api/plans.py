"""``/v1/plans``: drawing a month's plan, reading and verifying it, and what its inspections found."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from starlette.responses import Response

from features.errors import InputError
from features.home import Home
from serving.endpoints import Call, plain
from serving.keyset import cursor_of, read_cursor
from serving.once import Attempt, Done, once
from serving.problems import FieldError, Problem
from serving.schemas.plans import DrawRequest, FindingIn, InspectorIn, ResultIn
from serving.scope import decision_day, latest_records, sees_plan
from supervision.assignment.pool import Inspector
from supervision.plans import DOCUMENT, PlanDocument, StoredPlan, read_plan, read_teams
from supervision.results import record_results
from supervision.verification import verify_plan
from supervision.workflow import plan_month
from supervision.writing import rows_of

NAME = re.compile(r"[a-z_]{1,64}(\+[a-z_]{1,64})*-[0-9]{4}-[0-9]{2}-[0-9]{1,6}")
#: Columns of a plan's enterprises that are told.
COLUMNS = (
    "credit_code", "name", "district", "tier", "probability", "part", "reason", "key_reason",
    "inclusion_probability", "selected", "last_inspected", "last_full_inspection", "sectors",
)  # fmt: skip
#: Columns of an inspection that came back.
RESULT = (
    "credit_code", "event_date", "recorded_at", "provider", "record_id", "kind", "domain", "selection",
    "inclusion_probability", "outcome", "result_codes", "critical_items", "serious_items", "minor_items",
    "points", "full_item",
)  # fmt: skip
#: What a file for results says of the line at fault.
_LINE = re.compile(r"(?:.*, )?line (\d+): (.*)", re.DOTALL)


def listed(call: Call) -> Response:
    """Answer with a page of plans, the newest first."""
    query = call.query
    found = [
        document
        for document in _documents(call.context.home)
        if sees_plan(call.principal, document.sector, document.context.get("district"))
        and query.sector in (None, document.sector)
        and query.month in (None, document.month)
    ]
    found.sort(key=_place, reverse=True)
    if query.cursor:
        at, name = read_cursor(query.cursor, (str, str))
        found = [document for document in found if _place(document) < (at, name)]
    shown = found[: query.limit]
    following = cursor_of(*_place(shown[-1])) if len(found) > query.limit else None
    return plain({"results": [_line(document) for document in shown], "next": following})


def one(call: Call) -> Response:
    """Answer with a plan: its inputs, and the plan in numbers."""
    return plain(_told(_stored(call).document))


def enterprises(call: Call) -> Response:
    """Answer with a page of the enterprises of a plan, by credit code."""
    stored, query = _stored(call), call.query
    frame = stored.frame
    if query.selected == "true":
        frame = frame[frame["selected"]]
    frame = frame.sort_values("credit_code", kind="stable")
    if query.cursor:
        (last,) = read_cursor(query.cursor, (str,))
        frame = frame[frame["credit_code"] > last]
    page = frame.head(query.limit)
    rows = rows_of(page[[column for column in COLUMNS if column in page.columns]])
    if stored.document.assignment is not None:
        teams = read_teams(stored.folder)
        rows = [{**row, "inspectors": list(teams.get(row["credit_code"], ()))} for row in rows]
    following = cursor_of(rows[-1]["credit_code"]) if len(frame) > query.limit else None
    return plain({"plan": stored.document.name, "results": rows, "next": following})


def verification(call: Call) -> Response:
    """Repeat a plan's draw from what was published, and answer whether all agrees."""
    stored, query = _stored(call), call.query
    report = verify_plan(stored.folder, commitment=query.commitment, fingerprint=query.fingerprint)
    return plain(report.as_dict())


def results(call: Call) -> Response:
    """Answer with what the inspections of a plan found, as it is on file."""
    stored = _stored(call)
    snapshot = latest_records(call.context.home)
    prefix = f"inspection:{stored.document.name}:"
    rows = snapshot.read("inspection", columns=list(RESULT))
    rows = rows.filter(pc.starts_with(rows["record_id"], prefix))
    # Of several versions of a result the newest counts.
    newest = {row["record_id"]: row for row in sorted(rows.to_pylist(), key=lambda row: row["recorded_at"])}
    told = [{name: row[name] for name in RESULT} for _, row in sorted(newest.items())]
    return plain(
        {
            "plan": stored.document.name,
            "records": snapshot.id,
            "planned": int(stored.frame["selected"].sum()),
            "reported": len({row["credit_code"] for row in told}),
            "results": told,
        }
    )


def draw(call: Call) -> Response:
    """Draw a month's plan and keep it."""
    body: DrawRequest = call.body
    if not sees_plan(call.principal, body.sector, body.district):
        raise Problem(
            403,
            "out-of-scope",
            "The plan reaches beyond the scope of the key.",
            [
                FieldError(
                    "district" if body.district is None else "sector",
                    "it is out of the scope of the key",
                    "Plan a sector and a district that the key may see.",
                )
            ],
        )

    def perform(attempt: Attempt) -> Done:
        home = call.context.home
        drawn = _drawn_before(home, body, attempt.begun_at) if attempt.again else None
        if drawn is None:
            saved = plan_month(
                home,
                sector=body.sector,
                month=body.month,
                capacity=body.capacity,
                seed=body.seed,
                district=body.district,
                inspectors=None if body.inspectors is None else [_inspector(one) for one in body.inspectors],
            )
            drawn = read_plan(saved.folder).document
        return Done(_told(drawn))

    return once(call, perform)


def report(call: Call) -> Response:
    """Load what the inspections of a plan found."""
    body, stored = call.body, _stored(call)
    on = decision_day(call, body.on)

    def perform(attempt: Attempt) -> Done:
        with tempfile.TemporaryDirectory(prefix="risk-model-results-") as folder:
            file, items = Path(folder) / "results.csv", Path(folder) / "findings.csv"
            _write(file, ResultIn, body.results)
            if body.findings:
                _write(items, FindingIn, body.findings)
            try:
                told = record_results(
                    call.context.home,
                    stored.folder,
                    file,
                    on=on,
                    provider=body.provider,
                    findings=items if body.findings else None,
                )
            except InputError as error:
                raise _in_body(error, items.name) from None
        return Done(told.as_dict())

    return once(call, perform)


def _documents(home: Home) -> Iterable[PlanDocument]:
    for path in home.plans.glob(f"[!.]*/{DOCUMENT}"):
        yield read_plan(path.parent).document


def _place(document: PlanDocument) -> tuple[str, str]:
    return document.made_at.isoformat(timespec="microseconds"), document.name


def _line(document: PlanDocument) -> dict[str, Any]:
    summary = document.summary
    return {
        "plan": document.name,
        "sector": document.sector,
        "month": document.month,
        "district": document.context.get("district"),
        "made_at": document.made_at.isoformat(),
        "number": document.number,
        "capacity": document.capacity,
        "candidates": summary["candidates"],
        "selected": summary["selected"],
        "fingerprint": document.fingerprint,
    }


def _told(document: PlanDocument) -> dict[str, Any]:
    told: dict[str, Any] = document.model_dump(mode="json")
    return {"plan": told.pop("name"), **told}


def _stored(call: Call) -> StoredPlan:
    name = call.path("plan")
    # A name, never a path: nothing outside the folder of plans is read.
    folder = call.context.home.plans / name if NAME.fullmatch(name) else None
    if folder is not None and (folder / DOCUMENT).is_file():
        stored = read_plan(folder)
        if sees_plan(call.principal, stored.document.sector, stored.document.context.get("district")):
            return stored
    raise Problem(
        404,
        "no-such-plan",
        f"There is no plan {name[:100]} in the scope of the key.",
        [FieldError("plan", "there is no such plan", "See /v1/plans.")],
    )


def _drawn_before(home: Home, body: DrawRequest, since: datetime) -> PlanDocument | None:
    """Return the plan that an earlier attempt at the same request kept, if it got that far."""
    asked = (body.sector, body.month, body.capacity, body.seed, body.district)
    found = [
        document
        for document in _documents(home)
        if document.made_at >= since
        and asked
        == (
            document.sector,
            document.month,
            document.capacity,
            document.seed,
            document.context.get("district"),
        )
    ]
    return min(found, key=_place, default=None)


def _inspector(given: InspectorIn) -> Inspector:
    return Inspector(
        inspector_id=given.inspector_id,
        name=given.name,
        districts=tuple(given.districts),
        competences=tuple(given.competences),
        visits=given.visits,
        conflicts=tuple(given.conflicts),
    )


def _write(file: Path, kind: type[ResultIn] | type[FindingIn], rows: Sequence[Any]) -> None:
    """Write rows as the file that the loader of results reads; a column that nobody fills is left out."""
    names = [name for name in kind.model_fields if any(getattr(row, name) not in (None, []) for row in rows)]
    if kind is ResultIn and not {"outcome", "result_codes"} & set(names):
        names.append("outcome")
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(names)
        writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _in_body(error: InputError, findings: str) -> InputError:
    """Return an error of a line of a file as one of a row of the request."""
    found = _LINE.fullmatch(error.message)
    if found is None:
        return error
    rows = "findings" if error.message.startswith(findings) else "results"
    place = int(found[1]) - 2
    field = f"{rows}[{place}]" + (f".{error.field}" if error.field else "")
    return InputError(found[2], field=field, fix=error.fix)
