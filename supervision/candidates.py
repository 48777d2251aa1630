"""From a published classification and the records of inspections to the candidates of a plan."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from supervision.plan_rules import KeyObjects, PlanRules
from supervision.sampling.calendar import day_number, days_after, month_bounds
from supervision.sampling.frame import INPUT_COLUMNS, day_numbers

Bools = npt.NDArray[np.bool_]
NEVER = np.datetime64("NaT", "D")


def candidates_from(
    classification: pd.DataFrame,
    inspections: pd.DataFrame,
    licences: pd.DataFrame | None,
    *,
    sector: str,
    month: str,
    as_of: date,
    rules: PlanRules,
    pending: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the candidates for :func:`supervision.sampling.plan_inspections`.

    Parameters
    ----------
    classification
        ``credit_code``, ``name``, ``district``, ``industry``, ``model``, ``tier``, ``probability``; the
        rows of the model named as the sector are the candidates.
    inspections
        ``credit_code``, ``event_date``, ``domain``, ``full_item`` and, if known, ``kind``.
    licences
        ``credit_code``, ``kind``, ``category``, ``status``, ``event_date`` and, if known, ``valid_from``
        and ``valid_to``; none if the province has no licence records.
    sector, month
        As in the plan.
    as_of
        What was known on this day is used: ``visible_from`` and ``visible_to`` are looked at where a
        table has them, and nothing that happened later counts.
    rules
        Rules in force.
    pending
        Visits of earlier plans, and of other sectors' plans of the month: ``credit_code``, ``domain``,
        ``kind``, ``plan`` (its name), ``planned_from``, ``planned_until``, ``full_item``. One counts as an
        inspection on its last planned day until an inspection of the domain from its first planned day on is
        on file.

    Raises
    ------
    InputError
        Naming the column that is missing, or if nobody is classified in the sector.

    Notes
    -----
    Inspections of the sector's own domain set ``last_inspected`` and ``last_full_inspection``; those of
    all domains that the annual cap names count for ``inspections_this_year``. The statutory period of an
    enterprise that was never fully inspected runs from its first licence of the sector. A key object is
    a ``key_item`` only when its next inspection is due by the end of the month.
    """
    first, last = month_bounds(month)
    _need(
        classification,
        ("credit_code", "name", "district", "industry", "model", "tier", "probability"),
        "classification",
    )
    _need(inspections, ("credit_code", "event_date", "domain", "full_item"), "inspections")
    rows = classification[classification["model"] == sector].reset_index(drop=True)
    if not len(rows):
        models = ", ".join(sorted(classification["model"].unique()))
        raise InputError(
            f"nobody is classified by model {sector!r}; the models are: {models or 'none'}", field="sector"
        )
    code = rows["credit_code"]
    seen = _with_pending(_known(inspections, as_of), pending)
    own = seen[seen["domain"] == sector]
    full = own["full_item"].astype("object")
    missing_is_full = (
        rules.statutory_minimum is not None and rules.statutory_minimum.missing_full_item == "full"
    )
    full_item = full.where(full.notna(), missing_is_full).astype(bool)
    last_inspected = _extreme(own, code, "max")

    held = None
    if licences is not None and len(licences):
        _need(licences, ("credit_code", "kind", "category", "status", "event_date"), "licences")
        held = _known(licences, as_of)
    valid = None if held is None else held[_in_force(held, as_of)]
    key, key_reason = _key_objects(rows, valid, last_inspected, last, rules)
    candidates = pd.DataFrame(
        {
            "credit_code": code,
            "name": rows["name"],
            "district": rows["district"],
            "tier": rows["tier"],
            "probability": rows["probability"],
            "last_inspected": last_inspected,
            "last_full_inspection": _extreme(own[full_item], code, "max"),
            "subject_since": _subject_since(held, code, sector),
            "inspections_this_year": _counted_this_year(seen, code, first, rules),
            "key_item": key,
            "key_reason": key_reason,
            "exempt_because": _exemption(seen, code, first, rules, sector),
            "sectors": "",
        }
    )
    return candidates[list(INPUT_COLUMNS)]


def _with_pending(seen: pd.DataFrame, pending: pd.DataFrame | None) -> pd.DataFrame:
    """Add the visits that are planned and of which nothing is on file yet."""
    # Inspections of one day are one visit, whoever takes part.
    seen = seen.assign(visit=day_numbers(seen["event_date"]))
    if pending is None or not len(pending):
        return seen
    _need(pending, ("credit_code", "domain", "plan", "planned_from", "planned_until", "full_item"), "pending")
    newest = seen.groupby(["credit_code", "domain"])["event_date"].max()
    visit = pd.MultiIndex.from_frame(pending[["credit_code", "domain"]])
    on_file = newest.reindex(visit).to_numpy(dtype="datetime64[D]")
    # A comparison with a missing date is false: nothing on file.
    waiting = pending[~(on_file >= _days(pending["planned_from"]))]
    # Of planned visits only those of one plan, a joint one, are one visit.
    rows = waiting.assign(
        event_date=_days(waiting["planned_until"]).astype("datetime64[s]"),
        visit=np.iinfo(np.int64).max - pd.factorize(waiting["plan"])[0],
    )
    return pd.concat([seen, rows[[c for c in seen.columns if c in rows.columns]]], ignore_index=True)


