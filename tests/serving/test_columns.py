"""Records in Arrow columns: what is taken as columns is what is taken row by row, and nothing else is."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from features.errors import InputError
from features.home import Home
from features.kernel.few import EPOCH, FewRecords
from features.kernel.many import ManyRecords
from features.records import TABLES
from features.records.schema import ARROW_TYPES
from serving.access.audit import AuditLog
from serving.api import batch
from serving.arrow import ARROW
from serving.schemas.batch import BatchRequest, check_columns, rows_of_arrow
from serving.schemas.columns import columns_of
from serving.schemas.records import to_tables
from tests.serving.conftest import Client
from tests.serving.operating import bearer, guarded_client
from tests.serving.small_home import AS_OF
from tests.serving.test_batch import ADDRESS, arrow_of, enterprises, post, row, stream
from tests.serving.test_classification import assert_problem

__all__ = ["enterprises"]

#: By type of column: values that may be refused somewhere, and some that are not.
VALUES: dict[str, list[Any]] = {
    "string": [None, "", "1", "request", "x" * 2000, "x" * 2001, "\U0001f600" * 1500, "91350100M000100Y43"],
    "date": [None, date.min, date(1989, 12, 31), date(2024, 2, 29), AS_OF, date(2100, 12, 31), date.max],
    "int": [None, -1, 0, 1, 5, 1990, 2**53 + 1, 2**63 - 1, -(2**63)],
    "fen": [None, -1, 0, 2**53 + 1, 2**62],
    "float": [None, -0.0, 0.5, 1.0, 1.0000001, -1e300, float("nan"), float("inf")],
    "bool": [None, True, False],
}
COLUMNS = [(name, column) for name, table in TABLES.items() for column in table.all_columns]


@pytest.fixture(autouse=True)
def _of_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take columns however few enterprises there are."""
    monkeypatch.setattr(batch, "MANY", 1)


def arrow(enterprises: list[dict[str, Any]]) -> pa.Table:
    return pa.ipc.open_stream(arrow_of(enterprises)).read_all()


def by_rows(table: pa.Table) -> ManyRecords | None:
    """Return the records as they are read row by row; None if they are refused."""
    try:
        check_columns(table, 10**6)
        asked = BatchRequest.model_validate({"enterprises": rows_of_arrow(table)})
        return ManyRecords.of(
            [
                (to_tables(one.records, one.credit_code, as_of=one.as_of), one.credit_code, one.as_of)
                for one in asked.enterprises
            ]
        )
    except (InputError, ValidationError):
        return None


def assert_same(found: ManyRecords, expected: ManyRecords) -> None:
    assert found.codes.equals(expected.codes)
    np.testing.assert_array_equal(found.as_of, expected.as_of)
    assert set(found.tables) == set(expected.tables)
    for name, own in expected.tables.items():
        assert isinstance(own, FewRecords)
        np.testing.assert_array_equal(found.whose[name], expected.whose[name])
        assert found.tables[name].equals(own.table()), name


def test_sound_columns_are_taken_as_they_are(enterprises: list[dict[str, Any]]) -> None:
    table = arrow(enterprises)
    found, expected = columns_of(table), by_rows(table)
    assert found is not None
    assert expected is not None
    assert_same(found, expected)
    assert_same(columns_of(table.slice(3, 5)), by_rows(table.slice(3, 5)))  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_is_taken_that_is_refused_row_by_row(
    enterprises: list[dict[str, Any]], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(enterprises) - 2))
    chosen = copy.deepcopy(enterprises[first : first + 2])
    for _ in range(data.draw(st.integers(1, 3))):
        name, column = data.draw(st.sampled_from(COLUMNS))
        rows = next((one["records"][name] for one in chosen if name in one["records"]), None)
        if rows is None:
            continue
        known = list(column.codes.codes) if column.codes is not None else []
        value = data.draw(st.sampled_from([*VALUES[column.type], *known]))
        if value is not None and column.type in ("int", "fen", "float"):
            value = pa.scalar(value, ARROW_TYPES[column.type]).as_py()
        place = data.draw(st.integers(0, len(rows) - 1))
        if data.draw(st.booleans()):
            rows.append(dict(rows[place]))
        rows[place][column.name] = value
    table = arrow(chosen)
    if data.draw(st.booleans()):
        chosen_table = data.draw(st.sampled_from(table.column_names[2:]))
        kind = table.schema.field(chosen_table).type.value_type
        left_out = data.draw(st.integers(0, kind.num_fields - 1))
        table = without(table, chosen_table, left_out)
    found, expected = columns_of(table), by_rows(table)
    if found is not None:
        assert expected is not None
        assert_same(found, expected)


