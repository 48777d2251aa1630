"""Many enterprises in one request: as each is scored alone, in JSON and in Arrow; refused with the place."""

from __future__ import annotations

import io
import json
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.home import Home
from features.records import TABLES
from features.store import RecordStore
from risk_model import scoring
from risk_model.publication import Publication
from serving.api import batch
from serving.application import application
from serving.arrow import ARROW
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.small_home import AS_OF
from tests.serving.test_classification import assert_problem
from tests.serving.test_malformed import GOOD

ADDRESS = "/v1/score/batch"
FIELDS = {name: [column.name for column in table.all_columns] for name, table in TABLES.items()}


@pytest.fixture(params=["any number in columns", "few one by one"])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Arrow be read in columns however few enterprises there are, or only if they are many."""
    if request.param == "any number in columns":
        monkeypatch.setattr(batch, "MANY", 1)
        monkeypatch.setattr(scoring, "MANY", 1)


@pytest.fixture(scope="session")
def enterprises(home: Home, publication: Publication) -> list[dict[str, Any]]:
    """Return all records of some enterprises of every model and tier, as the store has them."""
    rows = publication.rows().to_pylist()
    chosen: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        chosen.setdefault((row["model"], row["tier"]), []).append(row["credit_code"])
    codes = sorted({code for found in chosen.values() for code in found[:3]})
    snapshot = RecordStore(home.store).snapshot()
    found = []
    for code in codes:
        records: dict[str, Any] = {}
        for name in snapshot.tables:
            kept = snapshot.read(name, columns=FIELDS[name], codes=(code, code)).to_pylist()
            versions = {
                row["record_id"]: {field: row[field] for field in FIELDS[name]}
                for row in kept
                if row["visible_from"] <= AS_OF < row["visible_to"]
            }
            if versions:
                records[name] = list(versions.values())
        found.append({"credit_code": code, "as_of": AS_OF, "records": records})
    assert len(found) > 10
    return found


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def arrow_of(enterprises: list[dict[str, Any]], **options: Any) -> bytes:
    """Write enterprises as a client would: the schema from the record tables, no compression."""
    names = sorted({name for one in enterprises for name in one["records"]})
    columns: dict[str, pa.Array] = {
        "credit_code": pa.array([one["credit_code"] for one in enterprises], pa.string()),
        "as_of": pa.array([one["as_of"] for one in enterprises], pa.date32()),
    }
    for name in names:
        kind = pa.list_(pa.struct([TABLES[name].arrow_schema.field(field) for field in FIELDS[name]]))
        columns[name] = pa.array([one["records"].get(name) for one in enterprises], kind)
    return stream(pa.table(columns), **options)


def stream(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def post(client: Client, body: bytes, query: str = "", accept: str = "application/json") -> Any:
    headers = {"content-type": ARROW, "accept": accept}
    return client("POST", ADDRESS + query, content=body, headers=headers)


def short(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "snapshot"}


@pytest.mark.usefixtures("columns")
def test_a_batch_is_what_each_is_alone(client: Client, enterprises: list[dict[str, Any]]) -> None:
    told = client.post(ADDRESS, {"enterprises": plain(enterprises), "explain": False}).json()
    assert [one["credit_code"] for one in told["results"]] == [one["credit_code"] for one in enterprises]
    for one, found in zip(enterprises, told["results"], strict=True):
        alone = client.post("/v1/score", {**plain(one), "explain": False}).json()
        # Equal to the last bit: JSON keeps every digit of a float.
        assert short(found) == short(alone)


@pytest.mark.usefixtures("columns")
def test_arrow_is_what_json_is(client: Client, enterprises: list[dict[str, Any]]) -> None:
    expected = client.post(ADDRESS, {"enterprises": plain(enterprises), "explain": True}).json()
    assert post(client, arrow_of(enterprises), "?explain=true").json() == expected
    answer = post(client, arrow_of(enterprises), "?explain=true", ARROW)
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.schema.metadata[b"snapshot"].decode() == expected["snapshot"]
    rows = iter(table.to_pylist())
    for one in expected["results"]:
        for result in one["results"]:
            row = next(rows)
            assert (row["credit_code"], row["as_of"]) == (
                one["credit_code"],
                date.fromisoformat(one["as_of"]),
            )
            assert row["decisive"] == (row["model"] == one["decisive"])
            for name in (
                "model",
                "version",
                "score",
                "probability",
                "margin",
                "tier",
                "decided_by",
                "records",
            ):
                assert row[name] == result[name], name
            assert row["base_value"] == result["base_value"]
            assert dict(row["contributions"]) == {f["feature"]: f["contribution"] for f in result["features"]}
    assert next(rows, None) is None
    bare = pa.ipc.open_stream(post(client, arrow_of(enterprises), "", ARROW).content).read_all()
    assert bare.equals(table.select(bare.column_names))


@pytest.mark.usefixtures("columns")
def test_json_in_and_arrow_out(client: Client, enterprises: list[dict[str, Any]]) -> None:
    body = {"enterprises": plain(enterprises)}
    answer = client("POST", ADDRESS, json=body, headers={"accept": ARROW})
    expected = pa.ipc.open_stream(post(client, arrow_of(enterprises), "", ARROW).content).read_all()
    assert pa.ipc.open_stream(answer.content).read_all().equals(expected)


def row(**changes: Any) -> pa.Table:
    inspection = {
        "event_date": date(2025, 1, 10),
        "kind": "routine",
        "domain": "food",
        "selection": "random",
        "outcome": "problem",
    }
    columns = {
        "credit_code": pa.array([GOOD["credit_code"]]),
        "as_of": pa.array([AS_OF], pa.date32()),
        "inspection": pa.array([[inspection]]),
        **changes,
    }
    return pa.table({name: column for name, column in columns.items() if column is not None})


def inspections(*rows: Any, **types: Any) -> pa.Array:
    return pa.array([list(rows)], pa.list_(pa.struct(list(types.items()))) if types else None)


BASE = {"kind": "routine", "domain": "food", "selection": "random", "outcome": "problem"}
DAY = {"event_date": date(2025, 1, 10)}


@pytest.mark.parametrize(
    ("table", "field"),
    [
        (row(credit_code=None), "credit_code"),
        (row(as_of=None), "as_of"),
        (row(credit_code=pa.array([1])), "credit_code"),
        (row(credit_code=pa.array(["9135"])), "enterprises[0].credit_code"),
        (row(credit_code=pa.array([None], pa.string())), "enterprises[0].credit_code"),
        (row(as_of=pa.array(["2025-06-30"])), "as_of"),
        (row(as_of=pa.array([None], pa.date32())), "enterprises[0].as_of"),
        (row(nothing=pa.array([1])), "nothing"),
        (row(inspection=pa.array([1])), "inspection"),
        (row(inspection=pa.array([[1]])), "inspection"),
        (row(inspection=pa.array([[{}]], pa.list_(pa.struct([])))), "inspection"),
        (row(inspection=inspections({**BASE, **DAY, "grade": "x"})), "inspection.grade"),
        (row(inspection=inspections({**BASE, "event_date": "2025-01-10"})), "inspection.event_date"),
        (row(inspection=inspections({**BASE, **DAY, "points": "80"})), "inspection.points"),
        (row(inspection=inspections({**BASE, **DAY, "critical_items": 1.5})), "inspection.critical_items"),
        (
            row(inspection=inspections({**BASE, **DAY, "points": float("nan")})),
            "enterprises[0].records.inspection[0].points",
        ),
        (
            row(inspection=inspections({**BASE, **DAY, "critical_items": -1})),
            "enterprises[0].records.inspection[0].critical_items",
        ),
        (
            row(inspection=inspections({**BASE, **DAY, "outcome": "bad"})),
            "enterprises[0].records.inspection[0].outcome",
        ),
        (
            row(inspection=inspections({**BASE, **DAY}, None)),
            "enterprises[0].records.inspection[1]",
        ),
    ],
    ids=str,
)
@pytest.mark.usefixtures("columns")
def test_malformed_columns(client: Client, table: pa.Table, field: str) -> None:
    for accept in ("application/json", ARROW):
        assert_problem(post(client, stream(table), accept=accept), 422, field)


@pytest.mark.usefixtures("columns")
def test_malformed_streams(client: Client) -> None:
    sound = stream(row())
    assert post(client, sound).status_code == 200
    for body in (b"", b"ARROW1 no", sound[:-40], sound[40:], sound[:8] + b"\xff" * 64 + sound[72:]):
        assert_problem(post(client, body), 400, "")
    assert_problem(post(client, stream(row().slice(0, 0))), 422, "enterprises")
    assert_problem(post(client, sound, "?explain=perhaps"), 422, "explain")
    headers = {"content-type": "text/csv"}
    assert_problem(client("POST", ADDRESS, content=b"x", headers=headers), 415, "Content-Type")


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_streams_are_refused(client: Client, codec: str) -> None:
    # Two megabytes can unpack to gigabytes.
    big = row(credit_code=pa.array([GOOD["credit_code"]] * 1)).slice(0, 1)
    answer = post(client, stream(pa.concat_tables([big] * 200).combine_chunks(), compression=codec))
    assert_problem(answer, 400, "")
    assert "compressed" in answer.json()["errors"][0]["message"]
    codes = pa.table({"credit_code": [GOOD["credit_code"]] * 1000})
    bulk = client(
        "POST",
        "/v1/enterprises/bulk",
        content=stream(codes, compression=codec),
        headers={"content-type": ARROW},
    )
    assert_problem(bulk, 400, "")


@pytest.mark.usefixtures("columns")
def test_a_dictionary_is_text(client: Client) -> None:
    encoded = row(credit_code=pa.array([GOOD["credit_code"]]).dictionary_encode())
    assert post(client, stream(encoded)).json() == post(client, stream(row())).json()


@pytest.mark.usefixtures("columns")
def test_too_many_and_too_large(home: Home) -> None:
    small = Client(application(home, Settings(largest_batch=2, largest_batch_body=20_000)))
    three = {"enterprises": [GOOD] * 3}
    assert_problem(small.post(ADDRESS, three), 413, "enterprises")
    assert_problem(post(small, stream(pa.concat_tables([row()] * 3))), 413, "enterprises")
    large = {"enterprises": [{**GOOD, "records": {"inspection": GOOD["records"]["inspection"] * 300}}]}
    assert_problem(small.post(ADDRESS, large), 413, "")
    many = inspections(*[{**BASE, **DAY}] * 1001)
    wide = Client(application(home, Settings(largest_batch=2)))
    assert_problem(post(wide, stream(row(inspection=many))), 422, "")


@pytest.mark.parametrize("name", ["inspection", "kind"])
def test_names_that_are_no_text(client: Client, name: str) -> None:
    body = stream(row())
    assert body.count(name.encode()) >= 1
    answer = post(client, body.replace(name.encode(), b"\xfe" + name.encode()[1:]))
    assert_problem(answer, 400, "")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 3000), byte=st.integers(0, 255), cut=st.integers(0, 40))
@pytest.mark.usefixtures("columns")
def test_no_damage_makes_the_service_fail(client: Client, place: int, byte: int, cut: int) -> None:
    body = bytearray(stream(row()))
    body[place % len(body)] = byte
    for accept in ("application/json", ARROW):
        answer = post(client, bytes(body[: len(body) - cut]), accept=accept)
        assert answer.status_code in (200, 400, 422), answer.text
