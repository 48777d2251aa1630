"""Every measure on records few enough to count by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.quality import assess
from features.quality.volumes import surprises
from features.records import TABLES
from features.store import RecordStore

MakeRows = Callable[..., pa.Table]
NEW_YEAR = date(2024, 1, 1)


def penalty(number: int, lag: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "credit_code": "91350100M000100Y43",
        "event_date": NEW_YEAR,
        "recorded_at": NEW_YEAR + timedelta(days=lag),
        "record_id": f"P{number}",
        "kind": "fine",
        "severity": "minor",
        "domain": "food",
        **values,
    }


def change(number: int, recorded: date, **values: Any) -> dict[str, Any]:
    return {
        "credit_code": "test:1",
        "event_date": recorded,
        "recorded_at": recorded,
        "record_id": f"C{number}",
        "item": "name",
        **values,
    }


def load(store: RecordStore, load_id: str = "one", source: str = "province", **tables: pa.Table) -> None:
    store.load(tables, load_id=load_id, source=source)


def test_timeliness_counts_the_first_version_and_the_days_that_law_gives(
    store: RecordStore, rows: MakeRows
) -> None:
    penalties = [penalty(n, lag) for n, lag in enumerate((1, 2, 3, 36, 37))]
    penalties.append(penalty(0, 300, amount=5))
    penalties.append(penalty(9, -1, provider="乙县市场监督管理局"))
    load(store, penalty=rows("penalty", penalties))

    first, second = assess(store).timeliness.to_dict("records")

    assert (second["provider"], second["before_event"], second["records"]) == ("甲县市场监督管理局", 0, 5)
    assert (second["median"], second["p90"], second["longest"]) == (3, 37, 37)
    assert (second["limit"], second["late"]) == (36, pytest.approx(1 / 5))
    assert (first["provider"], first["before_event"], first["records"]) == ("乙县市场监督管理局", 1, 1)


def test_a_new_state_of_the_same_record_is_timely_by_its_own_date(store: RecordStore, rows: MakeRows) -> None:
    moved = date(2025, 6, 1)
    load(store, change=rows("change", [change(1, NEW_YEAR), change(1, moved, item="address")]))
    (found,) = assess(store).timeliness.to_dict("records")
    assert (found["records"], found["longest"]) == (2, 0)
    # No rule gives a number of days for changes.
    assert pd.isna(found["limit"])
    assert pd.isna(found["late"])


def test_completeness_by_column_and_of_columns_that_the_files_lack(
    store: RecordStore, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = TABLES["penalty"]
    before = replace(now, columns=tuple(c for c in now.columns if c.name != "basis"))
    with monkeypatch.context() as patch:
        patch.setitem(TABLES, "penalty", before)  # type: ignore[arg-type]
        load(
            store,
            penalty=rows("penalty", [penalty(1, amount=5), penalty(2), penalty(3, amount=0), penalty(4)]),
        )
    found = assess(store).completeness.set_index("column")
    assert found.loc["amount", ["rows", "filled", "share"]].tolist() == [4, 2, 0.5]
    assert found.loc["basis", "share"] == 0
    assert found.loc["amount", "counts"]
    # Not to be withdrawn is no gap.
    assert not found.loc["withdrawn_at", "counts"]
    assert "severity" not in found.index


def test_refusals_by_reason_and_fates_that_add_up(store: RecordStore, rows: MakeRows) -> None:
    load(store, penalty=rows("penalty", [penalty(1), penalty(1), penalty(1, amount=7), penalty(2)]))
    load(store, "two", penalty=rows("penalty", [penalty(2), penalty(3)]))
    report = assess(store)
    (fate,) = report.acceptance.to_dict("records")
    assert [fate[name] for name in ("rows_in", "accepted", "duplicate", "quarantined")] == [6, 3, 2, 1]
    assert fate["share_duplicate"] == pytest.approx(1 / 3)
    (reason,) = report.quarantine.to_dict("records")
    assert (reason["source"], reason["table"], reason["field"], reason["rows"]) == (
        "province",
        "penalty",
        "record_id",
        1,
    )


def test_kinds_of_codes(store: RecordStore, rows: MakeRows) -> None:
    codes = ["91350100M000100Y43", "110108001234567", "110108001234567", "chicago:7", "71526726X"]
    load(store, penalty=rows("penalty", [penalty(n, credit_code=code) for n, code in enumerate(codes)]))
    found = assess(store).codes.set_index("kind")
    assert found["rows"].to_dict() == {
        "legacy_organisation": 1,
        "legacy_registration": 2,
        "local": 1,
        "valid": 1,
    }
    assert found.loc["legacy_registration", "codes"] == 1


def registration(code: str) -> dict[str, Any]:
    shared = change(0, NEW_YEAR)
    del shared["item"]
    return {**shared, "credit_code": code, "record_id": f"E{code}", "name": code, "status": "1"}


def test_references_that_lead_nowhere(store: RecordStore, rows: MakeRows) -> None:
    shared = change(0, NEW_YEAR)
    del shared["item"]
    repairs = [
        {
            **shared,
            "record_id": f"R{n}",
            "target_table": table,
            "target_record_id": target,
            "decision": "granted",
        }
        for n, (table, target) in enumerate(
            [("penalty", "P1"), ("penalty", "P2"), ("penalty", "P9"), ("penalties", "P1"), ("change", "P1")]
        )
    ]
    relations = [
        {**shared, "record_id": f"L{n}", "kind": "investment", "related_code": code}
        for n, code in enumerate(["test:2", "test:3", None])
    ]
    incidents = [
        {
            **shared,
            "record_id": f"I{n}",
            "domain": "special_equipment",
            "grade": "general",
            "equipment_id": which,
        }
        for n, which in enumerate(["D1", "D2", None])
    ]
    equipment = {**shared, "record_id": "D", "equipment_id": "D1", "category": "3000", "status": "in_use"}
    load(
        store,
        enterprise=rows("enterprise", [registration("test:1"), registration("test:2")]),
        # P1 is of the enterprise whose repair names it, P2 of another, P9 of none.
        penalty=rows("penalty", [penalty(1, credit_code="test:1"), penalty(2, credit_code="test:5")]),
        credit_repair=rows("credit_repair", repairs),
        relation=rows("relation", relations),
        incident=rows("incident", incidents),
        equipment=rows("equipment", [equipment]),
    )
    found = assess(store).references.set_index(["check", "table"])[["checked", "gaps"]]
    assert found.loc[("repair_of_unknown_record", "credit_repair")].tolist() == [5, 4]
    assert found.loc[("related_enterprise_unknown", "relation")].tolist() == [2, 1]
    assert found.loc[("equipment_unknown", "incident")].tolist() == [2, 1]
    assert found.loc[("enterprise_not_registered", "penalty")].tolist() == [2, 1]
    assert found.loc[("enterprise_not_registered", "relation")].tolist() == [3, 0]
    assert ("enterprise_not_registered", "enterprise") not in found.index


def test_what_cannot_be_looked_up_is_not_called_a_gap(store: RecordStore, rows: MakeRows) -> None:
    load(store, penalty=rows("penalty", [penalty(1)]))
    assert assess(store).references.empty


def months(store: RecordStore, rows: MakeRows, provider: str, counts: list[int], source: str) -> None:
    """Load as many changes a month as the counts say, from January 2020 on, the last on the last day."""
    records = []
    for month, count in enumerate(counts):
        start = date(2020 + month // 12, month % 12 + 1, 1)
        end = date(2020 + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)
        for number in range(count):
            day = end if number == 0 else start
            records.append(change(0, day, record_id=f"{provider}{month}-{number}", provider=provider))
    load(store, f"of {provider}", source, change=rows("change", records))


def test_a_provider_that_falls_silent_is_flagged_for_half_a_year(store: RecordStore, rows: MakeRows) -> None:
    months(store, rows, "甲", [40] * 30, "province")
    months(store, rows, "乙", [40] * 20, "province")
    months(store, rows, "丙", [40] * 5, "another province, whose files end here")
    found = assess(store).volumes
    flagged = found[found["flag"] != ""]
    assert flagged["provider"].unique().tolist() == ["乙"]
    # After half a year silence is what is usual.
    assert flagged["month"].tolist() == [str(m) for m in pd.period_range("2021-09", "2022-02", freq="M")]
    assert (flagged["records"] == 0).all()
    assert (flagged["flag"] == "low").all()
    assert found.groupby("provider").size().to_dict() == {"甲": 30, "乙": 30, "丙": 5}
    words = assess(store).attention
    assert words.iloc[0]["what"] == "0 records in 2021-09, usually 40"
    assert words.iloc[0]["what_zh"] == "2021-09新增0条，通常40条"


def test_a_month_that_has_only_begun_is_not_judged(store: RecordStore, rows: MakeRows) -> None:
    months(store, rows, "甲", [40] * 24, "province")
    load(store, "two", change=rows("change", [change(0, date(2022, 1, 3), provider="甲")]))
    found = assess(store).volumes
    assert found["month"].max() == "2021-12"
    assert (found["flag"] == "").all()


def test_neither_season_nor_chance_nor_growth_is_a_surprise() -> None:
    rng = np.random.default_rng(5)
    season = np.tile([20, 20, 20, 60, 200, 900, 40, 20, 20, 20, 20, 20], 6)
    for counts in (season, rng.poisson(9, 72), rng.poisson(np.linspace(300, 600, 72)), np.zeros(30)):
        _, surprise = surprises(counts.astype(float))
        assert np.isnan(surprise[:12]).all()
        assert np.nanmax(np.abs(surprise)) < 5


@pytest.mark.parametrize(("count", "sign"), [(0, -1), (400, 1)])
def test_a_month_far_from_both_season_and_year_is_a_surprise(count: int, sign: int) -> None:
    counts = np.full(40, 100.0)
    counts[30] = count
    usual, surprise = surprises(counts)
    assert usual[30] == 100
    assert sign * surprise[30] > 5
    assert np.abs(np.delete(surprise, 30)[12:]).max() < 5


def test_only_enough_records_are_judged(store: RecordStore, rows: MakeRows) -> None:
    late = [penalty(n, 200) for n in range(49)]
    load(store, penalty=rows("penalty", late))
    assert "timeliness" not in set(assess(store).attention["measure"])
    load(store, "two", penalty=rows("penalty", [penalty(99, 200)]))
    attention = assess(store).attention.set_index("measure")
    assert attention.loc["timeliness", "what"] == "known more than 36 days after"
    assert attention.loc["timeliness", "value"] == 1
    assert "basis" in attention.loc["completeness", "what"]
