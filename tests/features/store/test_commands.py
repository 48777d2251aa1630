"""``risk-model store``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from features.commands.store import register
from features.errors import InputError
from features.store import RecordStore

MakeRows = Callable[..., pa.Table]


@pytest.fixture
def invoke(tmp_path: Path, rows: MakeRows) -> Callable[..., Any]:
    """Return a way to run commands on a home with a store of three loads."""
    store = RecordStore(tmp_path / "store")
    for number in range(3):
        change = {
            "credit_code": "test:1",
            "event_date": date(2020, 1, 1),
            "recorded_at": date(2020, 1, 1),
            "record_id": f"C{number}",
            "item": "name",
        }
        store.load({"change": rows("change", [change])}, load_id=f"load {number}", source="province")
    app = typer.Typer()
    register(app)
    # A home without a store is given by name.
    return lambda *arguments, home=tmp_path: CliRunner().invoke(
        app, ["store", *arguments, "--home", str(home)]
    )


def test_snapshots_compaction_and_retention(invoke: Callable[..., Any]) -> None:
    listed = json.loads(invoke("snapshots", "--json").stdout)["snapshots"]
    assert [(row["id"], row["load"], row["files"]) for row in listed] == [
        (1, "load 0", 1),
        (2, "load 1", 2),
        (3, "load 2", 3),
    ]
    compacted = json.loads(invoke("compact", "--json").stdout)
    assert compacted["snapshot"] == 4
    assert compacted["files"]["change"] == {"before": 3, "after": 1}
    retained = json.loads(invoke("retain", "--last", "1", "--keep", "2", "--json").stdout)
    assert (retained["dropped"], retained["kept"]) == ([1, 3], [2, 4])
    assert retained["files_deleted"] > 0


def test_words_for_people(invoke: Callable[..., Any]) -> None:
    assert "load 2" in invoke("snapshots").stdout
    assert "change: 3 files became 1\n" in invoke("compact").stdout
    assert invoke("compact").stdout == "Nothing to put together.\n"
    assert invoke("retain", "--last", "1").stdout.startswith("3 snapshots dropped, 1 kept.\n")


def test_mistakes(invoke: Callable[..., Any], tmp_path: Path) -> None:
    assert invoke("retain").exit_code == 2
    for done in (invoke("retain", "--last", "0"), invoke("compact", home=tmp_path / "empty")):
        assert isinstance(done.exception, InputError)
