"""Until when a penalty is published, by the rules of its day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from features.errors import InputError
from features.records.publication import Periods, publication_ends
from features.sources.ingestion import ingest
from features.sources.mapping import load_mapping
from features.store import RecordStore

LOWER = 1_000_000


def ends(kind: str, severity: str, amount: int | None, day: date | None) -> date | None:
    rows = {
        "event_date": pa.array([day], pa.date32()),
        "kind": pa.array([kind]),
        "severity": pa.array([severity]),
        "amount": pa.array([amount], pa.int64()),
    }
    found: date | None = publication_ends("penalty", rows)[0].as_py()
    return found


@pytest.mark.parametrize(
    ("kind", "severity", "amount", "day", "end"),
    [
        ("criticism", "minor", None, date(2023, 11, 30), date(2024, 2, 29)),
        ("fine", "general", LOWER, date(2022, 1, 31), date(2022, 4, 30)),
        ("fine", "general", LOWER + 1, date(2022, 1, 31), date(2025, 1, 31)),
        # A fine of unknown amount is not known to be low.
        ("fine", "general", None, date(2022, 1, 31), date(2025, 1, 31)),
        ("confiscation", "minor", LOWER, date(2022, 1, 31), date(2025, 1, 31)),
        # The last day of the first rules, and the first of those after them.
        ("fine", "minor", LOWER + 1, date(2025, 12, 24), date(2028, 12, 24)),
        ("fine", "minor", LOWER + 1, date(2025, 12, 25), date(2026, 3, 25)),
        ("fine", "general", 0, date(2025, 12, 25), date(2026, 12, 25)),
        ("licence_revocation", "serious", None, date(2026, 2, 28), date(2029, 2, 28)),
        # Before any rule of ours.
        ("criticism", "minor", None, date(2019, 1, 1), date(2019, 4, 1)),
        ("fine", "minor", 0, None, None),
    ],
)
def test_the_period_is_that_of_the_day_of_the_decision(
    kind: str, severity: str, amount: int | None, day: date | None, end: date | None
) -> None:
    assert ends(kind, severity, amount, day) == end


def test_the_last_rule_takes_all_that_are_left() -> None:
    only = {"where": {"kind": ["fine"]}, "months": 3, "trust": "law", "source": "x"}
    with pytest.raises(ValueError, match="must take all records that are left"):
        Periods.model_validate({"in_force_from": date(2021, 9, 1), "penalty": [only]})


MAPPING = """
source: jiaxian
title: {zh: 甲县, en: Jia county}
files:
  penalties:
    match: penalties*
    records:
      - table: penalty
        publication: true
        columns:
          credit_code: {column: code, prefix: "JIA:"}
          provider: {constant: 甲县}
          record_id: no
          event_date: day
          recorded_at: {lag_days: 7}
          expires_at: until
          kind: {constant: fine}
          severity: {constant: general}
          domain: {constant: general}
          amount: {constant: 100}
"""


def test_what_the_source_says_goes_first(tmp_path: Path) -> None:
    (tmp_path / "jiaxian.yaml").write_text(MAPPING, encoding="utf-8")
    file = tmp_path / "penalties.csv"
    file.write_text("code,no,day,until\n1,a,2022-01-01,2022-06-01\n1,b,2022-01-01,\n", encoding="utf-8")
    store = RecordStore(tmp_path / "store")
    ingest(store, tmp_path / "jiaxian.yaml", [file])
    read = store.snapshot().read("penalty", columns=["record_id"]).to_pylist()
    assert {row["record_id"]: row["visible_to"] for row in read} == {
        "a": date(2022, 6, 1),
        "b": date(2022, 4, 1),
    }


def test_only_where_there_is_a_rule(tmp_path: Path) -> None:
    wrong = MAPPING.replace("table: penalty", "table: complaint").replace(
        "kind: {constant: fine}", "verified: {constant: true}"
    )
    (tmp_path / "wrong.yaml").write_text(wrong, encoding="utf-8")
    with pytest.raises(InputError, match="no rule says how long 'complaint' is published"):
        load_mapping(tmp_path / "wrong.yaml")
