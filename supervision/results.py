"""What the inspections of a plan found, back into the records with the probability of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.errors import InputError
from features.home import Home
from features.records import TABLES, codes
from features.store import RecordStore
from supervision.findings import read_findings
from supervision.joint import JOINED
from supervision.plans import StoredPlan, read_plan
from supervision.sampling import hajek_standard_error, horvitz_thompson_mean
from supervision.sampling.calendar import month_bounds
from supervision.sampling.reasons import RANDOM
from supervision.working_days import working_calendar

REQUIRED = ("credit_code", "date")
OPTIONAL = ("domain", "outcome", "result_codes", "kind", "critical_items", "serious_items", "minor_items",
            "points", "full_item", "provider", "recorded_at")  # fmt: skip
#: The gravest of several results decides. Censored and neutral results say nothing about problems.
GRAVITY = ("censored", "neutral", "no_problem", "corrected", "problem", "severe")
PROBLEMS = ("problem", "severe")
#: Working days in which a result is put on file and published (食品生产经营监督检查管理办法 art. 39).
PUBLISH_WITHIN = 20


@dataclass(frozen=True)
class ResultsReport:
    """What came back from a plan.

    Attributes
    ----------
    planned, reported
        Enterprises of the plan; those with a result in this file.
    accepted, duplicate
        New versions of records; results that were known.
    outcomes
        Outcome → number.
    problems, expected
        Problems found at the reported enterprises, and their sum of probabilities when planned.
    items
        Single items found wrong that were given.
    late
        Results that came on file after twenty working days.
    estimated_rate
        Share of problems among all that could be drawn, estimated from the random draw; none without
        a result of it.
    drawn
        Results of the random draw that say something.
    snapshot
        Of the record store.
    """

    plan: str
    planned: int
    reported: int
    accepted: int
    duplicate: int
    outcomes: dict[str, int]
    problems: int
    items: int
    expected: float
    late: int
    estimated_rate: float | None
    standard_error: float | None
    drawn: int
    snapshot: int

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return dict(self.__dict__)


def record_results(
    home: Home,
    folder: Path,
    file: Path,
    *,
    on: date,
    provider: str = "",
    findings: Path | None = None,
) -> ResultsReport:
    """Load the results of a plan's inspections into the record store.

    Parameters
    ----------
    home
        Where everything lies.
    folder
        The plan.
    file
        CSV: ``credit_code``, ``date``, for a joint visit ``domain`` (a row a sector), and ``outcome`` or
        ``result_codes`` (published codes, separated by commas; the gravest decides); further columns of the
        inspection table as they are known.
    on
        Day on which they come on file.
    provider
        Authority, where the file has no column ``provider``.
    findings
        Single items found wrong, as :func:`supervision.findings.read_findings` reads them; loaded together
        with the results, each linked to its inspection.

    Raises
    ------
    InputError
        If a row is of an enterprise outside the plan, outside its month, or cannot be read; nothing is
        loaded then.

    Notes
    -----
    Who was in the random draw (also deferred mandatory enterprises that took part in it) comes back as
    ``selection = random`` with the inclusion probability of the plan; mandatory ones as
    ``full_coverage`` with probability 1. The same file again changes nothing; a corrected row is a new
    version.
    """
    stored = read_plan(folder)
    rows = _rows(stored, file, on, provider)
    tables = {"inspection": _table("inspection", rows)}
    if findings is not None:
        tables["finding"] = _table("finding", read_findings(findings, rows, stored.document.name))
    result = RecordStore(home.store).load(
        tables,
        load_id=f"results-{stored.document.name}-{on}",
        source="plan results",
        provider=provider,
        file=file.name,
    )
    counts = result.counts["inspection"]
    conflicts = sum(count.conflict for count in result.counts.values())
    if conflicts:
        raise InputError(
            f"{conflicts} results contradict others of the same day on file",
            field="on",
            fix="Corrections come on file on a later day: give --on.",
        )
    items = tables["finding"].num_rows if findings is not None else 0
    return _report(stored, rows, items, counts.accepted, counts.duplicate, result.snapshot_id)


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = TABLES[name].arrow_schema.append(pa.field("source_line", pa.int64()))
    complete = [{**dict.fromkeys(schema.names), **row} for row in rows]
    return pa.Table.from_pylist(complete, schema=schema)


def _rows(stored: StoredPlan, file: Path, on: date, provider: str) -> list[dict[str, Any]]:
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"there is no file {file}", field="file") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{file.name} cannot be read: {error}", field="file") from None
    missing = [c for c in REQUIRED if c not in table.columns]
    if missing or not {"outcome", "result_codes"} & set(table.columns):
        raise InputError(
            f"{file.name} lacks {', '.join(missing) or 'outcome or result_codes'}; "
            f"it has {', '.join(table.columns)}",
            field=(missing or ["outcome"])[0],
        )
    unknown = [c for c in table.columns if c not in (*REQUIRED, *OPTIONAL)]
    if unknown:
        raise InputError(
            f"{file.name} has columns that are not known: {', '.join(unknown)}",
            field=unknown[0],
            fix=f"Known are {', '.join((*REQUIRED, *OPTIONAL))}.",
        )
    selected = stored.frame[stored.frame["selected"]].set_index("credit_code")
    rows = []
    for line, given in enumerate(table.to_dict("records"), start=2):
        try:
            row = _row({str(k): v for k, v in given.items()}, stored, selected, on, provider)
        except InputError as error:
            raise InputError(f"line {line}: {error.message}", field=error.field, fix=error.fix) from None
        rows.append({**row, "source_line": line})
    seen = pd.Series([row["record_id"] for row in rows], dtype=object)
    if seen.duplicated().any():
        twice = rows[int(seen.duplicated().argmax())]
        raise InputError(
            f"{twice['credit_code']} occurs more than once ({twice['domain']})", field="credit_code"
        )
    return rows


def _row(
    given: dict[str, str], stored: StoredPlan, selected: pd.DataFrame, on: date, provider: str
) -> dict[str, Any]:
    code = given["credit_code"].strip()
    if code not in selected.index:
        raise InputError(
            f"{code} is not in the plan {stored.document.name}",
            field="credit_code",
            fix="Load inspections outside a plan with risk-model ingest.",
        )
    planned: dict[Any, Any] = selected.loc[[code]].to_dict("records")[0]
    day = _date(given["date"], "date")
    first, _ = month_bounds(stored.document.month)
    if not first <= day <= on:
        raise InputError(
            f"the inspection of {day} is not between {first} and {on}", field="date", fix="Check the date."
        )
    outcome, published = _outcome(given)
    random = planned["part"] == RANDOM or planned["reason"] == "deferred"
    domain = _domain(given, stored, planned)
    row: dict[str, Any] = {
        "credit_code": code,
        "event_date": day,
        "recorded_at": _date(given["recorded_at"], "recorded_at") if given.get("recorded_at") else on,
        "provider": given.get("provider", "").strip() or provider,
        "record_id": f"inspection:{stored.document.name}:{code}"
        + (f":{domain}" if planned.get("sectors") else ""),
        "kind": given.get("kind", "").strip() or ("random" if random else "routine"),
        "domain": domain,
        "selection": "random" if random else "full_coverage",
        "inclusion_probability": float(planned["inclusion_probability"]),
        "outcome": outcome,
        "result_codes": published or None,
    }
    if not row["provider"]:
        msg = "no authority is named"
        raise InputError(msg, field="provider", fix="Give --provider, or a column provider.")
    if row["kind"] not in codes.INSPECTION_KIND:
        raise InputError(f"{row['kind']!r} is no kind of inspection", field="kind")
    for name in ("critical_items", "serious_items", "minor_items"):
        row[name] = _number(given.get(name, ""), name)
    points = given.get("points", "").strip()
    try:
        row["points"] = float(points) if points else None
    except ValueError:
        raise InputError(f"{points!r} is no number", field="points") from None
    row["full_item"] = _truth(given.get("full_item", ""))
    return row


def _domain(given: dict[str, str], stored: StoredPlan, planned: dict[Any, Any]) -> str:
    """Return the sector of an inspection: the plan's, or one of those that take part in a joint visit."""
    sectors = str(planned.get("sectors") or stored.document.sector).split(JOINED)
    stated = given.get("domain", "").strip()
    if not stated and len(sectors) == 1:
        return sectors[0]
    if stated not in sectors:
        raise InputError(
            f"{stated!r} takes no part in the visit to {given['credit_code'].strip()}",
            field="domain",
            fix=f"Give one of {', '.join(sectors)}, a row each.",
        )
    return stated


