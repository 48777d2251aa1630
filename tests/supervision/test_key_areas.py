"""Key-area enterprises from licences by hand, items, and what is owed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.errors import InputError
from features.store import RecordStore
from supervision.key_areas.completeness import Completeness, completeness
from supervision.key_areas.enterprises import key_enterprises
from supervision.key_areas.rules import load_items, load_key_areas
from tests.supervision.office import Office

ON = date(2025, 9, 1)


def licence(code: str, record: str, begins: date, ends: date | None, **changes: Any) -> dict[str, Any]:
    row = {
        "credit_code": code,
        "record_id": record,
        "event_date": begins,
        "valid_from": begins,
        "valid_to": ends,
        "kind": "food_production",
        "status": "valid",
        "licence_no": "SC1",
        "issuer_level": "county",
    }
    return {**row, **changes}


def listed(office: Office, on: date = ON, **options: Any) -> pd.DataFrame:
    return key_enterprises(RecordStore(office.home.store).snapshot(), on, load_key_areas(on), **options)


def stays(office: Office, on: date = ON) -> list[tuple[str, str, str, str]]:
    frame = listed(office, on)
    return [
        (
            r["type"],
            r["state"],
            str(r["entered"].date()),
            "" if pd.isna(r["ends"]) else str(r["ends"].date()),
        )
        for r in frame.to_dict("records")
    ]


def test_a_renewal_prolongs_the_stay(office: Office) -> None:
    (code,) = office.register(0)
    office.put(
        licence=[
            licence(code, "a", date(2018, 1, 1), date(2022, 12, 31)),
            # Renewed late, within the gap: a later version of the same licence.
            licence(code, "a", date(2023, 2, 1), date(2026, 1, 31)),
        ]
    )
    assert stays(office, date(2022, 6, 1)) == [("F1", "current", "2018-01-01", "2022-12-31")]
    assert stays(office, date(2023, 1, 15)) == [("F1", "lapsing", "2018-01-01", "2022-12-31")]
    assert stays(office) == [("F1", "current", "2018-01-01", "2026-01-31")]
    assert stays(office, date(2026, 5, 1)) == [("F1", "lapsing", "2018-01-01", "2026-01-31")]
    assert stays(office, date(2026, 5, 2)) == [("F1", "left", "2018-01-01", "2026-01-31")]


def test_who_leaves_and_comes_back_has_two_stays(office: Office) -> None:
    (code,) = office.register(0)
    office.put(
        licence=[
            licence(code, "a", date(2016, 1, 1), date(2020, 12, 31)),
            licence(code, "b", date(2021, 4, 2), None),
            licence(code, "c", date(2022, 1, 1), date(2023, 1, 1), kind="equipment_filling"),
        ]
    )
    assert stays(office) == [
        ("E4", "left", "2022-01-01", "2023-01-01"),
        ("F1", "left", "2016-01-01", "2020-12-31"),
        ("F1", "current", "2021-04-02", ""),
    ]


def test_a_revocation_ends_it_from_the_day_it_is_known(office: Office) -> None:
    (code,) = office.register(0)
    held = licence(code, "a", date(2022, 1, 1), date(2026, 12, 31))
    revoked = {**held, "status": "revoked", "event_date": date(2025, 3, 10), "recorded_at": date(2025, 3, 20)}
    office.put(licence=[held, revoked])
    assert stays(office, date(2025, 3, 19)) == [("F1", "current", "2022-01-01", "2026-12-31")]
    assert stays(office, date(2025, 3, 20)) == [("F1", "lapsing", "2022-01-01", "2025-03-09")]
    assert stays(office) == [("F1", "left", "2022-01-01", "2025-03-09")]


def test_a_suspension_does_not_end_it(office: Office) -> None:
    (code,) = office.register(0)
    held = licence(code, "a", date(2022, 1, 1), date(2026, 12, 31))
    office.put(licence=[held, {**held, "status": "suspended", "event_date": date(2025, 3, 10)}])
    assert stays(office) == [("F1", "current", "2022-01-01", "2026-12-31")]


def test_provinces_and_licences_of_the_national_level(office: Office) -> None:
    here, there = office.codes[0], office.codes[1]
    office.register(0)
    office.register(1, district="510104")
    office.put(
        licence=[
            licence(here, "a", date(2022, 1, 1), None, kind="equipment_manufacture", issuer_level="national"),
            licence(there, "b", date(2022, 1, 1), None),
            licence(there, "c", date(2022, 5, 1), None, category="乳制品"),
        ]
    )
    frame = listed(office).set_index("credit_code")
    assert frame["province"].to_dict() == {here: "99", there: "51"}
    assert frame["national"].to_dict() == {here: True, there: False}
    assert frame.loc[there, "licences"] == 2
    assert listed(office, province="51")["credit_code"].tolist() == [there]


def test_a_province_adds_types_and_items_and_replaces_none(office: Office, tmp_path: Path) -> None:
    (code,) = office.register(0)
    office.put(licence=[licence(code, "x", date(2022, 1, 1), None, kind="industrial_product")])
    own = tmp_path / "own.yaml"
    text = (
        "versions:\n  - in_force_from: 2022-01-01\n    types:\n      {name}:\n"
        "        {{label: {{zh: 重要工业产品, en: industrial product}}, area: quality, "
        "licences: [industrial_product], source: 本省规定, trust: parameter}}\n"
    )
    own.write_text(text.format(name="X1"), encoding="utf-8")
    counts = office.json("key-areas", "list", "--on", "2025-09-01", "--types", str(own))["counts"]
    assert counts == [{"type": "X1", "label": "重要工业产品", "state": "current", "enterprises": 1}]
    assert office.json("key-areas", "list", "--on", "2025-09-01")["counts"] == []
    own.write_text(text.format(name="F1"), encoding="utf-8")
    with pytest.raises(InputError, match="adds, it does not replace"):
        load_key_areas(ON, own)
    with pytest.raises(InputError, match="2022-01-01"):
        load_key_areas(date(2021, 12, 31), own)


def report(office: Office, on: date = ON) -> Completeness:
    snapshot = RecordStore(office.home.store).snapshot()
    return completeness(snapshot, on, load_items(on), key_enterprises(snapshot, on, load_key_areas(on)))


def test_fields_missing_and_records_late_are_owed_by_their_provider(office: Office) -> None:
    code, outside = office.register(0, 1)
    fine = {"credit_code": code, "kind": "fine", "severity": "general", "domain": "food", "basis": "x"}
    office.put(
        licence=[licence(code, "a", date(2022, 1, 1), None)],
        penalty=[
            # Twenty working days after Monday 2025-07-07 is Monday 2025-08-04.
            {**fine, "event_date": date(2025, 7, 7), "recorded_at": date(2025, 8, 4), "document_no": "1"},
            {**fine, "event_date": date(2025, 7, 7), "recorded_at": date(2025, 8, 5)},
            {**fine, "event_date": date(2025, 7, 7), "provider": "乙局", "document_no": "2"},
            # Longer ago than a year; and not of a key area.
            {**fine, "event_date": date(2023, 7, 7)},
            {**fine, "event_date": date(2025, 7, 7), "credit_code": outside},
        ],
    )
    rows = report(office).providers
    told = rows[rows["item"] == "penalty"].set_index("provider").to_dict("index")
    assert told == {
        "甲县市场监督管理局": {
            "item": "penalty", "records": 2, "incomplete": 1, "missing": "document_no 1", "late": 1,
            "late_share": 0.5,
        },
        "乙局": {
            "item": "penalty", "records": 1, "incomplete": 0, "missing": "", "late": 0, "late_share": 0.0,
        },
    }  # fmt: skip


def test_absent_records_are_owed_by_the_district(office: Office) -> None:
    seen, unseen, fresh, equipment = office.register(0, 1, 2, 3)
    inspected = {"kind": "routine", "selection": "targeted", "outcome": "no_problem"}
    office.put(
        licence=[
            licence(seen, "a", date(2020, 1, 1), None),
            licence(unseen, "b", date(2023, 9, 1), None),
            licence(fresh, "c", date(2023, 9, 2), None),
            licence(equipment, "d", date(2020, 1, 1), None, kind="equipment_filling"),
        ],
        inspection=[
            {"credit_code": seen, "event_date": date(2023, 9, 2), "domain": "food", **inspected},
            {"credit_code": unseen, "event_date": date(2025, 9, 1), "domain": "general", **inspected},
        ],
        annual_report=[
            {"credit_code": code, "event_date": date(2025, 5, 5), "year": 2024, "record_id": code}
            for code in (seen, unseen, fresh)
        ],
    )
    absent = report(office).absent
    told = {(r["item"], r["credit_code"]): r["what"] for r in absent.to_dict("records")}
    assert told == {("inspection", unseen): "none in 24 months", ("annual_report", equipment): "2024"}
    assert report(office).by_district()["absent"].tolist() == [1, 1]
    # Before 30 June the report of 2024 was not due yet.
    assert ("annual_report", equipment) in {
        (r["item"], r["credit_code"]) for r in report(office, date(2025, 7, 1)).absent.to_dict("records")
    }
    before = report(office, date(2025, 6, 30)).absent
    assert set(before.loc[before["item"] == "annual_report", "what"]) == {"2023"}


def test_the_commands(office: Office, tmp_path: Path) -> None:
    (code,) = office.register(0, name="=1+1公司")
    office.put(licence=[licence(code, "a", date(2020, 1, 1), None)])
    found = office.json("key-areas", "list", "--on", "2025-09-01", "--type", "F1")
    assert found["enterprises"][0]["entered"] == "2020-01-01"
    assert found["enterprises"][0]["ends"] is None
    out = tmp_path / "key.csv"
    assert "食品生产企业" in office.run("key-areas", "list", "--on", "2025-09-01", "--out", str(out)).output
    assert "'=1+1公司" in out.read_text(encoding="utf-8")
    owed = office.json("key-areas", "owed", "--on", "2025-09-01", "--out", str(tmp_path / "owed.csv"))
    assert (owed["enterprises"], owed["absent"]) == (1, 2)
    assert pd.read_csv(tmp_path / "owed.csv")["credit_code"].tolist() == [code, code]
    assert "Absent records" in office.run("key-areas", "owed", "--on", "2025-09-01").output
    assert "document_no" in office.run_anywhere("key-areas", "items", "--on", "2025-09-01").output
    refused = office.run("key-areas", "list", "--type", "Z9", "--on", "2025-09-01")
    assert isinstance(refused.exception, InputError)
