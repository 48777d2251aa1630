"""Scores of records in a request: those of the batch, to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from math import fsum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.home import Home
from features.records import TABLES
from features.store import RecordStore, Snapshot
from risk_model.publication import Publication
from tests.serving.conftest import Client
from tests.serving.test_classification import assert_problem


def visible_records(snapshot: Snapshot, code: str, as_of: date) -> dict[str, list[dict[str, Any]]]:
    """Return the records of an enterprise that are in force at a date, as a caller would send them."""
    found = {}
    for name in snapshot.tables:
        table = snapshot.read(name, codes=(code, code))
        day = pa.scalar(as_of, pa.date32())
        in_force = pc.and_(pc.less_equal(table["visible_from"], day), pc.greater(table["visible_to"], day))
        rows = table.filter(in_force).select(TABLES[name].arrow_schema.names).to_pylist()
        if rows:
            found[name] = json.loads(json.dumps(rows, default=date.isoformat))
    return found


@pytest.fixture(scope="session")
def snapshot(home: Home, publication: Publication) -> Snapshot:
    return RecordStore(home.store).snapshot(publication.document["data_snapshot"])


def test_score_equals_the_batch_bit_for_bit(
    client: Client, snapshot: Snapshot, publication: Publication
) -> None:
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for row in publication.rows().to_pylist():
        rows.setdefault(row["credit_code"], {})[row["model"]] = row
    codes = list(rows)[:: len(rows) // 40] + [code for code, models in rows.items() if len(models) > 1][:20]
    for code in codes:
        records = visible_records(snapshot, code, publication.as_of)
        answer = client.post(
            "/score", {"credit_code": code, "as_of": publication.as_of.isoformat(), "records": records}
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert [result["model"] for result in told["results"]] == list(rows[code])
        for result in told["results"]:
            batch = rows[code][result["model"]]
            for key in ("margin", "score", "probability", "version", "records", "tier_by_score"):
                assert result[key] == batch[key], (code, result["model"], key)
            if batch["decided_by"] != "hysteresis":
                assert result["tier"] == batch["tier"]
            total = fsum([result["base_value"], *(f["contribution"] for f in result["features"])])
            assert abs(total - result["margin"]) <= 1e-6


def test_order_of_records_and_fields_does_not_matter(
    client: Client, snapshot: Snapshot, publication: Publication, code_of: Callable[[str, str], str]
) -> None:
    code = code_of("food", "D")
    records = visible_records(snapshot, code, publication.as_of)
    turned = {
        name: [dict(reversed(row.items())) for row in reversed(rows)]
        for name, rows in reversed(records.items())
    }
    body = {"credit_code": code, "as_of": publication.as_of.isoformat()}
    answers = [client.post("/score", {**body, "records": sent}).json() for sent in (records, turned)]
    assert answers[0] == answers[1]


def test_what_may_be_left_out(client: Client, publication: Publication) -> None:
    body = {
        "credit_code": "91350100M000100Y43",
        "as_of": "2025-06-30",
        "records": {
            "penalty": [
                {"event_date": "2025-01-10", "kind": "fine", "severity": "serious", "domain": "general"},
                {"event_date": "2025-02-10", "kind": "warning", "severity": "minor", "domain": "general"},
            ]
        },
    }
    told = client.post("/score", body).json()
    assert told["snapshot"] == publication.name
    assert told["results"][0]["records"] == 2
    full = json.loads(json.dumps(body))
    for place, row in enumerate(full["records"]["penalty"]):
        row |= {
            "credit_code": body["credit_code"],
            "recorded_at": row["event_date"],
            "provider": "request",
            "record_id": f"request:{place:09d}",
        }
    assert client.post("/score", full).json() == told


def test_records_that_are_not_in_force_do_not_count(client: Client) -> None:
    penalty = {"event_date": "2025-01-10", "kind": "fine", "severity": "serious", "domain": "general"}
    body = {"credit_code": "91350100M000100Y43", "as_of": "2025-06-30"}

    def known(records: dict[str, Any]) -> tuple[int, list[str]]:
        told = client.post("/score", {**body, "records": records}).json()
        return told["results"][0]["records"], told["notes"]

    assert known({"penalty": [penalty]})[0] == 1
    for change in (
        {"recorded_at": "2025-07-01"},
        {"withdrawn_at": "2025-06-30"},
        {"repaired_at": "2025-03-01"},
        {"expires_at": "2025-06-01"},
    ):
        count, notes = known({"penalty": [{**penalty, **change}]})
        assert count == 0, change
        assert any(note.startswith("penalty: 1 of 1") for note in notes), change
    repair = {
        "event_date": "2025-05-01",
        "target_table": "penalty",
        "target_record_id": "p1",
        "decision": "granted",
    }
    assert known({"penalty": [{**penalty, "record_id": "p1"}], "credit_repair": [repair]})[0] == 0
    refused = {**repair, "decision": "refused"}
    assert known({"penalty": [{**penalty, "record_id": "p1"}], "credit_repair": [refused]})[0] == 1
    later = {**repair, "recorded_at": "2025-07-10"}
    assert known({"penalty": [{**penalty, "record_id": "p1"}], "credit_repair": [later]})[0] == 1


def test_records_of_somebody_else_and_double_ones_are_refused(client: Client) -> None:
    penalty = {"event_date": "2025-01-10", "kind": "fine", "severity": "serious", "domain": "general"}
    body = {"credit_code": "91350100M000100Y43", "as_of": "2025-06-30"}
    other = client.post(
        "/score", {**body, "records": {"penalty": [{**penalty, "credit_code": "9144030071526726XG"}]}}
    )
    assert_problem(other, 422, "records.penalty[0].credit_code")
    twice = [{**penalty, "record_id": "a"}, {**penalty, "record_id": "a"}]
    assert_problem(
        client.post("/score", {**body, "records": {"penalty": twice}}), 422, "records.penalty[1].record_id"
    )
