"""Packages by role hold what the role may have, and nothing else."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.errors import InputError
from supervision.repair.check import Shown
from supervision.repair.decide import grant_repair
from supervision.sharing.rules import SHARING, load_sharing
from tests.supervision.office import Office

ON = "2025-09-01"


@pytest.fixture
def filled(office: Office) -> str:
    code, other = office.register(0, 1)
    day = date(2025, 3, 1)
    fine = {"credit_code": code, "kind": "fine", "severity": "general", "domain": "food", "amount": 5_000_000}
    seen = {"credit_code": code, "kind": "random", "domain": "food", "selection": "random", "event_date": day}
    office.put(
        penalty=[
            {**fine, "event_date": day, "record_id": "new"},
            {**fine, "event_date": date(2023, 8, 1), "record_id": "old"},
            {**fine, "event_date": day, "record_id": "warned", "kind": "warning"},
        ],
        inspection=[
            {**seen, "outcome": "problem", "record_id": "i1"},
            {**seen, "outcome": "no_problem", "record_id": "i2"},
        ],
        finding=[
            {
                "credit_code": code,
                "event_date": day,
                "severity": "critical",
                "domain": "food",
                "item": "关键项",
            },
            {
                "credit_code": code,
                "event_date": date(2020, 9, 1),
                "severity": "critical",
                "domain": "food",
                "item": "五年以前",
            },
        ],
        licence=[
            {
                "credit_code": code,
                "event_date": day,
                "kind": "catering",
                "status": "valid",
                "valid_to": date(2030, 1, 1),
            },
            {
                "credit_code": code,
                "event_date": day,
                "kind": "food_trade",
                "status": "valid",
                "valid_to": date(2025, 8, 1),
            },
        ],
        sampling_test=[{"credit_code": other, "event_date": day, "result": "fail"}],
        abnormal_list=[{"credit_code": other, "event_date": day, "reason": "4"}],
        complaint=[{"credit_code": code, "event_date": day, "domain": "food"}],
        relation=[{"credit_code": code, "event_date": day, "kind": "shareholder", "person_key": "P-SECRET"}],
    )
    office.publish(
        date(2025, 8, 31), *({"credit_code": c, "tier": "C", "score": 612.3} for c in (code, other))
    )
    return code


def package(office: Office, role: str, out: Path, on: str = ON) -> dict[str, int]:
    report: dict[str, dict[str, int]] = office.json(
        "share", "package", "--role", role, "--out", str(out), "--on", on
    )
    return report["rows"]


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_roles_get_their_tables(office: Office, filled: str, tmp_path: Path) -> None:
    public = package(office, "public", tmp_path / "public")
    partner = package(office, "partner", tmp_path / "partner")
    department = package(office, "department", tmp_path / "department")
    assert set(partner) == {"partner_risk"}
    assert set(department) - set(public) == {"finding", "incident", "equipment", "credit_repair", "tiers"}
    assert not {"relation", "complaint"} & set(department)
    assert (public["penalty"], department["penalty"], department["finding"], department["tiers"]) == (
        2,
        2,
        1,
        2,
    )
    for role in ("public", "partner", "department"):
        content = everything(tmp_path / role)
        assert b"P-SECRET" not in content
        assert b"612.3" not in content
        assert b"warned" not in content
    assert "关键项".encode() not in everything(tmp_path / "public")
    assert "五年以前".encode() not in everything(tmp_path / "department")
    tiers = pq.read_table(tmp_path / "department" / "tiers.parquet")
    assert tiers.column_names == ["credit_code", "model", "tier", "as_of"]
    descriptor = json.loads((tmp_path / "department" / "datapackage.json").read_text(encoding="utf-8"))
    assert descriptor["role"] == "department"
    assert "第八条" in descriptor["basis"]


def test_the_partner_view_counts_publishable_records(office: Office, filled: str) -> None:
    view = office.json("share", "partner", filled, "--on", ON)
    assert view == {
        "credit_code": filled,
        "name": view["name"],
        "status": "1",
        "licences_valid": 1,
        "licences_expired": 1,
        "penalties": 2,
        "penalties_year": 1,
        "penalty_amount": 10_000_000,
        "problems_found": 1,
        "tests_failed": 0,
        "abnormal_list": False,
        "serious_violation_list": False,
        "commitments_broken": 0,
    }
    other = office.json("share", "partner", office.codes[1], "--on", ON)
    assert (other["abnormal_list"], other["tests_failed"], other["penalties"]) == (True, 1, 0)
    assert "公示中的行政处罚数" in office.run("share", "partner", filled, "--on", ON).output
    assert isinstance(office.run("share", "partner", office.codes[7], "--on", ON).exception, InputError)


def test_the_package_and_the_single_view_agree(office: Office, filled: str, tmp_path: Path) -> None:
    package(office, "partner", tmp_path / "p")
    rows = pq.read_table(tmp_path / "p" / "partner_risk.parquet").to_pylist()
    for row in rows:
        assert row == office.json("share", "partner", row["credit_code"], "--on", ON)
    assert len(rows) == 2


def test_what_is_repaired_or_withheld_is_in_nobodys_package(
    office: Office, filled: str, tmp_path: Path
) -> None:
    shown = Shown(performed=True, harm_removed=True)
    # Two fines in the domain: the newer one waits for a year; the older one was followed by another.
    grant_repair(office.home, filled, "new", on=date(2026, 3, 1), provider="甲局", shown=shown)
    before = package(office, "department", tmp_path / "d", "2026-02-28")
    after = package(office, "department", tmp_path / "d", "2026-03-01")
    assert (before["penalty"], after["penalty"], after["credit_repair"]) == (2, 1, 1)
    assert office.json("share", "partner", filled, "--on", "2026-03-01")["penalties"] == 1
    office.run(
        "publish", "withhold", filled, "--record", "i1", "--ground", "privacy", "--reason", "x",
        "--provider", "甲局", "--on", "2026-03-02",
    )  # fmt: skip
    assert office.json("share", "partner", filled, "--on", "2026-03-02")["problems_found"] == 0


def test_wrong_roles_folders_and_rules_are_named(office: Office, filled: str, tmp_path: Path) -> None:
    done = office.run("share", "package", "--role", "friend", "--out", str(tmp_path / "x"), "--on", ON)
    assert isinstance(done.exception, InputError)
    assert done.exception.field == "role"
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "letter.txt").write_text("keep me")
    done = office.run("share", "package", "--role", "public", "--out", str(tmp_path / "y"), "--on", ON)
    assert isinstance(done.exception, InputError)
    text = SHARING.read_text(encoding="utf-8")
    for old, new in (
        ("finding: [item", "complaint: [item"),
        ("finding: [item", "finding: [inspector"),
        ("finding: [item", "gossip: [item"),
    ):
        wrong = tmp_path / "sharing.yaml"
        wrong.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(InputError, match=r"finding|complaint|gossip"):
            load_sharing(date(2025, 9, 1), wrong)
