"""What falls due in a period: licences, equipment, list terms, verifications, and first days of repair."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from features.errors import InputError
from features.records import TABLES
from features.store import Snapshot
from supervision.commitments.decide import due_for_verification
from supervision.commitments.rules import load_commitments
from supervision.early_warning.clusters import in_business
from supervision.early_warning.dates import COLUMNS, equipment_dates, licence_dates
from supervision.early_warning.rules import load_warning_rules
from supervision.lists.entries import due_on_list
from supervision.lists.rules import lists_in_force
from supervision.records import EnterpriseRecords, as_frame, known_on
from supervision.repair.check import check_repair
from supervision.repair.rules import Regime, load_regime
from supervision.sampling.calendar import days_after

KINDS = ("licence_due", "equipment_due", "list", "commitment", "repair")
#: The longest period that is looked ahead, in days.
LONGEST = 366
Row = dict[str, Any]


def due_dates(snapshot: Snapshot, on: date, until: date) -> pd.DataFrame:
    """Return everything that falls due from a day up to another, both included.

    Parameters
    ----------
    snapshot
        State of the record store.
    on
        The first day; nothing that was known later counts.
    until
        The last day.

    Returns
    -------
    pandas.DataFrame
        ``credit_code``, ``name``, ``district``, then ``kind`` (one of :data:`KINDS`), ``date``,
        ``reason_zh``, ``reason_en``, ``evidence``, ``source``, ``trust``; in order of date. Enterprises that
        are not in business are left out.

    Raises
    ------
    InputError
        If the period is empty or longer than :data:`LONGEST` days.
    """
    days = (until - on).days
    if not 1 <= days <= LONGEST:
        raise InputError(
            f"the period from {on} to {until} has {days} days",
            field="until",
            fix=f"Give a day 1 to {LONGEST} days later.",
        )
    rules = load_warning_rules(on)
    # The same rules as those of warnings, for the period that is asked for.
    licence = rules.licence.model_copy(update={"days_before": days, "days_after": 0})
    equipment = rules.equipment.model_copy(update={"days_before": days})
    parts = [
        licence_dates(snapshot, on, licence),
        equipment_dates(snapshot, on, equipment),
        pd.DataFrame(_lists(snapshot, on, until), columns=list(COLUMNS)),
        pd.DataFrame(_commitments(snapshot, on, until), columns=list(COLUMNS)),
        pd.DataFrame(_repairs(snapshot, on, until), columns=list(COLUMNS)),
    ]
    filled = [part.astype({"date": "datetime64[s]"}) for part in parts if len(part)]
    found = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(COLUMNS))
    # What was due before is a warning already.
    found = found[found["date"] >= pd.Timestamp(on)]
    business = in_business(snapshot, on, ("name", "district"))[["credit_code", "name", "district"]]
    rows = found.merge(business, on="credit_code", how="inner")
    columns = [
        "credit_code", "name", "district", "kind", "date", "reason_zh", "reason_en", "evidence", "source",
        "trust",
    ]  # fmt: skip
    return rows.sort_values(["date", "kind", "credit_code", "evidence"], ignore_index=True)[columns]


def _lists(snapshot: Snapshot, on: date, until: date) -> Iterator[Row]:
    """Yield ends of terms and what long entries lead to."""
    waiting: set[str] = set()
    for _, rules in lists_in_force(on):
        entries = as_frame(
            known_on(snapshot, rules.table, on, columns=["credit_code", "event_date", "removed_on"])
        )
        years = {rules.term_years, *(e.open_years for e in rules.escalations)} - {None}
        for each in years:
            assert each is not None
            end = _later(entries["event_date"], 12 * each)
            waiting |= set(entries["credit_code"][_inside(end, on, until)])
    for code in sorted(waiting):
        # As it will stand on the last day, if nothing else is recorded.
        for due in due_on_list(EnterpriseRecords(snapshot, code, until)):
            if on <= due["date"] <= until:
                label = due["label"]
                yield _row(code, "list", due, label["zh"], label["en"], f"{due['list']} {due['ground']}")


def _commitments(snapshot: Snapshot, on: date, until: date) -> Iterator[Row]:
    """Yield commitments whose time for verification ends."""
    kinds = load_commitments(on).kinds
    for due in due_for_verification(snapshot, until + timedelta(days=1)):
        if on <= due["verify_by"] and due["kind"] in kinds:
            kind = kinds[due["kind"]]
            told = {"date": due["verify_by"], "source": kind.source, "trust": kind.trust}
            zh = f"告知承诺（{kind.label.zh}）核查期限"
            en = f"verification of a commitment ({kind.label.en})"
            yield _row(due["credit_code"], "commitment", told, zh, en, due["record_id"])


def _repairs(snapshot: Snapshot, on: date, until: date) -> Iterator[Row]:
    """Yield the first days on which records can be repaired, as far as time goes."""
    regime = load_regime(on)
    for table, code, record_id in _repairable_soon(snapshot, regime, on, until):
        try:
            checked = check_repair(EnterpriseRecords(snapshot, code, on), record_id, regime=regime)
        except InputError:
            # No longer visible on the day: repaired, withdrawn or expired since.
            continue
        if checked.earliest is None or not on <= checked.earliest <= until:
            continue
        found = checked.record_class
        assert found is not None
        number = checked.record.get("document_no") or record_id
        told = {"date": checked.earliest, "source": found.source, "trust": found.trust}
        words = TABLES[table].label
        yield _row(
            code,
            "repair",
            told,
            f"{words.zh}（{found.label.zh}）公示满最短期限，可申请信用修复：{number}",
            f"{words.en} ({found.label.en}): repair can be asked for: {number}",
            record_id,
        )


def _repairable_soon(
    snapshot: Snapshot, regime: Regime, on: date, until: date
) -> Iterator[tuple[str, str, str]]:
    """Yield table, enterprise and record of those whose minimum period may end in a period."""
    factors = {1.0} | ({regime.repeated.factor} if regime.repeated is not None else set())
    for table in sorted({c.table for c in regime.classes if c.repairable}):
        if not snapshot.exists(table):
            continue
        own = [c for c in regime.classes if c.table == table]
        columns = sorted({"credit_code", "record_id", "recorded_at", *(k for c in own for k in c.where)})
        versions = as_frame(snapshot.read(table, columns=columns))
        first = versions.groupby(["credit_code", "record_id"])["recorded_at"].transform("min")
        wanted = np.zeros(len(versions), dtype=bool)
        for one in own:
            if one.minimum_months is None:
                continue
            fits = np.ones(len(versions), dtype=bool)
            for column, values in one.where.items():
                fits &= versions[column].isin(values).to_numpy()
            for factor in factors:
                end = _later(first, round(one.minimum_months * factor))
                wanted |= fits & _inside(end, on, until)
        soon = versions.loc[wanted, ["credit_code", "record_id"]].drop_duplicates()
        for code, record_id in sorted(soon.itertuples(index=False, name=None)):
            yield table, code, record_id


def _row(code: str, kind: str, told: Row, zh: str, en: str, evidence: str) -> Row:
    return {
        "credit_code": code,
        "kind": kind,
        "urgency": "",
        "date": np.datetime64(told["date"], "s"),
        "reason_zh": zh,
        "reason_en": en,
        "evidence": evidence,
        "source": told["source"],
        "trust": told["trust"],
    }


def _later(days: pd.Series[Any], months: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    numbers = days.to_numpy(dtype="datetime64[D]").astype(np.int64)
    return days_after(numbers, months)


def _inside(
    days: np.ndarray[Any, np.dtype[np.int64]], on: date, until: date
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    first, last = (int(np.datetime64(day, "D").astype(np.int64)) for day in (on, until))
    return (days >= first) & (days <= last)
