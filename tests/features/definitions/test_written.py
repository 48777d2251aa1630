"""Declarations written as YAML are those that Python would make, or are refused with what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.definitions.across import Level
from features.definitions.declaration import Declaration
from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import (
    Count,
    Distinct,
    Frequency,
    InForce,
    LatestCode,
    OfRelated,
    Rate,
    Streak,
)
from features.definitions.written import condition, read_declarations
from features.errors import InputError
from features.records import Label, codes

GOOD = """
  - kind: Count
    name: fines
    table: penalty
    where: {kind: fine}
    label: {zh: 罚款, en: fines}
    indicator: supervision.penalty
    basis: 行政处罚法第九条
"""


def read(tmp_path: Path, text: str, sector: str = "food") -> tuple[Declaration, ...]:
    path = tmp_path / "features.yaml"
    path.write_text(text, encoding="utf-8")
    return read_declarations(path, sector)


def test_every_form_of_setting(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
basis: 产品质量法
features:
  - kind: Count
    name: fines
    table: penalty
    where: {kind: fine, amount: {above: 100000}}
    windows: [1y, 3y]
    label: {zh: 罚款, en: fines}
    indicator: supervision.penalty
    direction: raises
    basis: 行政处罚法第九条
  - kind: InForce
    name: held
    table: licence
    until: valid_to
    label: {zh: 甲, en: a}
    indicator: basic.licence
  - kind: Distinct
    name: domains
    table: penalty
    column: domain
    label: {zh: 乙, en: b}
    indicator: supervision.penalty
  - kind: LatestCode
    name: section
    table: enterprise
    column: industry
    codes: industry_section
    characters: 1
    label: {zh: 丙, en: c}
    indicator: basic.registration
  - kind: Rate
    name: around
    table: inspection
    where: {outcome: [problem, severe]}
    among: {domain: quality}
    within: [{column: industry, characters: 3}, district]
    label: {zh: 丁, en: d}
    indicator: relations.neighbourhood
  - kind: OfRelated
    name: tied
    table: penalty
    tie: person
    measure: share
    label: {zh: 戊, en: e}
    indicator: relations.persons
  - kind: Streak
    name: clean
    table: inspection
    reset: {outcome: problem}
    label: {zh: 己, en: f}
    indicator: supervision.inspection
  - kind: Frequency
    name: complaints_by_size
    table: complaint
    size_table: enterprise
    size_column: employees
    label: {zh: 庚, en: g}
    indicator: social.complaint
""",
    )
    own = {"sector": "food", "basis": "产品质量法"}
    assert found[:5] == (
        Count(
            name="fines", table="penalty", where=(col("kind") == "fine") & (col("amount") > 100_000),
            windows=("1y", "3y"), label=Label("罚款", "fines"), indicator="supervision.penalty",
            direction=Direction.RAISES, sector="food", basis="行政处罚法第九条",
        ),
        InForce(
            name="held", table="licence", until="valid_to", label=Label("甲", "a"), indicator="basic.licence",
            **own,
        ),
        Distinct(
            name="domains", table="penalty", column="domain", codes=codes.DOMAIN, label=Label("乙", "b"),
            indicator="supervision.penalty", **own,
        ),
        LatestCode(
            name="section", table="enterprise", column="industry", codes=codes.INDUSTRY_SECTION, characters=1,
            label=Label("丙", "c"), indicator="basic.registration", **own,
        ),
        Rate(
            name="around", table="inspection", where=col("outcome").isin(["problem", "severe"]),
            among=col("domain") == "quality", within=(Level("industry", 3), Level("district")),
            label=Label("丁", "d"), indicator="relations.neighbourhood", **own,
        ),
    )  # fmt: skip
    assert isinstance(found[5], OfRelated)
    assert isinstance(found[6], Streak)
    assert isinstance(found[7], Frequency)
    assert all(declaration.sector == "food" for declaration in found)


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("kind: Count", "kind: Cuont", r"fines, kind: 'Cuont' is no kind of feature. Did you mean 'Count'\?"),
        ("table: penalty", "table: penalties", r"'penalties' is no record table. Did you mean 'penalty'\?"),
        ("kind: fine}", "kinds: fine}", r"where: 'kinds' is no column of 'penalty'. Did you mean 'kind'\?"),
        ("{kind: fine}", "{kind: fines}", r"where, kind: 'fines' is no code of 'kind'. Did you mean"),
        ("{kind: fine}", "{document_no: 7}", r"got 7, but column 'document_no' is of type string. Write"),
        ("{kind: fine}", "{amount: {over: 7}}", r"where, amount: 'over' is no test"),
        ("{kind: fine}", "{event_date: {above: soon}}", r"expected a date YYYY-MM-DD"),
        ("{kind: fine}", "fine", r"expected columns and their values"),
        ("{kind: fine}", "{any_of: []}", r"any_of: the list is empty"),
        ("label:", "lable:", r"'lable' is no setting of Count. Did you mean"),
        ("    label: {zh: 罚款, en: fines}\n", "", r"fines, label: the setting is missing"),
        ("{zh: 罚款, en: fines}", "fines", r"expected the texts zh and en"),
        ("    basis: 行政处罚法第九条\n", "", r"fines, basis: the setting is missing. Name the article"),
        ("basis: 行政处罚法第九条", "windows: [7w]\n    basis: a", r"window '7w' is none of"),
        ("basis: 行政处罚法第九条", "windows: 1y\n    basis: a", r"got '1y', expected a list"),
        ("basis: 行政处罚法第九条", "direction: up\n    basis: a", r"'up' is no direction"),
        ("basis: 行政处罚法第九条", "sector: general\n    basis: a", r"'sector' is no setting of Count"),
        ("name: fines", "name: Fines", r"must be lower case"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    assert wrong in GOOD
    with pytest.raises(InputError, match=message):
        read(tmp_path, "features:" + GOOD.replace(wrong, right))


def test_the_file_itself(tmp_path: Path) -> None:
    assert read(tmp_path, "features: []") == ()
    for text, message in [
        ("feature: []", "there is no such setting in features.yaml"),
        ("features: {}", "lists no features"),
        ("features: [7]", "expected the settings of a feature"),
    ]:
        with pytest.raises(InputError, match=message):
            read(tmp_path, text)
    with pytest.raises(InputError, match=r"sector 'drugs' is none of"):
        read(tmp_path, "features:" + GOOD, "drugs")


def test_conditions() -> None:
    both = condition(
        {"kind": "fine", "any_of": [{"severity": "serious"}, {"amount": {"at_least": 7}}]}, "penalty"
    )
    assert both == (col("kind") == "fine") & ((col("severity") == "serious") | (col("amount") >= 7))
    none = condition({"none_of": [{"kind": "fine"}]}, "penalty")
    assert none == ~(col("kind") == "fine")
    known = condition({"amount": {"missing": False, "at_most": 9, "below": 8, "is_not": 5}}, "penalty")
    amount = col("amount")
    assert known == amount.is_present() & (amount <= 9) & (amount < 8) & (amount != 5)
    industry = condition({"industry": {"begins_with": ["C13", "C14"]}}, "enterprise")
    assert industry == col("industry").startswith("C13", "C14")
    assert condition({}, "penalty").text == "any content"
