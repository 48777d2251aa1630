"""From when to when a stored row may be seen."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.store import RecordStore

MakeRows = Callable[..., pa.Table]
Row = Mapping[str, Any]

NEVER = date(9999, 12, 31)
JANUARY = date(2020, 1, 1)


def day(number: int) -> date:
    return JANUARY + timedelta(days=number)


def penalty(**values: Any) -> dict[str, Any]:
    return {
        "credit_code": "test:1",
        "event_date": JANUARY,
        "recorded_at": day(10),
        "record_id": "P1",
        "kind": "fine",
        "severity": "general",
        "domain": "food",
        **values,
    }


def decision(**values: Any) -> dict[str, Any]:
    return {
        "credit_code": "test:1",
        "event_date": day(200),
        "recorded_at": day(203),
        "record_id": "R1",
        "target_table": "penalty",
        "target_record_id": "P1",
        "decision": "granted",
        **values,
    }


def interval(store: RecordStore, rows: MakeRows, row: Row, *decisions: Row) -> tuple[date, date]:
    store.load(
        {"penalty": rows("penalty", [row]), "credit_repair": rows("credit_repair", decisions)},
        load_id="one",
        source="province",
    )
    (read,) = store.snapshot().read("penalty", columns=[]).to_pylist()
    return read["visible_from"], read["visible_to"]


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, NEVER),
        ({"withdrawn_at": day(30)}, day(30)),
        ({"repaired_at": day(40)}, day(40)),
        ({"expires_at": day(91)}, day(91)),
        ({"withdrawn_at": day(30), "repaired_at": day(20), "expires_at": day(91)}, day(20)),
    ],
)
def test_the_earliest_end_counts(
    store: RecordStore, rows: MakeRows, changes: Mapping[str, date], end: date
) -> None:
    assert interval(store, rows, penalty(**changes)) == (day(10), end)


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, day(203)),
        ({"recorded_at": day(190)}, day(200)),
        ({"decision": "refused"}, NEVER),
        ({"credit_code": "test:2"}, NEVER),
        ({"target_record_id": "P2"}, NEVER),
        ({"target_table": "serious_violation_list"}, NEVER),
    ],
)
def test_a_granted_repair_ends_it_once_decided_and_known(
    store: RecordStore, rows: MakeRows, changes: Mapping[str, Any], end: date
) -> None:
    assert interval(store, rows, penalty(), decision(**changes)) == (day(10), end)


def test_the_first_of_several_granted_repairs_counts(store: RecordStore, rows: MakeRows) -> None:
    later = decision(record_id="R2", event_date=day(100), recorded_at=day(400))
    assert interval(store, rows, penalty(), later, decision()) == (day(10), day(203))


def test_a_revoked_repair_opens_a_second_interval(store: RecordStore, rows: MakeRows) -> None:
    revoked = decision(record_id="R2", event_date=day(300), recorded_at=day(301), decision="revoked")
    again = decision(record_id="R3", event_date=day(500), recorded_at=day(500))
    store.load(
        {
            "penalty": rows("penalty", [penalty(expires_at=day(900)), penalty(record_id="P0")]),
            "credit_repair": rows("credit_repair", [again, revoked, decision()]),
        },
        load_id="one",
        source="province",
    )
    read = store.snapshot().read("penalty", columns=["record_id"]).to_pylist()
    assert [tuple(row.values()) for row in read] == [
        ("P0", day(10), NEVER),
        ("P1", day(10), day(203)),
        ("P1", day(301), day(500)),
    ]


versions = st.lists(
    st.fixed_dictionaries(
        {
            "record_id": st.sampled_from(["P1", "P2"]),
            "recorded_at": st.integers(0, 60).map(day),
            "amount": st.integers(0, 2),
            "withdrawn_at": st.none() | st.integers(0, 80).map(day),
            "repaired_at": st.none() | st.integers(0, 80).map(day),
            "expires_at": st.none() | st.integers(0, 80).map(day),
        }
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: (row["record_id"], row["recorded_at"]),
)
decisions = st.lists(
    st.fixed_dictionaries(
        {
            "target_record_id": st.sampled_from(["P1", "P2", "P3"]),
            "decision": st.sampled_from(["granted", "refused", "revoked"]),
            "event_date": st.integers(0, 80).map(day),
            "recorded_at": st.integers(0, 80).map(day),
        }
    ),
    max_size=4,
)


def load_all(store: RecordStore, rows: MakeRows, penalties: Sequence[Row], repairs: Sequence[Row]) -> None:
    store.load(
        {
            "penalty": rows("penalty", [penalty(**row) for row in penalties]),
            "credit_repair": rows("credit_repair", [decision(**row) for row in repairs]),
        },
        load_id=f"of {len(penalties)} and {len(repairs)}",
        source="province",
    )


def identified(repairs: Sequence[Row]) -> list[dict[str, Any]]:
    return [{**row, "record_id": f"R{number}"} for number, row in enumerate(repairs)]


def expected(penalties: Sequence[Row], repairs: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Go through versions one by one, as the rule is written."""
    result = []
    for record in ("P1", "P2"):
        chain: list[Row] = []
        mine = sorted((row for row in penalties if row["record_id"] == record), key=_recorded)
        for row in mine:
            content = {name: value for name, value in row.items() if name != "recorded_at"}
            # What the latest version before it says already is a duplicate, even of a duplicate.
            before = [r for r in mine if r["recorded_at"] < row["recorded_at"]]
            known = before and {n: v for n, v in before[-1].items() if n != "recorded_at"} == content
            if not known:
                chain.append(row)
        for place, row in enumerate(chain):
            ends = [NEVER, *(row[n] for n in ("withdrawn_at", "repaired_at", "expires_at") if row[n])]
            if place + 1 < len(chain):
                ends.append(chain[place + 1]["recorded_at"])
            decided = sorted(
                (max(r["event_date"], r["recorded_at"]), r["decision"] == "revoked")
                for r in repairs
                if r["decision"] != "refused" and r["target_record_id"] == record
            )
            result += [
                (record, row["amount"], *stretch)
                for stretch in stretches(row["recorded_at"], min(ends), decided)
            ]
    return sorted(result)


