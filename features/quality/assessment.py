"""All measures of a snapshot together, and what among them asks for attention."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.quality.acceptance import acceptance, quarantine
from features.quality.codes import code_kinds
from features.quality.completeness import completeness
from features.quality.references import CHECKS, references
from features.quality.thresholds import Thresholds
from features.quality.timeliness import timeliness
from features.quality.volumes import volumes
from features.store import RecordStore, Snapshot
from features.store.versions import connected

MEASURES = ("timeliness", "completeness", "acceptance", "quarantine", "codes", "references", "volumes")
#: Measure, table, provider or source, value, and words in English and Chinese.
Attention = tuple[str, str, str, float, str, str]
ATTENTION = ["measure", "table", "provider", "value", "what", "what_zh"]


@dataclass(frozen=True)
class QualityReport:
    """The quality of a snapshot's records.

    Attributes
    ----------
    snapshot_id, created_at
        What was assessed.
    rows
        Stored versions of records by table.
    timeliness, completeness, acceptance, quarantine, codes, references, volumes
        One table a measure, by table and provider or source; the functions of the same names say what
        the columns are.
    attention
        What exceeds a threshold: measure, table, provider or source, value, words in both languages.
    thresholds
        Those that were used.
    """

    snapshot_id: int
    created_at: str
    rows: dict[str, int]
    timeliness: pd.DataFrame
    completeness: pd.DataFrame
    acceptance: pd.DataFrame
    quarantine: pd.DataFrame
    codes: pd.DataFrame
    references: pd.DataFrame
    volumes: pd.DataFrame
    attention: pd.DataFrame
    thresholds: Thresholds

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data; what is missing is ``None``."""
        tables = {
            name: json.loads(getattr(self, name).to_json(orient="records", force_ascii=False))
            for name in (*MEASURES, "attention")
        }
        return {"snapshot": self.snapshot_id, "created_at": self.created_at, "rows": self.rows, **tables}


def assess(
    store: RecordStore, snapshot: Snapshot | None = None, thresholds: Thresholds | None = None
) -> QualityReport:
    """Measure the quality of a snapshot's records, in place, whatever their number.

    Parameters
    ----------
    store
        The record store.
    snapshot
        The state to assess; the latest by default.
    thresholds
        When a figure asks for attention.

    Raises
    ------
    InputError
        If the store is empty.
    """
    snapshot = snapshot or store.snapshot()
    thresholds = thresholds or Thresholds()
    with connected(store.root / "spill") as connection:
        measures = {
            "timeliness": timeliness(connection, snapshot),
            "completeness": completeness(connection, snapshot),
            "acceptance": acceptance(store, snapshot),
            "quarantine": quarantine(store, snapshot),
            "codes": code_kinds(connection, snapshot),
            "references": references(connection, snapshot),
            "volumes": volumes(connection, store, snapshot, limit=thresholds.surprise),
        }
    attention = pd.DataFrame(_attention(measures, thresholds), columns=ATTENTION)
    return QualityReport(
        snapshot_id=snapshot.id,
        created_at=snapshot.created_at,
        rows=snapshot.counts(),
        attention=attention,
        thresholds=thresholds,
        **measures,
    )


def _attention(measures: dict[str, pd.DataFrame], t: Thresholds) -> Iterator[Attention]:
    late = measures["timeliness"]
    for row in _rows(late[(late["late"] > t.late) & (late["records"] >= t.least)]):
        words = f"known more than {row['limit']:.0f} days after", f"超过{row['limit']:.0f}天才归集"
        yield "timeliness", row["table"], row["provider"], row["late"], *words
    for row in _rows(late[late["before_event"] > 0]):
        words = "records known before they happened", "归集日期早于发生日期"
        yield "timeliness", row["table"], row["provider"], float(row["before_event"]), *words
    empty = measures["completeness"]
    empty = empty[(empty["filled"] == 0) & empty["counts"].astype(bool) & (empty["rows"] >= t.least)]
    named = empty.groupby(["table", "provider"], as_index=False)["column"].agg([", ".join, "size"])
    for row in _rows(named):
        words = f"columns without any value: {row['join']}", f"整列无值：{row['join']}"
        yield "completeness", row["table"], row["provider"], float(row["size"]), *words
    refused = measures["acceptance"]
    for row in _rows(refused[(refused["share_quarantined"] > t.refused) & (refused["rows_in"] >= t.least)]):
        words = "rows quarantined", "被隔离的行"
        yield "acceptance", row["table"], row["source"], row["share_quarantined"], *words
    codes = measures["codes"]
    share = codes["rows"] / codes.groupby(["table", "provider"])["rows"].transform("sum")
    legacy = codes["kind"].str.startswith("legacy") & (share > t.legacy) & (codes["rows"] >= t.least)
    for row in _rows(codes.assign(share=share)[legacy]):
        words = f"rows under a {row['kind'].replace('_', ' ')} code", "使用旧代码的行"
        yield "codes", row["table"], row["provider"], row["share"], *words
    gaps = measures["references"]
    for row in _rows(gaps[(gaps["share"] > t.gap) & (gaps["checked"] >= t.least)]):
        words = CHECKS[row["check"]].en, CHECKS[row["check"]].zh
        yield "references", row["table"], row["provider"], row["share"], *words
    months = measures["volumes"]
    if len(months):
        since = str(pd.Period(months["month"].max(), freq="M") - t.recent_months + 1)
        for row in _rows(months[(months["flag"] != "") & (months["month"] >= since)]):
            words = (
                f"{row['records']:,} records in {row['month']}, usually {row['usual']:,.0f}",
                f"{row['month']}新增{row['records']:,}条，通常{row['usual']:,.0f}条",
            )
            yield "volumes", row["table"], row["provider"], row["surprise"], *words


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    return rows
