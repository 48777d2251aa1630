"""What a simulated province exports: reproducible, valid but for counted dirt, in order of time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.errors import InputError
from features.records import TABLES
from features.records.credit_code import classify
from features.simulation import Parameters, simulate

Canonical = Any

QUICK = {"start": date(2020, 1, 1), "end": date(2021, 12, 31)}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*"))}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate(enterprises=300, seed=seed, out=tmp_path / name, **QUICK)
    first, second, other = (files(tmp_path / name) for name in "abc")
    assert len(first) == len(TABLES) + 2
    assert first == second
    assert first["records/penalty.parquet"] != other["records/penalty.parquet"]


def test_the_report_is_what_the_folder_says(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = simulate(
        enterprises=150, seed=1, out=tmp_path, progress=lambda done, of: seen.append((done, of)), **QUICK
    )
    assert seen == [(month, 24) for month in range(1, 25)]
    assert json.loads((tmp_path / "simulation.json").read_text()) == json.loads(json.dumps(report.as_dict()))
    assert report.as_dict()["parameters"] == Parameters().as_dict()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"enterprises": 99}, "a province has at least 100 enterprises, got 99"),
        ({"start": date(2020, 1, 2)}, "the simulation starts with a month, got 2020-01-02"),
        ({"end": date(2020, 12, 30)}, "the simulation ends with a month after 2020-01-01, got 2020-12-30"),
        ({"end": date(2019, 12, 31)}, "the simulation ends with a month after 2020-01-01, got 2019-12-31"),
    ],
)
def test_what_cannot_be_simulated(tmp_path: Path, arguments: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(**{"enterprises": 200, "seed": 1, "out": tmp_path, **QUICK, **arguments})


@pytest.mark.parametrize("table", list(TABLES))
def test_exactly_the_counted_dirt_is_invalid(
    province: Path, canonical: Mapping[str, Canonical], table: str
) -> None:
    dirt = json.loads((province / "simulation.json").read_text())["dirt"][table]
    found = canonical[table].reasons.value_counts().to_dict()
    found.pop("", None)
    expected = {
        "credit code": dirt["wrong_check"],
        "date": dirt["impossible_date"],
        "code": dirt["unknown_code"],
        "missing": dirt["missing_required"],
    }
    assert found == {reason: count for reason, count in expected.items() if count}


def test_every_kind_of_dirt_occurs(province: Path) -> None:
    dirt = pd.DataFrame(json.loads((province / "simulation.json").read_text())["dirt"])
    assert (dirt.sum(axis=1) > 20).all(), dirt.sum(axis=1)


@pytest.mark.parametrize("table", list(TABLES))
def test_versions_are_distinct_and_only_exact_copies_repeat(
    province: Path, canonical: Mapping[str, Canonical], table: str
) -> None:
    frame = canonical[table].rows.drop_columns(["source_line"]).to_pandas()
    copies = frame.duplicated()
    dirt = json.loads((province / "simulation.json").read_text())["dirt"][table]
    assert int(copies.sum()) == dirt["duplicate"]
    once = frame[~copies]
    assert not once.duplicated(["record_id", "recorded_at"]).any()
    owners = once.drop_duplicates(["record_id", "credit_code"])
    assert owners["record_id"].is_unique


@pytest.mark.parametrize("table", list(TABLES))
def test_nothing_is_known_before_it_happened_or_after_the_end(
    canonical: Mapping[str, Canonical], table: str
) -> None:
    frame = canonical[table].rows.to_pandas()
    assert (frame["recorded_at"] >= frame["event_date"]).all()
    assert (frame["recorded_at"] <= date(2025, 12, 31)).all()
    withdrawn = frame.dropna(subset="withdrawn_at")
    assert (withdrawn["withdrawn_at"] <= withdrawn["recorded_at"]).all()


def test_codes_are_valid_and_of_no_real_division(canonical: Mapping[str, Canonical]) -> None:
    codes = canonical["enterprise"].rows["credit_code"].to_pandas().drop_duplicates()
    assert len(codes) == 8_000
    assert (classify(codes) == "valid").all()
    # No division of GB/T 2260 begins with 99, so no real enterprise is named.
    assert codes.str.slice(2, 4).eq("99").all()
    assert codes.str.slice(0, 2).isin(["91", "92", "93"]).all()


def test_records_are_of_registered_enterprises_or_under_a_legacy_number(
    province: Path, canonical: Mapping[str, Canonical]
) -> None:
    registered = set(canonical["enterprise"].rows["credit_code"].to_pylist())
    dirt = json.loads((province / "simulation.json").read_text())["dirt"]
    for table in set(TABLES) - {"enterprise"}:
        codes = canonical[table].rows["credit_code"].to_pandas()
        strangers = codes[~codes.isin(registered)]
        assert len(strangers) == dirt[table]["legacy_code"], table
        assert (classify(strangers) == "legacy_registration").all(), table


def test_references_lead_somewhere(canonical: Mapping[str, Canonical]) -> None:
    repairs, penalties, relations = (
        canonical[name].rows.to_pandas() for name in ("credit_repair", "penalty", "relation")
    )
    owner = penalties.drop_duplicates("record_id").set_index("record_id")["credit_code"]
    assert repairs["target_table"].eq("penalty").all()
    assert (repairs["target_record_id"].map(owner) == repairs["credit_code"]).all()
    # A repair is decided after the penalty is known and before its publication ends by itself.
    known = penalties.groupby("record_id")["recorded_at"].min()
    assert (repairs["event_date"] > repairs["target_record_id"].map(known)).all()
    registered = set(canonical["enterprise"].rows["credit_code"].to_pylist())
    related = relations["related_code"].dropna()
    assert len(related) > 100
    assert related.isin(registered).all()
    assert relations["person_key"].dropna().str.fullmatch("P[0-9a-f]{16}").all()


@pytest.mark.parametrize(
    ("table", "end"),
    [
        ("relation", "ended_on"),
        ("abnormal_list", "removed_on"),
        ("serious_violation_list", "removed_on"),
        ("commitment", "verified_on"),
        ("complaint", "verified"),
        ("penalty", "withdrawn_at"),
    ],
)
def test_what_ends_or_is_answered_was_on_record_before(
    canonical: Mapping[str, Canonical], table: str, end: str
) -> None:
    frame = canonical[table].rows.to_pandas()
    frame = frame[frame["credit_code"].str.len() == 18]
    first = frame.sort_values("recorded_at").drop_duplicates("record_id").set_index("record_id")
    later = frame.dropna(subset=end)
    assert len(later) > 3
    assert first.loc[later["record_id"], end].isna().all()
    assert (first.loc[later["record_id"], "event_date"].to_numpy() == later["event_date"].to_numpy()).all()


def test_incidents_name_equipment_of_the_enterprise(canonical: Mapping[str, Canonical]) -> None:
    incidents, equipment = (canonical[name].rows.to_pandas() for name in ("incident", "equipment"))
    owner = equipment.drop_duplicates("equipment_id").set_index("equipment_id")["credit_code"]
    named = incidents.dropna(subset="equipment_id")
    assert len(named) > 10
    assert (named["equipment_id"].map(owner) == named["credit_code"]).mean() > 0.95


def test_sector_records_belong_to_the_sector(canonical: Mapping[str, Canonical]) -> None:
    licences = canonical["licence"].rows.to_pandas()
    food = set(licences.loc[licences["kind"].str.contains("food|catering"), "credit_code"])
    equipment = set(licences.loc[licences["kind"].str.startswith("equipment"), "credit_code"])
    assert len(food) > 200
    assert len(equipment) > 150
    tests = canonical["sampling_test"].rows["credit_code"].to_pandas()
    devices = canonical["equipment"].rows["credit_code"].to_pandas()
    assert tests.isin(food).mean() > 0.97
    assert devices.isin(equipment).mean() > 0.97


def test_statutory_dates_of_equipment_follow_its_state(canonical: Mapping[str, Canonical]) -> None:
    equipment = canonical["equipment"].rows.to_pandas()
    due = equipment.dropna(subset="next_due")
    ahead = pd.to_datetime(due["next_due"]) - pd.to_datetime(due["event_date"])
    assert len(due) > 500
    # Cycles of the technical rules are one to six years.
    assert ahead.dt.days.quantile([0.01, 0.99]).between(-400, 6 * 366 + 31).all()
    assert np.isfinite(ahead.dt.days).all()


def test_list_entries_end_after_they_begin(canonical: Mapping[str, Canonical]) -> None:
    for table in ("abnormal_list", "serious_violation_list"):
        ended = canonical[table].rows.to_pandas().dropna(subset="removed_on")
        assert len(ended) > 3
        assert (ended["removed_on"] > ended["event_date"]).all()


def test_money_is_whole_fen(exported: Mapping[str, pa.Table]) -> None:
    for table, column in (("penalty", "amount"), ("enterprise", "registered_capital"), ("finding", "fined")):
        assert exported[table].schema.field(column).type == pa.int64()
