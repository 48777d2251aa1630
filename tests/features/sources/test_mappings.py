"""Mappings that cannot be used: the error names the setting, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import InputError
from features.sources import load_mapping, settings, shipped_mappings
from features.sources.mapping import parse_mapping
from features.sources.needs import needed_columns
from tests.features.sources.conftest import PROVINCE


def _refused(old: str, new: str) -> InputError:
    assert old in PROVINCE
    with pytest.raises(InputError) as caught:
        parse_mapping(PROVINCE.replace(old, new, 1), "jiaxian.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ("blank:", "blanks:", "files.penalties.blanks", "Did you mean 'blank'?"),
        ("match: 处罚*.csv*\n    ", "", "files.penalties.match", "missing"),
        ("table: penalty", "table: penalties", "files.penalties.records.0.table", "Did you mean 'penalty'?"),
        ("amount:", "amounts:", "files.penalties.records.0.columns.amounts", "Did you mean 'amount'?"),
        ("fine,", "fines,", "files.penalties.records.0.columns.kind", "Did you mean 'fine'?"),
        (
            "default: other",
            "default: others",
            "files.penalties.records.0.columns.kind",
            "Did you mean 'other'?",
        ),
        (
            "among: [处罚]",
            "amongst: [处罚]",
            "files.penalties.records.0.when.0.amongst",
            "Did you mean 'among'?",
        ),
        ("among: [处罚]", "among: 处罚", "files.penalties.records.0.when.0.among", "valid list"),
        (", among: [处罚]", "", "files.penalties.records.0.when.0", "at least one test"),
        ("scale: 1000000", "scale: 1e6", "files.penalties.records.0.columns.amount.scale", "is no number"),
        (
            "scale: 1000000",
            "scales: 1",
            "files.penalties.records.0.columns.amount.scales",
            "Did you mean 'scale'?",
        ),
        ("excel]", '"%Y-%q"]', "files.penalties.records.0.columns.event_date.dates", "no date format"),
        (
            "{lag_days: 7}",
            "{lag_days: seven}",
            "files.penalties.records.0.columns.recorded_at.lag_days",
            "integer",
        ),
        (
            "{lag_days: 7}",
            "{lag_days: 7, column: x}",
            "files.penalties.records.0.columns.recorded_at",
            "exactly one",
        ),
        (
            "document_no: 文号",
            "document_no: {lag_days: 1}",
            "files.penalties.records.0.columns.document_no",
            "only for recorded_at",
        ),
        (
            "document_no: 文号",
            "document_no: {column: 文号, name: 名称}",
            "files.penalties.records.0.columns.document_no",
            "only for credit_code",
        ),
        (
            "document_no: 文号",
            "document_no: {parameter: day}",
            "files.penalties.records.0.columns.document_no",
            "no parameter 'day'",
        ),
        (
            "document_no: 文号",
            "document_no: {column: 文号, extract: '('}",
            "files.penalties.records.0.columns.document_no",
            "no regular expression",
        ),
        (
            "document_no: 文号",
            "document_no: {column: 文号, extract: 'a'}",
            "files.penalties.records.0.columns.document_no.extract",
            "exactly one group",
        ),
        ("domain: {constant: general}", "basis: 依据", "files.penalties.records.0.columns", "needs domain"),
        (
            "blank:",
            "omit: [文号]\n    blank:",
            "files.penalties.records.0.columns.record_id",
            "must not be stored",
        ),
        (
            "blank:",
            "conceal: [文号]\n    blank:",
            "files.penalties.records.0.columns.record_id",
            "must not be stored",
        ),
        ("blank:", "omit: [类别]\n    blank:", "files.penalties.records.0", "List it under conceal"),
        (
            "blank:",
            "joins: [{file: cases, keys: {a: b}, columns: {n: {lowest: c}}}]\n    blank:",
            "files.penalties.joins.0.file",
            "no file 'cases'",
        ),
        (
            "blank:",
            "joins: [{keys: {a: b}, columns: {n: {lowest: c, highest: c}}}]\n    blank:",
            "files.penalties.joins.0.columns.n",
            "exactly one",
        ),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, field: str, says: str) -> None:
    error = _refused(old, new)
    assert error.field == field
    assert says in f"{error.message} {error.fix}"
    assert error.message.startswith("jiaxian.yaml")


def test_a_key_given_twice_is_an_error() -> None:
    error = _refused("document_no: 文号", "document_no: 文号\n          amount: 金额")
    assert "'amount' is given twice" in error.message
    assert "in line" in error.message


def test_text_that_is_no_yaml_is_named_with_its_line() -> None:
    error = _refused("title: {zh:", "title: {zh: [")
    assert "jiaxian.yaml is no YAML in line" in error.message


def test_unknown_source_suggests_a_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'chicago'") as caught:
        load_mapping("chicagoo")
    assert caught.value.field == "source"
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("source: 甲".encode("gb18030"))
    with pytest.raises(InputError, match="not UTF-8"):
        load_mapping(latin)
    with pytest.raises(InputError, match="holds no settings"):
        parse_mapping("- 1", "list.yaml")


def test_yaml_words_stay_words() -> None:
    """In YAML 1.1 no is false, on is true and 2021-01-01 a date: in a code list they are texts."""
    mapping = parse_mapping(
        PROVINCE.replace("{罚: fine, 警: warning}", "{no: fine, on: warning, 1: other, 2021-01-01: fine}"),
        "m.yaml",
    )
    codes = mapping.files["penalties"].records[0].columns["kind"].codes
    assert codes == {"no": "fine", "on": "warning", "1": "other", "2021-01-01": "fine"}


def test_needed_columns_are_those_that_the_mapping_looks_at() -> None:
    mapping = load_mapping("san_francisco")
    assert set(needed_columns(mapping, "violations")) == {
        "business_id", "date", "violationtypeid", "risk_category", "description",
    }  # fmt: skip
    assert "high" not in needed_columns(mapping, "inspections")
    assert "#name" not in needed_columns(load_mapping("chicago"), "canvass")


def test_the_example_of_the_guide_is_a_mapping() -> None:
    guide = Path(settings.__file__).parent / "mappings" / "README.md"
    example = guide.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    assert parse_mapping(example, "README.md").source == "jiaxian"


@pytest.mark.parametrize("name", shipped_mappings())
def test_shipped_mappings_say_what_they_leave_out(name: str) -> None:
    path = Path(settings.__file__).parent / "mappings" / f"{name}.yaml"
    head = path.read_text(encoding="utf-8").partition("\nsource:")[0]
    assert load_mapping(name).source == name
    for words in ("# Source:", "Left out"):
        assert words in head
    assert all(line.startswith("#") for line in head.split("\n"))
