"""Every shipped mapping on its real files: all rows accounted for, known rows by value."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pytest

from features.sources import IngestReport, ingest, load_mapping, shipped_mappings
from features.sources.reading import chunks
from features.store import RecordStore
from tests.features.sources.accounting import assert_accounted, assert_nothing_new, real

FILES = {
    "chicago": ("chicago_food", "canvass_inspections"),
    "ontario": ("ontario_elevators", "fleet_licences", "incidents"),
    "san_francisco": ("sf_food", "businesses", "inspections", "violations"),
    "toronto": ("toronto_dinesafe", "inspections_infractions"),
    "beijing": (
        "beijing_market_supervision",
        "inspections",
        "penalties",
        "abnormal_list",
        "hoisting_machinery",
        "food_sampling",
        "new_enterprises",
    ),
}
Loaded = tuple[RecordStore, IngestReport, list[Path]]
Load = Callable[[str], Loaded]
every_source = pytest.mark.parametrize("source", list(FILES))


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Return a function that loads a source's files once and hands out store, report and files."""

    @cache
    def loaded(source: str) -> Loaded:
        files = real(*FILES[source])
        store = RecordStore(tmp_path_factory.mktemp(source))
        return store, ingest(store, source, files), files

    return loaded


def _one(loaded: Loaded, table: str, **key: Any) -> dict[str, Any]:
    rows = loaded[0].snapshot().read(table)
    for column, value in key.items():
        rows = rows.filter(pc.equal(rows[column], value))
    assert rows.num_rows == 1, f"{rows.num_rows} rows of {table} with {key}"
    return {name: value for name, value in rows.to_pylist()[0].items() if value is not None}


@every_source
def test_all_rows_are_accounted_for(load: Load, source: str) -> None:
    store, report, files = load(source)
    assert_accounted(report)
    for file, path in zip(report.files, files, strict=True):
        assert file.rows == len(pd.read_csv(path, dtype=str))
        for counts in file.tables.values():
            assert counts.rows_in % file.rows == 0
    assert store.quarantine().num_rows == sum(counts.quarantined for counts in report.totals().values())
    assert store.snapshot().counts() == {
        table: counts.accepted for table, counts in report.totals().items() if counts.accepted
    }


@every_source
def test_second_load_changes_nothing(load: Load, source: str) -> None:
    store, report, files = load(source)
    before = store.snapshot().id
    assert_nothing_new(ingest(store, source, files), report)
    assert store.snapshot().id == before


