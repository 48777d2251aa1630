"""Records that tests of several rooms share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from features.records import TABLES
from features.records.credit_code import classify
from features.simulation import Parameters, simulate
from features.store import RecordStore

# No test asserts a time: a busy machine must not fail one.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

MakeRows = Callable[[str, Iterable[Mapping[str, Any]]], pa.Table]


def make_rows(table: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return canonical rows with ``source_line``, as a reader hands them to the store.

    Columns that a row does not name are missing; ``provider`` and ``source_line`` are filled in.
    """
    schema = pa.schema([*TABLES[table].arrow_schema, pa.field("source_line", pa.int64())])
    empty = dict.fromkeys(schema.names)
    filled = [
        {**empty, "provider": "甲县市场监督管理局", "source_line": line, **row}
        for line, row in enumerate(rows, start=1)
    ]
    unknown = {name for row in filled for name in row} - set(schema.names)
    assert not unknown, f"table {table!r} has no columns {sorted(unknown)}"
    return pa.Table.from_pylist(filled, schema=schema)


@pytest.fixture(scope="session")
def rows() -> MakeRows:
    return make_rows


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path / "store")


@pytest.fixture(scope="session")
def province(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a simulated province of 8,000 enterprises over ten years.

    There is more dirt than by default, so that every kind occurs in every larger table.
    """
    out = tmp_path_factory.mktemp("province")
    dirt = {
        "dirt_duplicate": 0.004,
        "dirt_wrong_check": 0.003,
        "dirt_impossible_date": 0.003,
        "dirt_unknown_code": 0.003,
        "dirt_missing_required": 0.003,
        "dirt_legacy_code": 0.003,
    }
    simulate(enterprises=8_000, seed=20, out=out, parameters=Parameters(**dirt))
    return out


class Canonical(NamedTuple):
    """What an exported table comes to: the valid rows, and why each of the others is not."""

    rows: pa.Table
    #: By line of the export; empty text where the row is valid.
    reasons: pd.Series


def canonical_rows(table: str, exported: pa.Table) -> Canonical:
    """Read an exported table by the letter of its schema: one check after the other, on whole columns.

    It is no reader of the product, but what the product's readers are compared with.
    """
    frame = exported.to_pandas()
    reasons = pd.Series("", index=range(1, len(frame) + 1))
    values: dict[str, pa.Array] = {}

    def refuse(bad: Any, reason: str) -> None:
        reasons[np.asarray(bad, dtype=bool) & (reasons == "").to_numpy()] = reason

    for column in TABLES[table].all_columns:
        given = frame[column.name]
        missing = given.isna()
        if column.required:
            refuse(missing, "missing")
        if column.type == "date":
            parsed = pd.to_datetime(given, format="%Y-%m-%d", errors="coerce")
            refuse(parsed.isna() & ~missing, "date")
            values[column.name] = pa.array(parsed.dt.date, type=pa.date32(), from_pandas=True)
        else:
            values[column.name] = exported[column.name].combine_chunks()
        if column.codes is not None:
            refuse(~missing & ~given.isin(list(column.codes)), "code")
        if column.low is not None or column.high is not None:
            low, high = column.low or -np.inf, column.high or np.inf
            refuse(~missing & ~given.between(low, high), "bounds")
    refuse(classify(frame["credit_code"]).isin(["wrong_check", "malformed"]), "credit code")
    values["source_line"] = pa.array(reasons.index)
    schema = pa.schema([*TABLES[table].arrow_schema, pa.field("source_line", pa.int64())])
    whole = pa.table(values).select(schema.names).cast(schema)
    return Canonical(whole.filter(pa.array((reasons == "").to_numpy())), reasons)


@pytest.fixture(scope="session")
def exported(province: Path) -> Mapping[str, pa.Table]:
    """Return the tables of the simulated province as they were exported, dirt included."""
    return {name: pq.read_table(province / "records" / f"{name}.parquet") for name in TABLES}


@pytest.fixture(scope="session")
def canonical(exported: Mapping[str, pa.Table]) -> Mapping[str, Canonical]:
    """Return the tables of the simulated province, valid rows apart from the others."""
    return {name: canonical_rows(name, table) for name, table in exported.items()}