def stretches(begin: date, end: date, decided: list[tuple[date, bool]]) -> list[tuple[date, date]]:
    """Return the days of an interval on which no repair is in force, as intervals."""

    def hidden(when: date) -> bool:
        known = [revoked for day_, revoked in decided if day_ <= when]
        return bool(known) and not known[-1]

    edges = sorted({begin, end, *(day_ for day_, _ in decided if begin < day_ < end)})
    pieces = [(a, b) for a, b in pairwise(edges) if not hidden(a)] if begin < end else []
    joined: list[tuple[date, date]] = []
    for a, b in pieces:
        if joined and joined[-1][1] == a:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return joined


def _recorded(row: Row) -> date:
    recorded: date = row["recorded_at"]
    return recorded


@settings(max_examples=25, deadline=None)
@given(penalties=versions, repairs=decisions.map(identified))
def test_intervals_are_as_the_rule_says(rows: MakeRows, penalties: list[Row], repairs: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = RecordStore(Path(folder))
        load_all(store, rows, penalties, repairs)
        read = store.snapshot().read("penalty", columns=["record_id", "amount"]).to_pylist()
    found = sorted((r["record_id"], r["amount"], r["visible_from"], r["visible_to"]) for r in read)
    # A row that can never be seen may be read all the same.
    assert [row for row in found if row[2] < row[3]] == expected(penalties, repairs)
    assert {row[0] for row in found} == {row["record_id"] for row in penalties}


@settings(max_examples=25, deadline=None)
@given(penalties=versions, repairs=decisions.map(identified), moment=st.integers(0, 80).map(day))
def test_nothing_recorded_later_changes_what_was_seen(
    rows: MakeRows, penalties: list[Row], repairs: list[Row], moment: date
) -> None:
    def seen(store: RecordStore) -> list[Row]:
        read = store.snapshot().read("penalty").drop_columns(["visible_to"]).to_pylist()
        ends = store.snapshot().read("penalty", columns=[])["visible_to"].to_pylist()
        return [row for row, end in zip(read, ends, strict=True) if row["visible_from"] <= moment < end]

    def known(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["recorded_at"] <= moment]

    with tempfile.TemporaryDirectory() as folder:
        store = RecordStore(Path(folder))
        load_all(store, rows, known(penalties), known(repairs))
        then = seen(store)
        load_all(store, rows, penalties, repairs)
        # A content end that was known at once is the only one that may lie before its own recording.
        assert seen(store) == then


@settings(max_examples=15, deadline=None)
@given(
    penalties=versions,
    repairs=decisions.map(identified),
    cuts=st.lists(st.integers(0, 60).map(day), max_size=2),
)
def test_loading_in_pieces_is_loading_at_once(
    rows: MakeRows, penalties: list[Row], repairs: list[Row], cuts: list[date]
) -> None:
    """In the order of recording, and with each delivery repeating all before it, as exports do."""

    def seen(store: RecordStore) -> list[Row]:
        read: list[Row] = store.snapshot().read("penalty").to_pylist()
        return read

    def until(cut: date, what: list[Row]) -> list[Row]:
        return [row for row in what if row["recorded_at"] <= cut]

    with tempfile.TemporaryDirectory() as folder:
        at_once, in_pieces = RecordStore(Path(folder) / "a"), RecordStore(Path(folder) / "b")
        load_all(at_once, rows, penalties, repairs)
        for cut in (*sorted(cuts), day(100)):
            load_all(in_pieces, rows, until(cut, penalties), until(cut, repairs))
        assert seen(in_pieces) == seen(at_once)