def without(table: pa.Table, name: str, left_out: int) -> pa.Table:
    """Return a table whose records lack a field."""
    lists = table[name].combine_chunks()
    fields = [field for place, field in enumerate(lists.type.value_type) if place != left_out]
    rows = [
        None if one is None else [{f.name: r[f.name] for f in fields} for r in one]
        for one in lists.to_pylist()
    ]
    return table.set_column(table.column_names.index(name), name, pa.array(rows, pa.list_(pa.struct(fields))))


def test_repairs_take_effect(client: Client) -> None:
    # More fen than a float counts one by one.
    penalty = {"event_date": date(2024, 3, 1), "record_id": "P1", "domain": "food", "kind": "fine"}
    penalty |= {"severity": "serious", "amount": 2**60 + 1}
    grant = {"event_date": date(2024, 9, 1), "target_table": "penalty", "target_record_id": "P1"}
    grant |= {"decision": "granted"}
    revoked = {**grant, "event_date": date(2025, 2, 1), "decision": "revoked"}
    later = {**grant, "event_date": date(2025, 7, 1)}
    tables = [
        row(inspection=None, penalty=pa.array([[penalty]]), credit_repair=repairs)
        for repairs in (None, *(pa.array([decided]) for decided in ([grant], [grant, revoked], [later])))
    ]
    for table in tables:
        found, expected = columns_of(table), by_rows(table)
        assert expected is not None, table
        assert found is not None
        assert_same(found, expected)
    days = [columns_of(table).tables["penalty"]["repaired_at"].to_pylist() for table in tables]  # type: ignore[union-attr]
    assert days == [[None], [date(2024, 9, 1)], [None], [None]]
    for table in tables:
        told = pa.ipc.open_stream(post(client, stream(table), "", ARROW).content).read_all()
        results = post(client, stream(table)).json()["results"][0]["results"]
        assert told["margin"].to_pylist() == [one["margin"] for one in results]


@pytest.mark.parametrize("accept", ["application/json", ARROW])
def test_a_field_that_is_there_twice_is_refused(client: Client, accept: str) -> None:
    given = row()["inspection"].combine_chunks().flatten()
    names = [given.type.field(place).name for place in range(given.type.num_fields)]
    twice = pa.StructArray.from_arrays([*given.flatten(), given.flatten()[0]], names=[*names, names[0]])
    table = row(inspection=pa.ListArray.from_arrays([0, 1], twice))
    assert_problem(post(client, stream(table), "", accept), 422, f"inspection.{names[0]}")


@pytest.mark.parametrize("accept", ["application/json", ARROW])
@pytest.mark.parametrize("days", [-(2**31), date.min.toordinal() - EPOCH - 1, 2**31 - 1])
def test_days_that_nobody_can_read_are_refused(client: Client, days: int, accept: str) -> None:
    day = pa.array([days], pa.int32()).cast(pa.date32())
    assert_problem(post(client, stream(row(as_of=day)), "", accept), 422, "as_of")
    given = row()["inspection"].combine_chunks().flatten()
    kind = given.type
    names = [kind.field(place).name for place in range(kind.num_fields)]
    values = [day if name == "event_date" else given.field(name) for name in names]
    records = pa.ListArray.from_arrays([0, 1], pa.StructArray.from_arrays(values, names=names))
    answer = post(client, stream(row(inspection=records)), "", accept)
    assert_problem(answer, 422, "inspection.event_date")


def test_a_key_gets_its_sectors_only_and_all_codes_are_noted(
    own_home: Home, enterprises: list[dict[str, Any]]
) -> None:
    guarded = guarded_client(own_home, f"sqlite:///{own_home.root / 'serving.db'}")
    headers = {"content-type": ARROW, "accept": ARROW}
    told = {}
    for sectors in ([], ["food"]):
        key = bearer(guarded, "supervisor", **({"sectors": sectors} if sectors else {}))
        answer = guarded("POST", ADDRESS, content=arrow_of(enterprises), headers=headers | key)
        assert answer.status_code == 200
        told[len(sectors)] = pa.ipc.open_stream(answer.content).read_all()
    assert set(told[0]["model"].to_pylist()) > {"food"}
    food = told[0].filter(pc.equal(told[0]["model"], "food"))
    own = told[1].drop_columns(["decisive"])
    assert own.equals(food.drop_columns(["decisive"]))
    assert all(told[1]["decisive"].to_pylist())
    noted = AuditLog(guarded.app.state.context.gate.engine).entries(2)
    assert len(noted) == 2
    for entry in noted:
        assert all(one["credit_code"] in entry.subject for one in enterprises)
    guarded.app.state.context.gate.engine.dispose()
