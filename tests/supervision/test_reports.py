"""The yearly report: its figures by hand, and that cases are publishable ones."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.errors import InputError
from supervision.reports.figures import GRAVEST_FIRST, YearlyReport, yearly_report
from tests.supervision.office import Office

ON = date(2026, 1, 31)


@pytest.fixture
def filled(office: Office) -> list[str]:
    codes = office.register(0, 1, 2)
    office.register(3, district="990202")
    other = office.codes[3]
    seen = {"kind": "random", "domain": "food", "event_date": date(2025, 3, 1), "selection": "random"}
    fine = {"kind": "fine", "severity": "general", "domain": "food", "event_date": date(2025, 4, 1)}
    office.put(
        inspection=[
            {**seen, "credit_code": codes[0], "outcome": "problem", "inclusion_probability": 0.5},
            {**seen, "credit_code": codes[1], "outcome": "no_problem", "inclusion_probability": 0.1},
            {**seen, "credit_code": codes[2], "outcome": "censored", "inclusion_probability": 0.1},
            {**seen, "credit_code": other, "outcome": "severe", "selection": "targeted"},
            {**seen, "credit_code": other, "outcome": "severe", "event_date": date(2024, 12, 31)},
            {**seen, "credit_code": other, "outcome": "severe", "recorded_at": date(2026, 2, 1)},
        ],
        penalty=[
            {**fine, "credit_code": codes[0], "amount": 2_000_050, "record_id": "a"},
            {**fine, "credit_code": codes[0], "record_id": "gone", "withdrawn_at": date(2025, 6, 1)},
            {**fine, "credit_code": codes[1], "kind": "licence_revocation", "record_id": "b"},
            {**fine, "credit_code": other, "kind": "warning", "record_id": "c", "document_no": "不公示"},
        ],
        abnormal_list=[
            {"credit_code": codes[0], "event_date": date(2025, 7, 5), "reason": "1", "record_id": "l"},
            {
                "credit_code": codes[0], "event_date": date(2025, 7, 5), "reason": "1", "record_id": "l",
                "recorded_at": date(2025, 9, 1), "removed_on": date(2025, 9, 1),
            },
            {"credit_code": codes[1], "event_date": date(2025, 7, 5), "reason": "4"},
        ],
        complaint=[
            {"credit_code": codes[0], "event_date": date(2025, 2, 2), "domain": "food", "verified": v}
            for v in (True, False, None)
        ],
        commitment=[{"credit_code": codes[0], "event_date": date(2025, 2, 2), "outcome": "kept"}],
        credit_repair=[
            {
                "credit_code": codes[0], "event_date": date(2025, 12, 1), "target_table": "penalty",
                "target_record_id": "a", "decision": "granted",
            }
        ],
    )  # fmt: skip
    office.publish(
        date(2025, 11, 30), *({"credit_code": c, "tier": t} for c, t in zip(codes, "AAD", strict=True))
    )
    return codes


def rows(report: YearlyReport, name: str) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in report.figures[name].rows.to_dict("records")]


def test_inspections_and_the_estimate_from_the_draw(office: Office, filled: list[str]) -> None:
    (food,) = rows(yearly_report(office.home, 2025, ON), "inspections_by_domain")
    assert (food["inspections"], food["enterprises"], food["problems"], food["drawn"]) == (4, 4, 2, 2)
    assert food["share"] == pytest.approx(2 / 3)
    # Weights 2 and 10: one problem of weight 2.
    assert food["estimated_rate"] == pytest.approx(2 / 12)


def test_figures_by_district_and_kind(office: Office, filled: list[str]) -> None:
    report = yearly_report(office.home, 2025, ON)
    first, second = rows(report, "districts")
    assert (first["district"], first["enterprises"], first["inspections"], first["problems"]) == (
        "990101",
        3,
        3,
        1,
    )
    assert (first["penalties"], first["amount"], first["abnormal_entries"]) == (2, 20_000.5, 2)
    assert first["share"] == 0.5
    assert (second["inspections"], second["share"], second["penalties"]) == (1, 1.0, 1)
    kinds = {row["kind"]: row["penalties"] for row in rows(report, "penalties_by_kind")}
    # The repaired fine happened and counts; the withdrawn one does not.
    assert kinds == {"fine": 1, "licence_revocation": 1, "warning": 1}


def test_lists_repairs_commitments_complaints_tiers(office: Office, filled: list[str]) -> None:
    report = yearly_report(office.home, 2025, ON)
    assert [(r["ground"][:6], r["entered"], r["removed"]) for r in rows(report, "lists")] == [
        ("未按期公示年", 1, 1),
        ("通过登记的住", 1, 0),
    ]
    assert rows(report, "repairs") == [{"target_table": "penalty", "decision": "granted", "records": 1}]
    assert rows(report, "commitments") == [{"outcome": "kept", "records": 1}]
    assert rows(report, "complaints_by_domain") == [{"domain": "food", "complaints": 3, "verified": 1}]
    tiers = {r["tier"]: (r["enterprises"], round(r["share"], 3)) for r in rows(report, "tiers")}
    assert tiers == {"A": (2, 0.667), "D": (1, 0.333)}


def test_the_same_day_gives_the_same_report(office: Office, filled: list[str]) -> None:
    before = yearly_report(office.home, 2025, ON)
    fine = {"kind": "fine", "severity": "general", "domain": "food", "event_date": date(2025, 5, 1)}
    office.put(penalty=[{**fine, "credit_code": filled[2], "recorded_at": date(2026, 2, 2)}])
    after = yearly_report(office.home, 2025, ON)
    for name, figure in before.figures.items():
        pd.testing.assert_frame_equal(figure.rows, after.figures[name].rows)
    assert (
        sum(r["penalties"] for r in rows(yearly_report(office.home, 2025, date(2026, 3, 1)), "districts"))
        == 4
    )


def test_typical_cases_are_publishable_and_the_gravest_first(office: Office, filled: list[str]) -> None:
    def cases(on: date) -> list[str]:
        return yearly_report(office.home, 2025, on).cases["kind"].tolist()

    # Before its repair the fine is a case; the warning never is.
    assert cases(date(2025, 11, 30)) == ["licence_revocation", "fine"]
    assert cases(ON) == ["licence_revocation"]
    assert len(set(GRAVEST_FIRST)) == len(GRAVEST_FIRST) == 13


def test_the_command_writes_pages_tables_and_json(office: Office, filled: list[str], tmp_path: Path) -> None:
    out = tmp_path / "report"
    told = office.json("report", "--year", "2025", "--on", "2026-01-31", "--out", str(out))
    assert told == {**json.loads((out / "report.json").read_text(encoding="utf-8")), "folder": str(out)}
    for lang, word in (("zh", "吊销许可证件"), ("en", "licence revoked")):
        page = (out / f"{lang}.html").read_text(encoding="utf-8")
        assert word in page
        assert "不公示" not in page
        assert not re.search(r"https?://", page)
        assert page.count("<rect") == sum(
            len(f["rows"]) for n, f in told["figures"].items() if n not in ("repairs", "commitments")
        )
    assert pd.read_csv(out / "districts.csv")["penalties"].tolist() == [2, 1]
    assert (
        "typical cases: 1"
        in office.run("report", "--year", "2025", "--on", "2026-01-31", "--out", str(out)).output
    )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("keep me")
    done = office.run("report", "--year", "2025", "--out", str(tmp_path / "other"))
    assert isinstance(done.exception, InputError)


def test_a_year_without_records_is_an_empty_report(office: Office, tmp_path: Path) -> None:
    office.register(0)
    told = office.json("report", "--year", "2025", "--on", "2026-01-31", "--out", str(tmp_path / "r"))
    assert told["typical_cases"] == []
    assert told["figures"]["inspections_by_domain"]["rows"] == []
    assert told["figures"]["districts"]["rows"][0]["inspections"] == 0
    assert "本年度无记录" in (tmp_path / "r" / "zh.html").read_text(encoding="utf-8")