@every_source
def test_lines_are_those_of_the_file(load: Load, source: str) -> None:
    """Values with line breaks inside, as in the Beijing penalties, do not shift the lines behind them."""
    _, _, files = load(source)
    mapping = load_mapping(source)
    for path in files:
        file = next(f for f in mapping.files.values() if path.name.startswith(f.match.rstrip("*")))
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            lines = text.read().split("\n")
        chunk = list(chunks(path, file))[-1]
        assert chunk.lines[-1].as_py() <= len(lines) - 1
        for place in (0, len(chunk) // 2, len(chunk) - 1):
            first = next(value for value in chunk.rows.slice(place, 1).to_pylist()[0].values() if value)
            assert first.split("\n")[0].strip() in lines[chunk.lines[place].as_py() - 1].replace('""', '"')


def test_every_shipped_mapping_is_tested_here() -> None:
    assert set(shipped_mappings()) == {*FILES, "simulated"}


def test_chicago_by_value(load: Load) -> None:
    loaded = load("chicago")
    found = _one(loaded, "inspection", record_id="CHI:inspection:529281")
    assert found["credit_code"] == "CHI:82474"
    assert (found["event_date"], found["recorded_at"]) == (date(2011, 9, 2), date(2011, 9, 3))
    assert (found["outcome"], found["result_codes"]) == ("no_problem", "Pass")
    assert (found["critical_items"], found["serious_items"], found["minor_items"]) == (0, 0, 2)
    assert found["record_id"].rpartition(":")[2] == "529281"
    licence = _one(loaded, "licence", record_id="CHI:licence:82474-20110516")
    assert (licence["valid_from"], licence["valid_to"]) == (date(2011, 5, 16), date(2013, 5, 15))
    first = _one(loaded, "enterprise", credit_code="CHI:82474", event_date=date(2011, 5, 16))
    assert first["name"] == "KEVIN'S HAMBURGER HEAVEN"
    assert (first["static_risk"], first["industry"], first["district"]) == (4, "H62", "CHI-11")
    assert first["established_on"] == date(2002, 2, 16)
    store = loaded[0]
    published = pd.read_csv(loaded[2][0], low_memory=False)
    outcome = store.snapshot().read("inspection", columns=["record_id", "outcome"]).to_pandas()
    positive = set(
        outcome.loc[outcome["outcome"] == "problem", "record_id"].str.rpartition(":")[2].astype(int)
    )
    assert positive == set(published.loc[published["criticalFound"] == 1, "Inspection_ID"])
    finding = store.snapshot().read("finding", columns=["severity"]).to_pandas()["severity"].value_counts()
    violations = published.filter(regex=r"^V\d+$") > 0
    numbers = violations.columns.str[1:].astype(int)
    assert finding["critical"] == violations.loc[:, numbers <= 14].to_numpy().sum()
    assert finding["serious"] == violations.loc[:, (numbers >= 15) & (numbers <= 29)].to_numpy().sum()
    assert finding["minor"] == violations.loc[:, numbers >= 30].to_numpy().sum()


def test_chicago_keeps_no_inspector(load: Load) -> None:
    store, _, files = load("chicago")
    colours = set(pd.read_csv(files[0], usecols=["inspector_colour"])["inspector_colour"])
    for table in store.snapshot().tables:
        for column in store.snapshot().read(table).columns:
            if column.type == "string":
                assert not colours & set(column.unique().to_pylist())
    raw = store.quarantine().column("raw").to_pylist()
    assert raw
    assert not any("inspector" in text for text in raw)


def test_ontario_tells_nothing_of_later(load: Load) -> None:
    loaded = load("ontario")
    device = _one(loaded, "enterprise", credit_code="ONT:10")
    assert device["recorded_at"] == date(2011, 1, 1)
    assert device["address"] == "111 Wellesley St W, Toronto"
    licence = _one(loaded, "licence", credit_code="ONT:10")
    assert licence["licence_no"] == "EDLIC-000010"
    assert licence["valid_to"] == date(2017, 4, 28)
    assert licence["recorded_at"] == date(2016, 11, 29)
    equipment = loaded[0].snapshot().read("equipment").to_pandas()
    assert equipment["next_due"].isna().all()
    incident = _one(loaded, "incident", record_id="ONT:incident:518574")
    assert (incident["event_date"], incident["recorded_at"]) == (date(2011, 1, 6), date(2011, 1, 14))
    assert incident["grade"] == "near_miss"
    assert incident["credit_code"] == "ONT:22202"
    incidents = loaded[0].snapshot().read("incident").to_pandas()
    source = pd.read_csv(loaded[2][1])
    late = source["Creation Date"] < source["Date Of Occurrence"]
    assert len(incidents) == (~late).sum()
    injuries = source.loc[~late, ["permanent (serious) injury", "non-permanent (minor) injury"]].sum().sum()
    assert incidents["injured"].sum() == injuries
    assert incidents["deaths"].sum() == source.loc[~late, "fatal injury"].sum()


def test_san_francisco_counts_violations_of_the_day(load: Load) -> None:
    store, _, files = load("san_francisco")
    inspections = store.snapshot().read("inspection").to_pandas()
    violations = pd.read_csv(files[2], dtype=str)
    counts = pd.crosstab([violations["business_id"], violations["date"]], violations["risk_category"])
    counts.index = [f"{business}:{day}" for business, day in counts.index]
    key = inspections["record_id"].str.extract(r"^SF:inspection:(\d+:[\d-]+):")[0]
    wanted = counts.reindex(key, fill_value=0)
    for column, category in (
        ("critical_items", "High Risk"),
        ("serious_items", "Moderate Risk"),
        ("minor_items", "Low Risk"),
    ):
        assert inspections[column].to_numpy().tolist() == wanted[category].tolist()
    routine = inspections[inspections["result_codes"] == "Routine - Unscheduled"]
    assert round((routine["outcome"] == "problem").mean(), 3) == 0.260
    visit = "SF:inspection:10:2012-11-14:Routine - Unscheduled"
    assert _one(load("san_francisco"), "inspection", record_id=visit)["points"] == 98


def test_toronto_makes_one_inspection_of_its_rows(load: Load) -> None:
    store, report, files = load("toronto")
    source = pd.read_csv(files[0], dtype=str)
    grouped = source.groupby(["establishment_id", "inspection_date"])["status"].agg(set)
    assert report.totals()["inspection"].accepted == len(grouped) == 70_220
    inspections = store.snapshot().read("inspection").to_pandas().set_index("record_id")
    grouped.index = [f"TOR:inspection:{place}:{day}" for place, day in grouped.index]
    outcome = inspections["outcome"].reindex(grouped.index)
    assert (outcome[grouped.map(lambda s: "Closed" in s)] == "severe").all()
    assert (outcome[grouped.map(lambda s: s == {"Pass"})] == "no_problem").all()
    assert (outcome[grouped.map(lambda s: "Conditional Pass" in s and "Closed" not in s)] == "problem").all()
    crucial = source[source["severity"] == "C - Crucial"]
    assert inspections["critical_items"].sum() == len(crucial)
    finding = store.snapshot().read("finding").to_pandas()
    assert finding["fined"].isna().all()


def test_beijing_by_value(load: Load) -> None:
    loaded = load("beijing")
    store, _, files = loaded
    new = _one(loaded, "enterprise", credit_code="91110118MAC7TTNRXU")
    assert (new["name"], new["event_date"]) == ("北京万信源科技发展有限公司", date(2023, 2, 8))
    assert (new["district"], new["enterprise_type"]) == ("110118", "company")
    inspections = store.snapshot().read("inspection").to_pandas()
    assert (inspections["outcome"] == "corrected").sum() > 0
    source = pd.read_csv(files[0], dtype=str)
    culture = source[source["source"].str.contains("文化") & source["uscc"].notna()].drop_duplicates()
    stored = inspections[inspections["domain"] == "culture"]
    assert 0.97 * len(culture) < len(stored) <= source["source"].str.contains("文化").sum()
    one = stored[stored["credit_code"] == "911101056637005262"].iloc[0]
    assert (one["kind"], one["outcome"]) == ("routine", "no_problem")
    penalties = store.snapshot().read("penalty").to_pandas()
    fine = penalties[penalties["document_no"] == "怀水罚字[2020]第38号"].iloc[0]
    assert (fine["kind"], fine["amount"], fine["severity"]) == ("fine", 1_000_000, "general")
    decimal = penalties[penalties["document_no"] == "(京)文执罚 〔2022〕第100087号"].iloc[0]
    assert (decimal["amount"], decimal["kind"], decimal["domain"]) == (34_727_000, "confiscation", "culture")
    tax = penalties[penalties["document_no"] == "京海税罚〔2020〕894 号"].iloc[0]
    assert (tax["amount"], tax["domain"]) == (1_000_000, "tax")
    # The tax list has yuan where the others have 万元: 罚款1219289.55元 is not 12 billion yuan.
    assert penalties.loc[penalties["domain"] == "tax", "amount"].isin([121_928_955, 176_525_390]).sum() == 2
    assert penalties["amount"].max() < 10**10
    assert (penalties["recorded_at"] - penalties["event_date"]).map(lambda gap: gap.days).eq(28).all()
    listed = store.snapshot().read("abnormal_list").to_pandas()
    assert set(listed["recorded_at"]) == set(listed["event_date"]) == {date(2023, 12, 31)}


def test_beijing_links_only_unique_names(load: Load) -> None:
    store, _, files = load("beijing")
    kept = store.quarantine().to_pandas()
    assert {"name_without_code", "name_ambiguous", "code_malformed", "code_wrong_check"} <= set(
        kept["reason"]
    )
    ambiguous = kept[kept["reason"] == "name_ambiguous"]
    pairs = pd.concat(
        [
            pd.read_csv(files[place], dtype=str)[list(columns)].set_axis(["name", "code"], axis=1)
            for place, columns in (
                (0, ("subject", "uscc")),
                (1, ("subject", "uscc")),
                (3, ("产权单位企业名称", "产权单位统一社会信用代码")),
                (5, ("企业名称", "统一社会信用代码")),
            )
        ]
    ).dropna()
    codes = pairs.groupby("name")["code"].nunique()
    names = ambiguous["detail"].str.extract(r"have the name '(.+)'")[0]
    assert len(names)
    assert (codes.reindex(names) > 1).all()


def test_beijing_keeps_no_authority(load: Load) -> None:
    store, _, files = load("beijing")
    authorities = set(pd.read_csv(files[1], dtype=str)["authority"].dropna())
    for table in store.snapshot().tables:
        for name in ("provider", "result_codes", "document_no"):
            rows = store.snapshot().read(table)
            if name in rows.column_names:
                assert not authorities & set(rows[name].to_pylist())
    assert not any('"authority"' in raw for raw in store.quarantine()["raw"].to_pylist())