def _outcome(given: dict[str, str]) -> tuple[str, str]:
    """Return the outcome, and the published codes it follows from, if any."""
    published = [part for part in re.split(r"[\s,;，；]+", given.get("result_codes", "")) if part]
    unknown = [code for code in published if code not in codes.RESULT_OUTCOME]
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is no published result code",
            field="result_codes",
            fix=f"Known are {', '.join(codes.RESULT_OUTCOME)}.",
        )
    stated = given.get("outcome", "").strip()
    if stated and stated not in codes.OUTCOME:
        raise InputError(
            f"{stated!r} is no outcome", field="outcome", fix=f"Use one of {', '.join(codes.OUTCOME)}."
        )
    if not stated and not published:
        msg = "neither outcome nor result codes are given"
        raise InputError(msg, field="outcome")
    found = stated or max((codes.RESULT_OUTCOME[c] for c in published), key=GRAVITY.index)
    return found, ",".join(published)


def _report(
    stored: StoredPlan,
    rows: Iterable[dict[str, Any]],
    items: int,
    accepted: int,
    duplicate: int,
    snapshot: int,
) -> ResultsReport:
    columns = ["credit_code", "event_date", "recorded_at", "selection", "outcome", "inclusion_probability"]
    frame = pd.DataFrame(rows, columns=columns)
    planned = stored.frame[stored.frame["selected"]].set_index("credit_code")
    problem = frame["outcome"].isin(PROBLEMS)
    telling = (frame["selection"] == "random") & ~frame["outcome"].isin(("censored", "neutral"))
    found = np.asarray(problem[telling], dtype=np.float64)
    inclusion = np.asarray(frame.loc[telling, "inclusion_probability"], dtype=np.float64)
    rate = horvitz_thompson_mean(found, inclusion) if len(found) else None
    error = hajek_standard_error(found, inclusion) if len(found) > 1 else None
    calendar = working_calendar()
    late = sum(
        recorded > calendar.after(day, PUBLISH_WITHIN)
        for day, recorded in zip(frame["event_date"], frame["recorded_at"], strict=True)
    )
    counted = frame["outcome"].value_counts()
    return ResultsReport(
        plan=stored.document.name,
        planned=len(planned),
        reported=len(frame),
        accepted=accepted,
        duplicate=duplicate,
        outcomes={str(name): int(number) for name, number in counted.items()},
        problems=int(problem.sum()),
        items=items,
        expected=float(planned.loc[frame["credit_code"].unique(), "probability"].sum()),
        late=int(late),
        estimated_rate=rate,
        standard_error=error,
        drawn=int(telling.sum()),
        snapshot=snapshot,
    )


def _date(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{text!r} is not a date", field=field, fix="Write it as YYYY-MM-DD.") from None


def _number(text: str, field: str) -> int | None:
    text = text.strip()
    if text and not text.isdigit():
        raise InputError(f"{text!r} is no whole number of 0 or more", field=field)
    return int(text) if text else None


def _truth(text: str) -> bool | None:
    known = {"": None, "true": True, "false": False, "1": True, "0": False, "是": True, "否": False}
    if text.strip().lower() not in known:
        raise InputError(f"{text!r} is neither true nor false", field="full_item")
    return known[text.strip().lower()]
