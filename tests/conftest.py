"""Records that tests of several rooms share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.records import TABLES
from features.simulation import Parameters, simulate
from features.store import RecordStore

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
    """Return the folder of a simulated province of 4,000 enterprises over ten years.

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
    simulate(enterprises=4_000, seed=20, out=out, parameters=Parameters(**dirt))
    return out
