"""What happened afterwards: horizons, censoring, first and any, corrections."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.store import RecordStore
from risk_model.labels import LabelledEvents, event_rows, label_pairs, read_events
from risk_model.specification import Target, load_specification

TARGET = load_specification("general").target
CODE = "SIM:1"


def inspection(day: date, outcome: str = "no_problem", **more: Any) -> dict[str, Any]:
    record = {
        "credit_code": CODE,
        "event_date": day,
        "recorded_at": day,
        "record_id": f"i{day}",
        "kind": "routine",
        "domain": "general",
        "selection": "random",
        "outcome": outcome,
    }
    return record | more


def pairs(*days: date, code: str = CODE) -> pa.Table:
    return pa.table({"credit_code": [code] * len(days), "as_of": pa.array(days, pa.date32())})


@pytest.mark.parametrize(
    ("outcome", "label"), [("problem", 1), ("severe", 1), ("no_problem", 0), ("corrected", 0)]
)
def test_outcomes_that_are_labels(store: RecordStore, rows: Any, outcome: str, label: int) -> None:
    store.load(
        {"inspection": rows("inspection", [inspection(date(2024, 5, 1), outcome)])}, load_id="1", source="s"
    )
    found = label_pairs(pairs(date(2024, 4, 1)), read_events(store.snapshot(), TARGET), TARGET)
    assert found["label"].tolist() == [label]


@pytest.mark.parametrize("outcome", ["neutral", "censored"])
def test_closed_or_inactive_is_no_label(store: RecordStore, rows: Any, outcome: str) -> None:
    store.load(
        {"inspection": rows("inspection", [inspection(date(2024, 5, 1), outcome)])}, load_id="1", source="s"
    )
    events = read_events(store.snapshot(), TARGET)
    assert events.frame.empty
    assert label_pairs(pairs(date(2024, 4, 1)), events, TARGET).empty


def test_the_horizon_is_open_at_the_date_and_closed_at_its_end(store: RecordStore, rows: Any) -> None:
    day = date(2024, 7, 1)
    store.load({"inspection": rows("inspection", [inspection(day, "problem")])}, load_id="1", source="s")
    events = read_events(store.snapshot(), TARGET)
    horizon = timedelta(days=TARGET.horizon_days)
    found = label_pairs(
        pairs(day, day - timedelta(days=1), day - horizon, day - horizon - timedelta(days=1)), events, TARGET
    )
    assert found["as_of"].dt.date.tolist() == [day - timedelta(days=1), day - horizon]


def test_the_first_inspection_decides(store: RecordStore, rows: Any) -> None:
    records = [inspection(date(2024, 5, 1)), inspection(date(2024, 6, 1), "severe")]
    store.load({"inspection": rows("inspection", records)}, load_id="1", source="s")
    events = read_events(store.snapshot(), TARGET)
    first = label_pairs(pairs(date(2024, 4, 1)), events, TARGET)
    assert (first["label"].item(), first["label_record"].item()) == (0, "i2024-05-01")
    any_of_them = TARGET.model_copy(update={"take": "any"})
    assert label_pairs(pairs(date(2024, 4, 1)), events, any_of_them)["label"].item() == 1


def test_of_two_on_one_day_the_problem_decides(store: RecordStore, rows: Any) -> None:
    day = date(2024, 5, 1)
    records = [
        inspection(day, record_id="a"),
        inspection(day, "problem", record_id="b"),
        inspection(day, record_id="c"),
    ]
    store.load({"inspection": rows("inspection", records)}, load_id="1", source="s")
    events = read_events(store.snapshot(), TARGET)
    assert label_pairs(pairs(date(2024, 4, 1)), events, TARGET)["label_record"].item() == "b"
    seen = event_rows(events, lead_days=1)
    assert (len(seen), seen["label"].item()) == (1, 1)
    assert seen["as_of"].dt.date.item() == day - timedelta(days=1)


def test_a_correction_replaces_the_label_and_a_withdrawal_removes_it(store: RecordStore, rows: Any) -> None:
    day = date(2024, 5, 1)
    store.load({"inspection": rows("inspection", [inspection(day, "problem")])}, load_id="1", source="s")
    corrected = inspection(day, "no_problem", recorded_at=day + timedelta(days=30))
    store.load({"inspection": rows("inspection", [corrected])}, load_id="2", source="s")
    assert read_events(store.snapshot(), TARGET).frame["label"].tolist() == [0]
    withdrawn = corrected | {
        "recorded_at": day + timedelta(days=60),
        "withdrawn_at": day + timedelta(days=60),
    }
    store.load({"inspection": rows("inspection", [withdrawn])}, load_id="3", source="s")
    assert read_events(store.snapshot(), TARGET).frame.empty


def test_reinspections_and_other_domains_are_no_labels(store: RecordStore, rows: Any) -> None:
    records = [
        inspection(date(2024, 5, 1), "problem", kind="recheck"),
        inspection(date(2024, 6, 1), "problem", domain="food"),
    ]
    store.load({"inspection": rows("inspection", records)}, load_id="1", source="s")
    assert read_events(store.snapshot(), TARGET).frame.empty


def test_absence_is_negative_only_where_the_target_says_so(store: RecordStore, rows: Any) -> None:
    incident = {
        "credit_code": CODE,
        "event_date": date(2015, 5, 1),
        "recorded_at": date(2015, 5, 2),
        "record_id": "x",
        "domain": "special_equipment",
        "grade": "incident",
    }
    store.load({"incident": rows("incident", [incident])}, load_id="1", source="s")
    target = Target.model_validate(
        {
            "label": {"zh": "事故", "en": "an incident"},
            "table": "incident",
            "where": {"domain": ["special_equipment"]},
            "absence": "negative",
            "horizon_days": 365,
            "take": "any",
        }
    )
    asked = pairs(date(2014, 1, 1), date(2015, 1, 1))
    found = label_pairs(asked, read_events(store.snapshot(), target), target)
    assert found["label"].tolist() == [0, 1]
    # Nobody knows that nothing happened before the horizon is over.
    assert found["label_known"].dt.date.iloc[0] == date(2014, 1, 1) + timedelta(days=365)


days = st.integers(0, 60).map(lambda n: date(2024, 1, 1) + timedelta(days=n))
events_strategy = st.lists(
    st.tuples(st.sampled_from(["SIM:1", "SIM:2"]), days, st.integers(0, 1)), max_size=12
)


@settings(max_examples=200, deadline=None)
@given(
    events_strategy,
    st.lists(st.tuples(st.sampled_from(["SIM:1", "SIM:2", "SIM:3"]), days), min_size=1, max_size=8),
    st.sampled_from(["first", "any"]),
    st.integers(1, 40),
)
def test_labels_equal_a_search_by_hand(
    found: list[tuple[str, date, int]], asked: list[tuple[str, date]], take: str, horizon: int
) -> None:
    frame = pd.DataFrame(
        {
            "credit_code": pd.Series([code for code, _, _ in found], dtype=object),
            "event_date": pd.to_datetime(pd.Series([day for _, day, _ in found], dtype="datetime64[s]")),
            "recorded_at": pd.to_datetime(pd.Series([day for _, day, _ in found], dtype="datetime64[s]")),
            "record_id": pd.Series([str(i) for i in range(len(found))], dtype=object),
            "label": np.array([label for _, _, label in found], dtype=np.int8),
        }
    )
    target = TARGET.model_copy(update={"take": take, "horizon_days": horizon})
    table = pa.table(
        {
            "credit_code": pa.array([code for code, _ in asked]),
            "as_of": pa.array([day for _, day in asked], pa.date32()),
        }
    )
    got = label_pairs(table, LabelledEvents(frame), target)
    expected = []
    for code, day in asked:
        inside = [e for e in found if e[0] == code and day < e[1] <= day + timedelta(days=horizon)]
        if not inside:
            continue
        first_day = min(e[1] for e in inside)
        decisive = [e[2] for e in inside if take == "any" or e[1] == first_day]
        expected.append((code, day, max(decisive)))
    assert list(zip(got["credit_code"], got["as_of"].dt.date, got["label"], strict=True)) == expected