def _need(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(
            f"{name} lacks {', '.join(missing)}; it has {', '.join(map(str, table.columns))}",
            field=missing[0],
        )


def _known(table: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the rows known on a day, with ``event_date`` as a date."""
    today = np.datetime64(as_of, "D")
    event = _days(table["event_date"])
    rows = event <= today
    if "visible_from" in table.columns:
        rows &= _days(table["visible_from"]) <= today
    if "visible_to" in table.columns:
        rows &= today < _days(table["visible_to"])
    return table[rows].assign(event_date=event[rows].astype("datetime64[s]"))


def _days(column: pd.Series[Any]) -> npt.NDArray[np.datetime64]:
    # Not by way of nanoseconds, which cannot hold 9999-12-31 (never).
    return column.to_numpy(dtype="datetime64[D]")


def _extreme(rows: pd.DataFrame, code: pd.Series[Any], which: str) -> npt.NDArray[np.datetime64]:
    """Return each enterprise's first (``min``) or last (``max``) event, or none."""
    dates = rows.groupby("credit_code")["event_date"].agg(which)
    return dates.reindex(code.to_numpy()).to_numpy(dtype="datetime64[s]")


def _counted_this_year(
    seen: pd.DataFrame, code: pd.Series[Any], first: date, rules: PlanRules
) -> npt.NDArray[np.int64]:
    counts = seen["event_date"].dt.year == first.year
    if rules.annual_cap:
        counts &= seen["domain"].isin(rules.annual_cap.domains)
        if "kind" in seen.columns:
            counts &= ~seen["kind"].isin(rules.annual_cap.except_kinds)
    visits = seen.loc[counts, ["credit_code", "visit"]].drop_duplicates()
    number = visits["credit_code"].value_counts()
    return code.map(number).fillna(0).to_numpy(dtype=np.int64)


def _exemption(
    seen: pd.DataFrame, code: pd.Series[Any], first: date, rules: PlanRules, sector: str
) -> npt.NDArray[np.object_]:
    if rules.exempt_after is None or "kind" not in seen.columns:
        return np.full(len(code), "", dtype=object)
    rows = (
        (seen["event_date"].dt.year == first.year)
        & (seen["domain"] == sector)
        & seen["kind"].isin(rules.exempt_after.kinds)
    )
    exempt = code.isin(seen.loc[rows, "credit_code"]).to_numpy()
    return np.where(exempt, rules.exempt_after.source, "").astype(object)


def _subject_since(
    held: pd.DataFrame | None, code: pd.Series[Any], sector: str
) -> npt.NDArray[np.datetime64]:
    if held is None:
        return np.full(len(code), NEVER)
    return _extreme(held[held["kind"].isin(SECTOR_LICENCES.get(sector, ()))], code, "min")


#: Licences from whose first decision on an enterprise is a subject of the sector.
SECTOR_LICENCES = {
    "food": (
        "food_production",
        "food_additive_production",
        "special_food_production",
        "food_trade",
        "catering",
    ),
}


def _key_objects(
    rows: pd.DataFrame,
    valid: pd.DataFrame | None,
    last_inspected: npt.NDArray[np.datetime64],
    last: date,
    rules: PlanRules,
) -> tuple[Bools, npt.NDArray[np.object_]]:
    """Return who is a key object and due, and which rule says so (the first that does)."""
    inspected = day_numbers(pd.Series(last_inspected))
    tier = rows["tier"]
    reason = np.full(len(rows), "", dtype=object)
    for objects in rules.key_objects:
        every = tier.map(objects.every_months)
        member = every.notna().to_numpy() & _belongs(objects, rows, valid)
        # Never inspected: due, since a missing date sorts before all others.
        months = every.fillna(1).to_numpy().astype(np.int64)
        due = days_after(inspected, months) <= day_number(last)
        reason[member & due & (reason == "")] = f"{objects.label.zh}（{objects.source}）"
    return reason != "", reason


def _belongs(objects: KeyObjects, rows: pd.DataFrame, valid: pd.DataFrame | None) -> Bools:
    if not (objects.licences or objects.category_contains):
        return np.ones(len(rows), dtype=np.bool_)
    if valid is None:
        digits = rows["industry"].astype("object").fillna("").map(str).str.lstrip("ABCDEFGHIJKLMNOPQRST")
        return digits.str.startswith(objects.industries).to_numpy(dtype=np.bool_)
    chosen = valid["kind"].isin(objects.licences)
    category = valid["category"].astype("object").fillna("").map(str)
    for words in objects.category_contains:
        chosen |= category.str.contains(words, regex=False)
    return rows["credit_code"].isin(valid.loc[chosen, "credit_code"]).to_numpy()


def _in_force(held: pd.DataFrame, as_of: date) -> Bools:
    rows = held["status"].isin(("valid", "pending_renewal")).to_numpy()
    if "valid_to" in held.columns:
        rows = rows & ~(_days(held["valid_to"]) < np.datetime64(as_of, "D"))
    return rows
