"""The calendar of what falls due: licences, equipment, lists, verifications, first days of repair."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
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
from supervision.due_dates import KINDS, due_dates
from supervision.sampling.calendar import months_later

SHOWN = 200
WEEK = 7


class CalendarQuery(Request):
    """From which day, how far, and what."""

    on: Annotated[str | None, Field(max_length=10)] = None
    days: Literal["31", "92", "183"] = "31"
    kind: Literal["licence_due", "equipment_due", "list", "commitment", "repair"] | None = None
    day: Annotated[str | None, Field(max_length=10)] = None
    district: Annotated[str | None, Field(max_length=12)] = None


def calendar(call: Call) -> Response:
    """Show the page."""
    found = _found(call)
    if found is None:
        return pending(call, "calendar", "/planner")
    publication, on, until, everything = found
    here = of_district(everything, call.query.district)
    by_kind = here["kind"].value_counts()
    of_kind = here[here["kind"] == call.query.kind] if call.query.kind else here
    per_day = of_kind["date"].value_counts()
    by_day = dict(zip(pd.DatetimeIndex(per_day.index).date, map(int, per_day), strict=True))
    rows = _of_day(of_kind, call)
    asked = {k: v for k, v in call.query.model_dump().items() if v is not None}
    return render(
        call,
        "calendar.html",
        publication=publication,
        on=on,
        until=until,
        query=call.query,
        kinds_due=[(kind, int(by_kind.get(kind, 0))) for kind in KINDS],
        months=list(_months(on, until, by_day, asked)),
        districts=sorted(everything["district"].dropna().unique()),
        rows=[shown(row, call.lang) for row in rows.head(SHOWN).to_dict("records")],
        count=len(rows),
        more=max(len(rows) - SHOWN, 0),
        all_days=f"/planner/calendar?{urlencode({k: v for k, v in asked.items() if k != 'day'})}",
        download=f"/planner/calendar.csv?{urlencode(asked)}",
    )


def calendar_file(call: Call) -> Response:
    """Send what falls due as a file."""
    found = _found(call)
    if found is None:
        return pending(call, "calendar", "/planner")
    _, on, until, rows = found
    rows = of_district(rows, call.query.district)
    if call.query.kind:
        rows = rows[rows["kind"] == call.query.kind]
    return as_csv(_of_day(rows, call), f"due-{on}-{until}")


def _found(call: Call) -> tuple[Publication, date, date, pd.DataFrame] | None:
    publication = call.context.current.publication()
    on = day_of(call.query.on, "on", publication.as_of)
    until = on + timedelta(days=int(call.query.days))
    snapshot = latest_records(call)

    def make() -> Figures:
        return Figures({}, pa.Table.from_pandas(due_dates(snapshot, on, until), preserve_index=False))

    figures = call.context.computed.get(f"due {snapshot.id} {on} {until}", make)
    if figures is None:
        return None
    return publication, on, until, seen(call, publication, figures.rows.to_pandas())


def _of_day(rows: pd.DataFrame, call: Call) -> pd.DataFrame:
    if call.query.day is None:
        return rows
    day = day_of(call.query.day, "day", date.min)
    return rows[rows["date"] == pd.Timestamp(day)]


def _months(
    on: date, until: date, by_day: dict[date, int], asked: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield months as weeks of days, Monday first; days outside the period have no count."""
    most = max(by_day.values(), default=1)
    first = on.replace(day=1)
    while first <= until:
        following = months_later(first, 1)
        day = first - timedelta(days=first.weekday())
        # Weeks that are over before the period begins, or begin after it ends, are left out.
        day = max(day, on - timedelta(days=on.weekday()))
        weeks = []
        while day < following and day <= until:
            week = []
            for _ in range(WEEK):
                count = by_day.get(day, 0)
                week.append(
                    {
                        "date": day if day.month == first.month else None,
                        "inside": on <= day <= until,
                        "count": count,
                        # Four shades: how much of the busiest day.
                        "shade": -(-4 * count // most) if count else 0,
                        "link": f"/planner/calendar?{urlencode({**asked, 'day': day.isoformat()})}#list",
                    }
                )
                day += timedelta(days=1)
            weeks.append(week)
        yield {"name": f"{first:%Y-%m}", "weeks": weeks}
        first = following
