"""Dates that fall due: licences, and statutory inspections of special equipment."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.records import codes
from features.store import Snapshot
from supervision.early_warning.rules import EquipmentDates, LicenceDates
from supervision.records import as_frame, known_on

#: Columns of every table of warnings.
COLUMNS = (
    "credit_code", "kind", "urgency", "date", "reason_zh", "reason_en", "evidence", "source", "trust",
)  # fmt: skip


def licence_dates(snapshot: Snapshot, on: date, rules: LicenceDates) -> pd.DataFrame:
    """Return warnings of licences that end soon, or have ended and were neither renewed nor given up.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`; kinds ``licence_due`` and ``licence_expired``.

    Notes
    -----
    A licence of the same kind that runs longer takes the warning away.
    """
    columns = ["credit_code", "record_id", "kind", "licence_no", "valid_to", "status", "recorded_at"]
    rows = as_frame(known_on(snapshot, "licence", on, columns=columns))
    rows = rows[rows["status"].isin(("valid", "pending_renewal")) & rows["valid_to"].notna()]
    # The licence of a kind that runs longest is the one that counts.
    rows = rows.sort_values("valid_to", kind="stable").drop_duplicates(["credit_code", "kind"], keep="last")
    left = _days_left(rows, "valid_to", on)
    rows, left = _between(rows, left, -rules.days_after, rules.days_before)
    over = left < 0
    words = codes.LICENCE_KIND.codes
    told = [
        (words[kind], f"{day:%Y-%m-%d}", late)
        for kind, day, late in zip(rows["kind"], rows["valid_to"], over, strict=True)
    ]
    return _warnings(
        rows,
        kind=np.where(over, "licence_expired", "licence_due"),
        urgency=np.where(over, "high", np.where(left <= rules.days_before // 3, "medium", "low")),
        when=rows["valid_to"],
        zh=[f"{label.zh}{'已于' if late else '将于'}{day}到期" for label, day, late in told],
        en=[f"{label.en} {'ended' if late else 'ends'} on {day}" for label, day, late in told],
        source=rules.source,
        trust=rules.trust,
    )


def equipment_dates(snapshot: Snapshot, on: date, rules: EquipmentDates) -> pd.DataFrame:
    """Return warnings of equipment in use whose statutory inspection is due soon or overdue.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, one row a piece of equipment; kinds ``equipment_due`` and ``equipment_overdue``.
    """
    columns = ["credit_code", "record_id", "event_date", "equipment_id", "category", "status", "next_due"]
    rows = as_frame(known_on(snapshot, "equipment", on, columns=columns))
    rows = rows.sort_values("event_date", kind="stable").drop_duplicates(
        ["credit_code", "equipment_id"], keep="last"
    )
    rows = rows[(rows["status"] == "in_use") & rows["next_due"].notna()]
    left = _days_left(rows, "next_due", on)
    rows, left = _between(rows, left, None, rules.days_before)
    over = left < 0
    words = codes.EQUIPMENT_CATEGORY.codes
    told = [
        (words[category], device, f"{day:%Y-%m-%d}", int(days))
        for category, device, day, days in zip(
            rows["category"], rows["equipment_id"], rows["next_due"], left, strict=True
        )
    ]
    return _warnings(
        rows,
        kind=np.where(over, "equipment_overdue", "equipment_due"),
        urgency=np.where(over, "high", "medium"),
        when=rows["next_due"],
        zh=[
            f"{label.zh}（{device}）" + (f"检验已超期{-days}天" if days < 0 else f"检验期限{day}")
            for label, device, day, days in told
        ],
        en=[
            f"{label.en} {device}: inspection "
            + (f"overdue by {-days} days" if days < 0 else f"due on {day}")
            for label, device, day, days in told
        ],
        source=rules.source,
        trust=rules.trust,
    )


def _days_left(rows: pd.DataFrame, column: str, on: date) -> npt.NDArray[np.int64]:
    days: npt.NDArray[np.int64] = (
        rows[column].to_numpy(dtype="datetime64[D]") - np.datetime64(on, "D")
    ).astype(np.int64)
    return days


def _between(
    rows: pd.DataFrame, left: npt.NDArray[np.int64], low: int | None, high: int
) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    chosen = left <= high
    if low is not None:
        chosen &= left >= low
    return rows[chosen], left[chosen]


def _warnings(
    rows: pd.DataFrame,
    *,
    kind: npt.NDArray[np.str_],
    urgency: npt.NDArray[np.str_],
    when: pd.Series[Any],
    zh: list[str],
    en: list[str],
    source: str,
    trust: str,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "credit_code": rows["credit_code"],
            "kind": kind,
            "urgency": urgency,
            "date": when,
            "reason_zh": zh,
            "reason_en": en,
            "evidence": rows["record_id"],
            "source": source,
            "trust": trust,
        },
        columns=list(COLUMNS),
    )
